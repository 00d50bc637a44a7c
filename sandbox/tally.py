"""Counting what is noted again and again, by size: a histogram that costs a fraction of a microsecond to note in."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
COUNTS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)


class Tally:
    """How many values were at most each of some bounds, and their sum.

    >>> tally = Tally((1.0, 10.0))
    >>> for value in (0.5, 10.0, 11.0):
    ...     tally.note(value)
    >>> tally.buckets(), tally.count, tally.total
    ([('1.0', 1.0), ('10.0', 2.0), ('+Inf', 3.0)], 3, 21.5)
    """

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def note(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def add(self, other: "Tally") -> None:
        """Count what another with the same bounds has counted."""
        self._counts = [one + more for one, more in zip(self._counts, other._counts, strict=True)]
        self.total += other.total

    @property
    def count(self) -> int:
        """How many values were noted."""
        return sum(self._counts)

    def buckets(self) -> list[tuple[str, float]]:
        """Return each bound with how many values were at most that, as Prometheus writes them."""
        found, so_far = [], 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            so_far += count
            found.append((bound, float(so_far)))
        return found
