"""An EHR whose values tell a right evaluation from a nearly right one, and criteria on it."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

PATIENT = {
    "resourceType": "Patient",
    "id": "ana",
    "active": True,
    "name": [{"family": "Reyes", "given": ["Ana", "Li"]}],
    "birthDate": "1970-01-01",
    "_birthDate": {"extension": [{"url": "urn:birth-time", "valueDateTime": "1970-01-01T08:00:00-05:00"}]},
    "address": [{"line": ["1 Elm St", "Apt 2"], "city": "Boston"}],
    "managingOrganization": {"reference": "Organization/clinic"},
}
ORGANIZATION = {"resourceType": "Organization", "id": "clinic", "name": "North Clinic"}
POTASSIUM = {
    "resourceType": "Observation",
    "id": "potassium",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
    "subject": {"reference": "Patient/ana"},
    "valueQuantity": {"value": 6.8, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    "referenceRange": [
        {
            "low": {"value": 3.5, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
            "high": {"value": 5.1, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
        }
    ],
}
VISIT = {
    "resourceType": "Appointment",
    "id": "visit",
    "status": "booked",
    "start": "2026-05-11T15:20:00-04:00",
    "end": "2026-05-11T15:40:00-04:00",
    "participant": [{"actor": {"reference": "Patient/ana"}, "status": "accepted"}],
}
DRUG = {
    "resourceType": "MedicationRequest",
    "id": "drug",
    "status": "active",
    "intent": "order",
    "medicationCodeableConcept": {"text": "amlodipine"},
    "subject": {"reference": "Patient/ana"},
    "dosageInstruction": [
        {
            "timing": {
                "repeat": {
                    "boundsDuration": {"value": 30, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"}
                }
            },
            "doseAndRate": [
                {
                    "doseQuantity": {
                        "value": 10, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg",
                    }
                }
            ],
        }
    ],
}  # fmt: skip
VALUE_SET = {
    "resourceType": "ValueSet",
    "id": "potassium",
    "url": "http://clinic.test/ValueSet/potassium",
    "status": "active",
    "compose": {"include": [{"system": "http://loinc.org", "concept": [{"code": "2823-3"}, {"code": "6298-4"}]}]},
}
RESOURCES = [PATIENT, ORGANIZATION, POTASSIUM, VISIT, DRUG, VALUE_SET]
CLOCK = "2026-04-23T23:30:00Z"


def definition(criteria: list[dict[str, Any]], slug: str = "paths") -> dict[str, Any]:
    """A benchmark of one task on these resources; the playground's day is not yet over in UTC."""
    return {
        "slug": slug,
        "version": 1,
        "name": "Paths",
        "environment": {
            "name": "Clinic",
            "clock": CLOCK,
            "simulators": [{"type": "Fhir", "name": "EHR", "dataset": "paths"}],
        },
        "tasks": [
            {
                "key": "look",
                "name": "Look",
                "criteria": criteria,
            }
        ],
    }


def on(resource: str, expression: Any, label: str = "", **more: Any) -> dict[str, Any]:
    """A criterion that an expression holds on a resource, `Type/id`."""
    kind, _, key = resource.partition("/")
    assertion = {"assert": "fhir-resource-state", "resource_type": kind, "search": {"_id": key}}
    return {"label": label or str(expression), "weight": 1, "assertion": {**assertion, "fhirpath": expression}, **more}


@pytest.fixture
def paths(disk: Any) -> SimpleNamespace:
    """The dataset `paths`, written, and ways to make criteria and benchmarks on it."""
    rows = b"".join(json.dumps(row).encode() + b"\n" for row in RESOURCES)
    disk.dataset("paths", {"fhir/all.ndjson": rows})
    return SimpleNamespace(
        on=on, definition=definition, write=lambda criteria: disk.benchmark(definition(criteria)), disk=disk
    )
