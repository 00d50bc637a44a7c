"""Forks: worlds of the organization's own that go on from an event of another one."""

import pytest

from sandbox.api.context import WRITER


async def test_a_fork_goes_on_from_an_event_and_leaves_its_parent_alone(live, world_of, agent_writes):
    run = await live.started()
    world = world_of(run)
    first = await agent_writes(run, "a.txt", b"1")
    then = await world.hash()
    await agent_writes(run, "b.txt", b"2")
    now = await world.hash()
    fork = await world.fork(at=first)
    made = await fork.get()
    assert (await fork.hash(), await world.hash()) == (then, now)
    assert made["forked_from"] == {"playground_id": world.id, "event": first}
    assert (made["status"], made["task_run_id"], made["benchmark_run_id"]) == ("active", None, run.id)
    assert (made["events"], made["clock"]["mode"]) == (0, "running")
    assert {s["id"] for s in made["sandboxes"]}.isdisjoint(s["id"] for s in (await world.get())["sandboxes"])
    assert (await fork.get_file("b.txt")).status == 404
    assert (await fork.put_file("b.txt", b"other")).status == 201
    assert (await fork.get_file("b.txt")).body == b"other"
    assert (await run.call("GET", "files/outbox/b.txt")).body == b"2"
    assert [e["seq"] for e in await fork.events()] == [1, 2, 3]
    listed = await live.get(f"/playgrounds?benchmark_run_id={run.id}")
    assert fork.id in [p["id"] for p in listed["data"]]
    # The run is scored by what its own agent did.
    assert (await run.complete(output=None))["status"] == "completed"
    assert (await fork.get_file("b.txt")).body == b"other"


async def test_the_credentials_of_a_fork_open_its_doors_and_no_other(live, world_of):
    run = await live.started()
    world = world_of(run)
    fork = await world.fork()
    ehr = next(s for s in (await fork.get())["sandboxes"] if s["type"] == "Fhir")
    given = ehr["credentials"]
    form = f"grant_type=client_credentials&client_id={given['client_id']}&client_secret={given['client_secret']}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    path = given["token_url"].removeprefix(live.url)
    token = await live.call("POST", path, body=form, headers=headers)
    assert token.status == 200, token
    token = token.json["access_token"]
    found = await live.call("GET", f"/sandboxes/{ehr['id']}/fhir/Patient/ana", token)
    assert found.status == 200
    other = next(s for s in (await world.get())["sandboxes"] if s["type"] == "Fhir")
    assert (await live.call("GET", f"/sandboxes/{other['id']}/fhir/Patient/ana", token)).status == 401
    refused = await live.call("POST", f"/sandboxes/{other['id']}/fhir/token", body=form, headers=headers)
    assert refused.status == 401
    assert [e["actor"] for e in await fork.events()] == ["agent", "agent"]


async def test_a_fork_of_a_fork_of_one_that_is_over(live, world_of, agent_writes):
    run = await live.started()
    world = world_of(run)
    at = await agent_writes(run, "a.txt", b"1")
    await run.complete(output=None)
    fork = await world.fork(at=at)
    await fork.put_file("b.txt", b"2")
    two = await fork.hash()
    await fork.put_file("c.txt", b"3")
    inner = await fork.fork(at=1)
    assert await inner.hash() == two
    assert (await inner.get_file("b.txt")).body == b"2"
    assert (await inner.get_file("c.txt")).status == 404
    await fork.post("teardown")
    assert (await inner.get_file("a.txt")).body == b"1"
    innermost = await inner.fork()
    assert await innermost.hash() == await inner.hash()
    assert (await innermost.fork(at=0)).id != innermost.id


async def test_a_fork_of_a_seeded_run_does_what_the_run_would_have_done(live, world_of, kit):
    run = await live.started(seed=5)
    world = world_of(run)
    patient = {"resourceType": "Patient", "name": [{"family": "Smith"}]}
    await run.call("POST", "fhir/Patient", json=patient)
    fork = await world.fork()
    ehr = next(s for s in (await fork.get())["sandboxes"] if s["type"] == "Fhir")
    given = ehr["credentials"]
    form = f"grant_type=client_credentials&client_id={given['client_id']}&client_secret={given['client_secret']}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    token = (await live.call("POST", given["token_url"].removeprefix(live.url), body=form, headers=headers)).json
    made = await live.call("POST", f"/sandboxes/{ehr['id']}/fhir/Patient", token["access_token"], json=patient)
    # The log-in was a step of the fork's agent; the run's makes one, too.
    await run.call("GET", "fhir/Patient/ana")
    own = await run.call("POST", "fhir/Patient", json=patient)
    assert made.json["id"] == own.json["id"]
    assert made.json["meta"]["lastUpdated"] == own.json["meta"]["lastUpdated"]


async def test_the_clock_of_a_fork_goes_on_from_the_event(serve, kit, world_of, agent_writes):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started()
        world = world_of(run)
        first = await agent_writes(run, "a.txt")
        clock.advance(3600)
        await agent_writes(run, "b.txt")
        clock.advance(60)
        fork = await world.fork(at=first)
        assert (await fork.get())["clock"] == {"now": "2026-04-23T09:00:00.000Z", "mode": "running"}
        clock.advance(5)
        assert (await fork.get())["clock"]["now"] == "2026-04-23T09:00:05.000Z"
        assert (await world.get())["clock"]["now"] == "2026-04-23T10:01:05.000Z"
        moved = await fork.post("clock", seconds=30)
        assert moved["clock"]["now"] == "2026-04-23T09:00:35.000Z"


async def test_a_fork_ends_with_its_time_and_stays_to_be_looked_at(live, world_of):
    run = await live.started()
    world = world_of(run)
    fork = await world.fork(timeout=1)
    await fork.put_file("a.txt", b"1")
    left = await fork.hash()

    async def is_over():
        return (await fork.get())["status"] == "teardown"

    await live.until(is_over)
    value = await fork.get()
    assert (value["state_hash"], value["clock"]["mode"]) == (left, "stopped")
    assert (await fork.get_file("a.txt")).body == b"1"
    assert (await fork.put_file("a.txt", b"2")).status == 409
    for what, body in (("clock", {"seconds": 1}), ("restore", {"to": 0}), ("teardown", {})):
        answer = await fork.call(what, **body)
        assert (answer.status, answer.error["code"]) == (409, "CONFLICT"), answer
    assert (await fork.fork(at=0)).id
    assert await fork.diff("?from=0")


async def test_forks_count_as_active_playgrounds(serve, world_of):
    async with serve(max_active_playgrounds=3) as live:
        world = world_of(await live.started())
        fork = await world.fork()
        assert (await world.call("fork")).status == 409
        assert (
            await live.call("POST", "/v1/benchmark-runs", "vrl_slv_local", json={"benchmark": "clinic@1"})
        ).status == 409
        await fork.post("teardown")
        assert (await world.fork()).id


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"at": 999}, 404),
        ({"at": 10**17}, 404),
        ({"at": 10**30}, 400),
        ({"at": "9" * 400}, 404),
        ({"at": -1}, 400),
        ({"at": "seed"}, 400),
        ({"at": True}, 400),
        ({"at": 1.5}, 400),
        ({"at": "snap_none"}, 404),
        ({"timeout": 0}, 400),
        ({"timeout": 10**9}, 400),
        ({"else": 1}, 400),
    ],
)
async def test_what_cannot_be_forked_is_refused_and_nothing_is_made(live, world_of, body, status):
    run = await live.started()
    world = world_of(run)
    answer = await world.call("fork", **body)
    assert answer.status == status, answer
    assert set(answer.error) >= {"code", "message", "request_id"}
    await run.complete(output=None)
    assert (await world.call("fork", **body)).status == status
    assert len((await live.get(f"/playgrounds?benchmark_run_id={run.id}"))["data"]) == 2


async def test_unknown_ids_other_organizations_and_keys(live, world_of):
    run = await live.started()
    world = world_of(run)
    for method, what in (
        ("POST", "snapshot"),
        ("POST", "fork"),
        ("POST", "restore"),
        ("POST", "clock"),
        ("POST", "diff"),
        ("GET", "diff"),
        ("GET", "events"),
        ("POST", "teardown"),
    ):
        body = {"restore": {"to": 0}, "clock": {"seconds": 1}}.get(what, {}) if method == "POST" else None
        unknown = await live.call(method, f"/playgrounds/pg_none/{what}", "vk_local", json=body)
        assert (unknown.status, unknown.error["code"]) == (404, "NOT_FOUND"), unknown
        for token in (None, "vrl_slv_local", run.token):
            assert (await live.call(method, f"/playgrounds/{world.id}/{what}", token, json=body)).status == 401


async def test_what_belongs_to_another_organization_is_not_there(live, world_of):
    run = await live.started()
    world, other = world_of(run), world_of(run, 1)
    snapshot = await other.post("snapshot", status=201)
    sql = "UPDATE playgrounds SET organization_id = 'org_other' WHERE id = ?"
    await live.app[WRITER].write([(sql, (other.id,))])
    for what, body in (("snapshot", {}), ("fork", {}), ("restore", {"to": 0}), ("clock", {"seconds": 1}), ("diff", {})):
        assert (await other.call(what, **body)).status == 404
    assert (await live.call("GET", f"/playgrounds/{other.id}/events", "vk_local")).status == 404
    for place in (other.id, f"{other.id}@0"):
        assert (await live.call("GET", f"/playgrounds/{world.id}/diff?to={place}", "vk_local")).status == 404
    assert (await world.call("fork", at=snapshot["id"])).status == 404
    assert other.id not in [p["id"] for p in (await live.get("/playgrounds"))["data"]]


async def test_a_state_on_a_server_outside_is_not_forked(serve, disk, kit):
    definition = kit.benchmark("outside", kit.task("one", kit.says(1)))
    definition["environment"]["simulators"] = [
        {"type": "Fhir", "name": "EHR", "config": {"upstream": "http://127.0.0.1:9/fhir"}}
    ]
    disk.benchmark(definition)
    async with serve() as live:
        run = await live.started("outside@1")
        playground = run.value["task_runs"][0]["playground_id"]
        for what, body in (("fork", {}), ("restore", {"to": 1})):
            answer = await live.call("POST", f"/playgrounds/{playground}/{what}", "vk_local", json=body)
            assert answer.status == 409 and "EHR" in answer.error["message"], answer
        assert len((await live.get(f"/playgrounds?benchmark_run_id={run.id}"))["data"]) == 1


async def test_a_playground_without_events_is_forked_and_compared(live, world_of):
    world = world_of(await live.run())
    fork = await world.fork()
    assert await fork.hash() == await world.hash()
    assert (await fork.diff())["surfaces"] == (await world.diff("?from=0&to=start"))["surfaces"] == []
    assert await fork.events() == []
