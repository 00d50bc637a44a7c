"""A full disk and a lock that stays: the request that meets it is refused, nothing is half applied, and it goes on."""

import asyncio
import sqlite3

from sandbox.api.context import WRITER
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
