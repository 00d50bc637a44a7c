"""The edge of the simulated systems: from an HTTP request to an interaction and back.

One implementation serves every mount: run-scoped, task-scoped (extended mode) and the direct
routes under `/sandboxes` and its older alias `/services`. `doors.py` finds the playground and says what the
caller has shown; here the body is read within the route's limit, the simulator's handler runs as one
interaction, its commit is awaited, and the answer leaves.
"""

from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.api import doors
from sandbox.api.bodies import read_limited
from sandbox.api.context import FETCH, REQUEST_ID, SETTINGS, WRITER, root_url
from sandbox.api.doors import Standing, Way
from sandbox.api.errors import Internal, to_web, with_request_id
from sandbox.api.mounts import Scope
from sandbox.errors import Conflict, SandboxError
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction, Playground
from sandbox.runs.models import TaskRun
from sandbox.runs.registry import Registry
from sandbox.simulators.base import Route, RouteHandler, Simulator

SCOPES = web.AppKey("scopes", list[Scope])


def add_routes(app: web.Application, registry: Registry, *, is_strict: bool) -> None:
    """Mount every simulator's routes under every scope."""
    by_run = Scope("/v1/benchmark-runs", "benchmark_run_id")
    by_task_run = Scope("/v1/task-runs", "task_run_id")
    direct = [Scope(f"/{alias}", "sandbox_id") for alias in ("sandboxes", "services")]
    for simulator in registry.simulators:
        for route in simulator.routes:
            is_wired = simulator.is_run_scoped_upstream and route.is_upstream
            is_for_agents = route.access != "organization"
            if is_for_agents and (is_wired or not is_strict):
                _mount(by_run, route, handler_of(app, simulator, route, doors.ByRun()))
            if is_for_agents and not is_strict:
                _mount(by_task_run, route, handler_of(app, simulator, route, doors.ByTaskRun()))
            handler = handler_of(app, simulator, route, doors.BySandbox())
            for scope in direct:
                _mount(scope, route, handler)
    app[SCOPES] = [by_run, by_task_run, *direct]
    for scope in app[SCOPES]:
        app.router.register_resource(scope)


def _mount(scope: Scope, route: Route, handler: Handler) -> None:
    for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
        scope.add(method, route.path, handler)


def handler_of(app: web.Application, simulator: Simulator, route: Route, way: Way) -> Handler:
    """Return what serves one route of a simulated system in one scope."""
    surface, event_type, run, limit = simulator.surface, route.event_type, route.handler, route.body_limit
    prepare, forward, access, render, find = route.prepare, route.forward, route.access, route.render, way.find

    def show(error: SandboxError, call: Request) -> Response:
        return simulator.render_error(error, call) if render is None else render(error)

    async def handle(request: web.Request) -> web.Response:
        """Serve one request to a simulated system."""
        handler, body = run, b""
        is_own = is_stranger = False
        target = find(app, request, surface)
        if target is None:
            if access == "door" and request.body_exists:
                body = await read_limited(request, limit)
            seen = _to_request(app, request, body)
            target, standing = await doors.admit(way, app, request, simulator, access, seen)
            is_own, is_stranger = standing is Standing.OWN, standing is Standing.STRANGER
        task_run, sandbox = target
        if not body and request.body_exists:
            body = await read_limited(request, limit)
        call = _to_request(app, request, body)
        if route.redact and body:
            call = call.with_redacted(route.redact)
        playground = _playground_of(task_run)
        if is_own:
            handler = _checked(simulator, playground.look(sandbox), call, handler)
        if handler is run:
            if forward is not None and sandbox.config:
                call.prepared = await forward(call, sandbox, app[FETCH])
                playground = _playground_of(task_run)  # once more, as it took its time
            work = prepare(call, playground.branch.seed) if prepare is not None and call.prepared is None else None
            if work is not None:
                call.prepared = await work
                playground = _playground_of(task_run)
        if is_stranger and access == "document":
            return to_web(handler(playground.look(sandbox), call))
        try:
            outcome = playground.interact(
                event_type,
                lambda tx: handler(tx, call),
                sandbox=sandbox,
                request=call,
                on_error=lambda error: show(error, call),
                is_stranger=is_stranger,
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

    if render is None:
        return handle

    async def handle_and_render(request: web.Request) -> web.Response:
        """Serve one request to a route whose errors have a format of their own."""
        try:
            return await handle(request)
        except SandboxError as error:
            return to_web(render(error))

    return handle_and_render


def _checked(simulator: Simulator, look: Interaction, call: Request, handler: RouteHandler) -> RouteHandler:
    """Return the handler, or one that raises: a caller that is known and may not do this is an event like any other."""
    try:
        simulator.check_access(look, call)
    except SandboxError as error:
        return partial(_refuse, error)
    return handler


def _refuse(error: SandboxError, tx: Interaction, call: Request) -> Response:
    raise error


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
