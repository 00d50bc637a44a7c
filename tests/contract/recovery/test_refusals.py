"""Who may not start: a second server, one on a newer or broken database, one with wrong definitions."""

import asyncio
import os
import shutil
import sqlite3

import pytest

from sandbox.definitions.problems import DefinitionError
from sandbox.record.database import DatabaseError


async def test_a_second_server_on_the_same_directory(serve, spawn):
    async with serve() as live:
        code, out, err = await asyncio.to_thread(spawn().wait)
        assert code == 1 and f"process {os.getpid()}" in err and "--data-dir" in err
        assert "ready" not in out
        with pytest.raises(DatabaseError, match=f"process {os.getpid()}"):
            async with serve():
                pass
        assert (await live.call("GET", "/readyz")).status == 200
    async with serve():
        pass


async def test_a_database_of_a_newer_version(serve, spawn, disk):
    async with serve():
        pass
    file = disk.data / "sandbox.sqlite3"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    content = file.read_bytes()
    with pytest.raises(DatabaseError, match="newer version"):
        async with serve():
            pass
    code, _, err = await asyncio.to_thread(spawn().wait)
    assert code == 1 and "schema 99" in err and "Traceback" not in err
    assert file.read_bytes() == content


async def test_a_file_that_is_no_database(serve, disk):
    disk.data.mkdir()
    (disk.data / "sandbox.sqlite3").write_bytes(b"this is no database" * 100)
    with pytest.raises(DatabaseError, match="cannot be used"):
        async with serve():
            pass


async def test_definitions_that_are_wrong(serve, disk, kit):
    broken = kit.benchmark("broken")
    broken["tasks"][0]["kez"] = 1
    disk.benchmark(broken)
    with pytest.raises(DefinitionError, match=r"tasks\.0\.kez: unknown key"):
        async with serve():
            pass
    shutil.rmtree(disk.playgrounds / "broken")
    async with serve():
        pass
