"""The access line: one for every request that is answered, with no key, token or query in it.

The query is left out because what is asked for there is about patients; the recorded event has it.
"""

import logging
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from sandbox.logs import get_logger, without_secrets

# aiohttp wants a logger of the standard library to know that access is logged; nothing is written to it.
LOGGER: Final = logging.getLogger("sandbox.access")
log = get_logger(is_always_heard=True)


class AccessLines(AbstractAccessLogger):
    """Writes a line once an answer has left."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write the line; `time` is in seconds."""
        write_line(
            request.method,
            request.rel_url.raw_path,
            response.status,
            time,
            response.body_length,
            request.remote,
            response.headers.get("X-Request-Id"),
        )


def write_line(
    method: str, raw_path: str, status: int, seconds: float, size: int, client: str | None, request_id: str | None
) -> None:
    """Write the line of an answer of `size` bytes, `seconds` after its request was there."""
    log.info(
        f"{method} {without_secrets(raw_path)} {status}",
        ms=round(seconds * 1000, 1),
        bytes=size,
        client=client,
        request_id=request_id,
    )
