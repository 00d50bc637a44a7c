"""Errors of the task API; `http/error_bodies` renders them.

Invalid        RuleBroken, MalformedIdentifier     400 with a reason
Unauthorized   BadCredentials                      401
Forbidden      PermissionDenied                    403
Conflict       ReadOnly                            409
Unprocessable  ValidationFailed                    422, a list of places
"""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import ValidationError

from sandbox.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized, Unprocessable, readable
from sandbox.jsonio import Json
from sandbox.wire.authorization import BEARER_CHALLENGE


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
        super().__init__(message, headers={"WWW-Authenticate": BEARER_CHALLENGE})


class ValidationFailed(Unprocessable):
    """Input that does not fit: a list of places and what is wrong there."""

    def __init__(self, items: Sequence[Mapping[str, Json]]) -> None:
        said = [{**item, "msg": readable(str(item["msg"]))} for item in items]
        super().__init__("; ".join(str(item["msg"]) for item in said), items=said)

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
