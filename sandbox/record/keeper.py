"""The write-ahead log's keeper: has it synced to the medium, and brings it back into the database.

Both take as long as the disk does, so they happen on threads. A commit on the event loop must never be the one that
begins the log anew, since SQLite syncs the log's head then. So while a checkpoint runs beside the commits, a reader
(the guard) keeps the log from being begun anew; then the queue is held for a moment, the rest is brought over, and the
log's first page is written from the thread (https://sqlite.org/wal.html, Checkpointing). The log's file is written over
and not cut, since a file that grows waits for the file system's own journal. So its length does not tell how much is in
it, and the bytes are counted.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiosqlite

from sandbox.limits import KIB, MIB
from sandbox.logs import get_logger
from sandbox.record import database

SYNC_INTERVAL_S = 0.1
CHECKPOINT_BYTES = 16 * MIB
_COMMIT_BYTES = 12 * KIB  # pages of tables and indexes that a commit writes whole
_RESTART_WAIT_MS = 50

log = get_logger()


async def open_keeper(file: Path) -> "Keeper":
    """Open a keeper's connections to a database that is migrated."""
    own = await database.connect(file, wait_ms=_RESTART_WAIT_MS)
    try:
        return Keeper(file, own, await database.connect(file, is_reader=True))
    except BaseException:
        await own.close()
        raise


class Keeper:
    """Syncs and checkpoints, on two connections of its own, of which the guard only reads."""

    def __init__(self, file: Path, own: aiosqlite.Connection, guard: aiosqlite.Connection) -> None:
        self._file = file
        self._own = own
        self._guard = guard
        self._news = asyncio.Event()
        self._written = 0
        self._task: asyncio.Task[None] | None = None

    def start(self, hold: Callable[[], None], release: Callable[[], None]) -> None:
        """Begin; `hold` keeps commits back until `release`."""
        self._task = asyncio.create_task(self._run(hold, release), name="sandbox-keeper")

    def note(self, size: int) -> None:
        """Say that a transaction of about so many bytes was committed."""
        self._written += size + _COMMIT_BYTES
        self._news.set()

    async def stop(self) -> None:
        """End the work."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._guard.close()
        await self._own.close()

    async def _run(self, hold: Callable[[], None], release: Callable[[], None]) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await asyncio.to_thread(database.sync_log, self._file)
                if self._written >= CHECKPOINT_BYTES:
                    self._written = 0
                    await self._checkpoint(hold, release)
            except Exception as error:  # a commit will meet the same disk, and say so
                log.error("the record was not synced", error=str(error))
            await asyncio.sleep(SYNC_INTERVAL_S)

    async def _checkpoint(self, hold: Callable[[], None], release: Callable[[], None]) -> None:
        try:
            await self._stand_guard()
            await self._bring_over("PASSIVE")
            hold()  # what came meanwhile is brought over, too, before anybody has to wait for long
            await self._guard.rollback()
            await self._stand_guard()
            release()
            await self._bring_over("PASSIVE")
            hold()
            await self._guard.rollback()
            await self._bring_over("RESTART")
            # Writing the version that is there already is the least that goes into the log.
            await self._own.execute_fetchall(f"PRAGMA user_version={database.SCHEMA_VERSION}")
        finally:
            await self._guard.rollback()
            release()

    async def _stand_guard(self) -> None:
        await self._guard.execute("BEGIN")
        await self._guard.execute_fetchall("SELECT 1 FROM sqlite_master LIMIT 1")

    async def _bring_over(self, how: str) -> None:
        await self._own.execute_fetchall(f"PRAGMA wal_checkpoint({how})")
