"""Dates, dateTimes and instants of any precision as intervals of time (R4, Search, date).

The one reading of FHIR's dates. An interval is in microseconds since year 1, UTC, both ends inclusive. A text without a
time zone is read as UTC. What is asked for covers all that its digits leave open; what is stored does too, but an
instant, and a time with a fraction of a second, is a point, however many digits it was written with.
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, TypeAlias

from sandbox.errors import Invalid

Interval: TypeAlias = tuple[int, int]

_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
# A plus sign that was not percent-encoded in the URL arrives as a space.
_LOST_PLUS: Final = re.compile(r"(T[\d:.]+) (\d\d:\d\d)$", re.ASCII)
HOUR: Final = 3_600_000_000
_SECOND: Final = 1_000_000
DAY: Final = 24 * HOUR


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
            return first * DAY, _end_of_month(int(year), int(month or 12)) * DAY - 1
        start = date(int(year), int(month), int(day)).toordinal() * DAY
    except ValueError:
        return None
    if hour is None:
        return start, start + DAY - 1
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


def stored_interval(text: str, *, is_instant: bool = False) -> Interval | None:
    """Return the interval that a value in a resource stands for; None when it is no date.

    >>> low, high = stored_interval("2013-01-14T10:00:00.016Z")
    >>> high - low, stored_interval("2013-01-14T10:00:00.0160000+00:00") == (low, high)
    (0, True)
    """
    found = parse_date(text)
    return (found[0], found[0]) if found is not None and (is_instant or "." in text) else found


def asked_interval(text: str) -> Interval | None:
    """Return the interval that a value in a URL stands for; None when it is no date.

    >>> asked_interval("2013-01-14T10:00:00.016 01:00") == parse_date("2013-01-14T10:00:00.016+01:00")
    True
    """
    return parse_date(_LOST_PLUS.sub(r"\1+\2", text) if " " in text else text)


def read_parameter(name: str, value: str) -> Interval:
    """Return the interval that a parameter like `_since` stands for; raises `Invalid`."""
    found = asked_interval(value)
    if found is None:
        message = f'{name} must be a date or time like 2024-05-17 or 2024-05-17T10:30:00Z, not "{value}".'
        raise Invalid(message, issue_type="value", expression=f"http.{name}")
    return found


def point_of(instant: str) -> int:
    """Return the moment of an instant that is known to be one."""
    found = parse_date(instant)
    if found is None:
        raise ValueError(f"{instant!r} is no instant")
    return found[0]


def moment_of(now: datetime) -> int:
    """Return a point in time in the unit of the intervals."""
    utc = now.astimezone(UTC)
    seconds = (utc.hour * 60 + utc.minute) * 60 + utc.second
    return utc.toordinal() * DAY + seconds * _SECOND + utc.microsecond
