"""A new request in six steps: member, ordering provider, exam, clinical questions, notes and records, review.

Each step is a change of the draft that the payer holds, so that every way to the payer sees the same draft; a step can
be come back to until the request is sent. Must hold no rule: what stops a step is what would stop the request.
"""

from typing import Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.keys import signed_token, signed_token_id
from sandbox.payer import cases, lookup
from sandbox.payer.case_rows import find_by_id
from sandbox.payer.coverage import problem_on
from sandbox.payer.identifiers import find as find_row
from sandbox.payer.refusals import invalid
from sandbox.payer.validation import asked_questions, questions_of, requirements
from sandbox.playground.events import Response
from sandbox.simulators.portal.web.case.amend import FILES, LABELS, case_of, read_fields, read_uploads, written_codes
from sandbox.simulators.portal.web.case.questions import (
    PREFIX,
    SHOWN,
    asked_of,
    changes,
    field_names,
    labels_of,
    open_problems,
    read_answers,
)
from sandbox.simulators.portal.web.case.requests import facts, procedure_name
from sandbox.simulators.portal.web.pages import SEEN, Page, Visit, secret_of, was_sent_before
from sandbox.simulators.portal.web.shell import limits_text, render, see_other

STEPS: Final = (
    ("member", "Member"),
    ("provider", "Ordering provider"),
    ("exam", "Exam"),
    ("questions", "Clinical questions"),
    ("records", "Notes and records"),
    ("review", "Review"),
)
FOUND_MAX: Final = 50
_GO: Final = "go"
# The id of the draft to be stands in the form, signed: sent twice, it begins one draft.
_BEGIN: Final = "begin"
_FINDING: Final = ("member_id", "name", "birth_date")


def show_member(visit: Visit) -> Response:
    """`GET new`, `GET drafts/{id}/member`: look the member up, by id or by name and birth date."""
    row = _draft_or_none(visit)
    if row is not None and row["state"] != "draft":
        return _past(visit, row)
    given, found = {}, None
    try:
        given = {} if visit.form.is_sent else visit.filters(*_FINDING)
        if given:
            found = [member for _, member in sorted(lookup.list_patients(visit.tx, given), key=lambda pair: pair[0])]
    except Invalid as error:
        visit.refuse(error.details or {"": [error.message]})
        given = {name: value for name, value in visit.request.query if name in _FINDING}
    chosen = visit.value("patient_member_id", (row or {}).get("patient_member_id") or "")
    if found is None and chosen:
        member = find_row(visit.tx, "patients", chosen)
        found = None if member is None else [member]
    today = visit.tx.now.date()
    return _step(
        visit,
        "member",
        row,
        given=given,
        found=None if found is None else [(m, problem_on(visit.tx, m, today)) for m in found[:FOUND_MAX]],
        left_out=max(0, len(found or ()) - FOUND_MAX),
        chosen=chosen,
        begin=visit.value("begin", "" if row is not None else _new_begin(visit)),
        labels={"member_id": "Member id", "name": "Name", "birth_date": "Birth date", **LABELS},
    )


def send_member(visit: Visit) -> Response:
    """`POST new`, `POST drafts/{id}/member`: the draft begins with this member, or is for this one from now on."""
    visit.form.check(("patient_member_id", _BEGIN, _GO))
    fields = read_fields(visit, "patient_member_id")
    if fields["patient_member_id"] is None:
        raise invalid({"patient_member_id": ["Choose a member."]})
    row = _draft_or_none(visit)
    request_id = ""
    if row is None:
        begin = visit.form.text(_BEGIN) or _new_begin(visit)
        request_id = signed_token_id(_BEGIN, begin, secret_of(visit.tx)) or ""
        row = find_by_id(visit.tx, request_id)
    if row is None and not request_id:
        raise invalid({"": ["Open the page of a new request again, and choose the member there."]})
    if row is None:
        row = cases.begin(visit.tx, fields, request_id)
    elif row["state"] != "draft":
        return _past(visit, row)
    elif row["patient_member_id"] != fields["patient_member_id"]:
        row = cases.update(visit.tx, row["request_id"], fields, ())
    _stop_at(visit, row, "patient_member_id")
    return _onward(visit, row, "provider")


def show_provider(visit: Visit) -> Response:
    """`GET drafts/{id}/provider`: choose the ordering provider, found by NPI or name."""
    row = case_of(visit)
    if row["state"] != "draft":
        return _past(visit, row)
    given = {} if visit.form.is_sent else visit.filters("npi", "name")
    found = [provider for _, provider in sorted(lookup.list_providers(visit.tx, given), key=lambda pair: pair[0])]
    chosen = visit.value("provider_npi", row["provider_npi"] or "")
    return _step(
        visit,
        "provider",
        row,
        given=given,
        found=found[:FOUND_MAX],
        left_out=max(0, len(found) - FOUND_MAX),
        chosen=chosen,
        labels={"npi": "NPI", "name": "Name", **LABELS},
    )


def send_provider(visit: Visit) -> Response:
    """`POST drafts/{id}/provider`."""
    visit.form.check(("provider_npi", _GO))
    fields = read_fields(visit, "provider_npi")
    if fields["provider_npi"] is None and not _is_later(visit):
        raise invalid({"provider_npi": ["Choose the ordering provider."]})
    row = _update(visit, case_of(visit), fields)
    _stop_at(visit, row, "provider_npi")
    return _onward(visit, row, "exam")


def show_exam(visit: Visit) -> Response:
    """`GET drafts/{id}/exam`: the procedure, for what it is, how many, and when."""
    visit.filters()
    row = case_of(visit)
    if row["state"] != "draft":
        return _past(visit, row)
    listed = [questionnaire for _, questionnaire in lookup.list_questions(visit.tx, {})]
    return _step(
        visit,
        "exam",
        row,
        procedures=listed[:FOUND_MAX],
        codes=visit.value("diagnosis_codes", written_codes(row)),
        code=visit.value("procedure_code", row["procedure_code"] or ""),
        units=visit.value("units", str(row["units"] or "")),
        service_date=visit.value("service_date", row["service_date"] or ""),
        labels=LABELS,
    )


def send_exam(visit: Visit) -> Response:
    """`POST drafts/{id}/exam`: answers to the questions of another procedure are dropped with it."""
    visit.form.check(("procedure_code", "diagnosis_codes", "units", "service_date", _GO))
    row = case_of(visit)
    fields = read_fields(visit, "procedure_code", "diagnosis_codes", "units", "service_date")
    if not _is_later(visit):
        missing = {n: ["Enter it."] for n in ("procedure_code", "diagnosis_codes") if not fields[n]}
        if missing:
            raise invalid(missing)
    if row["procedure_code"] is not None and fields["procedure_code"] != row["procedure_code"]:
        fields[PREFIX] = None
    row = _update(visit, row, fields)
    _stop_at(visit, row, "procedure_code")
    return _onward(visit, row, "questions")


def show_questions(visit: Visit) -> Response:
    """`GET drafts/{id}/questions`: what is asked, given the answers so far."""
    visit.filters()
    row = case_of(visit)
    if row["state"] != "draft":
        return _past(visit, row)
    asked = asked_of(visit, row)
    needed = None
    if row["procedure_code"] is not None:
        needed = requirements(visit.tx, row["procedure_code"], row["patient_member_id"])
    return _step(visit, "questions", row, asked=asked, needed=needed, labels=labels_of(asked))


def send_questions(visit: Visit) -> Response:
    """`POST drafts/{id}/questions`: where an answer opens other questions, the step goes on with them."""
    row = case_of(visit)
    questions = questions_of(visit.tx, row) or {}
    visit.form.check((*field_names(questions), _GO))
    shown = set(visit.form.text(SHOWN).split(","))
    answers = changes(row, questions, read_answers(visit.form, questions))
    if answers:
        row = cases.update(visit.tx, row["request_id"], {PREFIX: answers}, ())
    if _is_later(visit):
        return _onward(visit, row, "records")
    asked = asked_questions(questions, row[PREFIX])
    unseen = {f"{PREFIX}.{name}" for name in asked - shown}
    problems = {name: told for name, told in open_problems(visit.tx, row, PREFIX).items() if name not in unseen}
    if problems:
        raise invalid(problems)
    return _onward(visit, row, "questions" if unseen else "records")


def show_records(visit: Visit) -> Response:
    """`GET drafts/{id}/records`: the clinical notes, and the files that go with the request."""
    visit.filters()
    row = case_of(visit)
    if row["state"] != "draft":
        return _past(visit, row)
    told = limits_text(visit.config, len(row["attachments"]))
    return _step(visit, "records", row, limits=told, notes=visit.value("notes", row["notes"] or ""), labels=LABELS)


def send_records(visit: Visit) -> Response:
    """`POST drafts/{id}/records`."""
    visit.form.check(("notes", FILES, _GO, SEEN))
    row = case_of(visit)
    is_again = was_sent_before(row, visit.form.text(SEEN), ["attachments_added", "updated"])
    uploads = read_uploads(visit, row, is_sent_before=is_again)
    row = _update(visit, row, read_fields(visit, "notes"))
    go = visit.form.text(_GO)
    if go == "clear":
        row = cases.update(visit.tx, row["request_id"], {"attachments": None}, ())
    elif uploads:
        row = cases.attach(visit.tx, row["request_id"], uploads)
    return _onward(visit, row, "records" if go in ("clear", "upload") else "review")


def show_review(visit: Visit) -> Response:
    """`GET drafts/{id}/review`: the whole request as it would be sent, and what is still missing."""
    visit.filters()
    row = case_of(visit)
    if row["state"] != "draft":
        return _past(visit, row)
    names = ("patient_member_id", "procedure_code", "diagnosis_codes", "provider_npi", PREFIX)
    missing = open_problems(visit.tx, row, *names)
    steps = {"patient_member_id": "member", "provider_npi": "provider", PREFIX: "questions"}
    listed = [
        (steps.get(name.partition(".")[0], "exam"), message) for name, told in missing.items() for message in told
    ]
    return _step(visit, "review", row, missing=listed, **facts(visit.tx, row, visit))


def send_review(visit: Visit) -> Response:
    """`POST drafts/{id}/review`: the request is sent. Sent twice, it is one request, and the same confirmation."""
    visit.form.check((_GO,))
    row = case_of(visit)
    if row["status"] == "draft":
        row = cases.submit(visit.tx, row["request_id"])
    visit.wrote(row)
    return see_other(visit.request, f"requests/{row['request_id']}/confirmation")


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


def _step(visit: Visit, step: str, case: Json | None, /, **context: object) -> Response:
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
        "later": "Save request" if visit.config.saving_submits else "Save and finish later",
    }
    return render(visit, f"radmd/{step}.html", **{**around, **context})


def _new_begin(visit: Visit) -> str:
    return signed_token(_BEGIN, visit.tx.new_id("req"), secret_of(visit.tx))


def _draft_or_none(visit: Visit) -> Json | None:
    return case_of(visit) if "id" in visit.params else None


def _past(visit: Visit, row: Json) -> Response:
    """Send on who comes back to a step of a request that is no draft any more."""
    visit.wrote(row)
    return see_other(visit.request, f"requests/{row['request_id']}?done=already")


def _update(visit: Visit, row: Json, fields: dict[str, Json]) -> Json:
    """Change what is new in a draft; what stands there already is no change. Raises `Refused`, `Invalid`."""
    new = {
        name: value for name, value in fields.items() if value != row[name] and not (value is None and not row[name])
    }
    return cases.update(visit.tx, row["request_id"], new, ()) if new or row["status"] != "draft" else row


def _stop_at(visit: Visit, row: Json, name: str) -> None:
    """Raise `Invalid` for what the payer would not take in this field, however the rest is."""
    problems = open_problems(visit.tx, row, name)
    if problems and row[name]:
        raise invalid(problems)


def _is_later(visit: Visit) -> bool:
    return visit.form.text(_GO) == "later"


def _onward(visit: Visit, row: Json, step: str) -> Response:
    """Go on to a step; or finish for now, which at some portals sends the request."""
    if not _is_later(visit):
        visit.wrote(row)
        return see_other(visit.request, f"drafts/{row['request_id']}/{step}")
    if visit.config.saving_submits:
        row = visit.wrote(cases.submit(visit.tx, row["request_id"]))
        return see_other(visit.request, f"requests/{row['request_id']}/confirmation")
    visit.wrote(row)
    return see_other(visit.request, f"{visit.skin.home}?said=saved")


_DRAFT: Final = "drafts/{id}"
PAGES: Final[tuple[Page, ...]] = (
    Page("new", show_member, send_member),
    Page(f"{_DRAFT}/member", show_member, send_member),
    Page(f"{_DRAFT}/provider", show_provider, send_provider),
    Page(f"{_DRAFT}/exam", show_exam, send_exam),
    Page(f"{_DRAFT}/questions", show_questions, send_questions),
    Page(f"{_DRAFT}/records", show_records, send_records),
    Page(f"{_DRAFT}/review", show_review, send_review),
)
