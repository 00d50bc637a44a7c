"""`POST clock/advance`: an agent waits for what only time brings, and no time passes."""

import pytest

from sandbox import limits

LATE = {"action": "drop_file_inbox", "path": "inbox/late.txt", "content": "late"}


@pytest.fixture
def slow(disk, kit):
    """A task with steps after one hour and two and a determination after a day, and one that forbids waiting."""
    definition = kit.benchmark(
        "slow",
        kit.task(
            "wait",
            kit.says(1),
            scenario={
                "steps": [
                    {**LATE, "after_seconds": 3600},
                    {**LATE, "path": "inbox/later.txt", "after_seconds": 7200.0005},
                ]
            },
        ),
        kit.task("hurry", kit.says(1), may_advance_clock=False, scenario={"steps": [{**LATE, "after_seconds": 60}]}),
        kit.task("nothing", kit.says(1)),
        concurrency=3,
    )
    payer = next(s for s in definition["environment"]["simulators"] if s["type"] == "Payer")
    rule = {"procedure_code": "72148", "status": "approved", "delay_seconds": 86400, "delay_reads": 1000}
    payer["config"] = {**payer.get("config", {}), "determinations": [rule]}
    disk.benchmark(definition)
    return definition


async def wait(run, at=0, **body):
    return await run.call("POST", "clock/advance", at=at, json=body)


async def inbox(run, at=0):
    return [row["name"] for row in (await run.call("GET", "files/inbox", at=at)).json]


async def test_seconds(serve, slow, kit):
    async with serve(clock=kit.clock()) as live:
        run = await live.started("slow")
        assert "late.txt" not in await inbox(run)
        answer = await wait(run, seconds=3599.5)
        assert answer.json == {"clock": "2026-04-23T09:59:59.500Z", "advanced_seconds": 3599.5}
        assert "late.txt" not in await inbox(run)
        assert (await wait(run, seconds=0.5)).json["clock"] == "2026-04-23T10:00:00.000Z"
        assert "late.txt" in await inbox(run) and "later.txt" not in await inbox(run)


async def test_to_the_next(serve, slow, kit):
    async with serve(clock=kit.clock()) as live:
        run = await live.started("slow")
        made = await run.call("POST", "portal/prior-auths", at=0, json=kit.prior_auth)
        for name, moved in (("late.txt", 3600.0), ("later.txt", 3600.001)):
            assert name not in await inbox(run)
            assert (await wait(run, to="next")).json["advanced_seconds"] == moved
            assert name in await inbox(run)
        auth = f"portal/prior-auths/{made.json['request_id']}"
        assert (await run.call("GET", auth, at=0)).json["determination"]["status"] == "pending"
        assert (await wait(run, to="next")).status == 200
        assert (await run.call("GET", auth, at=0)).json["determination"]["status"] == "approved"
        nothing = await wait(run, to="next")
        assert (nothing.status, nothing.error["code"]) == (409, "CONFLICT")
        assert "Nothing is to come" in nothing.error["message"]


async def test_what_falls_due_has_happened_when_the_answer_comes_and_all_of_it_is_recorded(serve, slow):
    async with serve() as live:
        run = await live.started("slow")
        await wait(run, to="next")
        last = [(e["type"], e["actor"]) for e in await run.events()][-2:]
        assert last == [("clock_advanced", "agent"), ("scenario_step", "scenario")]
        event = (await run.events())[-2]
        assert (event["request"]["method"], event["request"]["path"]) == ("POST", "clock/advance")
        assert event["request"]["body"] == {"to": "next"}
        assert [change["collection"] for change in event["changes"]] == ["_clock"]


async def test_it_is_told(serve, slow):
    async with serve() as live:
        run = await live.run("slow")
        free, bound = await run.start(0), await run.start(1)
        where = f"/v1/task-runs/{run.tasks[0]}/clock/advance"
        assert free["waiting"] == {"allowed": True, "advance_url": where}
        assert bound["waiting"] == {"allowed": False, "advance_url": None}
        assert "clock" in free["urls"] and "clock" not in bound["urls"]
        assert (await live.call("POST", where, run.token, json={"seconds": 1})).status == 200


async def test_a_task_may_forbid_it(serve, slow):
    async with serve() as live:
        run = await live.run("slow")
        started = await run.start(1)
        root = started["urls"]["fhir"].removesuffix("/fhir").removeprefix(live.url)
        for path, token in (
            (f"/v1/task-runs/{run.tasks[1]}", run.token),
            (f"/v1/benchmark-runs/{run.id}", run.token),
            (root, None),
        ):
            for body in ({"seconds": 60}, {"to": "next"}):
                refused = await live.call("POST", f"{path}/clock/advance", token, json=body)
                assert (refused.status, refused.error["code"]) == (403, "FORBIDDEN")
        assert "late.txt" not in await inbox(run, 1)


async def test_on_every_path_of_the_agent_and_no_other(live):
    run = await live.started()
    root = (await run.get())["task_runs"][0]["urls"]["fhir"].removesuffix("/fhir").removeprefix(live.url)
    task_scoped = f"/v1/task-runs/{run.tasks[0]}"
    for path, token in ((f"/v1/benchmark-runs/{run.id}", run.token), (task_scoped, run.token), (root, None)):
        assert (await live.call("POST", f"{path}/clock/advance", token, json={"seconds": 1})).status == 200
        assert (await live.call("GET", f"{path}/clock/advance", token)).status == 405
    sandbox = run.value["sandboxes"][0]["id"]
    assert (await live.call("POST", f"/sandboxes/{sandbox}/clock/advance", json={"seconds": 1})).status == 404
    other = await live.run()
    for token, status in ((None, 401), ("vrl_run_x", 401), (other.token, 404), ("vk_local", 401)):
        refused = await live.call("POST", f"{task_scoped}/clock/advance", token, json={"seconds": 1})
        assert refused.status == status, refused
    before = await other.call("POST", "clock/advance", json={"seconds": 1})
    assert (before.status, before.error["code"]) == (409, "CONFLICT")
    await run.complete()
    assert (await wait(run, seconds=1)).status == 409


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"seconds": 0},
        {"seconds": -1},
        {"seconds": "60"},
        {"seconds": True},
        {"seconds": None},
        {"seconds": limits.CLOCK_ADVANCE_S + 1},
        {"to": "later"},
        {"to": None},
        {"seconds": 1, "to": "next"},
        {"minutes": 1},
        [],
        "next",
    ],
)
async def test_what_is_no_wait(live, body):
    run = await live.started()
    refused = await run.call("POST", "clock/advance", json=body)
    assert (refused.status, refused.error["code"]) in ((400, "VALIDATION_ERROR"), (400, "BAD_REQUEST")), refused
    event = (await run.events())[-1]
    assert (event["type"], event["response"]["status"], event["changes"]) == ("clock_advanced", 400, [])


async def test_bodies_that_are_none(live):
    run = await live.started()
    for raw, content_type, status in (
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"seconds=1", "application/x-www-form-urlencoded", 415),
        (b'{"seconds": 1e999}', "application/json", 400),
        (b'{"seconds": NaN}', "application/json", 400),
        (b" " * (limits.LOGIN_BODY_BYTES + 1), "application/json", 413),
    ):
        refused = await run.call("POST", "clock/advance", body=raw, headers={"Content-Type": content_type})
        assert refused.status == status, (raw[:20], refused)


async def test_bounds(serve, disk, kit):
    environment = {**kit.benchmark()["environment"], "clock": "9998-12-31T00:00:00Z"}
    disk.benchmark(kit.benchmark("end", kit.task("a", kit.says(1)), environment=environment))
    async with serve() as live:
        run = await live.started()
        for _ in range(3):
            assert (await run.call("POST", "clock/advance", json={"seconds": limits.CLOCK_ADVANCE_S})).status == 200
        assert (await run.call("GET", "files/inbox")).status == 200
        late = await live.started("end")
        refused = await late.call("POST", "clock/advance", json={"seconds": limits.CLOCK_ADVANCE_S})
        assert refused.status == 400 and "9999" in refused.error["message"]
        assert (await late.call("GET", "files/inbox")).status == 200


async def test_a_when_step_may_wait_for_it(serve, disk, kit):
    step = {**LATE, "when": {"event": "clock_advanced", "match": {}}, "after_seconds": 5}
    disk.benchmark(kit.benchmark("when", kit.task("a", kit.says(1), scenario={"steps": [step]})))
    async with serve() as live:
        run = await live.started("when")
        await wait(run, seconds=1)
        assert "late.txt" not in await inbox(run)
        await wait(run, to="next")
        assert "late.txt" in await inbox(run)


async def test_seeded_runs_repeat(serve, slow, kit):
    async def tour(run):
        await run.call("POST", "portal/prior-auths", at=0, json=kit.prior_auth)
        said = [(await wait(run, **body)).json for body in ({"to": "next"}, {"seconds": 12.5}, {"to": "next"})]
        said.append((await wait(run, to="next")).json)
        return said, await inbox(run), run.state_hash()

    async with serve() as live:
        first, second = [await tour(await live.started("slow", seed=4)) for _ in range(2)]
        assert first == second
        assert {"late.txt", "later.txt"} <= {*first[1]}


async def test_a_restart_brings_the_moved_clock_back(serve, slow, kit):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started("slow")
        await wait(run, to="next")
        await wait(run, seconds=100)
        state = run.state_hash()
    async with serve(clock=clock) as live:
        run.live = live
        assert run.state_hash() == state
        assert (await wait(run, seconds=1)).json["clock"] == "2026-04-23T10:01:41.000Z"
        assert (await wait(run, to="next")).json["advanced_seconds"] == 3499.001


async def test_strict_mode_has_none(serve):
    async with serve(is_strict=True) as live:
        run = await live.started()
        for at in (None, 0):
            assert (await run.call("POST", "clock/advance", at=at, json={"seconds": 1})).status == 404
