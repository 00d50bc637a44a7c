"""The blocking twins of the client and the task session.

They run the asynchronous ones on an event loop of their own thread, so they behave alike to the
last header; every method has the name, the arguments and the result of its twin.
"""

from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from sandbox.client.client import SandboxClient
from sandbox.client.models import (
    Benchmark,
    BenchmarkRun,
    CriterionRun,
    Event,
    JsonObject,
    Place,
    Playground,
    Sandbox,
    Snapshot,
    Task,
    TaskCompletion,
    TaskRun,
)
from sandbox.client.session import Data, Params, TaskResponse, TaskSession
from sandbox.client.threads import LoopThread
from sandbox.client.transport import MAX_RETRIES, TIMEOUT_S

T = TypeVar("T")


class Runner(Protocol):
    """What runs a coroutine elsewhere and waits for it: a `LoopThread`, or the loop of a caller."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the coroutine's result."""
        ...


class TaskSessionSync:
    """One started task run, for code without an event loop; see `TaskSession`."""

    def __init__(self, session: TaskSession, runner: Runner) -> None:
        self._session = session
        self._runner = runner
        self.started: JsonObject = session.started
        self.token = session.token
        self.task_run_id = session.task_run_id
        self.benchmark_run_id = session.benchmark_run_id
        self.key = session.key
        self.name = session.name
        self.task_item: JsonObject = session.task_item
        self.endpoints: Mapping[str, str] = session.endpoints
        self.sandboxes: Sequence[JsonObject] = session.sandboxes
        self.urls: Mapping[str, str] = session.urls
        self.may_advance_clock = session.may_advance_clock
        self.base_url = session.base_url

    def __repr__(self) -> str:
        return f"<TaskSessionSync {self.key} {self.task_run_id}>"

    @property
    def calls(self) -> int:
        """How many requests were made."""
        return self._session.calls

    @property
    def is_closed(self) -> bool:
        """Whether the task has ended and no more calls are made."""
        return self._session.is_closed

    def close(self) -> None:
        """Refuse further calls."""
        self._session.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: Data | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> TaskResponse:
        """Call a surface and return what it answered; see `TaskSession.request`."""
        call = self._session.request(method, path, json=json, data=data, params=params, headers=headers)
        return self._runner.run(call)

    def advance_clock(self, seconds: float | None = None) -> TaskResponse:
        """Wait on the playground's clock; see `TaskSession.advance_clock`."""
        return self._runner.run(self._session.advance_clock(seconds))


class SandboxClientSync:
    """The client for code without an event loop; see `SandboxClient`. Use it as `with`, or `close` it."""

    def __init__(
        self,
        url: str,
        *,
        solver_key: str | None = None,
        api_key: str | None = None,
        timeout_s: float = TIMEOUT_S,
        max_retries: int = MAX_RETRIES,
    ) -> None:
        self._client = SandboxClient(
            url, solver_key=solver_key, api_key=api_key, timeout_s=timeout_s, max_retries=max_retries
        )
        self._thread = LoopThread("sandbox-client")
        self._owns_thread = True

    @classmethod
    def over(cls, client: SandboxClient, thread: LoopThread) -> Self:
        """Return the twin of an existing client, run on a given thread; neither is closed with it."""
        self = cls.__new__(cls)
        self._client, self._thread, self._owns_thread = client, thread, False
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The server's URL."""
        return self._client.url

    def close(self) -> None:
        """Close the connections and end the thread."""
        if self._owns_thread:
            self._owns_thread = False
            self._thread.run(self._client.close())
            self._thread.close()

    def create_benchmark_run(
        self,
        benchmark: str,
        *,
        scored: bool = False,
        agent: str | None = None,
        seed: int | None = None,
        tasks: Sequence[str] | None = None,
        mess: int | None = None,
    ) -> BenchmarkRun:
        """Create a run of `slug@version` (or `slug`, the latest) and remember its token.

        `tasks` chooses by key; `mess`, 0 to 3, takes the place of the benchmark's own level.
        """
        call = self._client.create_benchmark_run(
            benchmark, scored=scored, agent=agent, seed=seed, tasks=tasks, mess=mess
        )
        return self._thread.run(call)

    def get_benchmark_run(self, benchmark_run_id: str, *, token: str | None = None) -> BenchmarkRun:
        """Return a run."""
        return self._thread.run(self._client.get_benchmark_run(benchmark_run_id, token=token))

    def start_task_run(
        self, task_run_id: str, *, token: str | None = None, is_task_scoped: bool = False
    ) -> TaskSessionSync:
        """Start a task run and return its session."""
        call = self._client.start_task_run(task_run_id, token=token, is_task_scoped=is_task_scoped)
        return TaskSessionSync(self._thread.run(call), self._thread)

    def complete_task_run(
        self, task_run_id: str, *, output: Any = None, notes: str | None = None, token: str | None = None
    ) -> TaskCompletion:
        """Complete a task run and return its verdict and checks."""
        call = self._client.complete_task_run(task_run_id, output=output, notes=notes, token=token)
        return self._thread.run(call)

    def list_benchmarks(self, *, limit: int | None = None) -> list[Benchmark]:
        """Return the benchmarks, newest first."""
        return self._thread.run(self._client.list_benchmarks(limit=limit))

    def get_benchmark(self, benchmark_id: str) -> Benchmark:
        """Return one benchmark version."""
        return self._thread.run(self._client.get_benchmark(benchmark_id))

    def list_tasks(self, benchmark_id: str, *, limit: int | None = None) -> list[Task]:
        """Return the tasks of a benchmark version."""
        return self._thread.run(self._client.list_tasks(benchmark_id, limit=limit))

    def get_task(self, task_id: str) -> Task:
        """Return one task with its criteria."""
        return self._thread.run(self._client.get_task(task_id))

    def list_benchmark_runs(self, *, benchmark_id: str | None = None, limit: int | None = None) -> list[BenchmarkRun]:
        """Return the runs, newest first, of one benchmark version or of all."""
        return self._thread.run(self._client.list_benchmark_runs(benchmark_id=benchmark_id, limit=limit))

    def cancel_benchmark_run(self, benchmark_run_id: str) -> BenchmarkRun:
        """Cancel a run; the results of completed tasks stay. Without an organization key, a run of the solver's own."""
        return self._thread.run(self._client.cancel_benchmark_run(benchmark_run_id))

    def list_task_runs(self, benchmark_run_id: str, *, limit: int | None = None) -> list[TaskRun]:
        """Return the task runs of a run."""
        return self._thread.run(self._client.list_task_runs(benchmark_run_id, limit=limit))

    def get_task_run(self, task_run_id: str) -> TaskRun:
        """Return a task run with its criterion runs and its snapshot of the task."""
        return self._thread.run(self._client.get_task_run(task_run_id))

    def get_task_run_changes(self, task_run_id: str) -> JsonObject:
        """Return what a task run that is over changed: `changes`, each with `collection`, `key`, `before`, `after`."""
        return self._thread.run(self._client.get_task_run_changes(task_run_id))

    def cancel_task_run(self, task_run_id: str) -> TaskRun:
        """Cancel a task run."""
        return self._thread.run(self._client.cancel_task_run(task_run_id))

    def list_criterion_runs(self, task_run_id: str, *, limit: int | None = None) -> list[CriterionRun]:
        """Return the criterion runs of a task run, evidence included."""
        return self._thread.run(self._client.list_criterion_runs(task_run_id, limit=limit))

    def get_criterion_run(self, criterion_run_id: str) -> CriterionRun:
        """Return one criterion run."""
        return self._thread.run(self._client.get_criterion_run(criterion_run_id))

    def list_events(self, task_run_id: str, *, limit: int | None = None) -> list[Event]:
        """Return the recorded events of a task run, oldest first."""
        return self._thread.run(self._client.list_events(task_run_id, limit=limit))

    def list_sandbox_events(self, sandbox_id: str, *, limit: int | None = None) -> list[Event]:
        """Return the recorded events of one sandbox, oldest first."""
        return self._thread.run(self._client.list_sandbox_events(sandbox_id, limit=limit))

    def get_sandbox(self, sandbox_id: str) -> Sandbox:
        """Return a sandbox with its credentials."""
        return self._thread.run(self._client.get_sandbox(sandbox_id))

    def list_playgrounds(self, *, benchmark_run_id: str | None = None, limit: int | None = None) -> list[Playground]:
        """Return the playgrounds and forks, newest first, of one run or of all."""
        return self._thread.run(self._client.list_playgrounds(benchmark_run_id=benchmark_run_id, limit=limit))

    def get_playground(self, playground_id: str) -> Playground:
        """Return a playground with its sandboxes' credentials, its clock and the hash of its state."""
        return self._thread.run(self._client.get_playground(playground_id))

    def list_playground_events(self, playground_id: str, *, limit: int | None = None) -> list[Event]:
        """Return the recorded events of a playground, oldest first; of a fork its own."""
        return self._thread.run(self._client.list_playground_events(playground_id, limit=limit))

    def snapshot_playground(self, playground_id: str, *, at: Place | None = None) -> Snapshot:
        """Give a state a name: the present one, or that after an event."""
        return self._thread.run(self._client.snapshot_playground(playground_id, at=at))

    def fork_playground(
        self, playground_id: str, *, at: Place | None = None, timeout_s: int | None = None
    ) -> Playground:
        """Make a playground that goes on from an event (or snapshot, or now); it is torn down after `timeout_s`."""
        return self._thread.run(self._client.fork_playground(playground_id, at=at, timeout_s=timeout_s))

    def restore_playground(self, playground_id: str, to: Place) -> Playground:
        """Return a playground to how it was after an event, or when a snapshot was made."""
        return self._thread.run(self._client.restore_playground(playground_id, to))

    def advance_playground_clock(
        self, playground_id: str, *, seconds: float | None = None, to: datetime | None = None
    ) -> Playground:
        """Move a playground's clock on, by seconds or to a moment; what falls due by then happens."""
        return self._thread.run(self._client.advance_playground_clock(playground_id, seconds=seconds, to=to))

    def diff_playground(
        self, playground_id: str, *, start: Place = "seed", end: Place = "now", surface: str | None = None
    ) -> JsonObject:
        """Return what differs between two states, by surface; `pg_…@12` names another playground's."""
        return self._thread.run(self._client.diff_playground(playground_id, start=start, end=end, surface=surface))

    def tear_down_playground(self, playground_id: str) -> Playground:
        """End a fork; of a task run's playground, cancel the task run."""
        return self._thread.run(self._client.tear_down_playground(playground_id))
