"""Looking at cases: the list, one of them, its confirmation, its files, and its status by a number."""

from collections.abc import Mapping
from typing import Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.limits import PAGE_LIMIT_MAX
from sandbox.payer import cases, lookup
from sandbox.payer.case_rows import DRAFTS, find
from sandbox.payer.disputes import get_appeal
from sandbox.payer.formulary import find_drug
from sandbox.payer.identifiers import find as find_row
from sandbox.payer.lifecycle import life_cycle, possible_in
from sandbox.payer.validation import questions_of, requirements
from sandbox.playground.events import Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.paging import page
from sandbox.simulators.portal.web.case.amend import case_of, find_attachment, labels_for
from sandbox.simulators.portal.web.case.calls import links_of
from sandbox.simulators.portal.web.pages import Visit, request_at
from sandbox.simulators.portal.web.public import AROUND, find_status
from sandbox.simulators.portal.web.public import LABELS as STATUS_LABELS
from sandbox.simulators.portal.web.shell import render, see_other
from sandbox.wire.served_content import content_headers

FILTERS: Final = ("status", "determination", "state", "patient_member_id", "procedure_code")
DONE: Final[Mapping[str, str]] = {
    "changed": "The changes are saved.",
    "answered": "Your answer was sent to the payer.",
    "resubmitted": "The request was sent again.",
    "attached": "The files are attached.",
    "withdrawn": "The request is withdrawn.",
    "appealed": "The appeal is filed.",
    "reviewed": "The external review is requested.",
    "already": "This request was sent before; it was not sent again.",
}


def show_list(visit: Visit) -> Response:
    """`GET requests`: the cases, newest first, by what they are asked for."""
    given: dict[str, str] = {}
    found: Json = {"data": [], "next_cursor": None, "_meta": {"prev": None}}
    try:
        given = visit.filters(*FILTERS, "cursor")
        cursor = given.pop("cursor", None)
        found = page(lookup.list_prior_auths(visit.tx, given), None, cursor, is_descending=True)
    except Invalid as error:
        visit.refuse(error.details or {"": [error.message]})
        given = {name: value for name, value in visit.request.query if name in FILTERS}
    visit.data = {"data": found["data"]}
    states = [("", "Any"), *((name, name.replace("_", " ").capitalize()) for name in life_cycle().states)]
    labels = {"state": "State", "patient_member_id": "Member id", "procedure_code": visit.skin.words["code"]}
    return render(
        visit,
        "requests.html",
        given=given,
        rows=[with_member(visit.tx, row) for row in found["data"]],
        following=found["next_cursor"],
        states=states,
        labels=labels,
    )


def show_request(visit: Visit) -> Response:
    """`GET requests/{id}`: a case with all that became of it, and what is possible now. It counts as a read."""
    done = visit.filters("done").get("done", "")
    tx = visit.tx
    is_look = visit.request.method == "HEAD" or tx.is_view
    row = visit.data = (find if is_look else cases.read)(tx, visit.params["id"])
    return render(visit, "request.html", done=DONE.get(done, ""), **facts(tx, row, visit))


def show_confirmation(visit: Visit) -> Response:
    """`GET requests/{id}/confirmation`: that it was received, and under which number."""
    visit.filters()
    row = case_of(visit)
    if row["status"] == "draft":
        return see_other(visit.request, visit.skin.resume(row))
    visit.data = row
    return render(visit, "confirmation.html", **facts(visit.tx, row, visit))


def show_continue(visit: Visit) -> Response:
    """`GET requests/{id}/continue`: on to where a draft is gone on with, or to the request."""
    visit.filters()
    row = case_of(visit)
    is_open = row["state"] == "draft"
    return see_other(visit.request, visit.skin.resume(row) if is_open else request_at(row))


def show_attachment(visit: Visit) -> Response:
    """`GET requests/{id}/attachments/{aid}`: the file, to be saved."""
    visit.filters()
    about, content = find_attachment(visit)
    headers = content_headers(about["content_type"], about["filename"], is_download=True)
    return Response(200, content, about["content_type"], headers)


def show_status(visit: Visit) -> Response:
    """`GET status`: what is on file under a number, or for a member with a birth date."""
    given, rows, problems = find_status(visit.tx, visit.request.query)
    if problems:
        visit.refuse(problems)
    visit.data = {"data": (rows or [])[:PAGE_LIMIT_MAX]}
    return render(visit, "status.html", given=given, rows=rows, labels=STATUS_LABELS, **AROUND)


def show_requirements(visit: Visit) -> Response:
    """`GET requirements`: whether a procedure needs an authorization, who decides, and what is asked."""
    given: dict[str, str] = {}
    found = None
    try:
        given = visit.filters("procedure_code", "patient_member_id")
        if given:
            found = requirements(visit.tx, given.get("procedure_code", ""), given.get("patient_member_id"))
    except Invalid as error:
        visit.refuse(error.details or {"": [error.message]})
        given = {name: value for name, value in visit.request.query if name in ("procedure_code", "patient_member_id")}
    visit.data = found
    return render(visit, "requirements.html", given=given, found=found, labels=labels_for(visit))


def facts(tx: Interaction, row: Json, visit: Visit) -> dict[str, Json]:
    """Return what the pages of a case show of it."""
    questions = questions_of(tx, row) or {}
    answers = [
        (questions[name]["text"] if name in questions else name, value)
        for name, value in row["clinical_answers"].items()
    ]
    return {
        "row": row,
        "member": find_row(tx, "patients", row["patient_member_id"]) if row["patient_member_id"] else None,
        "provider": find_row(tx, "providers", row["provider_npi"]) if row["provider_npi"] else None,
        "procedure": procedure_name(tx, row["procedure_code"]),
        "answers": answers,
        "wanted": [questions[name]["text"] for name in (row["wanted"] or {}).get("questions", ()) if name in questions],
        "appeals": [get_appeal(tx, appeal_id) for appeal_id in row["appeals"]],
        "links": links_of(row, possible_in(row, visit.config.offers)),
        "means": life_cycle().states[row["state"]].means,
        "given_later": visit.config.authorization_number.given_with == "approval",
    }


def procedure_name(tx: Interaction, code: str | None) -> str:
    """Return what the payer calls a procedure or a drug, empty where it does not."""
    if code is None:
        return ""
    questionnaire = find_row(tx, "questions", code)
    if questionnaire is not None and questionnaire["description"]:
        return str(questionnaire["description"])
    drug = find_drug(tx, code)
    return "" if drug is None else str(drug["drug"])


def with_member(tx: Interaction, row: Json) -> Json:
    """Return a case with its member's name and what its procedure is called."""
    member = find_row(tx, "patients", row["patient_member_id"]) if row["patient_member_id"] else None
    name = f"{member['last_name']}, {member['first_name']}" if member is not None else "No member yet"
    return {**row, "member_name": name, "procedure_name": procedure_name(tx, row["procedure_code"])}


def open_drafts(tx: Interaction) -> list[Json]:
    """Return the drafts that can be gone on with, the latest first."""
    rows = [row for _, row in tx.branch.items(DRAFTS) if row.get("state", "draft") == "draft"]
    return sorted(rows, key=lambda row: (row["updated_at"], row["request_id"]), reverse=True)
