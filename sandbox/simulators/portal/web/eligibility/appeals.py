"""Appeals of requests and of claims: the list, and one with what was filed and what became of it."""

from typing import Final

from sandbox.payer import attachments, lookup
from sandbox.payer.disputes import get_appeal
from sandbox.playground.events import Response
from sandbox.simulators.portal.plan_routes import look_at_appeal
from sandbox.simulators.portal.web.eligibility.lists import options, read_list
from sandbox.simulators.portal.web.pages import Visit
from sandbox.simulators.portal.web.shell import render
from sandbox.wire.served_content import content_headers

LABELS: Final = {"status": "Status", "request_id": "Request", "claim_number": "Claim number"}
STATUSES: Final = options("under_review", "upheld", "overturned")
DONE: Final = {"filed": "The appeal is filed."}


def show_list(visit: Visit) -> Response:
    """`GET appeals`: the appeals, the latest first, by what they are asked for."""
    given, rows, following = read_list(visit, lookup.list_appeals, LABELS)
    return render(
        visit,
        "eligibility/appeals.html",
        given=given,
        rows=rows,
        following=following,
        statuses=STATUSES,
        labels=LABELS,
    )


def show_appeal(visit: Visit) -> Response:
    """`GET appeals/{appeal_id}`: what was filed, and what became of it. It counts as a read."""
    done = DONE.get(visit.filters("done").get("done", ""), "")
    visit.back = ("appeals", "Find appeals")
    appeal = visit.data = look_at_appeal(visit.tx, visit.request, visit.params["appeal_id"])
    return render(visit, "eligibility/appeal.html", appeal=appeal, done=done)


def show_attachment(visit: Visit) -> Response:
    """`GET appeals/{appeal_id}/attachments/{aid}`: the file, to be saved."""
    visit.filters()
    visit.back = ("appeals", "Find appeals")
    about, content = attachments.get(visit.tx, get_appeal(visit.tx, visit.params["appeal_id"]), visit.params["aid"])
    headers = content_headers(about["content_type"], about["filename"], is_download=True)
    return Response(200, content, about["content_type"], headers)
