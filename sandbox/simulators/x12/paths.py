"""Paths into a transaction set, as checks write them: `EB.1`, `EB[2].3`, `NM1[?1=IL].9`, `SV1.1.2`, also `EB01`.

All numbers are X12's, from 1. Reads segments and nothing else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from sandbox.errors import Invalid
from sandbox.simulators.vocabulary import TEXT, PathType
from sandbox.simulators.x12.edi.segments import Segment
from sandbox.simulators.x12.guides.dictionary import NAMES, Composite, elements_of
from sandbox.suggest import did_you_mean

Index: TypeAlias = int | Literal["*"]

_FIELD: Final = r"(?P<field>\d{1,2})(?:\[(?P<repetition>\*|\d{1,3})\])?(?:[.-](?P<component>\d{1,2}))?"
_PLACE: Final = re.compile(_FIELD, re.ASCII)
_PATH: Final = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{1,2}?)"
    r"(?:\[(?:(?P<which>\*|\d{1,5})|\?(?P<where>[\d.\[\]*-]+)=(?P<value>[^\]]+))\])?"
    rf"(?:(?:[.-]|(?=\d\d(?:$|[\[.-])))(?P<place>{_FIELD}))?",
    re.ASCII,
)
# Segments of envelopes and acknowledgments, which no guide here has.
_MORE: Final = {"TA1": 5, "AK1": 3, "AK2": 3, "IK3": 4, "CTX": 6, "IK4": 4, "IK5": 6, "AK9": 9, "LS": 1, "LE": 1}


@dataclass(frozen=True, slots=True)
class Place:
    """A position inside a segment; `component` 0 means the whole element."""

    field: int
    repetition: Index = 1
    component: int = 0


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path: which segments of a name, and the place in them (None: the whole segment)."""

    segment: str
    which: Index = 1
    where: Place | None = None
    value: str = ""
    place: Place | None = None


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """Read a path. Raises `Invalid`, which names it and says how a path is written.

    >>> parse_path("EB[?1=B].7").where, parse_path("SV101-2").place
    (Place(field=1, repetition=1, component=0), Place(field=1, repetition=1, component=2))
    >>> parse_path("NM109").segment, parse_path("EB01").segment, parse_path("UM-1").place.field
    ('NM1', 'EB', 1)
    """
    found = _PATH.fullmatch(text)
    if found is None:
        raise Invalid(
            f"{text!r} is not an X12 path; write SEG.element.component as in EB.1, EB[2].3, NM1[?1=IL].9, SV1.1.2 or "
            "EB01."
        )
    where = _read_place(found["where"], text) if found["where"] else None
    return Path(
        found["segment"],
        _index(found["which"], text),
        where,
        found["value"] or "",
        _read_place(found["place"], text) if found["place"] else None,
    )


def _read_place(written: str, path: str) -> Place:
    found = _PLACE.fullmatch(written)
    if found is None:
        raise Invalid(f"{written!r} in the X12 path {path!r} is no element; write it as in 1 or 1.2.")
    component = _positive(found["component"], path) if found["component"] else 0
    return Place(_positive(found["field"], path), _index(found["repetition"], path), component)


def _index(written: str | None, path: str) -> Index:
    if written is None:
        return 1
    return "*" if written == "*" else _positive(written, path)


def _positive(written: str, path: str) -> int:
    if int(written) < 1:
        raise Invalid(f"The X12 path {path!r} counts from 1; {written} is not a position.")
    return int(written)


def find_values(segments: Sequence[Segment], path: str) -> list[str]:
    """Return the values at a path, in order; an empty list when there is none.

    Without an index the first segment and the first repetition are meant, `[*]` means each.

    >>> from sandbox.simulators.x12.edi.segments import make
    >>> sent = [make("EB", "1", "IND", [["30"], ["98"]]), make("EB", "B", None, "98", None, None, "27", "25")]
    >>> [find_values(sent, path) for path in ("EB.1", "EB[?1=B].7", "EB.3[*]", "EB.9")]
    [['1'], ['25'], ['30', '98'], []]
    """
    parsed = parse_path(path)
    found = [segment for segment in segments if segment.name == parsed.segment]
    if parsed.where is not None:
        found = [s for s in found if parsed.value in _read(s, parsed.where)][:1]
    elif parsed.which != "*":
        found = found[parsed.which - 1 : parsed.which]
    if parsed.place is None:
        return [segment.text for segment in found]
    return [value for segment in found for value in _read(segment, parsed.place)]


def _read(segment: Segment, place: Place) -> list[str]:
    repetitions = segment.repeats(place.field)
    if place.repetition != "*":
        repetitions = repetitions[place.repetition - 1 : place.repetition]
    if not place.component:
        return [value for value in repetitions if value]
    parts = (value.split(segment.delimiters.component) for value in repetitions)
    return [
        p[place.component - 1].strip() for p in parts if len(p) >= place.component and p[place.component - 1].strip()
    ]


def path_type(path: str) -> PathType:
    """Return what lies at a path, which is always text. Raises `Invalid` for a segment or element that is none.

    >>> path_type("EB.1").kind
    'text'
    >>> path_type("EB.15")
    Traceback (most recent call last):
    ...
    sandbox.errors.Invalid: EB.15: there is no element EB15; the last is EB14
    """
    parsed = parse_path(path)
    name = parsed.segment
    if name not in NAMES and name not in _MORE:
        raise Invalid(f"{path}: no answer here has a segment {name}{did_you_mean(name, [*NAMES, *_MORE])}")
    for place in (parsed.where, parsed.place):
        if place is not None:
            _check_place(path, name, place)
    return TEXT


def _check_place(path: str, name: str, place: Place) -> None:
    last = _MORE[name] if name in _MORE else len(elements_of(name))
    if place.field > last:
        raise Invalid(f"{path}: there is no element {name}{place.field:02}; the last is {name}{last:02}")
    if place.component < 2 or name in _MORE:
        return
    element = elements_of(name)[place.field - 1]
    parts = len(element.parts) if isinstance(element, Composite) else 1
    if place.component > parts:
        called = f"{name}{place.field:02}"
        what = f"the last is {called}-{parts}" if parts > 1 else f"{called} has no components"
        raise Invalid(f"{path}: there is no component {called}-{place.component}; {what}")
