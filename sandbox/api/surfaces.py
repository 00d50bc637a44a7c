"""The edge of the simulated systems: from an HTTP request to an interaction and back.

One implementation serves every mount: run-scoped, task-scoped (extended mode) and the direct
routes under `/sandboxes` and its older alias `/services`. It finds the playground, reads the body
within the route's limit, runs the simulator's handler as one interaction, waits for the commit, and
answers.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.api import auth
from sandbox.api.bodies import read_limited
from sandbox.api.context import FETCH, REQUEST_ID, RUNS, SETTINGS, WRITER, root_url
from sandbox.api.errors import Internal, to_web, with_request_id
from sandbox.api.mounts import Scope
from sandbox.errors import Conflict, NotFound, SandboxError
from sandbox.playground.events import Request
from sandbox.playground.playground import Playground, Sandbox
from sandbox.runs.models import BenchmarkRun, Phase, TaskRun
from sandbox.runs.registry import Registry
from sandbox.simulators.base import Route, Simulator

Target = tuple[TaskRun, Sandbox]
Find = Callable[[web.Application, web.Request, str], Target | None]
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
            of_run = handler_of(app, simulator, route, _active_by_run, _locate_by_run)
            of_task_run = handler_of(app, simulator, route, _active_by_task_run, _locate_by_task_run)
            if route.is_document:
                of_run = document_handler_of(app, simulator, route, _named_run)
                of_task_run = document_handler_of(app, simulator, route, _named_task_run)
            if is_wired or not is_strict:
                _mount(by_run, route, of_run)
            if not is_strict:
                _mount(by_task_run, route, of_task_run)
            handler = handler_of(app, simulator, route, _active_by_sandbox, _locate_by_sandbox, is_direct=True)
            for scope in direct:
                _mount(scope, route, handler)
    app[SCOPES] = [by_run, by_task_run, *direct]
    for scope in app[SCOPES]:
        app.router.register_resource(scope)


def _mount(scope: Scope, route: Route, handler: Handler) -> None:
    for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
        scope.add(method, route.path, handler)


def handler_of(
    app: web.Application,
    simulator: Simulator,
    route: Route,
    find: Find,
    locate: Locate,
    *,
    is_direct: bool = False,
) -> Handler:
    """Return what serves one route of a simulated system in one scope.

    `find` looks among what is active; when it finds nothing, `locate` says why, and looks on the disk for that.
    """
    surface, event_type, run, limit = simulator.surface, route.event_type, route.handler, route.body_limit
    prepare, forward = route.prepare, route.forward

    async def handle(request: web.Request) -> web.Response:
        """Serve one request to a simulated system."""
        if is_direct and not route.is_open:
            auth.bearer(request, ORGANIZATION_KEY)
        task_run, sandbox = find(app, request, surface) or await locate(request, surface)
        body = await read_limited(request, limit) if request.body_exists else b""
        call = _to_request(app, request, body)
        if route.redact and body:
            call = call.with_redacted(route.redact)
        playground = _playground_of(task_run)
        if is_direct and not route.is_open and not auth.is_organization(request):
            simulator.authorize(playground.look(sandbox), auth.bearer(request, ORGANIZATION_KEY), call)
        if forward is not None and sandbox.config:
            call.prepared = await forward(call, sandbox, app[FETCH])
            playground = _playground_of(task_run)  # once more, as it took its time
        work = prepare(call, playground.branch.seed) if prepare is not None and call.prepared is None else None
        if work is not None:
            call.prepared = await work
            playground = _playground_of(task_run)
        try:
            outcome = playground.interact(
                event_type,
                lambda tx: run(tx, call),
                sandbox=sandbox,
                request=call,
                on_error=lambda error: simulator.render_error(error, call),
            )
        except SandboxError:
            raise
        except Exception as error:
            await app[WRITER].flush()  # what broke is an event, too, and is kept before the answer leaves
            if isinstance(error, RecursionError):
                raise Internal("The request is nested too deeply for this route.") from None
            raise
        await outcome.committed
        return to_web(with_request_id(outcome.response, request[REQUEST_ID]))

    return handle


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
            return await handler_of(app, simulator, route, lambda *_: target, _locate_by_run)(request)
        playground, call = _playground_of(task_run), _to_request(app, request, b"")
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


def _to_request(app: web.Application, request: web.Request, body: bytes) -> Request:
    url, full = request.rel_url, request.path
    # The prefix is /v1/<runs>/<id>, or /<sandboxes>/<id>; what follows is the surface and its path.
    end = full.find("/", full.index("/", 4 if full.startswith("/v1/") else 1) + 1)
    if end < 0:
        end = len(full)
    raw_query = url.raw_query_string
    return Request(
        request.method,
        full[end + 1 :],
        tuple(url.query.items()) if raw_query else (),
        _headers(request),
        body,
        request.match_info,
        root_url(request) + full[:end],
        raw_query,
        app[SETTINGS].is_strict,
    )


def _headers(request: web.Request) -> dict[str, str]:
    """Return the headers by lower-case name; lines of one name are one list (RFC 9110, 5.3)."""
    sent = request.headers
    found = {name.lower(): value if value.isascii() else _readable(value) for name, value in sent.items()}
    if len(found) < len(sent):
        for name in found:
            mark = "; " if name == "cookie" else ", "
            found[name] = mark.join(map(_readable, sent.getall(name)))
    return found


def _readable(value: str) -> str:
    """Return a header's value as text that can be stored; what is not UTF-8 is read as ISO 8859-1 (RFC 9110, 5.5)."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("iso8859-1")


def _active_by_run(app: web.Application, request: web.Request, surface: str) -> Target | None:
    run = app[RUNS].active_by_token(auth.bearer(request, RUN_TOKEN))
    if run is None or run.id != request.match_info["benchmark_run_id"]:
        return None
    started = run.started
    return (started[0], _sandbox_of(run, started[0], surface)) if len(started) == 1 else None


def _active_by_task_run(app: web.Application, request: web.Request, surface: str) -> Target | None:
    run = app[RUNS].active_by_token(auth.bearer(request, RUN_TOKEN))
    task_run = app[RUNS].active_task_run(request.match_info["task_run_id"])
    if run is None or task_run is None or task_run.benchmark_run_id != run.id or task_run.phase is not Phase.STARTED:
        return None
    return task_run, _sandbox_of(run, task_run, surface)


def _active_by_sandbox(app: web.Application, request: web.Request, surface: str) -> Target | None:
    found = app[RUNS].active_sandbox(request.match_info["sandbox_id"])
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
