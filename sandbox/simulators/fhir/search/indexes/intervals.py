"""Sorted intervals and R4's prefixes on them (R4 search, 3.1.1.4.5).

Both ends are inclusive. A date covers what its precision leaves open; a number in a resource is a
point, a Range or a Period an interval whose missing ends are infinite.
"""

import math
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, TypeAlias

from sandbox.simulators.fhir.search.indexes.index import Index, Key, Keys, Selection

Interval: TypeAlias = tuple[float, float]

PREFIXES: Final = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"})
EVERYTHING: Final[Interval] = (-math.inf, math.inf)
_FIRST: Final = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Range:
    """A prefix and the range that the search value stands for."""

    prefix: str
    low: float
    high: float

    def matches(self, low: float, high: float) -> bool:
        """Whether a target interval matches, by the definition of the prefix.

        >>> Range("gt", 1, 2).matches(0, 3), Range("sa", 1, 2).matches(0, 3)
        (True, False)
        """
        match self.prefix:
            case "eq":
                return self.low <= low and high <= self.high
            case "ne":
                return not (self.low <= low and high <= self.high)
            case "gt":
                return high > self.high
            case "lt":
                return low < self.low
            case "ge":
                return high > self.high or (self.low <= low and high <= self.high)
            case "le":
                return low < self.low or (self.low <= low and high <= self.high)
            case "sa":
                return low > self.high
            case "eb":
                return high < self.low
            case _:
                return low <= self.high and high >= self.low


class Intervals:
    """Intervals by key, sorted by both ends."""

    __slots__ = ("_are_points", "_by_high", "_by_low", "_is_in_order", "_is_sealed", "by_key")

    def __init__(self, is_sealed: bool = False) -> None:
        self.by_key: dict[Key, list[Interval]] = {}
        self._by_low: list[tuple[float, Any, float]] = []
        self._by_high: list[tuple[float, Any, float]] = []
        self._are_points = True
        self._is_in_order = True
        self._is_sealed = is_sealed

    def seal(self) -> None:
        """Sort what was added; from then on `add` keeps the order.

        Only by the ends: a change puts the keys of equal ends in order first. Of points one end will do.
        """
        rows = [(low, key, high) for key, held in self.by_key.items() for low, high in held]
        self._by_low = sorted(rows, key=_FIRST)
        if self._are_points:
            self._by_high = self._by_low.copy()
        else:
            self._by_high = sorted([(high, key, low) for low, key, high in rows], key=_FIRST)
        self._is_in_order = False
        self._is_sealed = True

    def add_many(self, keys: list[Key], interval: Interval) -> None:
        """Add an interval of many keys, before the seal."""
        self._are_points = self._are_points and interval[0] == interval[1]
        by_key = self.by_key
        for key in keys:
            held = by_key.get(key)
            if held is None:
                by_key[key] = [interval]
            else:
                held.append(interval)

    def add(self, key: Key, interval: Interval) -> None:
        """Add an interval of a key."""
        if not self._is_sealed:
            self.add_many([key], interval)
            return
        low, high = interval
        self._order()
        self.by_key.setdefault(key, []).append(interval)
        insort(self._by_low, (low, key, high))
        insort(self._by_high, (high, key, low))

    def remove(self, key: Key, interval: Interval) -> None:
        """Remove one interval of a key."""
        low, high = interval
        self._order()
        row = self.by_key[key]
        row.remove(interval)
        if not row:
            del self.by_key[key]
        del self._by_low[bisect_left(self._by_low, (low, key, high))]
        del self._by_high[bisect_left(self._by_high, (high, key, low))]

    def _order(self) -> None:
        if not self._is_in_order:
            self._by_low.sort()
            self._by_high.sort()
            self._is_in_order = True

    def select(self, wanted: Range) -> Selection:
        """Select the keys with an interval that matches."""

        def keep(candidates: Keys) -> Keys:
            by_key, matches = self.by_key, wanted.matches
            return {k for k in candidates if any(matches(low, high) for low, high in by_key.get(k, ()))}

        if wanted.prefix == "ne":
            return Selection(len(self.by_key), lambda: keep(self.by_key.keys()), keep)
        slices = self._slices(wanted)
        estimate = sum(stop - start for _, start, stop, _ in slices)

        def keys() -> Keys:
            found: set[Any] = set()
            for rows, start, stop, is_exact in slices:
                if is_exact:
                    found.update([row[1] for row in rows[start:stop]])
                else:
                    found.update(self._checked(rows, start, stop, wanted))
            return found

        return Selection(estimate, keys, keep)

    def _checked(self, rows: list[Any], start: int, stop: int, wanted: Range) -> list[Key]:
        if rows is self._by_low:
            return [key for low, key, high in rows[start:stop] if wanted.matches(low, high)]
        return [key for high, key, low in rows[start:stop] if wanted.matches(low, high)]

    def _slices(self, wanted: Range) -> list[tuple[list[Any], int, int, bool]]:
        lows, highs = self._by_low, self._by_high
        low_start = bisect_left(lows, wanted.low, key=_FIRST)
        low_stop = bisect_right(lows, wanted.high, key=_FIRST)
        high_start = bisect_left(highs, wanted.low, key=_FIRST)
        high_stop = bisect_right(highs, wanted.high, key=_FIRST)
        within = [(lows, low_start, low_stop, False), (highs, high_start, high_stop, False)]
        equal = min(within, key=lambda s: s[2] - s[1])
        match wanted.prefix:
            case "eq":
                return [equal]
            case "gt":
                return [(highs, high_stop, len(highs), True)]
            case "lt":
                return [(lows, 0, low_start, True)]
            case "ge":
                return [(highs, high_stop, len(highs), True), equal]
            case "le":
                return [(lows, 0, low_start, True), equal]
            case "sa":
                return [(lows, low_stop, len(lows), True)]
            case "eb":
                return [(highs, 0, high_start, True)]
            case _:
                overlapping = [(lows, 0, low_stop, False), (highs, high_start, len(highs), False)]
                return [min(overlapping, key=lambda s: s[2] - s[1])]


class IntervalIndex(Index):
    """Intervals of time, or numbers and ranges of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self._intervals = Intervals()

    def seal(self) -> None:
        """Sort what was loaded."""
        self._intervals.seal()

    def add(self, key: Key, entry: Interval) -> None:
        """Add an entry."""
        self._intervals.add(key, entry)

    def add_many(self, keys: list[Key], entry: Interval) -> None:
        """Add an entry of many keys."""
        self._intervals.add_many(keys, entry)

    def remove(self, key: Key, entry: Interval) -> None:
        """Remove an entry."""
        self._intervals.remove(key, entry)

    def select(self, term: Range) -> Selection:
        """Select by a term."""
        return self._intervals.select(term)

    def rank(self, entry: Interval, is_descending: bool) -> float:
        """Return what an entry sorts by."""
        return entry[1] if is_descending else entry[0]
