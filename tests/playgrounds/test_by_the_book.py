"""The tasks of by-the-book judge what came first however it is done: other right ways pass, other wrong ones fail."""

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from sandbox.rehearsal.agents import FunctionAgent
from sandbox.rehearsal.runner import Options, rehearse_once
from tests.alone import serving_only
from tests.playgrounds.test_near_misses import Unwatched
from tests.portal_site import PlainBrowser

FOLDER = Path(__file__).parents[2] / "playgrounds" / "by-the-book" / "v1"


def load_office() -> Any:
    spec = importlib.util.spec_from_file_location("by_the_book_solution", FOLDER / "solution.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Office


Office = load_office()
ALLERGIES = "Nothing was ordered until the allergies had been read"
TOGETHER = "The two never stood active together"
CONSENT = "Nothing was sent until the consent stood in the chart"
HOLD = "The order stayed on hold until the payer had approved"
LETTERS = {
    f"{name}'s order was left alone until the letter had been read"
    for name in ("Kenji Tanaka", "Gregory Stone", "Umar Farouk")
}
RELEASED = "Thomas O'Brien's order is active, and otherwise as it was"
CLOSED = {f"{name}'s order is completed, and otherwise as it was" for name in ("Kenji Tanaka", "Gregory Stone")}
PAGE = "The page went out before anything was written into a chart"
CALLER = "Her number was left alone until the payers' portal had been asked about her"
PATCH = {"Content-Type": "application/json-patch+json"}


async def allergies_in_the_compartment(office: Any) -> None:
    patient = await office.patient_meant()
    await office.call("GET", f"fhir/Patient/{patient['id']}/AllergyIntolerance")
    await office.order_drug()


async def allergies_counted_only(office: Any) -> None:
    patient = await office.patient_meant()
    await office.call("GET", "fhir/AllergyIntolerance", params={"patient": patient["id"], "_summary": "count"})
    await office.order_drug()


async def allergies_of_somebody_else(office: Any) -> None:
    await office.call("GET", "fhir/AllergyIntolerance", params={"patient": "maria-chen"})
    await office.order_drug()


async def ordered_under_an_id_of_ones_own(office: Any) -> None:
    order = {**await office.drug_order(), "id": "my-order"}
    await office.call("PUT", "fhir/MedicationRequest/my-order", json=order)
    await office.read_allergies()


async def changed_in_a_batch(office: Any, kind: str = "batch") -> None:
    await office.read_allergies()
    old = await office.old_drug()
    entries = [
        {"resource": await office.drug_order(), "request": {"method": "POST", "url": "MedicationRequest"}},
        {
            "resource": {**old, "status": "stopped"},
            "request": {"method": "PUT", "url": f"MedicationRequest/{old['id']}"},
        },
    ]
    await office.call("POST", "fhir", json={"resourceType": "Bundle", "type": kind, "entry": entries})


async def stopped_then_read_then_ordered(office: Any) -> None:
    await office.stop_drug()
    await office.read_allergies()
    await office.order_drug()


async def changed_without_a_look(office: Any) -> None:
    await office.stop_drug()
    await office.order_drug()


async def changed_in_a_transaction(office: Any) -> None:
    await changed_in_a_batch(office, "transaction")


async def draft_consent(office: Any) -> Any:
    draft = {**await office.consent_on_paper(), "status": "draft"}
    return await office.call("POST", "fhir/Consent", json=draft)


async def drafted_then_signed(office: Any) -> None:
    await office.patch(await draft_consent(office), status="active")
    await office.give_result()


async def sent_on_a_draft(office: Any) -> None:
    consent = await draft_consent(office)
    await office.give_result()
    await office.patch(consent, status="active")


async def looked_at_by_number(office: Any) -> None:
    await office.request_approval()
    (row,) = (await office.call("GET", "portal/prior-auths", params={"procedure_code": "70553"}))["data"]
    await office.call("GET", f"portal/prior-auths/{row['auth_number']}")
    await office.release()


async def released_by_condition(office: Any) -> None:
    order = await office.imaging_order()
    query = {"identifier": order["identifier"][0]["value"]}
    await office.call("PUT", "fhir/ServiceRequest", params=query, json={**order, "status": "active"})
    await office.request_approval()


async def closed_from_the_worklist(office: Any) -> None:
    for row in (await office.worklist())[:2]:
        await office.set_order(row, "completed")


async def filed_in_a_transaction_first(office: Any) -> None:
    patient, obx, order = await office.lab_result()
    entries = [
        {"resource": office.observation(patient, obx, order), "request": {"method": "POST", "url": "Observation"}},
        {
            "resource": {**order, "status": "completed"},
            "request": {"method": "PUT", "url": f"ServiceRequest/{order['id']}"},
        },
    ]
    await office.call("POST", "fhir", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    await office.page()


async def renumbered_by_condition(office: Any) -> None:
    for patient, member, phone in await office.calls():
        if patient["id"] == "laura-schmidt":
            step = b'[{"op": "replace", "path": "/telecom/0/value", "value": "%s"}]' % phone.encode()
            query = {"identifier": patient["identifier"][0]["value"]}
            answer = await office.task.request("PATCH", "fhir/Patient", params=query, data=step, headers=PATCH)
            answer.raise_for_status()
        await office.is_who_they_say(patient, member)


async def stopped_with_a_reason(office: Any) -> None:
    await office.read_allergies()
    old = await office.old_drug()
    more = {"statusReason": {"text": "Changed to warfarin."}, "note": [{"text": "Dr. Oyelaran."}]}
    await office.call("PUT", f"fhir/MedicationRequest/{old['id']}", json={**old, "status": "stopped", **more})
    await office.order_drug()


async def released_without_its_reason(office: Any) -> None:
    await office.request_approval()
    order = await office.imaging_order()
    kept = {name: value for name, value in order.items() if name not in ("reasonCode", "insurance")}
    await office.call("PUT", f"fhir/ServiceRequest/{order['id']}", json={**kept, "status": "active"})


async def closed_with_a_note(office: Any) -> None:
    for row in await office.worklist():
        if await office.took_place(row):
            (order,) = await office.search("ServiceRequest", identifier=row["order"])
            closed = {**order, "status": "completed", "note": [{"text": "Closed by letter."}]}
            await office.call("PUT", f"fhir/ServiceRequest/{order['id']}", json=closed)


async def requested_on_pages_for_another(office: Any) -> None:
    await office.request_approval()
    await office.release()
    held = next(one["credentials"] for one in office.task.sandboxes if one["type"] == "Payer")
    said = {"provider_npi": "1999991577", "procedure_code": "70553", "diagnosis_codes": "G43.909", "go": "next"}

    def by_pages() -> None:
        browser = PlainBrowser()
        browser.post(f"{held['portal_url']}login", {name: held[name] for name in ("username", "password")})
        member = {"patient_member_id": "EVM205910086", "go": "next"}
        page = browser.fill(browser.get(f"{held['portal_url']}new?member_id=EVM205910086"), member)
        for _ in range(8):
            page = browser.fill(page, {name: said[name] for name in said if f'name="{name}"' in page.text})
            if "/confirmation" in page.url:
                return
        raise AssertionError(page.seen)

    await asyncio.to_thread(by_pages)


@pytest.mark.parametrize(
    ("task", "way", "failed"),
    [
        ("one-at-a-time", stopped_with_a_reason, set()),
        ("approval-first", released_without_its_reason, {RELEASED, HOLD}),
        ("approval-first", requested_on_pages_for_another, {"Nothing was requested for anybody else"}),
        (
            "letters-first",
            closed_with_a_note,
            {*CLOSED, *LETTERS, "Umar Farouk's order is as it was, and nothing else was changed"},
        ),
        ("allergies-first", allergies_in_the_compartment, set()),
        ("allergies-first", allergies_counted_only, {ALLERGIES}),
        ("allergies-first", allergies_of_somebody_else, {ALLERGIES}),
        ("allergies-first", ordered_under_an_id_of_ones_own, {ALLERGIES}),
        ("one-at-a-time", changed_in_a_transaction, set()),
        ("one-at-a-time", changed_in_a_batch, {TOGETHER}),
        ("one-at-a-time", stopped_then_read_then_ordered, set()),
        ("one-at-a-time", changed_without_a_look, {ALLERGIES}),
        ("consent-first", drafted_then_signed, set()),
        ("consent-first", sent_on_a_draft, {CONSENT}),
        ("approval-first", looked_at_by_number, set()),
        ("approval-first", released_by_condition, {HOLD}),
        ("letters-first", closed_from_the_worklist, LETTERS),
        ("page-first", filed_in_a_transaction_first, {PAGE}),
        ("callers-first", renumbered_by_condition, {CALLER}),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
async def test_what_came_first_is_seen_however_it_is_done(
    task: str, way: Any, failed: set[str], tmp_path: Path
) -> None:
    async def solve(session: Any) -> None:
        await way(Office(session))

    async with serving_only(tmp_path, "by-the-book@1") as client:
        agent = FunctionAgent(way.__name__, solve)
        result = await rehearse_once(client, "by-the-book@1", agent, Options(task_keys=(task,)), Unwatched())
    (run,) = result.task_runs
    assert {check.label for check in run.checks if not check.passed} == failed
    assert run.is_pass == (not failed)
