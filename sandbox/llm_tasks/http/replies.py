"""What is answered when all went well: JSON, and pages of it."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from aiohttp import web

from sandbox import jsonio
from sandbox.jsonio import Json
from sandbox.limits import PAGE_LIMIT_MAX
from sandbox.llm_tasks.errors import ValidationFailed
from sandbox.llm_tasks.http.requests import query_id
from sandbox.wire.whole_numbers import read_whole_number


def reply(value: Json, headers: dict[str, str] | None = None) -> web.Response:
    """Answer 200, the only status of success here."""
    return web.Response(body=jsonio.dump(value), content_type="application/json", headers=headers)


def page_limit(request: web.Request) -> int:
    """Return the page size, 1 to 100. Raises `ValidationFailed`."""
    text = request.query.get("page_limit", str(PAGE_LIMIT_MAX))
    limit = read_whole_number(text)
    if limit is None or not 1 <= limit <= PAGE_LIMIT_MAX:
        message = f"Input should be a whole number from 1 to {PAGE_LIMIT_MAX}"
        raise ValidationFailed.at(["query", "page_limit"], message, "int_parsing")
    return limit


def envelope(results: Sequence[Json], next_cursor: str | None, limit: int) -> Json:
    """Return the documented page."""
    pagination = {"next_cursor": next_cursor, "has_next": next_cursor is not None, "page_limit": limit}
    return {"results": list(results), "pagination": pagination}


def page_of(
    request: web.Request, rows: Sequence[Any], id_of: Callable[[Any], str] = attrgetter("id")
) -> tuple[list[Any], str | None, int]:
    """Cut a page out of objects in memory; the cursor is the id of the page's last object."""
    limit, cursor = page_limit(request), query_id(request, "cursor")
    at = 0
    if cursor is not None:
        at = next((i + 1 for i, row in enumerate(rows) if id_of(row) == cursor), -1)
        if at < 0:
            raise ValidationFailed.at(["query", "cursor"], "The cursor names nothing in this list.")
    shown = list(rows[at : at + limit])
    has_next = len(rows) > at + limit
    return shown, id_of(shown[-1]) if has_next else None, limit
