"""Errors of the task API, and the one renderer of everything below `/api/v1` and its aliases.

    401  {"error": {"code": 401, "status": "Unauthorized", "message": …}}
    422  {"detail": [{"loc": […], "msg": …, "type": …}]}
    else {"detail": {"reason": …, "message": …, …}}

Clients branch on `detail.reason`. Must not know aiohttp.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pydantic import ValidationError

from sandbox.errors import Conflict, Forbidden, Invalid, NotFound, SandboxError, Unauthorized, Unprocessable
from sandbox.jsonio import Json
from sandbox.playground.events import Response

_REASONS: Final = {
    "BAD_REQUEST": "BAD_REQUEST",
    "VALIDATION_ERROR": "BAD_REQUEST",
    "NOT_FOUND": "RESOURCE_NOT_FOUND",
}


class RuleBroken(Invalid):
    """A business rule: 400 with a reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message, reason=reason)


class MalformedIdentifier(Invalid):
    """An id that is not a UUID: 400, the field named."""

    def __init__(self, field: str, value: str) -> None:
        shown = value[:100]
        super().__init__(
            f"{field} is not a UUID: {shown}",
            reason="MALFORMED_RESOURCE_IDENTIFIER",
            malformedResourceIdentifierError={"field": field, "value": shown, "expected_format": "uuid"},
        )


class PermissionDenied(Forbidden):
    """The credential is valid but may not do this."""

    def __init__(self, permission: str, message: str, resource: tuple[str, str] | None, subject: str) -> None:
        super().__init__(
            message,
            reason="PERMISSION_CHECK_FAILED",
            permissionCheckFailedError={
                "permission": permission,
                "subject": {"type": "user", "id": subject},
                "resource": {"type": resource[0], "id": resource[1]} if resource else None,
            },
        )


class ReadOnly(Conflict):
    """A task that a file defines."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="READ_ONLY_DEFINITION")


class BadCredentials(Unauthorized):
    """No credentials, or wrong ones."""

    def __init__(self, message: str = "Access credentials are invalid") -> None:
        super().__init__(message, headers={"WWW-Authenticate": 'Bearer realm="sandbox"'})


class ValidationFailed(Unprocessable):
    """Input that does not fit: a list of places and what is wrong there."""

    def __init__(self, items: Sequence[Mapping[str, Json]]) -> None:
        super().__init__("; ".join(str(item["msg"]) for item in items), items=list(items))

    @classmethod
    def at(cls, loc: Iterable[str | int], message: str, kind: str = "value_error") -> "ValidationFailed":
        """Make the error for a single place."""
        return cls([{"loc": list(loc), "msg": message, "type": kind}])

    @classmethod
    def of(cls, error: ValidationError, *prefix: str | int) -> "ValidationFailed":
        """Make the error of what pydantic found."""
        return cls([{"loc": [*prefix, *e["loc"]], "msg": e["msg"], "type": e["type"]} for e in error.errors()])


def not_found(kind: str, key: str) -> NotFound:
    """Return the error for something that is not there, or not in this project."""
    return NotFound(f"There is no {kind} {key[:100]} here.")


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
