"""The timeline of a task run: every event with its number, its time to the millisecond, and how long it took."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from sandbox import jsonio
from sandbox.client.models import Event
from sandbox.clock import format_instant

_CHANGES_SHOWN: Final = 3
_SECOND_MS: Final = 1000


def print_timeline(console: Console, events: Sequence[Event], *, has_bodies: bool = False) -> None:
    """Print a line for each event; with bodies what was sent stands under it, whole."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("time", no_wrap=True)
    table.add_column("surface", overflow="fold")
    table.add_column("call", overflow="fold")
    table.add_column("status", justify="right", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("changes", overflow="fold")
    for event in events:
        request, response = event.request or {}, event.response or {}
        status = response.get("status")
        shown = "-" if status is None else f"[red]{status}[/red]" if status >= 400 else str(status)
        table.add_row(
            str(event.seq),
            format_instant(event.at)[11:23],
            escape(surface_of(event)),
            escape(call_of(request) or event.type) + _note_of(event),
            shown,
            "-" if event.duration_ms is None else format_duration(event.duration_ms),
            escape(changes_of(event.changes)),
        )
        if has_bodies and (body := body_of(request)):
            table.add_row("", "", "", f"[dim]{escape(body)}[/dim]", "", "", "")
    console.print(Padding(table, (0, 0, 0, 2), expand=False))


def format_duration(duration_ms: float) -> str:
    """Write a duration in milliseconds, from a second on in seconds.

    >>> format_duration(0.26), format_duration(15.2), format_duration(999.6), format_duration(9000)
    ('0.3 ms', '15 ms', '1.0 s', '9.0 s')
    """
    if round(duration_ms) >= _SECOND_MS:
        return f"{duration_ms / _SECOND_MS:.1f} s"
    return f"{duration_ms:.1f} ms" if duration_ms < 10 else f"{duration_ms:.0f} ms"


def _note_of(event: Event) -> str:
    """Say of a call that was not the agent's whose it was."""
    if event.actor != "organization":
        return ""
    return " [dim](looked at)[/dim]" if event.is_view else " [dim](by the organization)[/dim]"


def surface_of(event: Event) -> str:
    """Return the surface an event happened on: the first part of its path, or the scenario."""
    if event.type in ("scenario_step", "clock_advanced"):
        return "scenario"
    path = str((event.request or {}).get("path") or "").lstrip("/")
    return _printable(path.partition("/")[0]) or event.type


def call_of(request: Mapping[str, Any]) -> str:
    """Write a request in one line.

    >>> call_of({"method": "GET", "path": "fhir/Patient", "query": [["name", "chen"], ["_count", "5"]]})
    'GET fhir/Patient?name=chen&_count=5'
    """
    query = request.get("query")
    if isinstance(query, Mapping):
        pairs: Iterable[Any] = [
            (name, one) for name, value in query.items() for one in (value if isinstance(value, list) else [value])
        ]
        query = "&".join(f"{name}={value}" for name, value in pairs)
    elif isinstance(query, list):
        query = "&".join(f"{name}={value}" for name, value in query)
    text = _printable(f"{request.get('method') or ''} {request.get('path') or ''}".strip())
    return f"{text}?{_printable(str(query))}" if query else text


def body_of(request: Mapping[str, Any]) -> str:
    r"""Write what was sent for people: JSON over several lines, HL7 a segment a line; nothing for an empty body.

    >>> print(body_of({"body": {"a": [1]}}))
    {
      "a": [
        1
      ]
    }
    >>> body_of({"body": "MSH|A\rPID|1\r"}), body_of({"body": {"base64": "AAAA", "size": 3}})
    ('MSH|A\nPID|1', '3 bytes that are no text')
    """
    body = request.get("body")
    if body in (None, ""):
        return ""
    if isinstance(body, Mapping) and "size" in body and body.keys() <= {"base64", "sha256", "size"}:
        kept = f", SHA-256 {body['sha256']}" if "sha256" in body else " that are no text"
        return f"{body['size']} bytes{kept}"
    if isinstance(body, Mapping) and isinstance(body.get("payload"), str) and len(body) == 1:
        body = body["payload"]
    text = body if isinstance(body, str) else jsonio.dump_pretty(body).decode()
    return "\n".join(map(_printable, text.strip("\r\n").replace("\r\n", "\n").replace("\r", "\n").split("\n")))


def _printable(text: str) -> str:
    """Return one line of text as a terminal may be given it: what would move its cursor is written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text)


def changes_of(changes: Sequence[Mapping[str, Any]]) -> str:
    """Write changes in one line, bookkeeping left out; a deletion says so.

    >>> changes_of([{"collection": "fhir/Patient", "key": "1", "op": "put"}, {"collection": "_due", "key": "x"}])
    'fhir/Patient/1'
    """
    visible = [change for change in changes if not _is_bookkeeping(str(change.get("collection")))]
    names = [
        ("deleted " if change.get("op") == "delete" else "") + f"{change.get('collection')}/{change.get('key')}"
        for change in visible
    ]
    more = f" and {len(names) - _CHANGES_SHOWN} more" if len(names) > _CHANGES_SHOWN else ""
    return _printable(", ".join(names[:_CHANGES_SHOWN]) + more)


def _is_bookkeeping(collection: str) -> bool:
    return any(part.startswith("_") for part in collection.split("/"))
