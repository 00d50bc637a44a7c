"""Who a pathway is about: a chart of the playground as it stands now, or a person in words."""

from dataclasses import dataclass
from typing import Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.playground.playground import Interaction
from sandbox.simulators.hl7.pathways.arguments import PersonInWords

PATIENTS: Final = "fhir/Patient"
_SEXES: Final = {"female": "F", "male": "M", "other": "O", "unknown": "U"}


@dataclass(frozen=True, slots=True)
class Patient:
    """What PID says; dates as HL7 writes them."""

    key: str
    mrn: str
    family: str
    given: str
    birth_date: str
    sex: str
    street: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    phone: str = ""


def find_patient(tx: Interaction, patient: str | PersonInWords) -> Patient:
    """Return a step's patient. Raises `Invalid` for a chart that is not there or has no record number."""
    if isinstance(patient, PersonInWords):
        born = patient.birth_date.replace("-", "")
        return Patient(patient.mrn, patient.mrn, patient.family, patient.given, born, patient.sex)
    chart = tx.get(PATIENTS, patient.partition("/")[2])
    if chart is None:
        raise Invalid(f"There is no chart {patient} in this playground.")
    return of_chart(patient, chart)


def of_chart(reference: str, chart: Json) -> Patient:
    """Read a FHIR Patient.

    >>> chart = {"identifier": [{"value": "7"}], "name": [{"family": "Chen", "given": ["Maria"]}], "gender": "female"}
    >>> found = of_chart("Patient/1", chart)
    >>> found.mrn, found.family, found.sex, found.birth_date
    ('7', 'Chen', 'F', '')
    """
    identifiers = [row for row in chart.get("identifier", ()) if row.get("value")]
    marked = [row for row in identifiers if _is_record_number(row)] or identifiers
    if not marked:
        raise Invalid(f"{reference} has no record number.")
    name: Json = next(iter(chart.get("name", ())), {})
    address: Json = next(iter(chart.get("address", ())), {})
    phone = next((row.get("value", "") for row in chart.get("telecom", ()) if row.get("system") == "phone"), "")
    return Patient(
        reference,
        marked[0]["value"],
        name.get("family", ""),
        " ".join(name.get("given", ())),
        chart.get("birthDate", "").replace("-", ""),
        _SEXES.get(chart.get("gender", ""), ""),
        next(iter(address.get("line", ())), ""),
        address.get("city", ""),
        address.get("state", ""),
        address.get("postalCode", ""),
        phone,
    )


def _is_record_number(identifier: Json) -> bool:
    return any(coding.get("code") == "MR" for coding in identifier.get("type", {}).get("coding", ()))
