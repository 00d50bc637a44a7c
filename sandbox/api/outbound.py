"""HTTP to places that an agent named: no further than this machine and the operator's list, whatever a name leads to.

A name is held against the list before it is looked up, each address that was found before anything connects to it; of
what is found the first is connected to, so nothing can change in between. Redirects are not followed, cookies are not
kept, no proxy of the environment is used. Every request has a connection of its own.
"""

import asyncio
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from sandbox import limits, outbound


class Unreached(Exception):
    """Nothing answered; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a place answered: the beginning of the body, and whether that is all of it."""

    status: int
    content_type: str | None
    body: bytes
    is_whole: bool


class OutboundHttp:
    """Sends requests; opened with the first one and closed with the application."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(allowed)
        self._session: aiohttp.ClientSession | None = None
        self._room = asyncio.Semaphore(limits.NOTIFICATIONS_UNDER_WAY)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, timeout_s: float
    ) -> Answered:
        """Send one request and return the answer, whatever its status. Raises `Unreached`."""
        target = URL(url, encoded=True)
        host = target.host or ""
        where = f"{host}:{target.port}"
        if not outbound.is_allowed(host, self._allowed):
            raise Unreached(outbound.refusal("The endpoint", host))
        async with self._room:
            try:
                async with self._opened().request(
                    method,
                    target,
                    headers=headers,
                    data=body,
                    allow_redirects=False,
                    skip_auto_headers=("Accept-Encoding",) if body else ("Accept-Encoding", "Content-Type"),
                    timeout=aiohttp.ClientTimeout(total=timeout_s),
                ) as answer:
                    content, is_whole = await _beginning(answer)
                    return Answered(answer.status, answer.headers.get("Content-Type"), content, is_whole)
            except TimeoutError:
                raise Unreached(f"{where} did not answer within {timeout_s:g} seconds.") from None
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise Unreached(f"{where} {_reason(error)}.") from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0, force_close=True, use_dns_cache=False, resolver=_Guarded(self._allowed)
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # what is small on the wire may be large
                headers={"User-Agent": "sandbox"},
            )
        return self._session


class _Refused(OSError):
    """A name that leads where nothing may connect to."""


class _Guarded(AbstractResolver):
    """Looks names up; addresses that a name may not lead to are none."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = allowed
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses that may be connected to. Raises `OSError` where there are none."""
        found = await self._inner.resolve(host, port, family)
        kept = [one for one in found if outbound.is_address_allowed(host, one["host"], self._allowed)]
        if not kept:
            raise _Refused(host)
        return kept

    async def close(self) -> None:
        """Nothing is held."""


async def _beginning(answer: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    content = bytearray()
    async for chunk in answer.content.iter_any():
        content += chunk
        if len(content) > limits.NOTIFICATION_ANSWER_BYTES:
            return bytes(content[: limits.NOTIFICATION_ANSWER_BYTES]), False
    return bytes(content), True


def _reason(error: Exception) -> str:
    """Say what went wrong in words that do not differ between systems; completes "host:port …"."""
    chain: list[BaseException] = [error]
    while (more := chain[-1].__cause__) is not None and more not in chain:
        chain.append(more)
    chain += [inner for one in chain if isinstance(inner := getattr(one, "os_error", None), OSError)]
    if any(isinstance(one, _Refused) for one in chain):
        return f"leads to an address that is not this machine's, and the name is not in {outbound.SETTING}"
    if any(isinstance(one, ConnectionRefusedError) for one in chain):
        return "refused the connection"
    if any(isinstance(one, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError) for one in chain):
        return "has no certificate that is trusted here"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "cannot be reached"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | OSError):
        return "closed the connection"
    return "did not answer in HTTP"
