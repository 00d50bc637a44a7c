"""A large benchmark, 300 tasks with 1,136 criteria: creating its run, its completes, checking and reloading."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench import servers
from tests.bench.fhirpath import CRITERIA, TASKS, write_benchmark
from tests.bench.peers import say

SOLVER = {"Authorization": "Bearer vrl_slv_local"}
ORGANIZATION = {"Authorization": "Bearer vk_local"}
READY_S = 60.0


async def bench_run(session: aiohttp.ClientSession, home: Path, playgrounds: Path, seeds: Path) -> None:
    """Create a run, then start and complete its tasks one after the other: wall time, and the server's CPU time."""
    with servers.sandbox(home / "many-data", str(seeds), str(playgrounds)) as server:
        before, began = server.cpu_s(), time.perf_counter()
        async with session.post(
            f"{server.url}/v1/benchmark-runs", json={"benchmark": "many"}, headers=SOLVER
        ) as answer:
            run = await answer.json()
            assert answer.status == 201, run
        took, cpu = time.perf_counter() - began, server.cpu_s() - before
        say(f"creating a run of {TASKS} tasks", f"{took * 1e3:,.0f} ms, {cpu:.2f} s of CPU")
        headers = {"Authorization": f"Bearer {run['bearer_token']}"}
        starting = completing = 0.0
        before = server.cpu_s()
        for task_run in run["task_runs"]:
            began = time.perf_counter()
            async with session.post(server.url + task_run["start_url"], headers=headers) as answer:
                assert answer.status == 200, await answer.text()
            begun = time.perf_counter()
            async with session.post(server.url + task_run["complete_url"], headers=headers) as answer:
                assert answer.status == 200, await answer.text()
            starting, completing = starting + begun - began, completing + time.perf_counter() - begun
        each, start = completing / TASKS * 1e3, starting / TASKS * 1e3
        told = f"{each:.1f} ms each, {completing:.2f} s in all; starting {start:.1f} ms each"
        say(f"{TASKS} completes, {CRITERIA:,} criteria", f"{told}; {server.cpu_s() - before:.2f} s of CPU for both")


def bench_check(playgrounds: Path, seeds: Path) -> None:
    """`sandbox check`, as a process of its own: CPU time."""
    command = [sys.executable, "-m", "sandbox", "check", str(playgrounds), "--seeds", str(seeds)]
    best = float("inf")
    for _ in range(3):
        before = os.times()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        best = min(best, after.children_user + after.children_system - before.children_user - before.children_system)
    say(f"sandbox check, {TASKS} tasks with {CRITERIA:,} criteria", f"{best:.2f} s of CPU")


async def bench_reload(session: aiohttp.ClientSession, home: Path, playgrounds: Path, seeds: Path) -> None:
    """Save the definition and ask until it is served: wall time, the least of some."""
    ready = home / "many-ready.json"
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--data-dir", str(home / "many-reload")]
    command += ["--playgrounds", str(playgrounds), "--seeds", str(seeds), "--ready-file", str(ready)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = (await _until(lambda: _read(ready)))["url"]
        file = playgrounds / "many" / "v1" / "benchmark.json"
        definition = json.loads(file.read_text())
        times = []
        for number in range(3):
            name = f"Saved {number}"
            text = json.dumps({**definition, "name": name}, indent=1)
            began = time.perf_counter()
            file.with_suffix(".new").write_text(text)
            file.with_suffix(".new").replace(file)
            while await _name(session, url) != name:
                assert time.perf_counter() - began < READY_S, "the saved definition is not served"
                await asyncio.sleep(0.02)
            times.append(time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(30)
    say("hot reload, from saving to being served, the least of 3", f"{min(times) * 1e3:,.0f} ms")


async def _name(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(f"{url}/benchmarks", headers=ORGANIZATION) as answer:
        (benchmark,) = (await answer.json())["data"]
        return str(benchmark["name"])


def _read(file: Path) -> Any:
    return json.loads(file.read_text()) if file.is_file() else None


async def _until(look: Any) -> Any:
    began = time.perf_counter()
    while (found := look()) is None:
        assert time.perf_counter() - began < READY_S, "the server is not ready"
        await asyncio.sleep(0.05)
    return found


async def bench_many(session: aiohttp.ClientSession, home: Path) -> None:
    """Print all of it."""
    playgrounds, seeds = write_benchmark(home / "many")
    await bench_run(session, home, playgrounds, seeds)
    bench_check(playgrounds, seeds)
    await bench_reload(session, home, playgrounds, seeds)
