"""Pages of lists: `limit`, an opaque `cursor`, newest first, ties by id.

What is on the wire is in `wire/paging.py`; here rows are fetched from the record, or cut from what is in memory.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.jsonio import Json
from sandbox.limits import PAGE_LIMIT_DEFAULT
from sandbox.wire.paging import bad_cursor, envelope, read_cursor, read_limit, write_cursor

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
        """Read `limit` and `cursor`. Raises `Invalid`, `Malformed`."""
        limit = read_limit(query.get("limit"))
        cursor = query.get("cursor")
        if not cursor:
            return cls(limit)
        at, row_id, back = _decode(cursor)
        return cls(limit, (at, row_id), back)


def edge(at: str, row_id: str, is_back: bool) -> str:
    """Write a position as a cursor."""
    return write_cursor([at, row_id, is_back])


def _decode(cursor: str) -> tuple[str, str, bool]:
    match read_cursor(cursor):
        case [str(at), str(row_id), bool(is_back)]:
            return at, row_id, is_back
    raise bad_cursor()


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
    following = edge(*position_of(rows[-1]), False) if has_next else None
    previous = edge(*position_of(rows[0]), True) if has_prev else None
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
