"""Holding a transaction set against its guide: every fault that a 999 has a code for (005010X231A1, IK3-04 and IK4-03).

Loops are walked as they are written: a segment belongs to the innermost open loop that still has a place for it. What
is required and did not come is told where the next segment stood.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sandbox import work
from sandbox.simulators.x12.edi.acknowledging import FAULTS_REPORTED
from sandbox.simulators.x12.edi.faults import BAD_ELEMENTS, ElementFault, SegmentFault
from sandbox.simulators.x12.edi.segments import Segment
from sandbox.simulators.x12.guides.dictionary import NAMES, WHEN, Composite, Element, Simple, elements_of
from sandbox.simulators.x12.guides.grammar import Guide, Loop, Part, Use

_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{1,2}")
_NUMBER: Final = re.compile(r"-?(\d+\.?\d*|\.\d+)", re.ASCII)
_WHOLE: Final = re.compile(r"-?\d+", re.ASCII)
_UNITS_PER_SEGMENT: Final = 20


def judge(guide: Guide, segments: Sequence[Segment]) -> tuple[SegmentFault, ...]:
    """Return what is wrong with a transaction set, ST to SE, in order; at most `FAULTS_REPORTED` faults."""
    work.spend(_UNITS_PER_SEGMENT * len(segments))
    walk = _Walk(guide)
    for position, segment in enumerate(segments, 1):
        walk.take(position, segment)
        if len(walk.faults) >= FAULTS_REPORTED:
            return tuple(walk.faults[:FAULTS_REPORTED])
    walk.faults += _levels(segments)
    walk.faults.sort(key=lambda fault: fault.position)
    return tuple(walk.faults[:FAULTS_REPORTED])


@dataclass
class _Open:
    """A loop that is being read: how far it is, and how often each of its parts came."""

    loop: Loop
    at: int = 0
    counts: dict[int, int] = field(default_factory=dict)


class _Walk:
    def __init__(self, guide: Guide) -> None:
        self._guide = guide
        self._open = [_Open(guide.root)]
        self.faults: list[SegmentFault] = []

    def take(self, position: int, segment: Segment) -> None:
        """Find a segment's place and hold it against that."""
        if not _NAME.fullmatch(segment.name):
            self._tell("1", segment, position, "its name is none")
            return
        for depth in range(len(self._open) - 1, -1, -1):
            level = self._open[depth]
            found = self._find(level, segment)
            if found is None:
                continue
            for inner in self._open[:depth:-1]:
                self._miss(inner, len(inner.loop.parts), position)
            del self._open[depth + 1 :]
            self._enter(level, found, position, segment)
            return
        self._misplaced(position, segment)

    def _find(self, level: _Open, segment: Segment) -> int | None:
        """Return the part of a loop that a segment is for, at the place the loop is at or behind it."""
        start = level.at
        # Neighbours of one name (the kinds of REF, of DTP) come in any order.
        while start > 0 and _name_of(level.loop.parts[start - 1]) == _name_of(level.loop.parts[level.at]):
            start -= 1
        for index in range(start, len(level.loop.parts)):
            part = level.loop.parts[index]
            use = part if isinstance(part, Use) else part.opening
            # The use that opens a loop opens it once: what comes again opens another.
            is_again = index == 0 and level.counts.get(0, 0) > 0 and level.loop is not self._guide.root
            if use.is_for(segment) and not is_again and level.counts.get(index, 0) < part.most:
                return index
        return None

    def _enter(self, level: _Open, index: int, position: int, segment: Segment) -> None:
        self._miss(level, index, position)
        level.at = max(level.at, index)
        level.counts[index] = level.counts.get(index, 0) + 1
        part = level.loop.parts[index]
        if isinstance(part, Loop):
            self._open.append(_Open(part, 0, {0: 1}))
            self._hold(part.opening, part.id, position, segment)
        else:
            self._hold(part, level.loop.id, position, segment)

    def _miss(self, level: _Open, end: int, position: int) -> None:
        """Tell of what a loop needs before one of its parts, and has not."""
        for index in range(level.at, end):
            part = level.loop.parts[index]
            if not part.is_needed or level.counts.get(index, 0):
                continue
            if isinstance(part, Use):
                self.faults.append(
                    SegmentFault("3", part.name, position, _named(level.loop.id), text="is required and missing")
                )
            else:
                said = f"opens loop {part.id}, which is required and missing"
                self.faults.append(SegmentFault("I7", part.opening.name, position, part.id, text=said))

    def _misplaced(self, position: int, segment: Segment) -> None:
        parts = [(level, index, part) for level in self._open for index, part in enumerate(level.loop.parts)]
        for level, index, part in reversed(parts):
            use = part if isinstance(part, Use) else part.opening
            if not use.is_for(segment) or (index == 0 and level.loop is not self._guide.root):
                continue
            if level.counts.get(index, 0) >= part.most:
                code = "5" if isinstance(part, Use) else "4"
                self._tell(code, segment, position, f"comes more than {part.most} times", level.loop.id)
            else:
                self._tell("7", segment, position, "stands after what it must come before", level.loop.id)
            return
        if segment.name in self._guide.root.names:
            self._tell("2", segment, position, "has no place here", self._open[-1].loop.id)
        elif segment.name in NAMES:
            self._tell("6", segment, position, f"is not used in {self._guide.version}")
        else:
            self._tell("1", segment, position, "is no segment that is known here")

    def _tell(self, code: str, segment: Segment, position: int, text: str, loop: str = "") -> None:
        self.faults.append(SegmentFault(code, segment.name, position, _named(loop), text=text))

    def _hold(self, use: Use, loop: str, position: int, segment: Segment) -> None:
        found = tuple(_element_faults(use, segment))
        if found:
            self.faults.append(SegmentFault(BAD_ELEMENTS, segment.name, position, _named(loop), found))


def _named(loop: str) -> str:
    return "" if loop == "ST" else loop  # the root is no loop


def _name_of(part: Part) -> str:
    return part.name if isinstance(part, Use) else part.opening.name


def _element_faults(use: Use, segment: Segment) -> Iterator[ElementFault]:
    known = elements_of(segment.name)
    for position in range(1, max(len(known), len(segment.elements) - 1) + 1):
        value = segment.get(position)
        if position > len(known):
            yield ElementFault("3", position, value, text=f"is past the last element, {segment.name}{len(known):02}")
            return
        element = known[position - 1]
        if not value:
            if element.is_needed or position in use.needed:
                yield ElementFault("1", position, reference=element.reference, text="is required and missing")
            continue
        yield from _value_faults(element, position, segment)
        if position in use.codes and not isinstance(element, Composite):
            for number, part in enumerate(segment.repeats(position), 1):
                if part not in use.codes[position].split():
                    again = number if element.repeats > 1 else 0
                    said = f"is {part[:20]!r}; it must be one of {', '.join(use.codes[position].split())}"
                    yield ElementFault("7", position, part, 0, again, element.reference, said)
        elif position in use.codes:
            part = segment.component(position, 1)
            if part not in use.codes[position].split():
                said = f"is {part[:20]!r}; it must be one of {', '.join(use.codes[position].split())}"
                yield ElementFault("7", position, part, 1, 0, _reference(element, 1), said)
        if position in use.dates:
            problem = _date_problem(value, segment.get(position + 1))
            if problem is not None:
                yield ElementFault("8", position + 1, segment.get(position + 1), reference="1251", text=problem)
    for condition in WHEN.get(segment.name, ()):
        fault = _condition_fault(condition, segment, known)
        if fault is not None:
            yield fault


def _reference(element: Element, component: int) -> str:
    return element.parts[component - 1].reference if isinstance(element, Composite) else element.reference


def _value_faults(element: Element, position: int, segment: Segment) -> Iterator[ElementFault]:
    repetitions = segment.repeats(position)
    if len(repetitions) > element.repeats:
        said = f"is repeated {len(repetitions)} times, and may be {element.repeats}"
        yield ElementFault("12", position, segment.get(position), reference=element.reference, text=said)
        return
    for number, value in enumerate(repetitions, 1):
        again = number if element.repeats > 1 else 0
        if isinstance(element, Simple):
            fault = _simple_fault(element, value)
            if fault is not None:
                yield ElementFault(fault[0], position, value, 0, again, element.reference, fault[1])
            continue
        parts = value.split(segment.delimiters.component)
        if len(parts) > len(element.parts):
            said = f"has {len(parts)} components, and may have {len(element.parts)}"
            yield ElementFault("13", position, value, 0, again, element.reference, said)
        for place, part in enumerate(element.parts, 1):
            text = parts[place - 1].strip() if place <= len(parts) else ""
            if not text:
                if part.is_needed:
                    separator = segment.delimiters.component
                    said = f"is required and missing; components are separated by {separator}, as ISA16 says"
                    yield ElementFault("1", position, "", place, again, part.reference, said)
                continue
            fault = _simple_fault(part, text)
            if fault is not None:
                yield ElementFault(fault[0], position, text, place, again, part.reference, fault[1])


def _simple_fault(element: Simple, value: str) -> tuple[str, str] | None:
    counted = value.lstrip("-").replace(".", "") if element.type in ("R", "N0") else value
    if len(counted) < element.shortest:
        return "4", f"is shorter than {element.shortest} characters"
    if len(counted) > element.longest:
        return "5", f"is longer than {element.longest} characters"
    if not value.isprintable():
        return "6", "holds a character that cannot be printed"
    if element.type == "R" and not _NUMBER.fullmatch(value):
        return "6", f"is {value[:20]!r}, which is no number"
    if element.type == "N0" and not _WHOLE.fullmatch(value):
        return "6", f"is {value[:20]!r}, which is no whole number"
    if element.type == "DT" and not is_date(value):
        return "8", f"is {value[:20]!r}, which is no date, CCYYMMDD"
    if element.type == "TM" and not _is_time(value):
        return "9", f"is {value[:20]!r}, which is no time, HHMM"
    return None


def is_date(text: str) -> bool:
    """Tell whether a text is a date as CCYYMMDD.

    >>> is_date("20260228"), is_date("20260230"), is_date("2026-02-28")
    (True, False, False)
    """
    try:
        return len(text) == 8 and text.isascii() and text.isdecimal() and bool(datetime.strptime(text, "%Y%m%d"))
    except ValueError:
        return False


def _is_time(text: str) -> bool:
    if not (text.isascii() and text.isdecimal() and len(text) in (4, 6, 7, 8)):
        return False
    seconds = text[4:6] or "00"
    return text[:2] < "24" and text[2:4] < "60" and seconds < "60"


def _date_problem(qualifier: str, value: str) -> str | None:
    """Return what is wrong with a date whose form a qualifier says; None for other qualifiers."""
    if qualifier == "D8" and not is_date(value):
        return f"is {value[:20]!r}; with D8 it must be a date, CCYYMMDD"
    if qualifier == "RD8":
        first, dash, last = value.partition("-")
        if not dash or not is_date(first) or not is_date(last):
            return f"is {value[:20]!r}; with RD8 it must be two dates, CCYYMMDD-CCYYMMDD"
        if last < first:
            return "ends before it begins"
    return None


def _condition_fault(condition: str, segment: Segment, known: Sequence[Element]) -> ElementFault | None:
    """Hold a segment against one relational condition (`P0809`)."""
    places = [int(condition[i : i + 2]) for i in range(1, len(condition), 2)]
    there = [place for place in places if segment.get(place)]
    absent = [place for place in places if place not in there]
    kind = condition[0]
    is_broken = (
        (kind == "P" and there and absent)
        or (kind == "R" and not there)
        or (kind == "C" and places[0] in there and places[0] not in absent and any(p in absent for p in places[1:]))
    )
    if not is_broken:
        return None
    names = " and ".join(f"{segment.name}{place:02}" for place in places)
    said = {"P": f"goes with the others of {names}", "R": f"is needed: one of {names}", "C": f"is needed with {names}"}
    return ElementFault("2", absent[0], reference=known[absent[0] - 1].reference, text=said[kind])


def _levels(segments: Sequence[Segment]) -> Iterator[SegmentFault]:
    """Yield what is wrong with the numbers of the hierarchical levels: HL01 counts, HL02 is its parent's."""
    last = 0
    open_levels: set[str] = set()
    for position, segment in enumerate(segments, 1):
        if segment.name != "HL":
            continue
        last += 1
        found = []
        if segment.get(1) != str(last):
            found.append(ElementFault("7", 1, segment.get(1), reference="628", text=f"must be {last}: levels count on"))
        parent = segment.get(2)
        if (last == 1 and parent) or (last > 1 and parent not in open_levels):
            said = "must be empty in the first level" if last == 1 else "is the HL01 of no level before"
            found.append(ElementFault("7", 2, parent, reference="734", text=said))
        open_levels.add(segment.get(1))
        if found:
            yield SegmentFault(BAD_ELEMENTS, "HL", position, elements=tuple(found))
