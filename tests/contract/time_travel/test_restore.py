"""Snapshots, the return to any event, and the clock."""

import pytest


async def test_a_playground_returns_to_an_event_and_goes_on_from_there(live, world_of, agent_writes):
    run = await live.started()
    world = world_of(run)
    first = await agent_writes(run, "a.txt", b"1")
    then = await world.diff(f"?from={first}")
    assert then["added"] == then["changed"] == 0
    created = await run.call("POST", "fhir/Patient", json={"resourceType": "Patient", "name": [{"family": "Smith"}]})
    assert (await run.call("GET", "fhir/Patient?family=Smith")).json["total"] == 1
    await run.call("PUT", "files/outbox/a.txt", body=b"2")
    last = (await run.events())[-1]["seq"]
    value = await world.post("restore", to=first)
    assert value["events"] == last + 1
    same = await world.diff(f"?from={first}")
    assert (same["added"], same["changed"], same["removed"], same["bookkeeping"]) == (0, 0, 0, 1)  # its clock
    assert (await run.call("GET", "files/outbox/a.txt")).body == b"1"
    assert (await run.call("GET", "fhir/Patient?family=Smith")).json["total"] == 0
    assert (await run.call("GET", f"fhir/Patient/{created.json['id']}")).status == 404
    event = (await run.events())[last]
    assert (event["type"], event["actor"], event["request"]["body"]) == (
        "state_restored",
        "organization",
        {"event": first},
    )
    # What was undone can be returned to as well.
    await world.post("restore", to=last)
    assert (await run.call("GET", "fhir/Patient?family=Smith")).json["total"] == 1
    assert (await run.call("GET", "files/outbox/a.txt")).body == b"2"


async def test_what_was_undone_scores_nothing(live, world_of, kit):
    run = await live.started()
    world = world_of(run)
    start = len(await run.events())
    await run.do_everything()
    await world.post("restore", to="start")
    assert (await world.diff("?from=start"))["added"] == 0
    await run.call("GET", "files/inbox")
    result = await run.complete(output=None)
    assert result["score"] < 1.0
    assert start < len(await run.events())

    again = await live.started()
    await again.do_everything()
    done = len(await again.events())
    world = world_of(again)
    await world.post("restore", to="start")
    await world.post("restore", to=done)
    assert (await again.complete(output=None))["score"] == 1.0
    rescored = await live.post(f"/task-runs/{again.tasks[0]}/rescore", json={})
    assert rescored["score"] == 1.0


async def test_snapshots_are_names_of_states(live, world_of, agent_writes):
    run = await live.started()
    world = world_of(run)
    await agent_writes(run, "a.txt", b"1")
    made = await world.post("snapshot", status=201)
    assert made["state_hash"] == await world.hash()
    await agent_writes(run, "a.txt", b"2")
    fork = await world.fork(at=made["id"])
    assert await fork.hash() == made["state_hash"]
    assert (await fork.call("restore", to=made["id"])).status == 404  # it is the parent's
    await world.post("restore", to=made["id"])
    assert (await run.call("GET", "files/outbox/a.txt")).body == b"1"
    (listed,) = (await world.get())["snapshots"]
    assert listed == {"id": made["id"], "event": made["event"], "created_at": made["created_at"]}
    await run.complete(output=None)
    assert (await world.post("snapshot", status=201, at=0))["event"] == 0  # of one that is over, too


async def test_snapshots_have_a_limit(live, world_of, monkeypatch):
    monkeypatch.setattr("sandbox.limits.SNAPSHOTS_PER_PLAYGROUND", 2)
    world = world_of(await live.started())
    for status in (201, 201, 409):
        assert (await world.call("snapshot")).status == status


async def test_a_scored_run_is_not_taken_back(live, world_of, agent_writes):
    run = await live.started(scored=True)
    world = world_of(run)
    at = await agent_writes(run, "a.txt")
    before = await run.whole()
    answer = await world.call("restore", to=at)
    assert (answer.status, answer.error["code"]) == (409, "CONFLICT")
    assert await run.whole() == before
    assert (await world.fork(at=at)).id


async def test_a_started_task_run_stays_started(live, world_of):
    run = await live.run()
    world = world_of(run)
    assert (await world.call("clock", seconds=1)).status == 409  # it starts with the task run
    assert await world.events() == []
    await world.put_file("early.txt", b"1")
    await world.post("restore", to=0)
    assert (await world.get_file("early.txt")).status == 404
    await run.start()
    start = len(await run.events())
    for to in (0, 1, start - 1):
        assert (await world.call("restore", to=to)).status == 409
    await world.post("restore", to=start)
    assert (await run.call("GET", "files/inbox/fax.txt")).body == b"hello"


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"to": 10**6}, 404), ({"to": "now"}, 400), ({"to": None}, 400), ({"to": "x"}, 400), ({"to": []}, 400)],
)
async def test_what_cannot_be_returned_to(live, world_of, body, status):
    run = await live.started()
    before = await run.whole()
    assert (await world_of(run).call("restore", **body)).status == status
    assert await run.whole() == before


async def test_the_clock_is_moved_and_what_falls_due_happens(serve, kit, disk, world_of):
    task = kit.task(
        "wait",
        kit.says(1),
        scenario={
            "steps": [{"action": "drop_file_inbox", "path": "inbox/late.txt", "content": "late", "after_seconds": 3600}]
        },
    )
    disk.benchmark(kit.benchmark("late", task))
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started("late@1")
        world = world_of(run)
        assert (await run.call("GET", "files/inbox/late.txt")).status == 404
        before = (await world.get())["events"]
        value = await world.post("clock", seconds=3600)
        assert value["clock"]["now"] == "2026-04-23T10:00:00.000Z"
        assert [e["type"] for e in (await world.events())[before:]] == ["clock_advanced", "scenario_step"]
        assert (await run.call("GET", "files/inbox/late.txt")).body == b"late"
        value = await world.post("clock", to="2026-04-24T12:00:00+02:00")
        assert value["clock"]["now"] == "2026-04-24T10:00:00.000Z"
        await world.post("restore", to=before)
        assert (await run.call("GET", "files/inbox/late.txt")).status == 404
        assert (await world.get())["clock"]["now"] == "2026-04-23T09:00:00.000Z"
        clock.advance(3600)
        assert (await run.call("GET", "files/inbox/late.txt")).body == b"late"
        count = len(await run.events())
        for body in (
            {},
            {"seconds": 1, "to": "2027-01-01T00:00:00Z"},
            {"seconds": -1},
            {"seconds": 10**11},
            {"seconds": "1"},
            {"to": "2026-04-22T00:00:00Z"},
            {"to": "9999-12-31T23:59:59Z"},
            {"to": "soon"},
            {"to": 5},
        ):
            answer = await world.call("clock", **body)
            assert answer.status == 400, (body, answer)
        assert len(await run.events()) == count


async def test_a_fork_from_before_the_start_begins_its_clock(live, world_of):
    run = await live.started()
    fork = await world_of(run).fork(at=0)
    assert (await fork.get())["clock"] == {"now": None, "mode": "waiting"}
    assert (await fork.post("clock", seconds=0))["clock"]["mode"] == "running"
    assert [e["type"] for e in await fork.events()] == ["clock_advanced", "clock_advanced"]
    await fork.post("restore", to=0)
    assert (await fork.get())["clock"] == {"now": None, "mode": "waiting"}
