"""The charts as FHIR R4 resources: patients, insurance, problems, orders, notes, results, appointments."""

import base64
from collections.abc import Iterator
from typing import Any

from people import CLINICIANS, OURS, PATIENTS, PLANS, RIDGEWAY, Clinician, Patient
from stories import DIAGNOSES, KIDNEY, NOTES, ORDERS, PROBLEMS, SCANS

Json = dict[str, Any]
BASE = "https://harbor-point.example/fhir/identifier"
ICD10, CPT, LOINC = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.ama-assn.org/go/cpt", "http://loinc.org"
SNOMED, UCUM, NPI = "http://snomed.info/sct", "http://unitsofmeasure.org", "http://hl7.org/fhir/sid/us-npi"
HL7 = "http://terminology.hl7.org/CodeSystem"
ORGANIZATIONS = {"harbor-point": OURS, "ridgeway-orthopedics": RIDGEWAY} | {
    key: payer for payer, key, _ in PLANS.values()
}


def coded(system: str, code: str, text: str, *, display: bool = True) -> Json:
    """Return a CodeableConcept; CPT codes go without their description."""
    coding = {"system": system, "code": code} | ({"display": text} if display else {})
    return {"coding": [coding], "text": text}


def who(patient: str) -> Json:
    """Return a reference to a patient."""
    return {"reference": f"Patient/{patient}", "display": PATIENTS[patient].name}


def by(clinician: str) -> Json:
    """Return a reference to a clinician."""
    return {"reference": f"Practitioner/{clinician}", "display": CLINICIANS[clinician].name}


def resources() -> Iterator[Json]:
    """Yield every resource."""
    for key, name in ORGANIZATIONS.items():
        yield {"resourceType": "Organization", "id": key, "active": True, "name": name}
    for clinician in CLINICIANS.values():
        yield practitioner(clinician)
    for patient in PATIENTS.values():
        yield from (chart(patient), coverage(patient))
    for patient_id, code, since in PROBLEMS:
        yield {
            "resourceType": "Condition",
            "id": f"{patient_id}-{code.lower().replace('.', '')}",
            "clinicalStatus": coded(f"{HL7}/condition-clinical", "active", "Active"),
            "code": coded(ICD10, code, DIAGNOSES[code]),
            "subject": who(patient_id),
            "onsetDateTime": since,
        }
    yield from map(order, ORDERS)
    yield from map(note, NOTES)
    yield from map(kidney, KIDNEY)
    yield from map(scan, SCANS)


def practitioner(row: Clinician) -> Json:
    """Return a clinician."""
    return {
        "resourceType": "Practitioner",
        "id": row.id,
        "identifier": [{"system": NPI, "value": row.npi}],
        "active": True,
        "name": [{"use": "official", "family": row.family, "given": [row.given], "suffix": [row.suffix]}],
        "gender": row.gender,
    }


def chart(row: Patient) -> Json:
    """Return a patient."""
    return {
        "resourceType": "Patient",
        "id": row.id,
        "identifier": [
            {
                "use": "usual",
                "type": coded(f"{HL7}/v2-0203", "MR", "Medical record number"),
                "system": f"{BASE}/mrn",
                "value": row.mrn,
            }
        ],
        "active": True,
        "name": [{"use": "official", "family": row.family, "given": [row.given]}],
        "telecom": [{"system": "phone", "value": row.phone, "use": "mobile"}],
        "gender": row.gender,
        "birthDate": row.born,
        "address": [
            {"use": "home", "line": [row.street], "city": "Harbor Point", "state": "OH", "postalCode": "43499"}
        ],
    }


def coverage(row: Patient) -> Json:
    """Return a patient's insurance."""
    payer, key, group = PLANS[row.plan]
    return {
        "resourceType": "Coverage",
        "id": f"{row.id}-coverage",
        "identifier": [{"system": f"https://{key}.example/member-id", "value": row.member}],
        "status": "active",
        "subscriberId": row.member,
        "beneficiary": who(row.id),
        "relationship": coded(f"{HL7}/subscriber-relationship", "self", "Self"),
        "period": {"start": "2025-01-01"},
        "payor": [{"reference": f"Organization/{key}", "display": payer}],
        "class": [
            {"type": coded(f"{HL7}/coverage-class", "plan", "Plan"), "value": row.plan},
            {"type": coded(f"{HL7}/coverage-class", "group", "Group"), "value": group},
        ],
    }


def order(row: tuple[Any, ...]) -> Json:
    """Return an examination that was ordered and waits for its insurance question."""
    number, patient, clinician, cpt, text, diagnoses, units, written = row
    made = {
        "resourceType": "ServiceRequest",
        "id": number.lower(),
        "identifier": [{"system": f"{BASE}/order", "value": number}],
        "status": "on-hold",
        "intent": "order",
        "category": [coded(SNOMED, "363679005", "Imaging")],
        "priority": "routine",
        "code": coded(CPT, cpt, text, display=False),
        "subject": who(patient),
        "authoredOn": f"{written}T15:00:00Z",
        "requester": by(clinician),
        "reasonCode": [coded(ICD10, code, DIAGNOSES[code]) for code in diagnoses],
        "insurance": [{"reference": f"Coverage/{patient}-coverage"}],
    }
    return made | ({"quantityQuantity": {"value": units}} if units > 1 else {})


def note(row: tuple[Any, ...]) -> Json:
    """Return a visit note, whose text is within."""
    patient, suffix, day, clinician, text = row
    data = base64.b64encode(text.encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "id": f"{patient}-{suffix}",
        "status": "current",
        "type": coded(LOINC, "11506-3", "Progress note"),
        "subject": who(patient),
        "date": f"{day}T16:00:00Z",
        "author": [by(clinician)],
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": data}}],
    }


def kidney(row: tuple[Any, ...]) -> Json:
    """Return a kidney function."""
    patient, day, value = row
    text = "Glomerular filtration rate/1.73 sq M.predicted by Creatinine-based formula (CKD-EPI 2021)"
    return {
        "resourceType": "Observation",
        "id": f"{patient}-egfr-{day}",
        "status": "final",
        "category": [coded(f"{HL7}/observation-category", "laboratory", "Laboratory")],
        "code": coded(LOINC, "98979-8", text),
        "subject": who(patient),
        "effectiveDateTime": f"{day}T12:30:00Z",
        "valueQuantity": {"value": value, "unit": "mL/min/1.73m2", "system": UCUM, "code": "mL/min/{1.73_m2}"},
    }


def scan(row: tuple[Any, ...]) -> Json:
    """Return an appointment that is pencilled in."""
    patient, number, start = row
    return {
        "resourceType": "Appointment",
        "id": f"{patient}-pet-{number}",
        "status": "proposed",
        "description": f"PET-CT, scan {number} of 3",
        "start": start,
        "end": start.replace("T14:00", "T15:30"),
        "basedOn": [{"reference": "ServiceRequest/hpo-260608-02"}],
        "participant": [{"actor": who(patient), "status": "needs-action"}],
    }
