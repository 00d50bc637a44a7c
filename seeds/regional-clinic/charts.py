"""The ordinary part of every chart: problems, drugs, allergies, cover, visits, results, vaccines.

What differs from patient to patient is derived from the patient's id, so that it never changes.
"""

import hashlib
from datetime import date, timedelta

from codes import (
    ACCESSION,
    ALLERGENS,
    CVX,
    DRUGS,
    LOINC,
    PANELS,
    REACTIONS,
    RXNORM,
    SNOMED,
    TERMINOLOGY,
    TESTS,
    TREATMENT,
    UCUM,
    VACCINES,
    Json,
    coding,
    concept,
    interpretation,
    problem_code,
    quantity,
    reference_range,
    test_code,
)
from people import PEOPLE, TODAY, Person
from staff import organization_ref, practitioner_ref

ACUTE = {"low-back-pain", "right-knee-pain", "left-knee-pain", "right-shoulder-pain", "cough", "abdominal-pain"}
ACUTE |= {"lumbar-radiculopathy"}

# problem: tests that are followed, with the value of the older and of the newer result.
FOLLOWED: dict[str, dict[str, tuple[float, float]]] = {
    "diabetes": {"a1c": (7.9, 7.2)},
    "hyperlipidemia": {"ldl": (142.0, 96.0)},
    "hypothyroidism": {"tsh": (6.1, 2.4)},
    "ckd3": {"creatinine": (1.6, 1.7), "potassium": (4.8, 5.0)},
    "heart-failure": {"sodium": (137.0, 138.0), "potassium": (4.4, 4.6)},
    "hypertension": {"creatinine": (0.9, 1.0), "potassium": (4.1, 4.2)},
    "iron-deficiency": {"hemoglobin": (10.2, 11.0), "ferritin": (8.0, 14.0)},
}


def pick(low: int, high: int, *parts: object) -> int:
    """Return a number from `low` to `high` that always belongs to these parts.

    >>> pick(1, 6, "a", 1) == pick(1, 6, "a", 1)
    True
    """
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return low + int.from_bytes(digest[:4], "big") % (high - low + 1)


def status(kind: str, code: str, term: str) -> Json:
    """Return a status concept of the condition and allergy code systems."""
    return {"coding": [coding(f"{TERMINOLOGY}/{kind}", code, term)]}


def conditions(person: Person) -> list[Json]:
    """Return the problem list."""
    made = []
    for problem in person.problems:
        days = pick(60, 110, person.id, problem) if problem in ACUTE else pick(500, 3200, person.id, problem)
        made.append(condition(person, problem, TODAY - timedelta(days=days)))
    return made


def condition(person: Person, problem: str, onset: date, *, resolved: date | None = None) -> Json:
    """Return one problem; a resolved one is inactive."""
    row: Json = {
        "resourceType": "Condition",
        "id": f"{person.id}-{problem}",
        "clinicalStatus": status(
            "condition-clinical", *(("resolved", "Resolved") if resolved else ("active", "Active"))
        ),
        "verificationStatus": status("condition-ver-status", "confirmed", "Confirmed"),
        "category": [status("condition-category", "problem-list-item", "Problem List Item")],
        "code": problem_code(problem),
        "subject": person.ref,
        "onsetDateTime": str(onset),
        "recordedDate": str(onset + timedelta(days=pick(0, 9, person.id, problem, "recorded"))),
        "recorder": practitioner_ref(person.pcp),
    }
    if resolved:
        row["abatementDateTime"] = str(resolved)
    return row


def medications(person: Person) -> list[Json]:
    """Return the drugs that treat the problems, each once."""
    named = [(drug, problem) for problem in person.problems for drug in TREATMENT.get(problem, [])]
    named += [(drug, person.problems[0]) for drug in person.extra.get("drugs", [])]
    made: dict[str, Json] = {}
    for drug, problem in named:
        code, name, sig = DRUGS[drug]
        made.setdefault(
            drug,
            {
                "resourceType": "MedicationRequest",
                "id": f"{person.id}-{drug}",
                "status": "active",
                "intent": "order",
                "medicationCodeableConcept": concept(name, coding(RXNORM, code, name)),
                "subject": person.ref,
                "authoredOn": str(TODAY - timedelta(days=pick(30, 300, person.id, drug))),
                "requester": practitioner_ref(person.pcp),
                "reasonReference": [{"reference": f"Condition/{person.id}-{problem}"}],
                "dosageInstruction": [{"text": sig}],
            },
        )
    return list(made.values())


def allergies(person: Person) -> list[Json]:
    """Return the allergies, or that none is known."""
    common: Json = {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": status("allergyintolerance-clinical", "active", "Active"),
        "verificationStatus": status("allergyintolerance-verification", "confirmed", "Confirmed"),
    }
    recorded = str(TODAY - timedelta(days=pick(400, 2500, person.id, "allergy")))
    if not person.allergies:
        none = concept("No known allergies", coding(SNOMED, "716186003", "No known allergy"))
        return [common | {"id": f"{person.id}-no-known-allergy", "code": none, "patient": person.ref}]
    made = []
    for allergen, reaction, criticality in person.allergies:
        system, code, term, category, text = ALLERGENS[allergen]
        reaction_code, reaction_term = REACTIONS[reaction]
        row = common | {
            "id": f"{person.id}-{allergen}",
            "type": "intolerance" if reaction == "nausea" else "allergy",
            "category": [category],
            "criticality": criticality,
            "code": concept(text, coding(system, code, term)),
            "patient": person.ref,
            "recordedDate": recorded,
            "recorder": practitioner_ref(person.pcp),
            "reaction": [
                {
                    "manifestation": [concept(reaction_term, coding(SNOMED, reaction_code, reaction_term))],
                    "severity": "severe" if criticality == "high" else "mild",
                }
            ],
        }
        made.append(row)
    return made


def coverage(person: Person) -> Json:
    """Return the insurance that is in force."""
    return coverage_row(person, f"{person.id}-coverage", person.payer, person.member_id, "active", "2024-01-01", None)


def coverage_row(person: Person, key: str, payer: str, member_id: str, state: str, start: str, end: str | None) -> Json:
    """Return one insurance policy."""
    relation = ("child", "Child") if person.guardian else ("self", "Self")
    subscriber = {"display": person.guardian} if person.guardian else {"reference": f"Patient/{person.id}"}
    return {
        "resourceType": "Coverage",
        "id": key,
        "identifier": [{"system": f"https://{payer}.example/member-id", "value": member_id}],
        "status": state,
        "type": concept(
            "Health insurance plan", coding(f"{TERMINOLOGY}/v3-ActCode", "HIP", "health insurance plan policy")
        ),
        "subscriber": subscriber,
        "subscriberId": member_id[:-2] if person.guardian else member_id,
        "beneficiary": person.ref,
        "relationship": concept(relation[1], coding(f"{TERMINOLOGY}/subscriber-relationship", *relation)),
        "period": {"start": start} | ({"end": end} if end else {}),
        "payor": [organization_ref(payer)],
    }


def visit(person: Person, key: str, day: date, clinician: str, reason: Json | None, hour: int = 14) -> Json:
    """Return a finished office visit of half an hour."""
    row: Json = {
        "resourceType": "Encounter",
        "id": key,
        "status": "finished",
        "class": coding(f"{TERMINOLOGY}/v3-ActCode", "AMB", "ambulatory"),
        "type": [concept("Office visit", coding(SNOMED, "185345009", "Encounter for symptom"))],
        "subject": person.ref,
        "participant": [{"individual": practitioner_ref(clinician)}],
        "period": {"start": f"{day}T{hour}:00:00Z", "end": f"{day}T{hour}:30:00Z"},
        "location": [{"location": {"reference": "Location/main-clinic", "display": "Main Clinic"}}],
        "serviceProvider": organization_ref("regional-medical-center"),
    }
    if reason:
        row["reasonCode"] = [reason]
    return row


def vitals(person: Person, key: str, day: date, encounter: str) -> list[Json]:
    """Return blood pressure, pulse and weight of a visit."""
    is_child, has_pressure = person.age < 18, "hypertension" in person.problems
    systolic = pick(96, 108, key) if is_child else pick(132, 148, key) if has_pressure else pick(108, 128, key)
    diastolic = systolic - pick(44, 52, key, "d")
    weight = pick(30, 40, person.id, "w") if is_child else pick(58, 98, person.id, "w")
    category = [
        concept("Vital Signs", coding(f"{TERMINOLOGY}/observation-category", "vital-signs", "Vital Signs")),
    ]
    common: Json = {
        "resourceType": "Observation",
        "status": "final",
        "category": category,
        "subject": person.ref,
        "encounter": {"reference": f"Encounter/{encounter}"},
        "effectiveDateTime": f"{day}T14:05:00Z",
    }

    def amount(value: float, unit: str, code: str) -> Json:
        return {"value": value, "unit": unit, "system": UCUM, "code": code}

    pressure = "Blood pressure panel with all children optional"
    parts = [
        ("8480-6", "Systolic blood pressure", systolic),
        ("8462-4", "Diastolic blood pressure", diastolic),
    ]
    return [
        common
        | {
            "id": f"{key}-blood-pressure",
            "code": concept("Blood pressure", coding(LOINC, "85354-9", pressure)),
            "component": [
                {"code": concept(term, coding(LOINC, code, term)), "valueQuantity": amount(value, "mmHg", "mm[Hg]")}
                for code, term, value in parts
            ],
        },
        common
        | {
            "id": f"{key}-heart-rate",
            "code": concept("Heart rate", coding(LOINC, "8867-4", "Heart rate")),
            "valueQuantity": amount(pick(60, 88, key, "hr"), "beats/minute", "/min"),
        },
        common
        | {
            "id": f"{key}-weight",
            "code": concept("Body weight", coding(LOINC, "29463-7", "Body weight")),
            "valueQuantity": amount(weight, "kg", "kg"),
        },
    ]


def result(person: Person, key: str, test: str, value: float, at: str, *, state: str = "final") -> Json:
    """Return one laboratory result."""
    return {
        "resourceType": "Observation",
        "id": key,
        "status": state,
        "category": [concept("Laboratory", coding(f"{TERMINOLOGY}/observation-category", "laboratory", "Laboratory"))],
        "code": test_code(test),
        "subject": person.ref,
        "effectiveDateTime": at,
        "issued": at.replace("T12:", "T19:"),
        "performer": [organization_ref("lakeland-laboratory")],
        "valueQuantity": quantity(test, value),
        "interpretation": [interpretation(test, value)],
        "referenceRange": [reference_range(test)],
    }


def report(
    person: Person, key: str, name: tuple[str, str], accession: str, at: str, results: list[Json], state: str = "final"
) -> Json:
    """Return the laboratory's report over some results."""
    code, term = name
    return {
        "resourceType": "DiagnosticReport",
        "id": key,
        "identifier": [{"system": ACCESSION, "value": accession}],
        "status": state,
        "category": [
            concept("Laboratory", coding(f"{TERMINOLOGY}/v2-0074", "LAB", "Laboratory")),
        ],
        "code": concept(term, coding(LOINC, code, term)),
        "subject": person.ref,
        "effectiveDateTime": at,
        "issued": at.replace("T12:", "T19:"),
        "performer": [organization_ref("lakeland-laboratory")],
        "result": [{"reference": f"Observation/{row['id']}", "display": row["code"]["text"]} for row in results],
    }


def laboratory(person: Person) -> list[Json]:
    """Return the results that follow the problems: one last year, one this year, each with its report."""
    values: dict[str, tuple[float, float]] = {}
    for problem in person.problems:
        for test, pair in FOLLOWED.get(problem, {}).items():
            values.setdefault(test, pair)
    made: list[Json] = []
    for test, pair in values.items():
        for index, value in enumerate(pair):
            age = pick(260, 330, person.id, test) if index == 0 else pick(30, 85, person.id, test)
            at = f"{TODAY - timedelta(days=age)}T12:{pick(0, 59, person.id, test, index):02d}:00Z"
            key = f"{person.id}-{test}-{at[:10]}"
            row = result(person, key, test, value, at)
            panel = (TESTS[test][0], TESTS[test][1])
            if test == "hemoglobin":
                panel = PANELS["cbc"]
            accession = f"LL{at[2:4]}{date.fromisoformat(at[:10]):%j}-{pick(1000, 9999, key)}"
            made += [row, report(person, f"{key}-report", panel, accession, at, [row])]
    return made


def immunizations(person: Person) -> list[Json]:
    """Return the vaccines fit for the age: influenza for most, the rest by age."""
    due = [("influenza", TODAY - timedelta(days=pick(170, 220, person.id, "flu")))] if pick(0, 3, person.id) else []
    born = date.fromisoformat(person.birth)
    if person.age < 18:
        due.append(("mmr", born + timedelta(days=pick(365, 420, person.id, "mmr"))))
    else:
        due.append(("tdap", TODAY - timedelta(days=pick(400, 3000, person.id, "tdap"))))
    if person.age >= 50:
        due.append(("zoster", TODAY - timedelta(days=pick(300, 700, person.id, "zoster"))))
    if person.age >= 65:
        due.append(("pneumococcal", TODAY - timedelta(days=pick(100, 340, person.id, "ppv"))))
    return [
        {
            "resourceType": "Immunization",
            "id": f"{person.id}-{name}",
            "status": "completed",
            "vaccineCode": concept(VACCINES[name][1], coding(CVX, *VACCINES[name])),
            "patient": person.ref,
            "occurrenceDateTime": str(day),
            "primarySource": True,
            "location": {"reference": "Location/main-clinic", "display": "Main Clinic"},
        }
        for name, day in due
    ]


def visits(person: Person) -> list[Json]:
    """Return last year's and this year's visit to the patient's own clinician, with vital signs."""
    made: list[Json] = []
    for number, (low, high) in enumerate(((330, 420), (20, 110)), start=1):
        day = TODAY - timedelta(days=pick(low, high, person.id, "visit", number))
        day -= timedelta(days=max(0, day.weekday() - 4))
        key = f"{person.id}-visit-{number}"
        reason = problem_code(person.problems[0]) if person.problems else None
        made.append(visit(person, key, day, person.pcp, reason))
        made += vitals(person, key, day, key)
    return made


def chart(person: Person) -> list[Json]:
    """Return everything ordinary about one patient, the Patient resource apart."""
    return [
        coverage(person),
        *conditions(person),
        *medications(person),
        *allergies(person),
        *visits(person),
        *laboratory(person),
        *immunizations(person),
    ]


def members() -> list[tuple[Person, str]]:
    """Return every patient with the current member id, for the payers' portal."""
    return [(person, person.member_id) for person in PEOPLE.values()]
