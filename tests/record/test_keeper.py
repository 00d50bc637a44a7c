"""The log's keeper: it and the writer are never in each other's way, and a full disk does not keep it from its work."""

import asyncio
import errno
import os
import threading

import pytest

from sandbox.limits import MIB
from sandbox.record import database, keeper, reserve
from sandbox.record.units import Unit
from sandbox.record.writer import open_writer
from tests.record.medium import failure


@pytest.fixture
async def opened(tmp_path, monkeypatch):
    monkeypatch.setattr(keeper, "SYNC_INTERVAL_S", 0)
    file = tmp_path / database.FILE_NAME
    database.migrate(file)
    writer = await open_writer(file)
    await writer.begin_witness()
    yield writer
    await writer.close()


def blob(key, body=b"x"):
    return ("INSERT INTO blobs (sha256, body) VALUES (?, ?)", (key, body))


class Own:
    """The keeper's connection; `before` is awaited before a checkpoint of the kind, with what it does first."""

    def __init__(self, writer, how, before):
        self._connection, self._how, self._before = writer._keeper._own, how, before
        writer._keeper._own = self

    def __getattr__(self, name):
        return getattr(self._connection, name)

    async def execute_fetchall(self, sql):
        if f"({self._how})" in sql:
            await self._before(self._connection)
        return await self._connection.execute_fetchall(sql)


def log_size(directory):
    return (directory / f"{database.FILE_NAME}-wal").stat().st_size


async def test_a_checkpoint_waits_for_a_commit_that_has_begun(opened, monkeypatch):
    monkeypatch.setattr(keeper, "LOG_BYTES", 0)
    await opened._slow.execute_fetchall("PRAGMA busy_timeout=0")
    going_on, is_made, order = threading.Event(), asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def make():
        loop.call_soon_threadsafe(is_made.set)
        assert going_on.wait(20)
        return [blob("large")]

    async def with_the_lock(connection):  # as a checkpoint has it while the disk is slow
        order.append("checkpoint")
        await connection.execute("BEGIN IMMEDIATE")
        queued = opened.write([blob("queued")])
        for _ in range(20):  # time enough for a commit that does not wait
            await asyncio.sleep(0)
            await opened._slow.execute_fetchall("SELECT 1")
        assert not queued.done()
        await connection.execute("COMMIT")
        order.append("over")

    Own(opened, "RESTART", with_the_lock)
    large = opened._take_in(Unit((), 1 << 20, make=make))
    large.then(lambda unit: order.append("commit"))
    await is_made.wait()
    async with asyncio.timeout(20):
        while not opened._is_held:  # the keeper has come, and waits
            opened._keeper._news.set()
            opened._keeper._is_short = True
            await asyncio.sleep(0)
    going_on.set()
    await large
    async with asyncio.timeout(20):
        while "over" not in order:
            await asyncio.sleep(0)
    await opened.write([blob("after")])
    assert order[:3] == ["commit", "checkpoint", "over"]
    assert len(await opened._slow.execute_fetchall("SELECT 1 FROM blobs")) == 3


async def test_a_stop_waits_for_a_checkpoint_that_has_the_lock(tmp_path, opened):
    await opened._slow.execute_fetchall("PRAGMA busy_timeout=0")
    begun, going_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def stall():
        loop.call_soon_threadsafe(begun.set)
        return going_on.wait(20)

    async def with_the_lock(connection):
        await connection.create_function("stall", 0, stall)
        await connection.execute_fetchall("UPDATE record_state SET generation = generation WHERE stall()")

    Own(opened, "RESTART", with_the_lock)
    await opened._keeper.make_room()
    await begun.wait()
    queued = opened.write([blob("queued")])
    stopping = asyncio.create_task(opened._keeper.stop())
    for _ in range(20):  # time enough for a stop that does not wait
        await opened._slow.execute_fetchall("SELECT 1")
    assert opened._is_held
    going_on.set()
    await stopping
    await queued


async def test_a_log_that_finds_no_room_in_the_database_is_given_the_reserve(tmp_path, opened, monkeypatch):
    kept = tmp_path / reserve.FILE_NAME
    tries = []

    async def fails_while_it_is_there(connection):
        tries.append(kept.exists())
        if kept.exists():
            raise failure("SQLITE_FULL", "database or disk is full")

    Own(opened, "PASSIVE", fails_while_it_is_there)
    monkeypatch.setattr(reserve, "free_bytes", lambda directory: 0)
    await opened._keeper.make_room()  # somebody met it: no room
    kept.touch()
    opened._keeper.reserve.is_released = False
    async with asyncio.timeout(20):
        while opened._keeper._is_short:
            await asyncio.sleep(0)
    assert tries[0] is True and tries[-1] is False and not kept.exists()
    await opened.write([blob("a")])
    monkeypatch.setattr(reserve, "free_bytes", lambda directory: 1 << 40)
    monkeypatch.setattr(keeper, "LOOK_INTERVAL_S", 0)
    async with asyncio.timeout(20):
        while opened._keeper.reserve.is_released:
            await asyncio.sleep(0)
    assert kept.exists()


async def test_a_witness_that_finds_no_room_gives_the_reserve_back(tmp_path, opened, monkeypatch):
    write_witness = keeper.write_witness

    def fails_while_it_is_there(directory, text):
        if (tmp_path / reserve.FILE_NAME).exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_witness(directory, text)

    monkeypatch.setattr(keeper, "write_witness", fails_while_it_is_there)
    monkeypatch.setattr(reserve, "free_bytes", lambda directory: 0)
    before = (tmp_path / "sandbox.witness").read_bytes()
    await opened.write([blob("a")])
    async with asyncio.timeout(20):
        while (tmp_path / "sandbox.witness").read_bytes() == before:
            await asyncio.sleep(0)


async def test_a_stop_on_a_disk_without_any_room_is_an_unclean_one(tmp_path, opened, monkeypatch, capsys):
    def fails(directory, text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    await opened.write([blob("a")])
    monkeypatch.setattr(keeper, "write_witness", fails)
    await opened._keeper.stop()
    await opened._keeper.close(is_clean=True)
    assert b'"clean":true' not in (tmp_path / "sandbox.witness").read_bytes()


async def test_a_log_that_holds_much_is_waited_for(opened, monkeypatch):
    await opened._keeper.wait_for_log()
    begun, going_on = asyncio.Event(), asyncio.Event()

    async def slow(connection):
        begun.set()
        await going_on.wait()

    Own(opened, "RESTART", slow)
    opened._keeper.note(keeper.LOG_BYTES)
    await begun.wait()
    waiting = asyncio.create_task(opened._keeper.wait_for_log())
    await asyncio.sleep(0)
    assert not waiting.done()
    going_on.set()
    await waiting


async def test_on_a_full_disk_the_log_is_written_over_and_does_not_grow(tmp_path, opened, monkeypatch):
    monkeypatch.setattr(reserve, "free_bytes", lambda directory: 0)
    await opened._keeper.make_room()
    for number in range(16):
        await opened.write([blob(f"{number}", bytes(MIB + 1))])
        async with asyncio.timeout(20):
            while opened._keeper._written >= MIB:
                await asyncio.sleep(0)
    assert log_size(tmp_path) < 4 * MIB
