"""What is taken away: statuses that go without saying, codes, days of dates, elements that R4 lets be absent.

Each function changes a resource in place and tells whether there was anything to change. None of them takes a fact that
decides: a status that says no stays, and so do what was measured, prescribed, booked or written in a note.
"""

import re
from typing import Any, Final

from sandbox.simulators.fhir.mess.clinic import Clinic, Resource

_UNKNOWN: Final = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}
_CONCEPTS: Final = ("code", "vaccineCode", "medicationCodeableConcept")
_DATES: Final = ("onsetDateTime", "recordedDate", "occurrenceDateTime", "birthDate")
_DAY: Final = re.compile(r"(\d{4}-\d\d)-\d\d.*")
_MUST_SUPPORT: Final = {
    "Patient": ("telecom", "address", "communication"),
    "Condition": ("category",),
    "Encounter": ("type",),
    "Immunization": ("primarySource",),
    "MedicationRequest": ("requester",),
}


def unsay_status(resource: Resource, clinic: Clinic) -> bool:
    """Take away `active: true`, a Location's status `active` and a Condition's clinical status `active`."""
    if resource.get("active") is True:
        del resource["active"]
        return True
    if resource["resourceType"] == "Location" and resource.get("status") == "active":
        del resource["status"]
        return True
    codes = [coding.get("code") for coding in (resource.get("clinicalStatus") or {}).get("coding", ())]
    if resource["resourceType"] == "Condition" and codes == ["active"]:
        del resource["clinicalStatus"]
        return True
    return False


def leave_free_text(resource: Resource, clinic: Clinic) -> bool:
    """Take away the codes of what a resource is about; its text stays, or else the display of a code."""
    for name in _CONCEPTS:
        concept = resource.get(name)
        text = text_of(concept)
        if concept is not None and concept.get("coding") and text is not None:
            resource[name] = {"text": text}
            return True
    return False


def text_of(concept: Any) -> str | None:
    """Return the words of a CodeableConcept, None where it has only codes.

    >>> text_of({"coding": [{"code": "38341003", "display": "Hypertension"}]})
    'Hypertension'
    """
    if not isinstance(concept, dict):
        return None
    shown = [concept.get("text"), *(coding.get("display") for coding in concept.get("coding", ()))]
    return next((str(text) for text in shown if text), None)


def shorten_dates(resource: Resource, clinic: Clinic) -> bool:
    """Leave year and month of dates; a birth date only of who has no namesake, whom it would tell apart."""
    is_changed = False
    for name in _DATES:
        found = _DAY.fullmatch(str(resource.get(name, "")))
        if found and (name != "birthDate" or clinic.is_family_of_one(resource)):
            resource[name] = found[1]
            is_changed = True
    return is_changed


def lose_elements(resource: Resource, clinic: Clinic) -> bool:
    """Take away what US Core calls must-support and R4 does not ask for.

    Where an element's place is kept, `data-absent-reason` says so: for the gender, and for a first given name that is
    null.
    """
    lost = [name for name in _MUST_SUPPORT.get(resource["resourceType"], ()) if resource.pop(name, None) is not None]
    if resource["resourceType"] == "Patient":
        if resource.pop("gender", None) is not None:
            resource["_gender"] = _UNKNOWN
            lost.append("gender")
        for name in resource.get("name", ())[:1]:
            if name.get("given") and "_given" not in name:
                name["given"] = [None, *name["given"]]
                name["_given"] = [_UNKNOWN, *(None for _ in name["given"][1:])]
                lost.append("given")
    return bool(lost)
