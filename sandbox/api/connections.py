"""Connections, and the short way for calls of the simulated systems.

aiohttp makes a task of every request and turns its loop twice before the handler runs; together with its table and
its chain of middlewares that costs several times what a simulator does. So a plain call (HTTP/1.1, all there, to a path
that `mounts.Scope` knows) is served where it is read: as one interaction, whose answer is written once its event is
committed, for all calls of the same turn of the loop together. A client that sends ahead is answered in order.

Whatever is not plain, and whatever turns out to need more (work aside, an error, an answer without a body), is left to
aiohttp, which finds the request where it was: `ShortWay.handle`.
"""

from collections.abc import Awaitable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.typedefs import Handler
from aiohttp.web_urldispatcher import SystemRoute

from sandbox import ids, limits
from sandbox.api.access import write_line
from sandbox.api.asked import Asked
from sandbox.api.context import HEADS, IN_FLIGHT, TALLIES, WRITER
from sandbox.api.errors import to_web, with_request_id
from sandbox.api.hosts import HOSTS
from sandbox.api.middleware import identify_and_render
from sandbox.api.mounts import Scope
from sandbox.api.patience import PatientHandler
from sandbox.api.tallies import NOWHERE
from sandbox.api.wire import NO_BODY, write_whole
from sandbox.clock import monotonic_s
from sandbox.errors import ExpectationFailed, SandboxError
from sandbox.playground.events import Response
from sandbox.playground.playground import Commit, Outcome
from sandbox.wire.forms import is_too_many

_BODY_BYTES = 64 * limits.KIB
_REASONS: Mapping[int, str] = {status.value: status.phrase for status in HTTPStatus}


class ShortWay:
    """Serves what the scopes know, past aiohttp's table."""

    def __init__(self, app: web.Application, server: web.Server, scopes: list[Scope]) -> None:
        self._app = app
        self._scopes = scopes
        self._heads = app[HEADS]
        self._is_known = app[HOSTS].is_known
        self.in_flight = app[IN_FLIGHT]
        self.note = app[TALLIES].note
        self.hurry = app[WRITER].hurry
        self._dispatch = server.request_handler

    def begin(self, message: RawRequestMessage, payload: StreamReader) -> Outcome | Handler | None:
        """Serve a call that is plain; return its outcome, or who does the rest of it. None: nothing was done."""
        target = message.path
        path = target.partition("?")[0]
        if message.version != HttpVersion11 or message.should_close or message.method == "HEAD" or "#" in target:
            return None
        for scope in self._scopes:
            if path.startswith(scope.prefix):
                found = scope.at_once(message.method, path[len(scope.prefix) :]) if path.isascii() else None
                break
        else:
            return None
        head = self._heads.of(message.raw_headers, message.headers)
        if found is None or not head.is_plain or head.host is None or not self._is_known(head.host):
            return None
        if is_too_many(message.url.raw_query_string):
            return None
        if payload is not EMPTY_PAYLOAD and (
            head.content_length > _BODY_BYTES or not payload.is_eof() or payload.exception() is not None
        ):
            return None
        at_once, params = found
        try:
            return at_once(Asked(message.method, path, message.url, message.headers, params, head, head.host), payload)
        except Exception as error:
            return raising(error)

    def handle(self, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        """Serve a request from within a task of its own."""
        instead = request.protocol.take_rest() if isinstance(request.protocol, Connection) else None
        path = request.rel_url.path_safe
        expected = request.headers.get(hdrs.EXPECT)
        if expected is not None and expected.lower() != "100-continue" and isinstance(request, web.Request):
            return self._refuse(request, ExpectationFailed(f"Expect: {expected[:100]} is nothing this server does."))
        for scope in self._scopes:
            if path.startswith(scope.prefix) and isinstance(request, web.Request):
                found = scope.match(request.method, path[len(scope.prefix) :])
                if found is None or expected is not None:
                    break
                found.add_app(self._app)
                found.freeze()
                request._match_info = found  # as `Application` itself does
                return identify_and_render(request, instead or found.handler)
        return self._dispatch(request)

    def _refuse(self, request: web.Request, error: SandboxError) -> Awaitable[web.StreamResponse]:
        """Answer a request that reaches no route, in its surface's format."""
        found = web.UrlMappingMatchInfo({}, SystemRoute(web.HTTPExpectationFailed()))
        found.add_app(self._app)
        found.freeze()
        request._match_info = found
        return identify_and_render(request, raising(error))


def raising(error: Exception) -> Handler:
    """Return a handler that raises an error, for it to be rendered as any other."""

    async def handle(_: web.Request) -> web.StreamResponse:
        raise error

    return handle


class Connection(PatientHandler):
    """One connection: serves plain calls where it reads them."""

    __slots__ = ("_began", "_is_serving", "_outcome", "_rest", "_short_way")

    def __init__(self, manager: "Server", **options: Any) -> None:
        super().__init__(manager, **options)
        self._short_way = manager.short_way
        self._outcome: Outcome | None = None
        self._rest: Handler | None = None
        self._is_serving = False
        self._began = 0.0

    def take_rest(self) -> Handler | None:
        """Return who does the rest of the request that was begun the short way."""
        rest, self._rest = self._rest, None
        return rest

    def data_received(self, data: bytes) -> None:
        """Serve what is plain of what is read; for the rest wake aiohttp's own task."""
        waiter = self._waiter
        if waiter is None or waiter.done() or self._short_way is None:
            super().data_received(data)
            return
        self._waiter = None  # nobody is to be woken yet
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        if self._messages and not self._is_serving:  # taking a body may make aiohttp read on
            self._serve()

    def _serve(self) -> None:
        """Serve the messages that are here until one has to wait, or needs the long way."""
        short_way = self._short_way
        assert short_way is not None
        self._is_serving = True
        while self._messages and self._outcome is None and self._rest is None:
            message, payload = self._messages[0]
            begun = None
            if isinstance(message, RawRequestMessage) and not (
                self._paused or self._buffer_paused or self._force_close
            ):
                self._began = monotonic_s()
                begun = short_way.begin(message, payload)
            if not isinstance(begun, Outcome):
                self._go_long(begun)
                break
            self._outcome = begun
            short_way.in_flight.count += 1
            begun.committed.then(self._committed)
            short_way.hurry()
        self._is_serving = False

    def _go_long(self, rest: Handler | None) -> None:
        """Leave the first message to aiohttp's task, or to whoever does the rest of it there."""
        self._rest = rest
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _committed(self, commit: Commit) -> None:
        """Answer the call whose event is committed, and serve what came behind it."""
        outcome, short_way = self._outcome, self._short_way
        assert outcome is not None and short_way is not None
        self._outcome = None
        short_way.in_flight.count -= 1
        if self._force_close or not self._messages:  # the connection is lost
            return
        if commit.error is not None:
            self._go_long(raising(commit.error))
        elif outcome.response.status in NO_BODY:
            self._go_long(answering(outcome.response))
        else:
            try:
                request_id = self._answer(outcome.response)
            except ValueError as error:
                self._go_long(raising(error))
                return
            request, seconds = outcome.event.request, monotonic_s() - self._began
            surface = request.path.partition("/")[0] if request is not None else NOWHERE
            short_way.note(surface, outcome.response.status, seconds)
            if self.access_logger is not None:
                self._write_line(outcome.response, seconds, request_id)
            self._be_ready()
            if self._messages and not self._is_serving:
                self._serve()

    def _write_line(self, response: Response, seconds: float, request_id: str) -> None:
        """Write the line that aiohttp writes of what it answers itself."""
        message, peer = self._messages[0][0], self.peername
        client = peer[0] if isinstance(peer, tuple) else peer
        if isinstance(message, RawRequestMessage):
            path = message.url.raw_path
            write_line(message.method, path, response.status, seconds, len(response.body), client, request_id)

    def _answer(self, response: Response) -> str:
        """Write an answer and return its request id. Raises `ValueError` for a header that cannot be written."""
        request_id = ids.new_request_id()
        transport = self.transport
        if transport is None or transport.is_closing():
            return request_id
        response = with_request_id(response, request_id)
        fields = dict(response.headers)
        if response.content_type is not None:
            fields["Content-Type"] = response.content_type
        fields["X-Request-Id"] = request_id
        write_whole(transport, response.status, _REASONS.get(response.status, ""), fields.items(), response.body)
        return request_id

    def _be_ready(self) -> None:
        """Let go of the first message, as aiohttp does before the next one."""
        self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        if self._manager is not None:
            self._manager.requests_count += 1
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)


def answering(response: Response) -> Handler:
    """Return a handler that answers what is decided already."""

    async def handle(_: web.Request) -> web.StreamResponse:
        return to_web(response)

    return handle


class Server(web.Server):
    """A server whose connections are `Connection`s; `short_way` is what they serve by themselves."""

    short_way: ShortWay | None = None

    def __call__(self) -> web.RequestHandler:
        """Return the handler of a new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)

    def open_short_way(self, app: web.Application, scopes: list[Scope]) -> None:
        """Let calls that a scope knows past aiohttp's table; everything else is dispatched as before."""
        self.short_way = ShortWay(app, self, scopes)
        self.request_handler = self.short_way.handle
