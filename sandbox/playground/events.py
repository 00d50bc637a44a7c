"""Events: one request, its response and the changes it made.

The same `Request` and `Response` that a simulator works with are what an event records, less the
headers nobody needs and the secrets. Encoding for SQLite and for the API is the recorder's work.

All three are values: nobody changes one once it is made. They are not `frozen` because one of each is
made for every request, and a frozen one takes three times as long to make.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlencode

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch, Change
from sandbox.wire.forms import FORM, parse_form
from sandbox.wire.media_types import read_media_type

EVENT_TYPES: Final = frozenset(
    "fhir_request hl7_inbox_read hl7_outbound hl7_ack file_list file_read file_write file_move file_delete file_mkdir "
    "file_setstat file_login portal_request portal_fhir_request "
    "portal_page portal_login x12_transaction fax_sent fax_received message_sent message_received cds_invoked "
    "cds_feedback call_started call_turn call_ended scenario_step clock_advanced llm_task_run fault_injected "
    "hl7_delivery subscription_delivery state_restored surface_error".split()
)

Actor: TypeAlias = Literal["agent", "organization", "scenario"]
"""Whose doing an event is: the agent's, that of who holds the organization key, or of the playground itself (its
scenario, its delays, its clock)."""

Via: TypeAlias = Literal["http", "mcp", "mllp", "sftp", "browser"]
"""How a call came in."""

SCENARIO_METHOD: Final = "SCENARIO"

RESTORED: Final = "state_restored"
_TO: Final = "event"

METHODS: Final = frozenset("DELETE GET HEAD OPTIONS PATCH POST PUT".split())
"""What `Request.method` of an agent's call may be."""

KEPT_REQUEST_HEADERS: Final = frozenset(
    "accept content-type if-match if-none-match if-none-exist if-modified-since prefer range traceparent "
    "user-agent".split()
)
KEPT_RESPONSE_HEADERS: Final = frozenset("content-type etag last-modified location content-range".split())
REDACTED: Final = "[redacted]"


def kept_request_headers(headers: Mapping[str, str]) -> str | None:
    """Write the header fields of a request that are recorded, as JSON; None when there are none."""
    kept = {name: value for name, value in headers.items() if name in KEPT_REQUEST_HEADERS}
    return jsonio.dump(kept).decode() if kept else None


class Headers(dict[str, str]):
    """The header fields of a request by lower-case name, a value; `kept` is what is recorded of them.

    A client sends the same ones again and again, so what is made of them is made once.
    """

    __slots__ = ("kept",)

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(fields)
        self.kept = kept_request_headers(self)


@dataclass(slots=True)
class Request:
    """A call as a simulator sees it.

    `path` is relative to the surface root and begins with the surface's name (`fhir/Patient/1`);
    `base_url` is the absolute URL of that root, without a final slash. Header names are lower
    case. `query` keeps order and repetition. `via` is None for what nobody sent. `called_url` is set where the caller
    knows that root under another URL, which opens doors: it may be compared with, and be in nothing that is kept.
    `outbound_hosts` are those besides loopback that an agent may have connections opened to.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    params: Mapping[str, str] = field(default_factory=dict)
    base_url: str = ""
    raw_query: str = ""
    is_strict: bool = False
    outbound_hosts: tuple[str, ...] = ()
    recorded_body: bytes | None = None
    forwarded: Any = None
    via: Via | None = "http"
    called_url: str = field(default="", repr=False)

    @property
    def media_type(self) -> str:
        """The content type without its parameters, lower case; empty when none was sent."""
        return read_media_type(self.headers.get("content-type", "")).name

    def first(self, name: str) -> str | None:
        """Return the first query value of that name, or None."""
        return next((value for key, value in self.query if key == name), None)

    def json(self) -> Json:
        """Parse the body strictly; raises `Malformed` or `TooLarge`."""
        return jsonio.parse(self.body)

    def with_redacted(self, names: Iterable[str]) -> "Request":
        """Return a copy whose recorded body hides these fields: of JSON at any depth, of a form; all of it when it is
        neither."""
        hidden = frozenset(names)
        try:
            if self.media_type == FORM:
                pairs = [(name, REDACTED if name in hidden else value) for name, value in parse_form(self.body)]
                return replace(self, recorded_body=urlencode(pairs).encode())
            value = jsonio.parse(self.body)
        except SandboxError:
            return replace(self, recorded_body=REDACTED.encode())
        return replace(self, recorded_body=jsonio.dump(_redacted(value, hidden)))


def _redacted(value: Json, names: frozenset[str]) -> Json:
    if isinstance(value, dict):
        return {key: REDACTED if key in names else _redacted(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item, names) for item in value]
    return value


@dataclass(slots=True)
class Response:
    """What a simulator answers. `event_type` replaces the route's when it is set.

    `recorded_body` replaces `body` in the event, for answers that hold a secret. `outcome` is JSON that the event
    keeps beside the answer: what there is to say of it that the answer itself does not hold.
    """

    status: int = 200
    body: bytes = b""
    content_type: str | None = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    event_type: str | None = None
    recorded_body: bytes | None = None
    outcome: bytes | None = None

    @classmethod
    def of_json(cls, value: Json, status: int = 200, **headers: str) -> "Response":
        """Answer a JSON value."""
        return cls(
            status, jsonio.dump_long(value), "application/json", {k.replace("_", "-"): v for k, v in headers.items()}
        )


def scenario_request(action: str, body: bytes = b"") -> Request:
    """Return the request that an event of the playground itself is recorded with."""
    return Request(SCENARIO_METHOD, action, body=body, via=None)


def restore_request(seq: int) -> Request:
    """Return the request that a return to the state after event `seq` is recorded with."""
    return Request("POST", "restore", body=jsonio.dump({_TO: seq}), via=None)


@dataclass(slots=True)
class Event:
    """One committed step of a playground. `seq` counts from 1 without gaps; `at` is the
    playground's own time; `duration_ms` is real time. A view is a look of the organization's, which
    changes nothing of the state and which no check sees."""

    id: str
    seq: int
    playground_id: str
    task_run_id: str | None
    sandbox_id: str | None
    type: str
    at: datetime
    duration_ms: float
    request: Request | None
    response: Response | None
    changes: tuple[Change, ...]
    actor: Actor = "agent"
    is_view: bool = False

    @property
    def restored_to(self) -> int | None:
        """The event whose state this one returned to, before its own changes; None for every other event."""
        if self.type != RESTORED or self.request is None:
            return None
        return int(self.request.json()[_TO])


def undone(restores: Mapping[int, int], last: int) -> list[range]:
    """Return the events, up to `last`, that restores took back; `restores` are where each returned to, by number.

    What leads to an event is all that leads to the one before it; to a restore, all that leads to where it returned.

    >>> undone({11: 5}, 12), undone({11: 5, 14: 8}, 14)
    ([range(6, 11)], [range(9, 14)])
    """
    found = []
    end = last
    for seq in sorted(restores, reverse=True):
        if seq <= end:
            found.append(range(restores[seq] + 1, seq))
            end = restores[seq]
    return [taken_back for taken_back in reversed(found) if taken_back]


def fold(branch: Branch, events: Iterable[Event]) -> Branch:
    """Apply the events' changes to the branch, in order, and return it."""
    for event in events:
        for change in event.changes:
            branch.apply(change)
    return branch
