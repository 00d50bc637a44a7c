"""Whom a request is for and who orders it: the first two steps."""

from typing import Final

from sandbox.errors import Invalid
from sandbox.payer import cases, lookup
from sandbox.payer.coverage import problem_on
from sandbox.payer.identifiers import find as find_row
from sandbox.payer.refusals import invalid
from sandbox.playground.events import Response
from sandbox.simulators.portal.web.case.amend import case_of, labels_for, read_fields
from sandbox.simulators.portal.web.case.drafts import (
    BEGIN,
    GO,
    begun,
    change,
    draft_or_none,
    is_later,
    new_begin,
    onward,
    past,
    stop_at,
)
from sandbox.simulators.portal.web.pages import Visit
from sandbox.simulators.portal.web.radmd.frame import FOUND_MAX, show_step

_FINDING: Final = ("member_id", "name", "birth_date")


def show_member(visit: Visit) -> Response:
    """`GET new`, `GET drafts/{id}/member`: look the member up, by id or by name and birth date."""
    row = draft_or_none(visit)
    if row is not None and row["state"] != "draft":
        return past(visit, row)
    given, found = {}, None
    try:
        given = visit.filters(*_FINDING)
        if given:
            found = [member for _, member in sorted(lookup.list_patients(visit.tx, given), key=lambda pair: pair[0])]
    except Invalid as error:
        if not visit.form.is_sent:  # else what is said is what is wrong with the form
            visit.refuse(error.details or {"": [error.message]})
        given = {name: value for name, value in visit.request.query if name in _FINDING}
    chosen = visit.value("patient_member_id", (row or {}).get("patient_member_id") or "")
    if found is None and chosen:
        member = find_row(visit.tx, "patients", chosen)
        found = None if member is None else [member]
    today = visit.tx.now.date()
    return show_step(
        visit,
        "member",
        row,
        given=given,
        found=None if found is None else [(m, problem_on(visit.tx, m, today)) for m in found[:FOUND_MAX]],
        left_out=max(0, len(found or ()) - FOUND_MAX),
        chosen=chosen,
        begin=visit.value("begin", "" if row is not None else new_begin(visit)),
        labels={"member_id": "Member id", "name": "Name", "birth_date": "Birth date", **labels_for(visit)},
    )


def send_member(visit: Visit) -> Response:
    """`POST new`, `POST drafts/{id}/member`: the draft begins with this member, or is for this one from now on."""
    visit.form.check(("patient_member_id", BEGIN, GO))
    fields = read_fields(visit, "patient_member_id")
    if fields["patient_member_id"] is None:
        raise invalid({"patient_member_id": ["Choose a member."]})
    row = draft_or_none(visit) or begun(visit, fields)
    if row["state"] != "draft":
        return past(visit, row)
    if row["patient_member_id"] != fields["patient_member_id"]:
        row = cases.update(visit.tx, row["request_id"], fields, ())
    stop_at(visit, row, "patient_member_id")
    return onward(visit, row, visit.skin.after("member"))


def show_provider(visit: Visit) -> Response:
    """`GET drafts/{id}/provider`: choose the ordering provider, found by NPI or name."""
    row = case_of(visit)
    if row["state"] != "draft":
        return past(visit, row)
    given = visit.filters("npi", "name")
    found = [provider for _, provider in sorted(lookup.list_providers(visit.tx, given), key=lambda pair: pair[0])]
    chosen = visit.value("provider_npi", row["provider_npi"] or "")
    return show_step(
        visit,
        "provider",
        row,
        given=given,
        found=found[:FOUND_MAX],
        left_out=max(0, len(found) - FOUND_MAX),
        chosen=chosen,
        labels={"npi": "NPI", "name": "Name", **labels_for(visit)},
    )


def send_provider(visit: Visit) -> Response:
    """`POST drafts/{id}/provider`."""
    visit.form.check(("provider_npi", GO))
    fields = read_fields(visit, "provider_npi")
    if fields["provider_npi"] is None and not is_later(visit):
        raise invalid({"provider_npi": [f"Choose the {visit.skin.words['provider'].lower()}."]})
    row = change(visit, case_of(visit), fields)
    stop_at(visit, row, "provider_npi")
    return onward(visit, row, visit.skin.after("provider"))
