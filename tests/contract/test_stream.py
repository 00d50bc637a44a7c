"""The event stream of a task run: live, resumable, and with an end."""

import asyncio

import pytest

from sandbox.api.context import HUB, RUNS, WRITER
from sandbox.playground.events import Response


@pytest.fixture
async def run(live):
    return await live.started()


async def test_events_arrive_while_they_happen(live, run, kit):
    headers = {"Authorization": f"Bearer {kit.api_key}"}
    url = f"{live.url}/task-runs/{run.tasks[0]}/events/stream"
    async with asyncio.timeout(20), live.http.get(url, headers=headers) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        messages = kit.sse(response)
        seen = [await anext(messages), await anext(messages)]
        assert [name for _, name, _ in seen] == ["clock_advanced", "scenario_step"]
        for number in range(3):
            assert (await run.call("PUT", f"files/f{number}.txt", body=b"x")).status == 201
            message_id, name, data = await anext(messages)
            assert (message_id, name) == (str(number + 3), "file_write")
            assert data["request"]["path"] == f"files/f{number}.txt"
        await run.complete()
        assert await anext(messages) == (None, "end", {})
        assert [m async for m in messages] == []


async def test_resume(live, run):
    for number in range(5):
        await run.call("PUT", f"files/f{number}.txt", body=b"x")
    await run.complete()
    everything = await live.follow(run.tasks[0])
    assert [m[0] for m in everything] == [*(str(n) for n in range(1, 8)), None]
    for last in (0, 1, 4, 7, 8, 999_999_999_999):
        assert await live.follow(run.tasks[0], last=last) == [m for m in everything if m[0] is None or int(m[0]) > last]


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "\u00b2"])
async def test_a_last_id_that_is_none(live, run, kit, last):
    headers = {"Last-Event-ID": last}
    answer = await live.call("GET", f"/task-runs/{run.tasks[0]}/events/stream", kit.api_key, headers=headers)
    assert answer.status == 400


@pytest.mark.parametrize("end", ["cancel", "timeout", "cancel-run", "never-started"])
async def test_every_end_ends_the_stream(serve, disk, kit, end):
    disk.benchmark(kit.benchmark("quick", kit.task("a", timeout=0.3 if end == "timeout" else 60)))
    async with serve() as live:
        run = await (live.run("quick") if end == "never-started" else live.started("quick"))
        following = asyncio.create_task(live.follow(run.tasks[0]))
        if end != "timeout":
            path = f"/benchmark-runs/{run.id}" if end == "cancel-run" else f"/task-runs/{run.tasks[0]}"
            await live.post(f"{path}/cancel")
        messages = await following
        assert messages[-1] == (None, "end", {})
        assert len(messages) == (1 if end == "never-started" else 2)


async def test_nothing_is_lost_between_the_last_event_and_the_end(live):
    """Calls and a cancel race; the stream holds every event that was recorded."""
    for _ in range(5):
        run = await live.started()
        following = asyncio.create_task(live.follow(run.tasks[0]))
        calls = [run.call("PUT", f"files/f{n}.txt", body=b"x") for n in range(10)]
        await asyncio.gather(*calls, live.post(f"/task-runs/{run.tasks[0]}/cancel"))
        seqs = [data["seq"] for _, name, data in await following if name != "end"]
        assert seqs == [e["seq"] for e in await run.events()] == list(range(1, len(seqs) + 1))


async def test_the_end_waits_for_events_that_are_not_on_disk_yet(live, run):
    """The task run is over in memory, its last event is still being committed, and a follower comes."""
    live.app[WRITER].hold()
    writing = asyncio.create_task(run.call("PUT", "files/a.txt", body=b"x"))
    await live.until(lambda: _has_seq(live, run, 3))
    ending = asyncio.create_task(live.call("POST", f"/task-runs/{run.tasks[0]}/cancel", "vk_local"))
    await live.until(lambda: _is_over(live, run))
    following = asyncio.create_task(live.follow(run.tasks[0]))
    await live.until(lambda: _is_followed(live))
    for _ in range(20):  # time enough for a stream that does not wait to say that it is over
        assert (await live.call("GET", "/healthz")).status == 200
    assert not following.done() and not writing.done() and not ending.done()
    live.app[WRITER].release()
    assert [name for _, name, _ in await following] == ["clock_advanced", "scenario_step", "file_write", "end"]
    assert ((await writing).status, (await ending).status) == (201, 200)


async def test_more_events_than_one_read_takes(live, run):
    playground = live.playground(run.tasks[0])
    for _ in range(1100):
        playground.interact("clock_advanced", lambda tx: Response.of_json({}))
    await live.post(f"/benchmark-runs/{run.id}/cancel")
    assert [m[0] for m in (await live.follow(run.tasks[0]))[:-1]] == [str(n) for n in range(1, 1103)]


async def test_several_followers_and_one_that_leaves(live, run, kit):
    headers = {"Authorization": f"Bearer {kit.api_key}"}
    url = f"{live.url}/task-runs/{run.tasks[0]}/events/stream"
    async with live.http.get(url, headers=headers) as leaving:
        await leaving.content.readline()
    following = [asyncio.create_task(live.follow(run.tasks[0])) for _ in range(3)]
    await run.call("PUT", "files/a.txt", body=b"x")
    await run.complete()
    first, *others = await asyncio.gather(*following)
    assert all(other == first for other in others) and len(first) == 4


async def test_a_stream_does_not_hold_up_a_shutdown(serve):
    async with serve() as live:
        run = await live.started()
        following = asyncio.create_task(live.follow(run.tasks[0]))
        await live.until(lambda: _is_followed(live))
        await live.stop()
        assert [m[1] for m in await following] == ["clock_advanced", "scenario_step"]


async def _is_followed(live):
    return live.app[HUB]._followers


async def _has_seq(live, run, seq):
    return live.playground(run.tasks[0]).seq >= seq


async def _is_over(live, run):
    return live.app[RUNS].active_task_run(run.tasks[0]).is_over
