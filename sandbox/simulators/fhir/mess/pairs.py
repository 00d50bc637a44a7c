"""A pair for each rule of the table: a resource, what else the dataset holds, and what the rule makes of it.

The suite runs them; for a reader they are what the rule means. Ids of what is added, and the numbers in it, are as they
are drawn with the seed 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.simulators.fhir.mess.clinic import Resource

_ANA: Final = {"reference": "Patient/ana"}
_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_ACTIVE: Final = {"coding": [{"system": _CLINICAL, "code": "active"}]}
_ASTHMA: Final = {"coding": [{"system": "http://snomed.info/sct", "code": "195967001", "display": "Asthma"}]}
_ALLERGIES: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-"


@dataclass(frozen=True, slots=True)
class Pair:
    """`after` is the changed resource, or all that are added; `beside` is what else the dataset holds."""

    before: Resource
    after: tuple[Resource, ...]
    beside: tuple[Resource, ...] = ()


PAIRS: Final[Mapping[str, Pair]] = {
    "unsaid-status": Pair(
        {"resourceType": "Schedule", "id": "calendar", "active": True, "actor": [{"display": "Dr. Osei"}]},
        ({"resourceType": "Schedule", "id": "calendar", "actor": [{"display": "Dr. Osei"}]},),
    ),
    "free-text-code": Pair(
        {"resourceType": "Condition", "id": "asthma", "code": _ASTHMA, "subject": _ANA},
        ({"resourceType": "Condition", "id": "asthma", "code": {"text": "Asthma"}, "subject": _ANA},),
    ),
    "replaced-chart": Pair(
        {
            "resourceType": "Patient",
            "id": "ana",
            "identifier": [{"use": "usual", "system": "urn:mrn", "value": "RC-100201"}],
            "active": True,
            "name": [{"family": "Reyes", "given": ["Ana"]}],
            "birthDate": "1970-01-01",
            "maritalStatus": {"text": "Married"},
        },
        (
            {
                "resourceType": "Patient",
                "id": "ana-e4f2",
                "identifier": [{"use": "old", "system": "urn:mrn", "value": "RC-131225"}],
                "active": False,
                "name": [{"family": "Reyes", "given": ["Ana"]}],
                "birthDate": "1970-01-01",
                "link": [{"other": _ANA, "type": "replaced-by"}],
            },
        ),
    ),
    "former-coverage": Pair(
        {
            "resourceType": "Coverage",
            "id": "card",
            "identifier": [{"system": "urn:member", "value": "LHP558210094"}],
            "status": "active",
            "beneficiary": _ANA,
            "period": {"start": "2024-01-01"},
            "payor": [{"display": "Lakeshore Health Plan"}],
        },
        (
            {
                "resourceType": "Coverage",
                "id": "card-a79e",
                "identifier": [{"system": "urn:member", "value": "LHP141505942"}],
                "status": "cancelled",
                "subscriberId": "LHP141505942",
                "beneficiary": _ANA,
                "period": {"start": "2020-01-01", "end": "2021-12-31"},
                "payor": [{"display": "Lakeshore Health Plan"}],
            },
            {
                "resourceType": "Coverage",
                "id": "card-eac5",
                "identifier": [{"system": "urn:member", "value": "LHP882886963"}],
                "status": "active",
                "subscriberId": "LHP882886963",
                "beneficiary": _ANA,
                "period": {"start": "2022-01-01", "end": "2023-12-31"},
                "payor": [{"display": "Lakeshore Health Plan"}],
            },
        ),
    ),
    "noted-twice": Pair(
        {
            "resourceType": "Condition",
            "id": "asthma",
            "clinicalStatus": _ACTIVE,
            "code": _ASTHMA,
            "subject": _ANA,
            "onsetDateTime": "2019-05-10",
        },
        (
            {
                "resourceType": "Condition",
                "id": "asthma-d4da",
                "clinicalStatus": _ACTIVE,
                "verificationStatus": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
                            "code": "unconfirmed",
                        }
                    ]
                },
                "code": {"text": "Asthma"},
                "subject": _ANA,
            },
        ),
    ),
    "partial-date": Pair(
        {"resourceType": "Condition", "id": "asthma", "subject": _ANA, "onsetDateTime": "2019-05-10"},
        ({"resourceType": "Condition", "id": "asthma", "subject": _ANA, "onsetDateTime": "2019-05"},),
    ),
    "lost-element": Pair(
        {
            "resourceType": "Patient",
            "id": "ana",
            "name": [{"family": "Reyes", "given": ["Ana"]}],
            "telecom": [{"system": "phone", "value": "330-555-0101"}],
            "gender": "female",
        },
        (
            {
                "resourceType": "Patient",
                "id": "ana",
                "name": [
                    {
                        "family": "Reyes",
                        "given": [None, "Ana"],
                        "_given": [
                            {
                                "extension": [
                                    {
                                        "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                                        "valueCode": "unknown",
                                    }
                                ]
                            },
                            None,
                        ],
                    }
                ],
                "_gender": {
                    "extension": [
                        {
                            "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                            "valueCode": "unknown",
                        }
                    ]
                },
            },
        ),
    ),
    "entered-in-error": Pair(
        {"resourceType": "Patient", "id": "ana"},
        (
            {
                "resourceType": "AllergyIntolerance",
                "id": "ana-65f3",
                "verificationStatus": {"coding": [{"system": f"{_ALLERGIES}verification", "code": "entered-in-error"}]},
                "patient": _ANA,
                "code": {"text": "Penicillin"},
                "reaction": [{"manifestation": [{"text": "Urticaria"}]}],
            },
        ),
        beside=(
            {
                "resourceType": "AllergyIntolerance",
                "id": "somebody-elses",
                "clinicalStatus": {"coding": [{"system": f"{_ALLERGIES}clinical", "code": "active"}]},
                "code": {"text": "Penicillin"},
                "patient": {"reference": "Patient/ben"},
                "reaction": [{"manifestation": [{"text": "Urticaria"}]}],
            },
        ),
    ),
}
