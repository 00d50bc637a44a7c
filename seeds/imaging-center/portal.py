"""The payers' side: members, clinicians, questionnaires, requests on file, coverages and benefits."""

from typing import Any

import yaml
from people import CEDARLINE, CLINICIANS, EVERMORE_HMO, EVERMORE_PPO, PATIENTS, PLANS, TIDEWATER

Json = dict[str, Any]
THERAPY = {"id": "weeks_of_therapy", "text": "Weeks of supervised therapy in the last six months?", "type": "number"}
RED_FLAGS = {
    "id": "red_flags",
    "text": "Which red flags are present?",
    "type": "choice",
    "options": ["none", "cancer", "infection", "fracture", "cauda_equina"],
}
SPINE = [
    THERAPY,
    RED_FLAGS,
    {
        "id": "cancer_site",
        "text": "Where is the primary tumor?",
        "type": "text",
        "when": [{"question": "red_flags", "equals": "cancer"}],
    },
    {"id": "motor_deficit", "text": "Is there a motor deficit on examination?", "type": "boolean"},
]
KNEE = [
    {"id": "side", "text": "Which knee?", "type": "choice", "options": ["right", "left"]},
    THERAPY,
    {"id": "locking", "text": "Does the knee lock?", "type": "boolean"},
]
SCREENING = [
    {
        "id": "smoking",
        "text": "Smoking status today?",
        "type": "choice",
        "options": ["never", "former", "current"],
        "stop": {"equals": "never", "message": "Screening is for people who smoke or have smoked."},
    },
    {
        "id": "pack_years",
        "text": "Pack-years in all?",
        "type": "number",
        "when": [{"question": "smoking", "one_of": ["former", "current"]}],
        "stop": {"max": 19, "message": "Screening begins at 20 pack-years."},
    },
    {
        "id": "quit_year",
        "text": "In which year did the patient stop smoking?",
        "type": "number",
        "when": [{"question": "smoking", "equals": "former"}],
        "stop": {"max": 2010, "message": "Screening ends 15 years after the last cigarette."},
    },
    {
        "id": "counselled",
        "text": "Was help to stop smoking offered?",
        "type": "boolean",
        "when": [{"question": "smoking", "equals": "current"}],
    },
    {
        "id": "symptoms",
        "text": "Cough, weight loss or hemoptysis?",
        "type": "boolean",
        "stop": {"equals": True, "message": "With symptoms the examination is diagnostic and no screening."},
    },
    {"id": "decision_visit", "text": "On which day were benefits and harms discussed?", "type": "date"},
]
PITUITARY = [
    {"id": "contrast_allergy", "text": "Is an allergy to contrast medium known?", "type": "boolean"},
    {"id": "egfr", "text": "Latest eGFR, in mL/min/1.73 m2?", "type": "number"},
    {"id": "egfr_date", "text": "From which day is that value?", "type": "date"},
]
PURPOSE = {"id": "purpose", "text": "What is it for?", "type": "choice"}
QUESTIONNAIRES = (
    ("70551", "MRI brain", []),
    ("70553", "MRI brain with and without contrast", PITUITARY),
    ("71250", "CT chest", []),
    ("71271", "CT lung screening", SCREENING),
    ("72141", "MRI cervical spine", SPINE),
    ("72148", "MRI lumbar spine", SPINE),
    ("73221", "MRI shoulder or other joint of the arm", []),
    ("73721", "MRI knee or other joint of the leg", KNEE),
    ("74181", "MRI abdomen", []),
    ("76536", "Ultrasound of thyroid and neck", []),
    ("78815", "PET-CT", [PURPOSE | {"options": ["staging", "treatment_response", "follow_up"]}]),
)
NEEDS_NONE = "76536"
LUMBAR = {"red_flags": "none", "motor_deficit": False}
NO_THERAPY = "No supervised therapy of at least six weeks within the last six months is documented."
# id, numbers, patient, CPT, diagnoses, clinician, answers, sent at, what else
REQUESTS: tuple[tuple[str, str, str, str, list[str], str, Json, str, Json], ...] = (
    ("req_oduya_knee", "TN2026060803", "terrence-oduya", "73721", ["S83.241A"], "rosa-maddox",
     {"side": "right", "weeks_of_therapy": 0, "locking": True}, "2026-06-08T18:20:00Z",
     {"state": "under_review"}),
    ("req_bell_lumbar", "TN2026060901", "marcus-bell", "72148", ["M54.16"], "bram-kessler",
     LUMBAR | {"weeks_of_therapy": 7}, "2026-06-09T12:10:00Z",
     {"notes": "Supervised physical therapy 2026-04-13 to 2026-05-29."}),
    ("req_bell_chest", "TN2026052107", "marcus-bell", "71250", ["R91.1"], "bram-kessler", {}, "2026-05-21T15:00:00Z",
     {"auth_number": "PA2026052208",
      "determination": {"status": "approved", "reason": "Meets criteria.", "decided_at": "2026-05-22T14:00:00Z"},
      "authorization": {"units": 1, "valid_from": "2026-05-22", "valid_to": "2026-07-20"}}),
    ("req_farid_lumbar", "TN2026060902", "omar-farid", "72148", ["M54.16"], "dora-lisle",
     LUMBAR | {"weeks_of_therapy": 80}, "2026-06-09T12:25:00Z", {"units": 1}),
    ("req_farid_knee", "TN2026060903", "omar-farid", "73721", ["M25.562"], "dora-lisle",
     {"side": "left", "weeks_of_therapy": 6, "locking": False}, "2026-06-09T12:31:00Z", {"units": 1}),
    ("req_whitlock_neck_2025", "TN2025111402", "grace-whitlock", "72141", ["M54.12"], "adele-ferris",
     LUMBAR | {"weeks_of_therapy": 4}, "2025-11-14T15:00:00Z",
     {"determination": {"status": "denied", "reason": NO_THERAPY, "decided_at": "2025-11-20T15:00:00Z"},
      "denial": {"code": "MN-07", "reason": NO_THERAPY, "appeal_until": "2026-01-19T21:00:00Z",
                 "closed_at": "2026-01-19T21:00:00Z"}}),
    ("req_whitlock_neck", "TN2026052901", "grace-whitlock", "72141", ["M54.12"], "adele-ferris",
     LUMBAR | {"weeks_of_therapy": 0}, "2026-05-29T15:00:00Z",
     {"determination": {"status": "denied", "reason": NO_THERAPY, "decided_at": "2026-06-02T15:00:00Z"},
      "denial": {"code": "MN-07", "reason": NO_THERAPY, "appeal_until": "2026-06-09T21:00:00Z"}}),
    ("req_whitlock_shoulder", "TN2026052902", "grace-whitlock", "73221", ["M25.511"], "adele-ferris", {},
     "2026-05-29T15:10:00Z",
     {"determination": {"status": "denied", "reason": "A radiograph comes first.",
                        "decided_at": "2026-06-02T15:05:00Z"},
      "denial": {"code": "MN-03", "reason": "A radiograph comes first.", "appeal_until": "2026-06-09T21:00:00Z"}}),
    ("req_ortega_lumbar", "TN2026060204", "samuel-ortega", "72148", ["M51.16"], "adele-ferris",
     LUMBAR | {"weeks_of_therapy": 3}, "2026-06-02T16:00:00Z",
     {"determination": {"status": "denied", "reason": NO_THERAPY, "decided_at": "2026-06-05T15:00:00Z"},
      "denial": {"code": "MN-07", "reason": NO_THERAPY, "appeal_until": "2026-08-04T21:00:00Z"}}),
    ("req_ellery_abdomen", "TN2026060417", "ruth-ellery", "74181", ["K80.20"], "bram-kessler", {},
     "2026-06-04T15:00:00Z",
     {"auth_number": "PA2026060588",
      "determination": {"status": "approved", "reason": "Meets criteria.", "decided_at": "2026-06-05T14:00:00Z"},
      "authorization": {"units": 1, "valid_from": "2026-06-05", "valid_to": "2026-08-03"}}),
    ("req_castell_knee", "TN2026060511", "nina-castell", "73721", ["S83.241A"], "rosa-maddox",
     {"side": "right", "weeks_of_therapy": 0, "locking": True}, "2026-06-05T16:00:00Z",
     {"determination": {"status": "need_more_info", "reason": "Send the radiograph report.",
                        "decided_at": "2026-06-08T15:00:00Z"},
      "wanted": {"documents": ["Radiograph report"], "due_at": "2026-06-12T21:00:00Z"}}),
    ("req_amsel_chest", "TN2026060806", "victor-amsel", "71250", ["R91.1"], "bram-kessler", {}, "2026-06-08T15:00:00Z",
     {"determination": {"status": "approved", "reason": "Meets criteria.", "decided_at": "2026-06-09T12:50:00Z"},
      "authorization": {"units": 1, "valid_from": "2026-06-09", "valid_to": "2026-08-07"}}),
)  # fmt: skip
DRAFT: Json = {
    "request_id": "req_lindqvist_brain",
    "status": "draft",
    "patient_member_id": PATIENTS["hannah-lindqvist"].member,
    "procedure_code": "70553",
    "diagnosis_codes": ["D35.2"],
    "provider_npi": CLINICIANS["evan-holt"].npi,
    "clinical_answers": {"contrast_allergy": False},
    "notes": "Yearly control of a pituitary microadenoma.",
    "created_at": "2026-06-09T11:40:00Z",
}


def request(row: tuple[str, str, str, str, list[str], str, Json, str, Json]) -> Json:
    """Return a request that is on file."""
    key, number, patient, cpt, diagnoses, clinician, answers, at, more = row
    return {
        "request_id": key,
        "tracking_number": number,
        "patient_member_id": PATIENTS[patient].member,
        "procedure_code": cpt,
        "diagnosis_codes": diagnoses,
        "provider_npi": CLINICIANS[clinician].npi,
        "clinical_answers": answers,
        "created_at": at,
        "submitted_at": at,
        **more,
    }


def portal() -> bytes:
    """Return `portal.yaml`."""
    patients = [
        {
            "member_id": row.member,
            "first_name": row.given,
            "last_name": row.family,
            "birth_date": row.born,
            "gender": row.gender,
            "plan": row.plan,
            "group_number": PLANS[row.plan][2],
            "coverage": {"status": "active", "start": "2025-01-01"},
            "phone": row.phone,
        }
        for row in PATIENTS.values()
    ]
    providers = [
        {"npi": row.npi, "name": row.name, "specialty": row.specialty, "organization": row.organization}
        for row in CLINICIANS.values()
    ]
    questions = [
        {"procedure_code": code, "description": text, "pa_required": code != NEEDS_NONE, "questions": asked}
        for code, text, asked in QUESTIONNAIRES
    ]
    return dumped(
        {
            "patients": patients,
            "providers": providers,
            "questions": questions,
            "prior_auths": [*map(request, REQUESTS), DRAFT],
        }
    )


def payer() -> bytes:
    """Return `payer.yaml`: each plan's rules for imaging, X12 service types 4 (diagnostic X-ray) and 62 (MRI, CT)."""
    terms = {EVERMORE_PPO: (75, 20), EVERMORE_HMO: (100, 10), TIDEWATER: (60, 20), CEDARLINE: (0, 20)}
    coverages = [
        {
            "coverage_id": f"COV-{row.member}",
            "member_id": row.member,
            "plan": row.plan,
            "start": "2025-01-01",
            "payer": PLANS[row.plan][0],
            "group_number": PLANS[row.plan][2],
            "subscriber_id": row.member,
        }
        for row in PATIENTS.values()
    ]
    benefits = [
        {
            "plan": plan,
            "service_type": kind,
            "description": text,
            "copay": copay,
            "coinsurance": share,
            "authorization_required": kind == "62",
        }
        for plan, (copay, share) in terms.items()
        for kind, text in (("4", "X-ray and ultrasound"), ("62", "MRI, CT and PET"))
    ]
    return dumped({"coverages": coverages, "benefits": benefits})


class _Plain(yaml.SafeDumper):
    """Writes what stands twice twice, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        """Use no anchor for anything."""
        return True


def dumped(value: Json) -> bytes:
    """Write YAML, keys in their order."""
    text = yaml.dump(value, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
    return text.encode()
