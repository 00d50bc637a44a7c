"""What every request goes through: an id, whom it is meant for, which page sent it, errors in its surface's format."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox import ids
from sandbox.api import browsers, capability, errors
from sandbox.api.context import IN_FLIGHT, REQUEST_ID
from sandbox.api.hosts import HOSTS
from sandbox.errors import SandboxError
from sandbox.logs import get_logger
from sandbox.record.writer import WriterError
from sandbox.wire.authorization import BEARER_CHALLENGE
from sandbox.wire.forms import check_count

log = get_logger()

_READS = frozenset({"GET", "HEAD"})


@web.middleware
async def identify_and_render(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id and turn whatever is raised into a response."""
    request_id = ids.new_request_id()
    request[REQUEST_ID] = request_id
    in_flight = request.app[IN_FLIGHT]
    in_flight.count += 1
    try:
        request.app[HOSTS].check(request)
        check_count(request.rel_url.raw_query_string)
        answer = None
        if request.method not in _READS:
            answer = browsers.preflight(request)
            browsers.check_origin(request)
        response = await handler(request) if answer is None else answer
    except SandboxError as error:
        response = _answer(request, error, request_id)
    except web.HTTPException as error:
        response = _answer(request, errors.from_http(request, error), request_id)
    except asyncio.CancelledError:
        raise
    except ConnectionResetError:
        raise
    except WriterError as error:
        response = _answer(request, errors.Internal(str(error)), request_id)
    except Exception:
        log.exception("unexpected error", request_id=request_id, method=request.method, path=request.path)
        response = _answer(request, errors.Internal("Something broke in the server; its log says what."), request_id)
    finally:
        in_flight.count -= 1
    if not response.prepared:
        response.headers["X-Request-Id"] = request_id
        if capability.is_below(request.path):
            response.headers.update(capability.HEADERS)
    return response


def _answer(request: web.Request, error: SandboxError, request_id: str) -> web.Response:
    response = errors.to_web(errors.render(request, error, request_id))
    for name, value in error.headers.items():
        response.headers[name] = value
    if error.status == 401:
        response.headers.setdefault("WWW-Authenticate", BEARER_CHALLENGE)
    return response
