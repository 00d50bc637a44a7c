"""Pages of lists: `limit`, an opaque `cursor`, newest first, ties by id.

The envelope carries both documented spellings: `next_cursor` and `_meta.next`.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox import jsonio
from sandbox.errors import Malformed, SandboxError
from sandbox.jsonio import Json
from sandbox.limits import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX

Position = tuple[str, str]
Row = TypeVar("Row")
Fetch = Callable[[Position | None, bool, int], Awaitable[Sequence[Row]]]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a list was asked for. `after` is a `(created_at, id)` position; `is_back` goes to newer rows."""

    limit: int = PAGE_LIMIT_DEFAULT
    after: Position | None = None
    is_back: bool = False

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "PageRequest":
        """Read `limit` and `cursor`. Raises `Malformed`."""
        limit = read_limit(query.get("limit"))
        cursor = query.get("cursor")
        if not cursor:
            return cls(limit)
        at, row_id, back = _decode(cursor)
        return cls(limit, (at, row_id), back)


def read_limit(text: str | None) -> int:
    """Read a page size: 1 to 100, above clamped. Raises `Malformed`.

    >>> read_limit(None), read_limit("7"), read_limit("500")
    (20, 7, 100)
    """
    if text is None:
        return PAGE_LIMIT_DEFAULT
    if not text.isascii() or not text.isdigit() or int(text[:9]) < 1:
        raise Malformed(
            f'limit must be a whole number from 1 to {PAGE_LIMIT_MAX}, not "{text[:40]}".',
            details={"limit": [f"must be a whole number from 1 to {PAGE_LIMIT_MAX}"]},
        )
    return min(int(text[:9]), PAGE_LIMIT_MAX)


def encode_cursor(at: str, row_id: str, is_back: bool) -> str:
    """Write a position as an opaque cursor."""
    return base64.urlsafe_b64encode(jsonio.dump([at, row_id, is_back])).decode().rstrip("=")


def _decode(cursor: str) -> tuple[str, str, bool]:
    try:
        value = jsonio.parse(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        at, row_id, back = value
    except (ValueError, TypeError, binascii.Error, SandboxError):
        raise bad_cursor() from None
    if not isinstance(at, str) or not isinstance(row_id, str) or not isinstance(back, bool):
        raise bad_cursor()
    return at, row_id, back


def bad_cursor() -> Malformed:
    """Return the error for a cursor that cannot be read."""
    return Malformed("The cursor is not one of ours; start again without it.", details={"cursor": ["is not valid"]})


async def paginate(
    page: PageRequest, fetch: "Fetch[Row]", position_of: Callable[[Row], Position], show: Callable[[Row], Json]
) -> Json:
    """Fetch one page and wrap it. `fetch(after, is_back, limit)` returns rows newest first."""
    rows = list(await fetch(page.after, page.is_back, page.limit + 1))
    has_more = len(rows) > page.limit
    if page.is_back:
        rows = rows[-page.limit :]
        has_next, has_prev = bool(rows), has_more
    else:
        rows = rows[: page.limit]
        has_next, has_prev = has_more, page.after is not None and bool(rows)
    following = encode_cursor(*position_of(rows[-1]), False) if has_next else None
    previous = encode_cursor(*position_of(rows[0]), True) if has_prev else None
    return envelope([show(row) for row in rows], following, previous, page.limit)


async def paginate_list(
    page: PageRequest, rows: Sequence[Any], position_of: Callable[[Any], Position], show: Callable[[Any], Json]
) -> Json:
    """Paginate rows that are in memory, in any order."""
    ordered = sorted(rows, key=position_of, reverse=True)

    async def fetch(after: Position | None, is_back: bool, limit: int) -> Sequence[Any]:
        if after is None:
            return ordered[:limit]
        if is_back:
            return [row for row in ordered if position_of(row) > after][-limit:]
        return [row for row in ordered if position_of(row) < after][:limit]

    return await paginate(page, fetch, position_of, show)


def envelope(data: Sequence[Json], following: str | None, previous: str | None, limit: int) -> Json:
    """Return the list envelope."""
    return {
        "data": list(data),
        "next_cursor": following,
        "_meta": {"next": following, "prev": previous, "limit": limit},
    }
