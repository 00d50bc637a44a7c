"""A payer's portal for medications, with a formulary, claims and coverages: for the tests of its pages and pictures."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.testing.server import SandboxServer
from tests.portal_site import NPI, UNKNOWN_TO_PAYER, Answer, PlainBrowser, Portal, member, running_portal

SEED: dict[str, Any] = {
    "patients": [
        member("M1001", "Ana", "Reyes", "1970-01-01"),
        member("M1002", "Ana", "Reyes-Lund", "1982-05-09"),
        member("M2001", "Walter", "Okafor", "1957-11-30", plan="Evermore HMO 20"),
        member("M3001", "June", "Abel", "1990-02-02", coverage={"status": "inactive", "start": "2020-01-01"}),
        member("M4/1 É", "José", "Muñoz", "1964-08-15"),
    ],
    "providers": [
        {"npi": NPI, "name": "Elena Rivera, MD", "specialty": "Rheumatology", "organization": "Regional Clinic"},
        {"npi": UNKNOWN_TO_PAYER, "name": "Paul Ibsen, DO", "credentialed": False},
    ],
    "formulary": [
        {
            "drug": "Adalimumab 40 mg/0.4 mL",
            "tier": 5,
            "pa_required": True,
            "step_therapy": True,
            "ndc": "00074-0243-02",
            "procedure_code": "J0139",
            "quantity_limit": "2 pens / 28 days",
            "alternatives": ["Methotrexate 2.5 mg"],
        },
        {"drug": "Methotrexate 2.5 mg", "tier": 1, "ndc": "00054-4550-25"},
        {"drug": "Etanercept 50 mg/mL", "tier": 5, "pa_required": True, "ndc": "58406-0445-04"},
        {"drug": "Nusinersen 12 mg/5 mL", "tier": 6, "pa_required": True, "procedure_code": "J2326"},
        {"drug": "Rimegepant 75 mg", "tier": 4, "pa_required": True, "ndc": "72618-3000-02"},
        {"drug": "House blend ointment", "tier": 3},
        *({"drug": f"Testomab {n:02}", "tier": 2, "pa_required": True, "ndc": f"99999-{n:04}-01"} for n in range(60)),
    ],
    "questions": [
        {
            "procedure_code": "J0139",
            "description": "Adalimumab",
            "questions": [
                {
                    "id": "diagnosis",
                    "text": "What is the drug for?",
                    "type": "choice",
                    "options": ["rheumatoid arthritis", "psoriasis", "other"],
                },
                {"id": "methotrexate", "text": "Was methotrexate tried?", "type": "boolean"},
                {
                    "id": "weeks",
                    "text": "For how many weeks?",
                    "type": "number",
                    "when": [{"question": "methotrexate", "equals": True}],
                },
                {
                    "id": "reason",
                    "text": "Why not?",
                    "type": "text",
                    "when": [{"question": "methotrexate", "equals": False}],
                },
                {
                    "id": "other",
                    "text": "Which other condition?",
                    "type": "text",
                    "when": [{"question": "diagnosis", "equals": "other"}],
                },
                {"id": "tb_test", "text": "When was the last tuberculosis test?", "type": "date"},
            ],
        }
    ],
    "prior_auths": [
        {
            "request_id": "KEY7QX2",
            "status": "draft",
            "patient_member_id": "M1002",
            "procedure_code": "58406-0445-04",
            "created_at": "2026-04-20T09:00:00Z",
        },
        {
            "request_id": "RX/2026 7",
            "status": "draft",
            "patient_member_id": "M2001",
            "procedure_code": "J2326",
            "diagnosis_codes": ["G12.0"],
            "provider_npi": NPI,
            "created_at": "2026-04-20T09:00:00Z",
        },
        {
            "request_id": "req_pended",
            "tracking_number": "TN0000000007",
            "patient_member_id": "M1002",
            "procedure_code": "J0139",
            "diagnosis_codes": ["M06.9"],
            "provider_npi": NPI,
            "clinical_answers": {"diagnosis": "rheumatoid arthritis", "methotrexate": True, "weeks": 12},
            "created_at": "2026-04-20T09:00:00Z",
            "submitted_at": "2026-04-20T09:04:00Z",
            "state": "pended",
            "determination": {"status": "need_more_info", "reason": "Send the tuberculosis test."},
            "wanted": {"documents": ["Tuberculosis test"], "questions": ["tb_test"], "due_at": "2026-05-04T09:00:00Z"},
        },
    ],
}
_DENIED = {"status": "denied", "adjustments": [{"group": "CO", "carc": "197", "amount": 900}], "rarc": ["N702"]}
PLAN: dict[str, Any] = {
    "coverages": [
        {
            "coverage_id": "COV-1",
            "member_id": "M1001",
            "plan": "Gold PPO",
            "start": "2026-01-01",
            "group_number": "G-7",
        },
        {
            "coverage_id": "COV-2",
            "member_id": "M1001",
            "plan": "Silver Rx",
            "kind": "pharmacy",
            "order": "secondary",
            "payer": "Northlight Rx",
            "start": "2026-03-01",
            "end": "2026-12-31",
            "relationship": "spouse",
            "subscriber_id": "N-552",
        },
        {
            "coverage_id": "COV-3",
            "member_id": "M1001",
            "plan": "Bronze HMO",
            "start": "2024-01-01",
            "end": "2025-12-31",
        },
    ],
    "benefits": [
        {
            "plan": "Gold PPO",
            "service_type": "88",
            "description": "Pharmacy",
            "copay": 35,
            "authorization_required": True,
        },
        {
            "plan": "Gold PPO",
            "service_type": "98",
            "description": "Office visit",
            "network": "out",
            "coinsurance": 40,
            "deductible_applies": True,
            "visits": 20,
        },
        {"plan": "Silver Rx", "service_type": "88", "description": "Pharmacy", "copay": 12.5},
        {"plan": "Bronze HMO", "service_type": "88", "description": "Pharmacy", "covered": False},
    ],
    "accumulators": [
        {
            "member_id": "M1001",
            "kind": "deductible",
            "limit": 500,
            "used": 320.5,
            "start": "2026-01-01",
            "end": "2026-12-31",
        },
        {
            "member_id": "M1001",
            "kind": "visits",
            "service_type": "98",
            "limit": 20,
            "used": 4,
            "start": "2026-01-01",
        },
    ],
    "claims": [
        {
            "claim_number": "CLM-7",
            "member_id": "M1001",
            "provider_npi": NPI,
            "status": "partially_paid",
            "service_from": "2026-02-02",
            "received_at": "2026-02-05T09:00:00Z",
            "finalized_at": "2026-02-12T09:00:00Z",
            "diagnosis_codes": ["M06.9"],
            "auth_number": "TN0000000007",
            "check_number": "88123",
            "appeal_until": "2026-08-11T23:59:59Z",
            "lines": [
                {
                    "procedure_code": "99213",
                    "charge": 150.25,
                    "allowed": 110,
                    "paid": 90,
                    "status": "paid",
                    "adjustments": [
                        {"group": "CO", "carc": "45", "amount": 40.25},
                        {"group": "PR", "carc": "3", "amount": 20},
                    ],
                },
                {"procedure_code": "J0139", "modifiers": ["JZ"], "units": 2, "charge": 900, **_DENIED},
            ],
        },
        {
            "claim_number": "CLM/8 late",
            "member_id": "M1001",
            "provider_npi": NPI,
            "status": "denied",
            "service_from": "2025-03-02",
            "received_at": "2025-03-05T09:00:00Z",
            "finalized_at": "2025-03-12T09:00:00Z",
            "appeal_until": "2025-09-11T23:59:59Z",
            "lines": [{"procedure_code": "J0139", "charge": 900, **_DENIED}],
        },
        {
            "claim_number": "CLM-6",
            "member_id": "M2001",
            "provider_npi": NPI,
            "status": "denied",
            "service_from": "2026-01-15",
            "received_at": "2026-01-20T09:00:00Z",
            "finalized_at": "2026-02-02T09:00:00Z",
            "lines": [{"procedure_code": "J0139", "charge": 900, **_DENIED}],
        },
        {
            "claim_number": "CLM-9",
            "member_id": "M1002",
            "provider_npi": NPI,
            "status": "received",
            "service_from": "2026-04-01",
            "service_to": "2026-04-03",
            "received_at": "2026-04-05T09:00:00Z",
            "lines": [{"procedure_code": "99213", "charge": 150}],
        },
    ],
}
CONFIG: dict[str, Any] = {
    "portal": "covermymeds",
    "refuse_unneeded": True,
    "other_payers": [{"procedure_code": "72618-3000-02", "payer": "Northlight Rx", "message": "A carve-out."}],
    "determinations": [
        {
            "procedure_code": "J0139",
            "path": [
                {
                    "status": "need_more_info",
                    "reason": "Send the chart notes.",
                    "documents": ["Chart notes"],
                    "questions": ["tb_test"],
                    "due_seconds": 1_209_600,
                },
                {"status": "approved", "reason": "Meets criteria.", "units": 2, "valid_days": 180},
            ],
        },
        {
            "procedure_code": "58406-0445-04",
            "status": "denied",
            "reason": "Not on the preferred list.",
            "code": "NF-2",
            "appeal": {"mentions": ["failed adalimumab"], "reason": "Overturned on appeal.", "valid_days": 90},
            "resubmission": {"status": "approved", "reason": "Meets criteria now."},
        },
        {"procedure_code": "J2326", "status": "pending"},
    ],
    "claim_appeals": [{"carc": "197", "mentions": ["authorization"], "reason": "It is on file.", "delay_seconds": 600}],
}


@contextmanager
def running_pharmacy(**config: Any) -> Iterator[SandboxServer]:
    """Run a server with such a portal."""
    with running_portal(name="Meridian Rx", seed=SEED, plan=PLAN, **{**CONFIG, **config}) as server:
        yield server


ANSWERS = {
    "clinical_answers.diagnosis": "rheumatoid arthritis",
    "clinical_answers.methotrexate": "yes",
    "clinical_answers.tb_test": "2026-04-01",
}


def write_medication(browser: PlainBrowser, portal: Portal, code: str = "J0139", member_id: str = "M1001") -> Answer:
    """Write a request from the patient to the review; return the review."""
    page = browser.get(f"{portal.url}new?member_id={member_id}")
    page = browser.fill(page, {"patient_member_id": member_id, "go": "next"})
    page = browser.get(f"{page.url}?drug={code}")
    page = browser.fill(page, {"procedure_code": code, "go": "next"})
    page = browser.fill(page, {"diagnosis_codes": "M06.9", "units": "2", "go": "next"})
    page = browser.fill(page, {"provider_npi": NPI, "go": "next"})
    if code == "J0139":
        page = browser.fill(page, {**ANSWERS, "go": "next"})
        page = browser.fill(page, {**ANSWERS, "clinical_answers.weeks": "12", "go": "next"})
    else:
        page = browser.fill(page, {"go": "next"})
    return browser.fill(page, {"notes": "Twelve weeks of methotrexate.", "go": "next"})
