"""What the payer waits for, as PAS says it: a CommunicationRequest of the ClaimResponse, and Tasks to answer with.

Documents are named in the payer's own words, so no code stands for them. A Task says where to send what is wanted
(`$submit-attachment`, `attaching.py`); a resubmitted Claim that holds it does as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import identifiers, review
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.fhir.terms import (
    COMMUNICATION_PROFILE,
    IDENTIFIER_TYPES,
    LINE_NUMBER,
    NPI,
    TASK_LINE_NUMBER,
    TASK_PROFILE,
    TEMPORARY,
    concept,
)

QUESTIONS: Final = "questions"
DOCUMENTS: Final = "documents"
_SYSTEM: Final = "urn:sandbox:administrative-reference-number"


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a Claim: as it was sent, and its case, or what was said instead of one."""

    sequence: int
    sent: Json
    case: Json | None = None
    verdict: Json = None

    @property
    def action(self) -> str:
        """What was decided (X12 306)."""
        if self.case is None:
            return str(self.verdict["action"]) if self.verdict is not None else review.PENDED
        return review.action_of(self.case)

    @property
    def told(self) -> str:
        """Where it stands, for people."""
        return str(self.case["state"]).replace("_", " ") if self.case is not None else "no case was made"

    @property
    def remarks(self) -> list[tuple[str, str]]:
        """What there is to say of it besides."""
        if self.case is None:
            return [("", str(self.verdict["text"]))] if self.verdict is not None else []
        return review.remarks_on(self.case)

    @property
    def wanted(self) -> Json:
        """What the payer waits for, None where it does not."""
        return self.case["wanted"] if self.case is not None and self.case["state"] == "pended" else None


def member_reference(tx: Interaction, member_id: str) -> Json:
    """Return a member by number and name."""
    row = identifiers.find(tx, "patients", member_id)
    named = {} if row is None else {"display": f"{row['first_name']} {row['last_name']}"}
    return {"identifier": {"type": concept(IDENTIFIER_TYPES, "MB"), "value": member_id}, **named}


def communication_requests(tx: Interaction, record: Json, items: Sequence[Item]) -> list[Json]:
    """Return one for each item that something is wanted for."""
    return [_communication_request(tx, record, item) for item in items if item.wanted is not None]


def _communication_request(tx: Interaction, record: Json, item: Item) -> Json:
    case, wanted = item.case or {}, item.wanted
    reason = case["determination"]["reason"]
    asked = [*wanted[DOCUMENTS], *(_question(tx, case, name) for name in wanted[QUESTIONS])]
    line = {"url": LINE_NUMBER, "valuePositiveInt": item.sequence}
    due = {"occurrencePeriod": {"end": wanted["due_at"]}} if wanted["due_at"] is not None else {}
    return {
        "resourceType": "CommunicationRequest",
        "id": wanted_id(record, item),
        "meta": {"profile": [COMMUNICATION_PROFILE]},
        "identifier": [{"system": _SYSTEM, "value": review.administrative_number(case)}],
        "status": "active",
        "category": [{"text": "Additional information"}],
        "subject": _patient(tx, record),
        "payload": [{"extension": [line], "contentString": words} for words in asked or [reason or "More information"]],
        **due,
        "authoredOn": case["determination"]["decided_at"],
        "requester": {"display": "The payer"},
        "recipient": [_requester(record)],
        "sender": _requester(record),
    }


def _question(tx: Interaction, case: Json, name: str) -> str:
    questionnaire = identifiers.find(tx, QUESTIONS, case["procedure_code"])
    rows = [] if questionnaire is None else questionnaire["questions"]
    return next((f"{name}: {row['text']}" for row in rows if row["id"] == name), name)


def tasks(tx: Interaction, base: str, record: Json, items: Sequence[Item]) -> list[Json]:
    """Return a Task for the documents of each item, and one for its questions."""
    found = []
    for item in items:
        if item.wanted is None:
            continue
        if item.wanted[DOCUMENTS] or not item.wanted[QUESTIONS]:
            found.append(_task(tx, base, record, item, DOCUMENTS))
        if item.wanted[QUESTIONS]:
            found.append(_task(tx, base, record, item, QUESTIONS))
    return found


def _task(tx: Interaction, base: str, record: Json, item: Item, kind: str) -> Json:
    case, wanted = item.case or {}, item.wanted
    line = {"url": TASK_LINE_NUMBER, "valueInteger": item.sequence}
    if kind == DOCUMENTS:
        code, name = "attachment-request-code", "attachments-needed"
        words = wanted[DOCUMENTS] or [case["determination"]["reason"] or "More information"]
        needed: list[Json] = [{"valueCodeableConcept": {"text": one}} for one in words]
    else:
        code, name = "attachment-request-questionnaire", "questionnaires-needed"
        needed = [{"valueCanonical": f"{base}/Questionnaire/{case['procedure_code']}"}]
    due = {"restriction": {"period": {"end": wanted["due_at"]}}} if wanted["due_at"] is not None else {}
    return {
        "resourceType": "Task",
        "id": f"{wanted_id(record, item)}-{kind}",
        "meta": {"profile": [TASK_PROFILE]},
        "identifier": [{"system": _SYSTEM, "value": review.administrative_number(case)}],
        "status": "requested",
        "intent": "order",
        "code": concept(TEMPORARY, code),
        "for": _patient(tx, record),
        "authoredOn": case["determination"]["decided_at"],
        "requester": {"identifier": {"value": "payer"}, "display": "The payer"},
        "owner": {"identifier": {"system": NPI, "value": record["provider_npi"]}},
        "reasonCode": concept(TEMPORARY, "priorAuthorization"),
        "reasonReference": _about(base, record, case),
        **due,
        "input": [
            {"type": concept(TEMPORARY, "payer-url"), "valueUrl": f"{base}/$submit-attachment"},
            *({"extension": [line], "type": concept(TEMPORARY, name), **one} for one in needed),
        ],
    }


def _about(base: str, record: Json, case: Json) -> Json:
    """Return what a Task is about: the Claim, the case's number where it came through another door."""
    if record["claim"] is None:
        return {"identifier": {"system": _SYSTEM, "value": review.administrative_number(case)}}
    return {"reference": f"{base}/Claim/{record['id']}"}


def wanted_id(record: Json, item: Item) -> str:
    """Return the id of what says that something is wanted for an item."""
    return f"{record['id']}-{item.sequence}"


def _patient(tx: Interaction, record: Json) -> Json:
    return record["parties"].get("patient") or member_reference(tx, record["member_id"])


def _requester(record: Json) -> Json:
    return record["parties"].get("requestor") or {"identifier": {"system": NPI, "value": record["provider_npi"]}}
