"""Where `runs` and `show` read from: a running server, or what one left on disk.

Both answer with the same objects. The reader of the data directory is given by the caller, because
it belongs to a part that this one must not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sandbox.client.client import SandboxClient
from sandbox.client.errors import NotFoundError
from sandbox.client.models import BenchmarkRun, CriterionRun, Event, TaskRun
from sandbox.errors import NotFound

LATEST = "latest"


class RunRecords(Protocol):
    """The recorded runs, newest first, and everything in them."""

    async def list_benchmark_runs(self, *, limit: int | None = None) -> list[BenchmarkRun]:
        """Return the newest runs."""
        ...

    async def get_benchmark_run(self, benchmark_run_id: str) -> BenchmarkRun:
        """Return one run; raises `NotFound` or `NotFoundError`."""
        ...

    async def list_task_runs(self, benchmark_run_id: str) -> list[TaskRun]:
        """Return the run's task runs."""
        ...

    async def list_criterion_runs(self, task_run_id: str) -> list[CriterionRun]:
        """Return the task run's criterion runs, evidence included."""
        ...

    async def list_events(self, task_run_id: str) -> list[Event]:
        """Return the task run's events, oldest first."""
        ...


class ServerRecords:
    """The records of a running server, read with an organization key."""

    def __init__(self, client: SandboxClient) -> None:
        self._client = client

    async def list_benchmark_runs(self, *, limit: int | None = None) -> list[BenchmarkRun]:
        """Return the newest runs, each with its task runs, which the list leaves out."""
        listed = await self._client.list_benchmark_runs(limit=limit)
        return [run if run.task_runs else await self._client.get_benchmark_run(run.id) for run in listed]

    async def get_benchmark_run(self, benchmark_run_id: str) -> BenchmarkRun:
        """Return one run."""
        return await self._client.get_benchmark_run(benchmark_run_id)

    async def list_task_runs(self, benchmark_run_id: str) -> list[TaskRun]:
        """Return the run's task runs, each with its snapshot and criterion runs."""
        listed = await self._client.list_task_runs(benchmark_run_id)
        return [await self._client.get_task_run(task_run.id) for task_run in listed]

    async def list_criterion_runs(self, task_run_id: str) -> list[CriterionRun]:
        """Return the task run's criterion runs."""
        return await self._client.list_criterion_runs(task_run_id)

    async def list_events(self, task_run_id: str) -> list[Event]:
        """Return the task run's events."""
        return await self._client.list_events(task_run_id)


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task run with everything that is known about it."""

    task_run: TaskRun
    criterion_runs: tuple[CriterionRun, ...]
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run with everything that is known about it."""

    run: BenchmarkRun
    tasks: tuple[TaskRecord, ...]


async def read_run(records: RunRecords, benchmark_run_id: str, task_keys: Sequence[str] = ()) -> RunRecord:
    """Read one run in full; `latest` is the newest one.

    Raises `NotFound` when there is no such run, or no such task in it.
    """
    if benchmark_run_id == LATEST:
        newest = await records.list_benchmark_runs(limit=1)
        if not newest:
            raise NotFound("No run has been recorded yet. Make one: sandbox rehearse mock@2")
        benchmark_run_id = newest[0].id
    try:
        run = await records.get_benchmark_run(benchmark_run_id)
    except (NotFound, NotFoundError):
        raise NotFound(f"There is no run {benchmark_run_id}. `sandbox runs` lists those there are.") from None
    task_runs = await records.list_task_runs(run.id)
    # A list is newest first; a person reads tasks in the benchmark's order, which the run knows.
    order = {task_run.id: position for position, task_run in enumerate(run.task_runs)}
    task_runs.sort(key=lambda task_run: order.get(task_run.id, len(order)))
    keys = {name_of(task_run) for task_run in task_runs}
    if unknown := [key for key in task_keys if key not in keys]:
        raise NotFound(f"{run.id} has no task {', '.join(unknown)}; it has {', '.join(sorted(keys))}.")
    chosen = [task_run for task_run in task_runs if not task_keys or name_of(task_run) in task_keys]
    tasks = [
        TaskRecord(
            task_run,
            tuple(await records.list_criterion_runs(task_run.id)),
            tuple(await records.list_events(task_run.id)),
        )
        for task_run in chosen
    ]
    return RunRecord(run, tuple(tasks))


def name_of(task_run: TaskRun) -> str:
    """Return what people call a task run: its key, else its name, else its id."""
    return task_run.key or task_run.name or task_run.id
