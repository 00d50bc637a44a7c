"""The dashboard: drafts to be gone on with, determinations that need action, what is with the plan, what is decided."""

from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import lookup
from sandbox.payer.lifecycle import possible_in
from sandbox.playground.events import Response
from sandbox.simulators.portal import sessions
from sandbox.simulators.portal.web.case.calls import links_of
from sandbox.simulators.portal.web.case.requests import open_drafts, with_member
from sandbox.simulators.portal.web.pages import Visit
from sandbox.simulators.portal.web.shell import render

ROWS: Final = 20
# What a clinic may answer a determination with, the first thing first.
ANSWERS: Final = ("update", "choose_slot", "speak", "appeal", "resubmit", "external_review", "request_peer_to_peer")
SAID: Final = {"saved": "The draft is saved. It is not sent to the plan yet."}
_DISPUTED: Final = frozenset({"appealed", "external_review", "peer_to_peer_requested", "peer_to_peer_chosen"})


def show_dashboard(visit: Visit) -> Response:
    """`GET home`."""
    said = SAID.get(visit.filters("said").get("said", ""), "")
    tx = visit.tx
    listed = sorted(lookup.list_prior_auths(tx, {"status": "submitted"}), key=lambda pair: pair[0], reverse=True)
    parts: dict[str, list[Json]] = {"action": [], "sent": [], "decided": []}
    for _, row in listed:
        parts[part_of(row, possible_in(row, visit.config.offers))].append(row)
    drafts = open_drafts(tx)
    visit.data = {"data": [row for _, row in listed[:ROWS]]}
    return render(
        visit,
        "covermymeds/dashboard.html",
        said=said,
        resumed=sessions.find_draft(tx),
        drafts=[with_member(tx, row) for row in drafts[:ROWS]],
        action=[(with_member(tx, row), _answers_of(visit, row)) for row in parts["action"][:ROWS]],
        sent=[with_member(tx, row) for row in parts["sent"][:ROWS]],
        decided=[with_member(tx, row) for row in parts["decided"][:ROWS]],
        more=any(len(rows) > ROWS for rows in (drafts, *parts.values())),
    )


def part_of(row: Json, possible: tuple[str, ...]) -> str:
    """Return the part of the dashboard where a request that was sent stands, given what is possible with it.

    >>> part_of({"state": "pended", "determination": {"status": "need_more_info"}}, ("update", "withdraw"))
    'action'
    >>> part_of({"state": "denied", "determination": {"status": "denied"}}, ("appeal",))
    'action'
    >>> part_of({"state": "submitted", "determination": {"status": "pending"}}, ("update", "withdraw"))
    'sent'
    >>> part_of({"state": "approved", "determination": {"status": "approved"}}, ("withdraw",))
    'decided'
    """
    is_talked_over = bool((row.get("peer_to_peer") or {}).get("ended_at")) and row["state"] == "peer_to_peer_held"
    if (
        is_talked_over
        or row["state"] in _DISPUTED
        or (row["determination"]["status"] == "pending" and row["state"] != "withdrawn")
    ):
        return "sent"
    is_open = row["state"] != "withdrawn" and any(call in ANSWERS for call in possible)
    return "action" if is_open else "decided"


def _answers_of(visit: Visit, row: Json) -> list[tuple[str, str]]:
    possible = possible_in(row, visit.config.offers)
    return links_of(row, [call for call in ANSWERS if call in possible])
