"""Quantity search (R4 search, 3.1.1.4.11): a number, and the unit it is in.

`5.4` looks at any unit, `5.4||mg` at quantities whose code or unit is mg, `5.4|system` (or `5.4|system|`) at those
of any code of the system, `5.4|system|code` at those of that code; where both sides are UCUM, at those of any unit that
it can be converted to. A quantity with a comparator (`<5`) is the interval it stands for.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from sandbox import ucum
from sandbox.jsonio import Json
from sandbox.simulators.fhir.search.indexes.index import EMPTY, Index, Key, Keys, Selection
from sandbox.simulators.fhir.search.indexes.intervals import Intervals, Range
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.terms.paths import Path
from sandbox.simulators.fhir.search.terms.problems import BadValue
from sandbox.simulators.fhir.search.terms.values import split, unescape
from sandbox.simulators.fhir.search.types.base import Context, SearchType
from sandbox.simulators.fhir.search.types.number import (
    bounds_of,
    exact,
    interval_of_range,
    parse_number,
    range_of,
    split_prefix,
)

CURRENCY: Final = "urn:iso:std:iso:4217"
Group: TypeAlias = tuple[Any, ...]
ANY: Final[Group] = ("any",)
_SYSTEM: Final = "system"
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:").match


@dataclass(frozen=True, slots=True)
class QuantityTerm:
    """A range, in one group of quantities that can be compared with it."""

    group: Group
    range: Range


class QuantityEntry(NamedTuple):
    """The interval of a quantity in every group that it belongs to."""

    places: tuple[tuple[Group, float, float], ...]


class QuantityIndex(Index):
    """Intervals by group: any unit, one code, one unit text, one UCUM dimension."""

    def __init__(self) -> None:
        super().__init__()
        self._groups: dict[Group, Intervals] = {}
        self._is_sealed = False

    def seal(self) -> None:
        """Sort what was loaded."""
        for group in self._groups.values():
            group.seal()
        self._is_sealed = True

    def add(self, key: Key, entry: QuantityEntry) -> None:
        """Add an entry."""
        for group, low, high in entry.places:
            intervals = self._groups.get(group)
            if intervals is None:
                intervals = self._groups[group] = Intervals(self._is_sealed)
            intervals.add(key, (low, high))

    def add_many(self, keys: list[Key], entry: QuantityEntry) -> None:
        """Add an entry of many keys, before the index is sealed."""
        for group, low, high in entry.places:
            intervals = self._groups.get(group)
            if intervals is None:
                intervals = self._groups[group] = Intervals()
            intervals.add_many(keys, (low, high))

    def remove(self, key: Key, entry: QuantityEntry) -> None:
        """Remove an entry."""
        for group, low, high in entry.places:
            self._groups[group].remove(key, (low, high))

    def select(self, term: QuantityTerm) -> Selection:
        """Select by a term."""
        if term.group[0] == _SYSTEM:
            return self._of_system(term)
        group = self._groups.get(term.group)
        return EMPTY if group is None else group.select(term.range)

    def _of_system(self, term: QuantityTerm) -> Selection:
        """Select in any unit, and look at the systems of those; that is rarely asked for, and needs no group."""
        intervals = self._groups.get(ANY)
        if intervals is None:
            return EMPTY
        found = intervals.select(term.range)

        def keep(candidates: Keys) -> Keys:
            return {key for key in candidates if any(_is_of_system(e, term) for e in self.entries.get(key, ()))}

        return Selection(found.estimate, lambda: keep(found.keys()), keep)

    def rank(self, entry: QuantityEntry, is_descending: bool) -> float | None:
        """Return what an entry sorts by."""
        if not entry.places:
            return None
        _, low, high = entry.places[-1]
        return high if is_descending else low


class QuantityType(SearchType):
    """Parameters of type quantity."""

    name = "quantity"

    def parse(self, parameter: Parameter, modifier: str | None, text: str, context: Context) -> QuantityTerm:
        """Read one value."""
        parts = [unescape(part) for part in split(text, "|")]
        if len(parts) > 3 or (len(parts) > 1 and not any(parts[1:])):
            raise BadValue("is not of the form number, number|system, number||code or number|system|code")
        prefix, rest = split_prefix(parts[0])
        number = parse_number(rest)
        points = (number, *bounds_of(prefix, number))
        plain = range_of(prefix, *map(float, points))
        if len(parts) == 1:
            return QuantityTerm(ANY, plain)
        _, system, code = parts if len(parts) == 3 else (*parts, "")
        if not code:
            if not _ABSOLUTE(system):
                raise BadValue(f'has the system "{system}", which is no URI; for a unit alone write number||{system}')
            return QuantityTerm((_SYSTEM, system), plain)
        if not system:
            return QuantityTerm(("unit", code), plain)
        unit = ucum.unit_of(code) if system == ucum.SYSTEM else None
        if unit is None:
            return QuantityTerm(("code", system, code), plain)
        return QuantityTerm(("ucum", unit.dimensions), range_of(prefix, *(_to_base(unit, p) for p in points)))

    def entries(
        self, parameter: Parameter, facet: str, path: Path, raw: Json, resource: Json
    ) -> Iterable[QuantityEntry]:
        """Read the entries of one value of a resource."""
        if not isinstance(raw, dict):
            return ()
        entry = _entry_of(path.type, raw)
        return () if entry is None else (entry,)

    def new_index(self, parameter: Parameter, facet: str) -> Index:
        """Make an empty index."""
        return QuantityIndex()


def _is_of_system(entry: QuantityEntry, term: QuantityTerm) -> bool:
    """Whether a quantity has a term's system, and its number is within the range."""
    system = term.group[1]
    is_there = any(
        group[:2] in ((_SYSTEM, system), ("code", system)) or (group[0] == "ucum" and system == ucum.SYSTEM)
        for group, *_ in entry.places
    )
    return is_there and any(group == ANY and term.range.matches(low, high) for group, low, high in entry.places)


def _to_base(unit: ucum.Unit, value: Decimal | None, default: float = 0.0) -> float:
    return default if value is None else unit.to_base(value)


def _entry_of(kind: str, raw: dict[str, Any]) -> QuantityEntry | None:
    if kind == "Range":
        low, high = interval_of_range(raw)
        ends = [end for end in (raw.get("low"), raw.get("high")) if isinstance(end, dict)]
        return _places(low, high, ends[0] if ends else {})
    if kind == "Money":
        value = exact(raw.get("value"))
        return _places(value, value, {"system": CURRENCY, "code": raw.get("currency")})
    if kind == "SampledData":
        low, high = _sampled_bounds(raw)
        origin = raw.get("origin")
        return _places(low, high, origin if isinstance(origin, dict) else {})
    value = exact(raw.get("value"))
    entry = _places(value, value, raw)
    return entry if entry is None or "comparator" not in raw else _compared(entry, raw["comparator"])


def _places(low: Decimal | None, high: Decimal | None, unit: dict[str, Any]) -> QuantityEntry | None:
    if low is None and high is None:
        return None
    texts = [text if isinstance(text := unit.get(name), str) else None for name in ("code", "system", "unit")]
    return _placed(low, high, *texts)


@lru_cache(maxsize=8192)
def _placed(
    low: Decimal | None, high: Decimal | None, code: str | None, system: str | None, text: str | None
) -> QuantityEntry:
    plain = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
    places: list[tuple[Group, float, float]] = [(ANY, *plain)]
    places += [(("unit", name), *plain) for name in sorted({name for name in (code, text) if name is not None})]
    if system is not None and code is None:
        places.append(((_SYSTEM, system), *plain))
    if code is not None and system is not None:
        known = ucum.unit_of(code) if system == ucum.SYSTEM else None
        if known is None:
            places.append((("code", system, code), *plain))
        else:
            group = ("ucum", known.dimensions)
            places.append((group, _to_base(known, low, -math.inf), _to_base(known, high, math.inf)))
    return QuantityEntry(tuple(places))


def _compared(entry: QuantityEntry, comparator: Json) -> QuantityEntry:
    def widen(low: float, high: float) -> tuple[float, float]:
        match comparator:
            case "<":
                return -math.inf, math.nextafter(low, -math.inf)
            case "<=":
                return -math.inf, high
            case ">":
                return math.nextafter(high, math.inf), math.inf
            case ">=":
                return low, math.inf
            case _:
                return low, high

    return QuantityEntry(tuple((group, *widen(low, high)) for group, low, high in entry.places))


def _sampled_bounds(raw: dict[str, Any]) -> tuple[Decimal | None, Decimal | None]:
    origin = raw.get("origin")
    zero = exact(origin.get("value")) if isinstance(origin, dict) else None
    factor = exact(raw.get("factor")) or Decimal(1)
    data = raw.get("data")
    if zero is None or not isinstance(data, str):
        return None, None
    values = []
    for text in data.split():
        limit = {"L": "lowerLimit", "U": "upperLimit"}.get(text)
        try:
            value = exact(raw.get(limit)) if limit else parse_number(text)
        except BadValue:
            continue
        if value is not None:
            values.append(value * factor + zero)
    return (min(values), max(values)) if values else (None, None)
