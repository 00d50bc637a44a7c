"""Pages of the portal's lists, cut from what is in memory: a cursor holds the sort key of the row at a page's edge.

Limits, cursors and the envelope are those of `sandbox/wire/paging.py`.
"""

from collections.abc import Sequence

from sandbox.jsonio import Json
from sandbox.payer.lookup import SortKey
from sandbox.wire.paging import bad_cursor, envelope, read_cursor, read_limit, write_cursor


def page(
    rows: Sequence[tuple[SortKey, Json]], limit: str | None, cursor: str | None, *, is_descending: bool = False
) -> Json:
    """Return one page of `(sort key, row)` pairs as the house's list envelope.

    Raises `Invalid` for a limit that is no number or below 1, `Malformed` for a bad cursor.

    >>> page([(("a",), 1), (("b",), 2)], "1", None)["data"]
    [1]
    """
    size = read_limit(limit)
    ordered = sorted(rows, key=lambda row: row[0], reverse=is_descending)
    start = 0
    if cursor is not None:
        is_forward, edge = _position(cursor)

        def is_before(key: SortKey) -> bool:
            return key > edge if is_descending else key < edge

        smaller = sum(is_before(key) for key, _ in ordered)
        start = smaller + any(key == edge for key, _ in ordered) if is_forward else max(0, smaller - size)
    chosen = ordered[start : start + size]
    following = write_cursor(["next", *chosen[-1][0]]) if chosen and start + size < len(ordered) else None
    previous = write_cursor(["prev", *chosen[0][0]]) if chosen and start > 0 else None
    return envelope([row for _, row in chosen], following, previous, size)


def _position(cursor: str) -> tuple[bool, SortKey]:
    direction, *key = read_cursor(cursor) or [None]
    if direction in ("next", "prev") and all(isinstance(part, str) for part in key):
        return direction == "next", tuple(key)
    raise bad_cursor()
