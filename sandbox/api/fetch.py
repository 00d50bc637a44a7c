"""HTTP to servers outside of this process, for simulators that stand in front of one.

Knows connections, time and size; what is sent and what an answer means is the simulator's business.
"""

import os
import re
from collections.abc import Mapping
from typing import Final

import aiohttp
from yarl import URL

from sandbox import limits
from sandbox.errors import BadGateway, GatewayTimeout
from sandbox.simulators.base import Fetched

ANSWER_BYTES: Final = limits.FILE_BYTES
CONNECTIONS: Final = 100
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class HttpFetch:
    """One pool of connections, opened with the first request and closed with the application."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        own_headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
    ) -> Fetched:
        """Send one request; see `sandbox.simulators.base.Fetch`."""
        sent = {**headers, **{name: with_environment(value) for name, value in own_headers.items()}}
        try:
            async with self._opened().request(
                method,
                URL(url, encoded=True),
                headers=sent,
                data=body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            ) as answer:
                content = await self._read(answer)
                return Fetched(answer.status, {k.lower(): v for k, v in answer.headers.items()}, content)
        except TimeoutError:
            message = f"The server behind this one, {_host(url)}, did not answer within {timeout_s:g} s."
            raise GatewayTimeout(message) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise BadGateway(f"The server behind this one, {_host(url)}, cannot be reached: {reason}") from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=CONNECTIONS)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    @staticmethod
    async def _read(answer: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in answer.content.iter_any():
            content += chunk
            if len(content) > ANSWER_BYTES:
                raise BadGateway(f"The server behind this one answered with more than {ANSWER_BYTES} bytes.")
        return bytes(content)


def with_environment(text: str) -> str:
    """Put environment variables in for `${NAME}`; raises `BadGateway` naming one that is not set.

    >>> with_environment("Bearer 123")
    'Bearer 123'
    """

    def value_of(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            raise BadGateway(
                f"The environment variable {match[1]}, which config.headers names, is not set for this server."
            )
        return value

    return _VARIABLE.sub(value_of, text)


def _host(url: str) -> str:
    parts = URL(url, encoded=True)
    return f"{parts.host}:{parts.port}"
