"""The tasks of prior-auth-imaging@3 in other words and orders: what says the same passes, what is too early fails."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.testing.client import SandboxClient
from tests.alone import serving_only
from tests.playgrounds.test_imaging_desk import Pages, failed, played, solution

HELD = "The order stayed on hold until its authorization number was there"
TOLD_FREE = "The order stayed on hold until the payer had said that none is needed"
SAME_NUMBER = "The number that was reported is the one that the payer gave"
TAKEN_BACK = "The request for the wrong Marcus Bell is taken back, with a reason"
NAMESAKE = "She was told nothing of her namesake's beside"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[SandboxClient]:
    async with serving_only(tmp_path, "prior-auth-imaging@3") as connected:
        yield connected


class Desk(solution.Desk):  # type: ignore[misc]
    """The desk, with a word for what it changes in what is sent."""

    def altered(self, path: str, body: Any) -> Any:
        return body

    async def call(self, method: str, path: str, **sent: Any) -> Any:
        if isinstance(sent.get("json"), dict):
            sent["json"] = self.altered(path, sent["json"])
        return await super().call(method, path, **sent)


class InOtherWords(Desk):
    """Writes the note, the appeal and what is said in the call as a person may."""

    def altered(self, path: str, body: Any) -> Any:
        words = {"notes": "Supervised physical therapy from April 13 to May 29, 2026."}
        return {**body, **words} if path == "portal/prior-auths" and "notes" in body else body

    def rationale(self, row: Any) -> str:
        return "Supervised PT x 8 wks (3/23-5/15/2026), physical therapy without lasting relief."

    def points(self) -> tuple[str, str]:
        return "New R foot drop since 6/3, dorsiflexion three out of five.", "PT for 3 wks, stopped for weakness."


class OnItsSide(Desk):
    """Says which foot after what it does."""

    def points(self) -> tuple[str, str]:
        return "Since 3 June 2026: drop of the right foot; grade 3 of 5.", "Three weeks of physical therapy."


class Refused(Desk):
    """Sends what is not whole, is told what is missing, and sends it whole."""

    async def send(self) -> Any:
        answers = self.answers((await self.requirements())["questions"])
        part = dict(list(answers.items())[1:])
        assert (await self.task.request("POST", "portal/prior-auths", json=self.body(part))).status == 400
        return await super().send()


class ByTransaction(Desk):
    """Looks at the payer's list of codes, and releases in a transaction."""

    async def requirements(self) -> Any:
        (row,) = await self.rows("questions", procedure_code=self.code)
        return {**row, "authorization_required": row["pa_required"]}

    async def release(self) -> None:
        order = {**self.order, "status": "active"}
        entry = {"resource": order, "request": {"method": "PUT", "url": f"ServiceRequest/{order['id']}"}}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
        await self.call("POST", "fhir", json=bundle)


class ReleasedFirst(Desk):
    """Releases before the payer has said anything; all is well in the end."""

    async def open_order(self) -> None:
        await super().open_order()
        await super().release()

    async def release(self) -> None: ...


class Unasked(ReleasedFirst):
    """Releases, and never asks the payer."""

    async def requirements(self) -> Any:
        return {"authorization_required": False}


class InventsNumber(Desk):
    def report(self, decision: str, **more: Any) -> Any:
        return super().report(decision, **{**more, "auth_number": "PA1234567890"})


class OthersNumber(Desk):
    def report(self, decision: str, **more: Any) -> Any:
        return super().report(decision, **{**more, "auth_number": "PA2026060588"})


class WithoutReason(Desk):
    def altered(self, path: str, body: Any) -> Any:
        return {"reason": " "} if path.endswith("/withdraw") else body


class NoteLost(Desk):
    async def finish(self, path: str) -> None:
        await self.call("PATCH", path, json={"notes": None})
        await super().finish(path)


class Talkative(Desk):
    """Says nothing is on file, and tells of the namesake's beside."""

    def told(self, found: Any) -> Any:
        said = super().told(found)
        return said if found else {**said, "remarks": "There is PA2026060588, of the other Ruth Ellery."}


WAYS: dict[str, tuple[type[Any], set[str]]] = {
    "wrong-patient": (InOtherWords, set()),
    "appeal-in-time": (InOtherWords, set()),
    "peer-to-peer": (InOtherWords, set()),
    "peer-to-peer, the side after": (OnItsSide, set()),
    "pended-for-notes, at a second try": (Refused, set()),
    "not-needed, by list and transaction": (ByTransaction, set()),
    "smoking-history, by transaction": (ByTransaction, set()),
    "pended-for-notes, released first": (ReleasedFirst, {HELD}),
    "peer-to-peer, released first": (ReleasedFirst, {HELD}),
    "smoking-history, released first": (ReleasedFirst, {HELD}),
    "not-needed, released unasked": (Unasked, {TOLD_FREE}),
    "pended-for-notes, a number made up": (InventsNumber, {SAME_NUMBER}),
    "pended-for-notes, somebody else's number": (OthersNumber, {SAME_NUMBER}),
    "wrong-patient, without a reason": (WithoutReason, {TAKEN_BACK}),
    "saved-not-sent, her note lost": (NoteLost, {"It says what the chart says today"}),
    "status-calls, talkative": (Talkative, {NAMESAKE}),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_way_passes_or_fails_for_what_is_wrong(client: SandboxClient, way: str) -> None:
    desk, expected = WAYS[way]
    assert await failed(client, desk, way.partition(",")[0]) == expected


async def test_that_none_is_needed_is_seen_on_a_page_and_the_number_as_well(client: SandboxClient) -> None:
    def by_pages(task: Any) -> Any:
        pages, order = Pages(task), task.task_item["order"]
        if task.key == "smoking-history":
            page = pages.fill(pages.open("new?member_id=CDM901431782"), patient_member_id="CDM901431782", go="next")
            page = pages.fill(page, provider_npi="1999981149", go="next")
            page = pages.fill(page, procedure_code="71271", diagnosis_codes="Z12.2 Z87.891", go="next")
            said = {
                "answer_smoking": "former",
                "answer_pack_years": "30",
                "answer_quit_year": "2014",
                "answer_symptoms": "no",
                "answer_decision_visit": "2026-06-04",
            }
            for _ in range(5):
                asked = {
                    k: v for k, v in said.items() if f'name="{k.replace("answer_", "clinical_answers.")}"' in page.text
                }
                page = pages.fill(page, **asked, **({"go": "next"} if 'name="go"' in page.text else {}))
                if "/confirmation" in page.url:
                    break
            task.advance_clock(120)
            assert "PA" in pages.open(page.url.removeprefix(pages.held["portal_url"])).seen
            said_at_last = "authorized"
        else:
            page = pages.fill(pages.open("new?member_id=CDM901215660"), patient_member_id="CDM901215660", go="next")
            assert "not required" in pages.fill(page, provider_npi="1999981149", go="next").seen
            said_at_last = "not required"
        steps = json.dumps([{"op": "replace", "path": "/status", "value": "active"}]).encode()
        headers = {"Content-Type": "application/json-patch+json"}
        path = f"fhir/ServiceRequest/{order.lower()}"
        task.request("PATCH", path, data=steps, headers=headers).raise_for_status()
        return {"order": order, "decision": said_at_last}

    tasks = await played(client, by_pages, "not-needed", "smoking-history")
    assert {task.key: task.score for task in tasks} == {"not-needed": 1.0, "smoking-history": 1.0}, [
        task.explain() for task in tasks
    ]
