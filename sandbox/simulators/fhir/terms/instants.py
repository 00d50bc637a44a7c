"""`meta.lastUpdated`: found in a stored resource's text without parsing it, and written as others need it.

What an instant means is `dates.py`'s; here it is only brought into another form.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from sandbox.clock import format_instant
from sandbox.r4.dates import DAY, parse_date
from sandbox.wire.http_dates import format_http_date

_UPDATED: Final = b'"lastUpdated":"'
_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)


def last_updated(text: bytes) -> str:
    """Return `meta.lastUpdated` of a stored resource's text, where it stands before the client's own; empty without.

    >>> last_updated(b'{"resourceType":"X","id":"1","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00Z"}}')
    '2026-01-01T00:00:00Z'
    """
    start = text.find(_UPDATED)
    if start < 0:
        return ""
    start += len(_UPDATED)
    return text[start : text.index(b'"', start)].decode()


def http_date(instant: str) -> str:
    """Write an instant as HTTP does, to the second; empty for what is none.

    >>> http_date("2026-04-20T17:10:02.999Z"), http_date("2016-12-31T23:59:60Z")
    ('Mon, 20 Apr 2026 17:10:02 GMT', 'Sun, 01 Jan 2017 00:00:00 GMT')
    """
    is_usual = len(instant) == 24 and instant[19] == "." and instant[23] == "Z"
    return _http_date(f"{instant[:19]}Z" if is_usual else instant)


@lru_cache(maxsize=4096)
def _http_date(instant: str) -> str:
    moment = datetime_of(instant)
    return "" if moment is None else format_http_date(moment)


def sortable(instant: str) -> str:
    """Return an instant in the one form whose texts sort by time, less their `Z`.

    A seed may use another zone or precision.

    >>> sortable("2026-04-20T19:10:02+02:00"), sortable("2026-04-20T17:10:02.0001Z")
    ('2026-04-20T17:10:02.000Z', '2026-04-20T17:10:02.000100Z')
    """
    if len(instant) == 24 and instant[-1] == "Z" and instant[17:19] != "60":
        return instant
    moment = datetime_of(instant)
    if moment is None:
        raise ValueError(f"{instant!r} is no instant")
    micros = moment.microsecond % 1000
    known = format_instant(moment)
    return f"{known[:-1]}{micros:03d}Z" if micros else known


def datetime_of(instant: str) -> datetime | None:
    """Return the point in time that an instant names, at the edge of the years 1 to 9999 where it lies beyond."""
    found = parse_date(instant)
    if found is None:
        return None
    try:
        return _FIRST + timedelta(microseconds=max(0, found[0] - DAY))
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
