"""What a portal accepts in a prior authorization: codes, members, providers, clinical answers.

Two strengths. `check_fields` is for anything that is saved, drafts too: what is there must be
right. `check_complete` is for a submission: what is needed must be there.
"""

from collections.abc import Mapping
from datetime import date

from sandbox.jsonio import Json
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal import codes, identifiers
from sandbox.simulators.portal.bodies import invalid
from sandbox.simulators.portal.config import read_config

TEXT_ANSWER_CHARS = 4_000


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
    questions = _questions(tx, row)
    for name, answer in row["clinical_answers"].items():
        problem = _answer_problem(questions, name, answer)
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
    has_drugs = read_config(tx.config).portal == "covermymeds"
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
    today, the provider is not credentialed.
    """
    details: dict[str, list[str]] = {}
    for name in ("patient_member_id", "procedure_code", "diagnosis_codes", "provider_npi"):
        if not row[name]:
            details[name] = ["Required to submit."]
    patient = identifiers.find(tx, "patients", row["patient_member_id"]) if row["patient_member_id"] else None
    if patient is not None:
        problem = coverage_problem(patient["coverage"], tx.now.date())
        if problem is not None:
            details["patient_member_id"] = [f"Member {patient['member_id']} cannot be served: {problem}."]
    provider = identifiers.find(tx, "providers", row["provider_npi"]) if row["provider_npi"] else None
    if provider is not None and not provider["credentialed"]:
        details["provider_npi"] = [f"{provider['name']} is not credentialed with this payer; name another provider."]
    for name, question in (_questions(tx, row) or {}).items():
        if question["required"] and name not in row["clinical_answers"]:
            details[f"clinical_answers.{name}"] = [f"Required to submit: {question['text']} ({_wanted(question)})"]
    if details:
        raise invalid(details)


def coverage_problem(coverage: Json, today: date) -> str | None:
    """Say why there is no coverage on a day, or return None.

    >>> coverage_problem({"status": "active", "start": "2024-01-01", "end": "2025-12-31"}, date(2026, 1, 1))
    'coverage ended on 2025-12-31'
    """
    if coverage["status"] != "active":
        return "coverage is inactive"
    if today < date.fromisoformat(coverage["start"]):
        return f"coverage begins on {coverage['start']}"
    if coverage["end"] is not None and today > date.fromisoformat(coverage["end"]):
        return f"coverage ended on {coverage['end']}"
    return None


def _questions(tx: Interaction, row: Json) -> Mapping[str, Json] | None:
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
