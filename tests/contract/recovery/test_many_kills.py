"""SIGKILL again and again, at any moment: nothing that was acknowledged is lost, doubled or half there.

`make prove` does it 100 times, `make prove KILLS=1000` as often as it says.
"""

import asyncio
import os
import random
from typing import Any

import pytest

from sandbox.record.writer import LARGE_BYTES
from tests.contract.recovery.bursts import Burst

KILLS = int(os.environ.get("KILLS") or 100)
KILLS_OF_A_RUN = 20  # a task run ends after five minutes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


class Mixed(Burst):
    """A burst in which some files are so large that they are stored from SQLite's thread."""

    @staticmethod
    def content(number: int) -> bytes:
        return bytes([number % 256]) * (LARGE_BYTES + number if number % 1000 == 0 else number % 50 + 1)


@pytest.mark.parametrize("series", range(-(-KILLS // KILLS_OF_A_RUN)))
async def test_many_kills(spawn: Any, reach: Any, serve: Any, kit: Any, look: Any, series: int) -> None:
    """After each kill what the last burst was told is there, and at the end all that any burst was told."""
    chance, bursts, run = random.Random(series), list[Mixed](), None
    for number in range(min(KILLS_OF_A_RUN, KILLS - series * KILLS_OF_A_RUN)):
        server = spawn().wait_until_ready()
        live = reach(server.url)
        if run is None:
            run = await live.started()
        run.live = live
        if bursts:
            await bursts[-1].check()
        burst = Mixed(run, kit, enough=chance.randrange(2, 20))
        bursts.append(burst)
        surfaces = ["files", "hl7", "portal", "fhir"] * 4
        firsts = [number * 100_000 + n for n in range(len(surfaces))]
        writers = [asyncio.create_task(burst.writer(s, first)) for s, first in zip(surfaces, firsts, strict=True)]
        await burst.is_enough.wait()
        server.kill()
        await asyncio.gather(*writers)
    async with serve() as live:
        run.live = live
        assert run.state_hash() == await look.folded_hash(live, run)
        events = await run.events()
        assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
        for burst in bursts:
            await burst.check()
    print(f"{len(bursts)} kills, {sum(len(b.acknowledged) for b in bursts)} acknowledged writes, none lost")
