"""The one writer: everything that is stored goes through here, in order, by group commit.

`submit` and `write` take a unit of work at once; what one turn of the event loop brings is committed together at its
end, on the loop itself, since the way to a thread and back costs more than the commit. So what was submitted first is
never stored without what came before it, and an awaited unit means: on disk.

The loop must not wait for a disk. Units of some hundred kilobytes go to SQLite's thread; so does everything for as long
as another connection holds the lock, as a commit takes more than `QUICK_S`, or as a checkpoint is being brought to
its end (`keeper.py`). There is one queue, and at any time one of the two takes from it.

What SQLite refuses for what it holds fails alone, with what its owner did after it, and is taken back in memory; so
does what a full disk has no room for, and what meets a lock that stays (`refusals.py`). If the medium fails, the writer
stops taking more; only a restart, which folds what is on disk, is safe then.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import aiosqlite

from sandbox.clock import monotonic_s
from sandbox.limits import KIB
from sandbox.logs import get_logger
from sandbox.playground.events import Event
from sandbox.playground.recording import Prepared
from sandbox.record import database, encode
from sandbox.record.bodies import Bodies
from sandbox.record.chain import Head
from sandbox.record.contents import Contents
from sandbox.record.keeper import Keeper, open_keeper
from sandbox.record.refusals import is_final, is_full, told
from sandbox.record.streams import Streams
from sandbox.record.transaction import Calls, statements_size, store
from sandbox.record.units import Statement, Unit, WriterError, merged
from sandbox.record.witness import Witness
from sandbox.tally import COUNTS, Tally

__all__ = ["Statement", "Unit", "Writer", "WriterError", "open_writer"]

QUICK_S = 0.005
LARGE_BYTES = 512 * KIB
_KEEPERS = ("",)  # the owner of what the keeper writes

log = get_logger()


async def open_writer(file: Path) -> "Writer":
    """Open the connections to a database that is migrated, and begin."""
    slow = await database.connect(file)
    try:
        return Writer(database.connect_on_loop(file), slow, await open_keeper(file))
    except BaseException:
        await slow.close()
        raise


class Writer:
    """Group-commits units of work, on the event loop that made it; its connections are in autocommit mode."""

    def __init__(self, quick: sqlite3.Connection, slow: aiosqlite.Connection, keeper: Keeper) -> None:
        self._quick = quick
        self._slow = slow
        self._keeper = keeper
        self._loop = asyncio.get_running_loop()
        self._queue: list[Unit] = []
        self._gathered: list[Unit] | None = None
        self._size = 0
        self._is_due = False
        self._came = self._came_before = 0
        self._is_quick = True
        self._is_held = False
        self._on_thread: asyncio.Task[None] | None = None
        self._bodies = Bodies()
        self._closing = False
        self.failure: str | None = None
        self.commits = 0
        self.batches = Tally(COUNTS)
        self._streams = Streams(quick)
        self._contents = Contents(self._write_alone, self._is_kept, keeper.reserve.free_bytes, keeper.wait_for_log)
        keeper.start(self)

    async def prepare(self, event: Event) -> Prepared:
        """Store ahead what is large of an event, part by part; return the statements that are left, for `submit`.

        None for an event that is not large. Raises as `submit` does, and what a part is refused for.
        """
        if encode.size_of(event) <= LARGE_BYTES:
            return None
        self._check_open()
        if event.changes:
            self._keeper.reserve.check_room()
        statements = await asyncio.to_thread(encode.event_statements, event, Bodies())
        return await self._contents.store(statements, takes_reserve=not event.changes)

    async def store_ahead(self, statements: list[Statement]) -> list[Statement]:
        """Store what statements insert as contents, if it is large, part by part; return the statements that are left.

        Raises what a part is refused for.
        """
        return await self._contents.store(statements) if statements_size(statements) > LARGE_BYTES else statements

    def submit(self, event: Event, undo: Callable[[], None] | None = None, prepared: Prepared = None) -> Unit:
        """Queue an event; await the result before its response is sent. `undo` takes it back in memory.

        Raises `WriterError` when nothing can be stored, `InsufficientStorage` for a change while the disk is full.
        """
        self._check_open()
        if event.changes:
            self._keeper.reserve.check_room()
        statements: Sequence[Statement] = ()
        make = None
        if prepared is not None:
            statements, size = prepared, statements_size(prepared)
        else:
            size = encode.size_of(event)
            if size > LARGE_BYTES:
                make = partial(encode.event_statements, event, Bodies())
            else:
                statements = encode.event_statements(event, self._bodies)
        return self._take_in(Unit(statements, size, (event.playground_id,), undo, make, not event.changes))

    def write(
        self, statements: Iterable[Statement], *, owners: tuple[str, ...] = (), undo: Callable[[], None] | None = None
    ) -> "asyncio.Future[None]":
        """Queue a unit of work. The future resolves once it is on disk.

        When it is not stored, `undo` takes back in memory what it was to make last. Raises `WriterError` when the
        writer has failed, or is closed.
        """
        self._check_open()
        rows = list(statements)
        return self._take_in(Unit(rows, statements_size(rows), owners, undo)).future

    @contextmanager
    def together(self) -> Iterator[None]:
        """Store what the block hands over all or not at all; nothing of it may be awaited within."""
        parts = self._gathered = []
        try:
            yield
        finally:
            self._gathered = None
            if parts:
                self._take_in(merged(parts))

    async def flush(self, owners: tuple[str, ...] = ()) -> None:
        """Wait until everything queued so far is on disk. Raises what a unit of these owners was refused for."""
        await self.write((), owners=owners)

    async def close(self) -> None:
        """Commit what is queued and close the connections."""
        self._closing = True
        await self._keeper.stop()
        while self._queue or self._on_thread is not None:
            if self._on_thread is None:
                self._commit()
            else:
                await self._on_thread
        self._quick.close()
        await self._keeper.close(is_clean=self.failure is None)
        await self._slow.close()

    async def begin_witness(self) -> None:
        """Keep the witness from now on; active runs have to be in it."""
        await self._keeper.begin_witness()

    def check_room(self) -> None:
        """Raise `InsufficientStorage` while the room that is left on the disk is kept for reads."""
        self._keeper.reserve.check_room()

    @property
    def witness(self) -> Witness:
        """What the file beside the database says after the next sync; runs come and go in it."""
        return self._keeper.witness

    def hurry(self) -> None:
        """Commit now if there is one unit and the turns of late brought no more; else at the turn's end.

        Who is alone does not have to wait for another turn of the loop, and who is not alone is waited for.
        """
        if self._came == 1 and self._came_before <= 1:
            self._commit()

    def hold(self) -> None:
        """Leave the queue alone until `release`; a commit that has begun goes on (`be_still`)."""
        self._is_held = True

    async def be_still(self) -> None:
        """Wait until no commit is under way; the queue is to be held."""
        if self._on_thread is not None:
            await asyncio.wait([self._on_thread])

    def release(self) -> None:
        """Go on with the queue."""
        self._is_held = False
        self._commit()

    # -- what the keeper asks for -----------------------------------------------------------------

    async def advance(self, generation: int) -> None:
        """Write a generation; raises when it is not stored."""
        self._check_open()
        unit = Unit([("UPDATE record_state SET generation = ?", (generation,))], 0, _KEEPERS)
        self._take_in(unit)
        self._came -= 1  # nobody's request
        await unit

    def head(self, playground_id: str) -> Head | None:
        """Return a playground's last event that is stored, and its link."""
        return self._streams.head(playground_id)

    def give_up(self, reason: str) -> None:
        """Store nothing any more: the files are not what they were."""
        if self.failure is None:
            self._fail_for_good(
                f"{reason}. What was recorded in the last second may be lost. Stop the server, see what is there "
                "with `sandbox verify`, and start it again."
            )
            self._fail(self._take_all(), WriterError(self.failure))

    def _fail_for_good(self, reason: str) -> None:
        self.failure = f"The record cannot be written: {reason}"
        log.error("record failed", error=reason)

    async def _write_alone(self, statements: Sequence[Statement], *, takes_reserve: bool) -> None:
        self._check_open()
        await self._take_in(Unit(statements, statements_size(statements), takes_reserve=takes_reserve))

    async def _is_kept(self, sha: str) -> bool:
        # In one call: a statement that is left open would keep what follows on this connection from writing.
        return bool(await self._slow.execute_fetchall("SELECT 1 FROM blobs WHERE sha256 = ?", (sha,)))

    # -- the queue -------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self.failure is not None or self._closing:
            raise WriterError(self.failure or "The server is shutting down.")

    def _take_in(self, unit: Unit) -> Unit:
        if self._gathered is not None:
            self._gathered.append(unit)
            return unit
        self._queue.append(unit)
        self._size += unit.size
        self._came += 1
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._end_turn)
        return unit

    def _end_turn(self) -> None:
        """Commit what this turn of the loop has brought: everything that was ready has run before this."""
        self._is_due = False
        if self._came:
            self._came, self._came_before = 0, self._came
        self._commit()

    def _take_all(self) -> list[Unit]:
        units, self._queue, self._size = self._queue, [], 0
        return units

    # -- on the loop -----------------------------------------------------------------------------

    def _commit(self) -> None:
        if not self._queue or self._on_thread is not None or self._is_held:
            return
        if not self._is_quick or self._size > LARGE_BYTES:
            self._go_to_thread()
            return
        units = self._take_all()
        began = monotonic_s()
        try:
            self._streams.fill(units)
            is_over = _stored_alone(self._quick, units)
            if not is_over:
                _call_all(self._quick, store(units))
                is_over = not any(_found_no_room(unit) for unit in units)
        except Exception:
            is_over = False
        if not is_over:  # busy, full, or worse: the thread has the time to find out
            for unit in filter(_found_no_room, units):
                unit.error = None
            self._queue = units + self._queue
            self._is_quick = False
            self._go_to_thread()
            return
        self._is_quick = monotonic_s() - began <= QUICK_S
        self._settle(units)

    # -- on the thread ---------------------------------------------------------------------------

    def _go_to_thread(self) -> None:
        self._on_thread = self._loop.create_task(self._commit_on_thread(), name="sandbox-writer")

    async def _commit_on_thread(self) -> None:
        """Commit by way of SQLite's thread until that is quick again."""
        while self._queue and not self._is_held:
            units = self._take_all()
            began = monotonic_s()
            try:
                await self._make(units)
                self._streams.fill(units)
                await _hand_over(self._slow, store(units))
                if any(_found_no_room(unit) for unit in units) and await self._keeper.make_room():
                    await _hand_over(self._slow, store(_with_another_try(units)))
            except Exception as error:
                self._fail(units, error)
            else:
                self._settle(units)
            self._is_quick = self._is_quick or monotonic_s() - began <= QUICK_S
            if self._is_quick and self._size <= LARGE_BYTES:
                break
        self._on_thread = None
        self._commit()

    @staticmethod
    async def _make(units: list[Unit]) -> None:
        """Write out the statements of large units."""
        for unit in units:
            if unit.make is not None:
                unit.statements = await asyncio.to_thread(unit.make)

    # -- what became of it -----------------------------------------------------------------------

    def _settle(self, units: list[Unit]) -> None:
        self._streams.settle(units)
        if len(units) > 1 or units[0].owners != _KEEPERS:
            self.commits += 1
            self.batches.note(len(units))
            self._keeper.note(sum([unit.size for unit in units]))
        for unit in units:
            if unit.error is not None:
                self._take_back(units)
                break
        for unit in units:
            if not unit.is_over:
                unit.finish()

    def _fail(self, units: list[Unit], error: Exception) -> None:
        """Take everything back that is not stored: the medium does not take it."""
        for unit in units:
            if not unit.is_stored and unit.error is None:
                unit.error = error
        self._streams.settle(units)
        self._take_back(units)
        for unit in units:
            if not unit.is_over:
                unit.finish()

    def _take_back(self, units: list[Unit]) -> None:
        """Take back in memory what was refused, and what is queued and builds on it."""
        self._bodies.forget()
        refused = [unit for unit in units if unit.error is not None]
        causes: dict[str, Exception] = {}
        for unit in refused:
            causes.update(dict.fromkeys(unit.owners, unit.error or WriterError()))
        failing = next((u.error for u in refused if u.error is not None and is_final(u.error)), None)
        if failing is not None and self.failure is None:
            self._fail_for_good(f"{failing}. Free the disk and restart the server.")
        kept: list[Unit] = []
        for unit in self._take_all():
            unit.error = failing or next((causes[owner] for owner in unit.owners if owner in causes), None)
            (kept if unit.error is None else refused).append(unit)
            if unit.error is not None:
                causes.update(dict.fromkeys(unit.owners, unit.error))
        self._queue, self._size = kept, sum(unit.size for unit in kept)
        for unit in reversed(refused):
            if unit.undo is not None:
                unit.undo()
        for unit in refused:
            error = unit.error or WriterError()
            if not is_full(error):  # that is said once, not for every request
                log.error("not recorded", error=str(error), owners=unit.owners)
            unit.finish(WriterError(self.failure) if failing is not None else told(error))


def _found_no_room(unit: Unit) -> bool:
    return unit.error is not None and is_full(unit.error)


def _with_another_try(units: Sequence[Unit]) -> list[Unit]:
    """Return those that found no room and may take the reserve, but for what follows something that is refused."""
    refused: set[str] = set()
    again: list[Unit] = []
    for unit in units:
        if unit.error is None:
            continue
        if _found_no_room(unit) and unit.takes_reserve and refused.isdisjoint(unit.owners):
            unit.error = None
            again.append(unit)
        else:
            refused.update(unit.owners)
    return again


def _stored_alone(connection: sqlite3.Connection, units: list[Unit]) -> bool:
    """Store a unit of one statement, which is how most come, if nothing is in the way."""
    unit = units[0]
    if len(units) > 1 or len(unit.statements) != 1 or unit.is_stored:
        return False
    try:
        connection.execute(*unit.statements[0])
    except Exception:  # whose fault it is, and what follows, `store` knows
        return False
    unit.is_stored = True
    return True


def _call_all(connection: sqlite3.Connection, calls: Calls) -> None:
    """Make the calls here and now."""
    with suppress(StopIteration):
        sql, values = next(calls)
        while True:
            try:
                if sql != "ROLLBACK" or connection.in_transaction:
                    connection.execute(sql, values)
            except Exception as error:
                sql, values = calls.throw(error)
            else:
                sql, values = next(calls)


async def _hand_over(connection: aiosqlite.Connection, calls: Calls) -> None:
    """Make the calls on the connection's thread."""
    with suppress(StopIteration):
        sql, values = next(calls)
        while True:
            try:
                if sql != "ROLLBACK" or connection.in_transaction:
                    await connection.execute(sql, values)
            except Exception as error:
                sql, values = calls.throw(error)
            else:
                sql, values = next(calls)
