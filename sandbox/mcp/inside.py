"""Requests made inside: a tool's call goes the way that the same request over HTTP goes.

Routes, credentials, limits, errors, the interaction and its event are those of any request; `Request.via` tells how it
came in. What the caller showed at the door is shown again, so nothing here decides who may do what.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from sandbox.api.context import VIA
from sandbox.api.middleware import identify_and_render
from sandbox.errors import Invalid
from sandbox.simulators.tools import Call, Reply

_SHOWN_AGAIN: Final = (hdrs.HOST, hdrs.AUTHORIZATION, hdrs.ORIGIN, hdrs.USER_AGENT)


async def send(door: web.Request, root: str, call: Call) -> Reply:
    """Make a call below `root`, a path of this server, for who sent the request `door`, and return what is answered.

    Raises `Invalid` for a path that is none.
    """
    try:
        url = (
            URL.build(path=f"{root}/{call.path}", query=list(call.query))
            if call.query
            else URL.build(path=f"{root}/{call.path}")
        )
    except ValueError as error:
        raise Invalid(f"{call.path[:200]!r} cannot be a path: {error}.") from None
    headers = CIMultiDict({name: door.headers[name] for name in _SHOWN_AGAIN if name in door.headers})
    headers.update(call.headers)
    if call.body:
        headers[hdrs.CONTENT_LENGTH] = str(len(call.body))
    request = _request(door, call.method, url, headers, call.body)
    request[VIA] = "mcp"
    found = await door.app.router.resolve(request)
    found.add_app(door.app)
    found.freeze()
    request._match_info = found  # as `Application` itself does
    response = await identify_and_render(request, found.handler)
    assert isinstance(response, web.Response)
    body = response.body
    return Reply(
        response.status,
        {name.lower(): value for name, value in response.headers.items()},
        body if isinstance(body, bytes) else b"",
    )


def _request(door: web.Request, method: str, url: URL, headers: Mapping[str, str], body: bytes) -> web.Request:
    fields = CIMultiDict(headers)
    message = RawRequestMessage(
        method,
        str(url),
        HttpVersion11,
        CIMultiDictProxy(fields),
        tuple((name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in fields.items()),
        False,
        None,
        False,
        False,
        url,
    )
    payload = EMPTY_PAYLOAD
    loop = asyncio.get_running_loop()
    if body:
        payload = StreamReader(door.protocol, len(body), loop=loop)
        payload.feed_data(body)
        payload.feed_eof()
    return web.Request(message, payload, door.protocol, door._payload_writer, door.task, loop)
