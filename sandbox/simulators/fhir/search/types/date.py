"""Date search (R4 search, 3.1.1.4.7): dates, times, periods and timings as intervals of time.

An interval is in microseconds since year 1, UTC, both ends inclusive. A value without a time zone
is read as UTC. A Period's missing end is infinite; of a Timing only the outer limits count. `ap`
widens the search range by a tenth of its distance from the present.
"""

import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final

from sandbox.jsonio import Json
from sandbox.simulators.fhir.search.definitions import Parameter
from sandbox.simulators.fhir.search.index import Index
from sandbox.simulators.fhir.search.intervals import PREFIXES, Interval, IntervalIndex, Range
from sandbox.simulators.fhir.search.paths import Path
from sandbox.simulators.fhir.search.problems import BadValue
from sandbox.simulators.fhir.search.types.base import Context, SearchType
from sandbox.simulators.fhir.search.values import unescape

_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
# A plus sign that was not percent-encoded in the URL arrives as a space.
_LOST_PLUS: Final = re.compile(r"(T[\d:.]+) (\d\d:\d\d)$", re.ASCII)
_SECOND: Final = 1_000_000
_DAY: Final = 86_400 * _SECOND


@lru_cache(maxsize=65_536)
def parse_date(text: str) -> Interval | None:
    """Return the interval that a date or time of any precision covers; None when it is none.

    >>> low, high = parse_date("2013-01-14T10:00Z")
    >>> high - low + 1
    60000000
    """
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        if day is None:
            first = date(int(year), int(month or 1), 1).toordinal()
            return first * _DAY, _end_of_month(int(year), int(month or 12)) * _DAY - 1
        start = date(int(year), int(month), int(day)).toordinal() * _DAY
    except ValueError:
        return None
    if hour is None:
        return start, start + _DAY - 1
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        return None
    start += ((int(hour) * 60 + int(minute)) * 60 + int(second or 0)) * _SECOND
    width = 60 * _SECOND if second is None else _SECOND
    if fraction:
        digits = fraction[:6]
        start += int(digits.ljust(6, "0"))
        width = 10 ** (6 - len(digits))
    if zone and zone != "Z":
        if int(zone[1:3]) > 14 or int(zone[4:]) > 59:
            return None
        offset = (int(zone[1:3]) * 60 + int(zone[4:])) * 60 * _SECOND
        start += offset if zone[0] == "-" else -offset
    return start, start + width - 1


def _end_of_month(year: int, month: int) -> int:
    if (year, month) == (9999, 12):
        return date.max.toordinal() + 1
    return (date(year + 1, 1, 1) if month == 12 else date(year, month + 1, 1)).toordinal()


def intervals_of(kind: str, raw: Json) -> list[Interval]:
    """Read the intervals of a value of one of the date types."""
    if isinstance(raw, str):
        found = parse_date(raw)
        return [found] if found else []
    if not isinstance(raw, dict):
        return []
    if kind == "Period":
        return [period] if (period := _period(raw)) else []
    if kind == "Timing":
        return [timing] if (timing := _timing(raw)) else []
    return []


def _period(raw: dict[str, Any]) -> Interval | None:
    start = parse_date(raw["start"]) if isinstance(raw.get("start"), str) else None
    end = parse_date(raw["end"]) if isinstance(raw.get("end"), str) else None
    if start is None and end is None:
        return None
    low, high = start[0] if start else -math.inf, end[1] if end else math.inf
    return (low, high) if low <= high else None


def _timing(raw: dict[str, Any]) -> Interval | None:
    events = raw.get("event")
    limits = [i for e in (events if isinstance(events, list) else ()) if isinstance(e, str) and (i := parse_date(e))]
    repeat = raw.get("repeat")
    bounds = repeat.get("boundsPeriod") if isinstance(repeat, dict) else None
    if isinstance(bounds, dict) and (period := _period(bounds)):
        limits.append(period)
    return (min(low for low, _ in limits), max(high for _, high in limits)) if limits else None


def moment_of(now: datetime) -> int:
    """Return a point in time in the unit of the intervals."""
    utc = now.astimezone(UTC)
    seconds = (utc.hour * 60 + utc.minute) * 60 + utc.second
    return utc.toordinal() * _DAY + seconds * _SECOND + utc.microsecond


class DateType(SearchType):
    """Parameters of type date."""

    name = "date"
    is_exact_to_the_digit = False

    def parse(self, parameter: Parameter, modifier: str | None, text: str, context: Context) -> Range:
        """Read one value."""
        value = unescape(text)
        prefix = value[:2] if value[:2] in PREFIXES else "eq"
        rest = value[2:] if value[:2] in PREFIXES else value
        interval = parse_date(_LOST_PLUS.sub(r"\1+\2", rest))
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
