"""A near miss fails for its own mistake alone; what else fails is held back: it requires what the mistake broke."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.rehearsal.agents import load_reference
from sandbox.rehearsal.runner import Options, rehearse_once
from sandbox.serving import serving_url
from sandbox.settings import Settings
from sandbox.testing.client import SandboxClient

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
APPROVED, SEEN = "The payer has approved it", "The order was released when the approval had been seen"
UNREQUESTED = "Nothing was requested, nothing else changed"
OF_ANOTHER_PATIENT = {CHART, BOOKED, TOLD}
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
    settings = Settings(port=0, data_dir=tmp_path / "data", is_watching=False)
    async with (
        serving_url(settings) as url,
        SandboxClient(url, solver_key="vrl_slv_local", api_key="vk_local") as client,
    ):
        result = await rehearse_once(client, reference, agent, Options(), Unwatched())
    failed = {}
    for task in result.task_runs:
        assert not task.is_pass
        failed[task.key] = {
            check.label for check in task.checks if not check.passed and "requires_unmet" not in (check.evidence or {})
        }
    assert failed == FAILS[reference]
