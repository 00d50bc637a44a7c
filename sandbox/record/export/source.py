"""What every format is made from: the run and its tasks as the API shows them, and each task's events one by one.

Events are read in batches while a format is written, so that the memory it takes does not grow with the run.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sandbox.errors import NotFound
from sandbox.limits import KIB
from sandbox.playground.events import METHODS, Event
from sandbox.record.export.server_time import ServerTime
from sandbox.record.reader import Reader
from sandbox.record.runs import RunRows

_LONG_BYTES: Final = 64 * KIB
_LONG_CHANGES: Final = 500


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task run and its present criterion runs, as JSON of the API."""

    task_run: Mapping[str, Any]
    criterion_runs: Sequence[Mapping[str, Any]]

    @property
    def key(self) -> str:
        """What people call it."""
        return str(self.task_run["key"])


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run, as JSON of the API, and its tasks in the benchmark's order."""

    run: Mapping[str, Any]
    tasks: Sequence[TaskRecord]

    @property
    def benchmark(self) -> str:
        """`slug@version`."""
        of = self.run["benchmark"]
        return f"{of['slug']}@{of['version']}"


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event, and when it began by the server's own clock; None where the playground's clock does not tell."""

    event: Event
    server_at: datetime | None

    @property
    def is_call(self) -> bool:
        """Whether somebody called: what a playground does by itself is none."""
        return self.event.request is not None and self.event.request.method in METHODS

    async def written(self, write: Callable[[], bytes]) -> bytes:
        """Return what `write` makes of it; on a thread, where that takes longer than others may wait."""
        messages = (self.event.request, self.event.response)
        size = sum(len(message.body) for message in messages if message is not None)
        is_long = size > _LONG_BYTES or len(self.event.changes) > _LONG_CHANGES
        return await asyncio.to_thread(write) if is_long else write()


class RunSource:
    """The recorded runs of one record."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._rows = RunRows(reader)

    async def run(self, benchmark_run_id: str, *, has_events: bool = True) -> RunRecord:
        """Return a run. Raises `NotFound`, and `Gone` where its events are wanted and were pruned."""
        raw = await self._rows.run(benchmark_run_id)
        if raw is None:
            raise NotFound(f"There is no run {benchmark_run_id[:100]}. `sandbox runs` lists those there are.")
        return await self._record(raw, has_events=has_events)

    async def run_of_playground(self, playground_id: str) -> RunRecord | None:
        """Return the run that a playground belongs to."""
        raw = await self._rows.run_of_playground(playground_id)
        return None if raw is None else await self._record(raw, has_events=False)

    async def _record(self, raw: Mapping[str, Any], *, has_events: bool) -> RunRecord:
        tasks = []
        for task_run in raw["task_runs"]:
            if has_events:
                await self.reader.check_kept(task_run["playground_id"])
            tasks.append(TaskRecord(task_run, await self._rows.criterion_runs(task_run["id"])))
        return RunRecord({name: value for name, value in raw.items() if name != "task_runs"}, tasks)

    async def events(self, task: TaskRecord) -> AsyncIterator[Recorded]:
        """Yield a task run's events, oldest first."""
        told = ServerTime()
        async for event in self.reader.events(task.task_run["playground_id"]):
            yield Recorded(event, told.of(event))
