"""A timeline by pages: the recorded events of a playground, oldest first, filtered and searched."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote_plus

from sandbox.api.queries import flag
from sandbox.clock import parse_instant
from sandbox.dashboard.calls import BESIDE, READ_BYTES, Call, ViewsOf, call_of, call_of_row
from sandbox.errors import Malformed
from sandbox.limits import MIB
from sandbox.playground.events import Event
from sandbox.record.reader import Reader
from sandbox.wire.whole_numbers import HUGE, read_whole_number

PAGE_CALLS: Final = 100
QUERY_CHARS: Final = 200
# How many events one page looks through; where more are to be looked through it says so, with a link that goes on.
SEARCHED: Final = 2_000
FILTERED: Final = 20_000
_SEARCHED_BYTES: Final = 32 * MIB
_BODY_BYTES: Final = MIB  # of each body
_BATCH: Final = 500
_BODIES: Final = ("seq", "request_body", "request_sha", "response_body", "response_sha")
_ROW: Final = (
    "seq",
    "type",
    "at",
    "path",
    "method",
    "query",
    "status",
    "duration_ms",
    "changes",
    "actor",
    "view",
    "via",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a timeline is asked for. `after` is the number of the event before the first."""

    text: str = ""
    surface: str = ""
    is_changing: bool = False
    after: int = 0

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Wanted":
        """Read `q`, `surface`, `changed` and `after`. Raises `Invalid`, `Malformed`."""
        text = query.get("q", "").strip()
        if len(text) > QUERY_CHARS:
            raise Malformed(f"A search may have {QUERY_CHARS} characters.")
        return cls(text, query.get("surface", "").strip(), flag(query, "changed"), read_seq(query, "after", 0))

    @property
    def is_all(self) -> bool:
        """Whether nothing is filtered out."""
        return not (self.text or self.surface or self.is_changing)

    @property
    def query(self) -> dict[str, str]:
        """The filters as they stand in a URL."""
        changed = "true" if self.is_changing else ""
        return {n: v for n, v in (("q", self.text), ("surface", self.surface), ("changed", changed)) if v}

    def takes(self, call: Call) -> bool:
        """Whether a call passes the filters; its text is not looked at."""
        return (not self.surface or call.surface == self.surface) and (not self.is_changing or call.changed > 0)


def read_seq(query: Mapping[str, str], name: str, default: int) -> int:
    """Read the number of an event. Raises `Malformed`.

    >>> read_seq({"at": "12"}, "at", 0), read_seq({}, "at", 0)
    (12, 0)
    """
    text = query.get(name, "").strip()
    if not text:
        return default
    number = read_whole_number(text)
    if number is None or number >= HUGE:
        raise Malformed(f"{name} must be the number of an event.")
    return number


@dataclass(frozen=True, slots=True)
class CallPage:
    """A page of a timeline. `total` is the number of the last event there is; `looked_to` that of the last that was
    looked at, and `is_end` that it is the same one."""

    calls: tuple[Call, ...]
    begin: datetime | None
    total: int
    looked_to: int
    surfaces: tuple[str, ...]

    @property
    def is_end(self) -> bool:
        """Whether nothing comes after this page."""
        return self.looked_to >= self.total


async def read_page(
    reader: Reader, playground_id: str, wanted: Wanted, surfaces: tuple[str, ...], views_of: ViewsOf
) -> CallPage:
    """Read a page. Raises `Gone` for a playground whose events were pruned."""
    await reader.check_kept(playground_id)
    begin = await begin_of(reader, playground_id)
    total = await last_seq(reader, playground_id)
    if begin is None:
        return CallPage((), None, 0, 0, surfaces)
    if wanted.text:
        calls, looked_to = await _search(reader, playground_id, wanted, begin)
    else:
        calls, looked_to = await _filter(reader, playground_id, wanted, begin)
    calls = await with_gists(reader, playground_id, calls, views_of)
    return CallPage(tuple(calls), begin, total, max(min(looked_to, total), wanted.after), surfaces)


async def with_gists(reader: Reader, playground_id: str, calls: list[Call], views_of: ViewsOf) -> list[Call]:
    """Return calls with what they were about, as far as their surfaces say; only the bodies of such calls are read."""
    says = {c.seq: say for c in calls if (say := views_of(c.surface).gists.get(c.type)) is not None}
    if not says:
        return calls
    rows = await reader.rows_numbered(playground_id, list(says), _BODIES)
    blobs = await reader.blobs(row[name] for row in rows for name in ("request_sha", "response_sha") if row[name])
    found = {}
    for row in rows:
        bodies = [row[f"{n}_body"] or blobs.get(row[f"{n}_sha"] or "", b"") for n in ("request", "response")]
        request, answer = (body.encode() if isinstance(body, str) else body for body in bodies)
        if len(request) <= READ_BYTES:
            found[row["seq"]] = says[row["seq"]](request, answer[:READ_BYTES])
    return [replace(call, gist=found.get(call.seq)) for call in calls]


async def begin_of(reader: Reader, playground_id: str) -> datetime | None:
    """Return when a playground's first event was, by its own clock; None without one."""
    rows = await reader.event_rows(playground_id, names=("at",), limit=1)
    return parse_instant(rows[0]["at"]) if rows else None


async def last_seq(reader: Reader, playground_id: str) -> int:
    """Return the number of the last event that is stored; 0 without one."""
    rows = await reader.event_rows(playground_id, names=("seq",), is_newest_first=True, limit=1)
    return rows[0]["seq"] if rows else 0


async def rows_after(reader: Reader, playground_id: str, after: int, limit: int) -> list[Any]:
    """Return the rows of the timeline after an event, without their bodies."""
    return await reader.event_rows(playground_id, names=_ROW, after=after, limit=limit)


async def _filter(reader: Reader, playground_id: str, wanted: Wanted, begin: datetime) -> tuple[list[Call], int]:
    found: list[Call] = []
    clause, values = _narrowed(wanted)
    position, most = wanted.after, wanted.after + (PAGE_CALLS if wanted.is_all else FILTERED)
    while True:
        rows = await reader.event_rows(
            playground_id, after=position, before=most + 1, names=_ROW, where=clause, values=values, limit=_BATCH
        )
        for row in rows:
            position = row["seq"]
            call = call_of_row(row, begin)
            if wanted.takes(call):
                found.append(call)
                if len(found) == PAGE_CALLS:
                    return found, position
        if len(rows) < _BATCH:
            return found, most


def _narrowed(wanted: Wanted) -> tuple[str, list[str]]:
    """Return a condition that leaves out most of what the filters do, for the database to apply; `takes` decides."""
    parts, values = ["changes IS NOT NULL"] if wanted.is_changing else [], []
    if wanted.surface and wanted.surface not in BESIDE:
        parts.append("substr(path, 1, CAST(? AS INTEGER)) = ?")
        values = [str(len(wanted.surface)), wanted.surface]
    return " AND ".join(parts), values


async def _search(reader: Reader, playground_id: str, wanted: Wanted, begin: datetime) -> tuple[list[Call], int]:
    found: list[Call] = []
    position, needle, left = wanted.after, wanted.text.casefold(), _SEARCHED_BYTES
    async for event in reader.events(playground_id, after_seq=wanted.after, until_seq=wanted.after + SEARCHED):
        position = event.seq
        call = call_of(event, begin)
        if wanted.takes(call) and holds(event, needle):
            found.append(call)
        left -= sum(len(message.body) for message in (event.request, event.response) if message is not None)
        if len(found) == PAGE_CALLS or left <= 0:
            break
    return found, position


def holds(event: Event, needle: str) -> bool:
    """Whether a text, case-folded, stands in an event's type, call or bodies, or names what it changed."""
    if needle in event.type:
        return True
    request, response = event.request, event.response
    if request is not None:
        call = f"{request.method} {request.path}?{request.raw_query}".casefold()
        if needle in call or needle in unquote_plus(call) or _is_in(request.body, needle):
            return True
    if response is not None and (needle == str(response.status) or _is_in(response.body, needle)):
        return True
    return any(needle in f"{c.collection}/{c.key}".casefold() for c in event.changes)


def _is_in(body: bytes, needle: str) -> bool:
    return needle in body[:_BODY_BYTES].decode("utf-8", "replace").casefold()


async def read_event(reader: Reader, playground_id: str, seq: int) -> Event | None:
    """Return one event, None where there is none of that number."""
    async for event in reader.events(playground_id, after_seq=seq - 1, until_seq=seq):
        return event
    return None
