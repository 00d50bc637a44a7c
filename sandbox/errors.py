"""The errors that state code raises; every surface renders them in its own format.

    SandboxError
    ├── Invalid             400  the caller's input is wrong; `details` names the fields
    │   └── Unsupported     400  well-formed, but something we cannot honour
    ├── Unauthorized        401  no or wrong credentials
    ├── Forbidden           403  known, but not allowed
    ├── NotFound            404
    ├── MethodNotAllowed    405
    ├── NotAcceptable       406
    ├── RequestTimeout      408  it did not come to its end in time
    ├── Conflict            409  the state does not allow it now
    ├── Gone                410  it was here and was deleted
    ├── PreconditionFailed  412  If-Match, If-None-Exist, …
    ├── TooLarge            413
    ├── UnsupportedMedia    415
    ├── ExpectationFailed   417  an Expect other than 100-continue
    ├── Misdirected         421  it is meant for another server
    ├── Unprocessable       422  understood, but breaks a rule of the resource
    │   └── TooCostly       422  understood, but more work than one request may ask for
    ├── BadGateway          502  a server of the user's, which this one stands in front of, failed
    ├── Unavailable         503  it cannot be recorded now; try again
    ├── GatewayTimeout      504  a server of the user's did not answer in time
    └── InsufficientStorage 507  there is no room to record it

This leaf knows statuses and codes; it must not know any wire format.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


def readable(text: str) -> str:
    r"""Return a text that can be written: what a client sent as bytes that are no UTF-8 becomes U+FFFD.

    Servers keep such bytes of a header as halves of surrogate pairs, which nothing can encode.

    >>> readable("caf\udce9"), readable("café")
    ('caf\ufffd', 'café')
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class SandboxError(Exception):
    """An error the caller caused, with what to do about it in `message`.

    `details` maps a field name to its messages. `context` carries what one surface needs to
    render it (a FHIR issue type and expression, an HL7 error location) and is ignored elsewhere.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "BAD_REQUEST"

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> None:
        message = message if message.isascii() else readable(message)
        super().__init__(message)
        self.message = message
        self.details = details
        self.headers = dict(headers or {})
        self.context = context


class Invalid(SandboxError):
    """The caller's input is wrong."""

    code = "VALIDATION_ERROR"


class Malformed(SandboxError):
    """The body or a parameter cannot be read at all (broken JSON, bad cursor)."""


class Unsupported(Invalid):
    """Well-formed, but something this server cannot honour; the message names it."""


class Unauthorized(SandboxError):
    """No credentials, or wrong ones."""

    status = 401
    code = "UNAUTHORIZED"


class Forbidden(SandboxError):
    """Known, but not allowed."""

    status = 403
    code = "FORBIDDEN"


class NotFound(SandboxError):
    """It does not exist, or the caller may not see it."""

    status = 404
    code = "NOT_FOUND"


class MethodNotAllowed(SandboxError):
    """The path exists, but not for this method."""

    status = 405
    code = "METHOD_NOT_ALLOWED"


class NotAcceptable(SandboxError):
    """No representation that the caller accepts."""

    status = 406
    code = "NOT_ACCEPTABLE"


class RequestTimeout(SandboxError):
    """The request did not come to its end in time."""

    status = 408
    code = "REQUEST_TIMEOUT"


class Conflict(SandboxError):
    """The current state does not allow it."""

    status = 409
    code = "CONFLICT"


class Gone(SandboxError):
    """It was here and was deleted."""

    status = 410
    code = "GONE"


class PreconditionFailed(SandboxError):
    """A condition the caller set does not hold."""

    status = 412
    code = "PRECONDITION_FAILED"


class TooLarge(SandboxError):
    """Past one of the limits in `limits.py`; the message says which."""

    status = 413
    code = "PAYLOAD_TOO_LARGE"


class UnsupportedMedia(SandboxError):
    """A content type this route does not read."""

    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"


class ExpectationFailed(SandboxError):
    """The request expects something of the server that it does not do."""

    status = 417
    code = "EXPECTATION_FAILED"


class Misdirected(SandboxError):
    """The request is meant for a server of another name."""

    status = 421
    code = "MISDIRECTED_REQUEST"


class Unprocessable(SandboxError):
    """Understood, but it breaks a rule of what it describes."""

    status = 422
    code = "UNPROCESSABLE"


class TooCostly(Unprocessable):
    """Understood, but more work, or a longer answer, than one request may ask for; the message says what to do."""

    code = "TOO_COSTLY"


class RangeNotSatisfiable(SandboxError):
    """A byte range outside the content."""

    status = 416
    code = "RANGE_NOT_SATISFIABLE"


class RateLimited(SandboxError):
    """Too many attempts; `Retry-After` says when to come back."""

    status = 429
    code = "RATE_LIMITED"


class BadGateway(SandboxError):
    """A server behind this one cannot be reached, or answered what cannot be passed on."""

    status = 502
    code = "BAD_GATEWAY"


class GatewayTimeout(SandboxError):
    """A server behind this one did not answer in time."""

    status = 504
    code = "GATEWAY_TIMEOUT"


class Unavailable(SandboxError):
    """It cannot be recorded now; `Retry-After` says when to try again."""

    status = 503
    code = "UNAVAILABLE"


class InsufficientStorage(SandboxError):
    """There is no room on the disk to record it."""

    status = 507
    code = "INSUFFICIENT_STORAGE"
