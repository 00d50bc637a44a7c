"""The writer: acknowledged means on disk, in order, together."""

import asyncio
import sqlite3

import pytest

from sandbox.record import database
from sandbox.record.writer import Writer, WriterError


@pytest.fixture
async def opened(tmp_path):
    file = tmp_path / database.FILE_NAME
    database.migrate(file)
    connection = await database.connect(file)
    writer = Writer(connection)
    writer.start()
    yield writer, file
    await writer.close()


def blob(key, body=b"x"):
    return ("INSERT INTO blobs (sha256, body) VALUES (?, ?)", (key, body))


def stored(file):
    connection = sqlite3.connect(file)
    try:
        return [row[0] for row in connection.execute("SELECT sha256 FROM blobs ORDER BY sha256")]
    finally:
        connection.close()


async def test_what_is_awaited_is_on_disk(opened):
    writer, file = opened
    await writer.write([blob("a")])
    assert stored(file) == ["a"]


async def test_units_that_wait_are_committed_together(opened):
    writer, file = opened
    await asyncio.gather(*(writer.write([blob(f"{i:03d}")]) for i in range(200)))
    assert len(stored(file)) == 200
    assert writer.commits < 20


async def test_statements_keep_their_order(opened):
    writer, file = opened
    update = ("UPDATE blobs SET body = CAST(body || ? AS BLOB) WHERE sha256 = 'k'", (b"2",))
    await writer.write([blob("k", b"1"), update, blob("l"), update])
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT body FROM blobs WHERE sha256 = 'k'").fetchone()[0] in (b"122", "122")
    connection.close()


async def test_a_failed_commit_fails_its_units_and_stops_the_writer(opened):
    writer, file = opened
    await writer.write([blob("a")])
    good, bad = writer.write([blob("b")]), writer.write([blob("a")])
    with pytest.raises(WriterError, match="restart the server"):
        await bad
    with pytest.raises(WriterError):
        await good
    assert stored(file) == ["a"]
    with pytest.raises(WriterError):
        writer.write([blob("c")])


async def test_closing_commits_what_is_queued(tmp_path):
    file = tmp_path / database.FILE_NAME
    database.migrate(file)
    writer = Writer(await database.connect(file))
    writer.start()
    waiting = [writer.write([blob(str(i))]) for i in range(5)]
    await writer.close()
    assert all(f.done() and f.exception() is None for f in waiting)
    assert len(stored(file)) == 5
    with pytest.raises(WriterError):
        writer.write([blob("late")])
