"""A subscriber: an HTTP server on loopback that answers as a test scripts it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Script = Callable[["Notified", int], web.StreamResponse | Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Notified:
    """One notification as it came."""

    method: str
    path: str
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Hook:
    """`answer(notified, number)` makes the answer to the notification of that number, 1 for the first."""

    answer: Script
    port: int = 0
    got: list[Notified] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def paths(self) -> list[str]:
        return [one.path for one in self.got]

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        notified = Notified(request.method, request.path_qs, request.headers, await request.read())
        self.got.append(notified)
        answered = self.answer(notified, len(self.got))
        return answered if isinstance(answered, web.StreamResponse) else await answered


def said(status: int = 200, **more: Any) -> Script:
    return lambda notified, number: web.Response(status=status, **more)


async def never(notified: Notified, number: int) -> web.StreamResponse:
    await asyncio.sleep(3600)
    raise AssertionError


@asynccontextmanager
async def hooked(answer: Script | None = None, port: int = 0) -> AsyncIterator[Hook]:
    hook = Hook(answer or said())
    runner = web.ServerRunner(web.Server(hook.serve), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    hook.port = runner.addresses[0][1]
    try:
        yield hook
    finally:
        await runner.cleanup()
