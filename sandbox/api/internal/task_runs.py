"""Internal API: task runs, their criterion runs, and scoring again."""

from collections.abc import Sequence
from typing import Any, Literal

from aiohttp import web

from sandbox.api import auth, v1
from sandbox.api.bodies import Body, read_body
from sandbox.api.context import READER, RUNS
from sandbox.api.pagination import PageRequest, Position, paginate, paginate_list
from sandbox.api.queries import flag
from sandbox.api.replies import json_reply
from sandbox.api.representations import criterion_run, snapshot
from sandbox.api.v1 import CompleteTaskRun, representations
from sandbox.clock import format_instant
from sandbox.errors import Malformed, NotFound
from sandbox.runs.models import BenchmarkRun, TaskRun
from sandbox.runs.recovery import criterion_run_of


class Rescore(Body):
    """Body of `POST /task-runs/{id}/rescore`."""

    criteria: Literal["current", "recorded"] = "current"


async def find(request: web.Request) -> tuple[BenchmarkRun, TaskRun]:
    """Return the task run in the path, for the organization that owns it."""
    principal = auth.organization(request)
    run, task_run = await request.app[RUNS].find_task_run(request.match_info["id"])
    if run.organization_id != principal.organization_id:
        raise NotFound("There is no such task run.")
    return run, task_run


async def _full(request: web.Request, run: BenchmarkRun, task_run: TaskRun) -> Any:
    value = representations(request).internal_task_run(run, task_run)
    criterion_runs = await request.app[RUNS].archive.criterion_runs(task_run.id)
    value["criterion_runs"] = [criterion_run(c) for c in criterion_runs]
    value["snapshot"] = snapshot(run, task_run)
    return value


async def list_task_runs(request: web.Request) -> web.Response:
    """GET /task-runs?benchmark_run_id=."""
    principal = auth.organization(request)
    run_id = request.query.get("benchmark_run_id")
    if run_id is None:
        raise Malformed("Say which run: ?benchmark_run_id=…", details={"benchmark_run_id": ["Required parameter"]})
    run = await request.app[RUNS].find_run(run_id)
    if run.organization_id != principal.organization_id:
        raise NotFound("There is no such benchmark run.")
    shown = representations(request)
    page = PageRequest.read(request.query)
    return json_reply(
        await paginate_list(
            page,
            run.task_runs,
            lambda t: (format_instant(t.created_at), f"{t.position:06d}"),
            lambda t: {**shown.internal_task_run(run, t), "snapshot": snapshot(run, t)},
        )
    )


async def get(request: web.Request) -> web.Response:
    """GET /task-runs/{id}: with criterion runs, axes and snapshot."""
    return json_reply(await _full(request, *await find(request)))


async def complete(request: web.Request) -> web.Response:
    """POST /task-runs/{id}/complete."""
    run, task_run = await find(request)
    await v1.complete(request, run, task_run, await read_body(request, CompleteTaskRun))
    return json_reply(await _full(request, run, task_run))


async def cancel(request: web.Request) -> web.Response:
    """POST /task-runs/{id}/cancel."""
    run, task_run = await find(request)
    await read_body(request, Body)
    await request.app[RUNS].cancel_task_run(run, task_run)
    return json_reply(await _full(request, run, task_run))


async def rescore(request: web.Request) -> web.Response:
    """POST /task-runs/{id}/rescore (extension): new criterion runs, the old ones superseded."""
    run, task_run = await find(request)
    body = await read_body(request, Rescore)
    await request.app[RUNS].rescore(run, task_run, use_recorded=body.criteria == "recorded")
    return json_reply(await _full(request, run, task_run))


async def changes(request: web.Request) -> web.Response:
    """GET /task-runs/{id}/changes (extension): what differs at the end from the start, scenario and delays apart."""
    run, task_run = await find(request)
    return json_reply(await request.app[RUNS].changes_of(run, task_run))


async def list_criterion_runs(request: web.Request) -> web.Response:
    """GET /criterion-runs?task_run_id=: without those that a rescoring superseded, unless asked for."""
    auth.organization(request)
    task_run_id = request.query.get("task_run_id")
    if task_run_id is None:
        raise Malformed("Say which task run: ?task_run_id=…", details={"task_run_id": ["Required parameter"]})
    await request.app[RUNS].find_task_run(task_run_id)
    where = "task_run_id = ?"
    if not flag(request.query, "superseded"):
        where += " AND superseded_at IS NULL"
    reader = request.app[READER]
    rows = await reader.rows(f"SELECT * FROM criterion_runs WHERE {where} ORDER BY started_at, position", task_run_id)

    async def fetch(after: Position | None, is_back: bool, limit: int) -> Sequence[Any]:
        keyed = [(row["started_at"], f"{9999 - row['position']:04d}{row['id']}", row) for row in rows]
        keyed.sort(key=lambda k: k[:2], reverse=True)
        if after is None:
            return keyed[:limit]
        if is_back:
            return [k for k in keyed if k[:2] > after][-limit:]
        return [k for k in keyed if k[:2] < after][:limit]

    page = PageRequest.read(request.query)
    return json_reply(await paginate(page, fetch, lambda k: k[:2], lambda k: criterion_run(criterion_run_of(k[2]))))


async def get_criterion_run(request: web.Request) -> web.Response:
    """GET /criterion-runs/{id}: evidence is always readable here."""
    auth.organization(request)
    row = await request.app[READER].row("SELECT * FROM criterion_runs WHERE id = ?", request.match_info["id"])
    if row is None:
        raise NotFound("There is no such criterion run.")
    return json_reply(criterion_run(criterion_run_of(row)))


def add_routes(app: web.Application) -> None:
    """Add the routes of this resource."""
    router = app.router
    router.add_get("/task-runs", list_task_runs)
    router.add_get("/task-runs/{id}", get)
    router.add_get("/task-runs/{id}/changes", changes)
    router.add_post("/task-runs/{id}/complete", complete)
    router.add_post("/task-runs/{id}/cancel", cancel)
    router.add_post("/task-runs/{id}/rescore", rescore)
    router.add_get("/criterion-runs", list_criterion_runs)
    router.add_get("/criterion-runs/{id}", get_criterion_run)
