"""Pages of a result, stable while the store is written to.

A result that does not fit on one page leaves its list of matches in the branch, and the links carry
the list's key. A page shows its resources as they are now; deleted ones are left out. A playground keeps
its newest `KEPT` lists; the key of an older one is answered with 410.
"""

from typing import Any, Final

from sandbox.errors import Gone
from sandbox.playground.playground import Interaction
from sandbox.simulators.fhir.search import problems
from sandbox.simulators.fhir.search.order import Match

COLLECTION: Final = "fhir/_searches"
KEPT: Final = 100
KEY: Final = "_getpages"
OFFSET: Final = "_getpagesoffset"
_LIVE: Final = "_live"


def keep(tx: Interaction, matches: list[Match], request: dict[str, Any]) -> str:
    """Store a result's matches and what is needed to answer its other pages; return the key."""
    key = tx.new_id("search")
    live = tx.get(COLLECTION, _LIVE) or []
    for old in live[: max(0, len(live) - KEPT + 1)]:
        tx.delete(COLLECTION, old)
    tx.put(COLLECTION, _LIVE, [*live[max(0, len(live) - KEPT + 1) :], key])
    tx.put(COLLECTION, key, {**request, "matches": [f"{t}/{i}" for t, i in matches]})
    return key


def recall(tx: Interaction, key: str) -> dict[str, Any]:
    """Return what was kept; raises `Gone` for a list that was dropped, `Invalid` for one that never was."""
    row = tx.get(COLLECTION, key) if key != _LIVE else None
    if row is not None:
        found: dict[str, Any] = row
        return found
    if key != _LIVE and tx.branch.is_deleted(COLLECTION, key):
        message = f"This result is no longer kept (the newest {KEPT} are); search again from the first page."
        raise Gone(message, issue_type="expired", expression=f"http.{KEY}")
    raise problems.bad_value(KEY, key, "is not the key of a result; follow the links of a Bundle as they are")
