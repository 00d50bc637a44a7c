"""Scenario steps that happen later: after a time, or once the agent has done something."""


async def test_delayed_and_waiting_steps(serve, disk, kit):
    steps = [
        {"action": "drop_file_inbox", "path": "inbox/now.txt", "content": "1"},
        {"action": "drop_file_inbox", "path": "inbox/later.txt", "content": "2", "after_seconds": 60},
        {"action": "post_hl7_inbox", "payload": kit.oru, "when": {"event": "hl7_outbound", "match": {}}},
    ]
    disk.benchmark(kit.benchmark("steps", kit.task("a", scenario={"steps": steps})))
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started("steps")
        assert (await run.call("GET", "files/inbox/now.txt")).status == 200
        assert (await run.call("GET", "files/inbox/later.txt")).status == 404
        clock.advance(60)
        assert (await run.call("GET", "files/inbox/later.txt")).body == b"2"
        assert len((await run.call("GET", "hl7/inbox")).json) == 1
        sent = await run.call("POST", "hl7/outbound", json={"payload": kit.adt.format(control="C1", family="Smith")})
        assert sent.json["accepted"], sent
        assert len((await run.call("GET", "hl7/inbox")).json) == 2
