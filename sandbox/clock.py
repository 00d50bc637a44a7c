"""Time: the only module that reads the machine's clock.

A playground has a clock of its own (`playground/clock.py`); this leaf only tells real time and
how a point in time is written on the wire: `2026-04-20T17:10:02.000Z`.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


class Clock(Protocol):
    """Anything that tells the time and can let it pass; tests pass a fake."""

    def now(self) -> datetime:
        """Return the current time, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when so much time has passed."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the current time, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Return when so much time has passed."""
        await asyncio.sleep(seconds)


def monotonic_s() -> float:
    """Return seconds of a clock that never goes back, for durations."""
    return time.perf_counter()


def format_instant(moment: datetime) -> str:
    """Write a point in time as ISO 8601 UTC with milliseconds.

    >>> format_instant(datetime(2026, 4, 20, 17, 10, 2, tzinfo=UTC))
    '2026-04-20T17:10:02.000Z'
    """
    return f"{_to_the_second((moment - _EPOCH) // _SECOND)}.{moment.microsecond // 1000:03d}Z"


@lru_cache(maxsize=1024)
def _to_the_second(seconds: int) -> str:
    """Write whole seconds since 1970; many instants of one second are written, one after the other."""
    return (_EPOCH + seconds * _SECOND).replace(tzinfo=None).isoformat()


def format_micros(moment: datetime) -> str:
    """Write a point in time as ISO 8601 UTC with microseconds and an offset; these texts sort by time.

    >>> format_micros(datetime(2026, 4, 20, 17, 10, 2, 500, tzinfo=UTC))
    '2026-04-20T17:10:02.000500+00:00'
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 point in time; a missing zone means UTC. Raises `ValueError`, also for one outside of our era.

    >>> parse_instant("2026-04-20T17:10:02Z").isoformat()
    '2026-04-20T17:10:02+00:00'
    """
    moment = datetime.fromisoformat(text)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is before the year 1 or after the year 9999 in UTC") from None
