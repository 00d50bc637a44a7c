"""A case that each door takes a step of: one row, one history, one score."""

import json

import pytest

from tests.doors import Doors

DOORS = ("rest", "page", "x12", "fhir")
ASKED = {
    "patient_member_id": "M1001",
    "procedure_code": "70551",
    "diagnosis_codes": ["M54.16"],
    "provider_npi": "1234567893",
    "units": 1,
}


def test_each_door_takes_a_step_and_all_show_the_same_case(doors: Doors) -> None:
    opened = doors.submit(ASKED, "", "Asked for by FHIR.")
    assert opened["outcome"] == "queued"
    [row] = doors.portal.requests()
    name = row["request_id"]

    assert doors.rest(name, "update", "Changed by REST.").is_done
    assert doors.x12(name, "withdraw", "Taken back by X12.").is_done
    assert doors.page(name, "resubmit", "Sent again by a page.").is_done

    [row] = doors.portal.requests()
    assert row["state"] == "resubmitted" and row["notes"] == "Sent again by a page."
    steps = [step["action"] for step in row["history"]]
    assert [s for s in steps if s != "determined"] == ["created", "submitted", "updated", "withdrawn", "resubmitted"]
    shown = doors.browser.get(f"{doors.portal.url}requests/{name}").seen
    assert "Sent again by a page." in shown and "Withdrawn" in shown
    assert doors.inquire(row)["action"] == "A4"
    status, text = doors.send("GET", f"portal/fhir/ClaimResponse?patient.identifier={row['patient_member_id']}", None)
    assert status == 200 and row["tracking_number"] in text
    collections = json.loads(doors.send("GET", "portal/prior-auths", None)[1])["data"]
    assert [one["request_id"] for one in collections if one["procedure_code"] == "70551"].count(name) == 1
    completed = doors.portal.server.sync_client.complete_task_run(doors.portal.task_run_id)
    assert completed.score == 1.0


@pytest.mark.parametrize("closing", DOORS)
@pytest.mark.parametrize("opening", ["rest", "fhir"])
def test_what_one_door_opened_another_takes_back(doors: Doors, opening: str, closing: str) -> None:
    if opening == "fhir":
        doors.submit(ASKED, "", "x")
    else:
        doors.portal.rest("POST", "prior-auths", ASKED)
    [row] = doors.portal.requests()

    assert getattr(doors, closing)(row["request_id"], "withdraw", "Taken back.").is_done
    assert doors.case(row["request_id"])["state"] == "withdrawn"
    for door in DOORS:
        again = getattr(doors, door)(row["request_id"], "withdraw", "Again.")
        if door == "fhir":  # an update that asks for what is so already changes nothing
            assert again.is_done
        else:
            assert not again.is_done and "withdrawn" in again.words.casefold(), (door, again)
    assert len(doors.case(row["request_id"])["history"]) == len(row["history"]) + 1
