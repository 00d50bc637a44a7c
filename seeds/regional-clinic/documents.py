"""The clinic's shared drive and the payers' portal: what the desks look things up in."""

import csv
import io

import yaml
from charts import members
from people import PEOPLE
from staff import ORGANIZATIONS, PRACTITIONER_NPI, PRACTITIONERS, display

# organization: (HL7 application, HL7 facility)
INTERFACES = {
    "maple-street-practice": ("MSFPEHR", "MAPLEST"),
    "northgate-internal": ("NIMCHART", "NORTHGATE"),
    "harbor-family-health": ("HARBOREMR", "HARBORFH"),
    "elm-grove-walk-in": ("ELMCARE", "ELMGROVE"),
}

# payer: codes that need a prior authorization; every other listed code needs none.
REQUIRED = {
    "evergreen-mutual": {"70551", "70553", "72148", "73221", "73721", "74177"},
    "lakeshore-health-plan": {"70551", "70553", "72148", "73221", "73721", "71250", "74177"},
    "keystone-commercial": {"70551", "70553", "72148", "73221", "73721", "71250", "74177"},
    "senior-advantage": {"70551", "70553", "72148", "73221", "73721"},
}
LISTED = ["70551", "70553", "71046", "71250", "72148", "73030", "73221", "73562", "73721", "74177", "76700"]

# (LOINC, test, unit, critical at or below, critical at or above)
CRITICAL = [
    ("2823-3", "Potassium", "mmol/L", "2.8", "6.2"),
    ("2951-2", "Sodium", "mmol/L", "120", "160"),
    ("2345-7", "Glucose", "mg/dL", "45", "500"),
    ("17861-6", "Calcium", "mg/dL", "6.5", "13.0"),
    ("718-7", "Hemoglobin", "g/dL", "6.5", "20.0"),
    ("6301-6", "INR", "{INR}", "", "5.0"),
]


def table(header: list[str], rows: list[list[str]]) -> bytes:
    """Write a table as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()


def files() -> dict[str, bytes]:
    """Return the shared drive: path → content."""
    practices = [
        [ORGANIZATIONS[key][0], *INTERFACES[key], ORGANIZATIONS[key][2], ORGANIZATIONS[key][3] or ""]
        for key in INTERFACES
    ]
    authorizations = [
        [ORGANIZATIONS[payer][0], code, "required" if code in codes else "not required"]
        for payer, codes in REQUIRED.items()
        for code in LISTED
    ]
    block = [[f"RC-{number}", "used" if number < 100248 else "free"] for number in range(100240, 100271)]
    return {
        "directory/referring-practices.csv": table(
            ["practice", "hl7_application", "hl7_facility", "phone", "fax"], practices
        ),
        "registration/mrn-block.csv": table(["mrn", "state"], block),
        "policies/imaging-prior-authorization.csv": table(
            ["payer", "procedure_code", "prior_authorization"], authorizations
        ),
        "policies/critical-values.csv": table(
            ["loinc", "test", "unit", "critical_at_or_below", "critical_at_or_above"], [list(row) for row in CRITICAL]
        ),
    }


QUESTIONS = [
    {
        "procedure_code": "72148",
        "description": "MRI lumbar spine",
        "questions": [
            {
                "id": "conservative_therapy_weeks",
                "text": "Weeks of supervised conservative therapy completed for this episode?",
                "type": "number",
            },
            {
                "id": "progressive_neurological_deficit",
                "text": "Is there a progressive neurological deficit?",
                "type": "boolean",
            },
            {
                "id": "red_flags",
                "text": "Which red flags are present?",
                "type": "choice",
                "options": ["none", "cauda_equina", "cancer", "infection", "fracture"],
            },
        ],
    },
    {
        "procedure_code": "73721",
        "description": "MRI of a joint of the lower extremity",
        "questions": [
            {"id": "injury_date", "text": "Date of the injury, if there was one?", "type": "date", "required": False},
            {"id": "mechanical_symptoms", "text": "Is there locking or catching?", "type": "boolean"},
        ],
    },
    {
        "procedure_code": "73221",
        "description": "MRI of a joint of the upper extremity",
        "questions": [
            {
                "id": "conservative_therapy_weeks",
                "text": "Weeks of supervised conservative therapy completed for this episode?",
                "type": "number",
            },
            {"id": "weakness_on_examination", "text": "Is there weakness on examination?", "type": "boolean"},
        ],
    },
    {
        "procedure_code": "70551",
        "description": "MRI brain",
        "questions": [
            {"id": "abnormal_neurological_examination", "text": "Is the neurological examination abnormal?",
             "type": "boolean"},
            {"id": "change_in_headache_pattern", "text": "Has the headache pattern changed?", "type": "boolean"},
        ],
    },
    {
        "procedure_code": "71250",
        "description": "CT chest",
        "pa_required": False,
        "questions": [
            {"id": "chest_radiograph_date", "text": "Date of the latest chest radiograph?", "type": "date",
             "required": False},
        ],
    },
    {
        "procedure_code": "74177",
        "description": "CT abdomen and pelvis with contrast",
        "questions": [
            {"id": "symptom_duration_weeks", "text": "Weeks since the symptoms began?", "type": "number"},
        ],
    },
]  # fmt: skip


def portal() -> bytes:
    """Return `portal.yaml`: members, providers, questions and earlier requests."""
    patients = []
    for person, member_id in members():
        patients.append(
            {
                "member_id": member_id,
                "first_name": person.given.split(" ")[0],
                "last_name": person.family,
                "birth_date": person.birth,
                "gender": person.gender,
                "plan": f"{ORGANIZATIONS[person.payer][0]} Standard",
                "group_number": f"GRP-{member_id[3:7]}",
                "coverage": {
                    "status": "active",
                    "start": "2026-01-01" if person.id == "anita-desai" else "2024-01-01",
                },
                "phone": person.phone,
                "address": f"{person.street}, Riverton OH 44199",
            }
        )
    anita = PEOPLE["anita-desai"]
    patients.append(
        {
            "member_id": "KCI771388902",
            "first_name": anita.given,
            "last_name": anita.family,
            "birth_date": anita.birth,
            "gender": anita.gender,
            "plan": "Keystone Commercial Insurance Standard",
            "group_number": "GRP-7713",
            "coverage": {"status": "inactive", "start": "2022-03-01", "end": "2025-12-31"},
            "phone": anita.phone,
            "address": f"{anita.street}, Riverton OH 44199",
        }
    )
    providers = [
        {
            "npi": PRACTITIONER_NPI[key],
            "name": display(key),
            "specialty": specialty.replace("-", " ").title(),
            "organization": ORGANIZATIONS[organization][0],
            "phone": ORGANIZATIONS[organization][2],
            "credentialed": active,
        }
        for key, (_, _, _, _, specialty, organization, active) in PRACTITIONERS.items()
    ]
    marsh = PRACTITIONER_NPI["helen-marsh"]
    priya = PEOPLE["priya-raman"].member_id
    earlier = [
        _authorization("req_seed_0001", "PA1000002217", priya, "70551", "G43.909", marsh, "2025-06-03", "2025-06-05"),
        _authorization("req_seed_0002", "PA1000009846", priya, "70551", "G43.909", marsh, "2026-04-01", "2026-04-02"),
        _authorization(
            "req_seed_0003",
            "PA1000008150",
            PEOPLE["chloe-martin"].member_id,
            "70551",
            "G43.909",
            PRACTITIONER_NPI["tessa-grant"],
            "2026-02-16",
            "2026-02-18",
        ),
    ]
    whole = {"patients": patients, "providers": providers, "questions": QUESTIONS, "prior_auths": earlier}
    text: str = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=120)
    return text.encode()


def _authorization(
    request: str, number: str, member: str, code: str, diagnosis: str, npi: str, day: str, decided: str
) -> dict[str, object]:
    return {
        "request_id": request,
        "auth_number": number,
        "status": "submitted",
        "patient_member_id": member,
        "procedure_code": code,
        "diagnosis_codes": [diagnosis],
        "provider_npi": npi,
        "clinical_answers": {"abnormal_neurological_examination": False, "change_in_headache_pattern": True},
        "notes": "",
        "created_at": f"{day}T15:00:00Z",
        "submitted_at": f"{day}T15:06:00Z",
        "determination": {
            "status": "approved",
            "reason": "Meets criteria. Valid for 90 days from the date of decision.",
            "decided_at": f"{decided}T09:00:00Z",
        },
    }
