"""How what a simulated system says and holds is shown to people: bodies and documents to view models, no markup.

A simulator's `views.py` gives a `Views`; whoever renders (a page, a file to pass on) knows these models and no
simulator. Everything here is what agents and other parties wrote: it is data, whatever it looks like.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from urllib.parse import parse_qsl

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.wire.media_types import read_media_type

_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_ISA_CHARS: Final = 106
_PDF_PAGE: Final = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_PAGES_COUNTED: Final = 1_000
_ISA_ELEMENTS: Final = 16
_PAGED: Final = {b"%PDF-": "application/pdf", b"II*\x00": "image/tiff", b"MM\x00*": "image/tiff"}


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A JSON value, to be folded."""

    value: Json


@dataclass(frozen=True, slots=True)
class TextBody:
    """Plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of a message: its name and its fields with their numbers, empty ones left out."""

    name: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SegmentsBody:
    """A message by segment, and what it is (`ADT^A01`)."""

    kind: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class FormBody:
    """The fields of a form, in their order."""

    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PageBody:
    """A page as it was answered: its source; it may be drawn only where nothing of it runs."""

    html: str


@dataclass(frozen=True, slots=True)
class FileBody:
    """What is no text: a picture, a document with pages, or bytes. `is_picture`: a browser draws it as it is;
    `is_paged`: it has pages that can be drawn one by one; `pages` how many, None where that is not easily seen."""

    media_type: str
    size: int
    is_picture: bool = False
    is_paged: bool = False
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class Gist:
    """What a call was about, for a row of the timeline. `is_refused`: its answer says no, whatever its status."""

    text: str
    is_refused: bool = False


Body: TypeAlias = JsonBody | TextBody | SegmentsBody | FormBody | PageBody | FileBody


@dataclass(frozen=True, slots=True)
class Link:
    """Where a value leads: to the document `(collection, key)` of the same playground."""

    collection: str
    key: str


def show_plain(media_type: str, body: bytes) -> tuple[Body, ...]:
    """Return a body by its media type and, where that says nothing, by what it is; nothing for an empty one.

    >>> show_plain("application/json", b'{"a": 1}'), show_plain("text/plain; charset=utf-8", b"hello")
    ((JsonBody(value={'a': 1}),), (TextBody(text='hello'),))
    >>> show_plain("application/octet-stream", bytes([137, 80])), show_plain("", b"")
    ((FileBody(media_type='application/octet-stream', size=2, is_picture=False, is_paged=False, pages=None),), ())
    """
    if not body:
        return ()
    name = read_media_type(media_type).name
    paged = next((kind for start, kind in _PAGED.items() if body.startswith(start)), None)
    if paged is not None:
        return (FileBody(paged, len(body), is_paged=True, pages=count_pages(body)),)
    if name in _PICTURES:
        return (FileBody(name, len(body), is_picture=True),)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return (FileBody(name or "application/octet-stream", len(body)),)
    if "\x00" in text:
        return (FileBody(name or "application/octet-stream", len(body)),)
    if name == "application/x-www-form-urlencoded":
        return (FormBody(tuple(parse_qsl(text, keep_blank_values=True))),)
    if name in ("text/html", "application/xhtml+xml"):
        return (PageBody(text),)
    if "json" in name or text.lstrip()[:1] in ("{", "["):
        try:
            return (JsonBody(jsonio.parse(body)),)
        except SandboxError:
            pass
    return (read_x12(text) or TextBody(text.replace("\r\n", "\n").replace("\r", "\n")),)


def count_pages(body: bytes) -> int | None:
    """Return how many pages a PDF or a TIFF has; None where that takes more than a look.

    >>> count_pages(b"%PDF-1.4 << /Type /Pages /Count 2 >> << /Type /Page >> << /Type/Page >>")
    2
    """
    if body.startswith(b"%PDF-"):
        return len(_PDF_PAGE.findall(body)) or None
    order: Literal["little", "big"] = "little" if body.startswith(b"II") else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(body[at : at + size], order)

    count, at = 0, number(4, 4)
    while at and at + 2 <= len(body) and count < _PAGES_COUNTED:
        count += 1
        at = number(at + 2 + 12 * number(at, 2), 4)
    return count or None


def read_x12(text: str) -> SegmentsBody | None:
    """Take an X12 interchange apart by segment and element; None for a text that is none.

    Its header has a fixed length, and says by its places which characters separate (X12.5, ISA).

    >>> isa = "ISA*00*" + " " * 10 + "*00*" + " " * 10 + "*ZZ*A" + " " * 14 + "*ZZ*B" + " " * 14
    >>> found = read_x12(isa + "*260423*0900*^*00501*000000001*0*T*:~GS*HS*A*B~ST*270*0001~")
    >>> found.kind, found.segments[1], found.segments[0].fields[-1]
    ('270', Segment(name='GS', fields=(('01', 'HS'), ('02', 'A'), ('03', 'B'))), ('16', ':'))
    """
    text = text.lstrip("\ufeff\r\n ")
    if not text.startswith("ISA") or len(text) < _ISA_CHARS:
        return None
    element, ends = text[3], text[_ISA_CHARS - 1]
    header = text[: _ISA_CHARS - 1].split(element)
    if element.isalnum() or len(header) != _ISA_ELEMENTS + 1:
        return None
    parts = [part.strip("\r\n") for part in text.split(ends)]
    segments = tuple(_x12_segment(part, element) for part in parts if part.strip())
    kinds = dict.fromkeys(segment.fields[0][1] for segment in segments if segment.name == "ST" and segment.fields)
    return SegmentsBody(", ".join(kinds) or "ISA", segments)


def _x12_segment(text: str, element: str) -> Segment:
    name, *elements = text.split(element)
    return Segment(name, tuple((f"{place:02d}", found) for place, found in enumerate(elements, 1) if found.strip()))


def no_title(collection: str, value: Json) -> str:
    """Say nothing of a document beside its key."""
    return ""


def no_link(name: str, text: str) -> Link | None:
    """Lead nowhere."""
    return None


def no_content(collection: str, key: str, value: Json) -> tuple[Link, str] | None:
    """Have no bytes beside the document."""
    return None


@dataclass(frozen=True, slots=True)
class Views:
    """What one simulator says about showing it.

    `show_body(media_type, body)` takes a request's or a response's body apart, several parts where there are several.
    `title(collection, value)` names a document for people beside its key. `find_link(name, text)` says which document
    a text leads to that is the value of a key called `name`. `find_content(collection, key, value)` says where the
    bytes are that a document is about, and of which media type they are. `lists` names the collections that are
    browsed, in their order, for people; where it is empty all are, by their own names. `gists` say what a call of an
    event type was about, from the bodies of its request and its answer.
    """

    show_body: Callable[[str, bytes], tuple[Body, ...]] = show_plain
    title: Callable[[str, Json], str] = no_title
    find_link: Callable[[str, str], Link | None] = no_link
    find_content: Callable[[str, str, Json], tuple[Link, str] | None] = no_content
    lists: Mapping[str, str] | None = None
    gists: Mapping[str, Callable[[bytes, bytes], Gist | None]] = field(default_factory=dict)


PLAIN: Final = Views()
