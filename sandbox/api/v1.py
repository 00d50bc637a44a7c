"""The public v1 API: what an agent calls to run a benchmark."""

from typing import Any, ClassVar

from aiohttp import web
from pydantic import Field

from sandbox.api import auth
from sandbox.api.bodies import Body, read_body
from sandbox.api.capability import Alias
from sandbox.api.context import PORTS, REGISTRY, RUNS, SETTINGS, SHELF, TRACING, root_url
from sandbox.api.mllp.listeners import check_listener, name_listener
from sandbox.api.replies import json_reply
from sandbox.api.representations import Representations
from sandbox.api.wires import WIRES
from sandbox.definitions.load import Benchmark
from sandbox.definitions.mess import MESSIEST, TIDY
from sandbox.errors import NotFound, SandboxError
from sandbox.record.export.traceparent import HEADER
from sandbox.runs.models import BenchmarkRun, TaskRun
from sandbox.runs.tokens import Principal


class Listener(Body):
    """Where an agent listens for MLLP."""

    host: str = Field(min_length=1, max_length=253, description="loopback, or one of SANDBOX_OUTBOUND_HOSTS")
    port: int = Field(ge=1, le=65_535)


class CreateBenchmarkRun(Body):
    """Body of `POST /v1/benchmark-runs`."""

    benchmark: str = Field(min_length=1, max_length=200, description="slug@version; slug alone is the latest version")
    scored: bool = Field(default=False, description="withhold details and evidence from the agent")
    agent: str | None = Field(default=None, max_length=200, description="what to call the agent")
    seed: int | None = Field(default=None, ge=0, lt=1 << 53, description="make the run deterministic")
    tasks: list[str] | None = Field(default=None, min_length=1, description="keys of tasks; the run is of these only")
    hl7_listener: Listener | None = Field(default=None, description="the agent's MLLP listener, for every task run")
    mess: int | None = Field(default=None, ge=TIDY, le=MESSIEST, description="how messy the data is, 0 to 3")


class CompleteTaskRun(Body):
    """Body of `POST /v1/task-runs/{id}/complete`."""

    hint: ClassVar[str] = (
        'The agent\'s answer goes into `output` ({"output": …}), remarks into `notes`; the body may also be left out.'
    )

    output: Any = Field(default=None, description="whatever the agent answers, kept as evidence")
    notes: str | None = Field(default=None, max_length=100_000)


def representations(request: web.Request) -> Representations:
    """Return the renderer for a request."""
    app = request.app
    library, runs, settings = app[SHELF].library, app[RUNS], app[SETTINGS]
    ports, wire_credentials = app[PORTS].ports, app[WIRES].credentials
    return Representations(
        app[REGISTRY],
        library,
        root_url(request),
        settings.is_strict,
        runs.capability_of,
        ports,
        wire_credentials,
    )


def may_run(benchmark: Benchmark, principal: Principal) -> bool:
    """Whether a solver may run a benchmark; on one server there is one organization."""
    return bool(principal.organization_id) and benchmark is not None


async def create_benchmark_run(request: web.Request) -> web.Response:
    """POST /v1/benchmark-runs."""
    principal = auth.solver(request)
    body = await read_body(request, CreateBenchmarkRun)
    benchmark = request.app[SHELF].library.find(body.benchmark)
    listener = body.hl7_listener
    if listener is not None:
        check_listener(request.app[SETTINGS], listener.host)
    run, token = await request.app[RUNS].create(
        benchmark,
        principal,
        is_scored=body.scored,
        agent=body.agent,
        seed=body.seed,
        task_keys=body.tasks,
        mess=body.mess,
    )
    if listener is not None:
        await name_listener(run, listener.host, listener.port)
    return json_reply(representations(request).created_run(run, token), 201)


async def get_benchmark_run(request: web.Request) -> web.Response:
    """GET /v1/benchmark-runs/{benchmark_run_id}; the solver that made the run may read it too."""
    try:
        principal = auth.solver(request)
    except SandboxError:
        run = await auth.run_in_path(request)
    else:
        run = await _own_run(request, principal)
    return json_reply(representations(request).public_run(run))


async def cancel_benchmark_run(request: web.Request) -> web.Response:
    """POST /v1/benchmark-runs/{benchmark_run_id}/cancel: with the key of the solver that made the run."""
    run = await _own_run(request, auth.solver(request))
    await read_body(request, Body)
    await request.app[RUNS].cancel_run(run)
    return json_reply(representations(request).public_run(run))


async def _own_run(request: web.Request, principal: Principal) -> BenchmarkRun:
    runs = request.app[RUNS]
    run = await runs.find_run(request.match_info["benchmark_run_id"])
    if run.solver_id != principal.solver_id:
        raise NotFound("There is no such benchmark run for this solver.")
    runs.note_call(run)
    return run


async def start_task_run(request: web.Request) -> web.Response:
    """POST /v1/task-runs/{task_run_id}/start."""
    run, task_run = await auth.task_run_in_path(request)
    await read_body(request, Body)
    tracing = request.app.get(TRACING)
    if tracing is not None:
        tracing.note_start(task_run.playground_id, task_run.id, request.headers.get(HEADER))
    await request.app[RUNS].start(run, task_run)
    return json_reply(representations(request).started(run, task_run))


async def complete_task_run(request: web.Request) -> web.Response:
    """POST /v1/task-runs/{task_run_id}/complete."""
    run, task_run = await auth.task_run_in_path(request)
    return json_reply(await finish(request, run, task_run, await read_body(request, CompleteTaskRun)))


async def complete(request: web.Request, run: BenchmarkRun, task_run: TaskRun, body: CompleteTaskRun) -> None:
    """Score a task run; an answer that names its capability URLs is kept with the own paths."""
    runs = request.app[RUNS]
    alias = Alias(runs.capability_of(task_run), task_run.id)
    notes = None if body.notes is None else alias.inward(body.notes)
    await runs.complete(run, task_run, output=alias.inward_value(body.output), notes=notes)


async def finish(request: web.Request, run: BenchmarkRun, task_run: TaskRun, body: CompleteTaskRun) -> dict[str, Any]:
    """Score a task run for its agent and return what it is told."""
    runs = request.app[RUNS]
    await complete(request, run, task_run, body)
    criterion_runs = task_run.criterion_runs
    if criterion_runs is None:
        criterion_runs = await runs.archive.criterion_runs(task_run.id)
    completed: dict[str, Any] = representations(request).completed(run, task_run, criterion_runs)
    return completed


def add_routes(app: web.Application) -> None:
    """Add the v1 routes; the surfaces below a run are added by `surfaces.py`."""
    router = app.router
    router.add_post("/v1/benchmark-runs", create_benchmark_run)
    router.add_get("/v1/benchmark-runs/{benchmark_run_id}", get_benchmark_run)
    router.add_post("/v1/benchmark-runs/{benchmark_run_id}/cancel", cancel_benchmark_run)
    router.add_post("/v1/task-runs/{task_run_id}/start", start_task_run)
    router.add_post("/v1/task-runs/{task_run_id}/complete", complete_task_run)
