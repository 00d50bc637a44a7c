"""What the timeline shows: a call in a row, and opened, its request and its answer. From events, without a server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

from sandbox import jsonio
from sandbox.clock import parse_instant
from sandbox.errors import SandboxError
from sandbox.limits import KIB
from sandbox.playground.branch import Document, is_of_views
from sandbox.playground.events import SCENARIO_METHOD, Event, Request, Response
from sandbox.scoring.states.changes import is_bookkeeping
from sandbox.scoring.states.differences import Changed
from sandbox.simulators.showing import PLAIN, Body, FileBody, Gist, Link, PageBody, TextBody, Views

ViewsOf: TypeAlias = Callable[[str], Views]
"""Gives the views of the simulator on a surface."""

SCENARIO: Final = "scenario"
CLOCK: Final = "clock"
BESIDE: Final = (SCENARIO, CLOCK)
"""What stands in a timeline beside the surfaces of its playground."""

_CHANGES_SHOWN: Final = 50
READ_BYTES: Final = 256 * KIB
_BEGINNING: Final = 16 * KIB
_BESIDE_TYPES: Final = {"scenario_step": SCENARIO, "clock_advanced": CLOCK}
_PLAIN_WAYS: Final = (None, "", "http", "browser")


@dataclass(frozen=True, slots=True)
class Call:
    """A row of the timeline. `offset_ms` counts from the first event of the timeline on the playground's own clock."""

    seq: int
    type: str
    at: datetime
    offset_ms: float
    surface: str
    method: str
    target: str
    status: int | None
    duration_ms: float
    changed: int
    actor: str
    is_view: bool
    via: str | None = None
    gist: Gist | None = None

    @property
    def way(self) -> str:
        """How it came in, where that was not HTTP: `mcp`, `mllp`, `sftp`."""
        return "" if self.via in _PLAIN_WAYS else str(self.via)

    @property
    def is_failed(self) -> bool:
        """Whether it was answered with an error."""
        return self.status is not None and self.status >= 400

    @property
    def name(self) -> str:
        """The call in a line: method and path; its type where it has none, and before the path where nobody called."""
        if not self.target:
            return self.type
        if self.method != SCENARIO_METHOD:
            return f"{self.method} {self.target}"
        return self.target if self.type == "scenario_step" else f"{self.type} {self.target}"

    @property
    def whose(self) -> str:
        """Whose doing it was, where it was not the agent's."""
        return {"organization": "looked at" if self.is_view else "by hand", "scenario": "scenario"}.get(self.actor, "")

    @property
    def offset(self) -> str:
        """The offset as minutes, seconds and milliseconds."""
        total = max(0, round(self.offset_ms))
        minutes, rest = divmod(total, 60_000)
        hours, minutes = divmod(minutes, 60)
        clock = f"{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
        return f"{hours}:{clock}" if hours else clock


@dataclass(frozen=True, slots=True)
class Side:
    """A request or an answer: what was kept of its headers, its body in parts, its size in bytes.

    `href` is where the body itself can be had, where there is a server; `pages` is what stands before and after the
    number of a page's address, where that is not below it.
    """

    headers: Mapping[str, str]
    parts: tuple[Body, ...]
    size: int
    media_type: str
    href: str | None = None
    is_request: bool = False
    pages: tuple[str, str] | None = None

    def page_href(self, number: int) -> str | None:
        """Return where a page of a document can be had as a picture; None where there is no server."""
        if self.href is None:
            return None
        before, after = self.pages or (self.href, "")
        return f"{before}/pages/{number}{after}"


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A document that an event changed, and where it is shown."""

    op: str
    collection: str
    key: str
    title: str
    version: int


@dataclass(frozen=True, slots=True)
class EventView:
    """An opened call."""

    call: Call
    query: tuple[tuple[str, str], ...]
    request: Side | None
    response: Side | None
    changes: tuple[ChangeView, ...]
    changes_left_out: int
    views: Views = field(default=PLAIN)


def surface_of(event_type: str, path: str | None) -> str:
    """Return the surface an event happened on; `scenario` for its steps, `clock` for what moved the clock.

    >>> surface_of("fhir_request", "fhir/Patient/1"), surface_of("scenario_step", "put_fhir")
    ('fhir', 'scenario')
    """
    if event_type in _BESIDE_TYPES:
        return _BESIDE_TYPES[event_type]
    return (path or "").lstrip("/").partition("/")[0] or event_type


def count_changes(text: str | None) -> int:
    """Return how many documents an event's stored changes are about, bookkeeping left out."""
    if not text:
        return 0
    return sum(is_shown(change[0]) for change in jsonio.skim(text))


def is_shown(collection: str) -> bool:
    """Whether a collection holds state that people ask for."""
    return not is_bookkeeping(collection, frozenset()) and not is_of_views(collection)


def call_of_row(row: Any, begin: datetime) -> Call:
    """Read a row of the timeline from a stored event; `begin` is when the timeline begins."""
    at = parse_instant(row["at"])
    query = f"?{row['query']}" if row["query"] else ""
    return Call(
        row["seq"],
        row["type"],
        at,
        (at - begin).total_seconds() * 1000,
        surface_of(row["type"], row["path"]),
        row["method"] or "",
        f"{row['path'] or ''}{query}",
        row["status"],
        row["duration_ms"],
        count_changes(row["changes"]),
        row["actor"],
        bool(row["view"]),
        row["via"],
    )


def call_of(event: Event, begin: datetime) -> Call:
    """Return the row of an event."""
    request = event.request
    query = f"?{request.raw_query}" if request is not None and request.raw_query else ""
    path = request.path if request is not None else ""
    return Call(
        event.seq,
        event.type,
        event.at,
        (event.at - begin).total_seconds() * 1000,
        surface_of(event.type, path),
        request.method if request is not None else "",
        f"{path}{query}",
        event.response.status if event.response is not None else None,
        event.duration_ms,
        sum(is_shown(change.collection) for change in event.changes),
        event.actor,
        event.is_view,
        request.via if request is not None else None,
    )


def event_view(event: Event, begin: datetime, views_of: ViewsOf, root: str | None = None) -> EventView:
    """Return an event as it is shown opened; bodies are to be had below `root`, where there is one."""
    call = call_of(event, begin)
    views = views_of(call.surface)
    call = replace(call, gist=gist_of(views, event))
    changes = [change for change in event.changes if is_shown(change.collection)]
    shown = [
        ChangeView(
            change.op,
            change.collection,
            change.key,
            "" if change.document is None else title_of(views, change.collection, change.document),
            change.version,
        )
        for change in changes[:_CHANGES_SHOWN]
    ]
    return EventView(
        call,
        event.request.query if event.request is not None else (),
        _side(event.request, views, root and f"{root}/request"),
        _side(event.response, views, root and f"{root}/response"),
        tuple(shown),
        len(changes) - len(shown),
        views,
    )


def gist_of(views: Views, event: Event) -> Gist | None:
    """Return what a call was about, None where its surface says nothing of such calls."""
    say = views.gists.get(event.type)
    if say is None or event.request is None or len(event.request.body) > READ_BYTES:
        return None
    answer = b"" if event.response is None else event.response.body[:READ_BYTES]
    return say(event.request.body, answer)


def media_type_of(message: Request | Response) -> str:
    """Return the media type that a message says it has; empty where it says none."""
    return message.headers.get("content-type", "") if isinstance(message, Request) else message.content_type or ""


def shown_parts(views: Views, media_type: str, body: bytes) -> tuple[Body, ...]:
    r"""Return a body in parts, as its surface shows it; a very long one by its beginning, as reading it takes long.

    >>> [part] = shown_parts(PLAIN, "application/json", b"[" + b"1," * 200_000 + b"1]")
    >>> part.text[:5], part.text[-40:]
    ('[1,1,', '1,1,1,1,1… (cut here, of 400,003 bytes)\n')
    """
    if len(body) <= READ_BYTES:
        try:
            return views.show_body(media_type, body)
        except SandboxError:  # whatever an agent sent can be shown
            return PLAIN.show_body("application/octet-stream", body)
    [part] = PLAIN.show_body(media_type, _beginning(body))
    if isinstance(part, FileBody):
        return (replace(part, size=len(body)),)
    if isinstance(part, PageBody):
        return (part,)
    text = _beginning(body).decode("utf-8", "replace")
    return (TextBody(f"{text}… (cut here, of {len(body):,} bytes)\n"),)


def _beginning(body: bytes) -> bytes:
    """Return the beginning of a body, no character of a text cut in two."""
    for end in range(_BEGINNING, _BEGINNING - 4, -1):
        if body[end] & 0xC0 != 0x80:
            return body[:end]
    return body[:_BEGINNING]


def title_of(views: Views, collection: str, document: Document) -> str:
    """Return what a document is called; nothing for bytes, and for what it would take long to read."""
    if document.is_binary or document.known_size > READ_BYTES:
        return ""
    return views.title(collection, document.value)


def title_finder(views_of: ViewsOf) -> Callable[[Changed], str]:
    """Return what says what people call a document that differs, as far as the difference holds the whole of it."""

    def find(changed: Changed) -> str:
        value = changed.before if changed.after is None else changed.after
        views = views_of(changed.collection.partition("/")[0])
        return "" if value is None or changed.is_binary else views.title(changed.collection, value)

    return find


def _side(message: Request | Response | None, views: Views, href: str | None) -> Side | None:
    if message is None:
        return None
    media_type = media_type_of(message)
    parts = shown_parts(views, media_type, message.body)
    return Side(
        message.headers,
        parts,
        len(message.body),
        media_type,
        href if message.body else None,
        isinstance(message, Request),
    )


def href_finder(views: Views, href_of: Callable[[Link], str] | None) -> Callable[[str, str], str | None] | None:
    """Return what says where the texts of a body lead; None where nothing can be opened."""
    if href_of is None:
        return None

    def find(name: str, text: str) -> str | None:
        link = views.find_link(name, text)
        return None if link is None else href_of(link)

    return find
