"""What the lists of these pages have in common: filters in the address, a page of rows, what is wrong with a filter."""

from collections.abc import Callable, Mapping
from typing import Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.payer.lookup import Filters, Rows
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.paging import page
from sandbox.simulators.portal.web.pages import Visit

ANY: Final = ("", "Any")


def options(*names: str) -> list[tuple[str, str]]:
    """Return the choices of a filter.

    >>> options("partially_paid")
    [('', 'Any'), ('partially_paid', 'Partially paid')]
    """
    return [ANY, *((name, name.replace("_", " ").capitalize()) for name in names)]


def read_list(
    visit: Visit, lister: Callable[[Interaction, Filters], Rows], names: Mapping[str, str]
) -> tuple[Filters, list[Json], str | None]:
    """Return the filters that were given, the rows of this page, the newest first, and the cursor of the next one.

    A filter that cannot be is noted in the visit, and no row is returned.
    """
    try:
        given = visit.filters(*names, "cursor")
        cursor = given.pop("cursor", None)
        found = page(lister(visit.tx, given), None, cursor, is_descending=True)
    except Invalid as error:
        visit.refuse(error.details or {"": [error.message]})
        return {name: value for name, value in visit.request.query if name in names}, [], None
    visit.data = {"data": found["data"]}
    return given, found["data"], found["next_cursor"]
