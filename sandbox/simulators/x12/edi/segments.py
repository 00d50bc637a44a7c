"""Segments and their delimiters (X12.5 and X12.6, release 005010).

X12 has no escape: a value that holds a delimiter cannot be sent, so `plain` takes such characters out of what is
written.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

Value: TypeAlias = "str | Sequence[str | Sequence[str]] | None"
"""An element to be written: text; or components; or, within a list of lists, repetitions of components."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The four separators that ISA defines. `repetition` is empty where ISA11 is none."""

    element: str = "*"
    component: str = ":"
    repetition: str = "^"
    segment: str = "~"


STANDARD: Final = Delimiters()


@dataclass(frozen=True)
class Segment:
    """One segment: `elements[0]` is its name, and `elements[1]` its first element, as X12 counts."""

    elements: tuple[str, ...]
    delimiters: Delimiters = STANDARD

    @property
    def name(self) -> str:
        """The segment's identifier (`NM1`)."""
        return self.elements[0]

    @cached_property
    def text(self) -> str:
        """The segment as it was sent, without its terminator."""
        return self.delimiters.element.join(self.elements)

    def get(self, position: int) -> str:
        """Return an element as it was sent, empty when absent; white space at its end means nothing.

        >>> Segment(("NM1", "IL", "1")).get(1), Segment(("NM1", "IL", "1")).get(9)
        ('IL', '')
        """
        return self.elements[position].strip() if position < len(self.elements) else ""

    def repeats(self, position: int) -> list[str]:
        """Return the repetitions of an element; none for an empty one.

        >>> Segment(("EQ", "30^98")).repeats(1)
        ['30', '98']
        """
        value, mark = self.get(position), self.delimiters.repetition
        return [part.strip() for part in (value.split(mark) if mark else [value])] if value else []

    def components(self, position: int) -> list[str]:
        """Return the components of an element's first repetition.

        >>> Segment(("SV1", "HC:72148:26")).components(1)
        ['HC', '72148', '26']
        """
        value = next(iter(self.repeats(position)), "")
        return [part.strip() for part in value.split(self.delimiters.component)] if value else []

    def component(self, position: int, number: int) -> str:
        """Return one component of an element's first repetition, counted from 1; empty when absent."""
        found = self.components(position)
        return found[number - 1] if number <= len(found) else ""


def make(name: str, *values: Value) -> Segment:
    """Write a segment with the standard delimiters; empty elements at its end are left out.

    >>> make("NM1", "IL", "1", "Chen*", None, ["HC", "72148"], None).text
    'NM1*IL*1*Chen**HC:72148'
    >>> make("EQ", [["30"], ["98"]]).text
    'EQ*30^98'
    """
    elements = [name, *(_written(value) for value in values)]
    while elements and not elements[-1]:
        elements.pop()
    return Segment(tuple(elements))


def restate(segment: Segment) -> Segment:
    """Return a segment with the standard delimiters, whatever its own are; what means a standard one is taken out.

    >>> restate(Segment(("SV1", "HC>72148", "A:B"), Delimiters("|", ">", "^", "!"))).text
    'SV1*HC:72148*A B'
    """
    if segment.delimiters == STANDARD:
        return segment
    mark = segment.delimiters
    values = []
    for element in segment.elements[1:]:
        repetitions = element.split(mark.repetition) if mark.repetition else [element]
        values.append([repetition.split(mark.component) for repetition in repetitions])
    return make(segment.name, *values)


def _written(value: Value) -> str:
    if value is None or isinstance(value, str):
        return plain(value or "")
    if any(not isinstance(part, str) for part in value):
        return STANDARD.repetition.join(_written(part) for part in value)
    parts = [plain(part) for part in value if isinstance(part, str)]
    while parts and not parts[-1]:
        parts.pop()
    return STANDARD.component.join(parts)


def plain(text: str) -> str:
    r"""Return a text that can stand in an element: no delimiters, no control characters, no space around it.

    >>> plain(" 12 Elm St*\nApt: 4~ ")
    '12 Elm St Apt 4'
    """
    if text.isalnum():
        return text
    for mark in (STANDARD.element, STANDARD.component, STANDARD.repetition, STANDARD.segment):
        text = text.replace(mark, " ")
    return " ".join(_CONTROL.sub(" ", text).split())


def write(segments: Iterable[Segment]) -> str:
    """Write segments one after the other, each ended by the standard terminator; no line ends.

    >>> write([make("SE", "2", "0001")])
    'SE*2*0001~'
    """
    return "".join(segment.text + STANDARD.segment for segment in segments)
