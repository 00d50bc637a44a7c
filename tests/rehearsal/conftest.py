"""A small server that answers as the documented API does, with switches to misbehave.

A task of it passes if the agent created a Patient; its one other criterion is that there is output.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.client.client import SandboxClient
from sandbox.client.threads import LoopThread
from sandbox.clock import format_instant, monotonic_s

START = datetime(2026, 4, 20, 17, 0, tzinfo=UTC)


def error(status: int, code: str, message: str, **headers: str) -> web.Response:
    body = {"error": {"code": code, "message": message, "details": {}, "request_id": "req_1"}}
    return web.json_response(body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})


@dataclass
class FakeTask:
    id: str
    key: str
    name: str
    phase: str = "created"
    status: str = "active"
    verdict: str | None = None
    score: float | None = None
    created: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    body: dict[str, Any] | None = None


@dataclass
class FakeRun:
    id: str
    agent: str | None
    scored: bool
    tasks: list[FakeTask]
    status: str = "active"


class FakeServer:
    """`answers` are given instead of the real ones, first in first out; a None drops the connection."""

    def __init__(self) -> None:
        self.url = ""
        self.runs: list[FakeRun] = []
        self.seen: list[web.Request] = []
        self.answers: list[web.Response | None] = []
        self.timeout_s = 300.0
        self.keys = ["alpha", "beta"]
        self.references = [("mock", "1"), ("mock", "2"), ("other", "1")]
        self.hang = asyncio.Event()
        self.scored_status = "completed"
        self.broken_runs: set[str] = set()
        self.is_lax = False  # every check passes, whatever the agent did

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._watch])
        app.add_routes(
            [
                web.post("/v1/benchmark-runs", self.create),
                web.get("/v1/benchmark-runs/{run}", self.get_run),
                web.get("/benchmark-runs/{run}", self.get_run),
                web.get("/benchmark-runs", self.list_runs),
                web.post("/benchmark-runs/{run}/cancel", self.cancel_run),
                web.post("/v1/task-runs/{task}/start", self.start),
                web.post("/v1/task-runs/{task}/complete", self.complete),
                web.post("/task-runs/{task}/cancel", self.cancel_task),
                web.get("/task-runs", self.list_task_runs),
                web.get("/task-runs/{task}", self.get_task_run),
                web.get("/task-runs/{task}/events", self.events),
                web.get("/criterion-runs", self.criterion_runs),
                web.get("/benchmarks", self.benchmarks),
                web.route("*", "/v1/benchmark-runs/{run}/{rest:.+}", self.surface),
                web.route("*", "/v1/task-runs/{task}/{rest:.+}", self.surface),
            ]
        )
        return app

    @web.middleware
    async def _watch(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.seen.append(request)
        await request.read()
        if self.answers:
            answer = self.answers.pop(0)
            if answer is None:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            return answer
        path = request.path
        if path.startswith("/v1/benchmark-runs") and request.method == "POST" and path.count("/") == 2:
            wanted = "vrl_slv_local"
        elif path.startswith("/v1/"):
            wanted = "vrl_run_secret"
        else:
            wanted = "vk_local"
        if request.headers.get("Authorization") != f"Bearer {wanted}":
            return error(401, "UNAUTHORIZED", "No or wrong credentials.")
        return await handler(request)

    def find(self, task_id: str) -> tuple[FakeRun, FakeTask]:
        return next((run, task) for run in self.runs for task in run.tasks if task.id == task_id)

    async def create(self, request: web.Request) -> web.Response:
        body = await request.json()
        slug, _, version = body["benchmark"].partition("@")
        if (slug, version) not in self.references:
            return error(404, "NOT_FOUND", f"There is no benchmark {body['benchmark']}.")
        n = len(self.runs) + 1
        tasks = [FakeTask(f"tr_{n}_{key}", key, f"Task {key}") for key in self.keys]
        run = FakeRun(f"br_{n}", body.get("agent"), body["scored"], tasks)
        self.runs.append(run)
        value = self.run_json(run) | {
            "bearer_token": "vrl_run_secret",
            "bearer_token_expires_at": format_instant(START + timedelta(days=1)),
            "benchmark": {"slug": slug, "version": version, "name": "Mock"},
        }
        return web.json_response(value, status=201)

    def run_json(self, run: FakeRun) -> dict[str, Any]:
        scores = [task.score or 0.0 for task in run.tasks]
        is_over = run.status != "active"
        mean = sum(scores) / len(scores)
        return {
            "benchmark_run_id": run.id,
            "benchmark": {"slug": "mock", "version": "1"},
            "scored": run.scored,
            "phase": "completed" if is_over else "started",
            "status": run.status,
            "verdict": ("pass" if mean >= 0.9 else "partial" if mean else "fail") if is_over else None,
            "score": mean if is_over else None,
            "agent": run.agent,
            "started_at": format_instant(START),
            "completed_at": format_instant(START + timedelta(seconds=9)) if is_over else None,
            "endpoints": {"fhir": f"/v1/benchmark-runs/{run.id}/fhir"},
            "sandboxes": [{"id": "sb_1", "type": "Fhir", "credentials": {"client_secret": "s3cret"}}],
            "task_runs": [self.task_json(run, task) for task in run.tasks],
            "new_field": "kept",
        }

    def task_json(self, run: FakeRun, task: FakeTask) -> dict[str, Any]:
        return {
            "id": task.id,
            "benchmark_run_id": run.id,
            "task_id": f"task_{task.key}",
            "key": task.key,
            "name": task.name,
            "phase": task.phase,
            "status": task.status,
            "verdict": task.verdict,
            "score": task.score,
            "playground_id": "pg_1",
        }

    async def get_run(self, request: web.Request) -> web.Response:
        run = next((run for run in self.runs if run.id == request.match_info["run"]), None)
        return web.json_response(self.run_json(run)) if run else error(404, "NOT_FOUND", "There is no such run.")

    async def list_runs(self, request: web.Request) -> web.Response:
        return self.page(request, [self.run_json(run) | {"task_runs": None} for run in reversed(self.runs)])

    def page(self, request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
        begin, size = int(request.query.get("cursor", 0)), min(int(request.query.get("limit", 20)), 100)
        following = str(begin + size) if begin + size < len(rows) else None
        meta = {"next": following, "prev": None, "limit": size}
        return web.json_response({"data": rows[begin : begin + size], "next_cursor": following, "_meta": meta})

    async def cancel_run(self, request: web.Request) -> web.Response:
        run = next(run for run in self.runs if run.id == request.match_info["run"])
        if run.status != "active":
            return error(409, "CONFLICT", "The benchmark run is over.")
        run.status = "cancelled"
        for task in run.tasks:
            if task.phase != "completed":
                task.phase, task.status = "completed", "cancelled"
        return web.json_response(self.run_json(run))

    async def cancel_task(self, request: web.Request) -> web.Response:
        run, task = self.find(request.match_info["task"])
        task.phase, task.status = "completed", "cancelled"
        self.settle(run)
        return web.json_response(self.task_json(run, task))

    def settle(self, run: FakeRun) -> None:
        if all(task.phase == "completed" for task in run.tasks):
            run.status = "completed"

    async def start(self, request: web.Request) -> web.Response:
        run, task = self.find(request.match_info["task"])
        if run.id in self.broken_runs:
            return error(500, "INTERNAL_ERROR", "step 2 failed")
        if task.phase != "created":
            return error(409, "CONFLICT", f"The task run is already {task.status}.")
        task.phase = "started"
        return web.json_response(
            {
                "task_run_id": task.id,
                "benchmark_run_id": run.id,
                "key": task.key,
                "name": task.name,
                "phase": "started",
                "status": "active",
                "started_at": format_instant(START),
                "timeout_at": format_instant(START + timedelta(seconds=self.timeout_s)),
                "task_item": {"instruction": f"Do {task.key}."},
                "endpoints": {"fhir": f"/v1/benchmark-runs/{run.id}/fhir"},
                "sandboxes": [],
            }
        )

    async def complete(self, request: web.Request) -> web.Response:
        run, task = self.find(request.match_info["task"])
        if task.status not in ("active", "completed"):
            return error(409, "CONFLICT", f"The task run is {task.status}; only a started one can be completed.")
        task.body = await request.json() if await request.read() else {}
        task.phase, task.status = "completed", self.scored_status
        passed = [task.created > 0 or self.is_lax, task.body.get("output") is not None or self.is_lax]
        task.score = (2 * passed[0] + passed[1]) / 3
        task.verdict = "pass" if task.score >= 0.9 else "partial" if task.score else "fail"
        self.settle(run)
        return web.json_response(
            {
                "task_run_id": task.id,
                "benchmark_run_id": run.id,
                "phase": task.phase,
                "status": task.status,
                "verdict": task.verdict,
                "score": task.score,
                "axes": {
                    "correctness": {"score": float(passed[0]), "weight": 2},
                    "communication": {"score": float(passed[1]), "weight": 1},
                },
                "checks": [
                    {
                        "criterion_run_id": f"crun_{task.key}_{i}",
                        "criterion_id": f"crit_{i}",
                        "label": label,
                        "axis": axis,
                        "weight": 2 - i,
                        "passed": ok,
                        "score": float(ok),
                        "details": "as expected" if ok else f"found no {label.split()[0]} at all",
                        "evidence": {"field_results": []},
                    }
                    for i, (label, axis, ok) in enumerate(
                        [
                            ("Patient is on file", "correctness", passed[0]),
                            ("Answer was given", "communication", passed[1]),
                        ]
                    )
                ],
                "started_at": format_instant(START),
                "completed_at": format_instant(START + timedelta(seconds=9)),
            }
        )

    async def surface(self, request: web.Request) -> web.Response:
        if "task" in request.match_info:
            _, task = self.find(request.match_info["task"])
        else:
            run = next(run for run in self.runs if run.id == request.match_info["run"])
            task = next(task for task in run.tasks if task.phase == "started")
        rest = request.match_info["rest"]
        if rest == "hang":
            await self.hang.wait()
        if rest == "timeout":  # the task's time is up, as the server sees it
            task.phase, task.status, task.verdict, task.score = "completed", "timed_out", "fail", 0.0
        created = request.method == "POST" and rest == "fhir/Patient"
        task.created += created
        task.events.append(
            {
                "id": f"evt_{len(task.events)}",
                "seq": len(task.events) + 1,
                "type": "fhir_request",
                "at": format_instant(START),
                "duration_ms": 1.5,
                "task_run_id": task.id,
                "request": {"method": request.method, "path": rest, "query": request.query_string or None},
                "response": {"status": 201 if created else 200},
                "changes": [{"collection": "fhir/Patient", "key": "1", "op": "put"}] if created else [],
            }
        )
        echo = {
            "method": request.method,
            "path": request.raw_path,
            "headers": dict(request.headers),
            "body": (await request.read()).decode(),
        }
        return web.json_response(echo, status=201 if created else 200)

    async def events(self, request: web.Request) -> web.Response:
        _, task = self.find(request.match_info["task"])
        step = {"id": "evt_s", "seq": 0, "type": "scenario_step", "at": format_instant(START), "changes": []}
        return self.page(request, [step, *task.events])

    async def list_task_runs(self, request: web.Request) -> web.Response:
        run = next(run for run in self.runs if run.id == request.query["benchmark_run_id"])
        return self.page(request, [self.task_json(run, task) for task in reversed(run.tasks)])

    async def get_task_run(self, request: web.Request) -> web.Response:
        run, task = self.find(request.match_info["task"])
        snapshot = {"key": task.key, "name": task.name, "criteria": [{"id": "crit_0", "label": "Patient is on file"}]}
        return web.json_response(self.task_json(run, task) | {"snapshot": snapshot})

    async def criterion_runs(self, request: web.Request) -> web.Response:
        _, task = self.find(request.query["task_run_id"])
        passed = task.created > 0
        actual = "active" if passed else None
        result = {"path": "status", "expected": "active", "actual": actual, "passed": passed}
        row = {
            "id": f"crun_{task.key}",
            "task_run_id": task.id,
            "criterion_id": "crit_0",
            "passed": passed,
            "score": float(passed),
            "details": "found no Patient at all",
            "evidence": {"field_results": [result], "matched": [], "total": 0},
            "started_at": format_instant(START),
            "completed_at": format_instant(START),
        }
        return self.page(request, [row] if task.phase == "completed" and task.status == "completed" else [])

    async def benchmarks(self, request: web.Request) -> web.Response:
        rows = [
            {"id": f"bench_{slug}_{version}", "name": slug, "slug": slug, "version": int(version), "published": True}
            for slug, version in self.references
        ]
        return self.page(request, rows)


@pytest.fixture
async def fake() -> AsyncIterator[FakeServer]:
    """The server on the test's own loop."""
    server = FakeServer()
    async with TestServer(server.app(), host="127.0.0.1") as running:
        server.url = str(running.make_url("")).rstrip("/")
        yield server
        server.hang.set()


@pytest.fixture
def threaded_fake() -> Iterator[FakeServer]:
    """The server on a thread, for code that blocks or has a loop of its own."""
    with LoopThread("fake-server") as thread:
        server = thread.run(_make())
        running = TestServer(server.app(), host="127.0.0.1")
        thread.run(running.start_server())
        server.url = str(running.make_url("")).rstrip("/")
        yield server
        thread.run(_set(server.hang))
        thread.run(running.close())


@pytest.fixture
def is_gone() -> Callable[[int], bool]:
    """Wait until a process, or every member of its group, has ended; a zombie has. False if it will not."""

    def wait(pid: int) -> bool:
        deadline = monotonic_s() + 20
        while monotonic_s() < deadline:
            if not any(_is_live(stat, pid) for stat in Path("/proc").glob("[0-9]*/stat")):
                return True
        return False

    return wait


def _is_live(stat: Path, pid: int) -> bool:
    try:
        state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX" and pid in (int(group), int(stat.parent.name))


async def _make() -> FakeServer:
    return FakeServer()


async def _set(event: asyncio.Event) -> None:
    event.set()


@pytest.fixture
async def client(fake: FakeServer) -> AsyncIterator[SandboxClient]:
    """A client of the fake that never really waits before a retry; `client.waits` says how long it would."""
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    async with SandboxClient(fake.url, solver_key="vrl_slv_local", api_key="vk_local", sleep=note) as client:
        client.waits = waits  # type: ignore[attr-defined]
        yield client
