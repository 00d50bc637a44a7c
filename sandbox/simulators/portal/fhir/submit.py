"""`Claim/$submit`: each item opens a case, changes the one it means, takes it back, sends it again or appeals.

What the whole Claim is for is done, or nothing of it: where one item is not taken the answer is a ClaimResponse with
the outcome `error`, and all cases are as they were. An update says by `Claim.related` which Claim it takes the place
of; its items mean the cases of that Claim's by their sequence, else by an authorization number or a trace number.
"""

import hashlib
from typing import Final

from sandbox import work
from sandbox.errors import Conflict, Invalid, NotFound, SandboxError, TooLarge, UnsupportedMedia
from sandbox.jsonio import Json
from sandbox.payer import cases, codes, review
from sandbox.payer.attachments import Upload
from sandbox.payer.case_rows import completed
from sandbox.payer.case_rows import find_named as find_case_named
from sandbox.payer.refusals import invalid
from sandbox.payer.review import UnknownCase, UnnamedCase
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.fhir import records
from sandbox.simulators.portal.fhir.parties import echoed, referred
from sandbox.simulators.portal.fhir.reading import Asked, Service, read_claim
from sandbox.simulators.portal.fhir.refusing import CALLS, Rejected, Told
from sandbox.simulators.portal.fhir.sent import Found, Sent, read_sent
from sandbox.simulators.portal.fhir.terms import BASE, code_in, part, parts, text
from sandbox.simulators.portal.fhir.writing import answer_bundle, error_bundle, fhir_response

_WHERE: Final = "Claim.related, or in the item's authorizationNumber or administrationReferenceNumber"
_UPDATES: Final = frozenset({"prior", "replaces"})
_WORK: Final = 500
_TAKES_FILES: Final = frozenset({"submitted", "resubmitted", "under_review"})


def submit(tx: Interaction, request: Request) -> Response:
    """`POST Claim/$submit`."""
    sent = read_sent(request, "Claim/$submit")
    base = f"{request.base_url}/{BASE}"
    savepoint = tx.savepoint()
    try:
        record = _carry_out(tx, sent, read_claim(tx, sent))
    except Rejected as error:
        tx.rollback(savepoint)
        return fhir_response(error_bundle(tx, base, sent, error.told))
    except (Conflict, NotFound, TooLarge, UnsupportedMedia, Invalid) as error:
        if not _is_the_payers(error):
            raise
        tx.rollback(savepoint)
        return fhir_response(error_bundle(tx, base, sent, _rejected(error).told))
    return fhir_response(answer_bundle(tx, base, record, sent))


def _rejected(error: SandboxError, index: int | None = None) -> Rejected:
    return Rejected(Told(*review.rejection_of(error, CALLS), index))


def _is_the_payers(error: SandboxError) -> bool:
    """Whether an error is the payer's about a case, and not one about the Bundle, which has a place in it."""
    return not {"expression", "issues", "issue_type"} & set(error.context)


def _carry_out(tx: Interaction, sent: Sent, asked: Asked) -> Json:
    """Do what is asked and keep the Claim; return its record. Raises `Rejected` for the first item not taken."""
    member_id = asked.member["member_id"]
    prior = _prior(tx, sent, member_id)
    if prior is None and _related(sent):
        raise _rejected(UnknownCase("the Claim to update is not on file"))
    is_all = asked.is_cancelled or asked.certification == review.CANCEL
    if is_all and prior is None:
        prior = _find_own(tx, sent, member_id)
    if is_all and (prior is not None or not asked.services):
        items = _cancel_all(tx, asked, prior)
    elif not asked.services:
        raise _rejected(invalid({"procedure_code": ["The Claim has no item, and prescribes nothing of the Bundle."]}))
    else:
        items = [_do(tx, asked, service, prior) for service in asked.services]
        said = {item["sequence"] for item in items}
        items += [item for item in (prior or {"items": []})["items"] if item["sequence"] not in said]
    record = {
        "id": tx.new_id(),
        "at": tx.now_text,
        "member_id": member_id,
        "provider_npi": asked.provider["npi"],
        "claim": sent.claim.resource,
        "claim_url": sent.claim.url,
        "parties": referred(sent),
        "echoed": [{"fullUrl": one.url, "resource": one.resource} for one in echoed(sent)],
        "items": sorted(items, key=lambda item: item["sequence"]),
        "replaces": None if prior is None else prior["id"],
        "replaced_by": None,
    }
    records.keep(tx, record)
    if prior is not None:
        records.replace(tx, prior, record["id"])
    return record


def _do(tx: Interaction, asked: Asked, service: Service, prior: Json | None) -> Json:
    """Do what one item asks for; return it as a record keeps it."""
    work.spend(_WORK)
    try:
        case, verdict = _deed(tx, asked, service, prior)
    except (Conflict, NotFound, TooLarge, UnsupportedMedia, Invalid) as error:
        raise _rejected(error, service.index) from error
    return {
        "sequence": service.sequence,
        "request_id": None if case is None else case["request_id"],
        "verdict": verdict,
        "item": service.item,
    }


def _deed(tx: Interaction, asked: Asked, service: Service, prior: Json | None) -> tuple[Json | None, Json]:
    case = _meant(tx, asked, service, prior)
    certification = service.certification or asked.certification
    if certification not in ("", *review.CERTIFICATIONS):
        raise Invalid(f"the certification type {certification[:20]} is not taken here: I, S, 3, N, 1 or 2")
    if certification == review.CANCEL or service.is_cancelled or asked.is_cancelled:
        if case is None:
            raise UnnamedCase(f"name the case to cancel in {_WHERE}")
        return _cancelled(tx, case, service.notes), None
    if case is None:
        if certification not in ("", review.INITIAL):
            raise UnnamedCase(f"name the case in {_WHERE}")
        verdict = review.find_verdict(tx, service.fields.get("procedure_code"), asked.member["member_id"])
        if verdict is not None:
            return None, {"action": verdict.action, "text": verdict.text}
        return cases.create(tx, {**service.fields}, service.files, is_draft=False), None
    new = _new_files(case, service.files)
    if certification == review.AGAIN:
        return review.send_again(tx, case, _with_files(service.fields, new), new), None
    if certification in review.APPEALS:
        return review.appeal(tx, case, service.notes, new), None
    return _revised(tx, case, service.fields, new), None


def _revised(tx: Interaction, case: Json, given: dict[str, Json], new: list[Upload]) -> Json:
    """Change what differs; a case that is as it was asked for is left alone, whatever its state."""
    changed = {name: value for name, value in given.items() if _differs(case, name, value)}
    if not changed and not new:
        return case
    if not changed and case["state"] in _TAKES_FILES:
        return cases.attach(tx, case["request_id"], new)
    return cases.update(tx, case["request_id"], _with_files(changed, new), new)


def _with_files(fields: dict[str, Json], new: list[Upload]) -> dict[str, Json]:
    return {**fields, "attachments": [one.filename for one in new]} if new else fields


def _differs(case: Json, name: str, value: Json) -> bool:
    if name == "clinical_answers":
        return any(case[name].get(key) != answer for key, answer in value.items())
    if name == "diagnosis_codes":
        return bool([codes.diagnosis_code(code) or code for code in value] != case[name])
    return review.differs(case, name, value)


def _new_files(case: Json, files: list[Upload]) -> list[Upload]:
    """Return the files that the case does not have: an update brings along all that was sent before."""
    had = {about["sha256"] for about in case["attachments"]}
    return [one for one in files if hashlib.sha256(one.content).hexdigest() not in had]


def _cancelled(tx: Interaction, case: Json, notes: str | None) -> Json:
    return case if case["state"] == "withdrawn" else review.cancel(tx, case, notes)


def _cancel_all(tx: Interaction, asked: Asked, prior: Json | None) -> list[Json]:
    """Take back every case of a Claim; items that made none stay what they were."""
    if prior is None:
        raise _rejected(UnnamedCase(f"name the Claim to cancel in {_WHERE}"))
    notes = next((service.notes for service in asked.services if service.notes), None)
    for item in prior["items"]:
        case = records.case_of(tx, item)
        if case is None:
            continue
        try:
            _cancelled(tx, case, notes)
        except Conflict as error:
            raise _rejected(error) from error
    return list(prior["items"])


def _meant(tx: Interaction, asked: Asked, service: Service, prior: Json | None) -> Json | None:
    """Return the case that an item means, None where it opens one."""
    for item in (prior or {"items": []})["items"]:
        if item["sequence"] == service.sequence and item["request_id"] is not None:
            _check_numbers(tx, asked, service, item["request_id"])
            return records.case_of(tx, item)
    is_about_one = prior is not None or service.is_cancelled or service.certification not in ("", review.INITIAL)
    if not is_about_one and asked.certification in ("", review.INITIAL):
        return None
    if service.numbers:
        return review.find_case(tx, asked.member["member_id"], service.numbers, _WHERE)
    for item in (prior or {"items": []})["items"]:
        traces = {text(part(one, "valueIdentifier"), "value") for one in parts(item["item"], "extension")}
        if item["request_id"] is not None and traces & set(service.traces):
            return records.case_of(tx, item)
    return None


def _check_numbers(tx: Interaction, asked: Asked, service: Service, request_id: str) -> None:
    """Raise `Invalid` where an item means one case by its sequence and another of the member's by its number."""
    for number in service.numbers:
        row = find_case_named(tx, number)
        if (
            row is not None
            and row["patient_member_id"] == asked.member["member_id"]
            and row["request_id"] != request_id
        ):
            raise Invalid(
                f"by its sequence the item is {request_id}, by its number {row['request_id']}; send one of them"
            )


def _prior(tx: Interaction, sent: Sent, member_id: str) -> Json | None:
    """Return the record of the Claim that this one is an update of, or one for the case that it names by its number."""
    for row in _related(sent):
        claim = part(row, "claim")
        found = (
            records.find_called(tx, member_id, part(claim, "identifier"))
            or _find_sent(tx, sent, member_id, claim)
            or records.find_at(tx, member_id, text(claim, "reference"), sent.claim.url)
            or records.find_called(tx, member_id, part(row, "reference"))
            or records.find_named(tx, member_id, text(row, "id"))
        )
        if found is not None:
            return found
    for row in _related(sent):
        claim = part(row, "claim")
        reference = text(claim, "reference").rpartition("/")[2]
        named = [text(part(claim, "identifier"), "value"), reference, text(part(row, "reference"), "value")]
        for name in (*named, text(row, "id")):
            case = find_case_named(tx, name) if name else None
            if case is not None and case["status"] != "draft" and case["patient_member_id"] == member_id:
                return records.record_of(tx, case["request_id"]) or records.plain_record(completed(case))
    return None


def _find_sent(tx: Interaction, sent: Sent, member_id: str, reference: Json) -> Json | None:
    """Return the record of a Claim that came before and is in the Bundle again."""
    found = sent.find(reference)
    return None if found is None else _find_claim(tx, found, member_id)


def _find_own(tx: Interaction, sent: Sent, member_id: str) -> Json | None:
    """Return the record of the Claim itself, where it was sent before."""
    return _find_claim(tx, sent.claim, member_id)


def _find_claim(tx: Interaction, claim: Found, member_id: str) -> Json | None:
    for one in parts(claim.resource, "identifier"):
        if (record := records.find_called(tx, member_id, one)) is not None:
            return record
    own = text(claim.resource, "id")
    return records.find_at(tx, member_id, claim.url or (f"Claim/{own}" if own else ""))


def _related(sent: Sent) -> list[Json]:
    rows = parts(sent.claim.resource, "related")
    return [row for row in rows if code_in(part(row, "relationship")) in (*_UPDATES, "")]
