"""Guard: what somebody with bad intent sends over a connection of their own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

WAIT_S = 20


@dataclass
class Line:
    """One raw connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def write(self, raw: bytes) -> None:
        self.writer.write(raw)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Read one whole answer: status, headers by lower-case name, body."""
        async with asyncio.timeout(WAIT_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            return int(status.split()[1]), headers, await self.reader.readexactly(int(headers.get("content-length", 0)))

    async def rest(self) -> bytes:
        """Read until the server closes."""
        async with asyncio.timeout(WAIT_S):
            return await self.reader.read()


@asynccontextmanager
async def connect(live: Any, **options: Any) -> AsyncIterator[Line]:
    host, port = live.url.removeprefix("http://").rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port), **options)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


@dataclass
class Guard:
    """A started run, and ways to send bytes to its server."""

    live: Any
    run: Any
    prior_auth: Any = None

    def sandbox_id(self, kind: str) -> str:
        return str(next(s["id"] for s in self.run.value["sandboxes"] if s["type"] == kind))

    def credentials(self, kind: str) -> dict[str, Any]:
        return dict(next(s["credentials"] for s in self.run.value["sandboxes"] if s["type"] == kind))

    @asynccontextmanager
    async def line(self, **options: Any) -> AsyncIterator[Line]:
        async with connect(self.live, **options) as line:
            yield line

    async def raw(
        self, method: str, path: str, *lines: str | bytes, body: bytes = b"", host: bytes | None = b"localhost"
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request as given; its connection is closed after the answer."""
        head = [f"{method} {path} HTTP/1.1".encode(), b"Connection: close"]
        head += [] if host is None else [b"Host: " + host]
        head += [line if isinstance(line, bytes) else line.encode() for line in lines]
        if body:
            head.append(b"Content-Length: %d" % len(body))
        async with self.line() as line:
            line.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
            return await line.answer()

    async def state(self) -> tuple[str, int]:
        """What must not change when a request is refused."""
        return self.run.state_hash(), len(await self.run.events())


@pytest.fixture
async def guard(live: Any) -> Guard:
    return Guard(live, await live.started())


@pytest.fixture(scope="session")
def guarding() -> Callable[[Any, Any], Guard]:
    return Guard


@pytest.fixture(scope="session")
def plug() -> Any:
    return connect
