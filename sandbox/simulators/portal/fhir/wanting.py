"""What the payer waits for, as PAS says it: a CommunicationRequest of the ClaimResponse, and Tasks to answer with.

Documents are named in the payer's own words, so no code stands for them. A Task says where to send what is wanted
(`$submit-attachment`, `attaching.py`); a resubmitted Claim that holds it does as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import identifiers, review
from sandbox.payer.case_rows import ASKED
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
REQUESTED: Final = "requested"
COMPLETED: Final = "completed"
CANCELLED: Final = "cancelled"
STATUSES: Final = (REQUESTED, COMPLETED, CANCELLED)
_MORE_INFORMATION: Final = "More information"
_DECIDED: Final = "The payer does not wait for it any more."
_WHY: Final = {"lapse": "It did not come in time.", "withdraw": "The request was withdrawn."}
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


@dataclass(frozen=True, slots=True)
class Asking:
    """What the payer asked for, once: `number` counts the times. Without `ended_at` it still waits."""

    number: int
    documents: Sequence[str]
    questions: Sequence[str]
    due_at: str | None
    reason: str | None
    asked_at: str | None
    is_answered: bool = False
    ended_by: str = ""
    ended_at: str | None = None

    @property
    def status(self) -> str:
        """The status of its Tasks (R4, task-status): `requested`, `completed`, `cancelled`."""
        return REQUESTED if self.ended_at is None else COMPLETED if self.is_answered else CANCELLED


def askings_of(tx: Interaction, item: Item) -> list[Asking]:
    """Return what was asked for an item so far, in order; the last one waits where its case does."""
    if item.case is None:
        return []
    kept = (tx.get(ASKED, item.case["request_id"]) or {"rounds": []})["rounds"]
    found = [Asking(number, **row) for number, row in enumerate(kept, 1)]
    if item.wanted is not None:
        decision = item.case["determination"]
        found.append(Asking(len(found) + 1, **item.wanted, reason=decision["reason"], asked_at=decision["decided_at"]))
    return found


def _waiting(tx: Interaction, items: Sequence[Item]) -> list[tuple[Item, Asking]]:
    return [(item, one) for item in items for one in askings_of(tx, item) if one.ended_at is None]


def communication_requests(tx: Interaction, record: Json, items: Sequence[Item]) -> list[Json]:
    """Return one for each item that something is wanted for."""
    return [communication_request(tx, record, item, asking) for item, asking in _waiting(tx, items)]


def communication_request(tx: Interaction, record: Json, item: Item, asking: Asking) -> Json:
    """Return what says in words what was asked for an item."""
    case = item.case or {}
    asked = [*asking.documents, *(_question(tx, case, name) for name in asking.questions)]
    line = {"url": LINE_NUMBER, "valuePositiveInt": item.sequence}
    due = {"occurrencePeriod": {"end": asking.due_at}} if asking.due_at is not None else {}
    return {
        "resourceType": "CommunicationRequest",
        "id": wanted_id(record, item, asking),
        "meta": {"profile": [COMMUNICATION_PROFILE]},
        "identifier": [{"system": _SYSTEM, "value": review.administrative_number(case)}],
        "status": {REQUESTED: "active", CANCELLED: "revoked"}.get(asking.status, COMPLETED),
        "category": [{"text": "Additional information"}],
        "subject": _patient(tx, record),
        "payload": [
            {"extension": [line], "contentString": words} for words in asked or [asking.reason or _MORE_INFORMATION]
        ],
        **due,
        **_authored(asking),
        "requester": {"display": "The payer"},
        "recipient": [_requester(record)],
        "sender": _requester(record),
    }


def _question(tx: Interaction, case: Json, name: str) -> str:
    questionnaire = identifiers.find(tx, QUESTIONS, case["procedure_code"])
    rows = [] if questionnaire is None else questionnaire["questions"]
    return next((f"{name}: {row['text']}" for row in rows if row["id"] == name), name)


def tasks(tx: Interaction, base: str, record: Json, items: Sequence[Item]) -> list[Json]:
    """Return the Tasks of each item that something is wanted for."""
    return [one for item, asking in _waiting(tx, items) for one in tasks_of(tx, base, record, item, asking)]


def tasks_of(tx: Interaction, base: str, record: Json, item: Item, asking: Asking) -> list[Json]:
    """Return a Task for the documents that were asked for, and one for the questions."""
    found = []
    if asking.documents or not asking.questions:
        found.append(_task(tx, base, record, item, asking, DOCUMENTS))
    if asking.questions:
        found.append(_task(tx, base, record, item, asking, QUESTIONS))
    return found


def _task(tx: Interaction, base: str, record: Json, item: Item, asking: Asking, kind: str) -> Json:
    case = item.case or {}
    line = {"url": TASK_LINE_NUMBER, "valueInteger": item.sequence}
    if kind == DOCUMENTS:
        code, name = "attachment-request-code", "attachments-needed"
        words = asking.documents or [asking.reason or _MORE_INFORMATION]
        needed: list[Json] = [{"valueCodeableConcept": {"text": one}} for one in words]
    else:
        code, name = "attachment-request-questionnaire", "questionnaires-needed"
        needed = [{"valueCanonical": f"{base}/Questionnaire/{case['procedure_code']}"}]
    due = {"restriction": {"period": {"end": asking.due_at}}} if asking.due_at is not None else {}
    why = {"statusReason": {"text": _WHY.get(asking.ended_by, _DECIDED)}} if asking.status == CANCELLED else {}
    return {
        "resourceType": "Task",
        "id": f"{wanted_id(record, item, asking)}-{kind}",
        "meta": {"profile": [TASK_PROFILE]},
        "identifier": [{"system": _SYSTEM, "value": review.administrative_number(case)}],
        "status": asking.status,
        **why,
        "intent": "order",
        "code": concept(TEMPORARY, code),
        "for": _patient(tx, record),
        **_authored(asking),
        **({"lastModified": asking.ended_at} if asking.ended_at is not None else {}),
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


def _authored(asking: Asking) -> dict[str, Json]:
    return {} if asking.asked_at is None else {"authoredOn": asking.asked_at}


def _about(base: str, record: Json, case: Json) -> Json:
    """Return what a Task is about: the Claim, the case's number where it came through another door."""
    if record["claim"] is None:
        return {"identifier": {"system": _SYSTEM, "value": review.administrative_number(case)}}
    return {"reference": f"{base}/Claim/{record['id']}"}


def wanted_id(record: Json, item: Item, asking: Asking) -> str:
    """Return the id of what says that something is wanted for an item, one for each time that it is asked for."""
    again = f".{asking.number}" if asking.number > 1 else ""
    return f"{record['id']}-{item.sequence}{again}"


def _patient(tx: Interaction, record: Json) -> Json:
    return record["parties"].get("patient") or member_reference(tx, record["member_id"])


def _requester(record: Json) -> Json:
    return record["parties"].get("requestor") or {"identifier": {"system": NPI, "value": record["provider_npi"]}}
