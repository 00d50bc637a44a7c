"""Finding each segment's place in a message structure, and what is missing (HL7 v2.5 §2.5.2, §2.13).

The walk goes forward through the structure as an interface engine does: a segment opens the groups
it belongs to, a repeated one opens the next repetition. A segment that comes out of order is no
reason to reject a message; it counts where its place was left empty. Segments the structure does
not know (Z segments above all) are passed over, and a note (NTE) fills its own place only: it opens
no group and skips nothing that is required. Where a segment could be of the next repetition of an
open group or of a group within it that begins otherwise (ORC: the next order, or a prior result of
this one), it is the former.
"""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from sandbox.simulators.hl7.policy import NOTES, SEGMENTS, TOGETHER
from sandbox.simulators.hl7.tables import Node


@dataclass(frozen=True, slots=True)
class Missing:
    """A required segment that is not there.

    `after` is the index of the last segment of its group, `alternatives` what may stand instead.
    """

    segment: str
    group: str
    after: int
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """The result of a walk: indexes into the message's segments, and what is missing."""

    missing: tuple[Missing, ...]
    waived: tuple[Missing, ...]
    unknown: tuple[int, ...]
    out_of_order: tuple[int, ...]


@dataclass(slots=True)
class _Frame:
    """A group that is open: how far it has been filled."""

    node: Node
    position: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    last: int = 0

    def find(self, name: str) -> int | None:
        """Return the next child that can take the segment."""
        children = self.node.children
        if self.node.is_choice and self.counts:
            return self.find_companion(name)
        is_note = name in NOTES
        for index in range(self.position, len(children)):
            child = children[index]
            is_open = child.repeats or index not in self.counts
            if is_open and name in child.names and (not is_note or _may_begin(child, name)):
                return index
            if is_note and child.is_required and index not in self.counts:
                return None
        return None

    def find_companion(self, name: str) -> int | None:
        """Return the alternative of a choice that may follow the one that was taken."""
        if name not in TOGETHER.get(self.node.children[self.position].name, ()):
            return None
        return next(index for index, child in enumerate(self.node.children) if child.name == name)


class _Walk:
    def __init__(self, root: Node) -> None:
        self.stack = [_Frame(root)]
        self.missing: list[Missing] = []

    def place(self, name: str, index: int) -> bool:
        for depth in range(len(self.stack) - 1, -1, -1):
            frame = self.stack[depth]
            child = frame.find(name)
            if child is not None:
                if name not in NOTES and not _leads(frame.node.children[child], name):
                    outer = self.find_repetition(depth, name)
                    if outer:
                        self.reopen(outer, name, index)
                        return True
                self.close(depth + 1)
                self.enter(frame, child, name, index)
                return True
            if depth > 0 and frame.node.repeats and name in frame.node.names and name not in NOTES:
                self.reopen(self.find_repetition(depth, name) or depth, name, index)
                return True
        return False

    def find_repetition(self, depth: int, name: str) -> int:
        """Return the outermost open group that repeats and begins with the segment; 0 for none."""
        for outer in range(1, depth + 1):
            node = self.stack[outer].node
            if node.repeats and _leads(node, name):
                return outer
        return 0

    def reopen(self, depth: int, name: str, index: int) -> None:
        """Begin the next repetition of an open group."""
        node = self.stack[depth].node
        self.close(depth)
        again = _Frame(node)
        self.stack.append(again)
        self.enter(again, again.find(name), name, index)

    def enter(self, frame: _Frame, child: int | None, name: str, index: int) -> None:
        while child is not None:
            frame.position = child
            frame.counts[child] = frame.counts.get(child, 0) + 1
            node = frame.node.children[child]
            if node.is_segment:
                break
            frame = _Frame(node)
            self.stack.append(frame)
            child = frame.find(name)
        for open_frame in self.stack:
            open_frame.last = index

    def close(self, depth: int) -> None:
        while len(self.stack) > depth:
            frame = self.stack.pop()
            self.missing.extend(_missing_in(frame))


def _leads(node: Node, name: str) -> bool:
    """Whether the segment is the first that a segment or group may begin with."""
    while node.children and not node.is_choice:
        node = node.children[0]
    return name in node.names


def _may_begin(node: Node, name: str) -> bool:
    """Whether the segment may come first in a segment or group, all before it being optional."""
    if node.is_segment or node.is_choice:
        return name in node.names
    for child in node.children:
        if _may_begin(child, name):
            return True
        if child.is_required:
            return False
    return False


def _missing_in(frame: _Frame) -> list[Missing]:
    if frame.node.is_choice:
        return []
    return [
        Missing(segment.name, frame.node.name, frame.last, alternatives)
        for index, child in enumerate(frame.node.children)
        if child.is_required and index not in frame.counts
        for segment, alternatives in _required_segments(child)
    ]


def _required_segments(node: Node) -> list[tuple[Node, tuple[str, ...]]]:
    if node.is_segment:
        return [(node, ())]
    if node.is_choice:
        leading = [_required_segments(child)[0][0] for child in node.children]
        return [(leading[0], tuple(segment.name for segment in leading[1:]))]
    return [found for child in node.children if child.is_required for found in _required_segments(child)]


def place(names: Sequence[str], root: Node, lenient: Container[str] = SEGMENTS) -> Placement:
    """Walk the segments' names through a structure; what is `lenient` may be missing.

    >>> from sandbox.simulators.hl7.tables import structure
    >>> adt = structure("2.5", "ADT_A01")
    >>> [m.segment for m in place(["MSH", "EVN", "PID", "ZPI"], adt).missing]
    ['PV1']
    """
    walk = _Walk(root)
    unknown = []
    out_of_order = []
    for index, name in enumerate(names):
        if name not in root.names:
            unknown.append(index)
        elif not walk.place(name, index):
            out_of_order.append(index)
    walk.close(0)
    spare = Counter(names[index] for index in out_of_order)
    missing = []
    waived = []
    for item in walk.missing:
        stand_in = next((name for name in (item.segment, *item.alternatives) if spare[name] > 0), None)
        if stand_in is not None:
            spare[stand_in] -= 1
        elif item.segment in lenient:
            waived.append(item)
        else:
            missing.append(item)
    return Placement(tuple(missing), tuple(waived), tuple(unknown), tuple(out_of_order))
