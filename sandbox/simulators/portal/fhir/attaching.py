"""`$submit-attachment` (Da Vinci CDex 2.0): what a Task asks for, handed in to the case that waits for it.

`TrackingId` names the case by its administrative reference number or its authorization number, and `MemberId` whose it
is. With `Final`, which is true unless it says otherwise, the case goes back to the payer.
"""

from typing import Final

from sandbox.errors import Invalid, Malformed, Unprocessable
from sandbox.jsonio import Json
from sandbox.payer import cases, review
from sandbox.payer.attachments import Upload
from sandbox.payer.refusals import Refused
from sandbox.payer.review import UnknownCase
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.r4.issues import Issue, refusal
from sandbox.r4.validation import validate
from sandbox.simulators.fhir_api.negotiation import check_json_body
from sandbox.simulators.fhir_api.outcome import outcome
from sandbox.simulators.portal.fhir.evidence import Evidence, read_one
from sandbox.simulators.portal.fhir.refusing import CALLS
from sandbox.simulators.portal.fhir.sent import Found, Sent
from sandbox.simulators.portal.fhir.terms import part, parts, text
from sandbox.simulators.portal.fhir.writing import fhir_response

_NAME: Final = "$submit-attachment"
_AT: Final = "Parameters.parameter"
# The parameters of the operation that are read, and those that say who is who and change nothing.
_READ: Final = frozenset({"TrackingId", "AttachTo", "MemberId", "Final", "Attachment"})
_SAID: Final = frozenset({"PayerId", "OrganizationId", "ProviderId", "ServiceDate"})


def submit_attachment(tx: Interaction, request: Request) -> Response:
    """`POST $submit-attachment`; the answer is an OperationOutcome."""
    rows = _parameters(request)
    member = _one(rows, "MemberId")
    tracking = _one(rows, "TrackingId")
    attach_to = _one(rows, "AttachTo")
    if attach_to.get("valueCode") != "preauthorization":
        raise Invalid("AttachTo must be preauthorization.", issue_type="value", expression=f"{_AT}:AttachTo")
    try:
        case = review.find_case(tx, _value(member), [_value(tracking)], "TrackingId")
    except UnknownCase as error:
        raise Unprocessable(error.message, issue_type="not-found", expression=f"{_AT}:TrackingId") from None
    evidence = Evidence(1)
    attached = [row for row in rows if row["name"] == "Attachment"]
    if not attached:
        raise Invalid(f"{_NAME} needs an Attachment.", issue_type="required", expression=_AT)
    for number, row in enumerate(attached, 1):
        content: Json = next((one for one in parts(row, "part") if one["name"] == "Content"), {})
        resource = content.get("resource")
        if not isinstance(resource, dict):
            raise Invalid("An Attachment needs a Content.", issue_type="required", expression=f"{_AT}:Attachment")
        evidence.sequence = number
        found = Found("", resource)
        read_one(Sent({"entry": []}, found), found, evidence, f"{_AT}:Attachment")
    is_final = next((row.get("valueBoolean") is not False for row in rows if row["name"] == "Final"), True)
    try:
        row = _hand_in(tx, case, evidence, is_final=is_final)
    except Refused as error:
        raise Unprocessable(error.said(CALLS), issue_type="conflict", expression=f"{_AT}:TrackingId") from None
    told = f"{review.administrative_number(row)} is {row['state'].replace('_', ' ')}."
    return fhir_response(outcome([Issue("informational", told, severity="information")]))


def _hand_in(tx: Interaction, case: Json, evidence: Evidence, *, is_final: bool) -> Json:
    request_id, files = case["request_id"], evidence.uploads
    answers = {name: value for one in evidence.responses for name, value in one.by_question.items()}
    if not answers:
        row = cases.attach(tx, request_id, files)
        return cases.submit(tx, request_id) if is_final and row["state"] == "pended" else row
    if not is_final:
        message = "Answers are handed in with Final: true, the last of what is wanted."
        raise Invalid(message, issue_type="business-rule", expression=f"{_AT}:Final")
    return cases.update(tx, request_id, {"clinical_answers": answers, **_named(files)}, files)


def _named(files: list[Upload]) -> dict[str, Json]:
    return {"attachments": [one.filename for one in files]} if files else {}


def _parameters(request: Request) -> list[Json]:
    check_json_body(request.media_type, _NAME, request.headers.get("content-type", ""))
    if not request.body.strip():
        raise Malformed(f"The body is empty; {_NAME} takes Parameters.", issue_type="required")
    body = request.json()
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        raise Invalid(f"{_NAME} takes Parameters.", issue_type="structure", expression="Parameters")
    issues = validate(body)
    if issues:
        raise refusal(issues)
    rows = parts(body, "parameter")
    for row in rows:
        if row["name"] not in _READ | _SAID:
            known = ", ".join(sorted(_READ | _SAID))
            message = f'The operation {_NAME} has no parameter "{row["name"][:100]}"; it has {known}.'
            raise Invalid(message, issue_type="not-supported", expression=_AT)
    return rows


def _one(rows: list[Json], name: str) -> Json:
    found = [row for row in rows if row["name"] == name]
    if len(found) != 1:
        raise Invalid(f"{_NAME} needs one {name}.", issue_type="required", expression=f"{_AT}:{name}")
    return found[0]


def _value(row: Json) -> str:
    found = text(row, "valueString") or text(part(row, "valueIdentifier"), "value")
    if not found:
        message = f"{row['name']} needs a value: a string, or an Identifier."
        raise Invalid(message, issue_type="required", expression=f"{_AT}:{row['name']}")
    return found[:64]
