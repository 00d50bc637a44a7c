"""Cases as FHIR answers them: a ClaimResponse, the Bundle that it comes in, and a response of the wire.

What was decided on an item stands in `item.adjudication.extension(reviewAction)` (PAS 2.0.1). `outcome` is `queued`
while every item is pended, `partial` while some are, `complete` once all are decided, `error` where nothing was taken.
"""

from collections.abc import Iterable
from typing import Final

from sandbox import jsonio, work
from sandbox.ids import derived_uuid
from sandbox.jsonio import Json
from sandbox.payer import review
from sandbox.payer.case_rows import AUTHORIZED
from sandbox.playground.events import Response
from sandbox.playground.playground import Interaction
from sandbox.r4.issues import Issue
from sandbox.r4.names import MEDIA_TYPE
from sandbox.simulators.fhir_api.outcome import outcome
from sandbox.simulators.portal.fhir import records, wanting
from sandbox.simulators.portal.fhir.parties import echoed, is_absolute, referred
from sandbox.simulators.portal.fhir.refusing import Told
from sandbox.simulators.portal.fhir.sent import Sent
from sandbox.simulators.portal.fhir.terms import (
    ABSENT,
    ADJUDICATION,
    ADMINISTRATION_NUMBER,
    AUTHORIZED_DETAIL,
    AUTHORIZED_PERIOD,
    BUNDLE_PROFILE,
    CLAIM_TYPES,
    ISSUE_DATE,
    ITEM_TRACE_NUMBER,
    NPI,
    REQUESTED_DATE,
    RESPONSE_PROFILE,
    REVIEW_ACTION,
    REVIEW_ACTION_CODE,
    X12_ACTION,
    X12_REASON,
    concept,
    extensions,
    part,
    parts,
    text,
)
from sandbox.simulators.portal.fhir.wanting import Item

_DAY_CHARS: Final = 10
_WORK: Final = 60


def fhir_response(resource: Json, status: int = 200) -> Response:
    """Return a resource as an answer."""
    return Response(status, jsonio.dump(resource), MEDIA_TYPE)


def items_of(tx: Interaction, record: Json) -> list[Item]:
    """Return a record's items with their cases as they are now."""
    return [Item(row["sequence"], row["item"], records.case_of(tx, row), row["verdict"]) for row in record["items"]]


def outcome_of(items: Iterable[Item]) -> str:
    """Return how far the payer is: `queued`, `partial` or `complete`.

    >>> outcome_of([Item(1, {}, {"state": "submitted"}), Item(2, {}, {"state": "denied"})])
    'partial'
    """
    pended = [item.action == review.PENDED for item in items]
    return "queued" if all(pended) else "partial" if any(pended) else "complete"


def claim_response(tx: Interaction, base: str, record: Json, profile: str = RESPONSE_PROFILE) -> Json:
    """Return what the payer has answered a Claim so far."""
    items = items_of(tx, record)
    cases = [item.case for item in items if item.case is not None]
    at = max([record["at"], *(case["updated_at"] for case in cases)])
    notes: list[Json] = []
    rows = [_item(item, notes) for item in items]
    claim = record["claim"]
    found: dict[str, Json] = {
        "resourceType": "ClaimResponse",
        "id": record["id"],
        "meta": {"lastUpdated": at, "profile": [profile]},
        **_parties(tx, record),
        "created": at,
        "outcome": outcome_of(items),
        "disposition": "; ".join(f"item {item.sequence}: {item.told}" for item in items),
    }
    if claim is not None and parts(claim, "identifier"):
        found["identifier"] = parts(claim, "identifier")
    numbers = {case["auth_number"] for case in cases if case["auth_number"] is not None}
    if len(numbers) == 1:
        found["preAuthRef"] = numbers.pop()
    periods = [period for case in cases if (period := _period(case))]
    if periods and all(period == periods[0] for period in periods) and len(periods) == len(items):
        found["preAuthPeriod"] = periods[0]
    found["item"] = rows
    if notes:
        found["processNote"] = notes
    asked = wanting.communication_requests(tx, record, items)
    if asked:
        found["communicationRequest"] = [{"reference": f"{base}/CommunicationRequest/{one['id']}"} for one in asked]
    return found


def _parties(tx: Interaction, record: Json) -> dict[str, Json]:
    """Return whom an answer is about, as the Claim named them; by their numbers where there is no Claim."""
    claim, url = record["claim"], record["claim_url"]
    if claim is None:
        return {
            "status": "active",
            "type": concept(CLAIM_TYPES, "professional"),
            "use": "preauthorization",
            "patient": wanting.member_reference(tx, record["member_id"]),
            "insurer": {"display": "The payer"},
            "requestor": {"identifier": {"system": NPI, "value": record["provider_npi"]}},
            "request": {"extension": [{"url": ABSENT, "valueCode": "not-applicable"}]},
        }
    return {
        "status": "active",
        "type": claim["type"],
        "use": "preauthorization",
        **record["parties"],
        "request": _claim_reference(claim, url),
    }


def _claim_reference(claim: Json, url: str) -> Json:
    reference: dict[str, Json] = {}
    if is_absolute(url) or text(claim, "id"):
        reference["reference"] = url if is_absolute(url) else f"Claim/{claim['id']}"
    identifiers = parts(claim, "identifier")
    if identifiers:
        reference["identifier"] = identifiers[0]
    return reference or {"display": "The Claim that was sent"}


def _item(item: Item, notes: list[Json]) -> Json:
    """Return an item; what there is to say of it in words goes to `notes`."""
    work.spend(_WORK)
    case = item.case
    own: list[Json] = [dict(one) for one in extensions(item.sent, ITEM_TRACE_NUMBER)]
    action: list[Json] = []
    if case is not None:
        period = _period(case)
        if period is not None:
            own.append({"url": ISSUE_DATE, "valueDate": _decided_on(case)})
            own.append({"url": AUTHORIZED_PERIOD, "valuePeriod": period})
        own.append({"url": ADMINISTRATION_NUMBER, "valueString": review.administrative_number(case)})
        own += _detail(case, item.sent)
        if case["auth_number"] is not None:
            action.append({"url": "number", "valueString": case["auth_number"]})
        reason = _reason(case)
        if reason is not None:
            action.append({"url": "reasonCode", "valueCodeableConcept": reason})
    for name in ("servicedDate", "servicedPeriod"):
        if name in item.sent:
            kind = "valueDateTime" if name == "servicedDate" else "valuePeriod"
            own.append({"url": REQUESTED_DATE, kind: item.sent[name]})
    action.insert(0, {"url": REVIEW_ACTION_CODE, "valueCodeableConcept": concept(X12_ACTION, item.action)})
    numbered = []
    for label, words in item.remarks:
        numbered.append(len(notes) + 1)
        notes.append({"number": len(notes) + 1, "type": "display", "text": f"{label}: {words}" if label else words})
    row: dict[str, Json] = {"itemSequence": item.sequence}
    if own:
        row = {"extension": own, **row}
    if numbered:
        row["noteNumber"] = numbered
    review_action = {"url": REVIEW_ACTION, "extension": action}
    row["adjudication"] = [{"extension": [review_action], "category": concept(ADJUDICATION, "submitted")}]
    return row


def _reason(case: Json) -> Json:
    """Return why it was decided so: X12's code that more is wanted, or the payer's own of a denial."""
    code = review.reason_of(case)
    if code is None:
        return None
    if code == review.MORE_INFORMATION:
        return concept(X12_REASON, code)
    reason = (case["denial"] or {}).get("reason")
    return {"coding": [{"code": code}], **({"text": reason} if reason else {})}


def _detail(case: Json, sent: Json) -> list[Json]:
    """Return what was authorized, where the payer named units."""
    units = (case["authorization"] or {}).get("units")
    if units is None:
        return []
    asked = part(sent, "productOrService")
    code = asked if parts(asked, "coding") else {"coding": [{"code": case["procedure_code"]}]}
    return [
        {
            "url": AUTHORIZED_DETAIL,
            "extension": [
                {"url": "productOrServiceCode", "valueCodeableConcept": code},
                {"url": "quantity", "valueQuantity": {"value": units}},
            ],
        }
    ]


def _period(case: Json) -> Json:
    """Return for which days it is authorized, None where it is not."""
    authorization = case["authorization"]
    if case["state"] not in AUTHORIZED or authorization is None:
        return None
    ends = {"end": authorization["valid_to"]} if authorization["valid_to"] is not None else {}
    return {"start": authorization["valid_from"], **ends}


def _decided_on(case: Json) -> str:
    decided = (case["determination"] or {}).get("decided_at") or case["updated_at"]
    return str(decided)[:_DAY_CHARS]


def answer_bundle(
    tx: Interaction, base: str, record: Json, sent: Sent | None = None, warnings: tuple[Issue, ...] = ()
) -> Json:
    """Return the Bundle that answers a Claim: the ClaimResponse, what it refers to, what is wanted, and warnings."""
    entries = answer_entries(tx, base, record)
    warnings = warnings or (sent.warnings if sent is not None else ())
    identifier = part(sent.bundle, "identifier") if sent is not None else {}
    return bundle(tx, f"answer-{record['id']}", BUNDLE_PROFILE, entries, identifier, warnings)


def answer_entries(tx: Interaction, base: str, record: Json, profile: str = RESPONSE_PROFILE) -> list[Json]:
    """Return the entries of an answer, the ClaimResponse first."""
    response = claim_response(tx, base, record, profile)
    items = items_of(tx, record)
    made = [*wanting.communication_requests(tx, record, items), *wanting.tasks(tx, base, record, items)]
    return [
        {"fullUrl": f"{base}/ClaimResponse/{record['id']}", "resource": response},
        *({"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one} for one in made),
        *record["echoed"],
    ]


def bundle(
    tx: Interaction,
    name: str,
    profile: str,
    entries: list[Json],
    identifier: Json,
    warnings: tuple[Issue, ...] = (),
) -> Json:
    """Return a Bundle of answers; warnings are an OperationOutcome at its end."""
    found = list(entries)
    if warnings:
        url = f"urn:uuid:{derived_uuid(name, 'warnings', tx.now_text)}"
        found.append({"fullUrl": url, "resource": outcome(warnings)})
    made: dict[str, Json] = {
        "resourceType": "Bundle",
        "id": name[:64],
        "meta": {"profile": [profile]},
        "type": "collection",
        "timestamp": tx.now_text,
    }
    if identifier:
        made["identifier"] = identifier
    return {**made, "entry": found} if found else made


def error_bundle(tx: Interaction, base: str, sent: Sent, told: Told) -> Json:
    """Return the Bundle that says why a Claim is not taken; what it says is kept nowhere but in the event."""
    claim = sent.claim.resource
    record: Json = {"claim": claim, "claim_url": sent.claim.url, "parties": referred(sent)}
    response: dict[str, Json] = {
        "resourceType": "ClaimResponse",
        "meta": {"profile": [RESPONSE_PROFILE]},
        **_parties(tx, record),
        "created": tx.now_text,
        "outcome": "error",
        "disposition": told.rejection.said,
        "error": [told.to_json()],
    }
    if parts(claim, "identifier"):
        response["identifier"] = parts(claim, "identifier")
    url = f"urn:uuid:{derived_uuid('error', tx.new_id())}"
    identifier = part(sent.bundle, "identifier")
    others = [{"fullUrl": one.url, "resource": one.resource} for one in echoed(sent)]
    entries = [{"fullUrl": url, "resource": response}, *others]
    return bundle(tx, url.removeprefix("urn:uuid:"), BUNDLE_PROFILE, entries, identifier, sent.warnings)
