"""The edge of the simulated systems: from an HTTP request to an interaction and back.

One implementation serves every mount: run-scoped, task-scoped (extended mode) and the direct
routes under `/sandboxes` and its older alias `/services`. It finds the playground, reads the body
within the route's limit, runs the simulator's handler as one interaction, waits for the commit, and
answers.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.typedefs import Handler

from sandbox.api import auth
from sandbox.api.asked import Asked
from sandbox.api.bodies import read_limited
from sandbox.api.context import FETCH, HEADS, REQUEST_ID, RUNS, SETTINGS, WRITER
from sandbox.api.errors import Internal, to_web, with_request_id
from sandbox.api.mounts import AtOnce, Scope
from sandbox.errors import Conflict, NotFound, SandboxError
from sandbox.playground.events import Request
from sandbox.playground.playground import Outcome, Playground, Sandbox
from sandbox.runs.models import BenchmarkRun, Phase, TaskRun
from sandbox.runs.registry import Registry
from sandbox.settings import Settings
from sandbox.simulators.base import Route, Simulator

Target = tuple[TaskRun, Sandbox]
Find = Callable[[web.Application, Asked, str], Target | None]
Locate = Callable[[web.Request, str], Awaitable[Target]]
Named = Callable[[web.Request], Awaitable[tuple[BenchmarkRun, list[TaskRun]]]]
SCOPES = web.AppKey("scopes", list[Scope])
RUN_TOKEN = "run token, vrl_run_…"
ORGANIZATION_KEY = "organization key, vk_…"


def add_routes(app: web.Application, registry: Registry, *, is_strict: bool) -> None:
    """Mount every simulator's routes under every scope."""
    by_run = Scope("/v1/benchmark-runs", "benchmark_run_id")
    by_task_run = Scope("/v1/task-runs", "task_run_id")
    direct = [Scope(f"/{alias}", "sandbox_id") for alias in ("sandboxes", "services")]
    for simulator in registry.simulators:
        for route in simulator.routes:
            is_wired = simulator.is_run_scoped_upstream and route.is_upstream
            if is_wired or not is_strict:
                _mount(by_run, app, simulator, route, (_active_by_run, _locate_by_run), _named_run)
            if not is_strict:
                _mount(by_task_run, app, simulator, route, (_active_by_task_run, _locate_by_task_run), _named_task_run)
            for scope in direct:
                _mount(scope, app, simulator, route, (_active_by_sandbox, _locate_by_sandbox), None)
    app[SCOPES] = [by_run, by_task_run, *direct]
    for scope in app[SCOPES]:
        app.router.register_resource(scope)


def _mount(
    scope: Scope,
    app: web.Application,
    simulator: Simulator,
    route: Route,
    by: tuple[Find, Locate],
    named: Named | None,
) -> None:
    served = Served(app, simulator, route, *by, is_direct=named is None)
    handler: Handler = served.handle
    at_once: AtOnce | None = served.at_once
    if named is None:
        at_once = None
    elif route.is_document:
        handler, at_once = document_handler_of(app, simulator, route, named), None
    for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
        scope.add(method, route.path, handler, at_once)


class Served:
    """One route of one simulated system in one scope.

    `find` looks among what is active; when it finds nothing, `locate` says why, and looks on the disk for that.
    """

    def __init__(
        self,
        app: web.Application,
        simulator: Simulator,
        route: Route,
        find: Find,
        locate: Locate,
        *,
        is_direct: bool = False,
    ) -> None:
        self._app = app
        self._simulator = simulator
        self._route = route
        self._find = find
        self._locate = locate
        self._needs_key = is_direct and not route.is_open

    def at_once(self, asked: Asked, payload: StreamReader) -> Outcome | Handler | None:
        """Serve a call whose body is all there; None when it needs what takes time before the interaction."""
        route = self._route
        if route.body_limit < asked.head.content_length:
            return None
        target = self._find(self._app, asked, self._simulator.surface)
        playground = target[0].playground if target is not None else None
        if target is None or playground is None or playground.is_torn_down:
            return None
        if route.forward is not None and target[1].config:
            return None
        body = b"" if payload is EMPTY_PAYLOAD else payload.read_nowait(-1)
        call = self._call(asked, body)
        work = route.prepare(call, playground.branch.seed) if route.prepare is not None else None
        if work is not None:
            return self._after(work, target, call)
        try:
            return self._interact(playground, target[1], call)
        except SandboxError:
            raise
        except Exception as error:
            return self._after_failure(error)

    async def handle(self, request: web.Request) -> web.Response:
        """Serve one request, whatever it takes."""
        app, route, simulator = self._app, self._route, self._simulator
        if self._needs_key:
            auth.bearer(request, ORGANIZATION_KEY)
        head = app[HEADS].of(request.raw_headers, request.headers)
        asked = Asked(request.method, request.path, request.rel_url, head, request.match_info, request.host)
        task_run, sandbox = self._find(app, asked, simulator.surface) or await self._locate(request, simulator.surface)
        body = await read_limited(request, route.body_limit) if request.body_exists else b""
        call = self._call(asked, body)
        playground = _playground_of(task_run)
        if self._needs_key and not auth.is_organization(request):
            simulator.authorize(playground.look(sandbox), auth.bearer(request, ORGANIZATION_KEY), call)
        if route.forward is not None and sandbox.config:
            call.prepared = await route.forward(call, sandbox, app[FETCH])
            playground = _playground_of(task_run)  # once more, as it took its time
        work = None
        if route.prepare is not None and call.prepared is None:
            work = route.prepare(call, playground.branch.seed)
        return await self._finish(work, (task_run, sandbox), call, request[REQUEST_ID])

    def _after(self, work: Awaitable[Any], target: Target, call: Request) -> Handler:
        """Return who waits for the work and does the rest."""

        async def rest(request: web.Request) -> web.StreamResponse:
            return await self._finish(work, target, call, request[REQUEST_ID])

        return rest

    async def _finish(
        self, work: Awaitable[Any] | None, target: Target, call: Request, request_id: str
    ) -> web.Response:
        task_run, sandbox = target
        if work is not None:
            call.prepared = await work
        try:
            outcome = self._interact(_playground_of(task_run), sandbox, call)
        except SandboxError:
            raise
        except Exception as error:
            await self._keep(error)
            raise
        await outcome.committed
        return to_web(with_request_id(outcome.response, request_id))

    def _call(self, asked: Asked, body: bytes) -> Request:
        call = _to_request(self._app[SETTINGS], asked, body)
        return call.with_redacted(self._route.redact) if self._route.redact and body else call

    def _interact(self, playground: Playground, sandbox: Sandbox, call: Request) -> Outcome:
        run = self._route.handler
        return playground.interact(
            self._route.event_type,
            lambda tx: run(tx, call),
            sandbox=sandbox,
            request=call,
            on_error=lambda error: self._simulator.render_error(error, call),
        )

    def _after_failure(self, error: Exception) -> Handler:
        """Return who keeps the event of what broke, and says that it did."""

        async def rest(_: web.Request) -> web.StreamResponse:
            await self._keep(error)
            raise error

        return rest

    async def _keep(self, error: Exception) -> None:
        """Keep the event of what broke before the answer leaves; raises what is the caller's own doing."""
        await self._app[WRITER].flush()
        if isinstance(error, RecursionError):
            raise Internal("The request is nested too deeply for this route.") from None


def document_handler_of(app: web.Application, simulator: Simulator, route: Route, named: Named) -> Handler:
    """Return what serves a document that needs no token, below the run or task run that the path names.

    It is an event of the one task run that is started; without one it is answered all the same.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        """Serve the document."""
        run, meant = await named(request)
        started = [t for t in meant if t.phase is Phase.STARTED]
        task_run = started[0] if len(started) == 1 else meant[0]
        target = task_run, _sandbox_of(run, task_run, simulator.surface)
        if len(started) == 1:
            return await Served(app, simulator, route, lambda *_: target, _locate_by_run).handle(request)
        head = app[HEADS].of(request.raw_headers, request.headers)
        asked = Asked(request.method, request.path, request.rel_url, head, request.match_info, request.host)
        playground, call = _playground_of(task_run), _to_request(app[SETTINGS], asked, b"")
        if route.forward is not None and target[1].config:
            call.prepared = await route.forward(call, target[1], app[FETCH])
        return to_web(route.handler(playground.look(target[1]), call))

    return handle


async def _named_run(request: web.Request) -> tuple[BenchmarkRun, list[TaskRun]]:
    run = await request.app[RUNS].find_run(request.match_info["benchmark_run_id"])
    return run, [t for t in run.task_runs if not t.is_over] or run.task_runs


async def _named_task_run(request: web.Request) -> tuple[BenchmarkRun, list[TaskRun]]:
    run, task_run = await request.app[RUNS].find_task_run(request.match_info["task_run_id"])
    return run, [task_run]


def _playground_of(task_run: TaskRun) -> Playground:
    if task_run.playground is None or task_run.playground.is_torn_down:
        raise Conflict("The task run is over; its systems take no more calls.")
    return task_run.playground


def _to_request(settings: Settings, asked: Asked, body: bytes) -> Request:
    full = asked.path
    # The prefix is /v1/<runs>/<id>, or /<sandboxes>/<id>; what follows is the surface and its path.
    end = full.find("/", full.index("/", 4 if full.startswith("/v1/") else 1) + 1)
    if end < 0:
        end = len(full)
    raw_query = asked.url.raw_query_string
    return Request(
        asked.method,
        full[end + 1 :],
        tuple(asked.url.query.items()) if raw_query else (),
        asked.head.headers,
        body,
        asked.params,
        (settings.url_base or f"http://{asked.host}") + full[:end],
        raw_query,
        settings.is_strict,
    )


def _active_by_run(app: web.Application, asked: Asked, surface: str) -> Target | None:
    run = app[RUNS].active_by_token(auth.bearer_in(asked.head.authorization, RUN_TOKEN))
    if run is None or run.id != asked.params["benchmark_run_id"]:
        return None
    started = run.started
    return (started[0], _sandbox_of(run, started[0], surface)) if len(started) == 1 else None


def _active_by_task_run(app: web.Application, asked: Asked, surface: str) -> Target | None:
    run = app[RUNS].active_by_token(auth.bearer_in(asked.head.authorization, RUN_TOKEN))
    task_run = app[RUNS].active_task_run(asked.params["task_run_id"])
    if run is None or task_run is None or task_run.benchmark_run_id != run.id or task_run.phase is not Phase.STARTED:
        return None
    return task_run, _sandbox_of(run, task_run, surface)


def _active_by_sandbox(app: web.Application, asked: Asked, surface: str) -> Target | None:
    found = app[RUNS].active_sandbox(asked.params["sandbox_id"])
    return found if found is not None and found[1].surface == surface else None


async def _locate_by_run(request: web.Request, surface: str) -> Target:
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
