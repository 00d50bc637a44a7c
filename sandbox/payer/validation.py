"""What a portal accepts in a prior authorization: codes, members, providers, clinical answers.

Two strengths. `check_fields` is for anything that is saved, drafts too: what is there must be
right. `check_complete` is for a submission: what is needed must be there.
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import codes, identifiers, models
from sandbox.payer.config import OtherPayer, PayerConfig, payer_config
from sandbox.payer.coverage import plans_on, problem_on
from sandbox.payer.formulary import find_drug
from sandbox.payer.refusals import invalid
from sandbox.playground.playground import Interaction

TEXT_ANSWER_CHARS = 4_000
DAY: Final = "Must be a date, YYYY-MM-DD."


def check_fields(tx: Interaction, row: Json) -> Json:
    """Return the row with its codes in their normal form, and member and provider as the payer writes them.

    Raises `Invalid` whose `details` name every wrong field.
    """
    details: dict[str, list[str]] = {}
    row = dict(row)
    _check_member(tx, row, details)
    _check_provider(tx, row, details)
    if row["procedure_code"] is not None:
        _check_procedure(tx, row, details)
    _check_diagnoses(row, details)
    if row.get("service_date") is not None and not is_date(row["service_date"]):
        details["service_date"] = [DAY]
    questions = questions_of(tx, row)
    asked = None if questions is None else asked_questions(questions, row["clinical_answers"])
    for name, answer in row["clinical_answers"].items():
        problem = _answer_problem(questions, name, answer) or _unasked_problem(questions, asked, name)
        if problem is not None:
            details[f"clinical_answers.{name}"] = [problem]
    if details:
        raise invalid(details)
    return row


def _check_member(tx: Interaction, row: Json, details: dict[str, list[str]]) -> None:
    given = row["patient_member_id"]
    member = identifiers.find(tx, "patients", given) if given is not None else None
    if member is not None:
        row["patient_member_id"] = member["member_id"]
    elif given is not None:
        details["patient_member_id"] = [f'There is no member "{given}"; search with GET portal/patients?name=.']


def _check_provider(tx: Interaction, row: Json, details: dict[str, list[str]]) -> None:
    given = row["provider_npi"]
    provider = identifiers.find(tx, "providers", given) if given is not None else None
    if provider is not None:
        row["provider_npi"] = provider["npi"]
    elif given is not None and not codes.is_npi(given):
        details["provider_npi"] = [f'"{given}" is not an NPI: ten digits, the last one the check digit.']
    elif given is not None:
        details["provider_npi"] = [f'There is no provider "{given}"; search with GET portal/providers?name=.']


def _check_procedure(tx: Interaction, row: Json, details: dict[str, list[str]]) -> None:
    given = row["procedure_code"]
    has_drugs = payer_config(tx).portal == "covermymeds"
    code = codes.procedure_code(given) or (codes.ndc(given) if has_drugs else None)
    if code is None:
        drugs = ", or an 11-digit National Drug Code" if has_drugs else ""
        wanted = f"a CPT or HCPCS code of five characters, such as 72148 or J0139{drugs}"
        details["procedure_code"] = [f'"{given}" is not {wanted}.']
    else:
        row["procedure_code"] = code


def _check_diagnoses(row: Json, details: dict[str, list[str]]) -> None:
    found: list[str] = []
    for index, given in enumerate(row["diagnosis_codes"]):
        code = codes.diagnosis_code(given)
        if code is None:
            details[f"diagnosis_codes.{index}"] = [f'"{given}" is not an ICD-10-CM code, such as M54.16.']
        elif code in found:
            details[f"diagnosis_codes.{index}"] = [f"{code} is given twice."]
        else:
            found.append(code)
    row["diagnosis_codes"] = found


def check_complete(tx: Interaction, row: Json) -> None:
    """Check that a row may be submitted.

    Raises `Invalid`: a required field or clinical answer is missing, the member is not covered
    on the day of service, the provider is not credentialed.
    """
    details: dict[str, list[str]] = {}
    for name in ("patient_member_id", "procedure_code", "diagnosis_codes", "provider_npi"):
        if not row[name]:
            details[name] = ["Required to submit."]
    patient = identifiers.find(tx, "patients", row["patient_member_id"]) if row["patient_member_id"] else None
    if patient is not None:
        problem = problem_on(tx, patient, _day_of_service(tx, row))
        if problem is not None:
            details["patient_member_id"] = [f"Member {patient['member_id']} cannot be served: {problem}."]
    provider = identifiers.find(tx, "providers", row["provider_npi"]) if row["provider_npi"] else None
    if provider is not None and not provider["credentialed"]:
        details["provider_npi"] = [f"{provider['name']} is not credentialed with this payer; name another provider."]
    _check_payer(tx, row, patient, details)
    questions = questions_of(tx, row) or {}
    for name, question in questions.items():
        stop = question.get("stop")
        if stop is not None and models.Stop.model_validate(stop).is_met(row["clinical_answers"].get(name)):
            whose = f" It is decided by {stop['payer']}." if stop["payer"] else ""
            details[f"clinical_answers.{name}"] = [stop["message"] + whose]
    asked = asked_questions(questions, row["clinical_answers"])
    for name, question in questions.items():
        if question["required"] and name in asked and name not in row["clinical_answers"]:
            details[f"clinical_answers.{name}"] = [f"Required to submit: {question['text']} ({_wanted(question)})"]
    if details:
        raise invalid(details)


def _day_of_service(tx: Interaction, row: Json) -> date:
    """Return the day on which the member must be covered: that of the service; today where it is not said."""
    said = row.get("service_date")
    return tx.now.date() if said is None else date.fromisoformat(said)


def _check_payer(tx: Interaction, row: Json, patient: Json | None, details: dict[str, list[str]]) -> None:
    """Say of a request that is not this payer's to decide, or needs no decision, that it stops here."""
    config = payer_config(tx)
    if row["procedure_code"] is None:
        return
    plans = [] if patient is None else plans_on(tx, patient, _day_of_service(tx, row))
    other = find_other_payer(config, row["procedure_code"], plans)
    if other is not None:
        message = other.message or f"Requests for {row['procedure_code']} are not decided here."
        details["procedure_code"] = [f"{message} Send it to {other.payer}."]
    elif config.refuse_unneeded and is_required(tx, row["procedure_code"]) is False:
        details["procedure_code"] = [f"{row['procedure_code']} needs no authorization; nothing was sent."]


def find_other_payer(config: PayerConfig, procedure_code: str, plans: Collection[str]) -> OtherPayer | None:
    """Return who decides a procedure for members of a plan instead of this payer, None where this one does."""
    for other in config.other_payers:
        is_code = other.procedure_code is None or identifiers.is_same(
            "procedure_code", other.procedure_code, procedure_code
        )
        if is_code and (other.plan is None or other.plan in plans):
            return other
    return None


def is_required(tx: Interaction, procedure_code: str) -> bool | None:
    """Tell whether a procedure or drug needs an authorization; None where the payer's lists do not name it."""
    questionnaire = identifiers.find(tx, "questions", procedure_code)
    if questionnaire is not None:
        return bool(questionnaire["pa_required"])
    drug = find_drug(tx, procedure_code)
    return None if drug is None else bool(drug["pa_required"])


_NEEDED: Final = {
    True: "An authorization is required.",
    False: "No authorization is required.",
    None: "This payer's lists do not name it.",
}


def requirements(tx: Interaction, procedure_code: str, member_id: str | None = None) -> Json:
    """Return what a request for a procedure or drug would need: whether one is needed, who decides, what is asked.

    Raises `Invalid` for a code that is none, or a member whom nobody knows.
    """
    code = codes.procedure_or_drug(procedure_code)
    if code is None:
        raise invalid({"procedure_code": ["Must be a CPT or HCPCS code, such as 72148, or a National Drug Code."]})
    member = None if member_id is None else identifiers.find(tx, "patients", member_id)
    if member_id is not None and member is None:
        raise invalid({"patient_member_id": [f'There is no member "{member_id[:100]}".']})
    config = payer_config(tx)
    other = find_other_payer(config, code, [] if member is None else plans_on(tx, member, tx.now.date()))
    questionnaire = identifiers.find(tx, "questions", code)
    needed = is_required(tx, code)
    bounds = config.attachments
    return {
        "procedure_code": code,
        "authorization_required": None if other is not None else needed,
        "decided_by": None if other is None else other.payer,
        "message": _NEEDED[needed] if other is None else other.message or f"Send it to {other.payer}.",
        "questions": [] if questionnaire is None else questionnaire["questions"],
        "attachments": bounds.model_dump(mode="json"),
    }


def asked_questions(questions: Mapping[str, Json], answers: Json) -> set[str]:
    """Return the ids of the questions that are asked, given the answers so far: a question with `when` only if every
    question it depends on is asked and so answered.

    >>> flags = {"id": "flags", "when": []}
    >>> site = {"id": "site", "when": [{"question": "flags", "one_of": ["cancer"]}]}
    >>> sorted(asked_questions({"flags": flags, "site": site}, {"flags": "none"}))
    ['flags']
    """
    asked: set[str] = set()
    for name, question in questions.items():
        conditions = question.get("when") or ()
        if all(
            condition["question"] in asked
            and models.Condition.model_validate(condition).is_met(answers.get(condition["question"]))
            for condition in conditions
        ):
            asked.add(name)
    return asked


def _unasked_problem(questions: Mapping[str, Json] | None, asked: set[str] | None, name: str) -> str | None:
    """Say why an answer is not wanted: its question is not asked after the other answers."""
    if questions is None or asked is None or name not in questions or name in asked:
        return None
    on = ", ".join(dict.fromkeys(condition["question"] for condition in questions[name]["when"]))
    return f"Not asked after the answer to {on}; leave it out, or clear it with null."


def questions_of(tx: Interaction, row: Json) -> Mapping[str, Json] | None:
    """Return the questions of a row's procedure by id, in their order; None where the payer has none for it."""
    questionnaire = identifiers.find(tx, "questions", row["procedure_code"]) if row["procedure_code"] else None
    return None if questionnaire is None else {question["id"]: question for question in questionnaire["questions"]}


def _answer_problem(questions: Mapping[str, Json] | None, name: str, answer: Json) -> str | None:
    """Say what is wrong with an answer. Without a questionnaire any plain value will do."""
    if questions is None:
        flat = answer if isinstance(answer, list) else [answer]
        is_plain = all(isinstance(item, str | bool | int | float) for item in flat)
        return None if is_plain else "Must be text, a number, true or false, or a list of them."
    question = questions.get(name)
    if question is None:
        known = ", ".join(questions) or "none"
        return f"The procedure has no such question (its questions: {known})."
    return None if _fits(question, answer) else f"Must be {_wanted(question)}"


def _fits(question: Json, answer: Json) -> bool:
    match question["type"]:
        case "boolean":
            return isinstance(answer, bool)
        case "number":
            return isinstance(answer, int | float) and not isinstance(answer, bool)
        case "choice":
            return isinstance(answer, str) and answer in question["options"]
        case "date":
            return isinstance(answer, str) and is_date(answer)
        case _:
            return isinstance(answer, str) and bool(answer.strip()) and len(answer) <= TEXT_ANSWER_CHARS


def _wanted(question: Json) -> str:
    wanted = {
        "boolean": "true or false.",
        "number": "a number.",
        "date": "a date, YYYY-MM-DD.",
        "text": f"text of 1 to {TEXT_ANSWER_CHARS} characters.",
    }
    return wanted.get(question["type"]) or f"one of {', '.join(question['options'])}."


def is_date(text: str) -> bool:
    """Tell whether this is a calendar date as YYYY-MM-DD.

    >>> is_date("2026-02-28"), is_date("2026-02-30"), is_date("20260228")
    (True, False, False)
    """
    try:
        return len(text) == 10 and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
