"""Internal API: benchmark runs."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from pydantic import Field

from sandbox.api import auth
from sandbox.api.bodies import Body, read_body
from sandbox.api.context import READER, RUNS, SHELF
from sandbox.api.pagination import PageRequest, Position, paginate
from sandbox.api.replies import json_reply
from sandbox.api.representations import criterion_run
from sandbox.api.v1 import representations
from sandbox.errors import NotFound
from sandbox.runs.models import BenchmarkRun
from sandbox.scoring.scores import wire_score


class CreateRun(Body):
    """Body of `POST /benchmark-runs`."""

    benchmark_id: str = Field(min_length=1, max_length=200, description="id, or slug@version (extension)")
    scored: bool = False
    agent: str | None = Field(default=None, max_length=200)
    seed: int | None = Field(default=None, ge=0, lt=1 << 53)
    tasks: list[str] | None = Field(default=None, min_length=1)


async def find(request: web.Request) -> BenchmarkRun:
    """Return the run in the path, for the organization that owns it."""
    principal = auth.organization(request)
    run = await request.app[RUNS].find_run(request.match_info["id"])
    if run.organization_id != principal.organization_id:
        raise NotFound("There is no such benchmark run.")
    return run


async def create(request: web.Request) -> web.Response:
    """POST /benchmark-runs: like the public one, and the answer holds the token too."""
    principal = auth.organization(request)
    body = await read_body(request, CreateRun)
    library = request.app[SHELF].library
    benchmark = library.by_id(body.benchmark_id)
    if benchmark is None:
        if body.benchmark_id.startswith("bench_"):
            raise NotFound(f"There is no benchmark {body.benchmark_id}.")
        benchmark = library.find(body.benchmark_id)
    run, token = await request.app[RUNS].create(
        benchmark, principal, is_scored=body.scored, agent=body.agent, seed=body.seed, task_keys=body.tasks
    )
    shown = representations(request)
    return json_reply({**shown.internal_run(run), **shown.created_run(run, token)}, 201)


async def list_runs(request: web.Request) -> web.Response:
    """GET /benchmark-runs?benchmark_id=: newest first."""
    principal = auth.organization(request)
    reader, runs, shown = request.app[READER], request.app[RUNS], representations(request)
    where, values = "organization_id = ?", [principal.organization_id]
    if "benchmark_id" in request.query:
        where, values = where + " AND benchmark_id = ?", [*values, request.query["benchmark_id"]]

    async def fetch(after: Position | None, is_back: bool, limit: int) -> Sequence[Any]:
        rows = await reader.page("benchmark_runs", where, values, after=after, is_back=is_back, limit=limit)
        found = [await runs.find_readable(row["id"]) for row in rows]
        return [run for run in found if run is not None]

    def show(run: BenchmarkRun) -> Any:
        tasks = [
            {"key": t.task.key, "status": t.status, "verdict": t.verdict, "score": wire_score(t.score)}
            for t in run.task_runs
        ]
        return {**shown.internal_run(run), "tasks": tasks}

    page = PageRequest.read(request.query)
    return json_reply(await paginate(page, fetch, lambda r: (shown.internal_run(r)["created_at"], r.id), show))


async def get(request: web.Request) -> web.Response:
    """GET /benchmark-runs/{id}: with its task runs and their criterion runs."""
    run = await find(request)
    runs, shown = request.app[RUNS], representations(request)
    task_runs = []
    for task_run in run.task_runs:
        value = shown.internal_task_run(run, task_run)
        value["criterion_runs"] = [criterion_run(c) for c in await runs.archive.criterion_runs(task_run.id)]
        task_runs.append(value)
    return json_reply({**shown.internal_run(run), "task_runs": task_runs, "sandboxes": shown.run_sandboxes(run)})


async def complete(request: web.Request) -> web.Response:
    """POST /benchmark-runs/{id}/complete: score what is started, cancel what never was."""
    run = await find(request)
    await read_body(request, Body)
    await request.app[RUNS].complete_run(run)
    return json_reply(representations(request).internal_run(run))


async def cancel(request: web.Request) -> web.Response:
    """POST /benchmark-runs/{id}/cancel: completed task results are retained."""
    run = await find(request)
    await read_body(request, Body)
    await request.app[RUNS].cancel_run(run)
    return json_reply(representations(request).internal_run(run))


async def publish(request: web.Request) -> web.Response:
    """POST /benchmark-runs/{id}/publish: show it on the leaderboard."""
    run = await find(request)
    await read_body(request, Body)
    await request.app[RUNS].set_published(run, True)
    return json_reply(representations(request).internal_run(run))


async def unpublish(request: web.Request) -> web.Response:
    """POST /benchmark-runs/{id}/unpublish: take it off the leaderboard."""
    run = await find(request)
    await read_body(request, Body)
    await request.app[RUNS].set_published(run, False)
    return json_reply(representations(request).internal_run(run))


async def leaderboard(request: web.Request) -> web.Response:
    """GET /leaderboard?benchmark=slug@version (extension): the best published run of each agent."""
    auth.organization(request)
    benchmark = request.app[SHELF].library.find(request.query.get("benchmark", "")).definition
    rows = await request.app[READER].rows(
        "SELECT * FROM benchmark_runs WHERE slug = ? AND version = ? AND published_at IS NOT NULL "
        "ORDER BY score DESC, completed_at, id",
        benchmark.slug,
        benchmark.version,
    )
    best: dict[str | None, Any] = {}
    for row in rows:
        best.setdefault(row["agent"], row)
    runs, shown = request.app[RUNS], representations(request)
    figures = {}
    for row in best.values():
        run = await runs.find_readable(row["id"])
        figures[row["id"]] = None if run is None else shown.figures(run)
    data = [
        {
            "rank": rank,
            "benchmark_run_id": row["id"],
            "agent": row["agent"],
            "score": wire_score(row["score"]),
            "verdict": row["verdict"],
            "figures": figures[row["id"]],
            "scored": bool(row["scored"]),
            "completed_at": row["completed_at"],
            "published_at": row["published_at"],
        }
        for rank, row in enumerate(best.values(), 1)
    ]
    return json_reply({"benchmark": benchmark.reference, "data": data})


def add_routes(app: web.Application) -> None:
    """Add the routes of this resource."""
    router = app.router
    router.add_get("/benchmark-runs", list_runs)
    router.add_post("/benchmark-runs", create)
    router.add_get("/benchmark-runs/{id}", get)
    router.add_post("/benchmark-runs/{id}/complete", complete)
    router.add_post("/benchmark-runs/{id}/cancel", cancel)
    router.add_post("/benchmark-runs/{id}/publish", publish)
    router.add_post("/benchmark-runs/{id}/unpublish", unpublish)
    router.add_get("/leaderboard", leaderboard)
