"""The write-ahead log's keeper: has it synced to the medium, tells the witness, and brings it back into the database.

Both take as long as the disk does, so they happen on threads. A commit on the event loop must never be the one that
begins the log anew, since SQLite syncs the log's head then. So while a checkpoint runs beside the commits, a reader
(the guard) keeps the log from being begun anew; then the queue is held for a moment, the rest is brought over, and the
log's first page is written from the thread (https://sqlite.org/wal.html, Checkpointing). The log's file is written over
and not cut, since a file that grows waits for the file system's own journal. So its length does not tell how much is in
it, and the bytes are counted.

On a full disk the log cannot grow, and the database cannot take it in. So the reserve is given back (`reserve.py`), the
log is emptied before anything else is written, and then often, so that it is written over and over.

Every sync has a number, the generation, that is in the database before it and in the witness after it. And every
half a second, at least, the keeper sees whether the files are still the ones that are written to (`watch.py`).
"""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

import aiosqlite

from sandbox.clock import monotonic_s
from sandbox.limits import KIB, MIB
from sandbox.logs import get_logger
from sandbox.record import database
from sandbox.record.chain import Head
from sandbox.record.refusals import is_full
from sandbox.record.reserve import LOG_BYTES, Reserve
from sandbox.record.watch import Watch
from sandbox.record.witness import Witness, write_witness

SYNC_INTERVAL_S = 0.1
LOOK_INTERVAL_S = 0.5
_SHORT_LOG_BYTES = MIB  # on a full disk, where the log must not grow
_COMMIT_BYTES = 8 * KIB  # pages that a commit writes whole
_RESTART_WAIT_MS = 50

log = get_logger()


class Ward(Protocol):
    """What the keeper needs of the writer."""

    def hold(self) -> None:
        """Keep commits back until `release`."""
        ...

    def be_still(self) -> Awaitable[None]:
        """Wait until a commit that had begun before is over."""
        ...

    def release(self) -> None:
        """Go on with them."""
        ...

    def advance(self, generation: int) -> Awaitable[None]:
        """Write a generation; raises when it is not stored."""
        ...

    def head(self, playground_id: str) -> Head | None:
        """Return a playground's last event that is stored, and its link."""
        ...

    def give_up(self, reason: str) -> None:
        """Store nothing any more."""
        ...


async def open_keeper(file: Path) -> "Keeper":
    """Open a keeper's connections to a database that is migrated."""
    own = await database.connect(file, wait_ms=_RESTART_WAIT_MS)
    try:
        state = (await own.execute_fetchall("SELECT database_id, generation FROM record_state"))[0]  # type: ignore[index]
        witness = Witness(state["database_id"], state["generation"])
        return Keeper(file, own, await database.connect(file, is_reader=True), witness)
    except BaseException:
        await own.close()
        raise


class Keeper:
    """Syncs and checkpoints, on two connections of its own, of which the guard only reads."""

    def __init__(self, file: Path, own: aiosqlite.Connection, guard: aiosqlite.Connection, witness: Witness) -> None:
        self._file = file
        self._own = own
        self._guard = guard
        self.witness = witness
        self.reserve = Reserve(file.parent)
        self._watch = Watch(file)
        self._looked_s = 0.0
        self._is_failing = self._is_telling = False
        self._one_at_a_time = threading.Lock()
        self._told = 0
        self._news = asyncio.Event()
        self._written = 0  # to the log, about, since it was last emptied
        self._is_short = False
        self._tried = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, ward: Ward) -> None:
        """Begin to look after what a writer writes."""
        self._task = asyncio.create_task(self._run(ward), name="sandbox-keeper")

    def note(self, size: int) -> None:
        """Say that a transaction of about so many bytes was committed."""
        self._written += size + _COMMIT_BYTES
        self._news.set()

    async def make_room(self) -> bool:
        """Give the reserve back if the disk is full, and empty the log soon; say whether the reserve is given back."""
        await asyncio.to_thread(self.reserve.release_if_full)
        self._is_short = True
        self._news.set()
        return self.reserve.is_released

    async def wait_for_log(self) -> None:
        """Wait for the next attempt to empty the log, if much is in it."""
        if self._written >= LOG_BYTES:
            await self._tried.wait()

    async def stop(self) -> None:
        """End the work."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def close(self, *, is_clean: bool) -> None:
        """Sync what is committed, tell the witness, and close the connections."""
        try:
            await asyncio.to_thread(self.reserve.release)
            if is_clean and self._watch.find_problem(0, is_deep=False) is None:
                self.witness.is_clean = True
                self.witness.size = self._file.stat().st_size
                await self._sync()
        except OSError as error:  # the next start takes it for a stop that was not clean, and looks
            log.error("the record was not synced at the end", error=str(error))
        finally:
            await self._guard.close()
            await self._own.close()

    async def _run(self, ward: Ward) -> None:
        try:
            await self._keep(ward)
        finally:
            self._tried.set()

    async def _keep(self, ward: Ward) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_INTERVAL_S):
                    await self._news.wait()
            try:
                problem = await self._look()
                if problem is not None:
                    ward.give_up(problem)
                    return
                if self._news.is_set():
                    await self._bring_in(ward)
                self._is_failing = False
            except Exception as error:  # a commit will meet the same disk, and say so
                if not self._is_failing:
                    log.error("the record was not synced; it is tried again and again", error=str(error))
                self._is_failing = True
                if is_full(error):
                    await self.make_room()
            self._tried.set()
            self._tried = asyncio.Event()
            await asyncio.sleep(SYNC_INTERVAL_S)

    async def _look(self) -> str | None:
        now_s = monotonic_s()
        is_deep = now_s - self._looked_s >= LOOK_INTERVAL_S
        if is_deep:
            self._looked_s = now_s
            if self.reserve.is_released and self._is_telling and not self._is_short:
                await asyncio.to_thread(self.reserve.make)
        look = partial(self._watch.find_problem, self.witness.generation, is_deep=is_deep)
        return await asyncio.to_thread(look)

    async def _bring_in(self, ward: Ward) -> None:
        """Sync what is committed, and say how far that is."""
        if self._is_short:
            await self._empty(ward)
        generation = self.witness.generation + 1
        await ward.advance(generation)
        self._news.clear()
        self.witness.generation = generation
        self.witness.take(ward.head)
        await self._sync()
        if self._written >= (_SHORT_LOG_BYTES if self.reserve.is_released else LOG_BYTES):
            await self._empty(ward)

    async def begin_witness(self) -> None:
        """Tell the witness from now on; what was active before has to be in it."""
        self._is_telling = True
        await asyncio.to_thread(self.reserve.make)
        await self._sync()

    async def _sync(self) -> None:
        """Sync the log, and tell the witness what was in it before."""
        self._told += 1
        await asyncio.to_thread(self._sync_here, self._told, self.witness.to_json())

    def _sync_here(self, number: int, witness: bytes) -> None:
        with self._one_at_a_time:  # a cancelled one may still be at it
            database.sync_log(self._file)
            if self._is_telling and number == self._told:
                write_witness(self._file.parent, witness)

    async def _empty(self, ward: Ward) -> None:
        """Bring the log back into the database; if the disk has no room for that, with the reserve's."""
        try:
            await self._checkpoint(ward)
        except sqlite3.OperationalError as error:
            if not is_full(error) or not await self.make_room():
                raise
            await self._checkpoint(ward)
        self._is_short = False
        self.witness.size = self._watch.size

    async def _checkpoint(self, ward: Ward) -> None:
        try:
            await self._stand_guard()
            await self._bring_over("PASSIVE")
            ward.hold()  # what came meanwhile is brought over, too, before anybody has to wait for long
            await ward.be_still()
            await self._guard.rollback()
            await self._stand_guard()
            ward.release()
            await self._bring_over("PASSIVE")
            ward.hold()
            await ward.be_still()  # it would wait for the lock for as long as the disk takes, and give up
            await self._guard.rollback()
            await self._bring_over("RESTART")
            # Writing the version that is there already is the least that goes into the log.
            await self._own.execute_fetchall(f"PRAGMA user_version={database.SCHEMA_VERSION}")
            self._written = 0
        finally:
            await self._own.rollback()  # a call that was cancelled goes on on its thread, and has the lock
            await self._guard.rollback()
            ward.release()

    async def _stand_guard(self) -> None:
        await self._guard.execute("BEGIN")
        await self._guard.execute_fetchall("SELECT 1 FROM sqlite_master LIMIT 1")

    async def _bring_over(self, how: str) -> None:
        await self._own.execute_fetchall(f"PRAGMA wal_checkpoint({how})")
