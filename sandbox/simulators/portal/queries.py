"""What the portal's routes have in common: queries, lists, and how a refusal is worded for who uses this REST."""

from collections.abc import Callable, Mapping
from typing import Final

from sandbox.errors import Conflict, Invalid, SandboxError
from sandbox.payer.lookup import Filters, Rows
from sandbox.payer.refusals import Refused, invalid
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.paging import page

Lister = Callable[[Interaction, Filters], Rows]


def read_query(request: Request, *allowed: str) -> Filters:
    """Return the query by name; raises `Invalid` for an unknown, repeated or empty parameter."""
    found: Filters = {}
    details: dict[str, list[str]] = {}
    for name, value in request.query:
        if name not in allowed:
            known = ", ".join(allowed) or "none"
            details[name] = [f"Unknown parameter; this route knows: {known}."]
        elif name in found:
            details[name] = ["Given more than once."]
        elif not value.strip():
            details[name] = ["Empty; give a value or leave the parameter out."]
        found[name] = value
    if details:
        raise invalid(details)
    return found


def listing(lister: Lister, *filters: str, is_descending: bool = False) -> Callable[[Interaction, Request], Response]:
    """Return the handler of a list that knows these filters."""

    def handle(tx: Interaction, request: Request) -> Response:
        given = read_query(request, *filters, "limit", "cursor")
        limit, cursor = given.pop("limit", None), given.pop("cursor", None)
        return Response.of_json(page(lister(tx, given), limit, cursor, is_descending=is_descending))

    return handle


# How the life cycle's calls are said to who uses this REST.
CALLS: Final[Mapping[str, str]] = {
    "update": "PATCH of it",
    "submit": "POST …/submit",
    "attach": "POST …/attachments",
    "withdraw": "POST …/withdraw",
    "resubmit": "POST …/resubmit",
    "appeal": "POST …/appeal",
    "external_review": "POST …/external-review",
    "request_peer_to_peer": "POST …/peer-to-peer",
    "choose_slot": "POST …/peer-to-peer/slot",
    "speak": "POST …/peer-to-peer/turns",
    "cancel_peer_to_peer": "DELETE …/peer-to-peer",
}


def worded(error: SandboxError) -> SandboxError:
    """Return a refusal with this REST's names for what is possible; any other error as it is."""
    return Conflict(error.said(CALLS)) if isinstance(error, Refused) else error


def no_body(request: Request) -> None:
    """Raise `Invalid` for a body where none is taken."""
    if request.body.strip() not in (b"", b"{}"):
        raise Invalid("This route takes no body.")
