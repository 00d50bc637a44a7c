"""A disk that stalls: what others notice while every statement of the writer takes a fifth of a second.

The delay is put between the writer and its connections (`tests/record/medium.py`); a file in the data directory
switches it on and off.
"""

import asyncio
import time
from pathlib import Path

import aiohttp

from tests.bench import data, servers
from tests.bench.load import Result, drive, request_bytes
from tests.bench.peers import say, start_run

DELAY_S = 0.2
COUNT = 2000

STALLING = f"""
import asyncio, sys
from pathlib import Path
import sandbox.app
from tests.record.medium import Medium
opened = sandbox.app.open_writer
async def open_writer(file):
    writer = await opened(file)
    medium, switch = Medium(writer), file.with_name("stall")
    async def follow():
        while True:
            medium.delay_s = {DELAY_S} if switch.exists() else 0
            await asyncio.sleep(0.01)
    medium.follower = asyncio.create_task(follow())
    return writer
sandbox.app.open_writer = open_writer
"""


async def bench_stall(session: aiohttp.ClientSession, home: Path) -> None:
    """Print the delays of requests that write nothing, and of recorded reads, before, during and after a stall."""
    seeds, playgrounds = data.write_clinic(home / "fhir", resources=0, tasks=2)
    with servers.sandbox(home / "stall-data", seeds, playgrounds, before=STALLING) as server:
        base, token = await start_run(session, server.url)
        run_url = base.removesuffix("/fhir")
        recorded = request_bytes("GET", f"{base}/Patient?_count=1", token)
        unrecorded = {
            "health": request_bytes("GET", f"{server.url}/healthz"),
            "a run's state": request_bytes("GET", run_url, token),
            "the benchmarks": request_bytes("GET", f"{server.url}/benchmarks", "vk_local"),
        }
        switch = home / "stall-data" / "stall"
        for phase in ("before the stall", "while it stalls", "after it"):
            if phase == "while it stalls":
                switch.touch()
                await drive(server.url, [recorded], count=8, connections=8)  # one commit finds out
            work = asyncio.create_task(_write_on(server.url, recorded))
            for name, request in unrecorded.items():
                result = await drive(server.url, [request], count=COUNT, connections=4)
                assert result.statuses == {200}
                value = f"p50 {result.quantile(0.5) * 1000:.2f}, p99 {result.quantile(0.99) * 1000:.2f}"
                say(f"{name}, {phase}", f"{value}, longest {result.delays[-1] * 1000:.1f} ms")
            result = await work
            value = f"p50 {result.quantile(0.5) * 1000:.2f}, p99 {result.quantile(0.99) * 1000:.2f}"
            say(f"recorded reads at 8 connections, {phase}", f"{value}, longest {result.delays[-1] * 1000:.1f} ms")
            if phase == "while it stalls":
                switch.unlink()
                began = time.perf_counter()
                while (await drive(server.url, [recorded], count=1, connections=1)).delays[0] > DELAY_S / 4:
                    pass
                say("recorded reads are quick again after", f"{(time.perf_counter() - began) * 1000:.0f} ms")


async def _write_on(url: str, request: bytes) -> Result:
    return await drive(url, [request], count=100, connections=8)
