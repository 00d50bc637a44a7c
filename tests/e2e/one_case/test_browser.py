"""One case through every door, the pages in a real browser: one row, one history, one score."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from sandbox.testing.server import SandboxServer
from tests.doors import Doors, enter, running_doors
from tests.e2e.dashboard.conftest import running_chromium

ASKED = {
    "patient_member_id": "M1001",
    "procedure_code": "70551",
    "diagnosis_codes": ["M54.16"],
    "provider_npi": "1234567893",
    "units": 1,
}


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with running_doors() as made:
        yield made


@pytest.fixture
def doors(server: SandboxServer) -> Doors:
    return enter(server)


def test_a_case_that_every_door_takes_a_step_of(doors: Doors) -> None:
    opened = doors.submit(ASKED, "", "Asked for by FHIR.")
    [row] = doors.portal.requests()
    assert opened["item"][0]["adjudication"][0]["category"]["coding"][0]["code"] == "submitted"
    assert doors.rest(row["request_id"], "update", "Changed by REST.").is_done
    assert doors.x12(row["request_id"], "withdraw", "Taken back by X12.").is_done

    with running_chromium() as chromium:
        context = chromium.new_context(java_script_enabled=False)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.goto(doors.portal.url)
        page.get_by_label("User name").fill(doors.portal.held["username"])
        page.get_by_label("Password").fill(doors.portal.held["password"])
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("link", name="Requests", exact=True).click()
        page.get_by_role("link", name=row["tracking_number"]).click()
        expect(page.get_by_text("Taken back by X12.")).to_be_visible()
        page.get_by_role("link", name="Correct and resubmit").click()
        expect(page.get_by_label("Clinical notes")).to_have_value("Changed by REST.")
        page.get_by_label("Clinical notes").fill("Sent again by a page.")
        page.get_by_role("button", name="Resubmit").click()
        expect(page.get_by_text("Sent again by a page.")).to_be_visible()
        context.close()

    status, told = doors.send("GET", f"portal/fhir/ClaimResponse/{opened['id']}", None)
    assert status == 200 and row["tracking_number"] in told
    [row] = doors.portal.requests()
    assert doors.inquire(row)["action"] == "A4"
    steps = [step["action"] for step in row["history"]]
    assert [s for s in steps if s != "determined"] == ["created", "submitted", "updated", "withdrawn", "resubmitted"]
    assert doors.portal.server.sync_client.complete_task_run(doors.portal.task_run_id).score == 1.0
