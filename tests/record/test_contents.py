"""Contents in parts: stored once, ahead of whoever names them, and nothing is left of those that fail."""

import asyncio
import hashlib
import sqlite3
from contextlib import closing

import pytest

from sandbox.errors import InsufficientStorage
from sandbox.limits import MIB
from sandbox.record import database
from sandbox.record.contents import INSERT_BLOB, PART_BYTES, Contents, digests, read_content, sweep

LARGE = bytes(range(256)) * 4096  # four parts
SHA = hashlib.sha256(LARGE).hexdigest()


class Disk:
    """A database that is written to as the writer does it: a unit at a time."""

    def __init__(self, file):
        database.migrate(file)
        self.connection = sqlite3.connect(file, isolation_level=None)
        self.units, self.free, self.fails, self.waits, self.last_room = [], 1 << 40, set(), 0, set()
        self.contents = Contents(self.write, self.is_kept, lambda: self.free, self.wait_for_log)

    async def wait_for_log(self):
        self.waits += 1

    async def write(self, statements, *, takes_reserve):
        await asyncio.sleep(0)
        self.units.append(sum(len(v) for _, values in statements for v in values if isinstance(v, bytes)))
        self.last_room.add(takes_reserve)
        if len(self.units) in self.fails:
            raise InsufficientStorage("full")
        for sql, values in statements:
            self.connection.execute(sql, values)

    async def is_kept(self, sha):
        return self.connection.execute("SELECT 1 FROM blobs WHERE sha256 = ?", (sha,)).fetchone() is not None

    def count(self, table):
        return self.connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]


@pytest.fixture
def disk(tmp_path):
    disk = Disk(tmp_path / "r.sqlite3")
    with closing(disk.connection):
        yield disk


async def test_what_is_large_goes_in_parts_and_comes_back(disk):
    other = ("UPDATE record_state SET generation = 1", ())
    small = (INSERT_BLOB, (hashlib.sha256(b"small").hexdigest(), b"small"))
    assert await disk.contents.store([(INSERT_BLOB, (SHA, LARGE)), other, small]) == [other]
    assert max(disk.units) == PART_BYTES and disk.count("blob_parts") == 4
    assert read_content(disk.connection, SHA) == LARGE
    assert read_content(disk.connection, small[1][0]) == b"small"
    assert all(name == digest for name, digest in digests(disk.connection))
    with pytest.raises(KeyError):
        read_content(disk.connection, "other")


async def test_the_same_content_is_written_once_however_many_bring_it(disk):
    await asyncio.gather(*(disk.contents.store([(INSERT_BLOB, (SHA, LARGE))]) for _ in range(3)))
    assert len(disk.units) == 5
    await disk.contents.store([(INSERT_BLOB, (SHA, LARGE))])
    assert len(disk.units) == 5


async def test_nothing_is_left_of_what_found_no_room(disk):
    disk.fails = {3}
    with pytest.raises(InsufficientStorage):
        await disk.contents.store([(INSERT_BLOB, (SHA, LARGE))])
    assert disk.count("blob_parts") == disk.count("blobs") == 0
    await disk.contents.store([(INSERT_BLOB, (SHA, LARGE))])
    assert read_content(disk.connection, SHA) == LARGE


async def test_what_cannot_be_removed_at_once_is_removed_later(disk):
    disk.fails = {3, 4}
    with pytest.raises(InsufficientStorage):
        await disk.contents.store([(INSERT_BLOB, (SHA, LARGE))])
    assert disk.count("blob_parts") == 2
    other = bytes(PART_BYTES + 1)
    await disk.contents.store([(INSERT_BLOB, (hashlib.sha256(other).hexdigest(), other))])
    assert disk.count("blob_parts") == 2 and disk.count("blobs") == 1
    assert all(name == digest for name, digest in digests(disk.connection))


async def test_what_is_brought_again_after_it_could_not_be_removed_is_whole(disk):
    disk.fails = {3, 4}
    with pytest.raises(InsufficientStorage):
        await disk.contents.store([(INSERT_BLOB, (SHA, LARGE))])
    await disk.contents.store([(INSERT_BLOB, (SHA, LARGE))])
    assert read_content(disk.connection, SHA) == LARGE


async def test_the_log_is_waited_for_before_every_part_and_not_to_remove_them(disk):
    disk.fails = {3}
    with pytest.raises(InsufficientStorage):
        await disk.contents.store([(INSERT_BLOB, (SHA, LARGE))])
    assert disk.waits == 3


async def test_room_that_another_content_was_promised_is_not_promised_twice(disk):
    other = LARGE[::-1]
    disk.free = 34 * MIB - 1
    both = [(INSERT_BLOB, (SHA, LARGE)), (INSERT_BLOB, (hashlib.sha256(other).hexdigest(), other))]
    results = await asyncio.gather(*(disk.contents.store([one]) for one in both), return_exceptions=True)
    assert [type(r) for r in results] == [list, InsufficientStorage]
    await disk.contents.store(both)


async def test_a_reads_answer_may_take_the_last_room(disk):
    disk.free = 3 * MIB
    with pytest.raises(InsufficientStorage):
        await disk.contents.store([(INSERT_BLOB, (SHA, LARGE))])
    await disk.contents.store([(INSERT_BLOB, (SHA, LARGE))], takes_reserve=True)
    assert read_content(disk.connection, SHA) == LARGE and disk.last_room == {True}


async def test_what_cannot_find_room_is_not_begun(disk):
    disk.free = 33 * MIB - 1
    with pytest.raises(InsufficientStorage):
        await disk.contents.store([(INSERT_BLOB, (SHA, LARGE))])
    assert disk.units == []
    disk.free = 33 * MIB
    await disk.contents.store([(INSERT_BLOB, (SHA, LARGE))])


async def test_parts_of_no_content_are_swept(disk):
    await disk.contents.store([(INSERT_BLOB, (SHA, LARGE))])
    disk.connection.execute("INSERT INTO blob_parts VALUES ('left', 0, x'00')")
    sweep(disk.connection)
    assert disk.count("blob_parts") == 4
