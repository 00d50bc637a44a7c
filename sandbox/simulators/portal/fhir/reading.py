"""A Claim as the services that it asks for: each item is one, with the fields of the case that it opens or means.

A Claim without items asks for what it was prescribed (`Claim.prescription`), as item 1. The types and limits of fields
are those of the portal's REST (`bodies.PriorAuthFields`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from sandbox import limits, work
from sandbox.errors import Invalid, TooLarge
from sandbox.jsonio import Json
from sandbox.payer import identifiers
from sandbox.payer.attachments import Upload
from sandbox.payer.people import Rejection
from sandbox.payer.refusals import invalid
from sandbox.payer.review import rejection_of
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.bodies import PriorAuthFields, as_json
from sandbox.simulators.portal.fhir.evidence import Evidence, is_cancelled, read_evidence
from sandbox.simulators.portal.fhir.parties import find_beneficiary, find_requester
from sandbox.simulators.portal.fhir.refusing import CALLS, Rejected, Told, reject
from sandbox.simulators.portal.fhir.sent import CLAIM_AT, Found, Sent
from sandbox.simulators.portal.fhir.terms import (
    ABSENT_CODES,
    ADMINISTRATION_NUMBER,
    AUTHORIZATION_NUMBER,
    CERTIFICATION_TYPE,
    ICD_10_CM,
    ITEM_TRACE_NUMBER,
    PROCEDURES,
    REQUESTED_SERVICE,
    code_in,
    codings,
    extensions,
    part,
    parts,
    text,
)
from sandbox.wire.field_errors import field_errors

_DIAGNOSIS: Final = 5  # units of work: one is looked at for an item
_MERGED: Final = 10  # answers that are taken over for a unit
# Where an order says what it orders, by the type of the order.
_ORDERED: Final = {
    "ServiceRequest": "code",
    "DeviceRequest": "codeCodeableConcept",
    "MedicationRequest": "medicationCodeableConcept",
    "NutritionOrder": "code",
    "SupplyRequest": "itemCodeableConcept",
}


@dataclass(slots=True)
class Service:
    """One item. `fields` are those of a case, `files` what it is supported by; `numbers` and `traces` say which case it
    means; `index` is where it stands in the Claim."""

    sequence: int
    index: int
    item: Json
    certification: str = ""
    is_cancelled: bool = False
    numbers: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    fields: dict[str, Json] = field(default_factory=dict)
    files: list[Upload] = field(default_factory=list)

    @property
    def notes(self) -> str | None:
        """What is said in words."""
        found: str | None = self.fields.get("notes")
        return found


@dataclass(slots=True)
class Asked:
    """A Claim, as far as the payer reads it. `certification` is that of the whole Claim, empty where it has none."""

    member: Json
    provider: Json
    services: list[Service]
    certification: str = ""
    is_cancelled: bool = False


def read_claim(tx: Interaction, sent: Sent) -> Asked:
    """Return what a Claim asks for. Raises `Rejected` for what the payer does not know, `Invalid`, `TooLarge`."""
    claim = sent.claim.resource
    rows = parts(claim, "item")
    if len(rows) > limits.CLAIM_ITEMS:
        message = f"The Claim has {len(rows):,} items; the limit is {limits.CLAIM_ITEMS}. Send several Claims."
        raise TooLarge(message, expression=f"{CLAIM_AT}.item")
    member = find_beneficiary(tx, sent)
    provider = find_requester(tx, sent)
    evidence = read_evidence(sent)
    certification = _certification(claim)
    is_whole_cancelled = claim.get("status") == "cancelled"
    prescribed = _prescribed(sent)
    if not rows and prescribed:
        rows = [{"sequence": 1, "productOrService": {}}]
    asked = Asked(member, provider, [], certification, is_whole_cancelled)
    for index, row in enumerate(rows):
        service = Service(row["sequence"], index, row, _certification(row), is_cancelled(row))
        own = (AUTHORIZATION_NUMBER, ADMINISTRATION_NUMBER)
        service.numbers = tuple(n for url in own for one in extensions(row, url) if (n := text(one, "valueString")))
        service.traces = tuple(
            text(part(one, "valueIdentifier"), "value") for one in extensions(row, ITEM_TRACE_NUMBER)
        )
        try:
            _fill(sent, service, asked, _brought(evidence, row), prescribed)
        except Invalid as error:
            if not error.details:
                raise
            raise Rejected(Told(*rejection_of(error, CALLS), index)) from None
        asked.services.append(service)
    _check_responses(asked, evidence)
    return asked


def _certification(holder: Json) -> str:
    return next((code_in(part(one, "valueCodeableConcept")) for one in extensions(holder, CERTIFICATION_TYPE)), "")


def _prescribed(sent: Sent) -> Found | None:
    reference = part(sent.claim.resource, "prescription")
    named = next((part(one, "valueReference") for one in extensions(reference, REQUESTED_SERVICE)), reference)
    return sent.find(named)


def _brought(evidence: list[Evidence], row: Json) -> list[Evidence]:
    """Return the supporting information of an item: what it names, all of it where it names none."""
    named = row.get("informationSequence")
    work.spend(len(evidence))
    if not isinstance(named, list):
        return evidence
    wanted = frozenset(named)
    return [one for one in evidence if one.sequence in wanted]


def _fill(sent: Sent, service: Service, asked: Asked, evidence: list[Evidence], prescribed: Found | None) -> None:
    order = next((sent.find(part(one, "valueReference")) for one in extensions(service.item, REQUESTED_SERVICE)), None)
    code, ordered = _procedure(service.item, order or prescribed)
    notes = [note for one in evidence for note in one.notes if note]
    answers: dict[str, Json] = {}
    for response in (response for one in evidence for response in one.responses):
        work.spend(2 + len(response.by_question) // _MERGED)
        if response.meant is None or identifiers.is_same("procedure_code", response.meant, code):
            answers |= response.by_question
    given: dict[str, Json] = {
        "patient_member_id": asked.member["member_id"],
        "provider_npi": asked.provider["npi"],
        "procedure_code": code,
        "diagnosis_codes": _diagnoses(sent, service.item),
        "units": _units(service.item, ordered),
        "service_date": _service_date(service.item),
        "clinical_answers": answers,
        "notes": "\n".join(notes),
    }
    service.fields = _checked({name: value for name, value in given.items() if value not in (None, "", [], {})})
    service.files = [file for one in evidence for file in one.uploads]


def _checked(fields: Mapping[str, Json]) -> dict[str, Json]:
    """Return the fields as the portal's REST takes them; raises `Invalid` naming those that it would not."""
    try:
        found: dict[str, Json] = as_json(PriorAuthFields.model_validate(fields))
    except ValidationError as error:
        raise invalid(field_errors(PriorAuthFields, error)) from None
    return found


def _procedure(item: Json, order: Found | None) -> tuple[str, Json]:
    """Return the code of an item and the order it is taken from, an empty one where it is the item's own."""
    own = part(item, "productOrService")
    is_absent = any(text(one, "system") == ABSENT_CODES for one in codings(own))
    if codings(own) and not is_absent:
        return code_in(own, *PROCEDURES), {}
    if order is None:
        return "", {}
    return ordered_code(order.resource), order.resource


def ordered_code(order: Json) -> str:
    """Return the code of what an order orders, empty where it has none.

    >>> ordered_code({"resourceType": "ServiceRequest", "code": {"coding": [{"code": "72148"}]}})
    '72148'
    """
    return code_in(part(order, _ORDERED.get(text(order, "resourceType"), "code")), *PROCEDURES)


def _units(item: Json, order: Json) -> Json:
    value = part(item, "quantity").get("value")
    if value is None:
        value = part(order, "quantityQuantity").get("value")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _service_date(item: Json) -> str:
    """Return the first day of an item's service, empty where it says none. A month or a year is no day: the payer
    refuses it, since coverage is of a day.

    >>> _service_date({"servicedPeriod": {"start": "2026-05-04T09:00:00Z"}}), _service_date({"servicedDate": "2026-05"})
    ('2026-05-04', '2026-05')
    """
    said = text(item, "servicedDate") or text(part(item, "servicedPeriod"), "start")
    return said[: len("2026-05-04")]


def _diagnoses(sent: Sent, item: Json) -> list[str]:
    """Return the codes of the diagnoses that an item names, of all of the Claim's where it names none."""
    named = item.get("diagnosisSequence")
    wanted = frozenset(named) if isinstance(named, list) else None
    rows = parts(sent.claim.resource, "diagnosis")
    work.spend(_DIAGNOSIS * len(rows))
    found: dict[str, None] = {}
    for index, row in enumerate(rows):
        if wanted is not None and row.get("sequence") not in wanted:
            continue
        concept = part(row, "diagnosisCodeableConcept")
        if "diagnosisReference" in row:
            at = f"{CLAIM_AT}.diagnosis[{index}].diagnosisReference"
            concept = part(sent.need(part(row, "diagnosisReference"), "A diagnosis", at).resource, "code")
        code = code_in(concept, ICD_10_CM)
        if code:
            found[code] = None
    return list(found)


def _check_responses(asked: Asked, evidence: list[Evidence]) -> None:
    """Refuse answers to questions of a procedure that no item asks for: they would be lost."""
    codes = {service.fields.get("procedure_code") for service in asked.services}
    for meant in dict.fromkeys(response.meant for one in evidence for response in one.responses):
        work.spend(len(codes))
        if meant is not None and not any(identifiers.is_same("procedure_code", meant, code) for code in codes):
            message = f"the answers are to the questions of {meant[:20]}, which no item asks for"
            raise reject("event", Rejection("15", text=message))
