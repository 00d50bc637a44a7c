"""How long a run waits for a model that is busy: what its server asks for (`Retry-After`, RFC 9110 §10.2.3), else a
back-off that doubles, and never more than `limits.LLM_RETRY_WAIT_S` in all.

Must not know engines' wire formats; time is the server's clock's.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from sandbox import limits
from sandbox.clock import Clock
from sandbox.llm_tasks.engines.base import EngineFailure

BACK_OFF_S: Final = 0.5
_SECONDS: Final = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)


def read_retry_after(text: str, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` asks for, given as such or as an HTTP date; None for anything else.

    >>> now = datetime(2026, 4, 23, 9, 0, tzinfo=UTC)
    >>> read_retry_after("20", now), read_retry_after("Thu, 23 Apr 2026 09:00:07 GMT", now), read_retry_after("x", now)
    (20.0, 7.0, None)
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


class Patience:
    """What is left of one run's patience with one model."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left_s: float = limits.LLM_RETRY_WAIT_S

    async def wait(self, failure: EngineFailure, attempt: int) -> None:
        """Wait as long as is right after the attempt's failure; not at all when the model is not busy.

        Raises `EngineFailure` in its place, which says so, when that would take longer than there is patience for:
        to ask sooner than the server wants would be no use.
        """
        if not failure.is_busy:
            return
        asked = read_retry_after(failure.retry_after, self._clock.now()) if failure.retry_after is not None else None
        wait_s = max(asked or 0.0, BACK_OFF_S * 2 ** (attempt - 1))
        if wait_s > self._left_s:
            raise EngineFailure(
                failure.kind,
                f"{failure.message} The next attempt would have to wait {wait_s:g} s; "
                f"a run waits {limits.LLM_RETRY_WAIT_S} s in all, of which {self._left_s:g} s are left.",
                retry=False,
            )
        self._left_s -= wait_s
        await self._clock.sleep(wait_s)
