"""Where an event stands: in the stream of its playground, by its number there.

All events are in one table that is kept in order of one whole number, the `place`: the stream's number, then the
event's. A commit that brings one event so writes one page; with a second tree to find events by, it was two. What is
the same for all events of a playground is kept with its stream, and put together again by those who read.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from sandbox.record.chain import FIRST, Head, link
from sandbox.record.encode import COLUMNS, INSERT_EVENT
from sandbox.record.units import Statement, Unit

SEQ_BITS: Final = 32
LAST_SEQ: Final = (1 << SEQ_BITS) - 1
INSERT_STREAM: Final = "INSERT INTO streams (number, playground_id, task_run_id) VALUES (?, ?, ?)"
_OF_STREAM: Final = {"playground_id", "task_run_id"}


def select_events(names: Sequence[str] = (*COLUMNS, "chain")) -> str:
    """Return the statement that reads columns of a playground's events.

    Its values: the number before the first event wanted, the number after the last one, the playground.
    """
    columns = ", ".join(
        f"s.{name}" if name in _OF_STREAM else f"e.place & {LAST_SEQ} AS seq" if name == "seq" else f"e.{name}"
        for name in names
    )
    bounds = f"e.place > (s.number << {SEQ_BITS}) + ? AND e.place < (s.number << {SEQ_BITS}) + ?"
    return f"SELECT {columns} FROM streams s JOIN event_rows e ON {bounds} WHERE s.playground_id = ?"


SELECT_EVENTS: Final = select_events()
# Values: the playground.
SELECT_LAST_SEQ: Final = (
    f"SELECT (SELECT MAX(place) FROM event_rows WHERE place > number << {SEQ_BITS} "
    f"AND place < (number + 1) << {SEQ_BITS}) & {LAST_SEQ} FROM streams WHERE playground_id = ?"
)
_KEPT: Final = 20_000

Seen = tuple[str, str | None, int]


class Stream:
    """A playground's events as far as they are stored; `link` is None as long as nobody has looked."""

    __slots__ = ("is_new", "link", "number", "playground_id", "seq", "task_run_id")

    def __init__(self, number: int, playground_id: str, task_run_id: str | None, head: Head | None) -> None:
        self.number = number
        self.playground_id = playground_id
        self.task_run_id = task_run_id
        self.is_new = head is None
        self.seq, self.link = (0, FIRST) if head is None else head


class Streams:
    """The streams that were written to of late. `connection` reads; what it raises is raised on."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._by_playground: dict[str, Stream] = {}
        self._by_number: dict[int, Stream] = {}
        self._next = 0

    def fill(self, units: Sequence[Unit]) -> None:
        """Write the places and links of the events in units that are about to be stored, in their order."""
        ahead: dict[int, bytes] = {}
        for unit in units:
            openings: list[Statement] = []
            try:
                for sql, values in unit.statements:
                    if sql is INSERT_EVENT:
                        self._fill(values, ahead, openings)
            finally:
                if openings:
                    unit.statements = [*openings, *unit.statements]

    def _fill(self, values: Any, ahead: dict[int, bytes], openings: list[Statement]) -> None:
        place = values[0]
        if type(place) is tuple:
            stream = self._by_playground.get(place[0]) or self._look_up(place)
            seq = place[2]
            values[0] = stream.number << SEQ_BITS | seq
            if stream.is_new:
                stream.is_new = False
                openings.append((INSERT_STREAM, (stream.number, stream.playground_id, stream.task_run_id)))
        else:  # an attempt to store it went before
            stream, seq = self._by_number[place >> SEQ_BITS], place & LAST_SEQ
        number = stream.number
        heads = [stream.playground_id, seq, values[1], stream.task_run_id, *values[2:-1]]
        try:
            ahead[number] = values[-1] = link(ahead.get(number) or stream.link, heads)
        except (TypeError, ValueError):
            return  # what JSON cannot hold SQLite refuses, and this event alone

    def _look_up(self, seen: Seen) -> Stream:
        playground_id, task_run_id, _ = seen
        row = self._connection.execute(
            f"SELECT number, e.place & {LAST_SEQ}, e.chain FROM streams LEFT JOIN event_rows e "
            f"ON e.place > number << {SEQ_BITS} AND e.place <= (number << {SEQ_BITS}) + {LAST_SEQ} "
            "WHERE playground_id = ? ORDER BY e.place DESC LIMIT 1",
            (playground_id,),
        ).fetchone()
        if row is None:
            if not self._next:
                self._next = 1 + self._connection.execute("SELECT COALESCE(MAX(number), 0) FROM streams").fetchone()[0]
            number, head = self._next, None
            self._next += 1
        else:
            number, head = row[0], (row[1] or 0, row[2] or FIRST)
        stream = self._by_playground[playground_id] = Stream(number, playground_id, task_run_id, head)
        self._by_number[number] = stream
        return stream

    def settle(self, units: Sequence[Unit]) -> None:
        """Take in what is stored, and forget what stands on what was refused."""
        for unit in units:
            for sql, values in unit.statements:
                if sql is not INSERT_EVENT or type(values[0]) is tuple:
                    continue
                stream = self._by_number.get(values[0] >> SEQ_BITS)
                if stream is None:
                    continue
                if unit.error is None:
                    stream.seq, stream.link = values[0] & LAST_SEQ, values[-1]
                else:
                    self._forget(stream)
        while len(self._by_playground) > _KEPT:
            self._forget(next(iter(self._by_playground.values())))

    def _forget(self, stream: Stream) -> None:
        self._by_playground.pop(stream.playground_id, None)
        self._by_number.pop(stream.number, None)

    def head(self, playground_id: str) -> Head | None:
        """Return the last event that is stored and its link; None for a playground that nothing was written to."""
        stream = self._by_playground.get(playground_id)
        return None if stream is None or not stream.seq else (stream.seq, stream.link)
