"""What all indexes have in common: keys, entries, and selections that can be intersected.

An index holds one facet of one parameter for the resources of one layer. A key is a resource id,
or inside a composite an id with a number. An entry is whatever the search type reads from a value.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TypeAlias

from sandbox import work

Key: TypeAlias = Any
Keys: TypeAlias = AbstractSet[Any]


@dataclass(slots=True, eq=False)
class Selection:
    """The keys that a term selects, a value, without having made the set yet.

    `estimate` is about their number, and 0 only without any. `keys` makes the set, which is read-only: it may be the
    index's own. `keep` filters candidates, which is cheaper when they are few.
    """

    estimate: int
    keys: Callable[[], Keys]
    keep: Callable[[Keys], Keys]


def selection_of(keys: Keys) -> Selection:
    """Wrap a set that is at hand."""
    return Selection(len(keys), lambda: keys, lambda candidates: candidates & keys)


NOTHING: frozenset[Any] = frozenset()
_LOOKED_AT = 64  # values whose keys are counted; the others are taken to have as many
EMPTY = selection_of(NOTHING)


def union(selections: list[Selection]) -> Selection:
    """Select what any of them selects."""
    if len(selections) == 1:
        return selections[0]

    def keys() -> Keys:
        found: set[Any] = set()
        for selection in selections:
            more = selection.keys()
            work.spend(1 + len(more) // 20)
            found.update(more)
        return found

    def keep(candidates: Keys) -> Keys:
        found: set[Any] = set()
        for selection in selections:
            work.spend(1 + len(candidates) // 20)
            found.update(selection.keep(candidates))
        return found

    return Selection(sum(s.estimate for s in selections), keys, keep)


def complement(everything: Keys, selection: Selection) -> Selection:
    """Select everything else."""
    return Selection(
        len(everything),
        lambda: everything - selection.keys(),
        lambda candidates: candidates - selection.keep(candidates),
    )


def intersect(selections: list[Selection]) -> Keys:
    """Return the keys that all of them select, the most selective first."""
    first, *rest = sorted(selections, key=lambda s: s.estimate) if len(selections) > 1 else selections
    found = first.keys()
    for selection in rest:
        if not found:
            break
        work.spend(1 + len(found) // 20)
        found = selection.keep(found)
    return found


class Postings:
    """Keys by value. A value with one key does not pay for a set."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: dict[Hashable, Any] = {}

    def __contains__(self, value: Hashable) -> bool:
        return value in self._rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, value: Hashable, key: Key) -> bool:
        """Add a key under a value; return whether the value is new."""
        row = self._rows.get(value)
        if row is None:
            self._rows[value] = key
            return True
        if type(row) is set:
            row.add(key)
        elif row != key:
            self._rows[value] = {row, key}
        return False

    def add_many(self, value: Hashable, keys: list[Key]) -> None:
        """Add keys, of which some may come twice, under a value."""
        row = self._rows.get(value)
        if row is None:
            self._rows[value] = keys[0] if len(keys) == 1 else set(keys)
        elif type(row) is set:
            row.update(keys)
        else:
            self._rows[value] = {row, *keys}

    def remove(self, value: Hashable, key: Key) -> bool:
        """Remove a key; return whether the value is gone with it."""
        row = self._rows.get(value)
        if type(row) is set:
            row.discard(key)
            if row:
                return False
        elif row != key:
            return False
        del self._rows[value]
        return True

    def get(self, value: Hashable) -> Keys:
        """Return the keys under a value; read-only."""
        row = self._rows.get(value)
        if row is None:
            return NOTHING
        return row if type(row) is set else {row}

    def select(self, value: Hashable) -> Selection:
        """Select the keys under a value."""
        return selection_of(self.get(value))

    def select_many(self, values: Sequence[Hashable]) -> Selection:
        """Select the keys under any of many values, all of which are there."""
        if len(values) == 1:
            return self.select(values[0])
        looked_at = values[:_LOOKED_AT]
        size = sum(len(row) if type(row) is set else 1 for row in map(self._rows.__getitem__, looked_at))
        estimate = size * len(values) // len(looked_at) if looked_at else 0

        def keys() -> Keys:
            found: set[Any] = set()
            work.spend(len(values))
            for value in values:
                row = self._rows[value]
                if type(row) is set:
                    found |= row
                else:
                    found.add(row)
            return found

        def keep(candidates: Keys) -> Keys:
            if len(candidates) * len(values) > estimate:
                return candidates & keys()
            work.spend(len(candidates) * len(values) // 10)
            rows = [self.get(value) for value in values]
            return {key for key in candidates if any(key in row for row in rows)}

        return Selection(estimate, keys, keep)


class Index(ABC):
    """One facet of one parameter. `entries` holds every key of the layer, those without a value too."""

    def __init__(self) -> None:
        self.entries: dict[Key, tuple[Any, ...]] = {}
        self.absent: set[Key] = set()
        self.sort_values: dict[tuple[Key, bool], Any] = {}

    def load(self, rows: Iterable[tuple[Key, tuple[Any, ...]]]) -> None:
        """Fill an empty index; keys with the same entry are added together."""
        groups: dict[Any, list[Key]] = {}
        known, absent = self.entries, self.absent
        for key, entries in rows:
            known[key] = entries
            if not entries:
                absent.add(key)
            for entry in entries:
                group = groups.get(entry)
                if group is None:
                    groups[entry] = [key]
                else:
                    group.append(key)
        for entry, keys in groups.items():
            self.add_many(keys, entry)
        self.seal()

    def seal(self) -> None:  # noqa: B027 - most indexes have nothing to sort
        """Put in order what `load` appended; from then on `add` keeps the order."""

    def put(self, key: Key, entries: tuple[Any, ...]) -> None:
        """Replace what a key holds."""
        self.drop(key)
        self.entries[key] = entries
        if not entries:
            self.absent.add(key)
        for entry in entries:
            self.add(key, entry)

    def drop(self, key: Key) -> None:
        """Forget a key."""
        for entry in self.entries.pop(key, ()):
            self.remove(key, entry)
        self.absent.discard(key)
        self.sort_values.pop((key, False), None)
        self.sort_values.pop((key, True), None)

    def missing(self, is_missing: bool) -> Selection:
        """Select the keys without a value, or those with one."""
        absent = selection_of(self.absent)
        return absent if is_missing else complement(self.entries.keys(), absent)

    def sort_value(self, key: Key, is_descending: bool) -> Any:
        """Return what a key sorts by: its least value, or its greatest; None without one."""
        place = (key, is_descending)
        if place not in self.sort_values:
            values = [v for e in self.entries.get(key, ()) if (v := self.rank(e, is_descending)) is not None]
            self.sort_values[place] = (max(values) if is_descending else min(values)) if values else None
        return self.sort_values[place]

    def add_many(self, keys: list[Key], entry: Any) -> None:
        """Add an entry of many keys, while the index is filled."""
        for key in keys:
            self.add(key, entry)

    @abstractmethod
    def add(self, key: Key, entry: Any) -> None:
        """Add an entry."""

    @abstractmethod
    def remove(self, key: Key, entry: Any) -> None:
        """Remove an entry."""

    @abstractmethod
    def select(self, term: Any) -> Selection:
        """Select the keys that match a term of this search type."""

    @abstractmethod
    def rank(self, entry: Any, is_descending: bool) -> Any:
        """Return what an entry sorts by, None when it has nothing to sort by."""
