"""The work list: what is to be gone on with, what waits for the clinic, what was sent."""

from typing import Final

from sandbox.payer import lookup
from sandbox.playground.events import Response
from sandbox.simulators.portal import sessions
from sandbox.simulators.portal.web.case.calls import links_of
from sandbox.simulators.portal.web.case.requests import open_drafts, with_member
from sandbox.simulators.portal.web.pages import Visit
from sandbox.simulators.portal.web.shell import render

ROWS: Final = 20
# What a case waits for of the clinic, by its state.
WAITING: Final = {"pended": "update", "peer_to_peer_offered": "choose_slot", "peer_to_peer_held": "speak"}
_SAID: Final = {"saved": "The draft is saved. It is not sent to the payer yet."}


def show_home(visit: Visit) -> Response:
    """`GET home`."""
    said = _SAID.get(visit.filters("said").get("said", ""), "")
    tx = visit.tx
    rows = [row for _, row in sorted(lookup.list_prior_auths(tx, {"status": "submitted"}), reverse=True, key=_key)]
    waiting = [row for row in rows if row["state"] in WAITING and not (row["peer_to_peer"] or {}).get("ended_at")]
    drafts = open_drafts(tx)
    visit.data = {"data": rows[:ROWS]}
    return render(
        visit,
        "home.html",
        said=said,
        resumed=sessions.find_draft(tx),
        drafts=[with_member(tx, row) for row in drafts[:ROWS]],
        waiting=[(with_member(tx, row), links_of(row, (WAITING[row["state"]],))[0]) for row in waiting[:ROWS]],
        recent=[with_member(tx, row) for row in rows[:ROWS]],
        more=max(0, len(rows) - ROWS) + max(0, len(drafts) - ROWS) + max(0, len(waiting) - ROWS),
    )


def _key(row: tuple[tuple[str, ...], object]) -> tuple[str, ...]:
    return row[0]
