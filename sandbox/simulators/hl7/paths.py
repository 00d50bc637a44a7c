"""Paths into a message, as checks write them: `PID.5.1`, `OBX[?3.1=718-7].5`, `PID.3[*].4.2`.

All numbers are HL7's, from 1. Values come unescaped. Reads a message and nothing else.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from sandbox.errors import Invalid
from sandbox.simulators.hl7.delimiters import Delimiters, split, unescape
from sandbox.simulators.hl7.message import Message, Segment

Index: TypeAlias = int | Literal["*"]

_FIELD: Final = r"(?P<field>\d+)(?:\[(?P<repetition>\*|\d+)\])?(?:\.(?P<component>\d+)(?:\.(?P<subcomponent>\d+))?)?"
_PLACE: Final = re.compile(_FIELD, re.ASCII)
_PATH: Final = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})"
    r"(?:\[(?:(?P<which>\*|\d+)|\?(?P<where>[\d.\[\]*]+)=(?P<value>[^\]]+))\])?"
    rf"(?:[.-](?P<place>{_FIELD}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A position inside a segment. `component` and `subcomponent` are 0 where the whole is meant."""

    field: int
    repetition: Index = 1
    component: int = 0
    subcomponent: int = 0


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

    >>> parse_path("PID-5.1").place
    Place(field=5, repetition=1, component=1, subcomponent=0)
    >>> parse_path("OBX[2].5").which
    2
    """
    found = _PATH.fullmatch(text)
    if found is None:
        raise Invalid(
            f"{text!r} is not an HL7 path; write SEG.field.component.subcomponent as in PID.5.1, OBX[2].5, "
            "PID.3[2].1 or OBX[?3.1=718-7].5.",
        )
    where = _read_place(found["where"], text) if found["where"] else None
    return Path(
        found["segment"],
        _read_index(found["which"], text),
        where,
        found["value"] or "",
        _read_place(found["place"], text) if found["place"] else None,
    )


def _read_place(written: str, path: str) -> Place:
    found = _PLACE.fullmatch(written)
    if found is None:
        raise Invalid(f"{written!r} in the HL7 path {path!r} is not a field; write it as in 3.1.")
    component, subcomponent = (
        _positive(found[name], path) if found[name] else 0 for name in ("component", "subcomponent")
    )
    return Place(_positive(found["field"], path), _read_index(found["repetition"], path), component, subcomponent)


def _read_index(written: str | None, path: str) -> Index:
    if written is None:
        return 1
    return "*" if written == "*" else _positive(written, path)


def _positive(written: str, path: str) -> int:
    if not 1 <= len(written) <= 5 or int(written) < 1:
        raise Invalid(f"The HL7 path {path!r} counts from 1; {written} is not a position.")
    return int(written)


def find_values(message: Message, path: str) -> list[str]:
    r"""Return the values at a path, in order; an empty list when there is none.

    Without an index the first segment and the first repetition are meant, `[*]` means each.

    >>> from sandbox.simulators.hl7.message import parse
    >>> message = parse("MSH|^~\\&|A\rPID|1||7^^^MRN~8^^^SSN||Smith \\T\\ Co^John")
    >>> find_values(message, "PID.5.1"), find_values(message, "PID.3[2].1"), find_values(message, "PID.3[*].4")
    (['Smith & Co'], ['8'], ['MRN', 'SSN'])
    >>> find_values(message, "PID.8"), find_values(message, "MSH.3"), find_values(message, "PID.5")
    ([], ['A'], ['Smith & Co^John'])
    """
    parsed = parse_path(path)
    segments = message.all(parsed.segment)
    if parsed.where is not None:
        matching = (s for s in segments if parsed.value in _read(s, parsed.where, message.delimiters))
        segments = list(matching)[:1]
    elif parsed.which != "*":
        segments = segments[parsed.which - 1 : parsed.which]
    if parsed.place is None:
        return [segment.text for segment in segments]
    return [value for segment in segments for value in _read(segment, parsed.place, message.delimiters)]


def _read(segment: Segment, place: Place, delimiters: Delimiters) -> list[str]:
    field = segment.raw(place.field)
    if segment.name == "MSH" and place.field <= 2:
        # MSH-1 and MSH-2 are the delimiters themselves; they can be neither split nor unescaped.
        return [field] if field and max(place.component, place.subcomponent) <= 1 else []
    repetitions = split(field, delimiters.repetition)
    if place.repetition != "*":
        repetitions = repetitions[place.repetition - 1 : place.repetition]
    values = (_part(repetition, place, delimiters) for repetition in repetitions)
    return [unescape(value, delimiters) for value in values if value]


def _part(repetition: str, place: Place, delimiters: Delimiters) -> str:
    value = repetition
    for position, delimiter in (
        (place.component, delimiters.component),
        (place.subcomponent, delimiters.subcomponent),
    ):
        if position:
            parts = split(value, delimiter)
            value = parts[position - 1] if position <= len(parts) else ""
    # Trailing delimiters mean nothing in HL7 (§2.5.3): `7^^^MRN^^` is the value `7^^^MRN`.
    return value.rstrip(delimiters.component + delimiters.subcomponent)
