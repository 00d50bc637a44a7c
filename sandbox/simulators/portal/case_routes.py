"""The portal's REST for what follows a request: withdrawal, resubmission, appeals, peer-to-peer, status.

From a request to a call of the payer's rules, from a row to an answer; must hold no rule of its own.
"""

from collections.abc import Callable, Sequence

from sandbox.errors import Forbidden
from sandbox.jsonio import Json
from sandbox.payer import cases, disputes, lookup
from sandbox.payer.attachments import Upload
from sandbox.payer.case_rows import find
from sandbox.payer.config import payer_config
from sandbox.payer.validation import requirements
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.base import Route
from sandbox.simulators.portal.bodies import (
    Appeal,
    PeerToPeerRequest,
    PriorAuthFields,
    SlotChoice,
    Turn,
    Withdrawal,
    as_json,
    inline_uploads,
    read_body,
)
from sandbox.simulators.portal.paging import page
from sandbox.simulators.portal.queries import no_body, read_query
from sandbox.simulators.portal.versions import versioned

NOTHING_ON_FILE = "No authorization on file."


def withdraw(tx: Interaction, request: Request) -> Response:
    """`POST prior-auths/{id}/withdraw`; the body may be left out."""
    read_query(request)
    body = read_body(request, Withdrawal) if request.body.strip() else Withdrawal()
    return Response.of_json(cases.withdraw(tx, request.params["id"], body.reason))


def resubmit(tx: Interaction, request: Request) -> Response:
    """`POST prior-auths/{id}/resubmit`; the body may be left out, or holds what is corrected."""
    read_query(request)
    body = read_body(request, PriorAuthFields) if request.body.strip() else PriorAuthFields()
    uploads = inline_uploads(body.attachments or [], "attachments")
    return Response.of_json(cases.resubmit(tx, request.params["id"], as_json(body), uploads))


def _appealing(
    file: Callable[[Interaction, str, str, Sequence[Upload]], Json],
) -> Callable[[Interaction, Request], Response]:
    def handle(tx: Interaction, request: Request) -> Response:
        read_query(request)
        body = read_body(request, Appeal)
        uploads = inline_uploads(body.attachments or [], "attachments")
        return Response.of_json(file(tx, request.params["id"], body.rationale, uploads))

    return handle


def request_peer_to_peer(tx: Interaction, request: Request) -> Response:
    """`POST prior-auths/{id}/peer-to-peer`; the body may be left out."""
    read_query(request)
    body = read_body(request, PeerToPeerRequest) if request.body.strip() else PeerToPeerRequest()
    return Response.of_json(disputes.request_peer_to_peer(tx, request.params["id"], body.phone, body.contact))


def cancel_peer_to_peer(tx: Interaction, request: Request) -> Response:
    """`DELETE prior-auths/{id}/peer-to-peer`."""
    read_query(request)
    no_body(request)
    disputes.cancel_peer_to_peer(tx, request.params["id"])
    return Response(204, b"", None)


def choose_slot(tx: Interaction, request: Request) -> Response:
    """`POST prior-auths/{id}/peer-to-peer/slot`."""
    read_query(request)
    return Response.of_json(disputes.choose_slot(tx, request.params["id"], read_body(request, SlotChoice).slot))


def speak(tx: Interaction, request: Request) -> Response:
    """`POST prior-auths/{id}/peer-to-peer/turns`."""
    read_query(request)
    return Response.of_json(disputes.speak(tx, request.params["id"], read_body(request, Turn).text))


def read_actions(tx: Interaction, request: Request) -> Response:
    """`GET prior-auths/{id}/actions`: what is possible now."""
    read_query(request)
    row = find(tx, request.params["id"])
    value = {"request_id": row["request_id"], "state": row["state"], "actions": list(cases.possible_calls(tx, row))}
    return Response.of_json(value)


def read_requirements(tx: Interaction, request: Request) -> Response:
    """`GET requirements`: whether a procedure needs an authorization, who decides, what is asked."""
    given = read_query(request, "procedure_code", "patient_member_id")
    return Response.of_json(requirements(tx, given.get("procedure_code", ""), given.get("patient_member_id")))


def list_status(tx: Interaction, request: Request) -> Response:
    """`GET status`: the status of requests by number, or by member and birth date; none is an answer, too."""
    filters = ("tracking_number", "member_id", "birth_date", "procedure_code")
    given = read_query(request, *filters, "limit", "cursor")
    limit, cursor = given.pop("limit", None), given.pop("cursor", None)
    found = page(lookup.list_status(tx, given), limit, cursor, is_descending=True)
    return Response.of_json({**found, "message": None if found["data"] else NOTHING_ON_FILE})


def public_status(tx: Interaction, request: Request) -> Response:
    """`GET public-status`: as `status`, without a log-in, where the payer offers that."""
    if not payer_config(tx).status_without_login:
        raise Forbidden("This payer tells a status only to who has logged in: GET portal/status.")
    return list_status(tx, request)


def routes() -> Sequence[Route]:
    """Return these routes, all of them extensions."""
    auth = "portal/prior-auths/{id}"
    call = f"{auth}/peer-to-peer"
    appeal, review = _appealing(disputes.appeal), _appealing(disputes.request_external_review)

    def route(method: str, path: str, handler: Callable[[Interaction, Request], Response], summary: str) -> Route:
        return Route(method, path, handler, "portal_request", summary, is_upstream=False)

    return (
        route("GET", f"{auth}/actions", read_actions, "What is possible with a prior authorization now"),
        route("POST", f"{auth}/withdraw", versioned(withdraw), "Take a request or an authorization back"),
        route("POST", f"{auth}/resubmit", versioned(resubmit), "Send a denied or withdrawn request again, corrected"),
        route("POST", f"{auth}/appeal", versioned(appeal), "Appeal a denial"),
        route("POST", f"{auth}/external-review", versioned(review), "Ask for an independent review after an appeal"),
        route("POST", call, versioned(request_peer_to_peer), "Ask for a call with the medical director"),
        route("DELETE", call, versioned(cancel_peer_to_peer), "Call it off"),
        route("POST", f"{call}/slot", versioned(choose_slot), "Choose a slot"),
        route("POST", f"{call}/turns", versioned(speak), "Say something in the call"),
        route("GET", "portal/requirements", read_requirements, "Whether a procedure needs an authorization"),
        route("GET", "portal/status", list_status, "The status of requests by number or member"),
        Route(
            "GET",
            "portal/public-status",
            public_status,
            "portal_request",
            "The status of requests without a log-in",
            is_upstream=False,
            access="document",
        ),
    )
