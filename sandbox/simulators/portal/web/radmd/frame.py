"""The frame of a step: which steps there are, and what stands around each, in this skin and in one with others."""

from typing import Final

from sandbox.jsonio import Json
from sandbox.payer.identifiers import find as find_row
from sandbox.playground.events import Response
from sandbox.simulators.portal.web.case.drafts import later_label
from sandbox.simulators.portal.web.case.questions import PREFIX
from sandbox.simulators.portal.web.case.requests import procedure_name
from sandbox.simulators.portal.web.pages import Step, Visit, draft_at
from sandbox.simulators.portal.web.shell import render

STEPS: Final = (
    Step("member", "Member", ("patient_member_id",)),
    Step("provider", "Ordering provider", ("provider_npi",)),
    Step("exam", "Exam", ("procedure_code", "diagnosis_codes", "units", "service_date")),
    Step("questions", "Clinical questions", (PREFIX,)),
    Step("records", "Notes and records", ("notes", "attachments")),
    Step("review", "Review"),
)
FOUND_MAX: Final = 50


def show_step(visit: Visit, step: str, case: Json | None, /, *, template: str = "", **context: object) -> Response:
    """Return the page of a step of a new request, None where nothing was written of it yet."""
    steps = visit.skin.steps
    names = [item.name for item in steps]
    at = names.index(step)
    base = None if case is None else draft_at(case)
    member = None
    if case is not None and case["patient_member_id"]:
        member = find_row(visit.tx, "patients", case["patient_member_id"])
    around = {
        "row": case,
        "steps": [(item.name, item.label, base) for item in steps],
        "at": at,
        "step_name": steps[at].label,
        "chosen_at": names.index(visit.skin.step_of("procedure_code")),
        "member": member,
        "procedure": "" if case is None else procedure_name(visit.tx, case["procedure_code"]),
        "later": later_label(visit),
    }
    return render(visit, template or f"radmd/{step}.html", **{**around, **context})
