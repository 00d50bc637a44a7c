"""Pages: the list of runs, and a run."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from sandbox.api.context import READER, RUNS, SHELF, root_url
from sandbox.api.pagination import PageRequest
from sandbox.api.representations import criterion_run
from sandbox.dashboard import listing
from sandbox.dashboard.access import Session
from sandbox.dashboard.criteria import criterion_views
from sandbox.dashboard.history import read_seq
from sandbox.dashboard.shell import Form, href, render, see_other
from sandbox.errors import NotFound
from sandbox.runs.models import BenchmarkRun, TaskRun

_OTHERS: Final = 20
_TASKS: Final = 100


async def show_runs(request: web.Request, session: Session) -> web.Response:
    """GET /ui: the runs, newest first."""
    reader, organization_id = request.app[READER], session.principal.organization_id
    filters = listing.Filters.read(request.query)
    found = await listing.list_runs(reader, organization_id, filters, PageRequest.read(request.query))
    return render(
        request,
        session,
        "runs.html",
        section="runs",
        filters=filters,
        runs=found["data"],
        newer=found["_meta"]["prev"],
        older=found["next_cursor"],
        choices=await listing.choices(reader, organization_id),
        trends=await listing.trends(reader, organization_id, filters),
        states=listing.STATES,
        root=root_url(request),
        first_benchmark=next((b.definition.reference for b in request.app[SHELF].library.benchmarks.values()), None),
    )


async def find_run(request: web.Request, session: Session, run_id: str) -> BenchmarkRun:
    """Return a run of the session's organization. Raises `NotFound`, `SetAside`."""
    run = await request.app[RUNS].find_run(run_id)
    if run.organization_id != session.principal.organization_id:
        raise NotFound(f"There is no benchmark run {run_id[:100]}.")
    return run


def standing_of(run: BenchmarkRun) -> str:
    """Return how far a run's tasks are, short: it is another text as soon as one begins or ends."""
    told = [f"{t.phase} {t.status} {t.verdict}" for t in run.task_runs]
    return hashlib.sha256("\n".join([run.status, *told]).encode()).hexdigest()[:16]


async def criteria_of(request: web.Request, task_run: TaskRun) -> list[Any]:
    """Return a task run's criteria for people."""
    found = await request.app[RUNS].archive.criterion_runs(task_run.id)
    return criterion_views([criterion_run(c) for c in found])


async def show_run(request: web.Request, session: Session) -> web.Response:
    """GET /ui/runs/{id}: a run with its tasks, and the first thing that went wrong in each."""
    run = await find_run(request, session, request.match_info["id"])
    after = read_seq(request.query, "after", 0)
    tasks = [{"run": t, "criteria": await criteria_of(request, t)} for t in run.task_runs[after : after + _TASKS]]
    return render(
        request,
        session,
        "run.html",
        section="runs",
        run=run,
        reference=run.benchmark.definition.reference,
        tasks=tasks,
        after=after,
        page_tasks=_TASKS,
        standing=standing_of(run),
        others=await others_of(request, run),
    )


async def others_of(request: web.Request, run: BenchmarkRun) -> Sequence[listing.RunRow]:
    """Return other runs of the same benchmark, newest first, to be compared with."""
    definition = run.benchmark.definition
    filters = listing.Filters(definition.slug)
    found = await listing.list_runs(request.app[READER], run.organization_id, filters, PageRequest(_OTHERS + 1))
    return [row for row in found["data"] if row.id != run.id][:_OTHERS]


async def cancel_run(request: web.Request, session: Session, form: Form) -> web.Response:
    """POST /ui/runs/{id}/cancel: end a run; what is completed is kept."""
    run = await find_run(request, session, request.match_info["id"])
    await request.app[RUNS].cancel_run(run)
    return see_other(href("runs", run.id))
