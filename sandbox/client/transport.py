"""HTTP itself: one request in, one answer out, and when to ask again.

Retries follow the documented SDK: at most `max_retries` more attempts after 408, 429, 500, 502,
503, 504 or a lost connection, waiting `min(0.5·2^attempt, 8)` seconds ±20 % or what `Retry-After`
says; a timeout is never repeated. A call that would do its work twice if it were repeated is
repeated only when it certainly did nothing: a refused connection, or 429.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from sandbox import ids
from sandbox.client.errors import APIConnectionError, APITimeoutError, read_retry_after

RETRIED_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504})
TIMEOUT_S: Final = 60.0
MAX_RETRIES: Final = 2
LONGEST_RETRY_AFTER_S: Final = 60.0

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers (any case) and the whole body."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class RefusedError(APIConnectionError):
    """No connection could be made, so nothing was sent."""


class Transport(Protocol):
    """Anything that can carry a request to the server."""

    async def send(self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Send one request and read the whole answer; raises `APIConnectionError`, `APITimeoutError`."""
        ...

    async def receive(self, url: URL, headers: Mapping[str, str], take: Callable[[bytes], object]) -> Answer:
        """GET what may be long and hand it on piece by piece; the answer's body is empty then, save an error's.

        Raises as `send` does, also where the answer ends before it is whole.
        """
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


class HttpTransport:
    """A transport over one pooled `aiohttp.ClientSession`, made on first use.

    Cookies are neither kept nor sent and redirects are not followed: what the server said is what
    the caller sees.
    """

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def send(self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Send one request and read the whole answer."""
        with self._errors_of(url):
            async with self._opened().request(
                method, url, headers=headers, data=body, allow_redirects=False
            ) as response:
                return Answer(response.status, CIMultiDictProxy(CIMultiDict(response.headers)), await response.read())

    async def receive(self, url: URL, headers: Mapping[str, str], take: Callable[[bytes], object]) -> Answer:
        """GET what may be long; the timeout is for each piece of it."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout_s, sock_read=self._timeout_s)
        with self._errors_of(url):
            async with self._opened().get(url, headers=headers, timeout=timeout, allow_redirects=False) as response:
                fields = CIMultiDictProxy(CIMultiDict(response.headers))
                if response.status != 200:
                    return Answer(response.status, fields, await response.read())
                async for piece in response.content.iter_any():
                    take(piece)
                return Answer(response.status, fields, b"")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=True,
            )
        return self._session

    @contextmanager
    def _errors_of(self, url: URL) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise APITimeoutError(f"{url.origin()} did not answer within {self._timeout_s:g} s.") from None
        except aiohttp.ClientConnectorError as error:
            raise RefusedError(f"Cannot connect to {url.origin()}: {error.os_error.strerror or error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise APIConnectionError(f"The connection to {url.origin()} was lost: {error}") from error

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def retry_delay_s(attempt: int, retry_after_s: float | None, jitter: float) -> float:
    """Return the seconds to wait before attempt `attempt + 1`; `jitter` lies in -1..1.

    >>> retry_delay_s(0, None, 0), retry_delay_s(2, None, 1), retry_delay_s(9, None, 0), retry_delay_s(0, 3, 1)
    (0.5, 2.4, 8.0, 3)
    """
    if retry_after_s is not None:
        return min(retry_after_s, LONGEST_RETRY_AFTER_S)
    return min(0.5 * float(2**attempt), 8.0) * (1 + 0.2 * jitter)


async def send_with_retries(
    transport: Transport,
    method: str,
    url: URL,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    is_repeatable: bool,
    max_retries: int = MAX_RETRIES,
    sleep: Sleep = asyncio.sleep,
) -> Answer:
    """Send a request, again where that is safe and may help; return the last answer.

    Raises `APIConnectionError` and `APITimeoutError`.
    """
    jitter = ids.seeded_random(ids.new_id()).uniform
    attempt = 0
    while True:
        retry_after_s = None
        try:
            answer = await transport.send(method, url, headers, body)
        except APIConnectionError as error:
            if attempt >= max_retries or not (is_repeatable or isinstance(error, RefusedError)):
                raise
        else:
            is_safe = is_repeatable or answer.status == 429
            if answer.status not in RETRIED_STATUSES or attempt >= max_retries or not is_safe:
                return answer
            retry_after_s = read_retry_after(answer.headers)
        await sleep(retry_delay_s(attempt, retry_after_s, jitter(-1, 1)))
        attempt += 1
