"""One renderer per surface: which format an error takes at a path.

Below a surface's root its simulator renders (OperationOutcome, ACK, …), below `/api/v1` and its aliases the task API
does; everywhere else the answer is `{"error": {code, message, details?, request_id}}`.
"""

from dataclasses import replace

from aiohttp import web

from sandbox import errors, jsonio
from sandbox.api.context import REGISTRY
from sandbox.api.wire import WholeResponse
from sandbox.llm_tasks.http.addresses import is_task_api
from sandbox.llm_tasks.http.error_bodies import render_error as render_task_api_error
from sandbox.playground.events import Request, Response
from sandbox.simulators.base import Simulator, render_json_error

_SCOPES = {("v1", "benchmark-runs"): 3, ("v1", "task-runs"): 3}
_BY_STATUS: dict[int, type[errors.SandboxError]] = {
    400: errors.Malformed,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.TooLarge,
    415: errors.UnsupportedMedia,
}


class Internal(errors.SandboxError):
    """Something broke in the server; the log has the request id and the cause."""

    status = 500
    code = "INTERNAL_ERROR"


def simulator_at(request: web.Request) -> tuple[Simulator, str] | None:
    """Return the simulator whose surface a path lies below and the path from there on, None for the API itself."""
    parts = request.rel_url.raw_path.split("/")[1:]  # raw: an encoded slash does not end a part
    if len(parts) < 3:
        return None
    at = 2 if parts[0] in ("sandboxes", "services", "t") else _SCOPES.get((parts[0], parts[1]))
    if at is None or len(parts) <= at:
        return None
    try:
        return request.app[REGISTRY].on_surface(parts[at]), "/".join(parts[at:])
    except KeyError:
        return None


def render(request: web.Request, error: errors.SandboxError, request_id: str) -> Response:
    """Render an error in the format of the surface that the request went to."""
    if is_task_api(request.path):
        return render_task_api_error(error)
    found = simulator_at(request)
    if found is not None:
        simulator, path = found
        return with_request_id(simulator.render_error(error, Request(request.method, path)), request_id)
    return render_json_error(error, request_id)


def with_request_id(response: Response, request_id: str) -> Response:
    """Put the request id into a surface's JSON error; other formats have it in the header only."""
    if response.status < 400 or response.content_type != "application/json":
        return response
    value = jsonio.parse(response.body)
    if not isinstance(value, dict) or not isinstance(value.get("error"), dict):
        return response
    body = jsonio.dump({**value, "error": {**value["error"], "request_id": request_id}})
    return replace(response, body=body)


def from_http(request: web.Request, error: web.HTTPException) -> errors.SandboxError:
    """Translate what aiohttp itself raises (no route, wrong method, too large)."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods - {"OPTIONS"}))
        message = f"{request.method} is not allowed here; this path takes {allowed}."
        return errors.MethodNotAllowed(message, headers={"Allow": allowed})
    if error.status == 404:
        return errors.NotFound(f"There is nothing at {request.path[:200]}.")
    return _BY_STATUS.get(error.status, errors.Malformed)(error.reason or "The request cannot be read.")


def to_web(response: Response) -> web.Response:
    """Make aiohttp's response of ours."""
    headers = dict(response.headers)
    if response.content_type is not None:
        headers["Content-Type"] = response.content_type
    return WholeResponse(status=response.status, body=response.body, headers=headers)
