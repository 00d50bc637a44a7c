"""The portal's REST for eligibility, claims and appeals. Must hold no rule of its own."""

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote, urlsplit

from sandbox.errors import NotFound
from sandbox.jsonio import Json
from sandbox.payer import claims, disputes, due, lookup
from sandbox.payer.lookup import Filters
from sandbox.payer.refusals import invalid
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.base import Route
from sandbox.simulators.portal.bodies import Appeal, inline_uploads, read_body
from sandbox.simulators.portal.queries import listing, read_query

CLAIM_FILTERS: Final = ("member_id", "status", "provider_npi", "service_from", "service_to")
APPEAL_FILTERS: Final = ("status", "request_id", "claim_number")


def read_eligibility(tx: Interaction, request: Request) -> Response:
    """`GET eligibility`: what a member is covered for on a day."""
    given = read_query(request, "member_id", "birth_date", "date", "service_type")
    return Response.of_json(eligibility_of(tx, given))


def eligibility_of(tx: Interaction, given: Filters) -> Json:
    """Return what the member is covered for who is asked about. Raises `Invalid`, `NotFound`."""
    member_id = given.get("member_id")
    if member_id is None:
        raise invalid({"member_id": ["Required: whose eligibility?"]})
    if "birth_date" in given and not lookup.find_members(tx, member_id, given["birth_date"]):
        raise NotFound(f'There is no member "{member_id[:100]}" with this birth date.')
    return lookup.eligibility(tx, member_id, given.get("date"), given.get("service_type"))


def read_claim(tx: Interaction, request: Request) -> Response:
    """`GET claims/{claim_number}`."""
    read_query(request)
    return Response.of_json(look_at_claim(tx, request, request.params["claim_number"]))


def look_at_claim(tx: Interaction, request: Request, claim_number: str) -> Json:
    """Return a claim to who reads it, which counts as a read of its appeals. Raises `NotFound`."""
    claim = claims.get_claim(tx, claim_number)
    if request.method != "HEAD" and not tx.is_view:
        for appeal_id in claim["appeals"]:
            due.count_read(tx, appeal_id)
    return claims.get_claim(tx, claim["claim_number"])


def appeal_claim(tx: Interaction, request: Request) -> Response:
    """`POST claims/{claim_number}/appeal`."""
    read_query(request)
    body = read_body(request, Appeal)
    uploads = inline_uploads(body.attachments or [], "attachments")
    row = claims.appeal_claim(tx, request.params["claim_number"], body.rationale, uploads)
    path = f"{urlsplit(request.base_url).path}/portal/appeals/{quote(row['appeal_id'], safe='')}"
    return Response.of_json(row, 201, Location=path)


def read_appeal(tx: Interaction, request: Request) -> Response:
    """`GET appeals/{id}`."""
    read_query(request)
    return Response.of_json(look_at_appeal(tx, request, request.params["id"]))


def look_at_appeal(tx: Interaction, request: Request, appeal_id: str) -> Json:
    """Return an appeal to who reads it, which counts as a read. Raises `NotFound`."""
    about = disputes.get_appeal(tx, appeal_id)
    if request.method != "HEAD" and not tx.is_view:
        due.count_read(tx, about["appeal_id"] if about["request_id"] is None else about["request_id"])
    return disputes.get_appeal(tx, about["appeal_id"])


def routes() -> Sequence[Route]:
    """Return these routes, all of them extensions."""
    list_claims = listing(lookup.list_claims, *CLAIM_FILTERS, is_descending=True)
    list_appeals = listing(lookup.list_appeals, *APPEAL_FILTERS, is_descending=True)
    claim = "portal/claims/{claim_number}"

    def route(method: str, path: str, handler: Callable[[Interaction, Request], Response], summary: str) -> Route:
        return Route(method, path, handler, "portal_request", summary, is_upstream=False)

    return (
        route("GET", "portal/eligibility", read_eligibility, "A member's coverages, benefits and accumulators"),
        route("GET", "portal/claims", list_claims, "Find claims"),
        route("GET", claim, read_claim, "Read a claim with its lines"),
        route("POST", f"{claim}/appeal", appeal_claim, "Appeal a denied claim"),
        route("GET", "portal/appeals", list_appeals, "List appeals"),
        route("GET", "portal/appeals/{id}", read_appeal, "Read an appeal"),
    )
