"""What makes some charts particular: the appointments, orders, notes and results that tasks turn on."""

import base64
from datetime import date

from charts import condition, coverage_row, report, result, visit
from codes import (
    CLINIC,
    CPT,
    ICD10,
    LOINC,
    ORDER,
    PANELS,
    PROBLEMS,
    REFERRAL,
    SNOMED,
    TERMINOLOGY,
    TESTS,
    Json,
    coding,
    concept,
    problem_code,
)
from people import PEOPLE, Person
from staff import SLOT_MINUTES, organization_ref, practitioner_ref, specialty_code

NOTE_TYPES = {
    "progress": ("11506-3", "Progress note"),
    "therapy": ("11508-9", "Physical therapy Progress note"),
    "imaging": ("18748-4", "Diagnostic imaging study"),
    "referral": ("57133-1", "Referral note"),
}
LABORATORY = coding(SNOMED, "108252007", "Laboratory procedure")
IMAGING = coding(SNOMED, "363679005", "Imaging")

# Appointments that take a specialist's slot: (slot, patient, practitioner, status, reason or None).
BOOKINGS: list[tuple[str, str, str, str, str, str]] = [
    # id, patient, practitioner, start, status, reason
    ("robert-okafor-endocrinology", "robert-okafor", "clara-bianchi", "2026-05-13T17:20:00Z", "booked", "diabetes"),
    ("robert-okafor-endocrinology-april", "robert-okafor", "clara-bianchi", "2026-04-29T17:20:00Z", "cancelled",
     "diabetes"),
    ("robert-okafor-cardiology-january", "robert-okafor", "amara-osei", "2026-01-20T13:40:00Z", "fulfilled",
     "hypertension"),
    ("robert-okafor-follow-up", "robert-okafor", "james-oyelaran", "2026-06-16T14:00:00Z", "booked", "hypertension"),
    ("walter-petrov-orthopedics", "walter-petrov", "naomi-fischer", "2026-05-14T15:40:00Z", "booked",
     "knee-osteoarthritis"),
    ("maria-chen-check-up", "maria-chen", "helen-marsh", "2026-05-20T14:30:00Z", "booked", "asthma"),
    ("agnes-thornton-cardiology", "agnes-thornton", "amara-osei", "2026-05-12T13:40:00Z", "booked",
     "atrial-fibrillation"),
    ("pauline-roux-cardiology", "pauline-roux", "viktor-lindgren", "2026-05-13T15:20:00Z", "booked", "heart-failure"),
    ("chloe-martin-neurology", "chloe-martin", "rajiv-menon", "2026-05-12T13:40:00Z", "booked", "migraine"),
    ("quentin-moss-orthopedics", "quentin-moss", "naomi-fischer", "2026-05-11T15:40:00Z", "booked", "left-knee-pain"),
    ("rosa-delgado-endocrinology", "rosa-delgado", "clara-bianchi", "2026-05-08T16:40:00Z", "booked", "diabetes"),
    ("dmitri-volkov-no-show", "dmitri-volkov", "james-oyelaran", "2026-03-11T15:00:00Z", "noshow", "gout"),
]  # fmt: skip
SPECIALISTS = {"amara-osei", "viktor-lindgren", "naomi-fischer", "rajiv-menon", "clara-bianchi"}
TAKEN = {
    f"{clinician}-{start[:10].replace('-', '')}-{start[11:13]}{start[14:16]}"
    for _, _, clinician, start, status, _ in BOOKINGS
    if status == "booked" and clinician in SPECIALISTS
}
BASED_ON = {"walter-petrov-orthopedics": "walter-petrov-referral"}


def appointments() -> list[Json]:
    """Return the appointments, past, coming, cancelled and missed."""
    made = []
    for key, patient, clinician, start, status, problem in BOOKINGS:
        day, hour, minute = start[:10], int(start[11:13]), int(start[14:16])
        minutes = hour * 60 + minute + (SLOT_MINUTES if clinician in SPECIALISTS else 30)
        row: Json = {
            "resourceType": "Appointment",
            "id": key,
            "status": status,
            "serviceType": [concept("Office visit", coding(SNOMED, "185345009", "Encounter for symptom"))],
            "reasonCode": [problem_code(problem)],
            "start": start,
            "end": f"{day}T{minutes // 60:02d}:{minutes % 60:02d}:00Z",
            "participant": [
                {"actor": PEOPLE[patient].ref, "status": "declined" if status == "cancelled" else "accepted"},
                {"actor": practitioner_ref(clinician), "status": "accepted"},
            ],
        }
        if status == "cancelled":
            reason = coding(f"{TERMINOLOGY}/appointment-cancellation-reason", "pat", "Patient")
            row["cancelationReason"] = concept("Cancelled by the patient", reason)
        slot = f"{clinician}-{start[:10].replace('-', '')}-{start[11:13]}{start[14:16]}"
        if slot in TAKEN:
            row["slot"] = [{"reference": f"Slot/{slot}"}]
        if key in BASED_ON:
            row["basedOn"] = [{"reference": f"ServiceRequest/{BASED_ON[key]}"}]
        made.append(row)
    return made


def imaging_order(
    patient: str, number: str, cpt: str, text: str, problem: str, clinician: str, day: str, coverage: str | None = None
) -> Json:
    """Return an imaging order that waits for the payer's word."""
    person = PEOPLE[patient]
    _, _, icd, icd_term, problem_text = PROBLEMS[problem]
    return {
        "resourceType": "ServiceRequest",
        "id": f"{patient}-imaging-order",
        "identifier": [{"system": ORDER, "value": number}],
        "status": "on-hold",
        "intent": "order",
        "category": [concept("Imaging", IMAGING)],
        "priority": "routine",
        "code": concept(text, coding(CPT, cpt)),
        "subject": person.ref,
        "encounter": {"reference": f"Encounter/{patient}-imaging-visit"},
        "authoredOn": f"{day}T15:10:00Z",
        "requester": practitioner_ref(clinician),
        "performer": [organization_ref("riverton-imaging")],
        "reasonCode": [concept(problem_text, coding(ICD10, icd, icd_term))],
        "insurance": [{"reference": f"Coverage/{coverage or patient + '-coverage'}"}],
        "note": [{"text": "On hold until the insurance question is settled."}],
    }


def laboratory_order(patient: str, number: str, loinc: tuple[str, str], clinician: str, day: str) -> Json:
    """Return a laboratory order whose result is awaited."""
    return {
        "resourceType": "ServiceRequest",
        "id": f"{patient}-lab-{number[-3:]}",
        "identifier": [{"system": ORDER, "value": number}],
        "status": "active",
        "intent": "order",
        "category": [concept("Laboratory", LABORATORY)],
        "code": concept(loinc[1], coding(LOINC, *loinc)),
        "subject": PEOPLE[patient].ref,
        "authoredOn": f"{day}T13:00:00Z",
        "requester": practitioner_ref(clinician),
        "performer": [organization_ref("lakeland-laboratory")],
    }


def note(patient: str, key: str, kind: str, day: str, author: str, title: str, text: str) -> Json:
    """Return a clinical note with its text inside."""
    return {
        "resourceType": "DocumentReference",
        "id": key,
        "status": "current",
        "docStatus": "final",
        "type": concept(NOTE_TYPES[kind][1], coding(LOINC, *NOTE_TYPES[kind])),
        "subject": PEOPLE[patient].ref,
        "date": f"{day}T17:00:00Z",
        "author": [practitioner_ref(author)],
        "description": title,
        "content": [
            {
                "attachment": {
                    "contentType": "text/plain; charset=utf-8",
                    "data": base64.b64encode(text.strip().encode()).decode(),
                    "title": title,
                    "creation": f"{day}T17:00:00Z",
                }
            }
        ],
    }


def _imaging_visit(patient: str, day: str, clinician: str, problem: str) -> Json:
    person = PEOPLE[patient]
    return visit(person, f"{patient}-imaging-visit", date.fromisoformat(day), clinician, problem_code(problem), 15)


def referrals() -> list[Json]:
    """Return the referral that was dealt with last week."""
    person = PEOPLE["walter-petrov"]
    _, _, icd, icd_term, text = PROBLEMS["knee-osteoarthritis"]
    return [
        {
            "resourceType": "ServiceRequest",
            "id": "walter-petrov-referral",
            "identifier": [{"system": REFERRAL, "value": "NIM-26-0398"}],
            "status": "active",
            "intent": "order",
            "category": [concept("Referral", coding(SNOMED, "3457005", "Patient referral"))],
            "priority": "routine",
            "code": concept("Orthopedics consultation", coding(SNOMED, "11429006", "Consultation")),
            "subject": person.ref,
            "authoredOn": "2026-04-15T16:20:00Z",
            "requester": practitioner_ref("peter-kline"),
            "performerType": specialty_code("orthopedics"),
            "performer": [practitioner_ref("naomi-fischer")],
            "reasonCode": [concept(text, coding(ICD10, icd, icd_term))],
        }
    ]


def imaging() -> list[Json]:
    """Return the orders of the imaging desk and what the charts say about them."""
    anita = PEOPLE["anita-desai"]
    old = condition(PEOPLE["linda-castellano"], "low-back-pain", date(2024, 2, 12), resolved=date(2024, 5, 20))
    return [
        old,
        _imaging_visit("linda-castellano", "2026-04-21", "helen-marsh", "lumbar-radiculopathy"),
        imaging_order(
            "linda-castellano", "ORD-260421-07", "72148", "MRI lumbar spine without contrast", "lumbar-radiculopathy",
            "helen-marsh", "2026-04-21",
        ),
        note("linda-castellano", "linda-castellano-therapy-2024", "therapy", "2024-04-22", "helen-marsh",
             "Physical therapy discharge summary 2024", """
Mechanical low back pain after gardening. Four weeks of supervised physical therapy, 2024-03-25 to 2024-04-22.
Pain free at discharge. Home exercises given."""),
        note("linda-castellano", "linda-castellano-therapy-2026", "therapy", "2026-04-07", "helen-marsh",
             "Physical therapy discharge summary", """
Referred with left L5 radicular pain. Eight weeks of supervised physical therapy and anti-inflammatory treatment,
2026-02-10 to 2026-04-07, sixteen sessions, all attended. No lasting improvement of leg pain."""),
        note("linda-castellano", "linda-castellano-progress", "progress", "2026-04-21", "helen-marsh",
             "Office visit 2026-04-21", """
Left leg pain to the big toe since the end of January. Straight leg raise positive on the left at 40 degrees, sensation
reduced over the left dorsal foot, strength 5/5 throughout and unchanged since February. No bladder or bowel
disturbance, no saddle anesthesia, no fever, no history of cancer, no trauma.
Plan: MRI of the lumbar spine without contrast, then decide on an epidural injection."""),
        _imaging_visit("marcus-hale", "2026-04-20", "tessa-grant", "right-knee-pain"),
        imaging_order(
            "marcus-hale", "ORD-260420-03", "73721", "MRI right knee without contrast", "right-knee-pain",
            "tessa-grant", "2026-04-20",
        ),
        note("marcus-hale", "marcus-hale-radiograph", "imaging", "2026-03-02", "tessa-grant",
             "Right knee radiograph, three views", """
Exam date 2026-03-02. No fracture, no dislocation. Joint spaces preserved. Small effusion."""),
        note("marcus-hale", "marcus-hale-therapy", "therapy", "2026-04-17", "tessa-grant",
             "Physical therapy discharge summary", """
Right knee pain after a twisting injury while skiing on 2026-02-21. Six weeks of supervised physical therapy,
2026-03-06 to 2026-04-17. Strength regained, but the knee still locks twice a week and swells after walking."""),
        note("marcus-hale", "marcus-hale-progress", "progress", "2026-04-20", "tessa-grant",
             "Office visit 2026-04-20", """
Persisting right knee pain with locking two months after a twisting injury on 2026-02-21. Joint line tenderness
medially, McMurray positive. Plan: MRI of the right knee."""),
        _imaging_visit("priya-raman", "2026-03-31", "helen-marsh", "migraine"),
        imaging_order(
            "priya-raman", "ORD-260331-12", "70551", "MRI brain without contrast", "migraine", "helen-marsh",
            "2026-03-31",
        ),
        note("priya-raman", "priya-raman-progress", "progress", "2026-03-31", "helen-marsh",
             "Office visit 2026-03-31", """
Migraine for years, since February twice as often and now with visual aura lasting 40 minutes. Neurological
examination normal. Plan: MRI of the brain; last one in June 2025 was normal."""),
        _imaging_visit("george-lindqvist", "2026-04-20", "james-oyelaran", "cough"),
        imaging_order(
            "george-lindqvist", "ORD-260420-09", "71250", "CT chest without contrast", "cough", "james-oyelaran",
            "2026-04-20",
        ),
        note("george-lindqvist", "george-lindqvist-progress", "progress", "2026-04-20", "james-oyelaran",
             "Office visit 2026-04-20", """
Cough for four months, 35 pack-years, stopped in 2019. Chest radiograph in March without infiltrate.
Plan: CT chest."""),
        coverage_row(anita, "anita-desai-coverage-2025", "keystone-commercial", "KCI771388902", "active",
                     "2022-03-01", "2025-12-31"),
        _imaging_visit("anita-desai", "2026-04-16", "tessa-grant", "right-shoulder-pain"),
        imaging_order(
            "anita-desai", "ORD-260416-05", "73221", "MRI right shoulder without contrast", "right-shoulder-pain",
            "tessa-grant", "2026-04-16", "anita-desai-coverage-2025",
        ),
        note("anita-desai", "anita-desai-progress", "progress", "2026-04-16", "tessa-grant",
             "Office visit 2026-04-16", """
Right shoulder pain since January, worse at night. Ten weeks of supervised physical therapy (2026-02-02 to
2026-04-13) without lasting benefit. Weakness of external rotation and positive drop arm test on the right.
Radiograph of 2026-01-29: no fracture. Plan: MRI of the right shoulder.
Patient changed jobs at the turn of the year; new insurance card was scanned at the front desk."""),
        _imaging_visit("samuel-brooks", "2026-04-22", "james-oyelaran", "abdominal-pain"),
        imaging_order(
            "samuel-brooks", "ORD-260422-02", "74177", "CT abdomen and pelvis with intravenous contrast",
            "abdominal-pain", "james-oyelaran", "2026-04-22",
        ),
        note("samuel-brooks", "samuel-brooks-progress", "progress", "2026-04-22", "james-oyelaran",
             "Office visit 2026-04-22", """
Intermittent left lower abdominal pain for five weeks, no fever, no weight loss. Creatinine normal in March.
Plan: CT of abdomen and pelvis with intravenous contrast."""),
    ]  # fmt: skip


def laboratory() -> list[Json]:
    """Return the laboratory orders whose results are awaited, and the report that will be corrected."""
    bmp, cbc = PANELS["bmp"], PANELS["cbc"]
    single = {name: (TESTS[name][0], TESTS[name][1]) for name in ("potassium", "tsh", "ferritin")}
    ruth: Person = PEOPLE["ruth-feldman"]
    at = "2026-04-21T12:40:00Z"
    wrong = result(ruth, "ruth-feldman-hemoglobin-2026-04-21", "hemoglobin", 8.1, at)
    accession = "LL26111-0388"
    order = laboratory_order("ruth-feldman", "ORD-260420-188", cbc, "helen-marsh", "2026-04-20")
    order["status"] = "completed"
    filed = report(ruth, "ruth-feldman-cbc-2026-04-21", cbc, accession, at, [wrong])
    wrong["basedOn"] = filed["basedOn"] = [{"reference": f"ServiceRequest/{order['id']}"}]
    wrong["identifier"] = [{"system": f"{CLINIC}/identifier/result", "value": f"{accession}/718-7"}]
    return [
        laboratory_order("beatrice-lund", "ORD-260422-211", bmp, "helen-marsh", "2026-04-22"),
        laboratory_order("omar-haddad", "ORD-260422-214", bmp, "james-oyelaran", "2026-04-22"),
        order,
        wrong,
        filed,
        laboratory_order("carlos-mendoza", "ORD-260422-219", single["potassium"], "james-oyelaran", "2026-04-22"),
        laboratory_order("nadia-hassan", "ORD-260422-223", bmp, "james-oyelaran", "2026-04-22"),
        laboratory_order("frank-delaney", "ORD-260422-226", single["tsh"], "helen-marsh", "2026-04-22"),
        laboratory_order("elena-reyes", "ORD-260422-230", single["ferritin"], "ines-calder", "2026-04-22"),
    ]


def stories() -> list[Json]:
    """Return every particular resource."""
    return [*appointments(), *referrals(), *imaging(), *laboratory()]
