"""What a call can end with, as the documented SDK names it.

    ClientError
    ├── APIError                 the server answered with an error
    │   ├── ValidationError      400, and every other 4xx without a class of its own
    │   ├── AuthenticationError  401
    │   ├── PermissionDeniedError 403
    │   ├── NotFoundError        404
    │   ├── ConflictError        409
    │   ├── RateLimitError       429; `retry_after` in seconds
    │   └── InternalServerError  5xx
    ├── APIConnectionError       no answer: refused, reset, unknown host
    ├── APITimeoutError          no answer in time; never repeated by itself
    └── InvalidAnswerError       an answer that is not what the API promises

Reads both error formats of the server: `{"error": {…}}` and, below `/fhir/`, an OperationOutcome.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox import jsonio
from sandbox.clock import SystemClock
from sandbox.errors import SandboxError
from sandbox.wire.http_dates import retry_after_s

_TEXT_SHOWN: Final = 300


class ClientError(Exception):
    """Any call that did not end as asked."""


class APIConnectionError(ClientError):
    """The server did not answer at all."""


class APITimeoutError(ClientError):
    """The server did not answer in time."""


class InvalidAnswerError(ClientError, ValueError):
    """The server answered with something the API does not promise."""


class APIError(ClientError):
    """The server answered with an error status."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        request_id: str | None = None,
        details: Mapping[str, Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> None:
        super().__init__(f"{message} (request_id: {request_id})" if request_id else message)
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.details = dict(details or {})
        self.headers = headers or {}
        self.body = body


class ValidationError(APIError):
    """400, or another 4xx without a class of its own; `details` names the fields."""


class AuthenticationError(APIError):
    """401: no key or token, or a wrong one."""


class PermissionDeniedError(APIError):
    """403: known, but not allowed."""


class NotFoundError(APIError):
    """404: it does not exist, or the key may not see it."""


class ConflictError(APIError):
    """409: the present state does not allow it."""


class InternalServerError(APIError):
    """5xx: the server's own fault."""


class RateLimitError(APIError):
    """429: too many requests."""

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before the next attempt, when the server says so."""
        return read_retry_after(self.headers)


_BY_STATUS: Final[Mapping[int, type[APIError]]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitError,
}


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a `Retry-After` header asks for; nonsense counts as none.

    >>> read_retry_after({"Retry-After": "60"}), read_retry_after({"Retry-After": "soon"})
    (60.0, None)
    """
    return retry_after_s(headers.get("Retry-After", ""), SystemClock().now())


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> APIError:
    """Return the error that an answer with this status stands for.

    >>> error_of(404, {}, b'{"error": {"code": "NOT_FOUND", "message": "No such run.", "request_id": "req_1"}}')
    NotFoundError('No such run. (request_id: req_1)')
    """
    kind = _BY_STATUS.get(status, InternalServerError if status >= 500 else ValidationError)
    request_id = headers.get("X-Request-Id")
    try:
        value = jsonio.parse(body)
    except SandboxError:
        value = None
    if not isinstance(value, dict):
        text = body[:_TEXT_SHOWN].decode(errors="replace").strip()
        return kind(status, f"HTTP {status}: {text}".rstrip(": "), request_id=request_id, headers=headers)
    if value.get("resourceType") == "OperationOutcome":
        code, message = _read_outcome(value)
        return kind(status, message or f"HTTP {status}", code=code, request_id=request_id, headers=headers, body=value)
    error = value.get("error")
    error = error if isinstance(error, dict) else {}
    details = error.get("details")
    return kind(
        status,
        str(error.get("message") or f"HTTP {status}"),
        code=error.get("code"),
        request_id=error.get("request_id") or request_id,
        details=details if isinstance(details, dict) else None,
        headers=headers,
        body=value,
    )


def _read_outcome(outcome: Mapping[str, Any]) -> tuple[str | None, str]:
    issues = [issue for issue in outcome.get("issue") or () if isinstance(issue, dict)]
    texts = [issue.get("diagnostics") or (issue.get("details") or {}).get("text") or "" for issue in issues]
    code = issues[0].get("code") if issues else None
    return code, "; ".join(text for text in texts if text)
