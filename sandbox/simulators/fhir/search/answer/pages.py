"""Pages of a result, stable while the store is written to.

A result that does not fit on one page leaves its list of matches in the branch, and the links carry
the list's key. A page shows its resources as they are now; deleted ones are left out. A playground keeps
its newest `KEPT` lists; the key of an older one is answered with 410. Those of views are apart, as views may change
nothing that the agent meets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.errors import Gone
from sandbox.playground.branch import VIEWS
from sandbox.playground.playground import Interaction
from sandbox.simulators.fhir.search.answer.order import Match
from sandbox.simulators.fhir.search.terms import problems
from sandbox.simulators.fhir.terms.counts import page_size, whole_number
from sandbox.simulators.fhir.terms.handling import Handling
from sandbox.simulators.fhir.terms.parameters import FORM_ONLY

COLLECTION: Final = "fhir/_searches"
VIEWED: Final = f"{VIEWS}searches"
KEPT: Final = 100
KEY: Final = "_getpages"
OFFSET: Final = "_getpagesoffset"
_LIVE: Final = "_live"
_PARAMETERS: Final = FORM_ONLY | {KEY, OFFSET, "_count"}


@dataclass(frozen=True, slots=True)
class Page:
    """A later page of a result: `row` is what was kept with it, `matches` are all of the result's."""

    row: dict[str, Any]
    key: str
    offset: int
    count: int
    matches: list[Match]

    def links(self, url: str) -> list[tuple[str, str]]:
        """Return the page's links, `self` first."""
        own = _url(url, self.key, self.offset, self.count)
        return [("self", own), *links(url, self.key, self.offset, self.count, len(self.matches))]


def later(tx: Interaction, parameters: Sequence[tuple[str, object]], path: str, handling: Handling) -> Page:
    """Return the page that parameters with the key of a result ask for.

    `path` is the result's below the base. Raises `Invalid` for what is no page of it, `Gone`.
    """
    given = dict(parameters)
    for name in given:
        if name not in _PARAMETERS:
            message = f'The parameter "{name}" cannot be added to a page of a result; follow the links as they are.'
            handling.refuse(problems.invalid(name, message))
    key = str(given[KEY])
    row = recall(tx, key)
    if row["path"] != path:
        raise problems.bad_value(KEY, key, f"is the key of a result of {row['path'] or 'the system'}")
    kept: int = row["count"]
    count = handling.attempt(lambda: page_size(given.get("_count", kept)), kept) or kept
    offset = handling.attempt(lambda: whole_number(OFFSET, given.get(OFFSET, 0)), 0)
    matches = [(t, i) for t, _, i in (text.partition("/") for text in row["matches"])]
    return Page(row, key, offset, count, matches)


def links(url: str, key: str, offset: int, count: int, total: int) -> list[tuple[str, str]]:
    """Return the links to a result's other pages."""

    def at(place: int) -> str:
        return _url(url, key, place, count)

    last = (total - 1) // count * count
    found = [("first", at(0))]
    if offset > 0:
        found.append(("previous", at(max(0, offset - count))))
    if offset + count < total:
        found.append(("next", at(offset + count)))
    return [*found, ("last", at(last))]


def _url(url: str, key: str, place: int, count: int) -> str:
    return f"{url}?{KEY}={key}&{OFFSET}={place}&_count={count}"


def keep(tx: Interaction, matches: list[Match], request: dict[str, Any]) -> str:
    """Store a result's matches and what is needed to answer its other pages; return the key."""
    key = tx.new_id("search")
    collection = VIEWED if tx.is_view else COLLECTION
    live = tx.get(collection, _LIVE) or []
    for old in live[: max(0, len(live) - KEPT + 1)]:
        tx.delete(collection, old)
    tx.put(collection, _LIVE, [*live[max(0, len(live) - KEPT + 1) :], key])
    tx.put(collection, key, {**request, "matches": [f"{t}/{i}" for t, i in matches]})
    return key


def recall(tx: Interaction, key: str) -> dict[str, Any]:
    """Return what was kept; raises `Gone` for a list that was dropped, `Invalid` for one that never was."""
    collections = () if key == _LIVE else (VIEWED, COLLECTION) if tx.is_view else (COLLECTION,)
    for collection in collections:
        row = tx.get(collection, key)
        if row is not None:
            found: dict[str, Any] = row
            return found
    if any(tx.branch.is_deleted(collection, key) for collection in collections):
        message = f"This result is no longer kept (the newest {KEPT} are); search again from the first page."
        raise Gone(message, issue_type="expired", expression=f"http.{KEY}")
    raise problems.bad_value(KEY, key, "is not the key of a result; follow the links of a Bundle as they are")
