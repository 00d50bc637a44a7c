"""Internal API: benchmarks and their tasks, read-only as they come from files."""

from typing import Any

from aiohttp import web

from sandbox.api import auth
from sandbox.api.context import CLOCK, SHELF
from sandbox.api.pagination import PageRequest, paginate_list
from sandbox.api.replies import json_reply
from sandbox.clock import format_instant
from sandbox.definitions.load import Benchmark
from sandbox.definitions.models import EXTENSIONS, TaskDefinition
from sandbox.errors import Malformed, NotFound
from sandbox.jsonio import Json
from sandbox.runs.tokens import ORGANIZATION_ID

STARTED_AT = web.AppKey("started_at", str)


def _benchmark(benchmark: Benchmark, created_at: str) -> Json:
    definition = benchmark.definition
    return {
        "id": definition.id,
        "name": definition.name,
        "description": definition.description,
        "timeout": definition.timeout,
        "concurrency": definition.concurrency,
        "environment_id": definition.environment_id,
        "organization_id": ORGANIZATION_ID,
        "slug": definition.slug,
        "version": definition.version,
        "published": True,
        "visibility": definition.visibility,
        "source": "file",
        "definition_hash": benchmark.hash,
        "created_at": created_at,
        "updated_at": created_at,
    }


def _task(benchmark: Benchmark, task: TaskDefinition, created_at: str) -> Json:
    definition = benchmark.definition
    return {
        "id": definition.task_id(task),
        "benchmark_id": definition.id,
        "key": task.key,
        "name": task.name,
        "timeout": task.timeout,
        "tags": task.tags,
        "task_item": task.task_item,
        "scenario": task.scenario.model_dump(mode="json") if task.scenario else None,
        "entities": [e.model_dump(mode="json") for e in task.entities],
        "source": "file",
        "created_at": created_at,
    }


def _criteria(benchmark: Benchmark, task: TaskDefinition, created_at: str) -> list[Json]:
    definition = benchmark.definition
    return [
        {
            "id": definition.criterion_id(task, i),
            "task_id": definition.task_id(task),
            "input_entity_id": c.input_entity,
            "label": c.label,
            "assertion": c.assertion,
            "weight": c.weight,
            "axis": c.axis,
            **{key: value for key, value in c.model_dump(mode="json").items() if key in EXTENSIONS},
            "created_at": created_at,
        }
        for i, c in enumerate(task.criteria)
    ]


async def list_benchmarks(request: web.Request) -> web.Response:
    """GET /benchmarks."""
    auth.organization(request)
    created_at = request.app[STARTED_AT]
    benchmarks = list(request.app[SHELF].library.benchmarks.values())
    page = PageRequest.read(request.query)
    return json_reply(
        await paginate_list(
            page, benchmarks, lambda b: (created_at, b.definition.reference), lambda b: _benchmark(b, created_at)
        )
    )


async def get_benchmark(request: web.Request) -> web.Response:
    """GET /benchmarks/{id}; slug@version is understood too."""
    auth.organization(request)
    wanted = request.match_info["id"]
    library = request.app[SHELF].library
    benchmark = library.by_id(wanted) or (library.find(wanted) if "@" in wanted else None)
    if benchmark is None:
        raise NotFound("There is no such benchmark.")
    return json_reply(_benchmark(benchmark, request.app[STARTED_AT]))


async def list_tasks(request: web.Request) -> web.Response:
    """GET /tasks?benchmark_id=."""
    auth.organization(request)
    benchmark_id = request.query.get("benchmark_id")
    if benchmark_id is None:
        raise Malformed("Say which benchmark: ?benchmark_id=…", details={"benchmark_id": ["Required parameter"]})
    benchmark = request.app[SHELF].library.by_id(benchmark_id)
    if benchmark is None:
        raise NotFound("There is no such benchmark.")
    created_at = request.app[STARTED_AT]
    positions = {t.key: f"{i:06d}" for i, t in enumerate(benchmark.definition.tasks)}
    page = PageRequest.read(request.query)
    return json_reply(
        await paginate_list(
            page,
            benchmark.definition.tasks,
            lambda t: (created_at, positions[t.key]),
            lambda t: _task(benchmark, t, created_at),
        )
    )


def _find_task(request: web.Request) -> tuple[Benchmark, TaskDefinition]:
    auth.organization(request)
    wanted = request.match_info["id"]
    for benchmark in request.app[SHELF].library.benchmarks.values():
        for task in benchmark.definition.tasks:
            if benchmark.definition.task_id(task) == wanted:
                return benchmark, task
    raise NotFound("There is no such task.")


async def get_task(request: web.Request) -> web.Response:
    """GET /tasks/{id}: with its criteria."""
    benchmark, task = _find_task(request)
    created_at = request.app[STARTED_AT]
    value: dict[str, Any] = _task(benchmark, task, created_at)
    return json_reply({**value, "criteria": _criteria(benchmark, task, created_at)})


async def note_start(app: web.Application) -> None:
    """Remember when the definitions were loaded: their `created_at`."""
    app[STARTED_AT] = format_instant(app[CLOCK].now())


def add_routes(app: web.Application) -> None:
    """Add the routes of these resources."""
    router = app.router
    router.add_get("/benchmarks", list_benchmarks)
    router.add_get("/benchmarks/{id}", get_benchmark)
    router.add_get("/tasks", list_tasks)
    router.add_get("/tasks/{id}", get_task)
