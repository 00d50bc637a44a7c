"""The edge of the simulated systems: from an HTTP request to an interaction and back.

One implementation serves every mount: run-scoped, task-scoped and capability URLs (extended mode), and the direct
routes under `/sandboxes` and its older alias `/services`. `doors.py` finds the playground and says what the
caller has shown; here the body is read within the route's limit, the simulator's handler runs as one
interaction, its commit is awaited, and the answer leaves.
"""

from functools import partial
from typing import Final

from aiohttp import StreamReader, web
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.typedefs import Handler

from sandbox import limits
from sandbox.api import doors, waiting
from sandbox.api.asked import Asked
from sandbox.api.bodies import LONG_BODY_BYTES, read_limited
from sandbox.api.calls import asked_of, to_call
from sandbox.api.capability import PREFIX, Alias
from sandbox.api.context import CREW, FETCH, REQUEST_ID, SETTINGS, WRITER
from sandbox.api.doors import Standing, Target, Way
from sandbox.api.errors import Internal, to_web, with_request_id
from sandbox.api.mounts import Scope
from sandbox.errors import Conflict, NotFound, SandboxError
from sandbox.playground.calls import Asked as Interact
from sandbox.playground.events import Actor, Request, Response
from sandbox.playground.playground import LOOKS, Interaction, Outcome, Playground, Sandbox
from sandbox.runs.models import Holder
from sandbox.runs.registry import Registry
from sandbox.simulators.base import Route, RouteHandler, Simulator

LONG_QUERY_CHARS: Final = 4 * limits.KIB
_WRITES: Final = frozenset({"PUT", "PATCH", "DELETE"})
SCOPES = web.AppKey("scopes", list[Scope])


def add_routes(app: web.Application, registry: Registry, *, is_strict: bool) -> None:
    """Mount every simulator's routes under every scope."""
    by_run = Scope("/v1/benchmark-runs", "benchmark_run_id")
    by_task_run = Scope("/v1/task-runs", "task_run_id")
    by_capability = Scope(PREFIX, "capability")
    direct = [Scope(f"/{alias}", "sandbox_id") for alias in ("sandboxes", "services")]
    for simulator in registry.simulators:
        for route in simulator.routes:
            is_wired = simulator.is_run_scoped_upstream and route.is_upstream
            is_for_agents = route.access != "organization"
            # At a door HTTP Basic is a client's own name and secret.
            takes_basic = not is_strict and route.access != "door"
            if is_for_agents and (is_wired or not is_strict):
                _mount(by_run, Served(app, simulator, route, doors.ByRun(takes_basic=takes_basic)))
            if is_for_agents and not is_strict:
                _mount(by_task_run, Served(app, simulator, route, doors.ByTaskRun(takes_basic=takes_basic)))
                _mount(by_capability, Served(app, simulator, route, doors.ByCapability()))
            served = Served(app, simulator, route, doors.BySandbox())
            for scope in direct:
                _mount(scope, served)
    app[SCOPES] = [by_run, by_task_run, *direct]
    if not is_strict:
        app[SCOPES].append(by_capability)
        ways = (doors.ByRun(takes_basic=True), doors.ByTaskRun(takes_basic=True), doors.ByCapability())
        for scope, way in zip((by_run, by_task_run, by_capability), ways, strict=True):
            scope.add("POST", waiting.PATH, waiting.Waiting(app, way).handle)
    for scope in app[SCOPES]:
        app.router.register_resource(scope)


def _mount(scope: Scope, served: "Served") -> None:
    route = served.route
    handler = served.handle if route.render is None else served.handle_and_render
    handler = handler if route.file is None else served.hand_out
    at_once = served.at_once if route.render is None and route.file is None else None
    below = route.path.removeprefix(served.simulator.surface)
    for surface in (served.simulator.surface, *served.simulator.surface_aliases):
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            scope.add(method, surface + below, handler, at_once)


class Served:
    """One route of one simulated system in one scope."""

    def __init__(self, app: web.Application, simulator: Simulator, route: Route, way: Way) -> None:
        self._app = app
        self.simulator = simulator
        self.route = route
        self._way = way

    def at_once(self, asked: Asked, payload: StreamReader) -> Outcome | Handler | None:
        """Serve a call that has the scope's key and whose body is all there.

        None when it has not, or needs what takes time before the interaction.
        """
        route = self.route
        if route.body_limit < asked.head.content_length:
            return None
        target = self._way.find(self._app, asked, self.simulator.surface)
        playground = target[0].playground if target is not None else None
        if target is None or playground is None or playground.is_torn_down:
            return None
        if route.forward is not None and target[1].config:
            return None
        alias = self._way.alias_of(asked, target[0])
        call = self._call(asked, b"" if payload is EMPTY_PAYLOAD else payload.read_nowait(-1), target[0], alias)
        if _is_long(call):
            return self._in_turn(target, call, alias)
        try:
            outcome = playground.attempt(self._asked(target[1], call, route.handler, self._way.actor, alias))
            if outcome is None:  # with the turn free it was too long
                return self._in_turn(target, call, alias, is_long=playground.turns.is_free)
            if alias is not None:
                outcome.response = alias.give_out(outcome.response)
            return outcome
        except SandboxError:
            raise
        except Exception as error:
            return self._after_failure(error)

    async def handle(self, request: web.Request) -> web.Response:
        """Serve one request, whatever it takes."""
        app, route, simulator = self._app, self.route, self.simulator
        asked = asked_of(request)
        handler, body = route.handler, b""
        is_own = is_stranger = False
        actor = self._way.actor
        target = self._way.find(app, request, simulator.surface) or await self._way.recall(request, simulator.surface)
        if target is None:
            actor = "agent"
            if route.access == "door" and request.body_exists:
                body = await read_limited(request, route.body_limit)
            seen = to_call(app[SETTINGS], asked, body)
            target, standing = await doors.admit(self._way, app, request, simulator, route.access, seen)
            is_own, is_stranger = standing is Standing.OWN, standing is Standing.STRANGER
        task_run, sandbox = target
        if not body and request.body_exists:
            body = await read_limited(request, route.body_limit)
        alias = self._way.alias_of(asked, task_run)
        call = self._call(asked, body, task_run, alias)
        playground = _playground_of(task_run, actor)
        if is_own:
            handler = _checked(simulator, playground.look(sandbox), call, handler)
        if handler is route.handler:
            await self._forward(playground, sandbox, call)
        if is_stranger and route.access == "document":
            return to_web(handler(_playground_of(task_run, actor).look(sandbox), call))
        return await self._finish(target, call, request[REQUEST_ID], handler, actor, alias, is_stranger=is_stranger)

    async def by_hand(self, target: Target, asked: Asked, body: bytes) -> Outcome:
        """Serve a request of the organization's that came in elsewhere (`by_hand.py`); return once it is recorded."""
        call = self._call(asked, body, target[0], None)
        await self._forward(_playground_of(target[0], "organization"), target[1], call)
        return await self._outcome(target, call, self.route.handler, "organization", None)

    async def _forward(self, playground: Playground, sandbox: Sandbox, call: Request) -> None:
        """Ask the server behind this one, where there is one for the sandbox."""
        if self.route.forward is None or not sandbox.config:
            return
        if playground.is_torn_down and not self.simulator.holds_state(sandbox):
            raise Conflict("The task run is over, and what it left is on the server behind this one.")
        call.forwarded = await self.route.forward(call, sandbox, self._app[FETCH])

    async def handle_and_render(self, request: web.Request) -> web.Response:
        """Serve one request to a route whose errors have a format of their own."""
        try:
            return await self.handle(request)
        except SandboxError as error:
            if self.route.render is None:
                raise
            return to_web(self.route.render(error))

    async def hand_out(self, request: web.Request) -> web.Response:
        """Answer a file that is the same for everyone."""
        if self.route.file is None:
            raise NotFound("There is no such file.")
        return to_web(self.route.file(to_call(self._app[SETTINGS], asked_of(request), b"")))

    def _in_turn(self, target: Target, call: Request, alias: Alias | None, *, is_long: bool = True) -> Handler:
        """Return who waits for the playground's turn and does it then."""
        handler, actor = self.route.handler, self._way.actor

        async def rest(request: web.Request) -> web.StreamResponse:
            return await self._finish(target, call, request[REQUEST_ID], handler, actor, alias, is_long=is_long)

        return rest

    async def _finish(
        self,
        target: Target,
        call: Request,
        request_id: str,
        handler: RouteHandler,
        actor: Actor,
        alias: Alias | None,
        *,
        is_stranger: bool = False,
        is_long: bool = False,
    ) -> web.Response:
        outcome = await self._outcome(target, call, handler, actor, alias, is_stranger=is_stranger, is_long=is_long)
        response = outcome.response if alias is None else alias.give_out(outcome.response)
        return to_web(with_request_id(response, request_id))

    async def _outcome(
        self,
        target: Target,
        call: Request,
        handler: RouteHandler,
        actor: Actor,
        alias: Alias | None,
        *,
        is_stranger: bool = False,
        is_long: bool = False,
    ) -> Outcome:
        task_run, sandbox = target
        asked = self._asked(sandbox, call, handler, actor, alias, is_stranger=is_stranger)
        playground = _playground_of(task_run, actor)
        try:
            outcome = await playground.interact_in_turn(self._app[CREW], asked, is_long=is_long or _is_long(call))
        except SandboxError:
            raise
        except Exception as error:
            await self._keep(error)
            raise
        await outcome.committed
        return outcome

    def _call(self, asked: Asked, body: bytes, holder: Holder, alias: Alias | None) -> Request:
        call = to_call(self._app[SETTINGS], asked, body)
        if self.simulator.surface_aliases:
            call.path = self._own_path(call.path)
        if call.via == "http":
            call.via = self.route.via
        call = doors.without_secret(self._app, holder, alias, call, is_content=self.route.takes_content)
        return call.with_redacted(self.route.redact) if self.route.redact and body else call

    def _own_path(self, path: str) -> str:
        """Return a path under the surface's own name, whichever of its names it came under."""
        surface, slash, rest = path.partition("/")
        return f"{self.simulator.surface}{slash}{rest}" if surface in self.simulator.surface_aliases else path

    def _asked(
        self,
        sandbox: Sandbox,
        call: Request,
        handler: RouteHandler,
        actor: Actor,
        alias: Alias | None,
        *,
        is_stranger: bool = False,
    ) -> Interact:
        keep_out = _as_it_is if alias is None else alias.keep_out
        return Interact(
            self.route.event_type,
            lambda tx: keep_out(handler(tx, call)),
            sandbox,
            call,
            lambda error: keep_out(self._show(error, call)),
            is_stranger,
            actor,
            actor == "organization" and self._may_be_look(sandbox, call),
        )

    def _may_be_look(self, sandbox: Sandbox, call: Request) -> bool:
        """Whether a call may turn out to change nothing; what it does on a server outside cannot be tried."""
        if call.method in LOOKS:
            return True
        return call.method not in _WRITES and self.simulator.holds_state(sandbox)

    def _show(self, error: SandboxError, call: Request) -> Response:
        render = self.route.render
        return self.simulator.render_error(error, call) if render is None else render(error)

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


def _as_it_is(response: Response) -> Response:
    return response


def _is_long(call: Request) -> bool:
    """Whether a call is long enough to leave the loop at once; what else takes long is found out by doing it."""
    return len(call.body) > LONG_BODY_BYTES or len(call.raw_query) > LONG_QUERY_CHARS


def _checked(simulator: Simulator, look: Interaction, call: Request, handler: RouteHandler) -> RouteHandler:
    """Return the handler, or one that raises: a caller that is known and may not do this is an event like any other."""
    try:
        simulator.check_access(look, call)
    except SandboxError as error:
        return partial(_refuse, error)
    return handler


def _refuse(error: SandboxError, tx: Interaction, call: Request) -> Response:
    raise error


def _playground_of(task_run: Holder, actor: Actor) -> Playground:
    """Return the playground as long as it takes calls; to the organization it stays open to be looked at."""
    playground = task_run.playground
    if playground is None or (playground.is_torn_down and actor != "organization"):
        raise Conflict(doors.NOT_ANY_MORE)
    return playground
