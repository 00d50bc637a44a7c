"""The writer: acknowledged means on disk, in order, together."""

import asyncio
import itertools
import sqlite3
from pathlib import Path

import pytest

from sandbox.errors import InsufficientStorage, TooLarge, Unavailable
from sandbox.record import database, keeper
from sandbox.record import writer as writer_module
from sandbox.record.writer import LARGE_BYTES, WriterError, open_writer
from tests.record.medium import Medium, failure


@pytest.fixture
async def opened(tmp_path):
    file = tmp_path / database.FILE_NAME
    database.migrate(file)
    writer = await open_writer(file)
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


async def test_what_sqlite_refuses_fails_alone(opened):
    writer, file = opened
    await writer.write([blob("a")])
    units = [writer.write([blob(key), blob(f"{key}2")]) for key in ("b", "a", "c")]
    results = await asyncio.gather(*units, return_exceptions=True)
    assert [type(r) for r in results] == [type(None), WriterError, type(None)]
    assert "UNIQUE" in str(results[1])
    assert stored(file) == ["a", "b", "b2", "c", "c2"]
    assert writer.failure is None
    await writer.write([blob("d")])


@pytest.mark.parametrize("value", [1 << 63, object(), "\ud800"])
async def test_a_value_that_sqlite_cannot_hold_fails_alone(opened, value):
    writer, file = opened
    good, bad = writer.write([blob("a")]), writer.write([blob("b", value)])
    await good
    with pytest.raises(WriterError, match="cannot be recorded"):
        await bad
    assert stored(file) == ["a"] and writer.failure is None


async def test_what_an_owner_did_after_a_refusal_is_refused_and_taken_back_last_first(opened):
    writer, file = opened
    await writer.write([blob("x")])
    undone = []

    def unit(key, owner):
        return writer.write([blob(key)], owners=(owner,), undo=lambda: undone.append(key))

    units = [unit("1", "p"), unit("x", "p"), unit("2", "q"), unit("3", "p")]
    units[1].add_done_callback(lambda _: None)
    results = await asyncio.gather(*units, return_exceptions=True)
    assert [r is None for r in results] == [True, False, True, False]
    assert undone == ["3", "x"]
    assert stored(file) == ["1", "2", "x"]
    await unit("4", "p")
    assert stored(file) == ["1", "2", "4", "x"]


async def test_a_medium_that_fails_stops_the_writer_and_takes_back_what_was_queued(opened):
    writer, file = opened
    await writer.write([blob("a")])
    medium, undone = Medium(writer), []
    medium.error = failure("SQLITE_IOERR", "disk I/O error")
    units = [writer.write([blob(key)], owners=(key,), undo=lambda key=key: undone.append(key)) for key in "bc"]
    results = await asyncio.gather(*units, return_exceptions=True)
    assert all(isinstance(r, WriterError) and "restart the server" in str(r) for r in results)
    assert undone == ["c", "b"] and stored(file) == ["a"]
    medium.error = None
    with pytest.raises(WriterError, match="disk I/O error"):
        writer.write([blob("c")])


@pytest.mark.parametrize(
    ("name", "kind"), [("SQLITE_FULL", InsufficientStorage), ("SQLITE_BUSY", Unavailable), ("SQLITE_TOOBIG", TooLarge)]
)
async def test_what_may_go_away_fails_its_units_and_the_writer_goes_on(opened, name, kind):
    writer, file = opened
    await writer.write([blob("a")])
    medium, undone = Medium(writer), []
    medium.error = failure(name, "no")
    unit = writer.write([blob("b")], owners=("p",), undo=lambda: undone.append("b"))
    with pytest.raises(kind) as raised:
        await unit
    assert undone == ["b"] and writer.failure is None
    assert ("Retry-After" in raised.value.headers) is (kind is Unavailable)
    medium.error = None
    await writer.write([blob("c")])
    assert stored(file) == ["a", "c"]


async def test_only_what_does_not_fit_is_refused_when_the_disk_is_full(opened):
    writer, file = opened
    await writer.write([blob("a")])
    pages = writer._quick.execute("PRAGMA page_count").fetchall()[0][0]
    writer._quick.execute(f"PRAGMA max_page_count={pages + 3}").fetchall()
    await writer._slow.execute_fetchall(f"PRAGMA max_page_count={pages + 3}")
    keys = ("b", "large", "c")
    bodies = (b"x", bytes(100_000), b"x")
    units = [writer.write([blob(k, b)], owners=(k,), undo=lambda: None) for k, b in zip(keys, bodies, strict=True)]
    results = await asyncio.gather(*units, return_exceptions=True)
    assert [type(r) for r in results] == [type(None), InsufficientStorage, type(None)]
    assert stored(file) == ["a", "b", "c"]


async def test_what_is_handed_over_together_is_stored_all_or_not_at_all(opened):
    writer, file = opened
    await writer.write([blob("x")])
    undone = []
    with writer.together():
        units = [
            writer.write([blob(key)], owners=(key,), undo=lambda key=key: undone.append(key)) for key in ("a", "x", "b")
        ]
    after = writer.write([blob("c")], owners=("b",), undo=lambda: undone.append("c"))
    results = await asyncio.gather(*units, after, return_exceptions=True)
    assert [type(r) for r in results] == [WriterError] * 4
    assert undone == ["c", "b", "x", "a"] and stored(file) == ["x"]
    with writer.together():
        units = [writer.write([blob(key)]) for key in "ab"]
    await asyncio.gather(*units)
    assert stored(file) == ["a", "b", "x"]


async def test_a_foreign_lock_sends_the_queue_to_the_thread_and_back(opened):
    writer, file = opened
    medium = Medium(writer)
    await writer.write([blob("a")])
    assert (medium.on_loop, medium.on_thread) == (1, 0)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = [writer.write([blob(f"b{i}")]) for i in range(3)]
    turns = 0
    while medium.on_thread == 0 or turns < 20:  # the loop goes on while the lock is held
        await asyncio.sleep(0.001)
        turns += 1
    assert not any(w.done() for w in waiting)
    other.execute("COMMIT")
    other.close()
    await asyncio.gather(*waiting)
    assert stored(file) == ["a", "b0", "b1", "b2"]
    async with asyncio.timeout(10):  # quick again: back on the loop
        before = medium.on_loop
        while medium.on_loop == before:
            await writer.write([blob(f"c{medium.on_thread}")])


async def test_a_slow_commit_sends_the_queue_to_the_thread_until_it_is_quick_again(opened):
    writer, _ = opened
    medium = Medium(writer)
    medium.delay_s = 0.02
    await writer.write([blob("a")])
    assert (medium.on_loop, medium.on_thread) == (1, 0)
    for key in "bcd":
        await writer.write([blob(key)])
    assert (medium.on_loop, medium.on_thread) == (1, 3)
    medium.delay_s = 0
    async with asyncio.timeout(10):
        while medium.on_loop == 1:
            await writer.write([blob(f"e{medium.on_thread}")])


async def test_large_units_go_by_the_thread_in_order(opened):
    writer, file = opened
    medium = Medium(writer)
    units = [writer.write([blob("a")]), writer.write([blob("b", b"x" * LARGE_BYTES + b"y")]), writer.write([blob("c")])]
    await asyncio.gather(*units)
    assert medium.on_loop == 0 and medium.on_thread > 0
    await writer.write([blob("d")])
    assert medium.on_loop == 1
    assert stored(file) == ["a", "b", "c", "d"]


async def test_one_that_is_alone_is_committed_at_once_and_several_together(opened):
    writer, file = opened
    writer.write([blob("a")])
    writer.hurry()
    assert stored(file) == ["a"]
    writer.write([blob("b")])
    writer.hurry()
    assert stored(file) == ["a"]  # a second one in the same turn: more may come
    await writer.write([blob("c")])
    assert stored(file) == ["a", "b", "c"]
    writer.write([blob("d")])
    writer.hurry()
    assert stored(file) == ["a", "b", "c"]  # the last turn brought two
    await writer.flush()
    assert writer.commits == 3


async def test_the_log_is_brought_back_beside_the_commits_and_never_begun_anew_on_the_loop(tmp_path, monkeypatch):
    monkeypatch.setattr(keeper, "LOG_BYTES", 1 << 20)
    monkeypatch.setattr(keeper, "SYNC_INTERVAL_S", 0)
    file = tmp_path / database.FILE_NAME
    database.migrate(file)
    writer = await open_writer(file)
    salts, at_commit = set(), []
    log = Path(f"{file}-wal")

    def wal_salt():
        return log.read_bytes()[16:24]

    def noted(commit):
        def noting(*given):
            before = wal_salt()
            is_done = commit(*given)
            at_commit.append(before == wal_salt())
            return is_done

        return noting

    await writer.write([blob("first")])
    for name in ("_call_all", "_stored_alone"):
        monkeypatch.setattr(writer_module, name, noted(getattr(writer_module, name)))
    async with asyncio.timeout(30):
        for number in itertools.count():
            await writer.write([blob(f"{number}", bytes(50_000))])
            salts.add(wal_salt())
            if len(salts) > 3:
                break
    assert all(at_commit) and len(at_commit) > 50
    await writer.close()
    assert len(stored(file)) == number + 2


async def test_closing_commits_what_is_queued(tmp_path):
    file = tmp_path / database.FILE_NAME
    database.migrate(file)
    writer = await open_writer(file)
    waiting = [writer.write([blob(str(i))]) for i in range(5)]
    await writer.close()
    assert all(f.done() and f.exception() is None for f in waiting)
    assert len(stored(file)) == 5
    with pytest.raises(WriterError):
        writer.write([blob("late")])
