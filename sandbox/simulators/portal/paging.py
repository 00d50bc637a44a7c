"""Pages of a list: `limit`, opaque cursors, stable while rows come and go.

A cursor holds the sort key of the row at a page's edge, so a row that is added or deleted
elsewhere neither repeats nor hides another one.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeAlias

from sandbox import jsonio, limits
from sandbox.errors import Invalid, Malformed, SandboxError
from sandbox.jsonio import Json

SortKey: TypeAlias = tuple[str, ...]


def page(
    rows: Sequence[tuple[SortKey, Json]], limit: str | None, cursor: str | None, *, is_descending: bool = False
) -> Json:
    """Return one page of `(sort key, row)` pairs as the house's list envelope.

    Raises `Invalid` for a limit that is no number or below 1, `Malformed` for a bad cursor.

    >>> page([(("a",), 1), (("b",), 2)], "1", None)["data"]
    [1]
    """
    size = _read_limit(limit)
    ordered = sorted(rows, key=lambda row: row[0], reverse=is_descending)
    start = 0
    if cursor is not None:
        is_forward, edge = _read_cursor(cursor)

        def is_before(key: SortKey) -> bool:
            return key > edge if is_descending else key < edge

        smaller = sum(is_before(key) for key, _ in ordered)
        start = smaller + any(key == edge for key, _ in ordered) if is_forward else max(0, smaller - size)
    chosen = ordered[start : start + size]
    following = _write_cursor("next", chosen[-1][0]) if chosen and start + size < len(ordered) else None
    previous = _write_cursor("prev", chosen[0][0]) if chosen and start > 0 else None
    return {
        "data": [row for _, row in chosen],
        "next_cursor": following,
        "_meta": {"next": following, "prev": previous, "limit": size},
    }


def _read_limit(text: str | None) -> int:
    if text is None:
        return limits.PAGE_LIMIT_DEFAULT
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise Invalid(
            f'limit is "{text[:40]}"; give a whole number from 1 to {limits.PAGE_LIMIT_MAX}.',
            details={"limit": [f"Must be a whole number from 1 to {limits.PAGE_LIMIT_MAX}."]},
        )
    return min(int(text), limits.PAGE_LIMIT_MAX)


def _write_cursor(direction: str, key: SortKey) -> str:
    return base64.urlsafe_b64encode(jsonio.dump([direction, *key])).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[bool, SortKey]:
    try:
        value = jsonio.parse(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (SandboxError, binascii.Error, ValueError):
        value = None
    if isinstance(value, list) and all(isinstance(part, str) for part in value) and value[:1] in (["next"], ["prev"]):
        return value[0] == "next", tuple(value[1:])
    raise Malformed("The cursor is not one this list gave; start again without it.")
