"""What a restart brings back: states, schedules, timeouts. And what is not on disk is not acknowledged."""

import asyncio
import json
import re
from typing import Any

from sandbox.api.context import WRITER
from tests.record.medium import Medium, failure


def told(run, url):
    """What a run says, but for the ports that were free ones: HTTP's, in `url`, and that of SFTP."""
    return re.sub(r'("sftp_port": )\d+', r"\1", json.dumps(run).replace(url, ""))


async def test_a_stop_and_a_start_change_nothing(serve, kit, look):
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
        before, state = await look.read_all(run), run.state_hash()
        observation = (await run.call("GET", "fhir/Observation/o1")).body
        assert b"4.10" in observation
        seen = await live.get(f"/v1/benchmark-runs/{run.id}", run.token)
        state = run.state_hash()
    for _ in range(2):
        async with serve() as live:
            run.live = live
            assert run.state_hash() == state == await look.folded_hash(live, run)
            again = await run.get()
            assert told(again, live.url) == told(seen, seen_url(seen))
    async with serve() as live:
        run.live = live
        assert await look.read_all(run) == before
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


async def test_nothing_is_acknowledged_that_is_not_on_disk(serve):
    async with serve(may_fail=True) as live:
        run = await live.started()
        assert (await run.call("PUT", "files/outbox/kept.txt", body=b"1")).status == 201
        medium = Medium(live.app[WRITER])
        medium.error = failure("SQLITE_IOERR", "disk I/O error")
        lost = await asyncio.gather(*(run.call("PUT", f"files/outbox/lost{n}.txt", body=b"1") for n in range(5)))
        assert {a.status for a in lost} == {500}
        assert "disk I/O" in lost[0].error["message"] and lost[0].error["code"] == "INTERNAL_ERROR"
        medium.error = None
        for method, path in [("PUT", "files/outbox/more.txt"), ("GET", "files/inbox")]:
            assert (await run.call(method, path)).status == 500
        ready = await live.call("GET", "/readyz")
        assert ready.status == 503 and "disk I/O" in ready.json["record"]
        assert (await live.call("GET", "/healthz")).status == 200
    async with serve() as live:
        run.live = live
        found = [f["path"] for f in (await run.call("GET", "files/outbox/")).json]
        assert found == ["outbox/kept.txt"]
        assert (await live.call("GET", "/readyz")).status == 200
