"""Dates and times as periods, for `min` and `max`: a bound of `2026-04-20` means that whole day.

Reads ISO 8601 as FHIR writes it (year, year-month, date, date with time and zone) and the compact
form of HL7 v2 (2.A.22 DTM: `YYYYMMDD[HH[MM[SS[.S…]]]][+ZZZZ]`).
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# To 14 hours, as FHIR and HL7 have it.
_ZONE: Final = r"(?P<zone>Z|[+-](?:0\d|1[0-4]):?[0-5]\d)?"
_ISO: Final = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    rf"([T ](?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<fraction>\d+))?)?{_ZONE})?)?)?",
    re.ASCII,
)
_COMPACT: Final = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    rf"((?P<hour>\d\d)((?P<minute>\d\d)((?P<second>\d\d)(\.(?P<fraction>\d+))?)?)?)?{_ZONE}",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Period:
    """What a date covers, from `start` up to but not including `end`, as written on the wall
    clock; `offset` is the zone, None when none was written."""

    start: datetime
    end: datetime
    offset: timedelta | None

    def begins_before(self, other: "Period") -> bool:
        """Whether this one begins earlier than the other one does.

        Times are compared in UTC when both have a zone, else as they are written.
        """
        return _moment(self.start, self.offset, other.offset) < _moment(other.start, other.offset, self.offset)

    def ends_after(self, other: "Period") -> bool:
        """Whether this one ends later than the other one does."""
        return _moment(self.end, self.offset, other.offset) > _moment(other.end, other.offset, self.offset)


def parse_period(text: str) -> Period | None:
    """Read a date or a time with the precision it is written in; None when it is neither.

    >>> parse_period("2026-04").end.isoformat()
    '2026-05-01T00:00:00'
    >>> parse_period("202604201015-0500").offset
    datetime.timedelta(days=-1, seconds=68400)
    >>> parse_period("2026-02-30") is None, parse_period("2016-12-31T23:59:60Z") == parse_period("2017-01-01T00:00:00Z")
    (True, True)
    """
    match = _ISO.fullmatch(text) or _COMPACT.fullmatch(text)
    if match is None:
        return None
    given = match.groupdict()
    month, day, hour = given["month"], given["day"], given["hour"]
    minute, second, fraction = given["minute"], given["second"], given["fraction"]
    is_leap = second == "60"  # the first second of the next minute has the same place
    try:
        start = datetime(
            int(given["year"]),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            59 if is_leap else int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")),
        )
    except ValueError:
        return None
    if fraction:
        length = timedelta(microseconds=1)
    elif second:
        length = timedelta(seconds=1)
    elif minute:
        length = timedelta(minutes=1)
    elif hour:
        length = timedelta(hours=1)
    elif day:
        length = timedelta(days=1)
    else:
        return Period(start, _following(start, is_month=month is not None), None)
    if is_leap:
        start = _plus(start, timedelta(seconds=1))
    return Period(start, _plus(start, length), _offset(given["zone"]))


def _following(start: datetime, is_month: bool) -> datetime:
    if is_month and start.month < 12:
        return start.replace(month=start.month + 1)
    return datetime.max if start.year == 9999 else start.replace(year=start.year + 1, month=1)


def _offset(zone: str | None) -> timedelta | None:
    if zone is None:
        return None
    if zone == "Z":
        return timedelta()
    size = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return -size if zone[0] == "-" else size


def _moment(wall: datetime, offset: timedelta | None, other: timedelta | None) -> datetime:
    return wall if offset is None or other is None else _plus(wall, -offset)


def _plus(moment: datetime, length: timedelta) -> datetime:
    try:
        return moment + length
    except OverflowError:
        return datetime.max if length > timedelta() else datetime.min
