"""Long bodies read and validated before their interaction, so that other playgrounds need not wait.

Reading and validating look at nothing but the body, so they may run beside the event loop; what they
find goes along with the request. The interaction then does what it would have done, and in the same
order: an error of the body is raised where reading it would have raised it.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final

from sandbox import jsonio, limits
from sandbox.errors import SandboxError
from sandbox.playground.branch import Seed
from sandbox.playground.events import Request
from sandbox.simulators.fhir.rest import binary_writes
from sandbox.simulators.fhir.rest.ahead import Ahead
from sandbox.simulators.fhir.rest.negotiation import JSON_TYPES
from sandbox.simulators.fhir.validation import validate, validate_entries

LONG_BODY_BYTES: Final = 32 * limits.KIB
_PROCESSED: Final = ("batch", "transaction")


def look_ahead(request: Request, seed: Seed) -> Awaitable[Ahead | None] | None:
    """Return the work on a long resource, for a thread; a short one takes less than the way there and back."""
    if len(request.body) <= LONG_BODY_BYTES or request.method not in ("POST", "PUT"):
        return None
    path = tuple(part for part in request.path.split("/")[1:] if part)
    if binary_writes.is_write(request.method, path):
        return asyncio.to_thread(_look_at_binary, path, request)
    if request.media_type and request.media_type not in JSON_TYPES:
        return None
    return asyncio.to_thread(_look, request.body, not path)


def _look_at_binary(path: tuple[str, ...], request: Request) -> Ahead:
    try:
        value = binary_writes.resource_of(path, request.headers, request.media_type, request.body)
    except SandboxError as error:
        return Ahead(error=error)
    return Ahead(value, issues=validate(value))


def _look(body: bytes, is_base: bool) -> Ahead:
    try:
        value = jsonio.parse(body)
    except SandboxError as error:
        return Ahead(error=error)
    if not is_base:
        return Ahead(value, issues=validate(value))
    kind = value.get("type") if isinstance(value, dict) and value.get("resourceType") == "Bundle" else None
    rows = value.get("entry", []) if kind in _PROCESSED else ()
    if isinstance(rows, list) and len(rows) <= limits.BUNDLE_ENTRIES and isinstance(kind, str):
        outside, entries = validate_entries(value, allows_conditional=kind == "transaction")
        return Ahead(value, outside=outside, entries=entries)
    return Ahead(value)
