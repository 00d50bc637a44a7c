"""A Subscription that could not be delivered is refused by name, whichever way it comes."""

import base64
import json

import pytest

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"


def subscription(status, **more):
    channel = {"type": "websocket", "endpoint": "http://127.0.0.1:9/hook"}
    return {"resourceType": "Subscription", "status": status, "reason": "x", "criteria": "Observation?code=1",
            "channel": channel, **more}  # fmt: skip


def is_refused_by_name(answer):
    issue = answer.json["issue"][0] if answer.json["resourceType"] == "OperationOutcome" else None
    return issue is not None and issue["code"] == "not-supported" and "websocket" in issue["diagnostics"]


@pytest.mark.parametrize("status", ["requested", "active", "error"])
async def test_a_channel_that_is_not_served_is_refused(fhir, status):
    await fhir.put(subscription("off", id="s"))
    data = base64.b64encode(json.dumps([{"op": "replace", "path": "/status", "value": status}]).encode()).decode()
    patch = {"resourceType": "Binary", "contentType": JSON_PATCH, "data": data}
    part = [{"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": "Subscription.status"},
            {"name": "value", "valueCode": status}]  # fmt: skip
    wanted = subscription(status)
    before = fhir.run.state_hash()
    for method, url, body, kind in [
        ("POST", "Subscription", wanted, "application/fhir+json"),
        ("PUT", "Subscription/s", {**wanted, "id": "s"}, "application/fhir+json"),
        ("PUT", "Subscription/new", {**wanted, "id": "new"}, "application/fhir+json"),
        ("PUT", "Subscription?_id=s", wanted, "application/fhir+json"),
        ("PATCH", "Subscription/s", {"status": status}, MERGE_PATCH),
        ("PATCH", "Subscription?_id=s", [{"op": "replace", "path": "/status", "value": status}], JSON_PATCH),
        ("PATCH", "Subscription/s", {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]},
         "application/fhir+json"),
    ]:  # fmt: skip
        answer = await fhir.call(method, url, body, Content_Type=kind)
        assert answer.status == 422 and is_refused_by_name(answer), (method, url, answer)
        assert answer.json["issue"][0]["expression"] == ["Subscription.channel.type"]
    rows = [fhir.entry("POST", "Subscription", wanted), fhir.entry("PUT", "Subscription/s", {**wanted, "id": "s"}),
            fhir.entry("PATCH", "Subscription/s", patch)]  # fmt: skip
    for row in rows:
        answer = await fhir.bundle(row)
        assert answer.status == 422 and is_refused_by_name(answer), answer
        assert answer.json["issue"][0]["expression"] == ["Bundle.entry[0].resource.channel.type"]
        answer = await fhir.bundle(row, kind="batch")
        assert answer.json["entry"][0]["response"]["status"] == "422 Unprocessable Entity"
    assert fhir.run.state_hash() == before
    told = await fhir.call("POST", "Subscription/$validate", wanted)
    assert told.status == 200 and is_refused_by_name(told)


async def test_a_subscription_that_asks_for_nothing_is_stored(fhir):
    status = "off"
    await fhir.put(subscription(status, id="s"))
    assert (await fhir.call("POST", "Subscription", subscription(status))).status == 201
    assert (await fhir.call("PATCH", "Subscription/s", {"reason": "y"}, Content_Type=MERGE_PATCH)).status == 200
    assert (await fhir.call("DELETE", "Subscription/s")).status == 204
    kept = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": subscription("active")}]}
    assert (await fhir.call("POST", "Bundle", kept)).status == 201  # within another resource it asks for nothing


async def test_the_statement_says_what_is_delivered(fhir):
    statement = (await fhir.call("GET", "metadata")).json
    rows = {row["type"]: row.get("documentation", "") for row in statement["rest"][0]["resource"]}
    assert "rest-hook" in rows["Subscription"] and rows["Patient"] == ""


async def test_a_step_cannot_ask_for_what_is_not_served(disk, kit, serve):
    step = {"action": "put_fhir", "resource": subscription("active", id="s")}
    disk.benchmark(kit.benchmark("clinic", kit.task("a", scenario={"steps": [step]})))
    with pytest.raises(Exception, match="websocket"):
        async with serve(may_fail=True):
            pass


@pytest.mark.parametrize("status", ["requested", "active", "off", "error"])
async def test_a_seed_asks_for_nothing(disk, kit, serve, status):
    disk.benchmark(kit.benchmark())
    channel = {"type": "rest-hook", "endpoint": "http://127.0.0.1:9/hook"}
    row = json.dumps(subscription(status, id="s") | {"channel": channel}).encode()
    disk.dataset("small", {"fhir/Subscription.ndjson": row})
    if status in ("off", "error"):
        async with serve():
            return
    with pytest.raises(Exception, match="put_fhir"):
        async with serve(may_fail=True):
            pass
