"""SIGKILL in a burst of writes, and signals that stop the server in an orderly way."""

import asyncio
import shutil
import signal
from typing import Any

import pytest

from tests.contract.recovery.bursts import Burst


async def test_sigkill_in_a_burst_of_writes(spawn, reach, serve, disk, kit, look):
    server = spawn().wait_until_ready()
    live = reach(server.url)
    run = await live.started()
    sealed = await live.started()
    await sealed.do_everything()
    result = await sealed.complete(output={"answer": 42})
    burst = Burst(run, kit, enough=150)
    writers = [
        asyncio.create_task(burst.writer(surface, first))
        for first, surface in enumerate(["files", "hl7", "portal", "fhir"] * 5)
    ]
    await burst.is_enough.wait()
    server.kill()
    await asyncio.gather(*writers)
    assert {surface for surface, _, _ in burst.acknowledged} == {"files", "hl7", "portal", "fhir"}

    # The dataset and the benchmark change before the restart; the run still has its own.
    shutil.rmtree(disk.seeds / "small")
    files = {**kit.files, "files/inbox/referral.txt": b"changed\n"}
    files["fhir/Patient.ndjson"] = files["fhir/Patient.ndjson"].replace(b"Reyes", b"Other")
    old_definition = disk.benchmark(kit.benchmark()).read_text()
    disk.dataset("small", files)
    disk.benchmark(kit.benchmark("clinic", kit.task("refer", kit.says(0))))

    restarted = spawn().wait_until_ready()
    live = run.live = sealed.live = reach(restarted.url)
    await burst.check()
    assert (await run.call("GET", "files/inbox/referral.txt")).body == b"Please see Ana Reyes.\n"
    assert (await run.call("GET", "fhir/Patient/ana")).json["name"][0]["family"] == "Reyes"
    events = await run.events()
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    assert await sealed.complete() == result

    fresh = await live.started()
    assert (await fresh.call("GET", "files/inbox/referral.txt")).body == b"changed\n"
    assert len(fresh.tasks) == 1

    before = await look.read_all(run)
    restarted.kill()
    (disk.playgrounds / "clinic" / "v1" / "benchmark.json").write_text(old_definition)
    disk.dataset("small", kit.files)
    async with serve() as live:
        run.live = live
        assert run.state_hash() == await look.folded_hash(live, run)
        assert await look.read_all(run) == before
        await run.do_everything()
        assert (await run.complete())["score"] == 1.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_exits_0(spawn, reach, serve, number):
    server = spawn().wait_until_ready()
    live = reach(server.url)
    run = await live.started()
    following = asyncio.create_task(live.follow(run.tasks[0]))
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"PUT /v1/benchmark-runs/{run.id}/files/outbox/slow.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n"
        f"Authorization: Bearer {run.token}\r\n\r\nslow"
    )
    writer.write(head.encode())
    await writer.drain()
    assert (await run.call("PUT", "files/outbox/quick.txt", body=b"1")).status == 201
    server.signal(number)
    assert [name for _, name, _ in await following][:2] == ["clock_advanced", "scenario_step"]
    writer.write(b"done")
    status = await asyncio.wait_for(reader.readline(), 20)
    writer.close()
    assert b"201" in status
    code, _, err = await asyncio.to_thread(server.wait)
    assert code == 0 and "Traceback" not in err, err
    async with serve() as live:
        run.live = live
        assert (await run.call("GET", "files/outbox/slow.txt")).body == b"slowdone"
        assert (await run.call("GET", "files/outbox/quick.txt")).body == b"1"


async def test_what_is_being_completed_is_completed(serve):
    async with serve() as live:
        run = await live.started()
        await run.do_everything()
        completing = asyncio.create_task(run.complete())
        await live.until(lambda: _is_completing(live, run))
        await live.stop()
        answers = await asyncio.gather(completing, return_exceptions=True)
    async with serve() as live:
        run.live = live
        found = await live.get(f"/task-runs/{run.tasks[0]}")
        assert found["score"] == 1.0 and len(found["criterion_runs"]) == 4
        if isinstance(answers[0], dict):
            assert await run.complete() == answers[0]


async def _is_completing(live: Any, run: Any) -> bool:
    from sandbox.api.context import RUNS

    task_run = live.app[RUNS].active_task_run(run.tasks[0])
    return task_run is None or task_run.completing is not None
