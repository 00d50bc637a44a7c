"""How a guide is written: loops that hold segments and loops, in their order; and what a segment must hold there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeAlias

from sandbox.simulators.x12.edi.segments import Segment

MANY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Use:
    """A segment's place in a loop.

    It is meant by segments of this name whose elements are as `when` says, by position (`{3: "22"}`). `codes` are what
    an element may hold, by position; `needed` what it must have besides what the dictionary says. `dates` names the
    positions of a qualifier (D8, RD8) that says how the date after it is written.
    """

    name: str
    is_needed: bool = False
    most: int = 1
    when: Mapping[int, str] = field(default_factory=dict)
    codes: Mapping[int, str] = field(default_factory=dict)
    needed: tuple[int, ...] = ()
    dates: tuple[int, ...] = ()

    def is_for(self, segment: Segment) -> bool:
        """Whether a segment stands for this use."""
        return segment.name == self.name and all(_first(segment, at) in v.split() for at, v in self.when.items())


@dataclass(frozen=True)
class Loop:
    """A loop: its first use opens it."""

    id: str
    parts: "tuple[Part, ...]"
    is_needed: bool = False
    most: int = MANY

    @property
    def opening(self) -> Use:
        """The use that a new occurrence begins with."""
        first = self.parts[0]
        assert isinstance(first, Use)
        return first

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all segments in it."""
        return frozenset(use.name for use in _uses(self))


Part: TypeAlias = Use | Loop


@dataclass(frozen=True)
class Guide:
    """An implementation guide: its version, the kind of transaction set, its functional group and what answers it."""

    version: str
    kind: str
    group: str
    answer_kind: str
    answer_group: str
    root: Loop


def _uses(loop: Loop) -> Iterator[Use]:
    for part in loop.parts:
        if isinstance(part, Use):
            yield part
        else:
            yield from _uses(part)


def _first(segment: Segment, position: int) -> str:
    value = segment.get(position)
    return value.split(segment.delimiters.component)[0] if value else ""
