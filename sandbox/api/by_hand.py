"""A request that a person sends from a page of this server, as if it had come in at `/sandboxes/{id}/…`.

It goes the way that every request goes: the same routes, the same rules, one event of the organization's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from sandbox.api.asked import Asked
from sandbox.api.context import HEADS, RUNS
from sandbox.api.surfaces import SCOPES, Served
from sandbox.errors import Malformed, MethodNotAllowed, NotFound, TooLarge
from sandbox.playground.playground import Outcome

_PREFIX = "/sandboxes/"


@dataclass(frozen=True, slots=True)
class _Line:
    """What a route is found by."""

    method: str
    rel_url: URL


async def send(
    app: web.Application,
    sandbox_id: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    host: str,
) -> Outcome:
    """Send a request to a sandbox; `path` begins with its surface and may have a query, `host` is this
    server's name to whoever sends. Return what came of it.

    Raises `NotFound`, `MethodNotAllowed`, `Malformed`, `TooLarge`, `Conflict` where it reaches no route or none that is
    open; what a route itself refuses is an answer like any other.
    """
    try:
        url = URL(f"{_PREFIX}{sandbox_id}/{path}")
    except ValueError:
        raise Malformed("The path cannot be read as part of a URL.") from None
    served, params = await _route(app, _Line(method, url))
    target = app[RUNS].active_sandbox(sandbox_id) or await app[RUNS].final_states.of_sandbox(sandbox_id)
    if target is None:
        raise NotFound("There is no such sandbox.")
    if len(body) > served.route.body_limit:
        raise TooLarge(f"The body is larger than the {served.route.body_limit} bytes this route takes.")
    fields = CIMultiDictProxy(CIMultiDict({"Host": host, **headers}))
    raw = tuple((name.encode(), value.encode("utf-8", "replace")) for name, value in fields.items())
    asked = Asked(method, url.path, url, fields, params, app[HEADS].of(raw, fields), host)
    return await served.by_hand(target, asked, body)


async def _route(app: web.Application, line: _Line) -> tuple[Served, Mapping[str, str]]:
    for scope in app[SCOPES]:
        if scope.prefix != _PREFIX:
            continue
        match, allowed = await scope.resolve(cast(web.Request, line))
        if match is not None:
            served = getattr(match.route.handler, "__self__", None)
            assert isinstance(served, Served)
            return served, match
        if allowed:
            raise MethodNotAllowed(f"{line.method} is not served there; {', '.join(sorted(allowed))} is.")
    raise NotFound("No route of this surface has such a path.")
