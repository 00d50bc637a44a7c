"""The charts: who the patients are, how they are insured, and what tasks turn on."""

import base64
from collections.abc import Iterator

from people import (
    CLINIC,
    CLINICIANS,
    CPT,
    HL7,
    ICD10,
    LOINC,
    MRN,
    NPI,
    ORDER,
    PAYERS,
    PEOPLE,
    PRESCRIPTION,
    RXNORM,
    SNOMED,
    VISIT,
    Json,
    Person,
)


def coding(system: str, code: str, display: str | None = None) -> Json:
    """Return a Coding."""
    return {"system": system, "code": code} | ({"display": display} if display else {})


def concept(text: str, *codings: Json) -> Json:
    """Return a CodeableConcept."""
    return ({"coding": list(codings)} if codings else {}) | {"text": text}


def hl7(name: str, code: str, display: str) -> Json:
    """Return a concept of one of HL7's own systems."""
    return {"coding": [coding(f"{HL7}/{name}", code, display)]}


def clinician(key: str) -> Json:
    """Return a reference to a clinician."""
    _, family, given, credential, _ = CLINICIANS[key]
    return {"reference": f"Practitioner/{key}", "display": f"{given} {family}, {credential}"}


def everything() -> Iterator[Json]:
    """Yield every resource."""
    yield from _organizations()
    yield from _clinicians()
    for person in PEOPLE.values():
        yield _patient(person)
        yield _coverage(person)
    yield _second_coverage(PEOPLE["mila-berg"])
    yield from _visits()
    yield from _orders()
    yield from _pharmacy()


def _organizations() -> Iterator[Json]:
    provider = hl7("organization-type", "prov", "Healthcare Provider")
    yield {
        "resourceType": "Organization",
        "id": CLINIC,
        "identifier": [{"system": NPI, "value": "1999979002"}],
        "active": True,
        "type": [provider],
        "name": "Tidewater Family Medicine",
        "telecom": [{"system": "phone", "value": "410-555-0190", "use": "work"}],
    }
    for key, name in PAYERS.items():
        yield {
            "resourceType": "Organization",
            "id": key,
            "active": True,
            "type": [hl7("organization-type", "pay", "Payer")],
            "name": name,
        }


def _clinicians() -> Iterator[Json]:
    for key, (npi, family, given, credential, gender) in CLINICIANS.items():
        yield {
            "resourceType": "Practitioner",
            "id": key,
            "identifier": [{"system": NPI, "value": npi}],
            "active": True,
            "name": [{"use": "official", "family": family, "given": [given], "suffix": [credential]}],
            "gender": gender,
        }


def _patient(person: Person) -> Json:
    return {
        "resourceType": "Patient",
        "id": person.key,
        "identifier": [
            {"use": "usual", "type": hl7("v2-0203", "MR", "Medical record number"), "system": MRN, "value": person.mrn}
        ],
        "active": True,
        "name": [{"use": "official", "family": person.family, "given": [person.given]}],
        "telecom": [{"system": "phone", "value": person.phone, "use": "mobile"}],
        "gender": person.gender,
        "birthDate": person.born,
        "address": [
            {"use": "home", "line": [person.address], "city": "Port Ellery", "state": "MD", "postalCode": "21699"}
        ],
        "generalPractitioner": [clinician(person.clinician)],
    }


def _coverage(person: Person, payer: str = "cedar-point") -> Json:
    return {
        "resourceType": "Coverage",
        "id": f"{person.key}-coverage",
        "identifier": [{"system": f"https://{payer}.example/member-id", "value": person.member}],
        "status": "active",
        "type": hl7("v3-ActCode", "HIP", "health insurance plan policy"),
        "subscriberId": person.member,
        "beneficiary": person.ref,
        "relationship": hl7("subscriber-relationship", person.relationship, person.relationship.capitalize()),
        "period": {"start": person.since},
        "payor": [{"reference": f"Organization/{payer}", "display": PAYERS[payer]}],
        "class": [{"type": hl7("coverage-class", "plan", "Plan"), "value": person.plan}],
        "order": 1,
    }


def _second_coverage(person: Person) -> Json:
    row = _coverage(person, "harborline")
    return row | {
        "id": f"{person.key}-coverage-harborline",
        "identifier": [{"system": "https://harborline.example/member-id", "value": "HLM881204552"}],
        "subscriberId": "HLM881204552",
        "class": [{"type": hl7("coverage-class", "plan", "Plan"), "value": "Harborline Select"}],
        "order": 2,
    }


def note(person: str, key: str, day: str, title: str, text: str, author: str | None = None) -> Json:
    """Return a note in a chart."""
    who = PEOPLE[person]
    return {
        "resourceType": "DocumentReference",
        "id": f"{person}-{key}",
        "status": "current",
        "docStatus": "final",
        "type": concept(title, coding(LOINC, "11506-3", "Progress note")),
        "subject": who.ref,
        "date": f"{day}T15:00:00Z",
        "author": [clinician(author or who.clinician)],
        "description": title,
        "content": [
            {
                "attachment": {
                    "contentType": "text/plain; charset=utf-8",
                    "data": base64.b64encode(text.encode()).decode(),
                    "title": title,
                }
            }
        ],
    }


def problem(person: str, key: str, code: str, text: str, onset: str) -> Json:
    """Return a problem of the list."""
    return {
        "resourceType": "Condition",
        "id": f"{person}-{key}",
        "clinicalStatus": hl7("condition-clinical", "active", "Active"),
        "verificationStatus": hl7("condition-ver-status", "confirmed", "Confirmed"),
        "category": [hl7("condition-category", "problem-list-item", "Problem List Item")],
        "code": concept(text, coding(ICD10, code)),
        "subject": PEOPLE[person].ref,
        "onsetDateTime": onset,
    }


def allergy(person: str, key: str, text: str, reaction: str, day: str, kind: str = "allergy", *codings: Json) -> Json:
    """Return an allergy, or an intolerance."""
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"{person}-{key}",
        "clinicalStatus": hl7("allergyintolerance-clinical", "active", "Active"),
        "verificationStatus": hl7("allergyintolerance-verification", "confirmed", "Confirmed"),
        "type": kind,
        "category": ["medication"],
        "code": concept(text, *codings),
        "patient": PEOPLE[person].ref,
        "recordedDate": day,
        "reaction": [{"manifestation": [concept(reaction)], "description": reaction}],
    }


def _visits() -> Iterator[Json]:
    nadia = PEOPLE["nadia-haddad"]
    for key, number, status, day in (
        ("visit-april", "V-26-0418", "finished", "2026-04-28"),
        ("visit-may", "V-26-0533", "planned", "2026-05-19"),
    ):
        yield {
            "resourceType": "Encounter",
            "id": f"nadia-haddad-{key}",
            "identifier": [{"system": VISIT, "value": number}],
            "status": status,
            "class": coding(f"{HL7}/v3-ActCode", "AMB", "ambulatory"),
            "type": [concept("Office visit")],
            "subject": nadia.ref,
            "participant": [{"individual": clinician(nadia.clinician)}],
            "period": {"start": f"{day}T14:00:00Z", "end": f"{day}T14:30:00Z"},
        }


def _orders() -> Iterator[Json]:
    rosa = PEOPLE["rosa-delgado"]
    yield {
        "resourceType": "ServiceRequest",
        "id": "rosa-delgado-sleep-study",
        "identifier": [{"system": ORDER, "value": "ORD-260507-04"}],
        "status": "on-hold",
        "intent": "order",
        "priority": "routine",
        "code": concept("Sleep study in the laboratory, attended", coding(CPT, "95810")),
        "subject": rosa.ref,
        "authoredOn": "2026-05-07T16:20:00Z",
        "occurrenceDateTime": "2026-05-28",
        "requester": clinician(rosa.clinician),
        "reasonCode": [
            concept("Obstructive sleep apnea", coding(ICD10, "G47.33", "Obstructive sleep apnea (adult) (pediatric)"))
        ],
        "insurance": [{"reference": "Coverage/rosa-delgado-coverage"}],
        "note": [{"text": "On hold until the payer has decided."}],
    }
    yield note(
        "rosa-delgado",
        "sleep-2025",
        "2025-03-11",
        "Sleep clinic note",
        "First visit. Snoring for years, drowsy in the afternoon. Epworth sleepiness scale 11 of 24. Weight reduction "
        "advised. No test of any kind yet.",
    )
    yield note(
        "rosa-delgado",
        "sleep-2026",
        "2026-05-07",
        "Sleep clinic note",
        "Bed partner reports pauses in breathing. Epworth sleepiness scale 16 of 24. Home sleep apnea test done on "
        "2026-04-02: inconclusive, the flow signal was lost for most of the night. Attended study in the laboratory "
        "ordered for 2026-05-28.",
    )
    yield note(
        "rosa-delgado-2",
        "sleep-2026",
        "2026-05-06",
        "Sleep clinic note",
        "Uses positive airway pressure every night. Epworth sleepiness scale 7 of 24. Titration study in the "
        "laboratory is authorized already.",
        "owen-castillo",
    )


def _prescription(
    person: str, key: str, number: str, drug: Json, reason: Json, sig: str, quantity: int, unit: str
) -> Json:
    who = PEOPLE[person]
    return {
        "resourceType": "MedicationRequest",
        "id": f"{person}-{key}",
        "identifier": [{"system": PRESCRIPTION, "value": number}],
        "status": "on-hold",
        "intent": "order",
        "medicationCodeableConcept": drug,
        "subject": who.ref,
        "authoredOn": "2026-05-11",
        "requester": clinician(who.clinician),
        "reasonCode": [reason],
        "insurance": [{"reference": f"Coverage/{person}-coverage"}],
        "dosageInstruction": [{"text": sig}],
        "dispenseRequest": {
            "quantity": {"value": quantity, "unit": unit},
            "expectedSupplyDuration": {"value": 28, "unit": "days", "system": "http://unitsofmeasure.org", "code": "d"},
        },
        "note": [{"text": "On hold until the plan has decided."}],
    }


def _pharmacy() -> Iterator[Json]:
    sulfonamide = coding(SNOMED, "91939003", "Allergy to sulfonamide")
    # Rheumatoid arthritis: a trial that counts, one that does not, and a drug that may not be tried.
    yield problem("clara-whitmore", "ra", "M05.79", "Rheumatoid arthritis with rheumatoid factor", "2022-10-03")
    yield allergy("clara-whitmore", "sulfonamide", "Sulfonamides", "Hives", "2011-06-20", "allergy", sulfonamide)
    yield note(
        "clara-whitmore",
        "visit-2023",
        "2023-04-24",
        "Rheumatology note",
        "Methotrexate 10 mg weekly was begun on 2023-02-06 and stopped on 2023-03-20 at her own wish, before a long "
        "journey. No harm, effect could not be judged.",
    )
    yield note(
        "clara-whitmore",
        "visit-2025",
        "2025-11-17",
        "Rheumatology note",
        "Methotrexate 20 mg weekly with folic acid since 2025-07-14, taken for 18 weeks without a gap. Nine swollen "
        "joints, DAS28 5.3: inadequate response. Methotrexate is stopped. Prednisone meanwhile.",
    )
    yield note(
        "clara-whitmore",
        "visit-2026",
        "2026-05-11",
        "Rheumatology note",
        "Ten swollen joints, DAS28 5.6. Interferon gamma release assay of 2026-05-04 negative (the one of 2022-10-05 "
        "was negative, too). Etanercept 50 mg once weekly by SureClick autoinjector prescribed.",
    )
    yield _prescription(
        "clara-whitmore",
        "etanercept",
        "RX-260511-02",
        concept("Enbrel SureClick autoinjector 50 mg/mL"),
        concept("Rheumatoid arthritis with rheumatoid factor", coding(ICD10, "M05.79")),
        "50 mg under the skin once weekly",
        4,
        "autoinjector",
    )
    yield problem("clara-whitmore-2", "ra", "M06.9", "Rheumatoid arthritis", "2009-01-12")

    # A drug for which the plan has alternatives; the chart speaks against the first of them.
    yield problem("edwin-barlow", "cholesterol", "E78.00", "Pure hypercholesterolemia", "2019-05-20")
    yield allergy(
        "edwin-barlow",
        "atorvastatin",
        "Atorvastatin",
        "Muscle pain with raised creatine kinase",
        "2021-02-15",
        "intolerance",
        coding(RXNORM, "83367", "atorvastatin"),
    )
    yield _prescription(
        "edwin-barlow",
        "pitavastatin",
        "RX-260511-05",
        concept("Livalo 2 mg tablet"),
        concept("Pure hypercholesterolemia", coding(ICD10, "E78.00")),
        "1 tablet once daily",
        28,
        "tablet",
    )
    yield note(
        "edwin-barlow",
        "visit-2026",
        "2026-05-11",
        "Cardiology note",
        "LDL cholesterol 162 mg/dL. Has had no statin since atorvastatin was stopped in 2021. Pitavastatin prescribed.",
    )

    # A denial; the chart has what the plan missed, and something like it that is not.
    yield problem("victor-salas", "cad", "I25.10", "Coronary artery disease", "2020-08-30")
    yield problem("victor-salas", "cholesterol", "E78.01", "Familial hypercholesterolemia", "2005-04-11")
    yield allergy(
        "victor-salas",
        "simvastatin",
        "Simvastatin",
        "Mild muscle ache, went away by itself",
        "2012-09-10",
        "intolerance",
        coding(RXNORM, "36567", "simvastatin"),
    )
    yield allergy(
        "victor-salas",
        "atorvastatin",
        "Atorvastatin",
        "Rhabdomyolysis, in hospital",
        "2024-11-06",
        "intolerance",
        coding(RXNORM, "83367", "atorvastatin"),
    )
    yield note(
        "victor-salas",
        "discharge-2024",
        "2024-11-12",
        "Discharge note",
        "In hospital from 2024-11-06 to 2024-11-12 with rhabdomyolysis on atorvastatin 80 mg, creatine kinase 18,400 "
        "U/L. No statin ever again.",
    )
    yield note(
        "victor-salas",
        "visit-2026",
        "2026-03-02",
        "Cardiology note",
        "Ezetimibe 10 mg daily from 2025-09-01, 26 weeks by now: LDL cholesterol 148 mg/dL, goal missed. Ezetimibe "
        "goes on. Evolocumab 140 mg every two weeks prescribed.",
    )
    yield _prescription(
        "victor-salas",
        "evolocumab",
        "RX-260302-01",
        concept("Repatha SureClick autoinjector 140 mg/mL"),
        concept("Familial hypercholesterolemia", coding(ICD10, "E78.01")),
        "140 mg under the skin every two weeks",
        2,
        "autoinjector",
    )

    # The plan waits for a paper.
    yield problem("leah-brandon", "asthma", "J45.50", "Severe persistent asthma", "2015-03-09")
    yield _prescription(
        "leah-brandon",
        "dupilumab",
        "RX-260506-03",
        concept("Dupixent pen 300 mg/2 mL"),
        concept("Severe persistent asthma", coding(ICD10, "J45.50")),
        "300 mg under the skin every two weeks",
        2,
        "pen",
    )

    # Another plan decides.
    yield problem("omar-nasser", "eczema", "L20.9", "Atopic dermatitis", "2010-02-02")
    yield problem("omar-nasser-2", "eczema", "L20.9", "Atopic dermatitis", "2013-06-17")
    yield _prescription(
        "omar-nasser",
        "dupilumab",
        "RX-260508-06",
        concept("Dupixent pen 300 mg/2 mL"),
        concept("Atopic dermatitis", coding(ICD10, "L20.9")),
        "300 mg under the skin every two weeks",
        2,
        "pen",
    )
