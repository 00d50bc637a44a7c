"""From a request to a call: what a simulator, or whoever else changes a playground, is given."""

from aiohttp import web

from sandbox.api.asked import Asked
from sandbox.api.context import HEADS, VIA
from sandbox.playground.events import Request
from sandbox.settings import Settings


def asked_of(request: web.Request) -> Asked:
    """Return a request of aiohttp's as the edge sees it."""
    head = request.app[HEADS].of(request.raw_headers, request.headers)
    return Asked(
        request.method,
        request.path,
        request.rel_url,
        request.headers,
        request.match_info,
        head,
        request.host,
        request.get(VIA, "http"),
    )


def to_call(settings: Settings, asked: Asked, body: bytes) -> Request:
    """Return the call that a request below a scope makes; its path is relative to the scope's root."""
    full = asked.path
    # The prefix is /v1/<runs>/<id>, or /<sandboxes>/<id>; what follows is the surface and its path.
    end = full.find("/", full.index("/", 4 if full.startswith("/v1/") else 1) + 1)
    if end < 0:
        end = len(full)
    raw_query = asked.url.raw_query_string
    return Request(
        asked.method,
        full[end + 1 :],
        tuple(asked.url.query.items()) if raw_query else (),
        asked.head.headers,
        body,
        asked.match_info,
        (settings.url_base or f"http://{asked.host}") + full[:end],
        raw_query,
        settings.is_strict,
        settings.outbound_hosts,
        via=asked.via,
    )
