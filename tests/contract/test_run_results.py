"""Scores of runs, and what can be read, published and scored again after their end."""

from typing import Any

import pytest


def state(value: Any) -> tuple[Any, ...]:
    return value["phase"], value["status"], value["verdict"], value["score"]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (["right", "right"], ("completed", "completed", "pass", 1.0)),
        (["right", "wrong"], ("completed", "completed", "partial", 0.5)),
        (["wrong", "wrong"], ("completed", "completed", "fail", 0.0)),
        (["right", "cancel"], ("completed", "completed", "partial", 0.5)),
        (["wrong", "cancel"], ("completed", "completed", "fail", 0.0)),
        (["cancel", "cancel"], ("completed", "cancelled", None, None)),
    ],
)
async def test_the_score_of_a_run(serve, disk, kit, ends, expected):
    disk.benchmark(kit.benchmark("pair", kit.task("a", kit.says(42)), kit.task("b", kit.says(42))))
    async with serve() as live:
        run = await live.run("pair")
        for index, end in enumerate(ends):
            if end == "cancel":
                await live.post(f"/task-runs/{run.tasks[index]}/cancel")
            else:
                await run.start(index)
                await run.complete(index, output={"answer": 42 if end == "right" else 0})
        assert state(await run.get()) == expected
        assert state(await live.get(f"/benchmark-runs/{run.id}")) == expected


async def test_cancelling_a_run_keeps_what_is_completed(live):
    run = await live.run()
    await run.start(1)
    await run.complete(1, output={"answer": 42})
    await run.start(0)
    value = await live.post(f"/benchmark-runs/{run.id}/cancel")
    assert (value["phase"], value["status"], value["verdict"]) == ("completed", "cancelled", None)
    assert await run.task_state(1) == ("completed", "completed", "pass", 1.0)
    assert await run.task_state(0) == ("completed", "cancelled", None, None)


async def test_completing_a_whole_run(live):
    run = await live.started()
    await run.do_everything()
    value = await live.post(f"/benchmark-runs/{run.id}/complete")
    assert state(value) == ("completed", "completed", "partial", 0.5)
    assert await run.task_state(0) == ("completed", "completed", "pass", 1.0)
    assert await run.task_state(1) == ("completed", "cancelled", None, None)


async def test_fractions_are_rounded_on_the_wire_only(serve, disk, kit):
    criteria = [kit.says(42, weight=2, axis="a"), kit.says(0, weight=1, axis="a"), kit.says(1, weight=0)]
    disk.benchmark(kit.benchmark("thirds", kit.task("a", *criteria)))
    async with serve() as live:
        run = await live.started("thirds")
        answer = await run.complete(output={"answer": 42})
        assert (answer["score"], answer["verdict"]) == (0.666667, "partial")
        assert answer["axes"] == {"a": {"score": 0.666667, "weight": 3}}
        assert len(answer["checks"]) == 3
        assert (await run.get())["score"] == 0.666667


async def test_playgrounds_are_torn_down_and_events_stay(live):
    run = await live.started()
    await run.do_everything()
    events = await run.events()
    await run.complete()
    playground_id = run.value["task_runs"][0]["playground_id"]
    found = await live.get(f"/playgrounds/{playground_id}")
    assert found["status"] == "teardown" and {s["status"] for s in found["sandboxes"]} == {"teardown"}
    other = await live.get(f"/playgrounds/{run.value['task_runs'][1]['playground_id']}")
    assert other["status"] == "active"
    shown = {s["task_run_id"]: s["status"] for s in (await run.get())["sandboxes"]}
    assert shown == {run.tasks[0]: "teardown", run.tasks[1]: "active"}
    assert await run.events() == events and len(events) == 6
    files = next(s["id"] for s in found["sandboxes"] if s["type"] == "Files")
    assert [e["type"] for e in (await live.get(f"/sandboxes/{files}/events"))["data"]] == ["file_write"]
    assert (await live.call("POST", f"/playgrounds/{playground_id}/teardown", "vk_local")).status == 409


async def test_publish_and_leaderboard(serve, disk, kit):
    disk.benchmark(kit.benchmark("open", kit.task("a", kit.says(42))))
    clock = kit.clock()
    async with serve(clock=clock) as live:

        async def finish(agent: str | None, answer: int) -> str:
            run = await live.started("open", agent=agent)
            clock.advance(1)
            await run.complete(output={"answer": answer})
            return str(run.id)

        good, bad, other = await finish("ada", 42), await finish("ada", 0), await finish("bob", 0)
        running = await live.started("open", agent="carl")
        assert (await live.call("POST", f"/benchmark-runs/{running.id}/publish", "vk_local")).status == 409
        assert (await live.get("/leaderboard?benchmark=open@1"))["data"] == []
        for run_id in (bad, other, good):
            assert (await live.post(f"/benchmark-runs/{run_id}/publish"))["published_at"] is not None
        board = await live.get("/leaderboard?benchmark=open@1")
        assert [(r["rank"], r["agent"], r["score"], r["benchmark_run_id"]) for r in board["data"]] == [
            (1, "ada", 1.0, good),
            (2, "bob", 0.0, other),
        ]
        assert (await live.post(f"/benchmark-runs/{good}/unpublish"))["published_at"] is None
        board = await live.get("/leaderboard?benchmark=open")
        assert {r["benchmark_run_id"] for r in board["data"]} == {bad, other}
        assert (await live.call("GET", "/leaderboard", "vk_local")).status == 400
        assert (await live.call("GET", "/leaderboard?benchmark=none@1", "vk_local")).status == 404


async def test_rescore(serve, disk, kit):
    task = kit.task("a", kit.says(0), kit.criterion("file", "sftp-file-present", glob="outbox/*"))
    disk.benchmark(kit.benchmark("again", task))
    async with serve() as live:
        run = await live.started("again")
        await run.call("PUT", "files/outbox/x.txt", body=b"1")
        first = await run.complete(output={"answer": 42})
        assert first["score"] == 0.5
        refused = await live.call("POST", f"/task-runs/{run.tasks[0]}/rescore", "vk_local", json={"criteria": "odd"})
        assert refused.status == 400
    task["criteria"][0] = kit.says(42, weight=3)
    disk.benchmark(kit.benchmark("again", task))
    async with serve() as live:
        run.live = live
        before = await live.get(f"/task-runs/{run.tasks[0]}")
        after = await live.post(f"/task-runs/{run.tasks[0]}/rescore")
        assert (after["score"], after["verdict"]) == (1.0, "pass")
        assert {c["id"] for c in before["criterion_runs"]}.isdisjoint({c["id"] for c in after["criterion_runs"]})
        assert (await live.get(f"/benchmark-runs/{run.id}"))["score"] == 1.0
        path = f"/criterion-runs?task_run_id={run.tasks[0]}"
        assert (await live.get(path))["data"] == after["criterion_runs"]
        everything = (await live.get(f"{path}&superseded=true"))["data"]
        old = [c for c in everything if c["superseded_at"] is not None]
        assert len(everything) == 4
        assert [{**c, "superseded_at": None} for c in old] == before["criterion_runs"]
        one = await live.get(f"/criterion-runs/{before['criterion_runs'][0]['id']}")
        assert one["superseded_at"] is not None
        assert await live.post(f"/v1/task-runs/{run.tasks[0]}/complete", run.token) != first
        again = await live.post(f"/task-runs/{run.tasks[0]}/rescore", json={"criteria": "recorded"})
        assert again["score"] == 0.5
