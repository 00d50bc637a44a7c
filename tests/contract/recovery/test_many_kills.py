"""SIGKILL again and again, at any moment: nothing that was acknowledged is lost, doubled or half there."""

import asyncio
import random
from typing import Any

import pytest

from sandbox.record.writer import LARGE_BYTES
from tests.contract.recovery.bursts import Burst

KILLS = 200

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


class Mixed(Burst):
    """A burst in which some files are so large that they are stored from SQLite's thread."""

    @staticmethod
    def content(number: int) -> bytes:
        return bytes([number % 256]) * (LARGE_BYTES + number if number % 1000 == 0 else number % 50 + 1)


async def test_two_hundred_kills(spawn: Any, reach: Any, serve: Any, kit: Any, look: Any) -> None:
    chance, bursts = random.Random(1), []
    for number in range(KILLS):
        server = spawn().wait_until_ready()
        live = reach(server.url)
        if number % 20 == 0:
            run = await live.started()
        run.live = live
        if bursts and bursts[-1].run is run:
            await bursts[-1].check()
        burst = Mixed(run, kit, enough=chance.randrange(5, 120))
        bursts.append(burst)
        surfaces = ["files", "hl7", "portal", "fhir"] * 4
        firsts = [number * 100_000 + n for n in range(len(surfaces))]
        writers = [asyncio.create_task(burst.writer(s, first)) for s, first in zip(surfaces, firsts, strict=True)]
        await burst.is_enough.wait()
        server.kill()
        await asyncio.gather(*writers)
    async with serve() as live:
        runs = {burst.run.id: burst.run for burst in bursts}
        for run in runs.values():
            run.live = live
            assert run.state_hash() == await look.folded_hash(live, run)
            events = await run.events()
            assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
        for burst in bursts:
            await burst.check()
        print(f"{KILLS} kills, {sum(len(b.acknowledged) for b in bursts)} acknowledged writes, none lost")
