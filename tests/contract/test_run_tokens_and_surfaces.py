"""When an agent may reach its surfaces: before a start, after the end, until its token expires; and limits of a run."""

import base64
import json

import pytest

from sandbox import limits


async def test_surfaces_before_a_start(live):
    run = await live.run()
    before = run.state_hash()
    for path in ("files/inbox", "hl7/inbox", "portal/patients"):
        refused = await run.call("GET", path)
        assert (refused.status, refused.error["code"]) == (409, "CONFLICT")
        assert "start a task run first" in refused.error["message"]
        assert (await run.call("GET", path, at=0)).status == 409
    assert (await run.call("GET", "fhir/Patient/ana")).json["resourceType"] == "OperationOutcome"
    assert run.state_hash() == before and await run.events() == []


async def test_surfaces_that_are_not_there(serve, disk, kit):
    environment = kit.benchmark()["environment"]
    environment["simulators"] = environment["simulators"][1:2]
    disk.benchmark(kit.benchmark("only-hl7", environment=environment, tasks=[kit.task("a")]))
    async with serve() as live:
        run = await live.started("only-hl7")
        assert set(run.value["endpoints"]) == {"hl7_inbox", "hl7_outbound"}
        for path in ("files/inbox", "portal/patients", "nonsense/x", "nonsense"):
            refused = await run.call("GET", path)
            assert (refused.status, refused.error["code"]) == (404, "NOT_FOUND"), path
        refused = await run.call("GET", "fhir/Patient")
        assert (refused.status, refused.json["resourceType"]) == (404, "OperationOutcome")


async def test_a_run_token_after_the_end(live, kit):
    run = await live.started()
    await run.complete()
    await live.post(f"/task-runs/{run.tasks[1]}/cancel")
    assert (await run.get())["phase"] == "completed"
    for method, path, more in [
        ("PUT", "files/outbox/b.txt", {"body": b"2"}),
        ("POST", "portal/prior-auths", {"json": kit.prior_auth}),
        ("POST", "hl7/outbound", {"json": {"payload": kit.adt}}),
        ("POST", "fhir/Patient", {"json": {"resourceType": "Patient"}}),
    ]:
        for at in (None, 0, 1):
            assert (await run.call(method, path, at=at, **more)).status == 409
    for task_run_id in run.tasks:
        assert (await live.call("POST", f"/v1/task-runs/{task_run_id}/start", run.token)).status == 409
    assert (await run.get())["score"] == 0.0


async def test_a_run_token_expires(serve, kit):
    clock = kit.clock()
    async with serve(clock=clock, run_token_lifetime_s=60) as live:
        run = await live.started()
        assert run.value["bearer_token_expires_at"] == "2026-04-23T09:01:00.000Z"
        clock.advance(59.999)
        assert (await run.call("GET", "files/inbox")).status == 200
        clock.advance(0.001)
        before = run.state_hash()
        for method, path in [
            ("GET", f"/v1/benchmark-runs/{run.id}"),
            ("GET", f"/v1/benchmark-runs/{run.id}/files/inbox"),
            ("DELETE", f"/v1/task-runs/{run.tasks[0]}/files/inbox/referral.txt"),
            ("POST", f"/v1/task-runs/{run.tasks[0]}/complete"),
            ("POST", f"/v1/task-runs/{run.tasks[1]}/start"),
        ]:
            refused = await live.call(method, path, run.token)
            assert (refused.status, refused.error["code"]) == (401, "UNAUTHORIZED"), path
        assert run.state_hash() == before
        assert (await live.get(f"/v1/benchmark-runs/{run.id}", kit.solver_key))["phase"] == "started"


async def test_active_playgrounds_have_a_limit(serve):
    async with serve(max_active_playgrounds=3) as live:
        run = await live.run()
        refused = await live.call("POST", "/v1/benchmark-runs", "vrl_slv_local", json={"benchmark": "clinic"})
        assert (refused.status, refused.error["code"]) == (409, "CONFLICT")
        assert "2 playgrounds are active" in refused.error["message"] and "limit is 3" in refused.error["message"]
        await live.post(f"/task-runs/{run.tasks[0]}/cancel")
        await live.run()


async def test_events_of_a_task_run_have_a_limit(live, monkeypatch):
    run = await live.started()
    monkeypatch.setattr(limits, "EVENTS_PER_TASK_RUN", len(await run.events()) + 2)
    assert (await run.call("PUT", "files/a.txt", body=b"1")).status == 201
    assert (await run.call("PUT", "files/b.txt", body=b"1")).status == 201
    before = run.state_hash()
    for path in ("files/c.txt", "fhir/Patient/x"):
        refused = await run.call("PUT", path, body=b'{"resourceType": "Patient", "id": "x"}')
        assert refused.status == 413 and b"complete it" in refused.body
    assert run.state_hash() == before
    assert (await run.complete())["status"] == "completed"


async def test_a_due_step_does_not_keep_a_full_task_run_from_completing(serve, disk, kit, monkeypatch):
    step = {"action": "drop_file_inbox", "path": "inbox/later.txt", "content": "2", "after_seconds": 60}
    disk.benchmark(kit.benchmark("due", kit.task("a", kit.says(1), scenario={"steps": [step]})))
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started("due")
        monkeypatch.setattr(limits, "EVENTS_PER_TASK_RUN", len(await run.events()))
        clock.advance(60)
        assert (await run.call("GET", "files/inbox")).status == 413
        assert (await run.complete(output={"answer": 1}))["score"] == 1.0


async def test_a_large_output_is_kept(live):
    run = await live.started()
    await live.post(f"/task-runs/{run.tasks[1]}/cancel")
    output = {"text": "x" * 1_000_000, "number": 1.5, "none": None, "list": [1, {"deep": [[]]}]}
    await run.complete(output=output)
    assert (await live.get(f"/task-runs/{run.tasks[0]}"))["output"] == output
    assert json.dumps(output) == json.dumps((await live.get(f"/task-runs/{run.tasks[0]}"))["output"])


DOCUMENTS = ["fhir/metadata", "fhir/.well-known/smart-configuration"]


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_documents_need_no_token(live, path):
    run = await live.run()
    scopes = [f"/v1/benchmark-runs/{run.id}", f"/v1/task-runs/{run.tasks[0]}"]
    sandbox = next(s for s in run.value["sandboxes"] if s["type"] == "Fhir" and s["task_run_id"] == run.tasks[0])
    for scope in [*scopes, f"/sandboxes/{sandbox['id']}", f"/services/{sandbox['id']}"]:
        for token in (None, "nonsense"):
            answer = await live.call("GET", f"{scope}/{path}", token)
            assert answer.status == 200, scope
            assert f"{scope}/fhir" in answer.body.decode()
        assert (await live.call("HEAD", f"{scope}/{path}")).status == 200
    before = len(await run.events())
    await run.start()
    for scope in scopes:
        assert (await live.call("GET", f"{scope}/{path}")).status == 200
        assert (await live.call("GET", f"{scope}/{path}", run.token)).status == 200
    recorded = (await run.events())[before:]
    paths = [e["request"]["path"] for e in recorded if e["type"] == "fhir_request"]
    assert paths == [path, path], "an event only of who shows a token"
    assert (await live.call("GET", f"{scopes[0]}/fhir/Patient/ana")).status == 401


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_documents_of_what_is_not_there_or_over(live, path):
    for scope in ("/v1/benchmark-runs/br_none", "/v1/task-runs/tr_none", "/sandboxes/sb_none"):
        answer = await live.call("GET", f"{scope}/{path}")
        assert (answer.status, answer.json["resourceType"]) == (404, "OperationOutcome")
    run = await live.started()
    assert (await run.call("GET", "fhir/metadata?mode=nonsense")).status == 400
    await run.complete()
    assert (await live.call("GET", f"/v1/task-runs/{run.tasks[0]}/{path}")).status == 409
    assert (await live.call("GET", f"/v1/benchmark-runs/{run.id}/{path}")).status == 200, "a task is still to come"


async def test_documents_while_several_tasks_are_started(serve, disk, kit):
    disk.benchmark(kit.benchmark("wide", concurrency=2))
    async with serve() as live:
        run = await live.started("wide")
        await run.start(1)
        assert (await run.call("GET", "fhir/Patient/ana")).status == 409
        assert (await live.call("GET", f"/v1/benchmark-runs/{run.id}/fhir/metadata")).status == 200
        assert (await live.call("GET", f"/v1/task-runs/{run.tasks[1]}/fhir/metadata")).status == 200


async def test_a_token_request_without_a_form_is_told_so_while_several_tasks_are_started(serve, disk, kit):
    """The client is named in the header; that it sends no form is what is wrong, not whom it names."""
    disk.benchmark(kit.benchmark("wide", concurrency=2))
    async with serve() as live:
        run = await live.started("wide")
        await run.start(1)
        held = next(box["credentials"] for box in run.value["sandboxes"] if box["task_run_id"] == run.tasks[1])
        pair = base64.b64encode(f"{held['client_id']}:{held['client_secret']}".encode()).decode()
        path = f"/v1/benchmark-runs/{run.id}/fhir/token"
        answer = await live.call("POST", path, headers={"Authorization": f"Basic {pair}"})
        assert (answer.status, answer.json["error"]) == (400, "invalid_request"), answer
        other = await live.call("POST", path, headers={"Authorization": "Basic eDp5"})
        assert (other.status, other.json["error"]) == (401, "invalid_client"), other
