"""The events of a playground for whoever looks at all of them, as checks do: light, whatever they hold.

What was sent, answered and changed is most of an event. Up to `RESIDENT_BYTES` in all it is read at once; what comes
after, and what is stored by itself (`contents.py`), is read when it is asked for, and forgotten. So a log of any length
takes some hundred bytes an event.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, TypeVar

from sandbox.limits import MIB
from sandbox.playground.branch import Change
from sandbox.playground.events import Event, Request, Response
from sandbox.record.contents import read_content
from sandbox.record.encode import decode_changes, decode_event
from sandbox.record.streams import LAST_SEQ, SELECT_EVENTS, SEQ_BITS

T = TypeVar("T")

RESIDENT_BYTES: Final = 32 * MIB
_BATCH: Final = 200
_LATE: Final = frozenset({"body", "changes"})
_OF_EVENT: Final = (
    f"FROM event_rows WHERE place = (SELECT number << {SEQ_BITS} FROM streams WHERE playground_id = ?) + ?"
)


class LateRequest(Request):
    """A request whose body is read when it is asked for."""

    __slots__ = ("log", "seq")
    log: "EventLog"
    seq: int

    @property
    def body(self) -> bytes:  # type: ignore[override]
        """What was sent."""
        return self.log.body(self.seq, "request")


class LateResponse(Response):
    """An answer whose body is read when it is asked for."""

    __slots__ = ("log", "seq")
    log: "EventLog"
    seq: int

    @property
    def body(self) -> bytes:  # type: ignore[override]
        """What was answered."""
        return self.log.body(self.seq, "response")


class LateEvent(Event):
    """An event whose changes are read when they are asked for."""

    __slots__ = ("log",)
    log: "EventLog"

    @property
    def changes(self) -> tuple[Change, ...]:  # type: ignore[override]
        """What it changed."""
        return self.log.changes(self)


class EventLog:
    """Reads a playground's events on a connection, which has to stay open for as long as they are looked at."""

    def __init__(
        self, connection: sqlite3.Connection, playground_id: str, resident_bytes: int = RESIDENT_BYTES
    ) -> None:
        connection.row_factory = sqlite3.Row
        self._connection = connection
        self._playground_id = playground_id
        self._left = self._contents_left = resident_bytes
        self._contents: OrderedDict[str, bytes] = OrderedDict()
        self._same: dict[Any, Any] = {}

    def events(self, taken_back: Sequence[range] = ()) -> list[Event]:
        """Return the events in order, less the views and those that are `taken_back`."""
        found: list[Event] = []
        after = 0
        while True:
            sql = f"{SELECT_EVENTS} ORDER BY e.place LIMIT {_BATCH}"
            rows = self._connection.execute(sql, (after, LAST_SEQ + 1, self._playground_id)).fetchall()
            found += [
                self._event(dict(row))
                for row in rows
                if not row["view"] and not any(row["seq"] in gone for gone in taken_back)
            ]
            if len(rows) < _BATCH:
                return found
            after = rows[-1]["seq"]

    def body(self, seq: int, side: str) -> bytes:
        """Return the body of one side of an event, `request` or `response`."""
        sql = f"SELECT {side}_body, {side}_sha {_OF_EVENT}"
        inline, sha = self._connection.execute(sql, (self._playground_id, seq)).fetchone()
        return (inline or b"") if sha is None else self._content(sha)

    def changes(self, event: Event) -> tuple[Change, ...]:
        """Return the changes of an event."""
        sql = f"SELECT changes {_OF_EVENT}"
        (text,) = self._connection.execute(sql, (self._playground_id, event.seq)).fetchone()
        return decode_changes(text, event.response.body if event.response is not None else b"", self._content)

    def _event(self, row: dict[str, Any]) -> Event:
        """Return an event, with all that is said again and again there once."""
        changes, is_small = row["changes"], not (row["request_sha"] or row["response_sha"])
        size = sum(len(row[name] or b"") for name in ("request_body", "response_body", "changes"))
        is_resident = is_small and size <= self._left and not (changes or "").startswith('"')
        if is_resident and size:
            self._left -= size
        for name in ("playground_id", "task_run_id", "sandbox_id", "type", "method", "path", "query", "actor"):
            row[name] = self._same.setdefault(row[name], row[name])
        for name in ("request_body", "response_body"):
            row[name] = self._same.setdefault(row[name], row[name]) if is_resident else None
        if not is_resident:
            row["request_sha"] = row["response_sha"] = row["changes"] = None
        event = decode_event(row, self._content)
        if is_resident:
            return event
        if event.request is not None:
            event.request = self._late(LateRequest, event.request, seq=event.seq)
        if event.response is not None:
            event.response = self._late(LateResponse, event.response, seq=event.seq)
        return event if changes is None else self._late(LateEvent, event)

    def _late(self, kind: type[T], made: Any, **more: int) -> T:
        late = object.__new__(kind)
        for field in fields(made):
            if field.name not in _LATE:
                setattr(late, field.name, getattr(made, field.name))
        for name, value in more.items():
            setattr(late, name, value)
        late.log = self  # type: ignore[attr-defined]
        return late

    def _content(self, sha: str) -> bytes:
        """Return a content; those that were asked for last are at hand."""
        content = self._contents.get(sha)
        if content is not None:
            self._contents.move_to_end(sha)
            return content
        content = read_content(self._connection, sha)
        if len(content) <= self._contents_left // 8:
            self._contents[sha] = content
            self._contents_left -= len(content)
            while self._contents_left < 0:
                self._contents_left += len(self._contents.popitem(last=False)[1])
        return content


@contextmanager
def open_log(file: Path, playground_id: str, taken_back: Sequence[range] = ()) -> Iterator[list[Event]]:
    """Read the events of a playground less those that are taken back, for as long as the block lasts and on whatever
    thread it runs."""
    place = f"{file.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False)) as connection:
        yield EventLog(connection, playground_id).events(taken_back)
