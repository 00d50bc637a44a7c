"""A server per test over real HTTP, with no benchmarks unless a test writes some."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.app import create_app
from sandbox.clock import Clock
from sandbox.llm_tasks.tasks.entities import ORGANIZATION_ID, PROJECT_ID
from sandbox.serving import Runner, url_of
from sandbox.settings import Settings

KEY = "vk_local"
SOLVER = "vrl_slv_local"


@dataclass(frozen=True)
class Answer:
    """An HTTP response, read whole."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        return self.json["detail"]["reason"]

    def __repr__(self) -> str:
        return f"<{self.status} {self.body[:2000]!r}>"


@dataclass
class Api:
    """A running server and a client of its task API."""

    app: web.Application
    url: str
    http: aiohttp.ClientSession
    token: str = KEY
    project_id: str = PROJECT_ID

    @property
    def project(self) -> str:
        return f"/api/v1/org/{ORGANIZATION_ID}/project/{self.project_id}"

    def as_(self, token: str) -> "Api":
        return replace(self, token=token)

    def within(self, project_id: str) -> "Api":
        return replace(self, project_id=project_id)

    async def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> Answer:
        """Call below the project, or from the root for a path with a leading slash."""
        url = self.url + (path if path.startswith("/") else f"{self.project}/{path}")
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        async with self.http.request(method, url, headers=sent, **options) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **params: Any) -> Answer:
        return await self.call("GET", path, params={k: str(v) for k, v in params.items()})

    async def post(self, path: str, body: Any = None, **params: Any) -> Answer:
        return await self.call("POST", path, json=body, params={k: str(v) for k, v in params.items()})

    async def model(self, name: str = "sandbox-extract") -> str:
        return (await self.get(f"model/{name}")).json["id"]

    async def create(self, name: str = "Task", *, model: str = "sandbox-extract", **fields: Any) -> Any:
        answer = await self.post("task", {**await self.draft(name, model=model), **fields})
        assert answer.status == 200, answer
        return answer.json

    async def draft(self, name: str = "Task", *, model: str = "sandbox-extract") -> dict[str, Any]:
        return {
            "name": name,
            "enabled": True,
            "system_prompt": "You read forms.",
            "user_prompt": "Read this: {text}",
            "llm_model_id": await self.model(model),
            "output_format": {"name": "str"},
        }

    async def run(self, task: Any, task_input: Any = None, **params: Any) -> Answer:
        body = {"task_input": {"text": "Name: Ana Reyes"} if task_input is None else task_input}
        return await self.post(f"task/{task['id']}/run", body, **params)


@dataclass
class FakeClock:
    """A clock that only its sleepers move: they wake at once, and it is later."""

    moment: datetime = field(default_factory=lambda: datetime(2026, 4, 23, 9, tzinfo=UTC))
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> FakeClock:
    """Pass it to `start(clock=…)`."""
    return FakeClock()


@asynccontextmanager
async def _server(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Api]:
    runner = Runner(create_app(settings, clock=clock), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        async with aiohttp.ClientSession() as http:
            yield Api(runner.app, url_of(settings, runner), http)
    finally:
        await runner.cleanup()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name in ("playgrounds", "seeds"):
        (tmp_path / name).mkdir()
    return Settings(
        port=0,
        data_dir=tmp_path / "data",
        playgrounds=(tmp_path / "playgrounds",),
        seeds=(tmp_path / "seeds",),
        is_watching=False,
    )


@pytest.fixture
async def start(settings: Settings) -> AsyncIterator[Callable[..., Awaitable[Api]]]:
    """Start a server; changes to the settings are given by name."""
    count = 0
    async with AsyncExitStack() as stack:

        async def begin(*, clock: Clock | None = None, **changes: Any) -> Api:
            nonlocal count
            count += 1
            changes.setdefault("data_dir", settings.data_dir / str(count))
            return await stack.enter_async_context(_server(replace(settings, **changes), clock))

        yield begin


@pytest.fixture
def serve(settings: Settings) -> Callable[..., Any]:
    """A server for the length of a block, for tests that stop and start it."""
    return lambda **changes: _server(replace(settings, **changes))


@pytest.fixture
async def api(start: Callable[..., Awaitable[Api]]) -> Api:
    return await start()


BENCHMARK: dict[str, Any] = {
    "slug": "desk",
    "version": 1,
    "name": "Desk",
    "environment": {
        "name": "Clinic",
        "clock": "2026-04-23T09:00:00Z",
        "simulators": [{"type": "Files", "name": "Drop"}],
    },
    "concurrency": 2,
    "tasks": [
        {
            "key": key,
            "name": f"Task {key}",
            "criteria": [
                {
                    "label": "The model was asked about Ana",
                    "assertion": {
                        "assert": "llm-task",
                        "task": "Read a form",
                        "where": {"is_error": False},
                        "fields": [
                            {"path": "response.name", "expected": "Ana Reyes"},
                            {"path": "input.text", "contains": "Ana"},
                        ],
                        "count": {"min": 1, "max": 1},
                    },
                }
            ],
        }
        for key in ("first", "second")
    ],
}
LLM_TASK = {
    "name": "Read a form",
    "system_prompt": "You read forms.",
    "user_prompt": "Read this: {text}",
    "output_format": {"name": "str"},
}


@pytest.fixture
def desk(settings: Settings) -> Path:
    """A benchmark with one LLM task on disk; returns the folder of its LLM tasks."""
    folder = settings.playgrounds[0] / "desk" / "v1"
    (folder / "llm_tasks").mkdir(parents=True)
    (folder / "benchmark.json").write_text(json.dumps(BENCHMARK))
    (folder / "llm_tasks" / "read-a-form.yaml").write_text(json.dumps(LLM_TASK))
    return folder / "llm_tasks"


@dataclass
class Started:
    """A started task run and its token."""

    run_id: str
    id: str
    token: str


@pytest.fixture
def begin() -> Callable[..., Awaitable[Started]]:
    async def make(api: Api, key: str = "first", **fields: Any) -> Started:
        solver = api.as_(SOLVER)
        run = (await solver.post("/v1/benchmark-runs", {"benchmark": "desk@1", **fields})).json
        task_run = next(t for t in run["task_runs"] if t.get("key", t["name"].rpartition(" ")[2]) == key)
        task_run_id = task_run.get("id") or task_run["task_run_id"]
        answer = await api.as_(run["bearer_token"]).call("POST", f"/v1/task-runs/{task_run_id}/start")
        assert answer.status == 200, answer
        return Started(run["benchmark_run_id"], task_run_id, run["bearer_token"])

    return make
