"""A full disk and a lock that stays: the request that meets it is refused, nothing is half applied, and it goes on."""

import asyncio
import sqlite3

from sandbox.api import incoming
from sandbox.api.context import WRITER
from sandbox.record import reserve as reserve_module
from sandbox.record.reserve import LOW_BYTES, RESERVE_BYTES
from tests.record.medium import Medium, failure


async def _fill(live, free_pages):
    """Let SQLite find so many pages and no more; None for as many as it likes."""
    writer = live.app[WRITER]
    pages = writer._quick.execute("PRAGMA page_count").fetchone()[0]
    most = 1 << 30 if free_pages is None else pages + free_pages
    writer._quick.execute(f"PRAGMA max_page_count={most}").fetchall()
    await writer._slow.execute_fetchall(f"PRAGMA max_page_count={most}")


async def test_an_upload_that_does_not_fit(serve):
    async with serve() as live:
        run, other = await live.started(), await live.started()
        await _fill(live, 20)
        state, seq = run.state_hash(), live.playground(run.tasks[0]).seq
        refused = await run.call("PUT", "files/outbox/large.bin", body=bytes(900_000))
        assert (refused.status, refused.error["code"]) == (507, "INSUFFICIENT_STORAGE")
        assert (run.state_hash(), live.playground(run.tasks[0]).seq) == (state, seq)
        assert (await run.call("GET", "files/outbox/large.bin")).status == 404
        assert (await other.call("PUT", "files/outbox/small.txt", body=b"1")).status == 201
        assert (await live.call("GET", "/readyz")).status == 200


async def test_a_body_that_would_take_the_last_room_is_refused_while_it_comes(serve, monkeypatch):
    async with serve() as live:
        run, other = await live.started(), await live.started()
        monkeypatch.setattr(incoming, "free_bytes", lambda directory: LOW_BYTES + 400_000)
        for path in ("files/outbox/large.bin", "fhir/Binary"):
            refused = await run.call("POST" if "fhir" in path else "PUT", path, body=bytes(900_000))
            assert refused.status == 507
            assert (await other.call("PUT", "files/outbox/small.txt", body=b"1")).status in (200, 201)
        assert live.app[incoming.UNFINISHED].count == 0


async def test_a_full_disk_refuses_in_the_surfaces_own_format_and_recovers_by_itself(serve, look):
    async with serve() as live:
        run = await live.started()
        assert (await run.call("PUT", "files/outbox/kept.txt", body=b"1")).status == 201
        medium = Medium(live.app[WRITER])
        medium.error = failure("SQLITE_FULL", "database or disk is full")
        state = run.state_hash()
        calls = [run.call("POST", "fhir/Patient", json={"resourceType": "Patient"}) for _ in range(5)]
        for answer in await asyncio.gather(*calls):
            assert answer.status == 507 and answer.json["resourceType"] == "OperationOutcome"
        refused = await live.call("POST", "/v1/benchmark-runs", "vrl_slv_local", json={"benchmark": "clinic"})
        assert (refused.status, refused.error["code"]) == (507, "INSUFFICIENT_STORAGE")
        assert run.state_hash() == state
        assert (await live.get(f"/v1/benchmark-runs/{run.id}", run.token))["status"] == "active"
        medium.error = None
        assert (await run.call("POST", "fhir/Patient", json={"resourceType": "Patient"})).status == 201
        assert run.state_hash() == await look.folded_hash(live, run)
        assert (await live.call("GET", "/readyz")).status == 200


async def test_a_lock_that_stays(serve, disk, look):
    async with serve() as live:
        run = await live.started()
        await live.app[WRITER]._slow.execute_fetchall("PRAGMA busy_timeout=20")
        other = sqlite3.connect(disk.data / "sandbox.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        state = run.state_hash()
        refused = await run.call("PUT", "files/outbox/a.txt", body=b"1")
        assert (refused.status, refused.error["code"]) == (503, "UNAVAILABLE")
        assert int(refused.headers["Retry-After"]) > 0
        assert run.state_hash() == state
        assert (await live.call("GET", "/healthz")).status == 200
        other.execute("COMMIT")
        other.close()
        assert (await run.call("PUT", "files/outbox/a.txt", body=b"1")).status == 201
        assert run.state_hash() == await look.folded_hash(live, run)


FULL = failure("SQLITE_FULL", "database or disk is full")


async def test_a_start_that_meets_a_full_disk_leaves_no_trace(serve, look):
    async with serve() as live:
        run = await live.run()
        medium = Medium(live.app[WRITER])
        task_run, state = run.tasks[0], run.state_hash()
        for error, status in ((FULL, 507), (failure("SQLITE_BUSY", "locked"), 503)):
            medium.error = error
            refused = await live.call("POST", f"/v1/task-runs/{task_run}/start", run.token)
            assert refused.status == status
            medium.error = None
            assert (live.playground(task_run).seq, run.state_hash()) == (0, state)
            shown = await live.get(f"/v1/benchmark-runs/{run.id}", run.token)
            assert {t["phase"] for t in shown["task_runs"]} == {"created"} and shown["phase"] == "created"
        assert (await live.call("POST", f"/v1/task-runs/{task_run}/start", run.token)).status == 200
        assert run.state_hash() == await look.folded_hash(live, run)
        assert (await live.call("GET", "/readyz")).status == 200


async def test_a_complete_that_meets_a_full_disk_can_be_repeated(serve):
    async with serve() as live:
        run = await live.started()
        assert (await run.call("PUT", "files/outbox/kept.txt", body=b"1")).status == 201
        medium = Medium(live.app[WRITER])
        medium.error = FULL
        task_run = run.tasks[0]
        path = f"/v1/task-runs/{task_run}"
        refused = await live.call("POST", f"{path}/complete", run.token, json={"output": {"a": 1}})
        assert refused.status == 507
        medium.error = None
        shown = await live.get(f"/v1/benchmark-runs/{run.id}", run.token)
        assert shown["task_runs"][0]["phase"] == "started"
        assert (await run.call("PUT", "files/outbox/more.txt", body=b"1")).status == 201  # it goes on
        done = await live.call("POST", f"{path}/complete", run.token, json={"output": {"a": 2}})
        assert done.status == 200 and done.json["status"] == "completed"
        assert (await live.call("GET", "/readyz")).status == 200


async def test_a_timeout_that_meets_a_full_disk_is_tried_again(serve, disk, kit):
    disk.benchmark(kit.benchmark("quick", kit.task("a", timeout=0.3), kit.task("b")))
    async with serve() as live:
        run = await live.started("quick")
        medium = Medium(live.app[WRITER])
        medium.error = FULL
        async with asyncio.timeout(20):
            while medium.on_loop + medium.on_thread < 4:
                await asyncio.sleep(0.02)
        medium.error = None
        async with asyncio.timeout(20):
            while (await live.get(f"/v1/benchmark-runs/{run.id}", run.token))["task_runs"][0]["phase"] == "started":
                await asyncio.sleep(0.02)
        shown = await live.get(f"/v1/benchmark-runs/{run.id}", run.token)
        assert shown["task_runs"][0]["status"] == "timed_out"
        assert (await live.call("GET", "/readyz")).status == 200


async def test_cancelling_and_publishing_that_meet_a_full_disk(serve):
    async with serve() as live:
        run = await live.started()
        medium = Medium(live.app[WRITER])
        medium.error = FULL
        assert (await live.call("POST", f"/benchmark-runs/{run.id}/cancel", "vk_local")).status == 507
        assert (await live.call("POST", f"/task-runs/{run.tasks[0]}/cancel", "vk_local")).status == 507
        medium.error = None
        assert (await run.call("GET", "files/inbox")).status == 200
        assert (await live.get(f"/v1/benchmark-runs/{run.id}", run.token))["status"] == "active"


async def test_reads_go_on_while_the_disk_is_full(serve, disk, monkeypatch, look):
    reserve = disk.data / "sandbox.reserve"
    async with serve() as live:
        run = await live.started()
        assert reserve.stat().st_blocks * 512 >= RESERVE_BYTES
        medium = Medium(live.app[WRITER])
        medium.find_error = lambda: FULL if reserve.exists() else None  # full, but for the reserve
        monkeypatch.setattr(reserve_module, "free_bytes", lambda directory: 0)
        assert (await run.call("PUT", "files/outbox/a.txt", body=b"1")).status == 507
        state, seq = run.state_hash(), live.playground(run.tasks[0]).seq
        for _ in range(3):
            assert (await run.call("GET", "fhir/Patient/ana")).status == 200
            assert (await run.call("GET", "files/inbox")).status == 200
            refused = await run.call("POST", "fhir/Patient", json={"resourceType": "Patient"})
            assert refused.status == 507 and refused.json["resourceType"] == "OperationOutcome"
        refused = await live.call("POST", "/v1/benchmark-runs", "vrl_slv_local", json={"benchmark": "clinic"})
        assert refused.status == 507
        assert (run.state_hash(), live.playground(run.tasks[0]).seq) == (state, seq + 6)
        medium.find_error = lambda: None
        monkeypatch.setattr(reserve_module, "free_bytes", lambda directory: 1 << 40)

        async def is_written():
            return (await run.call("PUT", "files/outbox/a.txt", body=b"1")).status == 201

        await live.until(is_written)  # by itself
        assert run.state_hash() == await look.folded_hash(live, run)
        assert reserve.exists()
    assert not reserve.exists()
