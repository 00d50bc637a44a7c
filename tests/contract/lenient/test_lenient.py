"""`config.validation: lenient`: what a strict server refuses is stored, and the answer and the event say so."""

import json
from typing import Any

import pytest

WRONG = {"resourceType": "Patient", "gender": "banana", "name": {"family": "Smith"}, "shoe_size": 43}
ASKING = {"resourceType": "Subscription", "status": "active", "criteria": "Patient?", "reason": "x", "channel": "fax"}
FHIR = {"Content-Type": "application/fhir+json"}


@pytest.fixture
async def start(serve, disk, kit):
    """`await start("lenient")`: a run on an EHR that is configured so, with its server."""
    fields = [{"path": "gender", "expected": "banana"}, {"path": "name.family", "expected": "Smith"}]
    wanted = kit.criterion("as sent", "fhir-resource-state", resource_type="Patient", search={}, fields=fields)
    expression = "gender = 'banana' and name.family = 'Smith'"
    wanted_too = kit.criterion(
        "by FHIRPath", "fhir-resource-state", resource_type="Patient", search={"gender": "banana"}, fhirpath=expression
    )
    for validation in ("strict", "lenient", None):
        definition = kit.benchmark(validation or "silent", kit.task("a", wanted, wanted_too))
        config = {} if validation is None else {"validation": validation}
        ehr = {"type": "Fhir", "name": "EHR", "config": config}
        definition["environment"] = {"name": "x", "simulators": [ehr]}
        disk.benchmark(definition)
    async with serve() as live:

        async def begin(slug: str) -> Any:
            return await live.started(slug)

        yield begin


async def send(run, method, path, body, **headers):
    sent = {**FHIR, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await run.call(method, f"fhir/{path}", body=json.dumps(body).encode(), headers=sent)


def problems(outcome):
    assert outcome["resourceType"] == "OperationOutcome"
    first, *rest = outcome["issue"]
    assert first["severity"] == "information" and "lenient" in first["diagnostics"]
    assert {issue["severity"] for issue in rest} == {"warning"}
    return {issue["expression"][0] for issue in rest}


@pytest.mark.parametrize("slug", ["strict", "silent"])
async def test_strict_is_the_default_and_refuses(start, slug):
    run = await start(slug)
    for method, path, body in (("POST", "Patient", WRONG), ("PUT", "Patient/1", {**WRONG, "id": "1"})):
        assert (await send(run, method, path, body)).status == 400
    assert (await send(run, "POST", "Subscription", ASKING)).status in (400, 422)
    assert all("outcome" not in event for event in await run.events())


async def test_a_create_is_stored_as_it_was_sent(start):
    run = await start("lenient")
    made = await send(run, "POST", "Patient", WRONG)
    assert made.status == 201
    assert {k: made.json[k] for k in WRONG} == WRONG
    assert made.headers["Warning"].startswith('299 - "Patient')
    read = await run.call("GET", f"fhir/Patient/{made.json['id']}")
    assert read.body == made.body and "Warning" not in read.headers
    event = (await run.events())[-2]
    assert problems(event["outcome"]) >= {"Patient.gender", "Patient.name", "Patient.shoe_size"}
    assert event["response"]["status"] == 201
    good = await send(run, "POST", "Patient", {"resourceType": "Patient", "gender": "male"})
    assert good.status == 201 and "Warning" not in good.headers
    assert "outcome" not in (await run.events())[-1]


@pytest.mark.parametrize(
    ("method", "path", "body", "more", "status"),
    [
        ("POST", "Patient", WRONG, {}, 201),
        ("PUT", "Patient/1", {**WRONG, "id": "1"}, {}, 201),
        ("PUT", "Patient?gender=banana", WRONG, {}, 201),
        ("POST", "Patient", WRONG, {"If_None_Exist": "gender=banana"}, 201),
        ("POST", "Patient", {**WRONG, "text": "x" * 40_000}, {}, 201),
    ],
    ids=["create", "update", "conditional update", "conditional create", "long"],
)
async def test_an_outcome_says_what_strict_would_refuse(start, method, path, body, more, status):
    run = await start("lenient")
    said = await send(run, method, path, body, Prefer="return=OperationOutcome", **more)
    assert said.status == status and said.headers["Location"]
    assert problems(said.json) >= {"Patient.gender", "Patient.shoe_size"}
    minimal = await send(run, method, path, body, Prefer="return=minimal")
    assert minimal.status in (200, 201) and minimal.body == b""


async def test_a_subscription_that_could_not_be_delivered_is_refused_all_the_same(start):
    run = await start("lenient")
    whole = {**ASKING, "channel": {"type": "rest-hook", "endpoint": "http://127.0.0.1:9/"}, "shoe_size": 43}
    for body in (
        ASKING,
        {**whole, "status": "banana"},
        {**whole, "criteria": ["Patient"]},
        {**whole, "criteria": "Patient?shoe=43"},
        {**whole, "end": 2030},
        {**whole, "channel": {**whole["channel"], "header": "a: b"}},
        {**whole, "channel": {**whole["channel"], "endpoint": 9}},
    ):
        answer = await send(run, "POST", "Subscription", body)
        assert answer.status in (400, 422) and answer.json["issue"][0]["expression"][0].startswith("Subscription."), (
            body
        )
    assert (await send(run, "POST", "Subscription", whole)).status == 201


@pytest.mark.parametrize("kind", ["transaction", "batch"])
async def test_bundles_tell_it_entry_by_entry(start, kind):
    run = await start("lenient")
    urn = "urn:uuid:6f1e3f0e-0000-4000-8000-00000000000a"
    link = {
        "resourceType": "Observation",
        "status": 7,
        "subject": {"reference": urn if kind == "transaction" else "Patient/x"},
    }
    entries = [
        {"fullUrl": urn, "resource": WRONG, "request": {"method": "POST", "url": "Patient"}},
        {"resource": link, "request": {"method": "POST", "url": "Observation"}},
        {"resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}},
    ]
    answer = await send(run, "POST", "", {"resourceType": "Bundle", "type": kind, "entry": entries})
    assert answer.status == 200, answer
    first, second, third = [entry["response"] for entry in answer.json["entry"]]
    assert problems(first["outcome"]) >= {"Bundle.entry[0].resource.gender"}
    assert problems(second["outcome"]) >= {"Bundle.entry[1].resource.status"}
    assert "outcome" not in third
    event = (await run.events())[-1]
    assert problems(event["outcome"]) >= {"Bundle.entry[0].resource.gender", "Bundle.entry[1].resource.status"}
    if kind == "transaction":
        stored = (await run.call("GET", "fhir/Observation")).json["entry"][0]["resource"]
        assert stored["subject"]["reference"] == first["location"].partition("/fhir/")[2].partition("/_history")[0]
    strict = await start("strict")
    refused = await send(strict, "POST", "", {"resourceType": "Bundle", "type": kind, "entry": entries})
    assert refused.status == (400 if kind == "transaction" else 200)
    assert (await strict.call("GET", "fhir/Observation?_summary=count")).json["total"] == 0


async def test_a_conditional_create_that_stores_nothing_says_nothing(start):
    run = await start("lenient")
    await send(run, "POST", "Patient", WRONG)
    again = await send(run, "POST", "Patient", WRONG, If_None_Exist="gender=banana")
    assert again.status == 200 and "Warning" not in again.headers
    entry = {"resource": WRONG, "request": {"method": "POST", "url": "Patient", "ifNoneExist": "gender=banana"}}
    answer = await send(run, "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert "outcome" not in answer.json["entry"][0]["response"]


async def test_what_was_stored_is_searched_patched_validated_and_judged(start):
    run = await start("lenient")
    key = (await send(run, "POST", "Patient", WRONG)).json["id"]
    assert (await run.call("GET", "fhir/Patient?gender=banana")).json["total"] == 1
    assert (await run.call("GET", "fhir/Patient?name=Smith&_sort=name&_include=*")).status == 200
    patch = json.dumps([{"op": "add", "path": "/birthDate", "value": "yesterday"}]).encode()
    patched = await run.call(
        "PATCH", f"fhir/Patient/{key}", body=patch, headers={"Content-Type": "application/json-patch+json"}
    )
    assert patched.status == 200 and "Patient.birthDate" in patched.headers["Warning"]
    assert (await run.call("GET", f"fhir/Patient/{key}/_history")).json["total"] == 2
    judged = (await run.call("GET", f"fhir/Patient/{key}/$validate")).json
    assert {"error"} == {issue["severity"] for issue in judged["issue"]}
    assert (await run.complete())["score"] == 1


async def test_what_is_no_resource_of_the_url_is_still_refused(start):
    run = await start("lenient")
    for method, path, body, status in (
        ("POST", "Patient", {"gender": "male"}, 400),
        ("POST", "Patient", {**WRONG, "resourceType": "Observation"}, 400),
        ("POST", "Patient", {**WRONG, "resourceType": 7}, 400),
        ("POST", "Patient", [WRONG], 400),
        ("POST", "Nonsense", {**WRONG, "resourceType": "Nonsense"}, 404),
        ("PUT", "Patient/1", {**WRONG, "id": "2"}, 400),
        ("PUT", "Patient/1", WRONG, 400),
    ):
        assert (await send(run, method, path, body)).status == status, (method, path, body)
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": WRONG}]}
    assert (await send(run, "POST", "", bundle)).status == 422
    assert (await run.call("GET", "fhir/Patient?_summary=count")).json["total"] == 0


async def test_it_is_as_it_was_after_a_restart(serve, start, disk, kit):
    run = await start("lenient")
    made = await send(run, "POST", "Patient", {**WRONG, "meta": ["x"], "id": 7})
    assert made.status == 201
    before = run.state_hash()
    await run.live.stop()
    async with serve() as live:
        assert live.state_hash(run.tasks[0]) == before
        event = (await live.get(f"/task-runs/{run.tasks[0]}/events?limit=1"))["data"][0]
        assert "Patient.gender" in problems(event["outcome"])


def test_a_proxy_leaves_it_to_its_upstream(kit, registry):
    wrong = registry.config_problems("Fhir", {"upstream": "http://127.0.0.1:1/fhir", "validation": "lenient"})
    assert "for the server behind to say" in str(wrong)
    assert "validation" in str(registry.config_problems("Fhir", {"validation": "sloppy"}))
    assert registry.config_problems("Fhir", {"validation": "lenient"}) == []
