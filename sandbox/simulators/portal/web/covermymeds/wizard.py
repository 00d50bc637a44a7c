"""A new request in seven steps: patient, drug, diagnosis and quantity, prescriber, plan questions, records, review.

The steps that every request has are those of `radmd`; here is what medications have of their own. Must hold no rule.
"""

from typing import Final

from sandbox.errors import Invalid
from sandbox.payer.formulary import find_drug
from sandbox.payer.refusals import invalid
from sandbox.playground.events import Response
from sandbox.simulators.portal.web.case.amend import case_of, labels_for, read_fields, written_codes
from sandbox.simulators.portal.web.case.drafts import GO, change, is_later, onward, past, stop_at
from sandbox.simulators.portal.web.case.questions import PREFIX
from sandbox.simulators.portal.web.covermymeds.drugs import LABELS, Found, as_data, find_drugs
from sandbox.simulators.portal.web.pages import Page, Step, Visit
from sandbox.simulators.portal.web.radmd import what, who
from sandbox.simulators.portal.web.radmd.frame import show_step

STEPS: Final = (
    Step("member", "Patient", ("patient_member_id",)),
    Step("drug", "Drug", ("procedure_code",)),
    Step("diagnosis", "Diagnosis and quantity", ("diagnosis_codes", "units", "service_date")),
    Step("provider", "Prescriber", ("provider_npi",)),
    Step("questions", "Plan questions", (PREFIX,)),
    Step("records", "Notes and records", ("notes", "attachments")),
    Step("review", "Review"),
)


def show_drug(visit: Visit) -> Response:
    """`GET drafts/{id}/drug`: find the drug in the formulary, and choose it."""
    row = case_of(visit)
    if row["state"] != "draft":
        return past(visit, row)
    given: dict[str, str] = {}
    try:
        given = visit.filters("drug")
    except Invalid as error:
        visit.refuse(error.details or {"": [error.message]})
    chosen = visit.value("procedure_code", row["procedure_code"] or "")
    text = given.get("drug", chosen)
    found: list[Found] | None = None
    left_out = 0
    if text:
        found, left_out = find_drugs(visit.tx, text, row["patient_member_id"])
        visit.data = as_data(found)
    return show_step(
        visit,
        "drug",
        row,
        template="covermymeds/drug.html",
        given=given,
        found=found,
        left_out=left_out,
        chosen=next((place for place, item in enumerate(found or ()) if item.code and item.code == chosen), None),
        labels={**labels_for(visit), "procedure_code": "Drug", "drug": LABELS["drug"]},
    )


def send_drug(visit: Visit) -> Response:
    """`POST drafts/{id}/drug`: answers to the questions of another drug are dropped with it."""
    visit.form.check(("procedure_code", GO))
    row = case_of(visit)
    fields = read_fields(visit, "procedure_code")
    if fields["procedure_code"] is None and not is_later(visit):
        raise invalid({"procedure_code": ["Choose a drug."]})
    if row["procedure_code"] is not None and fields["procedure_code"] != row["procedure_code"]:
        fields[PREFIX] = None
    row = change(visit, row, fields)
    stop_at(visit, row, "procedure_code")
    return onward(visit, row, visit.skin.after("drug"))


def show_diagnosis(visit: Visit) -> Response:
    """`GET drafts/{id}/diagnosis`: what the drug is for, and how much of it."""
    visit.filters()
    row = case_of(visit)
    if row["state"] != "draft":
        return past(visit, row)
    drug = None if row["procedure_code"] is None else find_drug(visit.tx, row["procedure_code"])
    return show_step(
        visit,
        "diagnosis",
        row,
        template="covermymeds/diagnosis.html",
        limit=None if drug is None else drug["quantity_limit"],
        codes=visit.value("diagnosis_codes", written_codes(row)),
        units=visit.value("units", str(row["units"] or "")),
        service_date=visit.value("service_date", row["service_date"] or ""),
        labels=labels_for(visit),
    )


def send_diagnosis(visit: Visit) -> Response:
    """`POST drafts/{id}/diagnosis`."""
    visit.form.check(("diagnosis_codes", "units", "service_date", GO))
    fields = read_fields(visit, "diagnosis_codes", "units", "service_date")
    if not fields["diagnosis_codes"] and not is_later(visit):
        raise invalid({"diagnosis_codes": ["Enter at least one."]})
    row = change(visit, case_of(visit), fields)
    return onward(visit, row, visit.skin.after("diagnosis"))


_DRAFT: Final = "drafts/{id}"
PAGES: Final[tuple[Page, ...]] = (
    Page("new", who.show_member, who.send_member),
    Page(f"{_DRAFT}/member", who.show_member, who.send_member),
    Page(f"{_DRAFT}/drug", show_drug, send_drug),
    Page(f"{_DRAFT}/diagnosis", show_diagnosis, send_diagnosis),
    Page(f"{_DRAFT}/provider", who.show_provider, who.send_provider),
    Page(f"{_DRAFT}/questions", what.show_questions, what.send_questions),
    Page(f"{_DRAFT}/records", what.show_records, what.send_records),
    Page(f"{_DRAFT}/review", what.show_review, what.send_review),
)
