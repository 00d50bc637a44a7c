"""What is requested and why: the exam, the clinical questions, notes and records, and the review."""

from sandbox.payer import cases, lookup
from sandbox.payer.refusals import invalid
from sandbox.payer.validation import asked_questions, questions_of, requirements
from sandbox.playground.events import Response
from sandbox.simulators.portal.web.case.amend import (
    FILES,
    case_of,
    labels_for,
    read_fields,
    read_uploads,
    written_codes,
)
from sandbox.simulators.portal.web.case.drafts import GO, change, is_later, onward, past, stop_at
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
from sandbox.simulators.portal.web.case.requests import facts
from sandbox.simulators.portal.web.pages import SEEN, Visit, done_since, request_at
from sandbox.simulators.portal.web.radmd.frame import FOUND_MAX, show_step
from sandbox.simulators.portal.web.shell import limits_text, see_other


def show_exam(visit: Visit) -> Response:
    """`GET drafts/{id}/exam`: the procedure, for what it is, how many, and when."""
    visit.filters()
    row = case_of(visit)
    if row["state"] != "draft":
        return past(visit, row)
    listed = [questionnaire for _, questionnaire in lookup.list_questions(visit.tx, {})]
    return show_step(
        visit,
        "exam",
        row,
        procedures=listed[:FOUND_MAX],
        left_out=max(0, len(listed) - FOUND_MAX),
        codes=visit.value("diagnosis_codes", written_codes(row)),
        code=visit.value("procedure_code", row["procedure_code"] or ""),
        units=visit.value("units", str(row["units"] or "")),
        service_date=visit.value("service_date", row["service_date"] or ""),
        labels=labels_for(visit),
    )


def send_exam(visit: Visit) -> Response:
    """`POST drafts/{id}/exam`: answers to the questions of another procedure are dropped with it."""
    visit.form.check(("procedure_code", "diagnosis_codes", "units", "service_date", GO))
    row = case_of(visit)
    fields = read_fields(visit, "procedure_code", "diagnosis_codes", "units", "service_date")
    if not is_later(visit):
        missing = {n: ["Enter it."] for n in ("procedure_code", "diagnosis_codes") if not fields[n]}
        if missing:
            raise invalid(missing)
    if row["procedure_code"] is not None and fields["procedure_code"] != row["procedure_code"]:
        fields[PREFIX] = None
    row = change(visit, row, fields)
    stop_at(visit, row, "procedure_code")
    return onward(visit, row, visit.skin.after("exam"))


def show_questions(visit: Visit) -> Response:
    """`GET drafts/{id}/questions`: what is asked, given the answers so far."""
    visit.filters()
    row = case_of(visit)
    if row["state"] != "draft":
        return past(visit, row)
    asked = asked_of(visit, row)
    needed = None
    if row["procedure_code"] is not None:
        needed = requirements(visit.tx, row["procedure_code"], row["patient_member_id"])
    return show_step(visit, "questions", row, asked=asked, needed=needed, labels=labels_of(asked))


def send_questions(visit: Visit) -> Response:
    """`POST drafts/{id}/questions`: where an answer opens other questions, the step goes on with them."""
    row = case_of(visit)
    questions = questions_of(visit.tx, row) or {}
    visit.form.check((*field_names(questions), GO))
    shown = set(visit.form.text(SHOWN).split(","))
    answers = changes(row, questions, read_answers(visit.form, questions))
    if answers:
        row = cases.update(visit.tx, row["request_id"], {PREFIX: answers}, ())
    if is_later(visit):
        return onward(visit, row, visit.skin.after("questions"))
    asked = asked_questions(questions, row[PREFIX])
    unseen = {f"{PREFIX}.{name}" for name in asked - shown}
    problems = {name: told for name, told in open_problems(visit.tx, row, PREFIX).items() if name not in unseen}
    if problems:
        raise invalid(problems)
    return onward(visit, row, "questions" if unseen else visit.skin.after("questions"))


def show_records(visit: Visit) -> Response:
    """`GET drafts/{id}/records`: the clinical notes, and the files that go with the request."""
    visit.filters()
    row = case_of(visit)
    if row["state"] != "draft":
        return past(visit, row)
    told = limits_text(visit.config, len(row["attachments"]))
    return show_step(
        visit, "records", row, limits=told, notes=visit.value("notes", row["notes"] or ""), labels=labels_for(visit)
    )


def send_records(visit: Visit) -> Response:
    """`POST drafts/{id}/records`."""
    visit.form.check(("notes", FILES, GO, SEEN))
    row = case_of(visit)
    is_again = bool(done_since(row, visit.form.text(SEEN), ["attachments_added", "updated"]))
    uploads = read_uploads(visit, row, is_sent_before=is_again)
    row = change(visit, row, read_fields(visit, "notes"))
    go = visit.form.text(GO)
    if go == "clear":
        row = cases.update(visit.tx, row["request_id"], {"attachments": None}, ())
    elif uploads:
        row = cases.attach(visit.tx, row["request_id"], uploads)
    return onward(visit, row, "records" if go in ("clear", "upload") else visit.skin.after("records"))


def show_review(visit: Visit) -> Response:
    """`GET drafts/{id}/review`: the whole request as it would be sent, and what is still missing."""
    visit.filters()
    row = case_of(visit)
    if row["state"] != "draft":
        return past(visit, row)
    names = ("patient_member_id", "procedure_code", "diagnosis_codes", "provider_npi", PREFIX)
    missing = open_problems(visit.tx, row, *names)
    listed = [
        (visit.skin.step_of(name.partition(".")[0]), message) for name, told in missing.items() for message in told
    ]
    return show_step(visit, "review", row, missing=listed, **facts(visit.tx, row, visit))


def send_review(visit: Visit) -> Response:
    """`POST drafts/{id}/review`: the request is sent. Sent twice, it is one request, and the same confirmation."""
    visit.form.check((GO,))
    row = case_of(visit)
    if row["status"] == "draft":
        row = cases.submit(visit.tx, row["request_id"])
    visit.wrote(row)
    return see_other(visit.request, f"{request_at(row)}/confirmation")
