"""The hierarchical levels of a transaction set: who asks whom about whom (HL segments), as a tree.

For transaction sets that were held against their guide: the levels' numbers agree there.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sandbox.simulators.x12.edi.segments import Segment


@dataclass
class Level:
    """One level: its code (HL03), and its segments up to the next level. Segments behind a loop's first one are its."""

    code: str
    segments: list[Segment] = field(default_factory=list)
    children: "list[Level]" = field(default_factory=list)
    parent: "Level | None" = None

    def below(self, code: str) -> "list[Level]":
        """Return the levels of a code right below this one."""
        return [child for child in self.children if child.code == code]

    def above(self, code: str) -> "Level | None":
        """Return the nearest level of a code that this one is below of, or None."""
        level = self.parent
        while level is not None and level.code != code:
            level = level.parent
        return level

    def loops(self, *openings: str) -> "list[list[Segment]]":
        """Return the segments split at each one named so; what is before the first one is the first list.

        >>> from sandbox.simulators.x12.edi.segments import make
        >>> level = Level("22", [make("TRN", "1"), make("EQ", "30"), make("AMT", "R"), make("EQ", "98")])
        >>> [[segment.name for segment in loop] for loop in level.loops("EQ")]
        [['TRN'], ['EQ', 'AMT'], ['EQ']]
        """
        found: list[list[Segment]] = [[]]
        for segment in self.segments:
            if segment.name in openings:
                found.append([])
            found[-1].append(segment)
        return found


def levels_of(body: Iterable[Segment]) -> Level:
    """Return the root of the levels of a transaction set: what stands before the first HL, and all levels below."""
    root = Level("")
    by_number: dict[str, Level] = {}
    current = root
    for segment in body:
        if segment.name != "HL":
            current.segments.append(segment)
            continue
        parent = by_number.get(segment.get(2), root)
        current = by_number[segment.get(1)] = Level(segment.get(3), [], [], parent)
        parent.children.append(current)
    return root


def all_of(level: Level, code: str) -> Iterator[Level]:
    """Yield every level of a code below one, in the order they were sent."""
    for child in level.children:
        if child.code == code:
            yield child
        yield from all_of(child, code)


def find(segments: Sequence[Segment], name: str, *codes: str) -> Segment | None:
    """Return the first segment of a name, of those whose first element is one of the codes where some are given."""
    return next((s for s in segments if s.name == name and (not codes or s.get(1) in codes)), None)


def every(segments: Sequence[Segment], name: str, *codes: str) -> list[Segment]:
    """Return all segments of a name, as `find` picks them."""
    return [s for s in segments if s.name == name and (not codes or s.get(1) in codes)]
