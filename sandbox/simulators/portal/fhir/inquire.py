"""`Claim/$inquire`: the cases of a member that an example means, each as a ClaimResponse, as they are now.

The member must be named, and the provider by NPI; cases of other providers are withheld, which the answer says. An
identifier of the Claim or a number of an item names one case, or the Claim it is an item of; else its procedures are
those of the cases looked for, and `not-applicable` is any. Cases that came through other doors are found alike.
"""

from typing import Final

from sandbox import limits, work
from sandbox.errors import Invalid, TooCostly
from sandbox.jsonio import Json
from sandbox.payer import cases, codes, identifiers
from sandbox.payer.case_rows import REQUESTS, completed
from sandbox.payer.case_rows import find_named as find_case_named
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.r4.issues import Issue
from sandbox.simulators.portal.fhir import records
from sandbox.simulators.portal.fhir.parties import find_beneficiary, find_requester
from sandbox.simulators.portal.fhir.refusing import Rejected
from sandbox.simulators.portal.fhir.sent import Sent, read_sent
from sandbox.simulators.portal.fhir.terms import (
    ABSENT_CODES,
    ADMINISTRATION_NUMBER,
    AUTHORIZATION_NUMBER,
    BASE,
    INQUIRY_BUNDLE_PROFILE,
    INQUIRY_PROFILE,
    PROCEDURES,
    code_in,
    codings,
    extensions,
    part,
    parts,
    text,
)
from sandbox.simulators.portal.fhir.writing import answer_entries, bundle, error_bundle, fhir_response

_WITHHELD: Final = "Cases of this member that another provider requested are not shown."


def inquire(tx: Interaction, request: Request) -> Response:
    """`POST Claim/$inquire`."""
    sent = read_sent(request, "Claim/$inquire")
    base = f"{request.base_url}/{BASE}"
    try:
        member, provider = find_beneficiary(tx, sent), find_requester(tx, sent)
    except Rejected as error:
        return fhir_response(error_bundle(tx, base, sent, error.told))
    found = _matching(tx, sent, member["member_id"])
    shown = [row for row in found if row["provider_npi"] == provider["npi"]]
    warnings = list(sent.warnings)
    if len(shown) < len(found):
        warnings.append(Issue("suppressed", _WITHHELD, severity="warning"))
    if len(shown) > limits.SEARCH_COUNT_MAX:
        raise TooCostly(f"More than {limits.SEARCH_COUNT_MAX:,} cases; name one by its number, or a procedure.")
    if not tx.is_view:
        for row in shown:
            cases.read(tx, row["request_id"])
    by_id: dict[str, Json] = {}
    for row in shown:
        record = records.record_of(tx, row["request_id"]) or records.plain_record(row)
        by_id.setdefault(record["id"], record)
    entries: list[Json] = []
    urls: set[str] = set()
    for record in sorted(by_id.values(), key=lambda one: (one["at"], one["id"]), reverse=True):
        for entry in answer_entries(tx, base, record, INQUIRY_PROFILE):
            if entry["fullUrl"] not in urls:  # two answers may refer to the same Patient
                urls.add(entry["fullUrl"])
                entries.append(entry)
    made = bundle(tx, tx.new_id(), INQUIRY_BUNDLE_PROFILE, entries, part(sent.bundle, "identifier"), tuple(warnings))
    return fhir_response(made)


def _matching(tx: Interaction, sent: Sent, member_id: str) -> list[Json]:
    """Return the submitted cases of a member that the example means, newest first."""
    claim = sent.claim.resource
    called = [one for one in parts(claim, "identifier") if text(one, "value")]
    own = (AUTHORIZATION_NUMBER, ADMINISTRATION_NUMBER)
    items = parts(claim, "item")
    numbers = [text(one, "valueString") for item in items for url in own for one in extensions(item, url)]
    numbers = [number for number in numbers if number]
    if called or numbers:
        return _named(tx, member_id, called, numbers)
    wanted = [code for item in items if (code := _procedure(item, sent)) is not None]
    if any(not code for code in wanted):
        message = "An item asks after no procedure; send its code, or not-applicable for any."
        raise Invalid(message, issue_type="required", expression="Bundle.entry[0].resource.item")
    wrong = next((code for code in wanted if codes.procedure_or_drug(code) is None), None)
    if wrong is not None:
        message = (
            f'"{wrong[:100]}" is no CPT, HCPCS or National Drug Code, so no case has it; for any procedure send '
            f"not-applicable of {ABSENT_CODES}."
        )
        raise Invalid(message, issue_type="code-invalid", expression="Bundle.entry[0].resource.item")
    work.spend(tx.branch.count(REQUESTS))
    rows = [completed(row) for _, row in tx.branch.items(REQUESTS) if row["patient_member_id"] == member_id]
    is_any = not wanted
    return [
        row
        for row in rows
        if is_any or any(identifiers.is_same("procedure_code", code, row["procedure_code"]) for code in wanted)
    ]


def _procedure(item: Json, sent: Sent) -> str | None:
    """Return the procedure that an item asks after, None for any."""
    concept = part(item, "productOrService")
    if any(text(one, "system") == ABSENT_CODES for one in codings(concept)):
        return None
    return code_in(concept, *PROCEDURES)


def _named(tx: Interaction, member_id: str, called: list[Json], numbers: list[str]) -> list[Json]:
    asked = [(text(one, "value"), records.find_called(tx, member_id, one)) for one in called]
    asked += [(number, records.find_named(tx, member_id, number)) for number in numbers]
    found: dict[str, Json] = {}
    for name, record in asked:
        rows = [records.case_of(tx, item) for item in record["items"]] if record is not None else []
        row = find_case_named(tx, name)
        if row is not None and row["status"] != "draft" and row["patient_member_id"] == member_id:
            rows.append(completed(row))
        found |= {one["request_id"]: one for one in rows if one is not None}
    return list(found.values())
