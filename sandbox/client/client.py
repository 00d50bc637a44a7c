"""The asynchronous client: the public v1 API and the organization's read API.

It remembers the run token of every run it creates, so that starting and completing a task needs
only ids. Lists are read to their end, page by page.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar
from urllib.parse import quote

from multidict import CIMultiDict
from yarl import URL

from sandbox import jsonio
from sandbox.client import reading
from sandbox.client.errors import ClientError, InvalidAnswerError, error_of
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
from sandbox.client.reading import expect_object
from sandbox.client.session import TaskSession, encode_body
from sandbox.client.transport import (
    MAX_RETRIES,
    TIMEOUT_S,
    HttpTransport,
    Sleep,
    Transport,
    send_with_retries,
)
from sandbox.errors import SandboxError
from sandbox.whole_file import whole_file

T = TypeVar("T")
PAGE_LIMIT: Final = 100


def _path(prefix: str, *parts: str) -> str:
    return "/".join([prefix, *(quote(part, safe="") for part in parts)])


class SandboxClient:
    """A client of one server.

    `solver_key` creates runs, `api_key` reads and cancels everything of the organization; either may
    be left out by who does not need it. Use it as `async with`, or `close` it.
    Every method raises the tree of `errors.py`.
    """

    def __init__(
        self,
        url: str,
        *,
        solver_key: str | None = None,
        api_key: str | None = None,
        timeout_s: float = TIMEOUT_S,
        max_retries: int = MAX_RETRIES,
        transport: Transport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._root = URL(self.url)
        if not self._root.is_absolute() or self._root.scheme not in ("http", "https"):
            raise ValueError(f"{url!r} is not the URL of a server; it looks like http://127.0.0.1:8787")
        self._solver_key = solver_key
        self._api_key = api_key
        self._max_retries = max_retries
        self._transport = transport or HttpTransport(timeout_s)
        self._sleep = sleep
        self._tokens: dict[str, str] = {}
        self._run_of_task_run: dict[str, str] = {}
        self._sessions: dict[str, TaskSession] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    # ---- the public v1 API

    async def create_benchmark_run(
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
        body: dict[str, Any] = {"benchmark": benchmark, "scored": scored}
        chosen = {"agent": agent, "seed": seed, "tasks": None if tasks is None else list(tasks), "mess": mess}
        body |= {name: value for name, value in chosen.items() if value is not None}
        raw = await self._call("POST", "v1/benchmark-runs", self._solver_token(), json=body)
        run = reading.read_benchmark_run(expect_object(raw, "benchmark run"))
        if run.bearer_token is not None:
            self._tokens[run.id] = run.bearer_token
            self._run_of_task_run |= {task_run.id: run.id for task_run in run.task_runs}
        return run

    async def get_benchmark_run(self, benchmark_run_id: str, *, token: str | None = None) -> BenchmarkRun:
        """Return a run: with its run token if that is known here, else with the organization key."""
        token = token or self._tokens.get(benchmark_run_id)
        if token is not None:
            raw = await self._call("GET", _path("v1/benchmark-runs", benchmark_run_id), token)
        else:
            raw = await self._call("GET", _path("benchmark-runs", benchmark_run_id), self._api_token())
        return reading.read_benchmark_run(expect_object(raw, "benchmark run"))

    async def start_task_run(
        self, task_run_id: str, *, token: str | None = None, is_task_scoped: bool = False
    ) -> TaskSession:
        """Start a task run and return its session.

        `is_task_scoped` makes the session call `/v1/task-runs/{id}/…` instead of the run-scoped
        surfaces, which is needed while several task runs of one run are started.
        """
        token = token or self._token_of_task_run(task_run_id)
        started = await self._call("POST", _path("v1/task-runs", task_run_id, "start"), token, is_repeatable=False)
        started = {"task_run_id": task_run_id, **expect_object(started, "started task run")}
        if not isinstance(started.get("benchmark_run_id"), str):
            raise InvalidAnswerError("The server's start response has no 'benchmark_run_id'.")
        session = TaskSession(self._transport, self._root, started, token, is_task_scoped=is_task_scoped)
        self._sessions[task_run_id] = session
        return session

    async def complete_task_run(
        self, task_run_id: str, *, output: Any = None, notes: str | None = None, token: str | None = None
    ) -> TaskCompletion:
        """Complete a task run and return its verdict and checks; its session makes no more calls.

        `output` is any JSON the agent answers with, `notes` what it says it did; both are kept as
        evidence. Repeating it is safe.
        """
        token = token or self._token_of_task_run(task_run_id)
        body = {name: value for name, value in {"output": output, "notes": notes}.items() if value is not None}
        path = _path("v1/task-runs", task_run_id, "complete")
        raw = await self._call("POST", path, token, json=body, is_repeatable=True)
        if (session := self._sessions.pop(task_run_id, None)) is not None:
            session.close()
        return reading.read_completion(expect_object(raw, "completed task run"))

    # ---- the organization's API

    async def list_benchmarks(self, *, limit: int | None = None) -> list[Benchmark]:
        """Return the benchmarks, newest first."""
        return await self._list("benchmarks", {}, reading.read_benchmark, limit)

    async def get_benchmark(self, benchmark_id: str) -> Benchmark:
        """Return one benchmark version."""
        return await self._get("benchmarks", benchmark_id, reading.read_benchmark)

    async def list_tasks(self, benchmark_id: str, *, limit: int | None = None) -> list[Task]:
        """Return the tasks of a benchmark version."""
        return await self._list("tasks", {"benchmark_id": benchmark_id}, reading.read_task, limit)

    async def get_task(self, task_id: str) -> Task:
        """Return one task with its criteria."""
        return await self._get("tasks", task_id, reading.read_task)

    async def list_benchmark_runs(
        self, *, benchmark_id: str | None = None, limit: int | None = None
    ) -> list[BenchmarkRun]:
        """Return the runs, newest first, of one benchmark version or of all."""
        filters = {"benchmark_id": benchmark_id} if benchmark_id else {}
        return await self._list("benchmark-runs", filters, reading.read_benchmark_run, limit)

    async def cancel_benchmark_run(self, benchmark_run_id: str) -> BenchmarkRun:
        """Cancel a run; the results of completed tasks stay. Without an organization key, a run of the solver's own."""
        if self._api_key is None and self._solver_key is not None:
            path, token = _path("v1/benchmark-runs", benchmark_run_id, "cancel"), self._solver_token()
        else:
            path, token = _path("benchmark-runs", benchmark_run_id, "cancel"), self._api_token()
        raw = await self._call("POST", path, token, is_repeatable=True)
        return reading.read_benchmark_run(expect_object(raw, "benchmark run"))

    async def list_task_runs(self, benchmark_run_id: str, *, limit: int | None = None) -> list[TaskRun]:
        """Return the task runs of a run."""
        return await self._list("task-runs", {"benchmark_run_id": benchmark_run_id}, reading.read_task_run, limit)

    async def get_task_run(self, task_run_id: str) -> TaskRun:
        """Return a task run with its criterion runs and its snapshot of the task."""
        return await self._get("task-runs", task_run_id, reading.read_task_run)

    async def get_task_run_changes(self, task_run_id: str) -> JsonObject:
        """Return what a task run that is over changed: `changes`, each with `collection`, `key`, `before`, `after`."""
        raw: JsonObject = await self._call("GET", _path("task-runs", task_run_id, "changes"), self._api_token())
        return raw

    async def cancel_task_run(self, task_run_id: str) -> TaskRun:
        """Cancel a task run."""
        raw = await self._call("POST", _path("task-runs", task_run_id, "cancel"), self._api_token(), is_repeatable=True)
        return reading.read_task_run(expect_object(raw, "task run"))

    async def list_criterion_runs(self, task_run_id: str, *, limit: int | None = None) -> list[CriterionRun]:
        """Return the criterion runs of a task run, evidence included."""
        return await self._list("criterion-runs", {"task_run_id": task_run_id}, reading.read_criterion_run, limit)

    async def get_criterion_run(self, criterion_run_id: str) -> CriterionRun:
        """Return one criterion run."""
        return await self._get("criterion-runs", criterion_run_id, reading.read_criterion_run)

    async def list_events(self, task_run_id: str, *, limit: int | None = None) -> list[Event]:
        """Return the recorded events of a task run, oldest first."""
        return await self._list(_path("task-runs", task_run_id, "events"), {"order": "asc"}, reading.read_event, limit)

    async def list_sandbox_events(self, sandbox_id: str, *, limit: int | None = None) -> list[Event]:
        """Return the recorded events of one sandbox, oldest first."""
        return await self._list(_path("sandboxes", sandbox_id, "events"), {"order": "asc"}, reading.read_event, limit)

    async def export_benchmark_run(
        self, benchmark_run_id: str, format: Literal["jsonl", "har", "junit", "html"], to: Path
    ) -> None:
        """Write a run as one file for other tools; the file is there once it is whole.

        `OSError` is raised for a file that cannot be written.
        """
        url = URL(f"{self.url}/{_path('benchmark-runs', benchmark_run_id, 'export')}").with_query(format=format)
        headers = {"Authorization": f"Bearer {self._api_token()}"}
        with whole_file(to) as file:
            answer = await self._transport.receive(url, headers, file.write)
            if answer.status != 200:
                raise error_of(answer.status, answer.headers, answer.body)

    async def get_sandbox(self, sandbox_id: str) -> Sandbox:
        """Return a sandbox with its credentials."""
        return await self._get("sandboxes", sandbox_id, reading.read_sandbox)

    async def list_playgrounds(
        self, *, benchmark_run_id: str | None = None, limit: int | None = None
    ) -> list[Playground]:
        """Return the playgrounds and forks, newest first, of one run or of all."""
        filters = {"benchmark_run_id": benchmark_run_id} if benchmark_run_id else {}
        return await self._list("playgrounds", filters, reading.read_playground, limit)

    async def get_playground(self, playground_id: str) -> Playground:
        """Return a playground with its sandboxes' credentials, its clock and the hash of its state."""
        return await self._get("playgrounds", playground_id, reading.read_playground)

    async def list_playground_events(self, playground_id: str, *, limit: int | None = None) -> list[Event]:
        """Return the recorded events of a playground, oldest first; of a fork its own."""
        path = _path("playgrounds", playground_id, "events")
        return await self._list(path, {"order": "asc"}, reading.read_event, limit)

    async def snapshot_playground(self, playground_id: str, *, at: Place | None = None) -> Snapshot:
        """Give a state a name: the present one, or that after an event."""
        raw = await self._change(playground_id, "snapshot", {"at": at})
        return reading.read_snapshot(expect_object(raw, "snapshot"))

    async def fork_playground(
        self, playground_id: str, *, at: Place | None = None, timeout_s: int | None = None
    ) -> Playground:
        """Make a playground that goes on from an event (or snapshot, or now); it is torn down after `timeout_s`."""
        raw = await self._change(playground_id, "fork", {"at": at, "timeout": timeout_s})
        return reading.read_playground(expect_object(raw, "playground"))

    async def restore_playground(self, playground_id: str, to: Place) -> Playground:
        """Return a playground to how it was after an event, or when a snapshot was made."""
        raw = await self._change(playground_id, "restore", {"to": to})
        return reading.read_playground(expect_object(raw, "playground"))

    async def advance_playground_clock(
        self, playground_id: str, *, seconds: float | None = None, to: datetime | None = None
    ) -> Playground:
        """Move a playground's clock on, by seconds or to a moment; what falls due by then happens."""
        moment = None if to is None else to.isoformat()
        raw = await self._change(playground_id, "clock", {"seconds": seconds, "to": moment})
        return reading.read_playground(expect_object(raw, "playground"))

    async def diff_playground(
        self, playground_id: str, *, start: Place = "seed", end: Place = "now", surface: str | None = None
    ) -> JsonObject:
        """Return what differs between two states, by surface; `pg_…@12` names another playground's."""
        chosen = {"from": str(start), "to": str(end), **({"surface": surface} if surface else {})}
        raw = await self._call("GET", _path("playgrounds", playground_id, "diff"), self._api_token(), params=chosen)
        return expect_object(raw, "difference")

    async def tear_down_playground(self, playground_id: str) -> Playground:
        """End a fork; of a task run's playground, cancel the task run."""
        raw = await self._change(playground_id, "teardown", {})
        return reading.read_playground(expect_object(raw, "playground"))

    # ---- calls

    async def _change(self, playground_id: str, what: str, body: Mapping[str, Any]) -> Any:
        sent = {name: value for name, value in body.items() if value is not None}
        return await self._call("POST", _path("playgrounds", playground_id, what), self._api_token(), json=sent)

    async def _get(self, resource: str, resource_id: str, read: Callable[[JsonObject], T]) -> T:
        raw = await self._call("GET", _path(resource, resource_id), self._api_token())
        return read(expect_object(raw, resource))

    async def _list(
        self, path: str, filters: Mapping[str, str], read: Callable[[JsonObject], T], limit: int | None
    ) -> list[T]:
        items: list[T] = []
        cursor: str | None = None
        while limit is None or len(items) < limit:
            size = PAGE_LIMIT if limit is None else min(PAGE_LIMIT, limit - len(items))
            params = {**filters, "limit": str(size), **({"cursor": cursor} if cursor else {})}
            page = expect_object(await self._call("GET", path, self._api_token(), params=params), "list")
            rows = page.get("data")
            if not isinstance(rows, list):
                raise InvalidAnswerError("The server's list has no 'data'.")
            items += [read(expect_object(row, "list entry")) for row in rows]
            following = page.get("next_cursor") or (page.get("_meta") or {}).get("next")
            if not following or not rows:
                break
            if following == cursor:
                raise InvalidAnswerError("The server's list does not advance: it answers the same cursor again.")
            cursor = following
        return items

    async def _call(
        self,
        method: str,
        path: str,
        token: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        is_repeatable: bool | None = None,
    ) -> Any:
        headers = CIMultiDict({"Authorization": f"Bearer {token}", "Accept": "application/json"})
        body = encode_body(headers, json, None)
        url = URL(f"{self.url}/{path}")
        answer = await send_with_retries(
            self._transport,
            method,
            url.with_query(params) if params else url,
            headers,
            body,
            is_repeatable=method == "GET" if is_repeatable is None else is_repeatable,
            max_retries=self._max_retries,
            sleep=self._sleep,
        )
        if not 200 <= answer.status < 300:
            raise error_of(answer.status, answer.headers, answer.body)
        if not answer.body:
            return None
        try:
            return jsonio.parse(answer.body)
        except SandboxError as error:
            raise InvalidAnswerError(f"{method} {url.path} answered {answer.status}: {error.message}") from None

    def _solver_token(self) -> str:
        if self._solver_key is None:
            raise ClientError("Creating a run needs a solver key: SandboxClient(url, solver_key='vrl_slv_…').")
        return self._solver_key

    def _api_token(self) -> str:
        if self._api_key is None:
            raise ClientError("This call needs an organization key: SandboxClient(url, api_key='vk_…').")
        return self._api_key

    def _token_of_task_run(self, task_run_id: str) -> str:
        token = self._tokens.get(self._run_of_task_run.get(task_run_id, ""))
        if token is None:
            raise ClientError(f"The run token of {task_run_id} is not known here: pass token=run.bearer_token.")
        return token
