"""The house's lists on the wire: the page size, the cursor, the envelope. One rule for the API and for the portal.

A cursor is opaque to callers and holds what stands at a page's edge, so that rows which come and go elsewhere neither
repeat nor hide another one. How a page is cut is its list's own business; the task API has pages of its own form.
"""

import base64
import binascii
from collections.abc import Sequence

from sandbox import jsonio
from sandbox.errors import Invalid, Malformed, SandboxError
from sandbox.jsonio import Json
from sandbox.limits import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX
from sandbox.wire.whole_numbers import read_whole_number


def read_limit(text: str | None) -> int:
    """Return a page size: 1 to 100, above clamped, 20 without. Raises `Invalid`.

    >>> read_limit(None), read_limit("7"), read_limit("500"), read_limit("9" * 50)
    (20, 7, 100, 100)
    """
    if text is None:
        return PAGE_LIMIT_DEFAULT
    limit = read_whole_number(text)
    if not limit:
        problem = f"must be a whole number from 1 to {PAGE_LIMIT_MAX}"
        raise Invalid(f'limit {problem}, not "{text[:40]}".', details={"limit": [problem]})
    return min(limit, PAGE_LIMIT_MAX)


def write_cursor(edge: Sequence[Json]) -> str:
    """Write what stands at a page's edge as an opaque cursor."""
    return base64.urlsafe_b64encode(jsonio.dump(list(edge))).decode().rstrip("=")


def read_cursor(cursor: str) -> list[Json]:
    """Return what a cursor holds; whether a list of this kind wrote it is for the caller to see. Raises `Malformed`.

    >>> read_cursor(write_cursor(["a", True]))
    ['a', True]
    """
    try:
        value = jsonio.parse(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (SandboxError, binascii.Error, ValueError):
        raise bad_cursor() from None
    if not isinstance(value, list):
        raise bad_cursor()
    return value


def bad_cursor() -> Malformed:
    """Return the error for a cursor that this list did not give."""
    return Malformed(
        "The cursor is not one that this list gave; start again without it.", details={"cursor": ["is not valid"]}
    )


def envelope(data: Sequence[Json], following: str | None, previous: str | None, limit: int) -> Json:
    """Return a page with both documented spellings of what comes next."""
    return {
        "data": list(data),
        "next_cursor": following,
        "_meta": {"next": following, "prev": previous, "limit": limit},
    }
