"""Media types, `Accept`, `Prefer` and whatever else is made of members with parameters (RFC 9110, 5.6 and 8.3.1).

The one reader of these headers. A comma or semicolon in a quoted string separates nothing; names are lower case, values
as they were written, without their quotes. What is malformed is read as far as it goes: a caller who needs it right
looks at what was read, or takes `normal_media_type`.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_QUOTED: Final = r'"(?:\\.|[^"\\])*"?'
_PIECES: Final = {mark: re.compile(rf'(?:{_QUOTED}|[^{mark}"])+', re.DOTALL).findall for mark in ",;"}
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_STRICTLY_QUOTED: Final = r'"(?:[\t !#-\[\]-~]|\\[\t -~])*"'
_TYPE: Final = re.compile(rf"{_TOKEN}/{_TOKEN}")
_PARAMETER: Final = re.compile(rf"[ \t]*;[ \t]*(?:({_TOKEN})=({_TOKEN}|{_STRICTLY_QUOTED}))?")
_QUALITY: Final = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII).fullmatch


CHARS_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type or range: `name` is lower case, `parameters` are by lower-case name."""

    name: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Accepted:
    """One member of `Accept` with its quality, 0 to 1."""

    media_type: MediaType
    quality: float


def _split(text: str, mark: str) -> list[str]:
    pieces = text.split(mark) if '"' not in text else _PIECES[mark](text)
    return [piece for part in pieces if (piece := part.strip())]


def split_list(header: str) -> list[str]:
    """Return the members of a list; empty ones are none.

    >>> split_list('a/b; x="1,2", , c/d')
    ['a/b; x="1,2"', 'c/d']
    """
    return _split(header, ",")


def pairs_of(member: str) -> list[tuple[str, str]]:
    """Return a member's parts as names and values; a part without `=` has an empty value.

    >>> pairs_of('Text/Plain; Charset="utf-8"; format = flowed')
    [('text/plain', ''), ('charset', 'utf-8'), ('format', 'flowed')]
    """
    found = []
    for part in _split(member, ";"):
        name, _, value = part.partition("=")
        found.append((name.strip().lower(), _unquoted(value.strip())))
    return found


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    inner = value[1:-1] if value.endswith('"') and len(value) > 1 else value[1:]
    return _ESCAPED.sub(r"\1", inner)


@lru_cache(maxsize=1024)
def read_media_type(header: str) -> MediaType:
    """Read a `Content-Type`; the name is empty when there is none. Of two parameters of one name the first counts.

    >>> read_media_type('application/fhir+json; fhirVersion="4.0"')
    MediaType(name='application/fhir+json', parameters={'fhirversion': '4.0'})
    """
    pairs = pairs_of(header)
    if not pairs:
        return MediaType("", {})
    parameters: dict[str, str] = {}
    for name, value in pairs[1:]:
        parameters.setdefault(name, value)
    return MediaType(pairs[0][0], parameters)


def is_json(name: str) -> bool:
    """Whether a body of this type is taken as JSON: of a JSON type, or of the one that clients send unasked, or none.

    >>> [is_json(name) for name in ("application/problem+json", "application/octet-stream", "", "text/csv")]
    [True, True, True, False]
    """
    return name in ("", "application/json", "application/octet-stream") or name.endswith("+json")


def normal_media_type(header: str) -> str | None:
    """Return a `Content-Type` in the form that is kept with what came with it, None when it is malformed.

    Type and names of parameters are in lower case, the parameters' values as they came. A parameter given twice
    means nothing, nor does more than `CHARS_MAX` characters.

    >>> normal_media_type("Text/Plain;Charset=windows-1252"), normal_media_type("text"), normal_media_type("a/b; c")
    ('text/plain; charset=windows-1252', None, None)
    """
    text = header.strip(" \t")
    found = _TYPE.match(text)
    if found is None or len(text) > CHARS_MAX:
        return None
    parameters: dict[str, str] = {}
    at = found.end()
    while at < len(text):
        parameter = _PARAMETER.match(text, at)
        if parameter is None or (parameter[1] or "").lower() in parameters:
            return None
        if parameter[1] is not None:
            parameters[parameter[1].lower()] = parameter[2]
        at = parameter.end()
    return "; ".join([found[0].lower(), *(f"{name}={value}" for name, value in parameters.items())])


def charset_of(header: str) -> str | None:
    """Return the charset that a `Content-Type` names, None when it names none.

    >>> charset_of('text/plain; charset="ISO-8859-1"'), charset_of("text/plain")
    ('ISO-8859-1', None)
    """
    return read_media_type(header).parameters.get("charset")


@lru_cache(maxsize=256)
def read_accept(header: str) -> tuple[Accepted, ...]:
    """Read an `Accept`, in the order of its members.

    >>> [(a.media_type.name, a.quality) for a in read_accept("text/html, */*;q=0.5")]
    [('text/html', 1.0), ('*/*', 0.5)]
    """
    found = []
    for member in split_list(header):
        media_type = read_media_type(member)
        found.append(Accepted(media_type, _quality(media_type.parameters.get("q", "1"))))
    return tuple(found)


def _quality(text: str) -> float:
    """Return a quality within its range; what is none counts as 1."""
    return min(float(text), 1.0) if _QUALITY(text) else 1.0


def acceptance(
    accepted: Collection[Accepted], names: Collection[str], is_suited: Callable[[MediaType], bool] = lambda _: True
) -> tuple[float, int] | None:
    """Return the quality that an `Accept` gives to a representation, and the place of the member that says so.

    `names` are the representation's names. The most specific member decides, of equal ones the kindest. `is_suited`
    says whether the parameters of a member fit. None when no member speaks of it.

    >>> acceptance(read_accept("a/b;q=0, */*"), ["a/b"]), acceptance(read_accept("a/b;q=0, */*"), ["a/c"])
    ((0.0, 0), (1.0, 1))
    """
    families = {name.partition("/")[0] + "/*" for name in names}
    best: tuple[int, float, int] | None = None
    for place, member in enumerate(accepted):
        name = member.media_type.name
        specificity = 2 if name in names else 1 if name in families else 0 if name in ("*/*", "*") else -1
        if specificity < 0 or not is_suited(member.media_type):
            continue
        rank = specificity, member.quality, -place
        best = rank if best is None else max(best, rank)
    return None if best is None else (best[1], -best[2])
