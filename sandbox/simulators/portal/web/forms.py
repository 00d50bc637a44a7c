"""Forms as browsers send them: their fields and files, and what is wrong with them.

Reads `application/x-www-form-urlencoded` and `multipart/form-data` (HTML Standard, "Form submission"); whether a value
is right is the payer's to say.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from sandbox.errors import Malformed, UnsupportedMedia
from sandbox.payer.attachments import Upload, upload
from sandbox.payer.refusals import invalid
from sandbox.playground.events import Request
from sandbox.wire.field_errors import unknown_field
from sandbox.wire.forms import FORM, parse_form
from sandbox.wire.multipart import Part, parse_multipart

Problems: TypeAlias = dict[str, list[str]]
MULTIPART: Final = "multipart/form-data"
# Where the payer's words say which call of the REST helps.
_CALL_HINT: Final = re.compile(r"; search with GET portal/\S+?\.?$")
_LINE_ENDS: Final = re.compile(r"\r\n?")


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was sent: the values of each field, and the files, in the order of the form."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    parts: Sequence[Part] = ()
    is_sent: bool = False

    def text(self, name: str) -> str:
        """Return a field's value without white space around it, empty where there is none."""
        return (self.values.get(name) or ("",))[0].strip()

    def all(self, name: str) -> list[str]:
        """Return the values of a field that may be given more than once."""
        return [value for value in self.values.get(name, ()) if value]

    def uploads(self, name: str) -> list[Upload]:
        """Return the files of a field; raises `Invalid`, `TooLarge`."""
        parts = [part for part in self.parts if part.name == name]
        return [upload(part.filename or "", part.content_type, part.content, name, f"{name}.") for part in parts]

    def check(self, names: Iterable[str]) -> None:
        """Raise `Invalid` for a field that the page has not, or one that is given twice and is no list."""
        known = frozenset(names)
        problems: Problems = {}
        for name in (*self.values, *(part.name for part in self.parts)):
            if name not in known:
                problems[name[:100]] = [unknown_field(name[:100], known)]
        for name, values in self.values.items():
            if len(values) > 1 and name in known:
                problems[name] = ["Given more than once."]
        if problems:
            raise invalid(problems)


def read_form(request: Request) -> Form:
    """Return the form of a request. Raises `UnsupportedMedia`, `Malformed`, `TooLarge`."""
    values: dict[str, list[str]] = {}
    if request.media_type == FORM:
        for name, value in parse_form(request.body):
            values.setdefault(name, []).append(_LINE_ENDS.sub("\n", value))
        return Form(values, (), is_sent=True)
    if request.media_type != MULTIPART:
        raise UnsupportedMedia(f"A form is sent as {FORM} or {MULTIPART}.")
    files = []
    for part in parse_multipart(request.headers.get("content-type", ""), request.body):
        if part.filename is None:
            values.setdefault(part.name, []).append(_LINE_ENDS.sub("\n", _text(part)))
        elif part.filename or part.content:  # a file field that nothing was chosen in sends neither
            files.append(part)
    return Form(values, files, is_sent=True)


def _text(part: Part) -> str:
    try:
        return part.content.decode()
    except UnicodeDecodeError:
        raise Malformed("The form is not UTF-8.") from None


def said(problems: Mapping[str, Sequence[str]]) -> Problems:
    """Return problems as a page says them: without the calls of the REST.

    >>> said({"provider_npi": ['There is no provider "1"; search with GET portal/providers?name=.']})
    {'provider_npi': ['There is no provider "1".']}
    """
    return {name: [_CALL_HINT.sub(".", message) for message in messages] for name, messages in problems.items()}


def split_codes(text: str) -> list[str]:
    """Return the codes of a field that takes several.

    >>> split_codes("M54.16, M51.26;g89.4 "), split_codes(" ")
    (['M54.16', 'M51.26', 'g89.4'], [])
    """
    return [code for code in re.split(r"[\s,;]+", text) if code]


def whole_number(text: str, name: str) -> int | None:
    """Return a whole number, None for an empty field; raises `Invalid`.

    >>> whole_number("6", "units"), whole_number("", "units")
    (6, None)
    """
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise invalid({name: ["Must be a whole number, such as 6."]})
    return int(text)
