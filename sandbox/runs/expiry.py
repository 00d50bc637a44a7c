"""A run ends with its token: when it is time to look, and what has expired meanwhile.

Timers run on the loop's own clock, which a sleeping machine holds up; so whoever needs room looks, too.
"""

import asyncio
from collections.abc import Callable, Iterable

from sandbox.clock import Clock
from sandbox.runs.models import BenchmarkRun


class Expiry:
    """Calls `end` for every run whose token has expired, once the time has come."""

    def __init__(self, clock: Clock, end: Callable[[BenchmarkRun], None]) -> None:
        self._clock = clock
        self._end = end

    def watch(self, run: BenchmarkRun) -> None:
        """Look at a run when its token expires."""
        left_s = (run.token_expires_at - self._clock.now()).total_seconds()
        run.expiry = asyncio.get_running_loop().call_later(max(left_s, 0), self._look, run)

    def _look(self, run: BenchmarkRun) -> None:
        if run.is_over:
            return
        if run.token_expires_at > self._clock.now():  # the clock was put back
            self.watch(run)
        else:
            self._end(run)

    def end_expired(self, runs: Iterable[BenchmarkRun]) -> None:
        """End those of the runs whose token has expired."""
        now = self._clock.now()
        for run in [run for run in runs if not run.is_over and run.token_expires_at <= now]:
            self._end(run)
