"""What one service of a 278 asks for (005010X217 and 005010X215, loops 2000E and 2000F), in the payer's fields.

Must not know what comes of it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import identifiers
from sandbox.payer.case_rows import find_named
from sandbox.playground.playground import Interaction
from sandbox.simulators.x12.edi.segments import Segment, make, restate
from sandbox.simulators.x12.transactions.levels import Level, every, find
from sandbox.simulators.x12.transactions.values import first_day, iso

_NOTE: Final = re.compile(r"\s*([A-Za-z0-9_.-]{1,64})\s*[:=]\s*(.+)")
_YES: Final = {"y": True, "yes": True, "true": True, "n": False, "no": False, "false": False}
_DIAGNOSES: Final = frozenset({"ABK", "ABF", "ABJ", "APR"})
_PAPER: Final = "PWK"


@dataclass(slots=True)
class Asked:
    """One service as it is asked for: the levels it stands on, and what they say together."""

    event: Level
    service: Level | None
    fields: dict[str, Json]
    certification: str
    numbers: tuple[str, ...]


def read_asked(tx: Interaction, event: Level, service: Level | None, member: Json, npi: str) -> Asked:
    """Return what a service of an event asks for, or the event alone where it has none."""
    inner = service.segments if service is not None else []
    own = event.loops("NM1")[0]
    detail = Level("SS", list(inner)).loops("NM1")[0] if inner else []
    together = [*detail, *own]
    review = find(detail, "UM") or find(own, "UM") or make("UM")
    numbers = tuple(one.get(2) for kind in ("BB", "NT") for one in every(together, "REF", kind))
    code, units = _procedure(together)
    fields: dict[str, Json] = {
        "patient_member_id": member["member_id"],
        "procedure_code": code or None,
        "diagnosis_codes": _diagnoses(own) or _diagnoses(detail),
        "provider_npi": npi or None,
        "units": units,
        "service_date": _service_date(own, detail),
    }
    answers, notes = _said(tx, asked_procedure(tx, code, numbers), together)
    fields |= {"clinical_answers": answers, "notes": notes}
    certification = review.get(2) or "I"
    return Asked(event, service, fields, certification, numbers)


def _service_date(event: Sequence[Segment], service: Sequence[Segment]) -> str | None:
    """Return the first day of service: the service's own, else the event's."""
    line = find(service, "DTP", "472") or find(event, "DTP", "AAH")
    return None if line is None else iso(first_day(line.get(3))) or None


def _procedure(segments: Sequence[Segment]) -> tuple[str, int | None]:
    """Return the procedure code and the units of a service; a National Drug Code where it is a drug's."""
    for name, place, count in (("SV1", 1, 4), ("SV2", 2, 5), ("SV3", 1, 6)):
        line = find(segments, name)
        if line is not None:
            units = line.get(count)
            return line.component(place, 2), int(units) if units.isdecimal() and int(units) else None
    return "", None


def _diagnoses(segments: Sequence[Segment]) -> list[str]:
    found = []
    for line in every(segments, "HI"):
        for place in range(1, len(line.elements)):
            if line.component(place, 1) in _DIAGNOSES and line.component(place, 2) not in found:
                found.append(line.component(place, 2))
    return found


def asked_procedure(tx: Interaction, code: str, numbers: Sequence[str]) -> str:
    """Return the procedure that answers are about: the one named, else that of the case that a number names."""
    named = (find_named(tx, number) for number in numbers if number)
    case = None if code else next((row for row in named if row is not None), None)
    return code if case is None else case["procedure_code"] or ""


def questions_of(tx: Interaction, code: str) -> dict[str, Json]:
    """Return the payer's questions of a procedure by their ids."""
    questionnaire = identifiers.find(tx, "questions", code) if code else None
    return {} if questionnaire is None else {one["id"]: one for one in questionnaire["questions"]}


def _said(tx: Interaction, code: str, segments: Sequence[Segment]) -> tuple[dict[str, Json], str | None]:
    """Take MSG apart: `id = answer` for each question that the payer has for the procedure, notes for the rest.

    Paperwork that is announced (PWK) is noted; X12 carries none of it here.
    """
    questions = questions_of(tx, code)
    answers: dict[str, Json] = {}
    notes = []
    for line in every(segments, "MSG"):
        found = _NOTE.fullmatch(line.get(1))
        if found is not None and found[1] in questions:
            answers[found[1]] = _typed(questions[found[1]]["type"], found[2].strip())
        else:
            notes.append(line.get(1))
    notes += [f"Paperwork - {restate(line).text}" for line in every(segments, _PAPER)]
    return answers, "\n".join(notes) or None


def _typed(kind: str, text: str) -> Json:
    """Return an answer in its question's type, as it was sent where it is none of that.

    >>> _typed("boolean", "Y"), _typed("number", "8"), _typed("number", "many")
    (True, 8, 'many')
    """
    if kind == "boolean":
        return _YES.get(text.casefold(), text)
    if kind == "number":
        if re.fullmatch(r"-?\d{1,15}", text, re.ASCII):
            return int(text)
        if re.fullmatch(r"-?\d{1,15}\.\d{1,15}", text, re.ASCII):
            return float(text)
    return text
