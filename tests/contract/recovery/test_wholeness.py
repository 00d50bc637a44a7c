"""A record that is not whole: the start says what is missing and refuses, or goes on where it is told to."""

import asyncio
import json
import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from sandbox.record.database import DatabaseError
from sandbox.record.integrity import RecordLost

NAME = "sandbox.sqlite3"


async def begun(serve, writes=6):
    """A run that is active with some writes, and one that is over, on a server that was stopped."""
    async with serve() as live:
        over = await live.started()
        await over.call("PUT", "files/outbox/a.txt", body=b"1")
        for index in (0, 1):
            if index:
                await over.start(1)
            await over.complete(index)
        run = await live.started()
        for number in range(writes):
            assert (await run.call("PUT", f"files/outbox/{number}.txt", body=b"1")).status == 201
        seq = live.playground(run.tasks[0]).seq
    return over, run, seq


def connected(disk):
    return closing(sqlite3.connect(disk.data / NAME, isolation_level=None))


async def refused(serve):
    with pytest.raises(RecordLost) as raised:
        async with serve():
            pass
    assert "--accept-loss" in str(raised.value) and "backup" in str(raised.value)
    return str(raised.value)


async def accepted(serve):
    """Start with what is there; a second time nothing has to be accepted any more."""
    async with serve(is_loss_accepted=True):
        pass
    async with serve() as live:
        assert (await live.call("GET", "/readyz")).status == 200


async def killed(spawn, reach, disk, writes=20):
    """A server that was killed with a run under way, once everything was synced."""
    server = spawn().wait_until_ready()
    live = reach(server.url)
    run = await live.started()
    witness = disk.data / "sandbox.witness"
    for number in range(writes):
        assert (await run.call("PUT", f"files/outbox/{number}.txt", body=b"1")).status == 201
    playground = run.value["task_runs"][0]["playground_id"]
    async with asyncio.timeout(20):
        while json.loads(witness.read_bytes())["heads"].get(playground, [0])[0] < writes + 1:
            await asyncio.sleep(0.02)
    server.kill()
    return run


@pytest.mark.parametrize("how", ["emptied", "removed"])
async def test_a_database_that_is_gone_is_not_begun_anew_in_silence(serve, disk, how):
    _, run, _ = await begun(serve)
    file = disk.data / NAME
    os.truncate(file, 0) if how == "emptied" else file.unlink()
    said = await refused(serve)
    assert run.id in said and ("is empty" in said or "is not there" in said)
    await accepted(serve)


@pytest.mark.parametrize("how", ["deleted", "emptied", "cut"])
async def test_a_log_that_was_lost(serve, spawn, reach, disk, how):
    run = await killed(spawn, reach, disk)
    log = disk.data / f"{NAME}-wal"
    if how == "deleted":
        log.unlink()
    else:
        os.truncate(log, 0 if how == "emptied" else log.stat().st_size // 2)
    said = await refused(serve)
    assert run.id in said and "generation" in said
    code, _, err = await asyncio.to_thread(spawn().wait)
    assert code == 1 and run.id in err and "Traceback" not in err
    await accepted(serve)


async def test_what_survives_a_kill_is_whole(serve, spawn, reach, disk, look):
    run = await killed(spawn, reach, disk)
    async with serve() as live:
        run.live = live
        assert run.state_hash() == await look.folded_hash(live, run)


@pytest.mark.parametrize("which", ["active", "over", "last of one that is over"])
async def test_an_event_that_was_deleted(serve, disk, which):
    over, run, _ = await begun(serve)
    playground = (run if which == "active" else over).value["task_runs"][0]["playground_id"]
    with connected(disk) as connection:
        last = connection.execute("SELECT MAX(seq) FROM events WHERE playground_id = ?", (playground,)).fetchone()[0]
        gone = last if which.startswith("last") else 2
        connection.execute(
            "DELETE FROM event_rows WHERE place = (SELECT place FROM events WHERE playground_id = ? AND seq = ?)",
            (playground, gone),
        )
    said = await refused(serve)
    assert f"event {gone} of playground {playground}" in said
    await accepted(serve)
    if which == "active":  # it does not go on with other data than it had
        async with serve() as live:
            (aside,) = (await live.get("/readyz"))["set_aside"]
            assert aside["benchmark_run_id"] == run.id and "event 2 is missing" in aside["reason"]


async def test_another_applications_database(serve, disk):
    disk.data.mkdir()
    with connected(disk) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    content = (disk.data / NAME).read_bytes()
    with pytest.raises(DatabaseError, match="another application"):
        async with serve():
            pass
    assert (disk.data / NAME).read_bytes() == content


async def test_another_servers_database(serve, disk, tmp_path):
    await begun(serve)
    async with serve(data_dir=tmp_path / "other"):
        pass
    shutil.copy(tmp_path / "other" / NAME, disk.data / NAME)
    assert "another server's database" in await refused(serve)
    await accepted(serve)


async def test_one_damaged_event_sets_its_run_aside_and_nothing_else(serve, disk):
    _, run, _ = await begun(serve)
    async with serve() as live:
        other = await live.started()
    playground = run.value["task_runs"][0]["playground_id"]
    with connected(disk) as connection:
        connection.execute(
            "UPDATE event_rows SET path = 'x' "
            "WHERE place = (SELECT place FROM events WHERE playground_id = ? AND seq = 4)",
            (playground,),
        )
    async with serve() as live:
        run.live = other.live = live
        answer = await run.call("GET", "files/inbox")
        assert answer.status == 409 and "event 4 is not what was recorded" in answer.error["message"]
        shown = await live.call("GET", f"/v1/benchmark-runs/{run.id}", run.token)
        assert shown.status == 409 and "set aside" in shown.error["message"]
        assert (await other.call("GET", "files/inbox")).status == 200
        assert {r["id"] for r in (await live.get("/benchmark-runs"))["data"]} >= {run.id, other.id}


@pytest.mark.parametrize("what", ["definition", "dataset", "dataset's file", "definition's hash"])
async def test_a_run_that_cannot_go_on_as_it_began_is_set_aside(serve, disk, kit, what):
    async with serve() as live:
        run = await live.started()
    disk.benchmark(kit.benchmark("clinic", kit.task("other"), description="Changed."))
    disk.dataset("small", {"files/new.txt": b"new"})
    with connected(disk) as connection:
        if what == "definition":
            connection.execute("""UPDATE definitions SET body = replace(body, '"slug"', '"slugg"')""")
        elif what == "dataset":
            connection.execute("DELETE FROM dataset_files")
        elif what == "definition's hash":
            connection.execute("""UPDATE definitions SET body = replace(body, 'Small clinic', 'Other clinic')""")
        else:
            connection.execute("UPDATE blobs SET body = CAST('other' AS BLOB) WHERE body = CAST('old\n' AS BLOB)")
    async with serve() as live:
        run.live = live
        answer = await run.call("GET", "files/inbox")
        assert answer.status == 409 and "set aside" in answer.error["message"], answer
        assert (await live.get("/readyz"))["set_aside"][0]["benchmark_run_id"] == run.id
        assert (await live.call("GET", "/benchmark-runs", "vk_local")).status == 200
        await live.started()
