"""Dates as HTTP writes and reads them, and `Retry-After` (RFC 9110 §5.6.7, §10.2.3).

The one reading for every surface, for the client and for the servers that this one asks. A date that cannot be read
is None, which HTTP asks to ignore; none is an error.
"""

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

_SECONDS: Final = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)


def format_http_date(moment: datetime) -> str:
    """Write a point in time to the second.

    >>> format_http_date(datetime(2026, 4, 23, 9, 0, 0, 999, tzinfo=UTC))
    'Thu, 23 Apr 2026 09:00:00 GMT'
    """
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def parse_http_date(text: str) -> datetime | None:
    """Return the point in time, in UTC, that a date stands for; None when it is none.

    >>> parse_http_date("Thu, 23 Apr 2026 09:00:00 GMT").isoformat(), parse_http_date("2026-04-23")
    ('2026-04-23T09:00:00+00:00', None)
    """
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def retry_after_s(text: str, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` asks for, given as such or as a date; None for anything else.

    >>> now = datetime(2026, 4, 23, 9, 0, tzinfo=UTC)
    >>> retry_after_s("20", now), retry_after_s("Thu, 23 Apr 2026 09:00:07 GMT", now), retry_after_s("x", now)
    (20.0, 7.0, None)
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    moment = parse_http_date(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())
