"""The one writer: everything that is stored goes through here, in order, by group commit.

`submit` and `write` take a unit of work (one or more statements) at once and return a future; a single task
commits all that is waiting in one transaction and then resolves the futures. So what was submitted
first is never stored without what came before it, and an awaited future means: on disk.

If a commit fails, its units fail and the writer stops taking more: what the server holds in memory
is then ahead of the disk, and only a restart (which folds what is on disk) is safe.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import aiosqlite

from sandbox.logs import get_logger
from sandbox.playground.events import Event
from sandbox.record import encode

Statement = tuple[str, Sequence[Any]]

_PLACEHOLDERS = re.compile(r"\(\?(, \?)*\)")
_ROWS_AT_ONCE = 100
SYNC_INTERVAL_S = 0.1
LINGER_S = 0.001

log = get_logger()


class WriterError(Exception):
    """Nothing more can be stored; restart the server once the cause is gone."""


class Writer:
    """Group-commits units of work on one connection, which must be in autocommit mode."""

    def __init__(self, connection: aiosqlite.Connection, sync: Callable[[], None] | None = None) -> None:
        self._connection = connection
        self._sync = sync
        self._unsynced = asyncio.Event()
        self._syncer: asyncio.Task[None] | None = None
        self._waiting: list[Statement] = []
        self._units: list[asyncio.Future[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.failure: str | None = None
        self.commits = 0

    def start(self) -> None:
        """Begin to commit; call it on the event loop that will use the writer."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="sandbox-writer")
        if self._sync is not None:
            self._syncer = asyncio.create_task(self._keep_synced(self._sync), name="sandbox-syncer")

    def submit(self, event: Event) -> "asyncio.Future[None]":
        """Queue an event; await the result before its response is sent."""
        return self.write(encode.event_statements(event))

    def write(self, statements: Iterable[Statement]) -> "asyncio.Future[None]":
        """Queue a unit of work. The future resolves once it is on disk.

        Raises `WriterError` when the writer has failed or is closed.
        """
        if self.failure is not None or self._closing:
            raise WriterError(self.failure or "The server is shutting down.")
        future: asyncio.Future[None] = (self._loop or asyncio.get_running_loop()).create_future()
        self._waiting += statements
        self._units.append(future)
        if len(self._units) == 1:
            self._wake.set()
        return future

    async def flush(self) -> None:
        """Wait until everything queued so far is on disk."""
        await self.write(())

    async def close(self) -> None:
        """Commit what is queued and close the connection."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._syncer is not None:
            self._syncer.cancel()
            await asyncio.gather(self._syncer, return_exceptions=True)
        await self._connection.close()

    async def _keep_synced(self, sync: Callable[[], None]) -> None:
        """Sync what was committed to the medium, on a thread, at most every `SYNC_INTERVAL_S`."""
        while True:
            await self._unsynced.wait()
            self._unsynced.clear()
            await asyncio.to_thread(sync)
            await asyncio.sleep(SYNC_INTERVAL_S)

    async def _run(self) -> None:
        size = 1
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._units:
                await asyncio.sleep(0)  # let everything that is ready now join this commit
                if len(self._units) * 2 < size:  # the server is busy: more is on its way
                    await asyncio.sleep(LINGER_S)
                statements, units = self._waiting, self._units
                self._waiting, self._units = [], []
                size = len(units)
                await self._commit(statements, units)
            if self._closing:
                return

    async def _commit(self, statements: list[Statement], units: "list[asyncio.Future[None]]") -> None:
        try:
            if self.failure is not None:
                raise WriterError(self.failure)
            if statements:
                await self._store(statements)
                self.commits += 1
                self._unsynced.set()
        except Exception as error:
            self.failure = f"The record cannot be written: {error}. Free the disk and restart the server."
            log.error("record failed", error=str(error))
            try:
                await self._connection.rollback()
            except Exception as second:
                log.error("rollback failed", error=str(second))
            for future in units:
                if not future.done():
                    future.set_exception(WriterError(self.failure))
                    future.exception()
            return
        for future in units:
            if not future.done():
                future.set_result(None)

    async def _store(self, statements: list[Statement]) -> None:
        """Store a batch in one transaction; a single statement is one by itself, at one trip to SQLite's thread."""
        calls = list(_calls(statements))
        if len(calls) == 1:
            await self._connection.execute(*calls[0])
            return
        await self._connection.execute("BEGIN IMMEDIATE")
        for sql, values in calls:
            await self._connection.execute(sql, values)
        await self._connection.execute("COMMIT")


def _calls(statements: list[Statement]) -> Iterable[tuple[str, Sequence[Any]]]:
    """Turn statements into calls, in order; neighbouring inserts of the same kind into one of many rows.

    SQLite's thread gives up the interpreter for each statement and has to win it back from the
    event loop, so one statement of thirty rows is far cheaper than thirty of one.
    """
    start = 0
    while start < len(statements):
        sql = statements[start][0]
        most = _ROWS_AT_ONCE if _is_plain_insert(sql) else 1
        end = start + 1
        while end < len(statements) and end - start < most and statements[end][0] == sql:
            end += 1
        if end - start == 1:
            yield statements[start]
        else:
            yield _of_rows(sql, end - start), [value for _, row in statements[start:end] for value in row]
        start = end


@lru_cache(maxsize=256)
def _is_plain_insert(sql: str) -> bool:
    return sql.startswith("INSERT") and _PLACEHOLDERS.fullmatch(sql[sql.rfind("(") :]) is not None


@lru_cache(maxsize=4 * _ROWS_AT_ONCE)
def _of_rows(sql: str, count: int) -> str:
    values = sql[sql.rfind("(") :]
    return f"{sql}{f', {values}' * (count - 1)}"
