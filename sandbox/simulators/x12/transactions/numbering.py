"""Writing levels: HL segments with their numbers, whatever is nested in them."""

from sandbox.simulators.x12.edi.segments import Segment, make


class Numbered:
    """The body of an answer as it grows; HL01 counts on, HL04 says whether there are levels below."""

    def __init__(self, *heading: Segment) -> None:
        self._segments: list[Segment] = list(heading)
        self._places: dict[int, tuple[int, int | None, str]] = {}
        self._parents: set[int] = set()

    def open(self, code: str, parent: int | None = None) -> int:
        """Begin a level below another; return its number."""
        number = len(self._places) + 1
        if parent is not None:
            self._parents.add(parent)
        self._places[number] = (len(self._segments), parent, code)
        self._segments.append(make("HL"))
        return number

    def add(self, *segments: Segment | None) -> None:
        """Put segments into the level that was opened last; None is none."""
        self._segments += [segment for segment in segments if segment is not None]

    def done(self) -> tuple[Segment, ...]:
        """Return all of it.

        >>> body = Numbered()
        >>> body.open("21", body.open("20"))
        2
        >>> [segment.text for segment in body.done()]
        ['HL*1**20*1', 'HL*2*1*21*0']
        """
        for number, (place, parent, code) in self._places.items():
            has_below = "1" if number in self._parents else "0"
            self._segments[place] = make("HL", str(number), str(parent or ""), code, has_below)
        return tuple(self._segments)
