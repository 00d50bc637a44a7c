"""Answers of the simulated systems on the wire: head and body written in one piece.

aiohttp's own response goes through a header table, a stream writer and three coroutines; for the many small,
whole answers of a simulator that is a third of what they cost. Whatever is not plain (HTTP/1.0, a HEAD, an answer
that may have no body, a connection that will close, cookies, a request from a page) goes the usual way.
"""

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE

_NO_BODY = frozenset({204, 304})
_SERVER = f"Server: {SERVER_SOFTWARE}\r\nVary: Origin\r\n\r\n"
_IN_ONE_PIECE = 16 * 1024
_BUFFERED = 64 * 1024


class WholeResponse(web.Response):
    """A response whose body is bytes that are all there."""

    _asked_by: web.BaseRequest | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Note who asked; or begin the usual way."""
        if (
            request.version != HttpVersion11
            or request.method == "HEAD"
            or self._status in _NO_BODY
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
        head = self._head(len(body))
        if len(body) <= _IN_ONE_PIECE:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)
        self._asked_by = None
        self._eof_sent = True
        if transport.get_write_buffer_size() > _BUFFERED:
            await request.writer.drain()
        return None

    def _head(self, length: int) -> bytes:
        fields = [f"{name}: {value}\r\n" for name, value in self._headers.items()]
        last = f"Content-Length: {length}\r\nDate: {rfc822_formatted_time()}\r\n{_SERVER}"
        head = f"HTTP/1.1 {self._status} {self._reason}\r\n{''.join(fields)}{last}"
        if head.count("\r") != len(fields) + 6 or head.count("\n") != len(fields) + 6:
            raise ValueError("a header holds a line break")
        return head.encode()
