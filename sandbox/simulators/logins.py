"""Logging in, what every simulator with a door does alike: the limit on attempts, and what a refused one may do.

A refused log-in is kept, as it is worth seeing, but anyone can send one: it moves neither a stepping clock nor
later ids, and past the limit it is refused without a trace.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from sandbox import limits
from sandbox.errors import RateLimited

WINDOW: Final = timedelta(minutes=1)


def check_rate(attempts: Iterable[datetime], now: datetime) -> None:
    """Raise `RateLimited` after `limits.LOGIN_ATTEMPTS_PER_MINUTE` attempts within a minute."""
    recent = [at for at in sorted(attempts) if at > now - WINDOW]
    if len(recent) < limits.LOGIN_ATTEMPTS_PER_MINUTE:
        return
    first = recent[-limits.LOGIN_ATTEMPTS_PER_MINUTE]
    wait = max(1, ceil((first + WINDOW - now).total_seconds()))
    raise RateLimited(
        f"More than {limits.LOGIN_ATTEMPTS_PER_MINUTE} login attempts within a minute; try again in {wait} s.",
        headers={"Retry-After": str(wait)},
    )
