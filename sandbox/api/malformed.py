"""Requests that are no HTTP: what aiohttp's parser refuses never reaches the middleware.

Such a request has no path that could be trusted, so the answer has the API's own form whatever
surface it was meant for.
"""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from sandbox import ids
from sandbox.api.errors import to_web
from sandbox.errors import Malformed
from sandbox.simulators.base import render_json_error

_SAID_MAX = 300


class RefusingHandler(web.RequestHandler):
    """One connection; answers what cannot be parsed as `{"error": {…}}` with a request id.

    Bodies come as they were sent: `bodies.py` undoes their coding. Where aiohttp does, one that it does not know is no
    HTTP to it, and one that is broken costs the connection.
    """

    def __init__(self, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **{**options, "auto_decompress": False})

    leaves_bodies = True  # as they come: see `bodies.py`

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that is malformed, and close its connection."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        said = " ".join((message or "").split())[:_SAID_MAX]
        request_id = ids.new_request_id()
        response = to_web(render_json_error(Malformed(f"The request is not valid HTTP: {said}"), request_id))
        response.headers["X-Request-Id"] = request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log what broke; that the rest of a body cannot be read, after its request was answered, is nothing broken."""
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kw)
