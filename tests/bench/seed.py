"""A large seed: what it costs to load and to hold, and what the first search of a parameter and the next ones cost."""

import statistics
import time
from pathlib import Path

import aiohttp

from tests.bench import data, servers
from tests.bench.load import drive
from tests.bench.operations import Peer, operations
from tests.bench.peers import say, start_run


async def bench_seed(session: aiohttp.ClientSession, home: Path, resources: int = 100_000) -> None:
    """Print what so many resources cost as a seed: loading, memory, the first search and the next ones."""
    place = home / f"seed{resources}"
    seeds, playgrounds = data.write_clinic(place, resources=resources, tasks=1)
    small = data.write_clinic(home / "seed-small", resources=10, tasks=1)
    with servers.sandbox(home / "seed-small-data", *small) as server:
        empty_s, empty_bytes = server.start_s, server.memory_bytes()
    with servers.sandbox(place / "data", seeds, playgrounds) as server:
        say(f"loading a seed of {resources:,} resources", f"{server.start_s - empty_s:.1f} s more than an empty start")
        grown = server.memory_bytes() - empty_bytes
        say("memory of the seed", f"{grown / 2**20:,.0f} MiB, {grown / resources / 1024:.2f} KiB a resource")
        base, token = await start_run(session, server.url)
        peer = Peer("ours", base, token)
        for operation in operations(resources):
            if not operation.is_search:
                continue
            url = f"{base}/{operation.paths[0]}"
            began = time.perf_counter()
            async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
                await answer.read()
                assert answer.status == 200
            first = time.perf_counter() - began
            later = await drive(base, operation.requests(peer), count=500, connections=1)
            typical = statistics.median(later.delays)
            say(f"{operation.name}: first, then each", f"{first * 1000:,.0f} ms, {typical * 1000:.2f} ms")
        grown = server.memory_bytes() - empty_bytes
        say("memory with the indexes of these searches", f"{grown / 2**20:,.0f} MiB")
