"""How what a simulated system says and holds is shown to people: bodies and documents to view models, no markup.

A simulator's `views.py` gives a `Views`; whoever renders (a page, a file to pass on) knows these models and no
simulator. Everything here is what agents and other parties wrote: it is data, whatever it looks like.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.wire.media_types import read_media_type

_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
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
    `is_paged`: it has pages that can be drawn one by one."""

    media_type: str
    size: int
    is_picture: bool = False
    is_paged: bool = False


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
    ((FileBody(media_type='application/octet-stream', size=2, is_picture=False, is_paged=False),), ())
    """
    if not body:
        return ()
    name = read_media_type(media_type).name
    paged = next((kind for start, kind in _PAGED.items() if body.startswith(start)), None)
    if paged is not None:
        return (FileBody(paged, len(body), is_paged=True),)
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
    return (TextBody(text.replace("\r\n", "\n").replace("\r", "\n")),)


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
    browsed, in their order, for people; where it is empty all are, by their own names.
    """

    show_body: Callable[[str, bytes], tuple[Body, ...]] = show_plain
    title: Callable[[str, Json], str] = no_title
    find_link: Callable[[str, str], Link | None] = no_link
    find_content: Callable[[str, str, Json], tuple[Link, str] | None] = no_content
    lists: Mapping[str, str] | None = None


PLAIN: Final = Views()
