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
        log.info(
            f"{request.method} {without_secrets(request.rel_url.raw_path)} {response.status}",
            ms=round(time * 1000, 1),
            bytes=response.body_length,
            client=request.remote,
            request_id=response.headers.get("X-Request-Id"),
        )
