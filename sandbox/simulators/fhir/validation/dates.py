"""Comparing FHIR dates of any precision: each text stands for an interval (R4, Search, date)."""

from datetime import UTC, datetime, timedelta

_DAY = timedelta(days=1)
_ZONE_SLACK = timedelta(hours=14)


def interval(text: str, *, is_utc: bool = False) -> tuple[datetime, datetime] | None:
    """Return the first and last moment a date or dateTime may mean, None when it is not a date.

    A text without a zone may be in any zone, so its interval is wider by 14 hours on both sides,
    unless `is_utc`.

    >>> first, last = interval("2020-02")
    >>> first.isoformat(), last.isoformat()
    ('2020-01-31T10:00:00+00:00', '2020-03-01T14:00:00+00:00')
    """
    try:
        if "T" in text:
            moment = datetime.fromisoformat(text.replace(":60", ":59"))
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            return moment, moment if "." in text else moment + timedelta(seconds=1)
        parts = [int(part) for part in text.split("-")]
        year, month, day = [*parts, 1, 1][:3]
        first = datetime(year, month, day, tzinfo=UTC)
        if len(parts) == 3:
            last = first + _DAY
        elif len(parts) == 2:
            last = (first + 31 * _DAY).replace(day=1)
        else:
            last = first.replace(year=first.year + 1)
        return (first, last) if is_utc else (first - _ZONE_SLACK, last + _ZONE_SLACK)
    except (ValueError, OverflowError, TypeError):
        return None


def is_after(first: object, second: object) -> bool:
    """Whether the first date is certainly after the second, whatever their precision and zones.

    >>> is_after("2020", "2019-12-30"), is_after("2020-05", "2020")
    (True, False)
    """
    if not isinstance(first, str) or not isinstance(second, str):
        return False
    if "T" not in first and "T" not in second:
        length = min(len(first), len(second))
        return first[:length] > second[:length]
    one, two = interval(first), interval(second)
    return one is not None and two is not None and one[0] > two[1]
