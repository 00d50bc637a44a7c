"""The edge of the simulated systems: from an HTTP request to an interaction and back.

One implementation serves every mount: run-scoped, task-scoped (extended mode) and the direct
routes under `/sandboxes` and its older alias `/services`. It finds the playground, reads the body
within the route's limit, runs the simulator's handler as one interaction, waits for the commit, and
answers.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from aiohttp import web

from sandbox.api import auth
from sandbox.api.bodies import read_limited
from sandbox.api.context import FETCH, REQUEST_ID, RUNS, SETTINGS, WRITER, root_url
from sandbox.api.errors import Internal, to_web, with_request_id
from sandbox.errors import Conflict, NotFound, SandboxError
from sandbox.playground.events import Request
from sandbox.playground.playground import Playground, Sandbox
from sandbox.runs.models import BenchmarkRun, Phase, TaskRun
from sandbox.runs.registry import Registry
from sandbox.simulators.base import Route, Simulator

Target = tuple[TaskRun, Sandbox]
Locate = Callable[[web.Request, str], Awaitable[Target]]


def add_routes(app: web.Application, registry: Registry, *, is_strict: bool) -> None:
    """Mount every simulator's routes under every scope."""
    for simulator in registry.simulators:
        for route in simulator.routes:
            is_wired = simulator.is_run_scoped_upstream and route.is_upstream
            if is_wired or not is_strict:
                _mount(app, simulator, route, "/v1/benchmark-runs/{benchmark_run_id}", _locate_by_run)
            if not is_strict:
                _mount(app, simulator, route, "/v1/task-runs/{task_run_id}", _locate_by_task_run)
            for alias in ("sandboxes", "services"):
                _mount(app, simulator, route, f"/{alias}/{{sandbox_id}}", _locate_by_sandbox, is_direct=True)


def _mount(
    app: web.Application, simulator: Simulator, route: Route, prefix: str, locate: Locate, *, is_direct: bool = False
) -> None:
    handler = partial(handle, simulator=simulator, route=route, locate=locate, is_direct=is_direct)
    methods = ("GET", "HEAD") if route.method == "GET" else (route.method,)
    for method in methods:
        app.router.add_route(method, f"{prefix}/{route.path}", handler)


async def handle(
    request: web.Request, *, simulator: Simulator, route: Route, locate: Locate, is_direct: bool
) -> web.Response:
    """Serve one request to a simulated system."""
    if is_direct and not route.is_open:
        auth.bearer(request, "organization key, vk_…")
    task_run, sandbox = await locate(request, simulator.surface)
    body = await read_limited(request, route.body_limit)
    call = _to_request(request, body)
    if route.redact and body:
        call = call.with_redacted(route.redact)
    playground = _playground_of(task_run)
    if is_direct and not route.is_open and not auth.is_organization(request):
        simulator.authorize(playground.look(sandbox), auth.bearer(request, "organization key, vk_…"), call)
    if route.prepare is not None or route.forward is not None:
        prepared = await _prepared(request, route, call, sandbox)
        if prepared is not None:
            call = replace(call, prepared=prepared)
            playground = _playground_of(task_run)  # once more, as it took its time
    try:
        outcome = playground.interact(
            route.event_type,
            lambda tx: route.handler(tx, call),
            sandbox=sandbox,
            request=call,
            on_error=lambda error: simulator.render_error(error, call),
        )
    except SandboxError:
        raise
    except Exception as error:
        await request.app[WRITER].flush()  # what broke is an event, too, and is kept before the answer leaves
        if isinstance(error, RecursionError):
            raise Internal("The request is nested too deeply for this route.") from None
        raise
    await outcome.committed
    return to_web(with_request_id(outcome.response, request[REQUEST_ID]))


def _playground_of(task_run: TaskRun) -> Playground:
    if task_run.playground is None or task_run.playground.is_torn_down:
        raise Conflict("The task run is over; its systems take no more calls.")
    return task_run.playground


async def _prepared(request: web.Request, route: Route, call: Request, sandbox: Sandbox) -> Any:
    if route.forward is not None:
        return await route.forward(call, sandbox, request.app[FETCH])
    return await route.prepare(call, sandbox) if route.prepare is not None else None


def _to_request(request: web.Request, body: bytes) -> Request:
    url = request.rel_url
    parts = request.path.split("/", 4)
    cut = 4 if parts[1] == "v1" else 3
    path = request.path.split("/", cut)[cut] if request.path.count("/") >= cut else ""
    prefix = "/".join(parts[:cut])
    return Request(
        method=request.method,
        path=path,
        query=tuple(url.query.items()),
        headers={name.lower(): _readable(value) for name, value in request.headers.items()},
        body=body,
        params=request.match_info,
        base_url=root_url(request) + prefix,
        raw_query=url.raw_query_string,
        is_strict=request.app[SETTINGS].is_strict,
    )


def _readable(value: str) -> str:
    """Return a header's value as text that can be stored; what is not UTF-8 is read as ISO 8859-1 (RFC 9110, 5.5)."""
    if value.isascii():
        return value
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("iso8859-1")


async def _locate_by_run(request: web.Request, surface: str) -> Target:
    run = auth.active_run(request)
    if run is None or run.id != request.match_info["benchmark_run_id"]:
        run = await auth.run_in_path(request)
    if run.is_over:
        raise Conflict(f"The benchmark run is {run.status}; its systems take no more calls.")
    started = run.started
    if not started:
        raise Conflict("No task run is started; start a task run first.")
    if len(started) > 1:
        ids = ", ".join(f"/v1/task-runs/{t.id}/{surface}" for t in started)
        raise Conflict(f"{len(started)} task runs are started; use the task-scoped URL of one of them: {ids}.")
    return started[0], _sandbox_of(run, started[0], surface)


async def _locate_by_task_run(request: web.Request, surface: str) -> Target:
    run, task_run = await auth.task_run_in_path(request)
    if task_run.phase is not Phase.STARTED:
        state = task_run.status if task_run.is_over else task_run.phase
        raise Conflict(f"The task run is {state}; its systems take calls while it is started.")
    return task_run, _sandbox_of(run, task_run, surface)


async def _locate_by_sandbox(request: web.Request, surface: str) -> Target:
    runs = request.app[RUNS]
    found = runs.active_sandbox(request.match_info["sandbox_id"])
    if found is None:
        raise NotFound("There is no active sandbox of this id.")
    task_run, sandbox = found
    if sandbox.surface != surface:
        raise NotFound(f"The sandbox is a {sandbox.type}; it has no {surface} surface.")
    return task_run, sandbox


def _sandbox_of(run: BenchmarkRun, task_run: TaskRun, surface: str) -> Sandbox:
    for sandbox in task_run.sandboxes:
        if sandbox.surface == surface:
            return sandbox
    reference = run.benchmark.definition.reference
    raise NotFound(f"The environment of {reference} has no simulator on the surface {surface}.")
