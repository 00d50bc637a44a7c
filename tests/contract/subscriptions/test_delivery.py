"""What matches is delivered: how, when, and to whom."""

import json

import pytest

from tests.contract.subscriptions.conftest import FHIR_JSON, OBSERVATION, subscription
from tests.contract.subscriptions.hooks import hooked


async def test_a_requested_subscription_becomes_active_by_itself(ehr):
    async with hooked() as hook:
        key = await ehr.ask(hook.url)
        stored = await ehr.read(key)
        assert (stored["status"], stored["meta"]["versionId"]) == ("active", "2")
        steps = [e for e in await ehr.run.events() if (e["request"] or {}).get("path") == "fhir.activate_subscription"]
        assert [(e["type"], e["actor"]) for e in steps] == [("scenario_step", "scenario")]
        assert hook.got == []


async def test_a_notification_without_payload_is_an_empty_post(ehr):
    async with hooked() as hook:
        key = await ehr.ask(f"{hook.url}?k=1", header=["X-Clinic: seven", "Authorization: Bearer s3cr3t"])
        made = await ehr.observe()
        (told,) = await ehr.attempted(1)
        (got,) = hook.got
        assert (got.method, got.path, got.body) == ("POST", "/hook?k=1", b"")
        assert (got.headers["X-Clinic"], got.headers["Authorization"]) == ("seven", "Bearer s3cr3t")
        assert "Content-Type" not in got.headers and got.headers["Content-Length"] == "0"
        assert told["subscription"] == f"Subscription/{key}"
        assert told["resource"] == f"Observation/{made['id']}/_history/1"
        assert (told["state"], told["status"], told["attempt"], told["error"]) == ("delivered", 200, 1, None)
        assert told["headers"] == {"X-Clinic": "seven", "Authorization": "[redacted]"}


@pytest.mark.parametrize("payload", ["application/fhir+json", "application/json"])
async def test_a_payload_is_put_below_the_endpoint(ehr, payload):
    async with hooked() as hook:
        key = await ehr.ask(f"{hook.url}/?k=1", payload=payload)
        made = await ehr.observe()
        await ehr.attempted(1)
        (got,) = hook.got
        assert (got.method, got.path) == ("PUT", f"/hook/Observation/{made['id']}?k=1")
        assert got.headers["Content-Type"] == payload
        assert got.json == made
        (event,) = [e for e in await ehr.run.events() if e["type"] == "subscription_delivery"]
        assert event["request"]["path"] == f"fhir/Subscription/{key}" and event["request"]["body"] == made
        assert event["actor"] == "scenario" and event["sandbox_id"] is not None


async def test_only_what_the_criteria_find_is_told_of(ehr):
    async with hooked() as hook:
        await ehr.ask(hook.url, "Observation?code=4548-4&subject:Patient.family=Reyes&status=final", payload=FHIR_JSON)
        await ehr.observe(status="preliminary")
        await ehr.observe(subject={"reference": "Patient/other"})
        await ehr.observe(code={"text": "none"})
        one = await ehr.observe()
        two = await ehr.observe()
        await ehr.attempted(2)
        assert [got.json["id"] for got in hook.got] == [one["id"], two["id"]]


async def test_updates_patches_and_entries_of_bundles_are_told_of(ehr):
    async with hooked() as hook:
        await ehr.ask(hook.url, "Observation?status=final", payload=FHIR_JSON)
        made = await ehr.observe(status="preliminary")
        path = f"Observation/{made['id']}"
        await ehr.call("PUT", path, {**made, "status": "final"})
        await ehr.call("PATCH", path, {"note": [{"text": "a"}]}, "application/merge-patch+json")
        await ehr.call("PUT", path, {**made, "status": "amended"})
        await ehr.call("DELETE", path)
        rows = [{"resource": {**OBSERVATION, "id": f"t{n}"}, "request": {"method": "PUT", "url": f"Observation/t{n}"}}
                for n in range(3)]  # fmt: skip
        for kind in ("transaction", "batch"):
            bundle = {"resourceType": "Bundle", "type": kind, "entry": rows}
            assert (await ehr.call("POST", "", bundle)).status == 200
        bad = {"resource": {"resourceType": "Observation"}, "request": {"method": "POST", "url": "Observation"}}
        broken = {"resourceType": "Bundle", "type": "transaction", "entry": [*rows, bad]}
        assert (await ehr.call("POST", "", broken)).status == 400
        await ehr.attempted(8)
        versions = [f"{got.json['id']}/{got.json['meta']['versionId']}" for got in hook.got]
        assert versions == [f"{made['id']}/2", f"{made['id']}/3", "t0/1", "t1/1", "t2/1", "t0/2", "t1/2", "t2/2"]
        assert len(await ehr.attempts()) == 8


async def test_what_was_there_before_is_not_told_of(ehr):
    async with hooked() as hook:
        await ehr.observe()
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {"resource": subscription(hook.url), "request": {"method": "POST", "url": "Subscription"}},
                {"resource": OBSERVATION, "request": {"method": "POST", "url": "Observation"}},
            ],
        }
        assert (await ehr.call("POST", "", bundle)).status == 200
        last = await ehr.observe()
        (told,) = await ehr.attempted(1)
        assert told["resource"].startswith(f"Observation/{last['id']}/")


async def test_steps_of_the_scenario_ask_and_are_told_of_though_nobody_calls(serve, disk, kit, subscriber):
    async with hooked() as hook:
        steps = [
            {"action": "put_fhir", "resource": {**subscription(hook.url, payload=FHIR_JSON), "id": "s"}},
            {"action": "put_fhir", "after_seconds": 0.2, "resource": {**OBSERVATION, "id": "later"}},
        ]
        disk.benchmark(kit.benchmark("clinic", kit.task("a", kit.says(1), scenario={"steps": steps})))
        async with serve() as live:
            ehr = subscriber(await live.started())
            await ehr.until(lambda: hook.got)
            assert hook.got[0].json["id"] == "later"


async def test_two_playgrounds_tell_their_own(live, subscriber):
    one, other = [subscriber(await live.started()) for _ in range(2)]
    async with hooked() as hook, hooked() as second:
        await one.ask(hook.url, payload=FHIR_JSON)
        await other.ask(second.url, payload=FHIR_JSON)
        made = await other.observe()
        await other.attempted(1)
        assert [got.json["id"] for got in second.got] == [made["id"]] and hook.got == []


async def test_many_are_told_in_order(ehr):
    async with hooked() as hook:
        await ehr.ask(hook.url, "Observation", payload=FHIR_JSON)
        rows = [{"resource": {**OBSERVATION, "id": f"t{n}"}, "request": {"method": "PUT", "url": f"Observation/t{n}"}}
                for n in range(150)]  # fmt: skip
        assert (
            await ehr.call("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": rows})
        ).status == 200
        await ehr.until(lambda: len(hook.got) == 150)
        assert [json.loads(got.body)["id"] for got in hook.got] == [f"t{n}" for n in range(150)]
