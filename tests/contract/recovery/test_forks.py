"""Forks and restores survive SIGKILL, a restart, and the end and pruning of what they came from."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

from typer.testing import CliRunner

from sandbox.cli import app


async def state_of(live, playground_id):
    value = await live.get(f"/playgrounds/{playground_id}")
    return {name: value[name] for name in ("state_hash", "events", "status", "forked_from", "snapshots", "expires_at")}


async def post(live, playground_id, what, *, status=200, **body):
    return await live.post(f"/playgrounds/{playground_id}/{what}", status=status, json=body)


async def write(live, playground_id, name, content):
    sandboxes = (await live.get(f"/playgrounds/{playground_id}"))["sandboxes"]
    files = next(s["id"] for s in sandboxes if s["type"] == "Files")
    answer = await live.call("PUT", f"/sandboxes/{files}/files/outbox/{name}", "vk_local", body=content)
    assert answer.status == 201, answer


async def test_sigkill_keeps_forks_snapshots_and_restores(spawn, reach):
    server = spawn().wait_until_ready()
    live = reach(server.url)
    run = await live.started()
    parent = run.value["task_runs"][0]["playground_id"]
    await run.call("PUT", "files/outbox/a.txt", body=b"1")
    snapshot = await post(live, parent, "snapshot", status=201)
    await run.call("PUT", "files/outbox/b.txt", body=b"2")
    fork = (await post(live, parent, "fork", status=201, at=snapshot["id"]))["id"]
    await write(live, fork, "c.txt", b"3")
    inner = (await post(live, fork, "fork", status=201))["id"]
    await write(live, inner, "d.txt", b"4")
    await write(live, fork, "e.txt", b"5")
    await post(live, fork, "restore", to=1)
    await post(live, fork, "clock", seconds=60)
    await post(live, parent, "restore", to=snapshot["id"])
    over = (await post(live, parent, "fork", status=201))["id"]
    await write(live, over, "x.txt", b"6")
    await post(live, over, "teardown")
    ids = [parent, fork, inner, over]
    before = [await state_of(live, one) for one in ids]
    writers = [asyncio.create_task(burst(live, fork, number)) for number in range(4)]
    await asyncio.sleep(0)
    server.kill()
    await asyncio.gather(*writers)

    server = spawn().wait_until_ready()
    live = run.live = reach(server.url)
    after = [await state_of(live, one) for one in ids]
    assert (after[0], after[2], after[3]) == (before[0], before[2], before[3])
    assert after[1]["events"] >= before[1]["events"]
    assert (await run.call("GET", "files/outbox/b.txt")).status == 404
    differences = await live.get(f"/playgrounds/{inner}/diff?from={fork}&surface=files")
    assert {d["key"] for s in differences["surfaces"] for d in s["documents"]} >= {"outbox/d.txt"}
    await write(live, inner, "f.txt", b"7")
    now = await state_of(live, inner)
    server.kill()
    server = spawn().wait_until_ready()
    live = reach(server.url)
    assert await state_of(live, inner) == now
    await post(live, inner, "teardown")


async def burst(live, fork, number):
    for count in range(50):
        try:
            await write(live, fork, f"{number}-{count}.txt", b"x")
        except Exception:  # the server is gone
            return


async def test_a_run_is_pruned_when_its_last_fork_is_over(serve, kit):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started()
        parent = run.value["task_runs"][0]["playground_id"]
        fork = (await post(live, parent, "fork", status=201))["id"]
        await live.post(f"/benchmark-runs/{run.id}/cancel")
        kept = await state_of(live, fork)
    clock.advance(3600)
    settings = {"prune_older_than": timedelta(minutes=1)}
    async with serve(clock=clock, **settings) as live:
        assert await state_of(live, fork) == kept
        await post(live, fork, "teardown")
        assert (await live.get(f"/playgrounds/{fork}"))["status"] == "teardown"
    async with serve(clock=clock, **settings) as live:
        for playground_id in (parent, fork):
            assert (await live.call("GET", f"/playgrounds/{playground_id}", "vk_local")).status == 410
        for what in ("fork", "snapshot", "diff"):
            assert (await live.call("POST", f"/playgrounds/{fork}/{what}", "vk_local", json={})).status == 410


async def test_a_fork_whose_time_was_over_while_nobody_served_ends_at_the_start(serve, kit):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started()
        parent = run.value["task_runs"][0]["playground_id"]
        fork = (await post(live, parent, "fork", status=201, timeout=60))["id"]
    clock.advance(61)
    async with serve(clock=clock) as live:

        async def is_over():
            return (await live.get(f"/playgrounds/{fork}"))["status"] == "teardown"

        await live.until(is_over)


async def test_verify_folds_forks_and_finds_what_was_changed_below_them(serve, disk):
    async with serve() as live:
        run = await live.started()
        parent = run.value["task_runs"][0]["playground_id"]
        await run.call("PUT", "files/outbox/a.txt", body=b"1")
        fork = (await post(live, parent, "fork", status=201))["id"]
        await write(live, fork, "b.txt", b"2")
        inner = (await post(live, fork, "fork", status=201))["id"]
        hashes = {key: (await state_of(live, key))["state_hash"] for key in (parent, fork, inner)}
    command = ["verify", "--data-dir", str(disk.data)]
    done = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert done.exit_code == 0, done.output
    for key, state_hash in hashes.items():
        (line,) = (line for line in done.output.splitlines() if f"  {key}  " in line)
        assert line.endswith(state_hash)
    with closing(sqlite3.connect(disk.data / "sandbox.sqlite3")) as connection, connection:
        connection.execute("UPDATE events SET status = 418 WHERE playground_id = ? AND seq = 2", (parent,))
    async with serve() as live:
        aside = (await live.get("/readyz"))["set_aside"]
        assert [next(iter(entry.values())) for entry in aside] == [run.id, fork, inner]
        answer = await live.call("POST", f"/playgrounds/{fork}/teardown", "vk_local", json={})
        assert answer.status == 409 and "set aside" in answer.error["message"]
        assert (await live.started()).id  # everything else goes on
