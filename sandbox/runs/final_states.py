"""What is left of a task run or a fork that is over: its playground as its events left it, to be looked at.

Folded when somebody asks, and kept for a while: nothing but views is added to it. Its clock stands where it stood at
the end, and nothing falls due any more.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final
from weakref import WeakValueDictionary

from sandbox.playground.playground import Playground, Sandbox
from sandbox.record.reader import Reader
from sandbox.runs.lookup import RunLookup
from sandbox.runs.models import BenchmarkRun, Fork, Holder, TaskRun

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
    """Playgrounds of task runs and forks that are over, by id.

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

    async def of_sandbox(self, sandbox_id: str) -> tuple[Holder, Sandbox] | None:
        """Return a sandbox and whose it is, with the playground, if that is over; else None."""
        sql = "SELECT * FROM playgrounds WHERE id = (SELECT playground_id FROM sandboxes WHERE id = ?)"
        row = await self._reader.row(sql, sandbox_id)
        if row is None:
            return None
        holder: TaskRun | Fork
        if row["task_run_id"] is not None:
            run, holder = await self._lookup.find_task_run(row["task_run_id"])
            make = partial(self._of_task_run, run, holder)
        elif row["status"] != "active":
            await self._reader.check_kept(row["id"])
            holder = await self._lookup.archive.fork(row)
            make = partial(self._of_fork, holder)
        else:
            return None
        if not holder.is_over:
            return None
        playground = await self._playground(row["id"], make)
        sandbox = next(s for s in holder.sandboxes if s.id == sandbox_id)
        return replace(holder, playground=playground), sandbox

    async def _playground(self, key: str, make: Callable[[], Awaitable[Playground]]) -> Playground:
        playground = self._held.get(key)
        if playground is None:
            folding = self._folding.get(key)
            if folding is None:
                folding = self._folding[key] = asyncio.create_task(self._fold(key, make))
                folding.add_done_callback(lambda _: self._folding.pop(key, None))
            playground = await asyncio.shield(folding)
        self._recent[key] = playground
        self._recent.move_to_end(key)
        if len(self._recent) > KEPT:
            self._recent.popitem(last=False)
        return playground

    async def _fold(self, key: str, make: Callable[[], Awaitable[Playground]]) -> Playground:
        await self._flush()
        playground = await make()
        playground.is_torn_down = True
        self._held[key] = playground
        return playground

    async def _of_task_run(self, run: BenchmarkRun, task_run: TaskRun) -> Playground:
        playground = await self._lookup.archive.playground(run, task_run)
        playground.clock = StoppedClock(task_run.completed_at or run.updated_at)
        return playground

    async def _of_fork(self, fork: Fork) -> Playground:
        playground = await self._lookup.archive.fork_playground(fork)
        playground.clock = StoppedClock(fork.updated_at)
        return playground
