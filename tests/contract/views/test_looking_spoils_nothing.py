"""Before `complete`: whoever looks with the organization key moves no clock, no id, no delay and no hash."""

import json
import re

import pytest

DELAYED = {"determinations": [{"procedure_code": "72148", "status": "approved", "delay_seconds": 60, "delay_reads": 3}]}


async def play(live, kit, looker_of, seed, fhir, *, is_watched):
    """Let an agent work, with somebody looking on between its calls or not."""
    run = await live.started("payer", seed=seed)
    watch = looker_of(run)
    answers, hashes = [], []

    async def look():
        if is_watched:
            await watch.everywhere()

    await look()
    sent = await run.call("POST", "portal/prior-auths", json=kit.prior_auth)
    request_id = sent.json["request_id"]
    for method, path, more in (
        ("GET", f"portal/prior-auths/{request_id}", {}),
        ("POST", "fhir/Patient", fhir({"resourceType": "Patient", "name": [{"family": "Smith"}]})),
        ("GET", "fhir/Patient?_count=1", {}),
        ("POST", "hl7/outbound", {"json": {"payload": kit.adt.format(control="C1", family="Smith")}}),
        ("POST", "portal/login", {"json": {"username": "x", "password": "y"}}),
        ("GET", f"portal/prior-auths/{request_id}", {}),
        ("PUT", "files/outbox/a.txt", {"body": b"a"}),
        ("GET", f"portal/prior-auths/{request_id}", {}),
    ):
        await look()
        before = run.state_hash()
        await look()
        assert run.state_hash() == before
        answer = await run.call(method, path, **more)
        answers.append((answer.status, answer.body, answer.headers.get("Location"), answer.headers.get("ETag")))
        hashes.append(run.state_hash())
    events = [e for e in await run.events() if e["actor"] != "organization"]
    names = {run.id: "RUN", live.url: "URL"}
    for index, task_run in enumerate(run.value["task_runs"]):
        names |= {task_run["id"]: f"TASK{index}", task_run["playground_id"]: f"PLAYGROUND{index}"}
    names |= {s["id"]: f"SANDBOX{index}" for index, s in enumerate(run.value["sandboxes"])}
    pattern = re.compile("|".join(map(re.escape, names)))

    def plain(value):
        return re.sub(r"req_[0-9a-f]{26}", "REQUEST", pattern.sub(lambda found: names[found[0]], value))

    told = [{k: v for k, v in e.items() if k not in ("seq", "duration_ms")} for e in events]
    done = await run.complete(output={"answer": 42})
    return plain(repr(answers)), plain(json.dumps(told)), hashes, done["score"]


async def test_a_seeded_run_is_the_same_to_the_byte_when_somebody_looks_on(serve, kit, look_at, with_payer, fhir):
    with_payer(DELAYED)
    async with serve() as live:
        alone = await play(live, kit, look_at, 7, fhir, is_watched=False)
        watched = await play(live, kit, look_at, 7, fhir, is_watched=True)
    assert alone == watched


@pytest.mark.parametrize("seed", [None, 3])
async def test_looks_are_no_reads_that_a_decision_waits_for(serve, kit, look_at, with_payer, seed):
    with_payer(DELAYED)
    async with serve() as live:
        run = await live.started("payer", seed=seed)
        made = (await run.call("POST", "portal/prior-auths", json=kit.prior_auth)).json
        path = f"portal/prior-auths/{made['request_id']}"
        for _ in range(5):
            seen = (await look_at(run).call("GET", "Payer", path)).json
            assert seen["determination"]["status"] == "pending"
        decided = [(await run.call("GET", path)).json["determination"]["status"] for _ in range(3)]
    assert decided == ["pending", "pending", "approved"]


async def test_a_look_shows_what_has_fallen_due_and_leaves_it_to_happen(serve, kit, look_at, with_payer):
    with_payer(DELAYED, clock=None)
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started("payer")
        made = (await run.call("POST", "portal/prior-auths", json=kit.prior_auth)).json
        path = f"portal/prior-auths/{made['request_id']}"
        clock.advance(61)
        before, count = run.state_hash(), len(await run.events())
        assert (await look_at(run).call("GET", "Payer", path)).json["determination"]["status"] == "approved"
        assert run.state_hash() == before
        assert [e["actor"] for e in await run.events()][count:] == ["organization"]
        clock.advance(5)
        decided = (await run.call("GET", path)).json["determination"]
        assert decided["decided_at"] == "2026-04-23T09:01:00.000Z"


async def test_a_look_leaves_when_things_happen_over_a_restart_too(serve, disk, kit, look_at, with_payer):
    with_payer(DELAYED, clock=None)
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started("payer")
        made = (await run.call("POST", "portal/prior-auths", json=kit.prior_auth)).json
        path = f"portal/prior-auths/{made['request_id']}"
        clock.advance(61)
        await look_at(run).call("GET", "Payer", path)
    clock.advance(5)
    async with serve(clock=clock) as live:
        run.live = live
        decided = (await run.call("GET", path)).json["determination"]
        assert decided["decided_at"] == "2026-04-23T09:01:00.000Z"


async def test_pages_of_a_search_can_be_turned(live, look_at, fhir):
    run = await live.started()
    for family in ("Abt", "Berg"):
        await run.call("POST", "fhir/Patient", **fhir({"resourceType": "Patient", "name": [{"family": family}]}))
    before = run.state_hash()
    found, path = [], "fhir/Patient?_count=1&_sort=_id"
    while path:
        page = (await look_at(run).call("GET", "Fhir", path)).json
        found += [entry["resource"]["id"] for entry in page["entry"]]
        following = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
        path = following and following.partition(f"{look_at(run).sandbox('Fhir')}/")[2]
    assert len(found) == len(set(found)) == 3
    assert run.state_hash() == before
    mine = (await run.call("GET", "fhir/Patient?_count=1")).json
    key = next(link["url"] for link in mine["link"] if link["relation"] == "next").partition("?")[2]
    assert (await look_at(run).call("GET", "Fhir", f"fhir/Patient?{key}")).status == 200


async def test_what_the_organization_writes_is_there_and_is_no_step(live, look_at):
    run = await live.started(seed=1)
    await run.call("GET", "files/inbox")
    put = await look_at(run).call("PUT", "Files", "files/outbox/x.txt", body=b"x")
    assert put.status == 201
    made = await look_at(run).call("POST", "Hl7", "hl7/outbound", json={"payload": "nonsense"})
    assert made.status == 200
    assert (await run.call("GET", "files/outbox/x.txt")).body == b"x"
    agents = [e["at"] for e in await run.events() if e["actor"] != "organization"]
    assert agents == [f"2026-04-23T09:00:0{i}.000Z" for i in range(4)]


async def test_before_the_start_a_look_does_not_set_the_clock_going(serve, kit, look_at):
    async with serve() as live:
        run = await live.run(seed=1)
        await look_at(run).everywhere()
        await run.start()
        await run.call("GET", "files/inbox")
        agents = [e["at"] for e in await run.events() if e["actor"] != "organization"]
    assert agents == [f"2026-04-23T09:00:0{i}.000Z" for i in range(3)]


async def test_looks_are_remembered_over_a_restart(serve, disk, look_at, kit):
    async with serve() as live:
        run = await live.started(seed=1)
        await look_at(run).everywhere()
        before = run.state_hash()
    async with serve() as live:
        assert live.state_hash(run.tasks[0]) == before
        playground = live.playground(run.tasks[0])
        assert playground.asides == playground.seq - 2
        again = await live.call("GET", f"/v1/task-runs/{run.tasks[0]}/files/inbox", run.token)
        assert again.status == 200
        events = (await live.get(f"/task-runs/{run.tasks[0]}/events?limit=1"))["data"]
    assert events[0]["at"] == "2026-04-23T09:00:02.000Z"
