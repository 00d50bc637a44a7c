"""Date search (R4 search, 3.1.1.4.7): dates, times, periods and timings as intervals of time.

How a date is read is `dates.py`'s. A Period's missing end is infinite; of a Timing only the outer limits count. `ap`
widens the search range by a tenth of its distance from the present.
"""

import math
from collections.abc import Iterable
from typing import Any

from sandbox.jsonio import Json
from sandbox.r4.dates import asked_interval, moment_of, stored_interval
from sandbox.simulators.fhir.search.indexes.index import Index
from sandbox.simulators.fhir.search.indexes.intervals import PREFIXES, Interval, IntervalIndex, Range
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.terms.paths import Path
from sandbox.simulators.fhir.search.terms.problems import BadValue
from sandbox.simulators.fhir.search.terms.values import unescape
from sandbox.simulators.fhir.search.types.base import Context, SearchType


def intervals_of(kind: str, raw: Json) -> list[Interval]:
    """Read the intervals of a value of one of the date types."""
    if isinstance(raw, str):
        found = stored_interval(raw, is_instant=kind == "instant")
        return [found] if found else []
    if not isinstance(raw, dict):
        return []
    if kind == "Period":
        return [period] if (period := _period(raw)) else []
    if kind == "Timing":
        return [timing] if (timing := _timing(raw)) else []
    return []


def _period(raw: dict[str, Any]) -> Interval | None:
    start = stored_interval(raw["start"]) if isinstance(raw.get("start"), str) else None
    end = stored_interval(raw["end"]) if isinstance(raw.get("end"), str) else None
    if start is None and end is None:
        return None
    low, high = start[0] if start else -math.inf, end[1] if end else math.inf
    return (low, high) if low <= high else None


def _timing(raw: dict[str, Any]) -> Interval | None:
    events = raw["event"] if isinstance(raw.get("event"), list) else []
    limits: list[Interval] = [i for e in events if isinstance(e, str) and (i := stored_interval(e))]
    repeat = raw.get("repeat")
    bounds = repeat.get("boundsPeriod") if isinstance(repeat, dict) else None
    if isinstance(bounds, dict) and (period := _period(bounds)):
        limits.append(period)
    return (min(low for low, _ in limits), max(high for _, high in limits)) if limits else None


class DateType(SearchType):
    """Parameters of type date."""

    name = "date"
    is_exact_to_the_digit = False

    def parse(self, parameter: Parameter, modifier: str | None, text: str, context: Context) -> Range:
        """Read one value."""
        value = unescape(text)
        prefix = value[:2] if value[:2] in PREFIXES else "eq"
        rest = value[2:] if value[:2] in PREFIXES else value
        interval = asked_interval(rest)
        if interval is None:
            raise BadValue("is not a date or time like 2024, 2024-05, 2024-05-17 or 2024-05-17T10:30:00Z")
        low, high = interval
        if prefix == "ap" and context.now is not None:
            present = moment_of(context.now)
            slack = int(max(present - high, low - present, 0)) // 10
            low, high = low - slack, high + slack
        return Range(prefix, low, high)

    def entries(self, parameter: Parameter, facet: str, path: Path, raw: Json, resource: Json) -> Iterable[Interval]:
        """Read the entries of one value of a resource."""
        return intervals_of(path.type, raw)

    def new_index(self, parameter: Parameter, facet: str) -> Index:
        """Make an empty index."""
        return IntervalIndex()
