"""Definitions edited under a running server: what is valid is swapped in whole, what is not leaves the old ones."""

import asyncio
import json
import shutil
from typing import Any

import pytest

from sandbox.api.context import SHELF
from sandbox.app import WATCHING


class Editor:
    """A server that watches, and a way to wait until it has looked."""

    def __init__(self, live: Any, disk: Any, kit: Any) -> None:
        self.live, self.disk, self.kit = live, disk, kit
        self._news = asyncio.Event()
        live.app[SHELF].subscribe(self._news.set)

    async def until(self, look: Any) -> Any:
        """Wait for a reload after which `look(readyz)` holds."""
        async with asyncio.timeout(20):
            while True:
                self._news.clear()
                ready = await self.live.get("/readyz")
                if look(ready):
                    return ready
                await self._news.wait()

    async def name(self) -> str:
        return str((await self.live.get("/benchmarks/clinic@1"))["name"])

    async def until_named(self, name: str) -> None:
        async with asyncio.timeout(20):
            while await self.name() != name:
                await self._news.wait()
                self._news.clear()


@pytest.fixture
async def editor(serve, disk, kit):
    async with serve(is_watching=True) as live:
        await asyncio.wait_for(live.app[WATCHING].wait(), 20)
        yield Editor(live, disk, kit)


async def test_a_change_is_taken_and_a_running_run_keeps_its_own(editor):
    live, disk, kit = editor.live, editor.disk, editor.kit
    run = await live.started()
    before = (await live.get(f"/task-runs/{run.tasks[0]}"))["snapshot"]
    task = kit.task("refer", kit.says(7), task_item={"instruction": "Something else."})
    disk.benchmark(kit.benchmark("clinic", task, name="Changed"))
    await editor.until_named("Changed")

    assert (await live.get(f"/task-runs/{run.tasks[0]}"))["snapshot"] == before
    assert (await run.get())["benchmark"]["name"] == "Small clinic"
    await run.do_everything()
    old = await run.complete(output={"answer": 7})
    assert [c["label"] for c in old["checks"]] == [c["label"] for c in before["criteria"]]
    assert old["score"] == 1.0

    new = await live.run()
    assert len(new.tasks) == 1 and new.value["benchmark"]["name"] == "Changed"
    assert (await new.start())["task_item"]["instruction"] == "Something else."
    assert (await new.complete(output={"answer": 7}))["score"] == 1.0
    hashes = [(await live.get(f"/benchmark-runs/{r.id}"))["definition_hash"] for r in (run, new)]
    assert hashes[0] != hashes[1]


async def test_changed_data(editor):
    live, disk = editor.live, editor.disk
    run = await live.started()
    old = (await live.get("/benchmarks/clinic@1"))["definition_hash"]
    disk.dataset("small", {"files/inbox/referral.txt": b"changed\n"})
    async with asyncio.timeout(20):
        while (await live.get("/benchmarks/clinic@1"))["definition_hash"] == old:
            await editor._news.wait()
            editor._news.clear()
    assert (await run.call("GET", "files/inbox/referral.txt")).body == b"Please see Ana Reyes.\n"
    assert (await (await live.started()).call("GET", "files/inbox/referral.txt")).body == b"changed\n"


async def test_a_broken_change_keeps_the_old_ones(editor):
    live, disk, kit = editor.live, editor.disk, editor.kit
    path = disk.benchmark(kit.benchmark())
    good = path.read_text()
    for broken, named in [
        ('{"slug": ', "benchmark.json"),
        (json.dumps({**kit.benchmark(), "kez": 1}), "kez: unknown key"),
        (json.dumps({**kit.benchmark(), "version": 2}), "version: is 2"),
        (json.dumps(kit.benchmark("clinic", kit.task("a", scenario={"steps": [{"action": "no"}]}))), "steps.0.action"),
    ]:
        path.write_text(broken)
        ready = await editor.until(lambda r, named=named: named in (r["definitions_error"] or ""))
        assert ready["benchmarks"] == ["clinic@1"] and ready["status"] == "ok"
        assert await editor.name() == "Small clinic"
        assert len((await live.run()).tasks) == 2
    path.write_text(good)
    await editor.until(lambda r: r["definitions_error"] is None)


async def test_one_broken_file_holds_back_the_whole_change(editor):
    live, disk, kit = editor.live, editor.disk, editor.kit
    disk.benchmark(kit.benchmark("bad", kez=1))
    await editor.until(lambda r: "kez" in (r["definitions_error"] or ""))
    disk.benchmark(kit.benchmark("good"))
    await editor.until(lambda r: r["definitions_error"] is not None)
    disk.benchmark(kit.benchmark("bad"))
    ready = await editor.until(lambda r: r["definitions_error"] is None)
    assert ready["benchmarks"] == ["bad@1", "clinic@1", "good@1"]
    assert (await live.run("good")).tasks


async def test_a_broken_seed_keeps_the_old_ones(editor):
    live, disk, kit = editor.live, editor.disk, editor.kit
    disk.dataset("small", {"portal.yaml": b'{"patients": [{"member_id": "M1"}]}'})
    ready = await editor.until(lambda r: r["definitions_error"] is not None)
    assert "seeds/small/portal.yaml" in ready["definitions_error"]
    run = await live.started()
    assert (await run.call("GET", "portal/patients/M1")).status == 200
    disk.dataset("small", {"portal.yaml": kit.files["portal.yaml"]})
    await editor.until(lambda r: r["definitions_error"] is None)


async def test_an_atomic_save(editor):
    path = editor.disk.benchmark(editor.kit.benchmark())
    for name in ("First", "Second"):
        beside = path.with_name(".benchmark.json.tmp")
        beside.write_text(json.dumps(editor.kit.benchmark(name=name)))
        beside.replace(path)
        await editor.until_named(name)


async def test_benchmarks_come_and_go(editor):
    live, disk, kit = editor.live, editor.disk, editor.kit
    disk.benchmark(kit.benchmark("second"))
    await editor.until(lambda r: r["benchmarks"] == ["clinic@1", "second@1"])
    run = await live.started("second")
    disk.benchmark(kit.benchmark("second", version=2))
    await editor.until(lambda r: r["benchmarks"] == ["clinic@1", "second@1", "second@2"])
    assert (await live.run("second")).value["benchmark"]["version"] == "2"
    shutil.rmtree(disk.playgrounds / "second")
    await editor.until(lambda r: r["benchmarks"] == ["clinic@1"])
    gone = await live.call("POST", "/v1/benchmark-runs", kit.solver_key, json={"benchmark": "second"})
    assert (gone.status, gone.error["code"]) == (404, "NOT_FOUND")
    await run.do_everything()
    assert (await run.complete())["score"] == 1.0
    await run.start(1)
    await run.complete(1, output={"answer": 42})
    assert (await run.get())["score"] == 1.0
    assert (await live.post(f"/task-runs/{run.tasks[0]}/rescore"))["score"] == 1.0
    assert (await live.get(f"/benchmark-runs/{run.id}"))["task_runs"]
