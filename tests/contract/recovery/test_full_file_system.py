"""A file system that is really full: a small one in memory, filled to its last byte while a server runs on it.

Mounting needs the rights to do so; without them these tests are skipped and say why.
"""

import asyncio
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox.limits import MIB
from sandbox.record.database import FILE_NAME as DATABASE
from sandbox.record.reserve import FILE_NAME as RESERVE
from sandbox.record.reserve import free_bytes

SIZE = 256 * MIB
LARGE = 40 * MIB

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def small_disk(disk: Any) -> Iterator[Path]:
    """The data directory on a file system of its own."""
    disk.data.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", str(disk.data)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield disk.data
    subprocess.run(["umount", "--lazy", str(disk.data)], check=True)


def _fill(directory: Path) -> None:
    """Take all the room there is, at once: what is given back later is left."""
    with (directory / "filler").open("ab") as file:
        while free := free_bytes(directory):
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, free)
            except OSError:  # somebody else was quicker
                continue
            return


class Agent:
    """One who remembers what it was told is stored."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.kept: dict[str, bytes] = {}

    async def put(self, name: str, size: int = 1000) -> bool:
        content = os.urandom(size)
        answer = await self.run.call("PUT", f"files/outbox/{name}.bin", body=content)
        is_stored = answer.status in (200, 201)
        assert is_stored or (answer.status, answer.error["code"]) == (507, "INSUFFICIENT_STORAGE"), answer
        if is_stored:
            self.kept[name] = content
        return is_stored

    async def get(self, name: str) -> bool:
        answer = await self.run.call("GET", f"files/outbox/{name}.bin")
        is_there = answer.status == 200
        assert is_there or (answer.status, answer.error["code"]) == (507, "INSUFFICIENT_STORAGE"), answer
        assert not is_there or answer.body == self.kept[name]
        return is_there


async def _fills_by_itself(agent: Agent, disk: Path) -> None:
    """Uploads until one does not fit; smaller ones do."""
    while await agent.put("large", LARGE):
        pass
    assert await agent.put("small")
    _fill(disk)


async def _is_filled_meanwhile(agent: Agent, disk: Path) -> None:
    """Somebody else takes all the room while an upload is in the log by half."""
    log = disk / f"{DATABASE}-wal"
    uploading = asyncio.create_task(agent.put("large", LARGE))
    async with asyncio.timeout(30):
        while log.stat().st_size < 8 * MIB and not uploading.done():
            await asyncio.sleep(0)
    _fill(disk)
    await uploading


async def _is_filled_behind_many(agent: Agent, disk: Path) -> None:
    """Somebody else takes all the room while the log is full of small ones."""
    await asyncio.gather(*(agent.put(f"many-{n}", 200_000) for n in range(70)))
    _fill(disk)


@pytest.mark.parametrize("fill", [_fills_by_itself, _is_filled_meanwhile, _is_filled_behind_many])
async def test_a_full_file_system(fill: Any, small_disk: Path, spawn: Any, reach: Any, serve: Any, look: Any) -> None:
    server = spawn().wait_until_ready()
    live = reach(server.url)
    agent, reader = Agent(await live.started()), Agent(await live.started())
    assert await agent.put("first") and await reader.put("own") and await reader.put("longer", 600_000)

    async def is_written() -> bool:
        return (small_disk / RESERVE).exists() and await agent.put("again")

    async def is_swept() -> bool:
        with closing(sqlite3.connect(small_disk / DATABASE)) as connection:
            left = "SELECT COUNT(*) FROM blob_parts WHERE sha256 NOT IN (SELECT sha256 FROM blobs)"
            return bool(connection.execute(left).fetchone()[0] == 0)

    for is_greedy in (False, False, True):
        await fill(agent, small_disk)
        number = 0
        for size in (200_000, 1000):  # the log has some room of its own
            while await agent.put(f"{number}", size):
                number += 1
        for _ in range(100):
            assert all(await asyncio.gather(reader.get("own"), agent.get("first"), reader.get("longer")))
        refused = await live.call("POST", "/v1/benchmark-runs", "vrl_slv_local", json={"benchmark": "clinic"})
        assert refused.status == 507
        assert (await live.call("GET", "/readyz")).status == 200
        await live.until(is_swept)
        if is_greedy:  # and takes what the reserve gave back
            for _ in range(20):
                _fill(small_disk)
                await asyncio.gather(*(reader.get("own") for _ in range(20)))
            assert not await agent.put("more")
        (small_disk / "filler").unlink()
        await live.until(is_written)
        assert await reader.put("own") and await agent.put("2M", 2 * MIB)
    server.signal(signal.SIGTERM)
    code, _, err = server.wait()
    assert code == 0 and "Traceback" not in err, err
    async with serve() as live:
        for one in (agent, reader):
            one.run.live = live
            assert one.run.state_hash() == await look.folded_hash(live, one.run)
            for name in one.kept:
                assert await one.get(name)
