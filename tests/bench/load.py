"""A light HTTP/1.1 load: keep-alive connections that each send the next request when answered.

Written on bare asyncio protocols, so that the client costs little beside the server it measures.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Result:
    """Answers per second and the delays of single requests, in seconds, sorted."""

    count: int
    seconds: float
    delays: tuple[float, ...]
    statuses: frozenset[int]

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    def quantile(self, q: float) -> float:
        return self.delays[min(len(self.delays) - 1, int(q * len(self.delays)))]


class _Connection(asyncio.Protocol):
    def __init__(
        self, next_request: Callable[[], bytes | None], done: Callable[[], None], note: Callable[[float, int], None]
    ):
        self._next, self._done, self._note = next_request, done, note
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        request = self._next()
        if request is None:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = (
            int(head[at + 15 : (head.find(b"\r", at) if head.find(b"\r", at) > 0 else len(head))]) if at >= 0 else 0
        )
        if len(self._buffer) < end + 4 + length:
            return
        self._buffer = self._buffer[end + 4 + length :]
        self._note(time.perf_counter() - self._sent, int(head[9:12]))
        self._send()

    def connection_lost(self, exc) -> None:
        self._done()


def request_bytes(
    method: str, url: str, token: str = "", body: bytes = b"", content_type: str = "application/json"
) -> bytes:
    """Return one request as it goes over the wire."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", "Accept: */*"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def drive(
    url: str, requests: Sequence[bytes], *, count: int, connections: int = 32, pause_s: float = 0
) -> Result:
    """Send `count` requests, round robin, over so many connections; return what came of it."""
    parts = urlsplit(url)
    left, open_connections = count, connections
    delays: list[float] = []
    statuses: set[int] = set()
    finished = asyncio.Event()

    def next_request() -> bytes | None:
        nonlocal left
        if left == 0:
            return None
        left -= 1
        return requests[left % len(requests)]

    def done() -> None:
        nonlocal open_connections
        open_connections -= 1
        if open_connections == 0:
            finished.set()

    def note(delay: float, status: int) -> None:
        delays.append(delay)
        statuses.add(status)

    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(next_request, done, note), parts.hostname, parts.port)
    await finished.wait()
    seconds = time.perf_counter() - began
    if len(delays) != count:
        raise RuntimeError(f"{count - len(delays)} requests were not answered")
    return Result(count, seconds, tuple(sorted(delays)), frozenset(statuses))
