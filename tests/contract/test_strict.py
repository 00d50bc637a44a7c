"""Strict mode: only what the upstream service has wired."""

import pytest


@pytest.fixture
async def strict(serve, disk, kit):
    upstream = kit.criterion("file", "sftp-file-present", glob="inbox/*")
    tasks = [kit.task("a", upstream), kit.task("b")]
    disk.benchmark(kit.benchmark("wired", *tasks, concurrency=5))
    async with serve(is_strict=True) as live:
        yield live


async def test_definitions_on_disk_load_and_score_whatever_checks_they_use(strict):
    assert (await strict.get("/readyz"))["benchmarks"] == ["clinic@1", "wired@1"]
    run = await strict.run("clinic")
    await run.start(1)
    done = await run.complete(1, output={"answer": 42})
    assert (done["verdict"], done["checks"][0]["details"]) == ("pass", "output matched; 1 field passed.")


async def test_files_are_read_only(strict):
    run = await strict.started("wired")
    before = run.state_hash()
    assert (await run.call("GET", "files/inbox")).status == 200
    assert (await run.call("GET", "files/inbox/referral.txt")).body == b"Please see Ana Reyes.\n"
    for method in ("PUT", "DELETE", "POST"):
        for path in ("files/inbox/referral.txt", "files/outbox/new.txt"):
            refused = await run.call(method, path, body=b"x")
            assert (refused.status, refused.error["code"]) == (405, "METHOD_NOT_ALLOWED")
            assert "GET" in refused.headers["Allow"]
    assert run.state_hash() == before


async def test_no_task_scoped_surfaces(strict):
    run = await strict.started("wired")
    for method, path in [
        ("GET", "files/inbox"),
        ("GET", "hl7/inbox"),
        ("GET", "portal/patients"),
        ("POST", "hl7/outbound"),
        ("POST", "fhir/Patient"),
    ]:
        refused = await run.call(method, path, at=0)
        assert refused.status == 404, (path, refused)
    assert all("endpoints" not in t for t in run.value["task_runs"] + (await run.get())["task_runs"])
    started = await strict.get(f"/task-runs/{run.tasks[0]}")
    assert started["phase"] == "started"


async def test_endpoints_are_run_scoped(strict):
    run = await strict.run("wired")
    started = await run.start()
    assert started["endpoints"] == run.value["endpoints"]
    assert all(url.startswith(f"/v1/benchmark-runs/{run.id}/") for url in started["endpoints"].values())
    hl7 = next(s for s in started["sandboxes"] if s["type"] == "Hl7")
    assert set(hl7["credentials"]) == {"inbox_url", "outbound_url"}


async def test_one_started_task_run_whatever_the_concurrency_says(strict):
    run = await strict.started("wired")
    refused = await strict.call("POST", f"/v1/task-runs/{run.tasks[1]}/start", run.token)
    assert refused.status == 409 and "concurrency is 1" in refused.error["message"]
    await run.complete()
    await run.start(1)


async def test_extension_routes_are_not_run_scoped(strict, kit):
    run = await strict.started("wired")
    before = run.state_hash()
    for method, path in [
        ("GET", "hl7/outbound"),
        ("GET", "hl7/batches"),
        ("GET", "hl7/inbox/x"),
        ("POST", "hl7/inbox/x/ack"),
        ("GET", "portal/questions"),
        ("GET", "portal/providers/1234567893"),
        ("POST", "portal/logout"),
    ]:
        assert (await run.call(method, path)).status in (404, 405), path
    for surface in ("x12/eligibility", "clearinghouse/eligibility", "faxes", "messages", "cds/services", "calls"):
        assert (await run.call("POST", surface, json={})).status == 404, surface
    assert run.state_hash() == before
    assert (await run.call("POST", "portal/prior-auths", json=kit.prior_auth)).status == 201
    sent = await run.call("POST", "hl7/outbound", json={"payload": kit.adt.format(control="C1", family="Smith")})
    assert sent.json["ack_code"] == "AA"
    assert (await run.complete())["verdict"] == "pass"
