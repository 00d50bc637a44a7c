"""What may be done with a case, as pages name it: the words and the addresses of the life cycle's calls."""

from collections.abc import Mapping, Sequence
from typing import Final

from sandbox.jsonio import Json
from sandbox.simulators.portal.web.pages import request_at

CALLS: Final[Mapping[str, str]] = {
    "update": "changing it",
    "submit": "sending it",
    "attach": "uploading records",
    "withdraw": "withdrawing it",
    "resubmit": "sending it again, corrected",
    "appeal": "an appeal",
    "external_review": "an external review",
    "request_peer_to_peer": "a peer-to-peer call",
    "choose_slot": "choosing a slot of the call",
    "speak": "speaking in the call",
    "cancel_peer_to_peer": "calling the peer-to-peer call off",
}
# Below the request: the page, and what a link to it says.
_PAGES: Final[Mapping[str, tuple[str, str]]] = {
    "update": ("edit", "Edit this request"),
    "attach": ("attachments", "Upload records"),
    "withdraw": ("withdraw", "Withdraw"),
    "resubmit": ("resubmit", "Correct and resubmit"),
    "appeal": ("appeal", "Appeal"),
    "external_review": ("external-review", "Request an external review"),
    "request_peer_to_peer": ("peer-to-peer", "Request a peer-to-peer call"),
    "choose_slot": ("peer-to-peer", "Choose a slot for the call"),
    "speak": ("peer-to-peer", "Go to the call"),
    "cancel_peer_to_peer": ("peer-to-peer", "Cancel the peer-to-peer call"),
}


def links_of(row: Json, calls: Sequence[str]) -> list[tuple[str, str]]:
    """Return a link for each thing that may be done with a case: the page below `portal/web/`, and its text.

    >>> links_of({"request_id": "req_1", "state": "pended"}, ["update", "submit", "attach"])[0]
    ('requests/req_1/information', 'Answer the payer')
    >>> links_of({"request_id": "req_1", "state": "denied"}, ["appeal"])
    [('requests/req_1/appeal', 'Appeal')]
    """
    at = request_at(row)
    if row["state"] == "draft":
        return [(f"{at}/continue", "Go on with this draft")]
    found: dict[str, str] = {}
    for call in calls:
        if row["state"] == "pended" and call in ("update", "submit"):
            found.setdefault(f"{at}/information", "Answer the payer")
        elif call in _PAGES:
            page, text = _PAGES[call]
            found.setdefault(f"{at}/{page}", text)
    return list(found.items())
