"""A log: the same events as are recorded, whether what they hold is at hand or read when it is asked for."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from sandbox import limits
from sandbox.playground.branch import Change, Document
from sandbox.playground.events import Event, Request, Response
from sandbox.record import database
from sandbox.record.log import EventLog, LateEvent, LateRequest, LateResponse, open_log
from sandbox.record.writer import open_writer

AT = datetime(2026, 4, 23, 9, tzinfo=UTC)
LONG = b'"' + b"x" * limits.INLINE_BODY_BYTES + b'"'


def _event(seq, *, sent=b"", answered=b"{}", changes=(), is_view=False):
    request = Request("PUT", f"files/{seq}", (("a", "1"),), {"accept": "*/*"}, sent, raw_query="a=1")
    response = Response(200, answered)
    return Event(f"e{seq}", seq, "pg", "tr", "sb", "file_write", AT, 0.5, request, response, changes, is_view=is_view)


EVENTS = [
    _event(1, sent=b"a", changes=(Change("c", "k", 1, Document({"v": [1]})),)),
    _event(2, is_view=True),
    _event(3, sent=LONG, answered=LONG, changes=(Change("c", "long", 1, Document(json=LONG)),)),
    _event(4, changes=(Change("c", "bytes", 1, Document(b"\x00" * 300)), Change("c", "k", 2, None))),
    _event(5, changes=tuple(Change("c", f"many{n}", 1, Document({"text": "y" * 100})) for n in range(1_000))),
    _event(6, answered=b""),
    *(_event(7 + n, answered=b"z" * 300) for n in range(500)),
]


@pytest.fixture
async def file(tmp_path):
    file = tmp_path / "r.sqlite3"
    database.migrate(file)
    writer = await open_writer(file)
    for event in EVENTS:
        await writer.submit(event)
    await writer.close()
    return file


def told(event):
    changes = [(c.collection, c.key, c.version, c.document and c.document.digest) for c in event.changes]
    request, response = event.request, event.response
    return event.id, event.seq, request.path, request.query, request.body, response.status, response.body, changes


@pytest.mark.parametrize("resident_bytes", [0, 1_000, 1 << 20])
async def test_a_log_holds_what_was_recorded_less_the_views(file, resident_bytes):
    with closing(sqlite3.connect(file)) as connection:
        events = EventLog(connection, "pg", resident_bytes).events()
        wanted = [told(event) for event in EVENTS if not event.is_view]
        assert [told(event) for event in events] == wanted
        assert [told(event) for event in reversed(events)] == wanted[::-1]


async def test_what_is_large_or_too_much_is_not_held(file):
    with open_log(file, "pg") as events:
        late = {event.seq: (type(event), type(event.request), type(event.response)) for event in events}
        assert late[1] == late[6] == (Event, Request, Response)
        assert late[3] == late[5] == (LateEvent, LateRequest, LateResponse)
        assert events[2].changes[0].document.is_binary
