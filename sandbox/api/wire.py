"""Answers of the simulated systems on the wire: head and body written in one piece.

aiohttp's own response goes through a header table, a stream writer and three coroutines; for the many small,
whole answers of a simulator that is a third of what they cost. Whatever is not plain (HTTP/1.0, a HEAD, an answer
that may have no body, a connection that will close, cookies, a request from a page) goes the usual way.
"""

import asyncio
from collections.abc import Iterable

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE

NO_BODY = frozenset({204, 304})
_SERVER = f"Server: {SERVER_SOFTWARE}\r\nVary: Origin\r\nX-Content-Type-Options: nosniff\r\n\r\n"
_IN_ONE_PIECE = 16 * 1024
_BUFFERED = 64 * 1024


def write_whole(
    transport: asyncio.WriteTransport, status: int, reason: str, fields: Iterable[tuple[str, str]], body: bytes
) -> None:
    """Write an answer that has a body, head and all. Raises `ValueError` for a field that holds a line break."""
    lines = [f"{name}: {value}\r\n" for name, value in fields]
    last = f"Content-Length: {len(body)}\r\nDate: {rfc822_formatted_time()}\r\n{_SERVER}"
    text = f"HTTP/1.1 {status} {reason}\r\n{''.join(lines)}{last}"
    if text.count("\r") != len(lines) + 7 or text.count("\n") != len(lines) + 7:
        raise ValueError("a header holds a line break")
    head = text.encode()
    if len(body) <= _IN_ONE_PIECE:
        transport.write(head + body)
    else:
        transport.write(head)
        transport.write(body)


class WholeResponse(web.Response):
    """A response whose body is bytes that are all there."""

    _asked_by: web.BaseRequest | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Note who asked; or begin the usual way."""
        if (
            request.version != HttpVersion11
            or request.method == "HEAD"
            or self._status in NO_BODY
            or not request.keep_alive
            or self._keep_alive is False
            or self._cookies
            or hdrs.ORIGIN in request.headers
        ):
            return await super().prepare(request)
        self._keep_alive = True
        self._asked_by = request
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Write the whole answer, and wait where the client reads too slowly."""
        request = self._asked_by
        if request is None:
            return await super().write_eof(data)
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("The client is gone.")
        body = self._body if isinstance(self._body, bytes) else b""
        write_whole(transport, self._status, self._reason or "", self._headers.items(), body)
        self._asked_by = None
        self._body_length = len(body)
        self._eof_sent = True
        if transport.get_write_buffer_size() > _BUFFERED:
            await request.writer.drain()
        return None
