"""What survives: SIGKILL in a burst of writes, a changed dataset, a stop, a full disk. And who may not start."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from sandbox.api.context import READER, SHELF, WRITER
from sandbox.definitions.problems import DefinitionError
from sandbox.record import restore
from sandbox.record.database import DatabaseError

READS = [
    "files/inbox",
    "files/?recursive=true",
    "hl7/inbox",
    "hl7/outbound",
    "portal/prior-auths?limit=100",
    "portal/patients",
    "fhir/Patient?_count=1000&_sort=_id",
    "fhir/Patient/ana/_history",
]


async def read_all(run: Any) -> list[tuple[int, bytes]]:
    """Read everything an agent can see, to the byte; only the server's address is replaced."""
    answers = [await run.call("GET", path) for path in READS]
    return [(a.status, a.body.replace(run.live.url.encode(), b"URL")) for a in answers]


async def folded_hash(live: Any, run: Any, index: int = 0) -> str:
    """The state hash by folding what is in SQLite, without the server's own playground."""
    playground_id = run.value["task_runs"][index]["playground_id"]
    benchmark = live.app[SHELF].library.find("clinic@1")
    branch, seq = await restore.fold_playground(live.app[READER], playground_id, benchmark.seed)
    assert seq == live.playground(run.tasks[index]).seq
    return branch.state_hash()


# -- SIGKILL -------------------------------------------------------------------------------------------


class Burst:
    """Writers on four surfaces that go on until the server is gone; keeps what was acknowledged."""

    def __init__(self, run: Any, kit: Any, enough: int) -> None:
        self.run, self.kit, self.enough = run, kit, enough
        self.acknowledged: list[tuple[str, int, Any]] = []
        self.is_enough = asyncio.Event()

    async def write(self, surface: str, number: int) -> Any:
        if surface == "files":
            return await self.run.call("PUT", f"files/outbox/{number}.bin", body=self.content(number))
        if surface == "hl7":
            payload = self.kit.adt.format(control=f"C{number}", family=f"F{number}")
            return await self.run.call("POST", "hl7/outbound", json={"payload": payload})
        if surface == "portal":
            body = {**self.kit.prior_auth, "notes": f"note {number}"}
            return await self.run.call("POST", "portal/prior-auths", json=body)
        patient = {"resourceType": "Patient", "name": [{"family": f"F{number}"}]}
        return await self.run.call("POST", "fhir/Patient", json=patient)

    @staticmethod
    def content(number: int) -> bytes:
        return bytes([number % 256, 0, 255]) * (number % 50 + 1)

    async def writer(self, surface: str, first: int) -> None:
        number = first
        while True:
            try:
                answer = await self.write(surface, number)
            except aiohttp.ClientError:
                return
            assert answer.status in (200, 201), answer
            self.acknowledged.append((surface, number, answer))
            if len(self.acknowledged) >= self.enough:
                self.is_enough.set()
            number += 100


async def test_sigkill_in_a_burst_of_writes(spawn, reach, serve, disk, kit):
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
    sent = {m["id"]: m for m in (await run.call("GET", "hl7/outbound")).json}
    for surface, number, answer in burst.acknowledged:
        if surface == "files":
            assert (await run.call("GET", f"files/outbox/{number}.bin")).body == burst.content(number)
        elif surface == "hl7":
            payload = kit.adt.format(control=f"C{number}", family=f"F{number}")
            assert sent[answer.json["id"]]["payload"] == payload
            assert sent[answer.json["id"]]["ack"] == answer.json["ack"]
        elif surface == "portal":
            assert (await run.call("GET", f"portal/prior-auths/{answer.json['request_id']}")).body == answer.body
        else:
            assert (await run.call("GET", f"fhir/Patient/{answer.json['id']}")).body == answer.body
    assert (await run.call("GET", "files/inbox/referral.txt")).body == b"Please see Ana Reyes.\n"
    assert (await run.call("GET", "fhir/Patient/ana")).json["name"][0]["family"] == "Reyes"
    events = await run.events()
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    assert await sealed.complete() == result

    fresh = await live.started()
    assert (await fresh.call("GET", "files/inbox/referral.txt")).body == b"changed\n"
    assert len(fresh.tasks) == 1

    before = await read_all(run)
    restarted.kill()
    (disk.playgrounds / "clinic" / "v1" / "benchmark.json").write_text(old_definition)
    disk.dataset("small", kit.files)
    async with serve() as live:
        run.live = live
        assert run.state_hash() == await folded_hash(live, run)
        assert await read_all(run) == before
        await run.do_everything()
        assert (await run.complete())["score"] == 1.0


async def test_a_stop_and_a_start_change_nothing(serve, kit):
    """Everything that can be in a branch: text, bytes, deletions, sessions, schedules, a moved clock."""
    async with serve() as live:
        run = await live.started(seed=3)
        await run.do_everything()
        await run.call("PUT", "files/inbox/bytes.bin", body=bytes(range(256)) * 300)
        await run.call("PUT", "files/inbox/twice.txt", body=b"1")
        await run.call("PUT", "files/inbox/twice.txt", body=b"2")
        await run.call("DELETE", "files/inbox/referral.txt")
        credentials = next(s["credentials"] for s in run.value["sandboxes"] if s["type"] == "Payer")
        await run.call("POST", "portal/login", json={k: credentials[k] for k in ("username", "password")})
        decimal = (
            b'{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"x"},'
            b'"valueQuantity":{"value":4.10}}'
        )
        await run.call("PUT", "fhir/Observation/o1", body=decimal, headers={"Content-Type": "application/fhir+json"})
        await run.call("DELETE", "fhir/Patient/ana")
        before, state = await read_all(run), run.state_hash()
        observation = (await run.call("GET", "fhir/Observation/o1")).body
        assert b"4.10" in observation
        seen = await live.get(f"/v1/benchmark-runs/{run.id}", run.token)
        state = run.state_hash()
    for _ in range(2):
        async with serve() as live:
            run.live = live
            assert run.state_hash() == state == await folded_hash(live, run)
            again = await run.get()
            assert json.dumps(again).replace(live.url, "") == json.dumps(seen).replace(seen_url(seen), "")
    async with serve() as live:
        run.live = live
        assert await read_all(run) == before
        assert (await run.call("GET", "fhir/Observation/o1")).body == observation
        assert (await run.call("GET", "files/inbox/bytes.bin")).body == bytes(range(256)) * 300
        assert (await run.complete())["verdict"] == "pass"


def seen_url(value: Any) -> str:
    url: str = value["sandboxes"][0]["credentials"]["fhir_base_url"]
    return url.partition("/v1/")[0]


async def test_a_seeded_run_goes_on_as_if_nothing_had_happened(serve, kit):
    """Ids and times after a restart are those of a run that was never interrupted."""

    async def second_half(run: Any) -> list[Any]:
        answers = [await run.call("POST", "portal/prior-auths", json=kit.prior_auth) for _ in range(2)]
        return [a.json for a in answers]

    async with serve() as live:
        whole, halved = await live.started(seed=9), await live.started(seed=9)
        for run in (whole, halved):
            await run.call("POST", "portal/prior-auths", json=kit.prior_auth)
        expected = await second_half(whole)
        state = whole.state_hash()
    async with serve() as live:
        halved.live = live
        assert await second_half(halved) == expected
        assert halved.state_hash() == state


async def test_what_is_created_and_not_started_comes_back_too(serve):
    async with serve() as live:
        run = await live.run()
        cancelled = await live.run()
        await live.post(f"/task-runs/{cancelled.tasks[0]}/cancel")
    async with serve() as live:
        run.live = cancelled.live = live
        await run.start(1)
        assert (await run.complete(1, output={"answer": 42}))["score"] == 1.0
        assert [t["status"] for t in (await cancelled.get())["task_runs"]] == ["cancelled", "active"]
        await cancelled.start(1)
        await cancelled.complete(1, output={"answer": 42})
        assert (await cancelled.get())["score"] == 0.5


async def test_schedules_come_back(serve, disk, kit):
    steps = [
        {"action": "drop_file_inbox", "path": "inbox/later.txt", "content": "2", "after_seconds": 60},
        {"action": "post_hl7_inbox", "payload": kit.oru, "when": {"event": "file_read", "match": {}}},
    ]
    disk.benchmark(kit.benchmark("steps", kit.task("a", scenario={"steps": steps})))
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started("steps")
    clock.advance(60)
    async with serve(clock=clock) as live:
        run.live = live
        assert len((await run.call("GET", "hl7/inbox")).json) == 1
        assert (await run.call("GET", "files/inbox/later.txt")).body == b"2"
        assert len((await run.call("GET", "hl7/inbox")).json) == 2


# -- timeouts ------------------------------------------------------------------------------------------


async def test_a_timeout_that_fell_due_while_the_server_was_down(serve, kit):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started()
    clock.advance(301)
    async with serve(clock=clock) as live:
        run.live = live
        assert (await live.follow(run.tasks[0]))[-1][1] == "end"
        found = await live.get(f"/task-runs/{run.tasks[0]}")
        assert (found["phase"], found["status"], found["verdict"], found["score"]) == (
            "completed",
            "timed_out",
            "fail",
            0,
        )
        assert (await run.call("GET", "files/inbox")).status == 409
        await run.start(1)


async def test_a_timeout_that_is_still_to_come(serve, disk, kit):
    disk.benchmark(kit.benchmark("quick", kit.task("a"), timeout=0.5))
    async with serve() as live:
        run = await live.started("quick")
    async with serve() as live:
        await live.follow(run.tasks[0])
        assert (await live.get(f"/task-runs/{run.tasks[0]}"))["status"] == "timed_out"


# -- the record fails ----------------------------------------------------------------------------------


async def test_nothing_is_acknowledged_that_is_not_on_disk(serve, monkeypatch):
    async with serve(may_fail=True) as live:
        run = await live.started()
        assert (await run.call("PUT", "files/outbox/kept.txt", body=b"1")).status == 201

        async def fail() -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(live.app[WRITER]._connection, "commit", fail)
        lost = await asyncio.gather(*(run.call("PUT", f"files/outbox/lost{n}.txt", body=b"1") for n in range(5)))
        assert {a.status for a in lost} == {500}
        assert "disk is full" in lost[0].error["message"] and lost[0].error["code"] == "INTERNAL_ERROR"
        monkeypatch.undo()
        for method, path in [("PUT", "files/outbox/more.txt"), ("GET", "files/inbox")]:
            assert (await run.call(method, path)).status == 500
        ready = await live.call("GET", "/readyz")
        assert ready.status == 503 and "disk is full" in ready.json["record"]
        assert (await live.call("GET", "/healthz")).status == 200
    async with serve() as live:
        run.live = live
        found = [f["path"] for f in (await run.call("GET", "files/outbox/")).json]
        assert found == ["outbox/kept.txt"]
        assert (await live.call("GET", "/readyz")).status == 200


# -- who may not start ---------------------------------------------------------------------------------


async def test_a_second_server_on_the_same_directory(serve, spawn):
    async with serve() as live:
        code, out, err = await asyncio.to_thread(spawn().wait)
        assert code == 1 and f"process {os.getpid()}" in err and "--data-dir" in err
        assert "ready" not in out
        with pytest.raises(DatabaseError, match=f"process {os.getpid()}"):
            async with serve():
                pass
        assert (await live.call("GET", "/readyz")).status == 200
    async with serve():
        pass


async def test_a_database_of_a_newer_version(serve, spawn, disk):
    async with serve():
        pass
    file = disk.data / "sandbox.sqlite3"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    content = file.read_bytes()
    with pytest.raises(DatabaseError, match="newer version"):
        async with serve():
            pass
    code, _, err = await asyncio.to_thread(spawn().wait)
    assert code == 1 and "schema 99" in err and "Traceback" not in err
    assert file.read_bytes() == content


async def test_a_file_that_is_no_database(serve, disk):
    disk.data.mkdir()
    (disk.data / "sandbox.sqlite3").write_bytes(b"this is no database" * 100)
    with pytest.raises(DatabaseError, match="cannot be used"):
        async with serve():
            pass


async def test_definitions_that_are_wrong(serve, disk, kit):
    broken = kit.benchmark("broken")
    broken["tasks"][0]["kez"] = 1
    disk.benchmark(broken)
    with pytest.raises(DefinitionError, match=r"tasks\.0\.kez: unknown key"):
        async with serve():
            pass
    shutil.rmtree(disk.playgrounds / "broken")
    async with serve():
        pass


# -- stopping ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_exits_0(spawn, reach, serve, number):
    server = spawn().wait_until_ready()
    live = reach(server.url)
    run = await live.started()
    following = asyncio.create_task(live.follow(run.tasks[0]))
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"PUT /v1/benchmark-runs/{run.id}/files/outbox/slow.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n"
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


async def test_times_in_the_record_are_real(serve):
    """The playground's clock is the environment's; the run's own times are the server's."""
    async with serve() as live:
        run = await live.started()
        assert (await run.events())[0]["at"].startswith("2026-04-23T09:00:00")
        started = datetime.fromisoformat((await run.get())["started_at"])
        assert abs((datetime.now(UTC) - started).total_seconds()) < 60
