"""The one renderer of every error below `/api/v1` and its aliases.

    401  {"error": {"code": 401, "status": "Unauthorized", "message": …}}
    422  {"detail": [{"loc": […], "msg": …, "type": …}]}
    else {"detail": {"reason": …, "message": …, …}}

Clients branch on `detail.reason`. Must not know aiohttp.
"""

from typing import Final

from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.llm_tasks.errors import ValidationFailed
from sandbox.playground.events import Response

_REASONS: Final = {
    "BAD_REQUEST": "BAD_REQUEST",
    "VALIDATION_ERROR": "BAD_REQUEST",
    "NOT_FOUND": "RESOURCE_NOT_FOUND",
}


def render_error(error: SandboxError) -> Response:
    """Render any error in the format that its status has in this API."""
    if error.status == 401:
        body: Json = {"error": {"code": 401, "status": "Unauthorized", "message": error.message}}
    elif isinstance(error, ValidationFailed):
        body = {"detail": error.context["items"]}
    else:
        reason = error.context.get("reason") or _REASONS.get(error.code, error.code)
        extra = {k: v for k, v in error.context.items() if k.endswith("Error")}
        body = {"detail": {"reason": reason, "message": error.message, **extra}}
    return Response.of_json(body, error.status)
