"""OperationOutcome: every error of this surface, and what a write has to say (R4, OperationOutcome).

Errors may carry, as context, `issues` (several `Issue`), `issue_type` and `expression`; without them
the kind of error decides the issue's type.
"""

from collections.abc import Sequence
from typing import Final

from sandbox import jsonio
from sandbox.errors import (
    Conflict,
    Forbidden,
    Gone,
    Malformed,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    PreconditionFailed,
    RateLimited,
    SandboxError,
    TooCostly,
    TooLarge,
    Unauthorized,
    Unprocessable,
    Unsupported,
    UnsupportedMedia,
)
from sandbox.jsonio import Json
from sandbox.playground.events import Request, Response
from sandbox.r4.issues import Issue
from sandbox.r4.names import MEDIA_TYPE
from sandbox.wire.authorization import BEARER_CHALLENGE

_ISSUE_TYPES: Final[tuple[tuple[type[SandboxError], str], ...]] = (
    (Malformed, "structure"),
    (Unsupported, "not-supported"),
    (Unauthorized, "login"),
    (Forbidden, "forbidden"),
    (NotFound, "not-found"),
    (MethodNotAllowed, "not-supported"),
    (NotAcceptable, "not-supported"),
    (UnsupportedMedia, "not-supported"),
    (Conflict, "conflict"),
    (Gone, "deleted"),
    (PreconditionFailed, "conflict"),
    (TooLarge, "too-costly"),
    (TooCostly, "too-costly"),
    (RateLimited, "throttled"),
    (Unprocessable, "processing"),
)


def issue_type_of(error: SandboxError) -> str:
    """Return the issue type that an error stands for."""
    given = error.context.get("issue_type") or error.context.get("issue_code")
    if given is not None:
        return str(given)
    return next((name for kind, name in _ISSUE_TYPES if isinstance(error, kind)), "invalid")


def issues_of(error: SandboxError) -> tuple[Issue, ...]:
    """Return an error's issues, at least one."""
    issues = error.context.get("issues")
    if issues:
        return tuple(issues)
    expression = error.context.get("expression")
    if isinstance(expression, list | tuple):
        expression = expression[0] if expression else None
    return (Issue(issue_type_of(error), error.message, expression),)


def outcome(issues: Sequence[Issue]) -> Json:
    """Return the OperationOutcome of these issues; without any it says that all went well."""
    rows = issues or (Issue("informational", "All OK", severity="information"),)
    return {"resourceType": "OperationOutcome", "issue": [issue.to_json() for issue in rows]}


def render_error(error: SandboxError, request: Request | None) -> Response:
    """Render an error as an OperationOutcome; the status is the error's own."""
    body = jsonio.dump(outcome(issues_of(error)))
    headers = dict(error.headers)
    if isinstance(error, Unauthorized):
        headers.setdefault("WWW-Authenticate", BEARER_CHALLENGE)
    return Response(error.status, body, MEDIA_TYPE, headers)
