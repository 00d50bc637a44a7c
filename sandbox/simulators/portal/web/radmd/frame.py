"""The frame of a step: which steps there are, and what stands around each."""

from typing import Final

from sandbox.jsonio import Json
from sandbox.payer.identifiers import find as find_row
from sandbox.playground.events import Response
from sandbox.simulators.portal.web.case.drafts import later_label
from sandbox.simulators.portal.web.case.questions import PREFIX
from sandbox.simulators.portal.web.case.requests import procedure_name
from sandbox.simulators.portal.web.pages import Visit
from sandbox.simulators.portal.web.shell import render

STEPS: Final = (
    ("member", "Member"),
    ("provider", "Ordering provider"),
    ("exam", "Exam"),
    ("questions", "Clinical questions"),
    ("records", "Notes and records"),
    ("review", "Review"),
)
FOUND_MAX: Final = 50


def resume(row: Json) -> str:
    """Return the page where a draft is gone on with: its first step that nothing was written in.

    >>> row = {"request_id": "req_1", "patient_member_id": "M1", "provider_npi": None}
    >>> resume(row)
    'drafts/req_1/provider'
    """
    steps = (("patient_member_id", "member"), ("provider_npi", "provider"), ("procedure_code", "exam"))
    step = next((step for name, step in steps if not row.get(name)), None)
    if step is None:
        step = "review" if row.get(PREFIX) or row.get("notes") or row.get("attachments") else "questions"
    return f"drafts/{row['request_id']}/{step}"


def show_step(visit: Visit, step: str, case: Json | None, /, **context: object) -> Response:
    """Return the page of a step."""
    at = [name for name, _ in STEPS].index(step)
    base = None if case is None else f"drafts/{case['request_id']}/"
    member = None
    if case is not None and case["patient_member_id"]:
        member = find_row(visit.tx, "patients", case["patient_member_id"])
    around = {
        "row": case,
        "steps": [(name, label, base) for name, label in STEPS],
        "at": at,
        "step_name": STEPS[at][1],
        "member": member,
        "procedure": "" if case is None else procedure_name(visit.tx, case["procedure_code"]),
        "later": later_label(visit),
    }
    return render(visit, f"radmd/{step}.html", **{**around, **context})
