"""Streams: every playground's events stand one after the other, whatever was refused or came before a restart."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from sandbox.playground.events import Event, Request, Response
from sandbox.record import database, integrity
from sandbox.record.chain import FIRST, link
from sandbox.record.encode import COLUMNS
from sandbox.record.reader import Reader
from sandbox.record.writer import WriterError, open_writer

AT = datetime(2026, 4, 23, 9, tzinfo=UTC)


def event(playground: str, seq: int, *, task_run: str | None = None, path: str = "fhir/Patient/a") -> Event:
    request = Request("GET", path, headers={"accept": "*/*"})
    answer = Response(200, b'{"id": "a"}', "application/json")
    return Event(
        f"evt_{playground}{seq}", seq, playground, task_run, "sb", "fhir_request", AT, 0.5, request, answer, ()
    )


@pytest.fixture
def file(tmp_path):
    file = tmp_path / database.FILE_NAME
    database.migrate(file)
    return file


async def rows_of(file, playground, **bounds):
    reader = Reader(await database.connect(file, is_reader=True))
    try:
        return [(row["seq"], row["task_run_id"]) for row in await reader.event_rows(playground, **bounds)]
    finally:
        await reader.close()


def problems(file):
    with closing(sqlite3.connect(file)) as connection:
        return [
            str(loss) for loss in (*integrity.losses_of_record(connection, None), *integrity.verify_events(connection))
        ]


async def test_events_of_playgrounds_that_come_in_turns_and_after_a_restart(file):
    for first in (1, 3):
        writer = await open_writer(file)
        for seq in (first, first + 1):
            units = [writer.submit(event(name, seq, task_run=run)) for name, run in (("pg_b", "tr"), ("pg_a", None))]
            for unit in units:
                await unit
        assert writer.head("pg_a")[0] == first + 1
        await writer.close()
    assert await rows_of(file, "pg_a") == [(seq, None) for seq in (1, 2, 3, 4)]
    assert await rows_of(file, "pg_b", after=1, before=4, is_newest_first=True) == [(3, "tr"), (2, "tr")]
    assert await rows_of(file, "pg_b", limit=1) == [(1, "tr")]
    assert await rows_of(file, "pg_c") == []
    assert problems(file) == []
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM streams").fetchone()[0] == 2


async def test_a_first_event_that_is_refused_leaves_no_stream_behind_that_the_next_one_needs(file):
    writer = await open_writer(file)
    refused = writer.submit(event("pg_a", 1, path="\ud800"))
    other = writer.submit(event("pg_b", 1))
    with pytest.raises(WriterError):
        await refused
    await other
    await writer.submit(event("pg_a", 1))
    await writer.submit(event("pg_b", 2))
    await writer.close()
    assert (await rows_of(file, "pg_a"), await rows_of(file, "pg_b")) == ([(1, None)], [(1, None), (2, None)])
    assert problems(file) == []


async def test_a_stream_is_looked_up_again_when_it_was_forgotten(file, monkeypatch):
    monkeypatch.setattr("sandbox.record.streams._KEPT", 1)
    writer = await open_writer(file)
    for seq in (1, 2, 3):
        for name in ("pg_a", "pg_b", "pg_c"):
            await writer.submit(event(name, seq))
    await writer.close()
    assert problems(file) == []
    assert await rows_of(file, "pg_c") == [(1, None), (2, None), (3, None)]


async def test_a_record_from_before_there_were_streams_is_read_as_it_was(tmp_path):
    file = tmp_path / database.FILE_NAME
    database.migrate(file, target=6)
    with closing(sqlite3.connect(file)) as connection, connection:
        for playground, run in (("pg_b", "tr_b"), ("pg_a", None)):
            last = FIRST
            for seq in (1, 2, 3):
                values = [playground, seq, f"evt_{seq}", run, "sb", "fhir_request", "2026-04-23T09:00:00.000Z", 0.5]
                values += ["GET", "fhir/Patient/a", None, "{}", None, None, 200, "{}", b"{}", None, "agent", "http", 0]
                values += [None, None]
                last = link(last, list(values))
                sql = f"INSERT INTO events ({', '.join(COLUMNS)}, chain) VALUES ({', '.join('?' * (len(values) + 1))})"
                connection.execute(sql, [*values, last])
    database.migrate(file)
    assert problems(file) == []
    writer = await open_writer(file)
    await writer.submit(event("pg_b", 4, task_run="tr_b"))
    await writer.close()
    assert await rows_of(file, "pg_b") == [(seq, "tr_b") for seq in (1, 2, 3, 4)]
    assert await rows_of(file, "pg_a") == [(1, None), (2, None), (3, None)]
    assert problems(file) == []
