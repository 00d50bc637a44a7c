"""Running the server: in this process until a signal, or for as long as a block lasts."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from sandbox import limits
from sandbox.api.connections import Server
from sandbox.api.context import HUB, IN_FLIGHT
from sandbox.api.surfaces import SCOPES
from sandbox.app import create_app
from sandbox.settings import Settings

_DRAIN_S = 5.0
_CLOSE_S = 1.0
_LOOK_S = 0.02


class ListenError(OSError):
    """The address cannot be listened on; the message says why and what to do."""


def address_of(runner: web.AppRunner) -> tuple[str, int]:
    """Return the host and port a runner listens on."""
    host, port = runner.addresses[0][:2]
    return host, port


def url_of(settings: Settings, runner: web.AppRunner) -> str:
    """Return the URL clients use."""
    host, port = address_of(runner)
    shown = f"[{host}]" if ":" in host else host
    return settings.url_base or f"http://{shown}:{port}"


class Runner(web.AppRunner):
    """Runs an application of ours, with the short way to its simulated systems open."""

    async def _make_server(self) -> Server:
        made = await super()._make_server()
        return Server(made.request_handler, request_factory=made.request_factory, **self._kwargs)

    async def setup(self) -> None:
        """Start the application."""
        await super().setup()
        if isinstance(self.server, Server):
            self.server.open_short_way(self.app, self.app[SCOPES])


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[web.AppRunner]:
    """Run a server inside the block; leaving it drains requests and closes the record.

    Raises what starting raises, and `ListenError` when the address is taken.
    """
    runner = Runner(
        create_app(settings),
        shutdown_timeout=_CLOSE_S,
        access_log=None,
        handle_signals=False,
        max_line_size=limits.REQUEST_LINE_BYTES,
        max_field_size=limits.REQUEST_LINE_BYTES,
    )
    await runner.setup()
    try:
        site = await _listen(runner, settings)
        try:
            yield runner
        finally:
            await site.stop()
            await _drain(runner.app)
    finally:
        await runner.cleanup()


async def _drain(app: web.Application) -> None:
    """Let the requests that have begun come to their end, uploads too, for up to `_DRAIN_S`."""
    app[HUB].close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            while app[IN_FLIGHT].count:
                await asyncio.sleep(_LOOK_S)


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


async def serve(settings: Settings, announce: Callable[[web.AppRunner], None]) -> None:
    """Serve until SIGTERM or SIGINT; `announce` is called once requests are accepted."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as runner:
        gc.collect()
        gc.freeze()  # what was loaded stays: no collection has to look at it again
        announce(runner)
        await stop.wait()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a server to its end, on uvloop where that is installed: it serves more than asyncio's own loop."""
    make_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
    with suppress(ImportError):
        import uvloop

        make_loop = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(main)
