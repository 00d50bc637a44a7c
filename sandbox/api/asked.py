"""A request to a simulated system as its edge sees it, whichever way it came in.

The head is made once for all requests that a client sends alike, as most of its requests are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs
from multidict import CIMultiDictProxy
from yarl import URL

from sandbox.playground.events import Headers, Via

RawHeaders = tuple[tuple[bytes, bytes], ...]

_KEPT: Final = 1024
_KEPT_BYTES: Final = 2048
_LONG_WAY: Final = (hdrs.EXPECT, hdrs.CONTENT_ENCODING, hdrs.TRANSFER_ENCODING, hdrs.UPGRADE, hdrs.ORIGIN)


@dataclass(frozen=True, slots=True)
class Head:
    """Header fields by lower-case name, what stands in some of them, and whether nothing there needs aiohttp's care."""

    headers: Headers
    host: str | None
    content_length: int
    is_plain: bool


@dataclass(slots=True)
class Asked:
    """A request, a value: `path` is decoded, `headers` are found whatever their case."""

    method: str
    path: str
    url: URL
    headers: Mapping[str, str]
    match_info: Mapping[str, str]
    head: Head
    host: str
    via: Via = "http"


class Heads:
    """Heads by the bytes they came as; the latest are kept."""

    def __init__(self) -> None:
        self._known: dict[RawHeaders, Head] = {}

    def of(self, raw: RawHeaders, fields: CIMultiDictProxy[str]) -> Head:
        """Return the head of a request, given as the client wrote it and as aiohttp read it."""
        head = self._known.get(raw)
        if head is None:
            head = _read(fields)
            if sum(len(name) + len(value) for name, value in raw) <= _KEPT_BYTES:
                if len(self._known) >= _KEPT:
                    self._known.clear()
                self._known[raw] = head
        return head


def _read(fields: CIMultiDictProxy[str]) -> Head:
    length = fields.get(hdrs.CONTENT_LENGTH, "0")
    is_plain = not any(name in fields for name in _LONG_WAY) and length.isascii() and length.isdigit()
    return Head(
        Headers(_headers(fields)),
        fields.get(hdrs.HOST),
        int(length) if is_plain else 0,
        is_plain,
    )


def _headers(sent: CIMultiDictProxy[str]) -> dict[str, str]:
    """Return the headers by lower-case name; lines of one name are one list (RFC 9110, 5.3)."""
    found = {name.lower(): value if value.isascii() else _readable(value) for name, value in sent.items()}
    if len(found) < len(sent):
        for name in found:
            mark = "; " if name == "cookie" else ", "
            found[name] = mark.join(map(_readable, sent.getall(name)))
    return found


def _readable(value: str) -> str:
    """Return a header's value as text that can be stored; what is not UTF-8 is read as ISO 8859-1 (RFC 9110, 5.5)."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("iso8859-1")
