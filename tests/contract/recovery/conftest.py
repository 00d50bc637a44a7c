"""`sandbox serve` as a process of its own, and a client of it."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.api.context import READER, SHELF
from sandbox.record import restore
from sandbox.settings import Settings
from tests.own_ports import OWN_PORTS

WAIT_S = 30


class Process:
    """`sandbox serve` as a process of its own, on the test's definitions."""

    def __init__(self, disk: Any, *options: str) -> None:
        places = ["--data-dir", disk.data, "--playgrounds", disk.playgrounds, "--seeds", disk.seeds]
        command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", *places, *options]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")}
        environment.update(OWN_PORTS)
        self.process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self.url = ""

    def wait_until_ready(self) -> "Process":
        """Wait for the line that says so."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("sandbox ready at "):
                self.url = line.removeprefix("sandbox ready at ").strip()
                return self
        raise AssertionError(self.process.stderr.read() if self.process.stderr else "")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> tuple[int, str, str]:
        """Wait for the end: exit status, what is left of stdout, stderr."""
        out, err = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, out, err

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=WAIT_S)


@pytest.fixture
def spawn(disk: Any) -> Iterator[Callable[..., Process]]:
    """Start `sandbox serve` on the test's directories; what still runs at the end is killed."""
    started: list[Process] = []

    def start(*options: str) -> Process:
        started.append(Process(disk, *options))
        return started[-1]

    yield start
    for process in started:
        if process.process.poll() is None:
            process.kill()


@pytest.fixture
async def reach(kit: Any) -> AsyncIterator[Callable[[str], Any]]:
    """Give a client of a server in another process."""
    async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as http:

        def to(url: str) -> Any:
            return kit.live(web.Application(), Settings(), url, http, _nothing)

        yield to


async def _nothing() -> None:
    return None


READS = [
    "files/inbox",
    "files/?recursive=true",
    "hl7/inbox",
    "hl7/outbound",
    "portal/prior-auths?limit=100",
    "portal/patients",
    "fhir/Patient?_count=1000&_sort=_id",
    "fhir/Patient/ana/_history",
]


async def read_all(run: Any) -> list[tuple[int, bytes]]:
    """Read everything an agent can see, to the byte; only the server's address is replaced."""
    answers = [await run.call("GET", path) for path in READS]
    return [(a.status, a.body.replace(run.live.url.encode(), b"URL")) for a in answers]


async def folded_hash(live: Any, run: Any, index: int = 0) -> str:
    """The state hash by folding what is in SQLite, without the server's own playground."""
    playground_id = run.value["task_runs"][index]["playground_id"]
    benchmark = live.app[SHELF].library.find("clinic@1")
    folded = await restore.fold_playground(live.app[READER], playground_id, benchmark.seed)
    assert folded.seq == live.playground(run.tasks[index]).seq
    return folded.branch.state_hash()


@pytest.fixture
def look() -> SimpleNamespace:
    """Ways to see a run's state from outside."""
    return SimpleNamespace(read_all=read_all, folded_hash=folded_hash)
