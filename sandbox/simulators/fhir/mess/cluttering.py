"""What is added: charts that were replaced, insurance that ended, problems noted twice, allergies charted by mistake.

Each function returns new resources, none where there is nothing to add. What a careful reader looks at says what they
are: a status, a link, a period.
"""

from datetime import date
from typing import Final

from sandbox.simulators.fhir.mess.clinic import Clinic, Resource
from sandbox.simulators.fhir.mess.wearing import text_of
from sandbox.simulators.former_coverage import former_coverages

_DEMOGRAPHICS: Final = ("name", "telecom", "gender", "birthDate", "address", "managingOrganization")
_COVERAGE: Final = ("type", "subscriber", "beneficiary", "relationship", "payor")
_ALLERGY: Final = ("type", "category", "criticality", "code", "recordedDate", "recorder", "reaction")
_SYSTEMS: Final = "http://terminology.hl7.org/CodeSystem/"


def add_replaced_chart(patient: Resource, clinic: Clinic) -> list[Resource]:
    """Add a chart that the patient had under another record number; it is inactive and links to the one that counts."""
    if patient.get("active") is False or patient.get("link"):
        return []
    old: Resource = {"resourceType": "Patient", "id": clinic.other_id(patient, "replaced")}
    for identifier in patient.get("identifier", ())[:1]:
        if identifier.get("value"):
            number = clinic.mess.renumber(identifier["value"], "replaced")
            old["identifier"] = [{**identifier, "use": "old", "value": number}]
    old["active"] = False
    old |= {name: patient[name] for name in _DEMOGRAPHICS if name in patient}
    old["link"] = [{"other": {"reference": f"Patient/{patient['id']}"}, "type": "replaced-by"}]
    return [old]


def add_former_coverages(coverage: Resource, clinic: Clinic) -> list[Resource]:
    """Add two memberships before the one in force: one cancelled, one that ended and still says active."""
    period = coverage.get("period") or {}
    member_id = coverage.get("subscriberId") or next(
        (i["value"] for i in coverage.get("identifier", ()) if i.get("value")), None
    )
    if coverage.get("status") != "active" or member_id is None or "end" in period:
        return []
    try:
        start = date.fromisoformat(str(period.get("start", "")))
    except ValueError:  # none, or not to the day: what came before it cannot be said
        return []
    added = []
    former = former_coverages(clinic.mess, str(member_id), start) or ()
    for what, status, old in zip(("former", "lapsed"), ("cancelled", "active"), former, strict=False):
        row: Resource = {"resourceType": "Coverage", "id": clinic.other_id(coverage, what)}
        for identifier in coverage.get("identifier", ())[:1]:
            row["identifier"] = [{**identifier, "value": old.member_id}]
        row["status"] = status
        row |= {name: coverage[name] for name in _COVERAGE if name in coverage}
        row["subscriberId"] = old.member_id
        row["period"] = {"start": str(old.start), "end": str(old.end)}
        added.append(row)
    return added


def add_second_note(condition: Resource, clinic: Clinic) -> list[Resource]:
    """Add an active problem once more as somebody typed it, unconfirmed and without a code."""
    codes = [coding.get("code") for coding in (condition.get("clinicalStatus") or {}).get("coding", ())]
    text = text_of(condition.get("code"))
    if codes != ["active"] or text is None:
        return []
    again: Resource = {
        "resourceType": "Condition",
        "id": clinic.other_id(condition, "again"),
        "clinicalStatus": condition["clinicalStatus"],
        "verificationStatus": _coded("condition-ver-status", "unconfirmed"),
        "code": {"text": text},
        "subject": condition["subject"],
    }
    return [again | {name: condition[name] for name in ("category", "recorder") if name in condition}]


def add_mistaken_allergy(patient: Resource, clinic: Clinic) -> list[Resource]:
    """Add somebody else's allergy, charted here by mistake and marked as entered in error."""
    other = clinic.allergy_of_another(patient)
    if other is None:
        return []
    mistaken: Resource = {
        "resourceType": "AllergyIntolerance",
        "id": clinic.other_id(patient, "mistaken"),
        "verificationStatus": _coded("allergyintolerance-verification", "entered-in-error"),
        "patient": {"reference": f"Patient/{patient['id']}"},
    }
    return [mistaken | {name: other[name] for name in _ALLERGY if name in other}]


def _coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": _SYSTEMS + system, "code": code}]}
