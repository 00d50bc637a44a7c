"""Dates of queries: absolute, or relative to now, as the documentation allows."""

import re
from datetime import UTC, date, datetime, time, timedelta

from sandbox.clock import parse_instant
from sandbox.llm_tasks.errors import ValidationFailed

_AGO = re.compile(r"(\d{1,6}) (second|minute|hour|day|week|month|year)s? ago")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2592000, "year": 31536000}


def read_moment(name: str, text: str, now: datetime, *, is_end: bool = False) -> datetime:
    """Read a query date: `2023-06-01`, an instant, `now`, `today`, `yesterday`, `24 hours ago`.

    A day as the end of a range means its last moment. Raises `ValidationFailed` naming the parameter.

    >>> read_moment("start_date", "24 hours ago", datetime(2026, 4, 20, tzinfo=UTC)).isoformat()
    '2026-04-19T00:00:00+00:00'
    """
    plain = text.strip().lower()
    if plain == "now":
        return now
    if plain in ("today", "yesterday"):
        return _day(now.date() - timedelta(days=plain == "yesterday"), is_end)
    match = _AGO.fullmatch(plain)
    try:
        if match is not None:
            return now - timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
        if re.fullmatch(r"\d{4}-\d\d-\d\d", plain):
            return _day(date.fromisoformat(plain), is_end)
        return parse_instant(text.strip())
    except (ValueError, OverflowError):
        raise ValidationFailed.at(
            ["query", name], f"{text[:60]!r} is not a date; write 2026-04-20, now, today, yesterday or 24 hours ago"
        ) from None


def _day(day: date, is_end: bool) -> datetime:
    return datetime.combine(day, time.max if is_end else time.min, UTC)
