"""Events say whose they are; checks and scenarios go by the agent's."""


async def test_every_event_names_its_actor_and_the_way_it_came(live, look_at):
    run = await live.started()
    await run.call("GET", "files/inbox")
    assert (await look_at(run).call("GET", "Files", "files/inbox")).status == 200
    assert (await look_at(run).call("PUT", "Files", "files/outbox/x.txt", body=b"x")).status == 201
    assert [(e["type"], e["actor"], e["via"], e.get("view")) for e in await run.events()] == [
        ("clock_advanced", "scenario", None, None),
        ("scenario_step", "scenario", None, None),
        ("file_list", "agent", "http", None),
        ("file_list", "organization", "http", True),
        ("file_write", "organization", "http", None),
    ]


async def test_what_the_sandbox_itself_gave_out_is_the_agents_on_direct_paths_too(live, look_at):
    run = await live.started()
    payer = next(s for s in run.value["sandboxes"] if s["type"] == "Payer" and s["task_run_id"] == run.tasks[0])
    login = {name: payer["credentials"][name] for name in ("username", "password")}
    root = f"/sandboxes/{payer['id']}"
    session = (await live.call("POST", f"{root}/portal/login", json=login)).headers["Set-Cookie"].partition(";")[0]
    assert (await live.call("GET", f"{root}/portal/patients", headers={"Cookie": session})).status == 200
    assert [e["actor"] for e in await run.events()][-2:] == ["agent", "agent"]


async def test_interactions_of_the_organization_are_no_interactions(serve, disk, kit, look_at):
    read = kit.criterion("looked", "interaction", method="GET", path="files/inbox", count={"max": 0})
    written = kit.criterion("wrote", "interaction", method="PUT", count={"max": 0})
    disk.benchmark(kit.benchmark("watch", kit.task("a", read, written, kit.criterion("same", "state-unchanged"))))
    async with serve() as live:
        run = await live.started("watch")
        await look_at(run).everywhere()
        await look_at(run).call("GET", "Files", "files/inbox")
        assert (await look_at(run).call("PUT", "Files", "files/outbox/x.txt", body=b"x")).status == 201
        assert (await run.complete())["score"] == 1

        run = await live.started("watch")
        await run.call("GET", "files/inbox")
        assert (await run.call("PUT", "files/outbox/x.txt", body=b"x")).status == 201
        assert (await run.complete())["score"] == 0


async def test_a_scenario_waits_for_the_agent(serve, disk, kit, look_at):
    steps = [
        {"action": "drop_file_inbox", "path": "inbox/late.txt", "content": "late", "when": {"event": event}}
        for event in ("file_list", "file_write")
    ]
    disk.benchmark(kit.benchmark("wait", kit.task("a", kit.says(42), scenario={"steps": steps})))
    async with serve() as live:
        run = await live.started("wait")
        await look_at(run).call("GET", "Files", "files/inbox")
        await look_at(run).call("PUT", "Files", "files/outbox/x.txt", body=b"x")
        assert "late" not in (await look_at(run).call("GET", "Files", "files/inbox")).body.decode()
        await run.call("GET", "files/inbox")
        assert "late" in (await look_at(run).call("GET", "Files", "files/inbox")).body.decode()


async def test_calls_of_the_organization_do_not_use_up_the_agents_events(serve, look_at, monkeypatch):
    monkeypatch.setattr("sandbox.limits.EVENTS_PER_TASK_RUN", 4)
    async with serve() as live:
        run = await live.started()
        for _ in range(4):
            assert (await look_at(run).call("GET", "Files", "files/inbox")).status == 200
        assert (await look_at(run).call("GET", "Files", "files/inbox")).status == 413
        assert [(await run.call("GET", "files/inbox")).status for _ in range(3)] == [200, 200, 413]
