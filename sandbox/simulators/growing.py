"""Pages of lists that grow: the answer stays a plain list, and `Link` (RFC 8288) leads on while there is more."""

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

from sandbox import work
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.playground.events import Request, Response

PARAMETERS: Final = ("after", "limit")
_WRITTEN: Final = 200  # characters of rows that are written for a unit of work
ROWS_MAX: Final = 10_000
CHARS_MAX: Final = 16 << 20  # of texts on a page


def page(request: Request, rows: Sequence[Json], shown: Callable[[Json], Json]) -> Response:
    """Answer a page of rows, oldest first: after the row `after`, at most `limit`, and no more than fit.

    Raises `Invalid` for a limit out of range, or an `after` that is no row of the list.
    """
    limit, after = _limit(request.first("limit")), request.first("after")
    start = 0 if after is None else _position(rows, after) + 1
    found: list[Json] = []
    size = 0
    for row in rows[start : start + limit]:
        size += sum(len(value) for value in row.values() if isinstance(value, str))
        if found and size > CHARS_MAX:
            break
        found.append(row)
    work.current().expect(size // _WRITTEN)
    response = Response.of_json([shown(row) for row in found])
    if not found or start + len(found) == len(rows):
        return response
    query = f"limit={limit}&after={quote(found[-1]['id'])}"
    response.headers = {"Link": f'<{request.base_url}/{request.path}?{query}>; rel="next"'}
    return response


def _limit(text: str | None) -> int:
    if text is None:
        return ROWS_MAX
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise _wrong("limit", text, f"Must be a whole number from 1 to {ROWS_MAX}.")
    return min(int(text), ROWS_MAX)


def _position(rows: Sequence[Json], key: str) -> int:
    for number, row in enumerate(rows):
        if row["id"] == key:
            return number
    raise _wrong("after", key, "Must be the id of a row of this list.")


def _wrong(name: str, written: str, problem: str) -> Invalid:
    return Invalid(f'{name} is "{written[:60]}". {problem}', details={name: [problem]})
