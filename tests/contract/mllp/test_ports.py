"""Ports: a sandbox's own while its task run is started, the same after a restart, and one that all share."""

import socket

from sandbox.api.context import PORTS


async def test_there_is_no_port_before_the_start(live):
    run = await live.run()
    credentials = [s["credentials"] for s in run.value["sandboxes"] if s["type"] == "Hl7"]
    assert [c["mllp_port"] for c in credentials] == [None, None]
    assert {c["mllp_host"] for c in credentials} == {"127.0.0.1"}


async def test_two_sandboxes_never_mix(live, wired, told):
    first, second = await wired(live), await wired(live)
    assert first.credentials["mllp_port"] != second.credentials["mllp_port"]
    a, b = await first.connect(), await second.connect()
    text = first.oru("C-1").replace(
        "EHR|CLINIC", f"{second.credentials['receiving_application']}|{second.credentials['receiving_facility']}"
    )
    assert told(await a.send(text)) == ["AA", "C-1"]
    assert told(await b.send(second.oru("C-2"))) == ["AA", "C-2"]
    assert [row["control_id"] for row in await first.sent()] == ["C-1"]
    assert [row["control_id"] for row in await second.sent()] == ["C-2"]
    await a.close()
    await b.close()


async def test_the_shared_port_goes_by_the_receivers_names(live, wired, told):
    first, second = await wired(live), await wired(live)
    sender = await first.connect(live.app[PORTS].shared_port)

    def to(wire, control):
        names = f"{wire.credentials['receiving_application']}|{wire.credentials['receiving_facility']}"
        return wire.oru(control).replace("EHR|CLINIC", names)

    assert told(await sender.send(to(first, "C-1"))) == ["AA", "C-1"]
    assert told(await sender.send(to(second, "C-2"))) == ["AA", "C-2"]
    crossed = f"{first.credentials['receiving_application']}|{second.credentials['receiving_facility']}"
    ack = await sender.send(first.oru("C-3").replace("EHR|CLINIC", crossed))
    assert told(ack) == ["AR", "C-3"]
    assert [row["control_id"] for row in await first.sent()] == ["C-1"]
    assert [row["control_id"] for row in await second.sent()] == ["C-2"]
    await first.run.complete()
    assert told(await sender.send(to(first, "C-4"))) == ["AR", "C-4"]
    await sender.close()


async def test_a_message_for_nobody_is_refused_and_kept(live, wired, told):
    wire = await wired(live)
    sender = await wire.connect(live.app[PORTS].shared_port)
    ack = await sender.send(wire.oru("C-9"))
    assert told(ack) == ["AR", "C-9"]
    assert "|||207^Application internal error^HL70357|E|" in ack
    assert "receiving_application" in ack
    (kept,) = (await live.get("/mllp/strays"))["data"]
    assert (kept["receiving_application"], kept["receiving_facility"]) == ("EHR", "CLINIC")
    assert kept["payload"] == wire.oru("C-9")
    assert not await wire.sent()
    await sender.close()


async def test_a_restart_keeps_the_port(serve, wired, told):
    async with serve() as live:
        wire = await wired(live)
        sender = await wire.connect()
        assert told(await sender.send(wire.oru("C-1"))) == ["AA", "C-1"]
        await sender.close()
    async with serve() as live:
        wire.live = wire.run.live = live
        sender = await wire.connect()
        assert told(await sender.send(wire.oru("C-2"))) == ["AA", "C-2"]
        await sender.close()
        assert [row["control_id"] for row in await wire.sent()] == ["C-1", "C-2"]


async def test_a_range_of_ports(serve, wired):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with serve(mllp_ports=range(port, port + 1)) as live:
            run = await live.run()
            answer = await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/start", run.token)
            assert answer.status == 503
            assert "SANDBOX_MLLP_PORTS" in answer.error["message"]
            assert (await run.task_state())[0] == "created"


async def test_strict_mode_has_none_of_it(serve):
    async with serve(is_strict=True) as live:
        run = await live.run()
        started = await run.start()
        credentials = next(s["credentials"] for s in started["sandboxes"] if s["type"] == "Hl7")
        assert set(credentials) == {"inbox_url", "outbound_url"}
        assert live.app[PORTS].ports == {}
        assert live.app[PORTS].shared_port is None


async def test_a_start_that_fails_leaves_no_port(serve, disk, kit):
    step = {"action": "delete_fhir", "reference": "Patient/nobody"}
    disk.benchmark(kit.benchmark("clinic", kit.task("t", kit.says(1), scenario={"steps": [step]})))
    async with serve(may_fail=True) as live:
        run = await live.run()
        answer = await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/start", run.token)
        assert answer.status == 500
        assert live.app[PORTS].ports == {}
