"""Files that are deleted, replaced or cut while the server writes to them: noticed, and no more acknowledged."""

import asyncio
import os
import shutil

import pytest

from sandbox.api.context import WRITER
from sandbox.clock import monotonic_s

NOTICED_S = 1.5  # a second, and what a busy machine adds


def delete(path):
    path.unlink()


def replace(path):
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.replace(path)


def empty(path):
    os.truncate(path, 0)


def halve(path):
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("name", ["sandbox.sqlite3", "sandbox.sqlite3-wal"])
@pytest.mark.parametrize("harm", [delete, replace, empty, halve])
async def test_harm_to_the_files_is_noticed_within_a_second(serve, disk, harm, name):
    async with serve() as live:
        first = await live.started()
        await first.call("PUT", "files/outbox/large.bin", body=bytes(700_000))
    async with serve(may_fail=True) as live:
        run = await live.started()
        assert (await run.call("PUT", "files/outbox/a.txt", body=b"1")).status == 201
        await asyncio.sleep(0.3)  # quiet: nothing but the watch looks
        assert live.app[WRITER].failure is None
        harm(disk.data / name)
        began = monotonic_s()
        while live.app[WRITER].failure is None:
            await asyncio.sleep(0.01)
            assert monotonic_s() - began < NOTICED_S
        refused = await run.call("PUT", "files/outbox/b.txt", body=b"1")
        assert refused.status == 500 and "sandbox verify" in refused.error["message"]
        ready = await live.call("GET", "/readyz")
        assert ready.status == 503 and disk.data.name in ready.json["record"], ready
        assert (await live.call("GET", "/healthz")).status == 200


async def test_a_log_that_somebody_else_brings_over_is_no_harm(serve, disk):
    import sqlite3

    async with serve() as live:
        run = await live.started()
        with sqlite3.connect(disk.data / "sandbox.sqlite3") as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        other.close()
        await asyncio.sleep(0.7)
        assert (await run.call("PUT", "files/outbox/b.txt", body=b"1")).status == 201
        await asyncio.sleep(0.7)
        assert live.app[WRITER].failure is None
