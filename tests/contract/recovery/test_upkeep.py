"""The record's upkeep: verify and prune on the command line, state hashes, who may read the files, what they hold."""

import asyncio
import hashlib
import json
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from sandbox.cli import app

NAME = "sandbox.sqlite3"


@pytest.fixture
def sandbox(disk):
    async def call(*words):
        done = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--data-dir", str(disk.data)])
        return done.exit_code, done.output

    return call


async def completed(live, **more):
    run = await live.started(**more)
    assert (
        await run.call("PUT", "files/outbox/large.bin", body=hashlib.sha256(run.id.encode()).digest() * 9000)
    ).status
    await run.complete(0)
    await run.start(1)
    await run.complete(1)
    return run


async def test_the_state_hash_is_told_and_verify_gives_the_same(serve, sandbox):
    async with serve() as live:
        run, over = await live.started(), await completed(live)
        await run.call("PUT", "files/outbox/a.txt", body=b"1")
        playgrounds = [t["playground_id"] for r in (run, over) for t in r.value["task_runs"]]
        told = {key: (await live.get(f"/playgrounds/{key}"))["state_hash"] for key in playgrounds}
        assert told[playgrounds[0]] == run.state_hash()
        assert len(set(told.values())) > 2
        code, beside = await sandbox("verify")  # beside a running server
        assert code == 0, beside
    code, said = await sandbox("verify")
    assert code == 0 and "The record is whole." in said
    for key, digest in told.items():
        (line,) = (line for line in said.splitlines() if key in line)
        assert line.endswith(digest)


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE event_rows SET response_body = CAST('x' AS BLOB) WHERE place & 4294967295 = 3",
        "UPDATE event_rows SET chain = NULL WHERE place & 4294967295 = 3",
        "UPDATE event_rows SET at = '2026-04-23T09:00:00.000Z' WHERE place & 4294967295 = 3",
        "DELETE FROM event_rows WHERE place & 4294967295 = 3",
        "UPDATE blob_parts SET body = CAST('x' AS BLOB) WHERE number = 1",
        "DELETE FROM blob_parts WHERE number = 0",
        "DELETE FROM blobs WHERE parts > 0",
    ],
)
async def test_verify_finds_what_was_changed(serve, sandbox, disk, harm):
    async with serve() as live:
        run = await completed(live)
    with closing(sqlite3.connect(disk.data / NAME)) as connection, connection:
        assert connection.execute(harm).rowcount > 0
    code, said = await sandbox("verify")
    assert code == 1 and "problem" in said and (run.value["task_runs"][0]["playground_id"] in said or "content" in said)


async def test_prune_removes_events_and_says_so(serve, sandbox, disk, kit):
    async with serve() as live:
        old, published = await completed(live), await completed(live, scored=True)
        await live.post(f"/benchmark-runs/{published.id}/publish", json={})
        run = await live.started()
        assert (await sandbox("prune", "--older-than", "0d"))[0] == 1  # not under a running server
    size = (disk.data / NAME).stat().st_size
    assert await sandbox("prune", "--older-than", "1d") == (
        0,
        f"0 runs pruned, 0 events, 0 LLM task runs; the database had {size:,} bytes and has {size:,}.\n",
    )
    code, said = await sandbox("prune", "--older-than", "0d", "--keep-published")
    assert code == 0 and said.startswith("1 run pruned"), said
    assert (disk.data / NAME).stat().st_size < size - 250_000
    assert (await sandbox("verify"))[0] == 0
    async with serve() as live:
        old.live = published.live = run.live = live
        shown = await live.get(f"/benchmark-runs/{old.id}")
        assert shown["status"] == "completed" and shown["score"] is not None
        task_run, sandbox_id = old.tasks[0], None
        playground = old.value["task_runs"][0]["playground_id"]
        sandbox_id = (await live.get(f"/sandboxes?playground_id={playground}"))["data"][0]["id"]
        for method, path in (
            ("GET", f"/task-runs/{task_run}/events"),
            ("GET", f"/task-runs/{task_run}/events/stream"),
            ("POST", f"/task-runs/{task_run}/rescore"),
            ("GET", f"/playgrounds/{playground}"),
            ("GET", f"/sandboxes/{sandbox_id}"),
            ("GET", f"/sandboxes/{sandbox_id}/events"),
        ):
            answer = await live.call(method, path, kit.api_key, json={} if method == "POST" else None)
            assert answer.status == 410 and "pruned" in answer.error["message"], (path, answer)
        assert await published.events()
        assert (await run.call("GET", "files/inbox")).status == 200


async def test_the_setting_prunes_at_the_start(serve):
    async with serve() as live:
        old = await completed(live)
    async with serve(prune_older_than=timedelta(0)) as live:
        assert (await live.call("GET", f"/task-runs/{old.tasks[0]}/events", "vk_local")).status == 410


async def test_only_the_owner_may_read_the_record_and_it_holds_no_credentials(serve, disk):
    disk.data.mkdir(mode=0o755)
    (disk.data / NAME).touch(0o644)
    (disk.data / NAME).unlink()
    async with serve() as live:
        run = await live.started()
        shown = await live.get(f"/sandboxes?playground_id={run.value['task_runs'][0]['playground_id']}")
        secrets = [
            s["credentials"][k] for s in shown["data"] for k in ("client_secret", "password") if k in s["credentials"]
        ]
        assert len(secrets) == 4
        content = b"".join(path.read_bytes() for path in disk.data.glob(f"{NAME}*"))
    for path in disk.data.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    content += (disk.data / NAME).read_bytes()
    assert not [s for s in secrets if s.encode() in content]
    async with serve() as live:
        again = await live.get(f"/sandboxes?playground_id={run.value['task_runs'][0]['playground_id']}")
        assert [s["credentials"].get("password") for s in again["data"]] == [
            s["credentials"].get("password") for s in shown["data"]
        ]
    assert stat.S_IMODE(disk.data.stat().st_mode) == 0o700


async def test_a_run_whose_key_is_gone_is_set_aside(serve, disk):
    async with serve() as live:
        run = await live.started()
    (disk.data / "sandbox.key").unlink()
    async with serve() as live:
        run.live = live
        answer = await run.call("GET", "files/inbox")
        assert answer.status == 409 and "sandbox.key" in answer.error["message"]
        assert json.loads((await live.call("GET", "/readyz")).body)["set_aside"]
