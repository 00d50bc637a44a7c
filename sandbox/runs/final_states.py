"""What is left of a task run that is over: its playground as its events left it, to be looked at.

Folded when somebody asks, and kept for a while: nothing but views is added to it. Its clock stands where it stood at
the end, and nothing falls due any more.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from weakref import WeakValueDictionary

from sandbox.playground.playground import Playground, Sandbox
from sandbox.record.reader import Reader
from sandbox.runs.lookup import RunLookup
from sandbox.runs.models import BenchmarkRun, TaskRun

KEPT: Final = 16


@dataclass(frozen=True, slots=True)
class StoppedClock:
    """A clock that always tells the same time."""

    moment: datetime

    def now(self) -> datetime:
        """Return that time."""
        return self.moment

    async def sleep(self, seconds: float) -> None:
        """Return at once: no time passes."""


class FinalStates:
    """Playgrounds of task runs that are over, by id.

    There is one object for a playground as long as anybody holds it, as it numbers the views; `flush` ends when
    everything that was handed to the record is readable there.
    """

    def __init__(self, lookup: RunLookup, reader: Reader, flush: Callable[[], Awaitable[None]]) -> None:
        self._lookup = lookup
        self._reader = reader
        self._flush = flush
        self._recent: OrderedDict[str, Playground] = OrderedDict()
        self._held: WeakValueDictionary[str, Playground] = WeakValueDictionary()
        self._folding: dict[str, asyncio.Task[Playground]] = {}

    async def of_sandbox(self, sandbox_id: str) -> tuple[TaskRun, Sandbox] | None:
        """Return a sandbox and its task run, with its playground, if that is over; else None."""
        sql = "SELECT task_run_id FROM playgrounds WHERE id = (SELECT playground_id FROM sandboxes WHERE id = ?)"
        row = await self._reader.row(sql, sandbox_id)
        if row is None or row["task_run_id"] is None:
            return None
        run, task_run = await self._lookup.find_task_run(row["task_run_id"])
        if not task_run.is_over:
            return None
        playground = await self._playground(run, task_run)
        sandbox = next(s for s in task_run.sandboxes if s.id == sandbox_id)
        return replace(task_run, playground=playground), sandbox

    async def _playground(self, run: BenchmarkRun, task_run: TaskRun) -> Playground:
        key = task_run.playground_id
        playground = self._held.get(key)
        if playground is None:
            folding = self._folding.get(key)
            if folding is None:
                folding = self._folding[key] = asyncio.create_task(self._fold(run, task_run))
                folding.add_done_callback(lambda _: self._folding.pop(key, None))
            playground = await asyncio.shield(folding)
        self._recent[key] = playground
        self._recent.move_to_end(key)
        if len(self._recent) > KEPT:
            self._recent.popitem(last=False)
        return playground

    async def _fold(self, run: BenchmarkRun, task_run: TaskRun) -> Playground:
        await self._flush()
        playground = await self._lookup.archive.playground(run, task_run)
        playground.is_torn_down = True
        playground.clock = StoppedClock(task_run.completed_at or run.updated_at)
        self._held[task_run.playground_id] = playground
        return playground
