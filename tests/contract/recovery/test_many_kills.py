"""SIGKILL again and again, at any moment: nothing that was acknowledged is lost, doubled or half there.

`make prove` does it 100 times, `make prove KILLS=1000` as often as it says.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.record.writer import LARGE_BYTES
from tests.contract.recovery.bursts import Burst

KILLS = int(os.environ.get("KILLS") or 100)
KILLS_OF_A_RUN = 20  # a task run ends after five minutes
WAIT_S = 30

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

# Most of a start is Python reading modules, which no kill can hurt: so one process reads them, and servers are forks.
FORKING = """
import os, sys
from pathlib import Path
import sandbox.app
from sandbox.serving import run, serve, url_of
from sandbox.settings import Settings
data, playgrounds, seeds = (Path(word) for word in sys.argv[1:4])
settings = Settings(port=0, data_dir=data, playgrounds=(playgrounds,), seeds=(seeds,))
for _ in sys.stdin:
    server = os.fork()
    if not server:
        run(serve(settings, lambda runner: print(os.getpid(), url_of(settings, runner), flush=True)))
        os._exit(0)
    os.waitpid(server, 0)
"""


class Servers:
    """Servers on the test's directories, one after the other."""

    def __init__(self, disk: Any) -> None:
        places = [str(place) for place in (disk.data, disk.playgrounds, disk.seeds)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", FORKING, *places],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._server: int | None = None

    def start(self) -> str:
        """Start one; return its URL."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        pid, url = self._process.stdout.readline().split()
        self._server = int(pid)
        return url

    def kill(self) -> None:
        """Kill it, if there is one."""
        if self._server is not None:
            os.kill(self._server, signal.SIGKILL)
            self._server = None

    def close(self) -> None:
        """Kill what is left and end the process that forks."""
        self.kill()
        if self._process.poll() is None:
            self._process.communicate(timeout=WAIT_S)


@pytest.fixture
def servers(disk: Any) -> Iterator[Servers]:
    servers = Servers(disk)
    yield servers
    servers.close()


class Mixed(Burst):
    """A burst in which some files are so large that they are stored in parts, ahead of their events."""

    @staticmethod
    def content(number: int) -> bytes:
        return bytes([number % 256]) * (LARGE_BYTES + number if number % 1000 == 0 else number % 50 + 1)


@pytest.mark.parametrize("series", range(-(-KILLS // KILLS_OF_A_RUN)))
async def test_many_kills(servers: Servers, reach: Any, serve: Any, kit: Any, look: Any, series: int) -> None:
    """After each kill what the last burst was told is there, and at the end all that any burst was told."""
    chance, bursts, run = random.Random(series), list[Mixed](), None
    for number in range(min(KILLS_OF_A_RUN, KILLS - series * KILLS_OF_A_RUN)):
        live = reach(await asyncio.to_thread(servers.start))
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
        servers.kill()
        await asyncio.gather(*writers)
    servers.close()
    async with serve() as live:
        run.live = live
        assert run.state_hash() == await look.folded_hash(live, run)
        events = await run.events()
        assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
        for burst in bursts:
            await burst.check()
    print(f"{len(bursts)} kills, {sum(len(b.acknowledged) for b in bursts)} acknowledged writes, none lost")
