"""After `complete`: the organization key still reads what was left; nothing can be changed, nothing is judged anew."""

import asyncio

import pytest


async def finished(live, kit):
    run = await live.started()
    await run.do_everything()
    assert (await run.complete())["score"] == 1
    return run


async def see(looker, live=None):
    read = [
        ("Files", "files/outbox/note.txt"),
        ("Payer", "portal/prior-auths"),
        ("Hl7", "hl7/outbound"),
        ("Fhir", "fhir/Patient?family=Smith&_summary=count"),
    ]
    answers = [await looker.call("GET", kind, path, live=live) for kind, path in read]
    assert [a.status for a in answers] == [200] * 4
    note, auths, sent, patients = answers
    assert note.body == b"done"
    assert [a["status"] for a in auths.json["data"]] == ["submitted"]
    assert len(sent.json) == 1
    assert patients.json["total"] == 1


async def test_the_final_state_is_readable_when_the_task_the_run_and_the_server_are_over(serve, kit, look_at):
    async with serve() as live:
        run = await finished(live, kit)
        await see(look_at(run))  # the task run is over, its run goes on
        await live.post(f"/benchmark-runs/{run.id}/complete", json={})
        await see(look_at(run))  # its playground is torn down
    async with serve() as live:
        await see(look_at(run), live)
        events = (await live.get(f"/task-runs/{run.tasks[0]}/events?order=asc&limit=100"))["data"]
    views = [e for e in events if e["actor"] == "organization"]
    assert len(views) == 12 and all(e["view"] is True and e["changes"] == [] for e in views)
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))


@pytest.mark.parametrize("end", ["cancel", "time out"])
async def test_however_a_task_run_ended(serve, disk, kit, look_at, end):
    disk.benchmark(kit.benchmark("brief", kit.task("a", kit.says(42), timeout=0.3 if end == "time out" else 60)))
    async with serve() as live:
        run = await live.started("brief")
        await run.call("PUT", "files/outbox/a.txt", body=b"a")
        if end == "cancel":
            await live.post(f"/task-runs/{run.tasks[0]}/cancel", json={})

        async def over():
            return (await run.task_state())[0] == "completed"

        await live.until(over)
        assert (await look_at(run).call("GET", "Files", "files/outbox/a.txt")).body == b"a"


async def test_nothing_can_be_changed_any_more(live, kit, look_at, fhir):
    run = await finished(live, kit)
    before = await run.whole()
    calls = [
        ("PUT", "Files", "files/outbox/note.txt", {"body": b"other"}),
        ("DELETE", "Files", "files/outbox/note.txt", {}),
        ("POST", "Files", "files/outbox/note.txt?move_to=outbox/b.txt", {}),
        ("POST", "Hl7", "hl7/outbound", {"json": {"payload": kit.adt.format(control="C2", family="Smith")}}),
        ("POST", "Payer", "portal/prior-auths", {"json": kit.prior_auth}),
        ("POST", "Payer", "portal/login", {"json": {"username": "x", "password": "y"}}),
        ("POST", "Fhir", "fhir/Patient", fhir({"resourceType": "Patient"})),
        ("PUT", "Fhir", "fhir/Patient/ana", fhir({"resourceType": "Patient", "id": "ana"})),
        ("DELETE", "Fhir", "fhir/Patient/ana", {}),
    ]
    for method, kind, path, more in calls:
        answer = await look_at(run).call(method, kind, path, **more)
        assert answer.status == 409 and b"final state" in answer.body, (method, path, answer)
    assert await run.whole() == before
    searched = await look_at(run).call(
        "POST",
        "Fhir",
        "fhir/Patient/_search",
        body=b"family=Smith",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert searched.json["total"] == 1


async def test_what_is_seen_is_not_judged(live, kit, look_at):
    run = await finished(live, kit)
    before = await live.get(f"/task-runs/{run.tasks[0]}")
    await look_at(run).everywhere()
    after = await live.post(f"/task-runs/{run.tasks[0]}/rescore", json={"criteria": "recorded"})

    def judged(value):
        return [(c["label"], c["passed"], c["score"], c["evidence"], c["details"]) for c in value["criterion_runs"]]

    assert judged(after) == judged(before)


async def test_the_clock_stands_and_nothing_falls_due(serve, kit, look_at, with_payer):
    with_payer({"determinations": [{"procedure_code": "72148", "status": "approved", "delay_seconds": 60}]})
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started("payer")
        made = (await run.call("POST", "portal/prior-auths", json=kit.prior_auth)).json
        clock.advance(5)
        await run.complete(output={"answer": 42})
        clock.advance(1000)
        seen = await look_at(run).call("GET", "Payer", f"portal/prior-auths/{made['request_id']}")
        assert seen.json["determination"]["status"] == "pending"
        assert (await run.events())[-1]["at"] == "2026-04-23T09:00:05.000Z"


async def test_pages_can_be_turned_after_the_end(live, kit, look_at):
    run = await finished(live, kit)
    page = (await look_at(run).call("GET", "Fhir", "fhir/Patient?_count=1&_sort=_id")).json
    following = next(link["url"] for link in page["link"] if link["relation"] == "next")
    path = following.partition(f"{look_at(run).sandbox('Fhir')}/")[2]
    second = (await look_at(run).call("GET", "Fhir", path)).json
    assert page["entry"][0]["resource"]["id"] != second["entry"][0]["resource"]["id"]


async def test_many_looks_at_once_are_numbered_one_after_the_other(live, kit, look_at, monkeypatch):
    monkeypatch.setattr("sandbox.runs.final_states.KEPT", 1)
    runs = [await finished(live, kit) for _ in range(3)]
    looks = [look_at(run).call("GET", "Files", "files/outbox/note.txt") for _ in range(6) for run in runs]
    assert [a.status for a in await asyncio.gather(*looks)] == [200] * 18
    for run in runs:
        assert [e["seq"] for e in await run.events()] == list(range(1, len(await run.events()) + 1))


async def test_only_with_the_organization_key_and_only_on_its_own_surface(live, kit, look_at):
    run = await finished(live, kit)
    files = look_at(run).sandbox("Files")
    for token in (None, run.token, kit.solver_key, "vk_other"):
        assert (await live.call("GET", f"/sandboxes/{files}/files/outbox/note.txt", token)).status in (401, 404)
    assert (await live.call("GET", f"/sandboxes/{files}/hl7/inbox", kit.api_key)).status == 404
    assert (await run.call("GET", "files/outbox/note.txt", at=0)).status == 409
