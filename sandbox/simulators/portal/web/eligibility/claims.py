"""Claims: the list, one with its lines and its remittance, and the appeal of one that was denied.

Which claim can be appealed, and until when, is the payer's rule.
"""

from typing import Final

from sandbox.errors import NotFound
from sandbox.jsonio import Json
from sandbox.payer import claims, disputes, lookup
from sandbox.payer.case_rows import find
from sandbox.payer.disputes import check_rationale
from sandbox.payer.identifiers import find as find_row
from sandbox.payer.refusals import Refused
from sandbox.playground.events import Response
from sandbox.simulators.portal.bodies import Appeal, validated
from sandbox.simulators.portal.plan_routes import look_at_claim
from sandbox.simulators.portal.web.case.amend import FILES
from sandbox.simulators.portal.web.case.disputes import filed_before
from sandbox.simulators.portal.web.eligibility.lists import options, read_list
from sandbox.simulators.portal.web.pages import SEEN, Visit, segment
from sandbox.simulators.portal.web.shell import limits_text, render, see_other

LABELS: Final = {
    "member_id": "Member id",
    "status": "Status",
    "provider_npi": "Provider (NPI)",
    "service_from": "Service from",
    "service_to": "Service to",
}
STATUSES: Final = options("received", "pended", "paid", "partially_paid", "denied")


def show_list(visit: Visit) -> Response:
    """`GET claims`: the claims, the latest service first, by what they are asked for."""
    given, rows, following = read_list(visit, lookup.list_claims, LABELS)
    return render(
        visit,
        "eligibility/claims.html",
        given=given,
        rows=[{**row, "member_name": _member_name(visit, row)} for row in rows],
        following=following,
        statuses=STATUSES,
        labels=LABELS,
    )


def show_claim(visit: Visit) -> Response:
    """`GET claims/{claim_number}`: a claim with its lines, and what may be done with it. It counts as a read."""
    visit.filters()
    visit.back = ("claims", "Find claims")
    claim = visit.data = look_at_claim(visit.tx, visit.request, visit.params["claim_number"])
    closed = ""
    try:
        claims.check_appealable(visit.tx, claim)
    except Refused as error:
        closed = error.problem[:1].upper() + error.problem[1:]
    return render(
        visit,
        "eligibility/claim.html",
        claim=claim,
        member=find_row(visit.tx, "patients", claim["member_id"]),
        provider=find_row(visit.tx, "providers", claim["provider_npi"]),
        request_id=_request_of(visit, claim),
        appeals=[disputes.get_appeal(visit.tx, appeal_id) for appeal_id in claim["appeals"]],
        closed=closed,
    )


def show_appeal(visit: Visit) -> Response:
    """`GET claims/{claim_number}/appeal`: the form of an appeal, with its last day and what it takes."""
    visit.filters()
    claim = _claim_of(visit)
    if not visit.form.is_sent:
        claims.check_appealable(visit.tx, claim)
    return render(
        visit,
        "eligibility/claim_appeal.html",
        claim=claim,
        limits=limits_text(visit.config),
        labels={"rationale": "Rationale", FILES: "Records"},
    )


def send_appeal(visit: Visit) -> Response:
    """`POST claims/{claim_number}/appeal`: sent twice, it is one appeal, and the same page."""
    visit.form.check(("rationale", FILES, SEEN))
    claim = _claim_of(visit)
    appeal_id = filed_before(visit, claim, "appealed")
    if appeal_id is None:
        claims.check_appealable(visit.tx, claim)
        if not visit.form.text("rationale"):
            check_rationale("")
        rationale = validated(Appeal, {"rationale": visit.form.text("rationale")}).rationale
        uploads = visit.form.uploads(FILES)
        appeal_id = claims.appeal_claim(visit.tx, claim["claim_number"], rationale, uploads)["appeal_id"]
    return see_other(visit.request, f"appeals/{segment(appeal_id)}?done=filed")


def _claim_of(visit: Visit) -> Json:
    visit.back = ("claims", "Find claims")
    claim = claims.get_claim(visit.tx, visit.params["claim_number"])
    visit.back = (f"claims/{segment(claim['claim_number'])}", "Go back to this claim")
    return claim


def _member_name(visit: Visit, claim: Json) -> str:
    member = find_row(visit.tx, "patients", claim["member_id"])
    return claim["member_id"] if member is None else f"{member['last_name']}, {member['first_name']}"


def _request_of(visit: Visit, claim: Json) -> str | None:
    """Return the request whose authorization a claim names, None where the payer has none such."""
    if claim["auth_number"] is None:
        return None
    try:
        return str(find(visit.tx, claim["auth_number"])["request_id"])
    except NotFound:
        return None
