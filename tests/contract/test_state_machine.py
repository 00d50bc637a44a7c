"""The life of runs over HTTP: every transition, every refusal, and what a refusal leaves as it was."""

import asyncio
from typing import Any

import pytest


def state(value: Any) -> tuple[Any, ...]:
    return value["phase"], value["status"], value["verdict"], value["score"]


async def test_created_started_completed(live):
    run = await live.run()
    assert state(await run.get()) == ("created", "active", None, None)
    assert await run.task_state() == ("created", "active", None, None)
    await run.start()
    assert state(await run.get()) == ("started", "active", None, None)
    assert await run.task_state() == ("started", "active", None, None)
    assert await run.task_state(1) == ("created", "active", None, None)
    await run.complete()
    assert await run.task_state() == ("completed", "completed", "fail", 0.0)
    assert state(await run.get()) == ("started", "active", None, None)
    await run.start(1)
    await run.complete(1, output={"answer": 42})
    assert state(await run.get()) == ("completed", "completed", "partial", 0.5)


@pytest.mark.parametrize("is_started", [False, True])
@pytest.mark.parametrize("what", ["task", "run", "playground"])
async def test_cancel(live, is_started, what):
    run = await live.run()
    if is_started:
        await run.start()
    path = {
        "task": f"/task-runs/{run.tasks[0]}/cancel",
        "run": f"/benchmark-runs/{run.id}/cancel",
        "playground": f"/playgrounds/{run.value['task_runs'][0]['playground_id']}/teardown",
    }[what]
    await live.post(path)
    assert await run.task_state() == ("completed", "cancelled", None, None)
    assert (await live.call("POST", path, "vk_local")).status == 409
    if what == "run":
        assert state(await run.get()) == ("completed", "cancelled", None, None)
        assert await run.task_state(1) == ("completed", "cancelled", None, None)
    else:
        assert (await run.get())["status"] == "active"
        assert await run.task_state(1) == ("created", "active", None, None)
        await live.post(f"/task-runs/{run.tasks[1]}/cancel")
        assert state(await run.get()) == ("completed", "cancelled", None, None)


async def test_timeout(serve, disk, kit):
    disk.benchmark(kit.benchmark("quick", kit.task("a", kit.says(42), timeout=0.2), kit.task("b", kit.says(42))))
    async with serve() as live:
        run = await live.started("quick")
        messages = await live.follow(run.tasks[0])
        assert [name for _, name, _ in messages] == ["clock_advanced", "end"]
        assert await run.task_state() == ("completed", "timed_out", "fail", 0.0)
        assert (await live.get(f"/criterion-runs?task_run_id={run.tasks[0]}"))["data"] == []
        assert (await live.get(f"/task-runs/{run.tasks[0]}"))["axes"] == {}
        assert (await run.call("GET", "files/inbox")).status == 409
        assert (await run.call("GET", "files/inbox", at=0)).status == 409
        for verb in ("start", "complete"):
            refused = await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/{verb}", run.token)
            assert (refused.status, refused.error["code"]) == (409, "CONFLICT")
            assert "timed_out" in refused.error["message"]
        await run.start(1)
        await run.complete(1, output={"answer": 42})
        assert state(await run.get()) == ("completed", "completed", "partial", 0.5)


async def test_a_task_has_the_benchmarks_timeout_unless_it_has_its_own(serve, disk, kit):
    disk.benchmark(kit.benchmark("timed", kit.task("a", timeout=7), kit.task("b"), timeout=60, concurrency=2))
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.run("timed")
        found = [await run.start(0), await run.start(1)]
        assert [f["timeout_at"] for f in found] == ["2026-04-23T09:00:07.000Z", "2026-04-23T09:01:00.000Z"]


async def test_a_complete_that_comes_too_late_times_out(serve, disk, kit):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started()
        clock.advance(300)
        refused = await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/complete", run.token)
        assert refused.status == 409
        assert await run.task_state() == ("completed", "timed_out", "fail", 0.0)


async def test_conflicts(live):
    run = await live.run()
    untouched = await run.whole()
    refused = await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/complete", run.token)
    assert (refused.status, refused.error["code"]) == (409, "CONFLICT")
    assert await run.whole() == untouched

    await run.start()
    before = await run.whole(), run.state_hash(0), run.state_hash(1)
    for index in (0, 1):  # already started; beyond the concurrency of 1
        refused = await live.call("POST", f"/v1/task-runs/{run.tasks[index]}/start", run.token)
        assert (refused.status, refused.error["code"]) == (409, "CONFLICT")
    assert run.tasks[0] in refused.error["message"] and "concurrency is 1" in refused.error["message"]
    refused = await live.call("POST", f"/v1/task-runs/{run.tasks[1]}/complete", run.token)
    assert refused.status == 409
    assert (await run.whole(), run.state_hash(0), run.state_hash(1)) == before

    await run.complete()
    await live.post(f"/task-runs/{run.tasks[1]}/cancel")
    over = await run.whole()
    for path in (
        f"/v1/task-runs/{run.tasks[0]}/start",
        f"/v1/task-runs/{run.tasks[1]}/start",
        f"/v1/task-runs/{run.tasks[1]}/complete",
    ):
        assert (await live.call("POST", path, run.token)).status == 409
    for path in (
        f"/task-runs/{run.tasks[0]}/cancel",
        f"/task-runs/{run.tasks[1]}/cancel",
        f"/task-runs/{run.tasks[1]}/complete",
        f"/task-runs/{run.tasks[1]}/rescore",
        f"/benchmark-runs/{run.id}/cancel",
        f"/benchmark-runs/{run.id}/complete",
        f"/sandboxes/{run.value['sandboxes'][0]['id']}/teardown",
    ):
        refused = await live.call("POST", path, "vk_local")
        assert (refused.status, refused.error["code"]) == (409, "CONFLICT"), path
    assert await run.whole() == over


async def test_complete_is_idempotent(live):
    run = await live.started()
    await run.do_everything()
    first = await run.complete(output={"answer": 1}, notes="first")
    before = await run.whole()
    assert await run.complete() == first
    assert await run.complete(output={"answer": 2}, notes="second") == first
    assert await run.whole() == before
    assert before[1][0]["output"] == {"answer": 1}
    internal = await live.post(f"/task-runs/{run.tasks[0]}/complete")
    assert internal == before[1][0]


async def test_complete_many_times_at_once(live):
    run = await live.started()
    await run.do_everything()
    answers = await asyncio.gather(*(run.complete(output={"try": i}) for i in range(8)))
    assert all(answer == answers[0] for answer in answers)
    found = await live.get(f"/task-runs/{run.tasks[0]}")
    assert len(found["criterion_runs"]) == 4
    assert found["output"] in [{"try": i} for i in range(8)]


async def test_start_many_times_at_once(live):
    run = await live.run()
    calls = [live.call("POST", f"/v1/task-runs/{t}/start", run.token) for t in run.tasks * 4]
    assert sorted(a.status for a in await asyncio.gather(*calls)) == [200] + [409] * 7
    assert len([e for e in await run.events(0) if e["type"] == "scenario_step"]) <= 1


async def test_complete_and_calls_at_once(live, kit):
    """What was answered before the end is scored; what comes after is refused; nothing in between."""
    run = await live.started()
    calls = [run.call("POST", "portal/prior-auths", json=kit.prior_auth) for _ in range(20)]
    completing = live.call("POST", f"/v1/task-runs/{run.tasks[0]}/complete", run.token)
    *answers, done = await asyncio.gather(*calls, completing)
    assert done.status == 200
    assert {a.status for a in answers} <= {201, 409}
    events = [e for e in await run.events() if e["type"] == "portal_request"]
    assert len([e for e in events if e["response"]["status"] == 201]) == [a.status for a in answers].count(201)


async def test_two_task_runs_at_once(serve, disk, kit):
    disk.benchmark(kit.benchmark("pair", *(kit.task(k, kit.says(42)) for k in "abc"), concurrency=2))
    async with serve() as live:
        run = await live.run("pair")
        await run.start(0)
        assert (await run.call("PUT", "files/outbox/a.txt", body=b"run-scoped")).status == 201
        await run.start(1)
        refused = await live.call("POST", f"/v1/task-runs/{run.tasks[2]}/start", run.token)
        assert refused.status == 409
        for path in ("files/inbox", "hl7/inbox", "portal/patients"):
            refused = await run.call("GET", path)
            assert (refused.status, refused.error["code"]) == (409, "CONFLICT")
            surface = path.partition("/")[0]
            for index in (0, 1):
                assert f"/v1/task-runs/{run.tasks[index]}/{surface}" in refused.error["message"]
        refused = await run.call("GET", "fhir/Patient/ana")
        assert refused.status == 409 and f"/v1/task-runs/{run.tasks[1]}/fhir" in refused.body.decode()

        assert (await run.call("PUT", "files/outbox/b.txt", at=1, body=b"task-scoped")).status == 201
        assert (await run.call("GET", "files/outbox/a.txt", at=0)).body == b"run-scoped"
        assert (await run.call("GET", "files/outbox/b.txt", at=0)).status == 404
        assert (await run.call("GET", "files/outbox/a.txt", at=1)).status == 404
        assert (await run.call("GET", "files/inbox", at=2)).status == 409

        await run.complete(0)
        assert (await run.call("GET", "files/outbox/b.txt")).body == b"task-scoped"
        await run.start(2)
        assert (await run.call("GET", "files/inbox", at=2)).status == 200


async def test_the_same_state_through_every_mount(live, kit):
    run = await live.started()
    sandboxes = {s["type"]: s["id"] for s in run.value["sandboxes"] if s["task_run_id"] == run.tasks[0]}
    assert (await run.call("PUT", "files/outbox/a.txt", body=b"1")).status == 201
    for root, token in [
        (f"/v1/benchmark-runs/{run.id}", run.token),
        (f"/v1/task-runs/{run.tasks[0]}", run.token),
        (f"/sandboxes/{sandboxes['Files']}", kit.api_key),
        (f"/services/{sandboxes['Files']}", kit.api_key),
    ]:
        assert (await live.call("GET", f"{root}/files/outbox/a.txt", token)).body == b"1"
    wrong = await live.call("GET", f"/sandboxes/{sandboxes['Hl7']}/files/outbox/a.txt", kit.api_key)
    assert wrong.status == 404
    await run.complete()
    for root, token, status in [
        (f"/v1/benchmark-runs/{run.id}", run.token, 409),
        (f"/v1/task-runs/{run.tasks[0]}", run.token, 409),
        (f"/sandboxes/{sandboxes['Files']}", kit.api_key, 200),
    ]:
        assert (await live.call("GET", f"{root}/files/outbox/a.txt", token)).status == status
