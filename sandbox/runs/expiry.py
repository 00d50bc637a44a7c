"""A run ends with its token, or when nobody called for so long as the settings allow: when it is time to look.

Timers run on the loop's own clock, which a sleeping machine holds up; so whoever needs room looks, too.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sandbox.clock import Clock
from sandbox.runs.models import BenchmarkRun


class Expiry:
    """Calls `end` for every run whose time is over. `idle_s` is how long it may go without a call; None is for ever."""

    def __init__(self, clock: Clock, end: Callable[[BenchmarkRun], None], idle_s: float | None = None) -> None:
        self._clock = clock
        self._end = end
        self._idle = None if idle_s is None else timedelta(seconds=idle_s)

    def watch(self, run: BenchmarkRun) -> None:
        """Look at a run when its time is over as things stand."""
        left_s = (self._ends_at(run) - self._clock.now()).total_seconds()
        run.expiry = asyncio.get_running_loop().call_later(max(left_s, 0), self._look, run)

    def _ends_at(self, run: BenchmarkRun) -> datetime:
        if self._idle is None:
            return run.token_expires_at
        return min(run.token_expires_at, run.last_call_at + self._idle)

    def _look(self, run: BenchmarkRun) -> None:
        if run.is_over:
            return
        if self._ends_at(run) > self._clock.now():  # somebody called meanwhile, or the clock was put back
            self.watch(run)
        else:
            self._end(run)

    def end_expired(self, runs: Iterable[BenchmarkRun]) -> None:
        """End those of the runs whose time is over."""
        now = self._clock.now()
        for run in [run for run in runs if not run.is_over and self._ends_at(run) <= now]:
            self._end(run)
