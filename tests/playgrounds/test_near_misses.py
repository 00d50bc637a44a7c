"""A near miss fails for its own mistake alone; what else fails is held back: it requires what the mistake broke."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.rehearsal.agents import load_reference
from sandbox.rehearsal.runner import Options, rehearse_once
from tests.alone import serving_only

ROOT = Path(__file__).parents[2] / "playgrounds"

CHART, BOOKED = (
    "The order is in the right chart, once",
    "The patient is booked for the earliest slot that the house rules leave",
)
TOLD, SLOT = (
    "The practice was told who is booked and when",
    "The slot is taken, so that nobody books it twice, and is otherwise as it was",
)
REQUESTED = "One request, for the right member, code, diagnosis and clinician"
RELEASED = "The order is released under the insurance in force, and is otherwise as it was"
RELEASED_DRUG = "The prescription is released, and is otherwise as it was"
APPROVED, SEEN = "The payer has approved it", "The order was released when the approval had been seen"
UNREQUESTED = "Nothing was requested, nothing else changed"
OF_ANOTHER_PATIENT = {CHART, BOOKED, TOLD}
REPORT = "The report names what was filed, paged and set aside"
ENTERED = "One order with this referral number, active, and it is in {}'s chart"
AS_THE_FAX, REPORTED = "The urgency and the reason are those of the fax", "The report says what was done"
STANDS, NO_MORE_SENT = "{} stands as the laboratory reported it last, once", "Nothing more was passed on"
FAILS = {
    "mock@2": {
        "new-phone-number": {"Maria Chen, born 1984-03-12, has the new number and no longer the old one"},
        "next-appointment": {"The date of the next appointment that stands, and its clinician"},
    },
    "fax-referral@2": {
        "existing-patient": {
            BOOKED,
            SLOT,
            TOLD,
            "Reported as booked, with the beginning of the appointment",
            "Nothing else was changed",
        },
        "former-name": OF_ANOTHER_PATIENT,
        "new-patient": {
            "David Nguyen, born 1985-10-02, has one chart under the next record number",
            *OF_ANOTHER_PATIENT,
        },
        "birth-date-slip": OF_ANOTHER_PATIENT,
        "incomplete-fax": {
            "Elm Grove was told that we cannot accept the referral, and why",
            "Grace Adeyemi's chart says that the practice was told, and what was missing",
            "Reported as returned",
        },
        "second-request": {"Reported with the appointment that exists"},
    },
    "prior-auth-imaging@2": {
        "lumbar-spine": {"The weeks of therapy are those of this episode"},
        "more-information": {APPROVED, SEEN, "The payer was given the weeks of therapy and the radiograph"},
        "already-authorized": {
            UNREQUESTED,
            "Reported as already authorized, with the number that is still good",
        },
        "not-required": {UNREQUESTED, "Reported as not required"},
        "new-insurance": {
            REQUESTED,
            APPROVED,
            SEEN,
            RELEASED,
            "The clinical questions are answered as the chart has it",
            "Reported as authorized, with the number",
        },
        "contrast-allergy": {"The ordering clinician was told of the contrast allergy", "Reported as stopped, and why"},
    },
    "prior-auth-imaging@3": {
        "pended-for-notes": {"The payer has this episode's discharge summary, once, and no other paper"},
        "two-of-three": {"The first two scans are booked, and not the third"},
        "on-file-already": {"Reported as on file, with the tracking number and the clinician of the request there is"},
        "wrong-patient": {"The request for the wrong Marcus Bell is taken back, with a reason"},
        "slip-of-a-digit": {"The request says 8 weeks, in its old place, and is otherwise as it was"},
        "appeal-in-time": {"It answers the payer's reason with the therapy of the last six months"},
        "peer-to-peer": {"The call is Dr. Ferris's, at the time when she can talk"},
        "saved-not-sent": {
            "The request that Dana began is with the payer, and there is no other",
            "It says what the chart says today",
        },
        "not-needed": {"The order is released, and is otherwise as it was", "Reported as not required"},
        "another-payer": {"Theo has the sheet, with the payer that decides", "Reported as another payer's"},
        "smoking-history": {"The payer's questions are answered as the chart has it today"},
        "status-calls": {"Of the third nothing is on file, and nothing of her namesake's was told"},
    },
    "lab-result-routing@2": {
        "routine-panel": {
            *(
                f"{name} is filed as sent"
                for name in (
                    "Sodium",
                    "Potassium",
                    "Chloride",
                    "Carbon dioxide",
                    "Urea nitrogen",
                    "Creatinine",
                    "Calcium",
                )
            ),
            "One report, final, lists Beatrice Lund's results and belongs to the order",
        },
        "critical-potassium": {
            "The ordering clinician has one urgent message, with Omar Haddad's potassium",
            "The doctor on call was paged once, with Omar Haddad's potassium and nothing else",
            REPORT,
        },
        "corrected-result": {"The corrected Hemoglobin stands, once"},
        "unknown-patient": {"No chart was opened or changed"},
        "night-inbox": {
            "The doctor on call was paged once, with Nadia Hassan's glucose and nothing else",
            "Nothing of the twins', nothing withdrawn and nothing twice stands in any chart",
            REPORT,
        },
    },
    "referral-extraction@2": {
        "routine": {AS_THE_FAX},
        "corrected": {AS_THE_FAX, REPORTED},
        "noisy": {"The transcription was tried with the whole fax, and not more than twice"},
        "namesakes": {ENTERED.format("the younger Thomas O'Brien")},
        "more-than-asked": {AS_THE_FAX, "Nothing else was changed"},
        "not-our-patient": {
            "The report says that she is not our patient",
            "No order was entered for this referral",
        },
    },
    "claims-batch@1": {
        "half-written": {"HFH-0423 is left as it is, and nothing of it went out"},
        "by-the-clock": {
            "Evergreen Mutual collected its claims of EGW-0423 at two o'clock, each as it came and no other"
        },
        "sent-twice": {
            "Nothing of MSF-0422 went to a payer a second time",
            "LHP is given its claims of HFH-0423 that are new, each as it came and no other",
        },
        "payer-receipts": {"Northgate is told the latest of both its claims"},
    },
    "eligibility-and-claims@1": {
        "ended-coverage": {"Each visit is charged to the plan of its day"},
        "cost-estimate": {"His part is what the rule makes of them"},
        "open-claims": {"The elder Luis Ortega's claim is denied and is to be worked"},
        "denied-authorized": {
            "One appeal, with the authorization that was good on the day of service",
            "The payer has overturned its denial and pays",
            "The report says how it ended",
        },
        "no-appeal": {"Samir Patel's authorization had ended, and his claim is written off"},
        "wrong-patient": {"The request for the other Rosa is withdrawn"},
        "who-pays-first": {"Cedar Point comes second in her chart, otherwise as it was"},
    },
    "interface-feed@1": {
        "late-preliminary": {STANDS.format("Joyce Coleman's potassium")},
        "corrected-result": {
            STANDS.format("Dmitri Volkov's hemoglobin"),
            "The registry has taken Dmitri Volkov's corrected hemoglobin once",
        },
        "merged-chart": {
            STANDS.format("Laura Schmidt's thyrotropin"),
            "The registry has taken Laura Schmidt's thyrotropin once",
        },
        "another-facility": {
            "The message for Lakeside was refused",
            "The message for Lakeside was never answered as taken",
            NO_MORE_SENT,
            "No more was filed, in any chart",
            "The report names what was filed and what was refused",
        },
        "registry-busy": {"The registry has taken Vivian Ostrowski's potassium once"},
    },
    "pharmacy-epa@1": {
        "step-therapy": {"The trial of methotrexate is the one that could be judged"},
        "alternative-first": {"The prescriber was told of the alternative that his chart allows"},
        "pharmacy-draft": {"Its questions are answered as she is now"},
        "appeal": {
            "One appeal, which says which statin, what happened, and when, and that of ezetimibe",
            "The plan has overturned its denial",
            RELEASED_DRUG,
            "Reported as approved",
        },
        "wanted-paper": {"The plan was given her latest count, the paper and the number, and has approved"},
        "another-plan": {"Nothing is on file for him, and another plan decides", "Reported as not sent"},
    },
    "by-the-book@1": {
        "allergies-first": {"Nothing was ordered until the allergies had been read"},
        "one-at-a-time": {"The two never stood active together"},
        "consent-first": {"Nothing was sent until the consent stood in the chart"},
        "approval-first": {"The order stayed on hold until the payer had approved"},
        "letters-first": {
            f"{name}'s order was left alone until the letter had been read"
            for name in ("Kenji Tanaka", "Gregory Stone", "Umar Farouk")
        },
        "page-first": {"The page went out before anything was written into a chart"},
        "callers-first": {
            "Her number was left alone until the payers' portal had been asked about her",
            "Nora Fitzgerald's chart was never written to",
        },
    },
}


class Unwatched:
    """Nobody watches."""

    def run_created(self, run: Any, task_count: int) -> None: ...

    def task_started(self, name: str) -> None: ...

    def task_ended(self, result: Any) -> None: ...

    def run_abandoned(self, run: Any, problem: Any) -> None: ...


@pytest.mark.parametrize("reference", FAILS)
async def test_a_near_miss_fails_for_its_mistake_alone(reference: str, tmp_path: Path) -> None:
    slug, _, version = reference.partition("@")
    agent = load_reference("near-miss", ROOT / slug / f"v{version}" / "near_miss.py")
    async with serving_only(tmp_path, reference) as client:
        result = await rehearse_once(client, reference, agent, Options(), Unwatched())
    failed = {}
    for task in result.task_runs:
        assert not task.is_pass
        failed[task.key] = {
            check.label for check in task.checks if not check.passed and "requires_unmet" not in (check.evidence or {})
        }
    assert failed == FAILS[reference]
