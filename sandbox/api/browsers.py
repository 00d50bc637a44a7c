"""What a browser asks before and after it lets a page call this server: CORS (Fetch Standard, "CORS protocol").

Pages of loopback origins and of `SANDBOX_ALLOWED_ORIGINS` may call everything, with cookies; a preflight needs no
token and reaches no route. What a page of another origin sends that could change something is refused; its reads are
answered without the headers, so that it sees nothing of the answer.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from sandbox.api.capability import is_below
from sandbox.api.context import SETTINGS
from sandbox.errors import Forbidden
from sandbox.keys import is_loopback

METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
EXPOSED: Final = (
    "ETag, Location, Last-Modified, Content-Location, Content-Disposition, Content-Range, Accept-Ranges, Allow, "
    "Retry-After, Warning, WWW-Authenticate, X-Request-Id"
)
PREFLIGHT_AGE_S: Final = 600
_HEADER_NAMES: Final = re.compile(r"[!#$%&'*+.^_`|~\w-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~\w-]+)*", re.ASCII)


def is_allowed(origin: str, allowed: tuple[str, ...]) -> bool:
    """Whether a page of an origin may call this server; `allowed` are the origins of the settings.

    >>> [is_allowed(o, ()) for o in ("http://localhost:5173", "https://[::1]", "http://127.0.0.1.example.org", "null")]
    [True, True, False, False]
    >>> is_allowed("https://ui.example.org", ("https://ui.example.org",))
    True
    """
    if origin in allowed:
        return True
    try:
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and is_loopback(parts.hostname or "") and not parts.path
    except ValueError:
        return False


def _may_call(request: web.Request, origin: str) -> bool:
    settings = request.app[SETTINGS]
    return (
        is_allowed(origin, settings.allowed_origins)
        # A page that tells nobody where it is says so of its origin, too; who knows the secret may call.
        or (origin == "null" and is_below(request.path))
        or origin.partition("://")[2]
        == request.headers.get(hdrs.HOST)  # this server's own pages; `hosts` knows the name
        or (settings.url_base is not None and _origin_of(settings.url_base) == origin)
    )


def _origin_of(url: str) -> str:
    scheme, _, rest = url.lower().partition("://")
    return f"{scheme}://{rest.partition('/')[0].removesuffix(':443' if scheme == 'https' else ':80')}"


def check_origin(request: web.Request) -> None:
    """Raise `Forbidden` for a request that a page of an origin not allowed has sent."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None or request.method == hdrs.METH_OPTIONS or _may_call(request, origin):
        return
    raise _foreign(origin)


def _foreign(origin: str) -> Forbidden:
    return Forbidden(f"Pages of {origin[:200]} may not call this server; name their origin in SANDBOX_ALLOWED_ORIGINS.")


def preflight(request: web.Request) -> web.Response | None:
    """Return the answer to a preflight, None for any other request. Raises `Forbidden` for an origin not allowed."""
    origin = request.headers.get(hdrs.ORIGIN)
    is_preflight = request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    if origin is None or not is_preflight:
        return None
    if not _may_call(request, origin):
        raise _foreign(origin)
    headers = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: METHODS,
        hdrs.ACCESS_CONTROL_MAX_AGE: str(PREFLIGHT_AGE_S),
    }
    wanted = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "").strip()
    if _HEADER_NAMES.fullmatch(wanted):
        headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = wanted
    return web.Response(status=204, headers=headers)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add to an answer that is about to leave what lets a page of an allowed origin read it, and no other take it for
    what it is not; errors too.

    Called by aiohttp for all but `wire.WholeResponse`s to requests without an `Origin`, which have the first two by
    themselves.
    """
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Always, as a cache may ask first for one and then for the other; beside what a route says of itself.
    varies = response.headers.get(hdrs.VARY)
    response.headers[hdrs.VARY] = f"{varies}, {hdrs.ORIGIN}" if varies else hdrs.ORIGIN
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and _may_call(request, origin):
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED
