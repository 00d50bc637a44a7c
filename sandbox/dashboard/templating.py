"""Templates and what they can use; nothing here knows of requests, so that pages can also be made without a server."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup, escape

from sandbox import jsonio
from sandbox.clock import format_instant, parse_instant
from sandbox.dashboard import bars, json_html
from sandbox.dashboard.drawing import can_draw
from sandbox.jsonio import Json
from sandbox.simulators import showing

FOLDER: Final = Path(__file__).parent
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_VALUE_CHARS: Final = 400
_TEXT_CHARS: Final = 20_000
_TREE_CHARS: Final = 16_000
_SIDE_CHARS: Final = 36_000
_DONE: Final = {"pass": "pass", "partial": "partial", "fail": "fail"}


def options() -> dict[str, Any]:
    """Return what an environment of these templates is made with: everything that is put in is escaped."""
    return {
        "loader": jinja2.FileSystemLoader(FOLDER / "templates"),
        "autoescape": True,
        "trim_blocks": True,
        "lstrip_blocks": True,
        "undefined": jinja2.StrictUndefined,
        "auto_reload": False,
    }


def settle(environment: jinja2.Environment) -> jinja2.Environment:
    """Give an environment the filters and functions that the templates use."""
    environment.filters.update(
        ago=format_ago,
        clip=clip,
        at=format_at,
        compact=compact,
        duration=format_duration,
        fit=fit,
        iso=format_instant,
        score=format_score,
        size=format_size,
        tree=json_html.render,
    )
    kinds = (showing.JsonBody, showing.SegmentsBody, showing.FormBody, showing.PageBody, showing.FileBody)
    names = ("json_body", "segments_body", "form_body", "page_body", "file_body")
    for name, kind in zip(names, kinds, strict=True):
        environment.tests[name] = _kind_test(kind)
    environment.globals.update(
        bar=bars.score_bar,
        can_draw=can_draw,
        room=Room,
        side_chars=_SIDE_CHARS,
        strip=bars.strip,
        trend=bars.trend,
        verdict=verdict,
        word=word,
    )
    return environment


class Room:
    """How much more a page may hold: what has no room is left out there, and said.

    >>> room = Room(100)
    >>> len(room.tree("a" * 90)) > 90, room.has, str(room.tree("b"))
    (True, False, '<p class="small dim">not shown here: the page is long enough</p>')
    """

    def __init__(self, chars: int) -> None:
        self._left = chars

    @property
    def has(self) -> bool:
        """Whether there is any."""
        return self._left > 0

    def take(self, chars: int) -> bool:
        """Take so many characters of it; whether there was any."""
        self._left -= chars
        return self._left > -chars

    def tree(self, value: Json, find_href: json_html.FindHref | None = None, most: int = _TREE_CHARS) -> Markup:
        """Return a JSON value as far as there is room."""
        if not self.has:
            return Markup('<p class="small dim">not shown here: the page is long enough</p>')
        shown = json_html.render(value, find_href, min(most, self._left))
        self._left -= len(shown)
        return shown

    def compact(self, value: Json) -> str:
        """Return a value in a line, as the filter does, and take what it takes."""
        text = compact(value)
        self._left -= len(text)
        return text


def create_environment() -> jinja2.Environment:
    """Return an environment to render with where there is no application."""
    return settle(jinja2.Environment(**options()))


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages need; its version is another one when its content is."""

    content: bytes
    media_type: str
    version: str


def assets() -> dict[str, Asset]:
    """Read the stylesheet and the script."""
    found = {}
    for name, media_type in (("dashboard.css", "text/css"), ("dashboard.js", "text/javascript")):
        content = (FOLDER / "static" / name).read_bytes()
        found[name] = Asset(content, media_type, hashlib.sha256(content).hexdigest()[:12])
    return found


def stylesheet() -> str:
    """Return the one stylesheet, for pages that stand alone."""
    return (FOLDER / "static" / "dashboard.css").read_text("utf-8")


def word(status: str, verdict: str | None) -> str:
    """Return the one word for how something stands: its verdict, or what it is instead of having one.

    >>> word("completed", "partial"), word("timed_out", "fail"), word("active", None), word("cancelled", None)
    ('partial', 'timed out', 'active', 'cancelled')
    """
    if status == "completed" and verdict is not None:
        return verdict
    return status.replace("_", " ")


def verdict(status: str, value: str | None) -> Markup:
    """Return the word for how something stands, with a mark beside the colour.

    >>> str(verdict("completed", "fail"))
    '<span class="verdict fail">fail</span>'
    """
    text = word(status, value)
    kind = _DONE.get(text, "active" if text in ("active", "started", "created") else "none")
    return Markup('<span class="verdict {}">{}</span>').format(kind, text)


def format_score(value: float | None) -> str:
    """Write a score with two digits, and never one as 1.00 that is not.

    >>> format_score(0.6666), format_score(0.9999), format_score(1.0), format_score(None)
    ('0.67', '0.99', '1.00', '-')
    """
    if value is None:
        return "-"
    text = f"{value:.2f}"
    return "0.99" if text == "1.00" and value < 1 else text


def format_duration(milliseconds: float | None) -> str:
    """Write how long something took, with about two digits.

    >>> [format_duration(ms) for ms in (0.26, 15.2, 1500, 125_000, 7_500_000, None)]
    ['0.3 ms', '15 ms', '1.5 s', '2 min 5 s', '2 h 5 min', '-']
    """
    if milliseconds is None:
        return "-"
    if milliseconds < 999.5:
        return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    if seconds < _HOUR_S:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // _HOUR_S)} h {int(seconds % _HOUR_S // 60)} min"


def format_ago(moment: datetime | str | None, now: datetime) -> Markup:
    """Write when something was, as seen from now; the exact time stands behind it.

    >>> now = parse_instant("2026-04-23T09:00:00Z")
    >>> [format_ago(f"2026-04-{day}Z", now).striptags() for day in ("23T08:59:58", "23T08:00:00", "20T09:00:00")]
    ['just now', '60 min ago', '3 days ago']
    """
    if moment is None:
        return Markup("-")
    if isinstance(moment, str):
        moment = parse_instant(moment)
    passed = (now - moment).total_seconds()
    if passed < 10:
        text = "just now"
    elif passed < 90:
        text = f"{passed:.0f} s ago"
    elif passed < 90 * _MINUTE_S:
        text = f"{passed / _MINUTE_S:.0f} min ago"
    elif passed < 36 * _HOUR_S:
        text = f"{passed / _HOUR_S:.0f} h ago"
    else:
        text = f"{passed / _DAY_S:.0f} days ago"
    return _time(moment, text)


def format_at(moment: datetime | str | None) -> Markup:
    """Write a moment to the second; the milliseconds stand behind it."""
    if moment is None:
        return Markup("-")
    if isinstance(moment, str):
        moment = parse_instant(moment)
    return _time(moment, format_instant(moment)[:19].replace("T", " "))


def _time(moment: datetime, text: str) -> Markup:
    exact = format_instant(moment)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(exact, exact, text)


def format_size(count: int) -> str:
    """Write a number of bytes.

    >>> format_size(812), format_size(20_480), format_size(3_400_000)
    ('812 bytes', '20 KB', '3.2 MB')
    """
    if count < 1024:
        return f"{count} bytes"
    return f"{count / 1024:.0f} KB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MB"


def compact(value: Json) -> str:
    """Write a value in a line, short: a text as it is, anything else as JSON; nothing found says so.

    >>> compact("booked"), compact({"matches": "^A"}), compact({"one_of": ["a", None]}), compact(None), compact("")
    ('booked', 'matches ^A', 'one of a, null', 'nothing', '""')
    >>> compact({"min": 1, "max": 3}), compact({"min": "2026", "max": "2026"}), compact({"min": 1, "other": 3})
    ('1 to 3', '2026', '{"min":1,"other":3}')
    """
    if value is None:
        return "nothing"
    if isinstance(value, Mapping) and value.keys() == {"min", "max"}:
        least, most = value["min"], value["max"]
        return _cut(_plain(least) if least == most else f"{_plain(least)} to {_plain(most)}")
    if isinstance(value, Mapping) and len(value) == 1:
        [(mode, wanted)] = value.items()
        if mode in ("matches", "one_of", "contains", "not", "min", "max", "starts_with"):
            inner = ", ".join(map(_plain, wanted)) if isinstance(wanted, list) else _plain(wanted)
            return _cut(f"{mode.replace('_', ' ')} {inner}")
    return _cut(_plain(value))


def _plain(value: Json) -> str:
    return value if isinstance(value, str) and value.strip() else jsonio.dump(value).decode()


def clip(text: str, length: int = _TEXT_CHARS) -> str:
    """Return the beginning of a text, and how long it is where that is not all.

    >>> clip("abcdef", 3), clip("abc", 3)
    ('abc… (6 characters)', 'abc')
    """
    return text if len(text) <= length else f"{text[:length]}… ({len(text):,} characters)"


def fit(text: str, chars: int) -> str:
    """Return the beginning of a text that takes so many characters of markup, and how long it is where that is not all.

    >>> fit("<<<<<<", 12), fit("abc", 12)
    ('<<<… (6 characters)', 'abc')
    """
    begun = text[:chars]
    written = len(escape(begun))
    return clip(text, chars if written <= chars else len(begun) * chars // written)


def _kind_test(kind: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, kind)


def _cut(text: str) -> str:
    return text if len(text) <= _VALUE_CHARS else text[: _VALUE_CHARS - 1] + "…"
