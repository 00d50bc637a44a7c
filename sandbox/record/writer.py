"""The one writer: everything that is stored goes through here, in order, by group commit.

`submit` takes a unit of work (one or more statements) at once and returns a future; a single task
commits all that is waiting in one transaction and then resolves the futures. So what was submitted
first is never stored without what came before it, and an awaited future means: on disk.

If a commit fails, its units fail and the writer stops taking more: what the server holds in memory
is then ahead of the disk, and only a restart (which folds what is on disk) is safe.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import aiosqlite
import structlog

from sandbox.playground.events import Event
from sandbox.record import encode

Statement = tuple[str, Sequence[Any]]

_PLACEHOLDERS = re.compile(r"\(\?(, \?)*\)")
_ROWS_AT_ONCE = 100
SYNC_INTERVAL_S = 0.1
LINGER_S = 0.001

log = structlog.get_logger()


class WriterError(Exception):
    """Nothing more can be stored; restart the server once the cause is gone."""


class Writer:
    """Group-commits units of work on one connection."""

    def __init__(self, connection: aiosqlite.Connection, sync: Callable[[], None] | None = None) -> None:
        self._connection = connection
        self._sync = sync
        self._unsynced = asyncio.Event()
        self._syncer: asyncio.Task[None] | None = None
        self._waiting: list[tuple[Sequence[Statement], asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.failure: str | None = None
        self.commits = 0

    def start(self) -> None:
        """Begin to commit; call it on the event loop that will use the writer."""
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
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((list(statements), future))
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
            while self._waiting:
                await asyncio.sleep(0)  # let everything that is ready now join this commit
                if len(self._waiting) * 2 < size:  # the server is busy: more is on its way
                    await asyncio.sleep(LINGER_S)
                batch, self._waiting = self._waiting, []
                size = len(batch)
                await self._commit(batch)
            if self._closing:
                return

    async def _commit(self, batch: list[tuple[Sequence[Statement], "asyncio.Future[None]"]]) -> None:
        statements = [statement for unit, _ in batch for statement in unit]
        try:
            if self.failure is not None:
                raise WriterError(self.failure)
            for sql, rows in _runs(statements):
                await self._execute(sql, rows)
            if statements:
                await self._connection.commit()
                self.commits += 1
                self._unsynced.set()
        except Exception as error:
            self.failure = f"The record cannot be written: {error}. Free the disk and restart the server."
            log.error("record failed", error=str(error))
            try:
                await self._connection.rollback()
            except Exception as second:
                log.error("rollback failed", error=str(second))
            for _, future in batch:
                if not future.done():
                    future.set_exception(WriterError(self.failure))
                    future.exception()
            return
        for _, future in batch:
            if not future.done():
                future.set_result(None)

    async def _execute(self, sql: str, rows: list[Sequence[Any]]) -> None:
        """Run one SQL for all rows; plain inserts as one statement of many rows.

        SQLite's thread gives up the interpreter for each statement and has to win it back from the
        event loop, so one statement of thirty rows is far cheaper than thirty of one.
        """
        values = sql[sql.rfind("(") :]
        if len(rows) == 1 or not sql.startswith("INSERT") or _PLACEHOLDERS.fullmatch(values) is None:
            await self._connection.executemany(sql, rows)
            return
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[start : start + _ROWS_AT_ONCE]
            many = f"{sql}{f', {values}' * (len(part) - 1)}"
            await self._connection.execute(many, [value for row in part for value in row])


def _runs(statements: list[Statement]) -> Iterable[tuple[str, list[Sequence[Any]]]]:
    """Group neighbours of the same SQL, keeping order, to spare round trips to the thread."""
    current: str | None = None
    rows: list[Sequence[Any]] = []
    for sql, row in statements:
        if sql != current:
            if current is not None:
                yield current, rows
            current, rows = sql, []
        rows.append(row)
    if current is not None:
        yield current, rows
