"""What is written of a case, read from a form: the edge between fields of a page and those of the rules.

Shared by the steps of a new request and by the pages that change one later.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.errors import Conflict
from sandbox.jsonio import Json
from sandbox.payer import attachments, cases
from sandbox.payer.attachments import Upload
from sandbox.payer.case_rows import find
from sandbox.payer.lifecycle import life_cycle, take
from sandbox.payer.refusals import Refused, invalid
from sandbox.payer.validation import questions_of
from sandbox.playground.events import Response
from sandbox.simulators.portal.bodies import PriorAuthFields, as_json, validated
from sandbox.simulators.portal.web.case.questions import PREFIX, asked_of, changes, field_names, labels_of, read_answers
from sandbox.simulators.portal.web.forms import split_codes, whole_number
from sandbox.simulators.portal.web.pages import SEEN, Visit, done_since, request_at
from sandbox.simulators.portal.web.shell import format_answer, limits_text, names_of, render, see_other

FILES = "files"
LABELS: Mapping[str, str] = {
    "patient_member_id": "Member",
    "provider_npi": "Ordering provider (NPI)",
    "procedure_code": "Procedure code",
    "diagnosis_codes": "Diagnosis codes",
    "units": "Units",
    "service_date": "Day of service",
    "notes": "Clinical notes",
    FILES: "Records",
}
_TEXTS = ("patient_member_id", "provider_npi", "procedure_code", "notes", "service_date")


class Stale(Conflict):
    """A form shows a case as it is no more: the page is to be shown again, with what has changed."""


def labels_for(visit: Visit) -> dict[str, str]:
    """Return what the fields of a request are called, in the skin's words."""
    words = visit.skin.words
    own = {"patient_member_id": words["member"], "provider_npi": f"{words['provider']} (NPI)"}
    return {**LABELS, **own, "procedure_code": words["code"], "units": words["units"]}


def read_fields(visit: Visit, *names: str) -> dict[str, Json]:
    """Return these fields of a form as the rules take them; raises `Invalid` naming the fields."""
    found: dict[str, Json] = {}
    for name in names:
        if name == "units":
            found[name] = whole_number(visit.form.text(name), name)
        elif name == "diagnosis_codes":
            found[name] = split_codes(visit.form.text(name))
        elif name in _TEXTS:
            found[name] = visit.form.text(name) or None
    return checked(found)


def checked(fields: Json) -> dict[str, Json]:
    """Return fields that have the form the REST asks of them, too; raises `Invalid`."""
    kept: dict[str, Json] = as_json(validated(PriorAuthFields, fields))
    return kept


def read_uploads(visit: Visit, row: Json, *, is_sent_before: bool) -> list[Upload]:
    """Return the files of a form. Of a form that was sent twice those that are attached already are left out."""
    uploads = visit.form.uploads(FILES)
    return attachments.not_held(row, uploads) if is_sent_before else uploads


def written_codes(row: Json) -> str:
    """Return the diagnosis codes as they stand in their field."""
    return ", ".join(row["diagnosis_codes"])


def case_of(visit: Visit) -> Json:
    """Return the case that the address names; raises `NotFound`."""
    return find(visit.tx, visit.params["id"])


def show_edit(visit: Visit) -> Response:
    """`GET requests/{id}/edit`: what a request that is not decided yet may still have changed."""
    return _show(visit, "update", "Edit this request", "Save changes")


def send_edit(visit: Visit) -> Response:
    """`POST requests/{id}/edit`."""
    row = case_of(visit)
    if _was_sent_before(visit, row, "updated"):
        return _back(visit, row, "changed")
    fields, uploads = _read(visit, row, "update")
    if not fields and not uploads:
        raise invalid({"": ["Nothing was changed."]})
    _check_seen(visit, row, fields)
    return _back(visit, cases.update(visit.tx, row["request_id"], fields, uploads), "changed")


def show_information(visit: Visit) -> Response:
    """`GET requests/{id}/information`: what the payer waits for, and the form that answers it."""
    return _show(visit, "update", "Answer the payer", "Send to the payer")


def send_information(visit: Visit) -> Response:
    """`POST requests/{id}/information`: answers and files go to the payer together, with what was uploaded before."""
    row = case_of(visit)
    if _was_sent_before(visit, row, "more_info_supplied"):
        return _back(visit, row, "answered")
    fields, uploads = _read(visit, row, "update")
    fields = {name: value for name, value in fields.items() if value not in (None, "", [], {})}
    if fields or uploads:
        return _back(visit, cases.update(visit.tx, row["request_id"], fields, uploads), "answered")
    try:
        return _back(visit, cases.submit(visit.tx, row["request_id"]), "answered")
    except Refused as error:
        if error.problem:
            raise invalid(
                {"": ["Nothing was added since the payer asked: answer, write a note or attach a file."]}
            ) from None
        raise


def show_resubmit(visit: Visit) -> Response:
    """`GET requests/{id}/resubmit`: what may be corrected before a request is sent again."""
    return _show(visit, "resubmit", "Correct and resubmit", "Resubmit")


def send_resubmit(visit: Visit) -> Response:
    """`POST requests/{id}/resubmit`."""
    row = case_of(visit)
    if _was_sent_before(visit, row, "resubmitted"):
        return _back(visit, row, "resubmitted")
    fields, uploads = _read(visit, row, "resubmit")
    return _back(visit, cases.resubmit(visit.tx, row["request_id"], fields, uploads), "resubmitted")


def show_attachments(visit: Visit) -> Response:
    """`GET requests/{id}/attachments`: the files of a request, and the form that adds some."""
    visit.filters()
    row = case_of(visit)
    if not visit.form.is_sent:
        take(row, "attach", visit.config.offers)
    return render(
        visit,
        "upload.html",
        row=row,
        labels=labels_for(visit),
        limits=limits_text(visit.config, len(row["attachments"])),
    )


def send_attachments(visit: Visit) -> Response:
    """`POST requests/{id}/attachments`."""
    visit.form.check((FILES, SEEN))
    row = case_of(visit)
    is_again = bool(done_since(row, visit.form.text(SEEN), ["attachments_added"]))
    uploads = read_uploads(visit, row, is_sent_before=is_again)
    if not uploads and not is_again:
        raise invalid({FILES: ["Choose at least one file."]})
    if uploads:
        row = cases.attach(visit.tx, row["request_id"], uploads)
    return _back(visit, row, "attached")


def _show(visit: Visit, call: str, heading: str, button: str) -> Response:
    visit.filters()
    row = case_of(visit)
    transition = take(row, call, visit.config.offers)
    asked = asked_of(visit, row) if PREFIX in transition.fields else []
    return render(
        visit,
        "amend.html",
        row=row,
        heading=heading,
        button=button,
        fields=transition.fields,
        asked=asked,
        labels={**labels_for(visit), **labels_of(asked)},
        codes=visit.value("diagnosis_codes", written_codes(row)),
        limits=limits_text(visit.config, len(row["attachments"])),
    )


def _read(visit: Visit, row: Json, call: str) -> tuple[dict[str, Json], Sequence[Upload]]:
    """Return what a form changes of a case, and its files; raises `Refused`, `Invalid`."""
    take(row, call, visit.config.offers)
    transition = life_cycle().find(row["state"], call)
    takes = transition.fields if transition is not None else ()
    questions = questions_of(visit.tx, row) or {}
    plain = [name for name in takes if name in LABELS]
    visit.form.check((*plain, *field_names(questions), FILES, SEEN))
    fields = _changed(visit, row, questions, plain)
    uploads = visit.form.uploads(FILES)
    if uploads:
        fields["attachments"] = names_of(uploads)
    return fields, uploads


def _changed(visit: Visit, row: Json, questions: Mapping[str, Json], names: Sequence[str]) -> dict[str, Json]:
    """Return what a form says in these fields, and in answers, that a case does not say already."""
    given = read_fields(visit, *(name for name in names if name in visit.form.values))
    fields: dict[str, Any] = {
        name: value for name, value in given.items() if value != row[name] and not (value is None and not row[name])
    }
    answers = changes(row, questions, read_answers(visit.form, questions))
    return {**fields, PREFIX: answers} if answers else fields


def _was_sent_before(visit: Visit, row: Json, action: str) -> bool:
    """Tell whether a form was taken already: this was done since it was made, and it says nothing that the case does
    not say. Another person's form of the same moment is no second one.
    """
    if not done_since(row, visit.form.text(SEEN), [action]):
        return False
    names = [name for name in LABELS if name != FILES]
    if _changed(visit, row, questions_of(visit.tx, row) or {}, names):
        return False
    return not read_uploads(visit, row, is_sent_before=True)


def _check_seen(visit: Visit, row: Json, fields: Mapping[str, Json]) -> None:
    """Raise `Stale` where somebody has changed a case since the form was made: it would undo that, unseen."""
    touched = {name for entry in done_since(row, visit.form.text(SEEN), ["updated"]) for name in entry["fields"]}
    touched.discard("attachments")  # files are added, and take nothing away
    if not touched:
        return
    labels, questions = labels_for(visit), questions_of(visit.tx, row) or {}
    names = ", ".join(labels.get(name, visit.skin.words["answers"]).lower() for name in sorted(touched))
    again = " Choose the files again." if "attachments" in fields else ""
    told = [f"Somebody changed this request after this page was opened ({names}). Nothing was saved: see below.{again}"]
    found = {"": told}
    for name in sorted(touched & fields.keys()):
        if name == PREFIX:
            found |= {
                f"{PREFIX}.{key}": [_now_says(row[PREFIX].get(key))] for key in fields[PREFIX] if key in questions
            }
        else:
            found[name] = [_now_says(row[name])]
    raise Stale("; ".join(told), details=found)


def _now_says(value: Json) -> str:
    if value in (None, "", []):
        return "It is empty now."
    said = format_answer(value)
    return f"It now says: {said}" if said.endswith((".", "!", "?")) else f"It now says: {said}."


def _back(visit: Visit, row: Json, done: str) -> Response:
    visit.wrote(row)
    return see_other(visit.request, f"{request_at(row)}?done={done}")


def find_attachment(visit: Visit) -> tuple[Json, bytes]:
    """Return a file of a case, as the address names it; raises `NotFound`."""
    return attachments.get(visit.tx, case_of(visit), visit.params["aid"])
