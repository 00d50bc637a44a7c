"""Names of PAS 2.0.1, DTR and the code systems they use; and small helpers to read JSON that may be anything.

Sources: the artifacts of hl7.fhir.us.davinci-pas 2.0.1 and hl7.fhir.us.davinci-dtr 2.0.1. Codes alone: what X12's codes
mean is X12's to say.
"""

from collections.abc import Iterator
from typing import Final

from sandbox.jsonio import Json

BASE: Final = "portal/fhir"
PREFIX: Final = "portal/_fhir_"

PAS: Final = "http://hl7.org/fhir/us/davinci-pas"
_PAS: Final = f"{PAS}/StructureDefinition"
REVIEW_ACTION: Final = f"{_PAS}/extension-reviewAction"
REVIEW_ACTION_CODE: Final = f"{_PAS}/extension-reviewActionCode"
ITEM_TRACE_NUMBER: Final = f"{_PAS}/extension-itemTraceNumber"
AUTHORIZATION_NUMBER: Final = f"{_PAS}/extension-authorizationNumber"
ADMINISTRATION_NUMBER: Final = f"{_PAS}/extension-administrationReferenceNumber"
CERTIFICATION_TYPE: Final = f"{_PAS}/extension-certificationType"
REQUESTED_SERVICE: Final = f"{_PAS}/extension-requestedService"
ISSUE_DATE: Final = f"{_PAS}/extension-itemPreAuthIssueDate"
AUTHORIZED_PERIOD: Final = f"{_PAS}/extension-itemPreAuthPeriod"
REQUESTED_DATE: Final = f"{_PAS}/extension-itemRequestedServiceDate"
AUTHORIZED_DETAIL: Final = f"{_PAS}/extension-itemAuthorizedDetail"
FOLLOW_UP: Final = f"{_PAS}/extension-errorFollowupAction"
ERROR_ELEMENT: Final = f"{_PAS}/extension-errorElement"
ERROR_PATH: Final = f"{_PAS}/extension-errorPath"
LINE_NUMBER: Final = f"{_PAS}/extension-serviceLineNumber"
TASK_LINE_NUMBER: Final = f"{_PAS}/extension-paLineNumber"
# How a cancelled entry is flagged, in 2.0.1 and by earlier implementations.
CANCELLED_FLAGS: Final = frozenset(
    f"{_PAS}/{name}"
    for name in ("modifierextension-infoCancelled", "extension-infoCancelledFlag", "extension-itemCancelled")
)
RESPONSE_PROFILE: Final = f"{_PAS}/profile-claimresponse"
INQUIRY_PROFILE: Final = f"{_PAS}/profile-claiminquiryresponse"
BUNDLE_PROFILE: Final = f"{_PAS}/profile-pas-response-bundle"
INQUIRY_BUNDLE_PROFILE: Final = f"{_PAS}/profile-pas-inquiry-response-bundle"
COMMUNICATION_PROFILE: Final = f"{_PAS}/profile-communicationrequest"
TASK_PROFILE: Final = f"{_PAS}/profile-task"
TEMPORARY: Final = f"{PAS}/CodeSystem/PASTempCodes"
QUESTIONNAIRE_PROFILE: Final = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition/dtr-std-questionnaire"

X12_ACTION: Final = "https://codesystem.x12.org/005010/306"
X12_REASON: Final = "https://codesystem.x12.org/external/886"
X12_REJECTION: Final = "https://codesystem.x12.org/005010/901"
X12_FOLLOW_UP: Final = "https://codesystem.x12.org/005010/889"
CPT: Final = "http://www.ama-assn.org/go/cpt"
NPI: Final = "http://hl7.org/fhir/sid/us-npi"
ICD_10_CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
NDC: Final = "http://hl7.org/fhir/sid/ndc"
HCPCS: Final = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
# The systems that procedures and drugs are coded in, the first that a concept has counts; HCPCS by all its names.
PROCEDURES: Final = (
    CPT,
    HCPCS,
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "http://terminology.hl7.org/CodeSystem/HCPCS",
    "https://bluebutton.cms.gov/resources/codesystem/hcpcs",
    NDC,
)
IDENTIFIER_TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
ADJUDICATION: Final = "http://terminology.hl7.org/CodeSystem/adjudication"
CLAIM_TYPES: Final = "http://terminology.hl7.org/CodeSystem/claim-type"
ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
ABSENT_CODES: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"


def parts(value: Json, name: str) -> list[Json]:
    """Return the objects that an element holds, none where it is anything else.

    >>> parts({"item": [{"sequence": 1}, 2]}, "item"), parts({"item": 1}, "item"), parts(None, "item")
    ([{'sequence': 1}], [], [])
    """
    found = value.get(name) if isinstance(value, dict) else None
    if isinstance(found, dict):
        return [found]
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def part(value: Json, name: str) -> Json:
    """Return the object that an element holds, an empty one where there is none."""
    found = parts(value, name)
    return found[0] if found else {}


def text(value: Json, name: str) -> str:
    """Return the text of an element, trimmed, empty where it is none.

    >>> text({"code": " A1 "}, "code"), text({"code": 1}, "code"), text([], "code")
    ('A1', '', '')
    """
    found = value.get(name) if isinstance(value, dict) else None
    return found.strip() if isinstance(found, str) else ""


def extensions(value: Json, url: str) -> Iterator[Json]:
    """Yield the extensions of an element with a URL."""
    return (row for row in parts(value, "extension") if text(row, "url") == url)


def codings(concept: Json) -> list[Json]:
    """Return the codings of a concept that have a code."""
    return [row for row in parts(concept, "coding") if text(row, "code")]


def code_in(concept: Json, *systems: str) -> str:
    """Return the code of a concept in the first of these systems that it has, else the first code, else nothing.

    >>> code_in({"coding": [{"code": "x"}, {"system": CPT, "code": "72148"}]}, CPT), code_in({}, CPT)
    ('72148', '')
    """
    found = codings(concept)
    for system in systems:
        for row in found:
            if text(row, "system") == system:
                return text(row, "code")
    return text(found[0], "code") if found else ""


def concept(system: str, code: str, words: str | None = None) -> Json:
    """Return a CodeableConcept with one coding."""
    made: dict[str, Json] = {"coding": [{"system": system, "code": code}]}
    return made if words is None else {**made, "text": words}
