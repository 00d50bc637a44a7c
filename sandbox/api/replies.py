"""Plain JSON answers."""

from aiohttp import web

from sandbox import jsonio
from sandbox.jsonio import Json


def json_reply(value: Json, status: int = 200) -> web.Response:
    """Answer a JSON value."""
    return web.Response(status=status, body=jsonio.dump(value), content_type="application/json")


def no_content() -> web.Response:
    """Answer 204."""
    return web.Response(status=204)
