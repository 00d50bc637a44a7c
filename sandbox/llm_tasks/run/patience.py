"""How long a run waits for a model that is busy: what its server asks for (`Retry-After`, RFC 9110 §10.2.3), else a
back-off that doubles, and never more than `limits.LLM_RETRY_WAIT_S` in all.

Must not know engines' wire formats; time is the server's clock's.
"""

from typing import Final

from sandbox import limits
from sandbox.clock import Clock
from sandbox.llm_tasks.engines.base import EngineFailure
from sandbox.wire.http_dates import retry_after_s

BACK_OFF_S: Final = 0.5


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
        asked = retry_after_s(failure.retry_after, self._clock.now()) if failure.retry_after is not None else None
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
