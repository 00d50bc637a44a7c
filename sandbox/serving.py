"""Running the server: in this process until a signal, or for as long as a block lasts.

Once it listens, the lock of its data directory says where, for others on this machine.
"""

import asyncio
import errno
import faulthandler
import gc
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from aiohttp import web

from sandbox import limits
from sandbox.api.access import LOGGER, AccessLines
from sandbox.api.connections import Server
from sandbox.api.context import CREW, HUB, IN_FLIGHT
from sandbox.api.mllp.ports import PortTaken
from sandbox.api.surfaces import SCOPES
from sandbox.app import LOCK, START_KEYS, create_app
from sandbox.logs import get_logger
from sandbox.ready_file import ready_file
from sandbox.record.lock import Owner
from sandbox.settings import Settings

END_S = 9.0
_DRAIN_S = 5.0
_CLOSE_S = 1.0
_LOOK_S = 0.02
_SAY_AGAIN_S = 60.0
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)

log = get_logger()


class ListenError(OSError):
    """The address cannot be listened on; the message says why and what to do."""


def address_of(runner: web.AppRunner) -> tuple[str, int]:
    """Return the host and port a runner listens on."""
    host, port = runner.addresses[0][:2]
    return host, port


def local_url_of(runner: web.AppRunner) -> str:
    """Return the URL under which this machine reaches the server; on all addresses that is the loopback one."""
    host, port = address_of(runner)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def url_of(settings: Settings, runner: web.AppRunner) -> str:
    """Return the URL clients use."""
    return settings.url_base or local_url_of(runner)


class Runner(web.AppRunner):
    """Runs an application of ours, with the short way to its simulated systems open."""

    async def _make_server(self) -> Server:
        made = await super()._make_server()
        # `bodies.py` undoes codings, and notices what is cut off.
        options = {"auto_decompress": False, "keepalive_timeout": limits.KEEP_ALIVE_S, **self._kwargs}
        return Server(made.request_handler, request_factory=made.request_factory, **options)

    async def setup(self) -> None:
        """Start the application."""
        await super().setup()
        if isinstance(self.server, Server):
            self.server.open_short_way(self.app, self.app[SCOPES])


@asynccontextmanager
async def running(settings: Settings, *, is_lasting: bool = False) -> AsyncIterator[web.AppRunner]:
    """Run a server inside the block; leaving it drains requests and closes the record.

    One that is lasting says so in its data directory, and others may use it. Raises what starting raises, and
    `ListenError` when the address is taken.
    """
    runner = Runner(
        create_app(settings),
        shutdown_timeout=_CLOSE_S,
        access_log=LOGGER if settings.is_access_logged else None,
        access_log_class=AccessLines,
        handle_signals=False,
        max_line_size=limits.REQUEST_LINE_BYTES,
        max_field_size=limits.REQUEST_LINE_BYTES,
        max_headers=limits.HEADERS,
    )
    try:
        await runner.setup()
    except PortTaken as error:
        raise ListenError(str(error)) from error
    try:
        site = await _listen(runner, settings)
        runner.app[LOCK].announce(
            Owner(
                os.getpid(),
                local_url_of(runner),
                is_lasting,
                settings.is_strict,
                tuple(path.resolve() for path in settings.playground_dirs),
                tuple(path.resolve() for path in settings.seed_dirs),
            )
        )
        try:
            yield runner
        finally:
            await site.stop()
            await _drain(runner.app)
    finally:
        await runner.cleanup()


async def _drain(app: web.Application) -> None:
    """Let the requests that have begun come to their end, uploads too, for up to `_DRAIN_S`; then end what is left."""
    app[HUB].close()
    for seconds in (_DRAIN_S, _CLOSE_S):
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while app[IN_FLIGHT].count:
                    await asyncio.sleep(_LOOK_S)
        app[CREW].stop()


async def _listen(runner: web.AppRunner, settings: Settings) -> web.TCPSite:
    site = web.TCPSite(runner, settings.host, settings.port)
    try:
        await site.start()
    except OSError as error:
        # A failed look-up of the host has a number of its own kind, below zero.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror or str(error)
        raise ListenError(
            f"Cannot listen on {settings.host}:{settings.port}: {reason}. "
            "Choose another address with --host and --port; --port 0 takes a free port."
        ) from error
    return site


@asynccontextmanager
async def serving_url(settings: Settings) -> AsyncIterator[str]:
    """Run a server inside the block and give its URL."""
    async with running(settings) as runner:
        yield url_of(settings, runner)


async def serve(settings: Settings, announce: Callable[[web.AppRunner], None], *, ready: Path | None = None) -> None:
    """Serve until SIGTERM or SIGINT, and end within `END_S` of it whatever is being done.

    `announce` is called once requests are accepted and the file `ready` is there.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end(number: int, frame: FrameType | None) -> None:
        """Begin the end, between any two steps of Python: the loop may be busy."""
        if not stop.is_set():
            faulthandler.dump_traceback_later(END_S, exit=True)
            loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    loop.set_exception_handler(_LoopErrors())
    async with running(settings, is_lasting=True) as runner:
        gc.collect()
        gc.freeze()  # what was loaded stays: no collection has to look at it again
        with nullcontext() if ready is None else ready_file(ready, _opened_by(settings, runner)):
            announce(runner)
            await stop.wait()


class _LoopErrors:
    """What went wrong in the event loop itself. That no connection can be accepted is said once in a while.

    asyncio says so for each one that waits, with a traceback, thousands of times a second.
    """

    def __init__(self) -> None:
        self._said_at: float | None = None

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle one error of the loop."""
        error = context.get("exception")
        if isinstance(error, ValueError) and "_start_serving" in str(context.get("message")):
            return  # asyncio comes back to a socket that it could not accept from, and the server has closed it
        if not isinstance(error, OSError) or error.errno not in _NO_DESCRIPTORS:
            loop.default_exception_handler(context)
            return
        now = loop.time()
        if self._said_at is None or now - self._said_at >= _SAY_AGAIN_S:
            self._said_at = now
            log.error(
                "no connection can be accepted until others end; those that are open go on",
                reason=error.strerror,
                advice="raise the limit of open file descriptors (ulimit -n)",
            )


def _opened_by(settings: Settings, runner: web.AppRunner) -> Mapping[str, Any]:
    keys = runner.app[START_KEYS]
    url = url_of(settings, runner)
    return {"url": url, "pid": os.getpid(), "api_key": keys.api_key, "solver_key": keys.solver_key}


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a server to its end, on uvloop where that is installed: it serves more than asyncio's own loop."""
    make_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
    with suppress(ImportError):
        import uvloop

        make_loop = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(main)
