"""Contents: bytes stored once under their SHA-256, whole or, when there are many, in parts.

There is one writer, and a commit of many megabytes keeps everybody else's waiting. So what is large is stored ahead of
the event that names it, part by part, each a unit of its own between those of others; the row in `blobs` comes last and
makes it whole. Between parts the log is waited for, so that it never holds much that the database has no room for yet.
Parts of what found no room are removed at once; those that a stop left are swept at the next start.
"""

import asyncio
import hashlib
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from sandbox.errors import InsufficientStorage
from sandbox.limits import KIB, MIB
from sandbox.record.reserve import LOG_BYTES
from sandbox.record.units import Statement

PART_BYTES: Final = 256 * KIB
INSERT_BLOB: Final = "INSERT OR IGNORE INTO blobs (sha256, body) VALUES (?, ?)"
SELECT_PARTS: Final = "SELECT body FROM blob_parts WHERE sha256 = ? ORDER BY number"
_INSERT_PART: Final = "INSERT OR IGNORE INTO blob_parts (sha256, number, body) VALUES (?, ?, ?)"
_INSERT_WHOLE: Final = "INSERT OR IGNORE INTO blobs (sha256, body, parts) VALUES (?, x'', ?)"
_NO_BLOB: Final = "NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha256 = blob_parts.sha256)"
_DROP_PART: Final = f"DELETE FROM blob_parts WHERE sha256 = ? AND number = ? AND {_NO_BLOB}"
_BESIDES_BYTES: Final = 2 * LOG_BYTES  # what the log holds, what is written beside it, and some that is left

IsKept = Callable[[str], Awaitable[bool]]


class Write(Protocol):
    """Stores statements as a unit of their own; those that take the reserve on a full disk as well."""

    def __call__(self, statements: Sequence[Statement], *, takes_reserve: bool) -> Awaitable[None]:
        """Return what resolves once they are stored; raises what they are refused for."""
        ...


class Contents:
    """Stores contents ahead of whoever names them.

    `free_bytes` tells how much the disk still takes, `wait_for_log` waits while the log holds much.
    """

    def __init__(
        self, write: Write, is_kept: IsKept, free_bytes: Callable[[], int], wait_for_log: Callable[[], Awaitable[None]]
    ) -> None:
        self._write = write
        self._is_kept = is_kept
        self._free_bytes = free_bytes
        self._wait_for_log = wait_for_log
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._promised = 0  # bytes of what is under way that are still to be written
        self._left: set[tuple[str, int]] = set()  # parts of no content, by its SHA-256 and their number

    async def store(self, statements: Sequence[Statement], *, takes_reserve: bool = False) -> list[Statement]:
        """Store the contents that statements insert; return the other statements.

        What `takes_reserve` may use the last room of a disk.
        Raises what a write is refused for; `InsufficientStorage` at once for what cannot find room.
        """
        left: list[Statement] = []
        batch: list[Statement] = []
        size = 0
        for statement in statements:
            sql, values = statement
            if sql is not INSERT_BLOB:
                left.append(statement)
            elif len(values[1]) > PART_BYTES:
                await self._store_in_parts(values[0], values[1], takes_reserve)
            else:
                batch.append(statement)
                size += len(values[1])
                if size >= PART_BYTES:
                    await self._add(batch, takes_reserve)
                    batch, size = [], 0
        if batch:
            await self._add(batch, takes_reserve)
        return left

    async def _add(self, statements: Sequence[Statement], takes_reserve: bool) -> None:
        await self._wait_for_log()
        await self._write(statements, takes_reserve=takes_reserve)

    async def _store_in_parts(self, sha: str, content: bytes, takes_reserve: bool) -> None:
        """Store a content once, however many ask for it at the same time."""
        while sha in self._under_way:
            await asyncio.wait([self._under_way[sha]])
        if await self._is_kept(sha):
            return
        besides = len(content) + MIB if takes_reserve else _BESIDES_BYTES  # at least, it is once in the log as well
        if self._free_bytes() < self._promised + len(content) + besides:
            raise InsufficientStorage(
                "There is no room on the disk for this; nothing was changed. Free some, and go on."
            )
        done = self._under_way[sha] = asyncio.get_running_loop().create_future()
        try:
            await self._write_parts(sha, content, takes_reserve)
        finally:
            try:
                with suppress(Exception):  # where there is not even room for this, the next one or a start does it
                    await self._drop_left()
            finally:
                del self._under_way[sha]
                done.set_result(None)

    async def _write_parts(self, sha: str, content: bytes, takes_reserve: bool) -> None:
        starts = range(0, len(content), PART_BYTES)
        parts = {(sha, number) for number in range(len(starts))}
        rest = len(content)
        self._promised += rest
        self._left -= parts
        try:
            for number, start in enumerate(starts):
                part = content[start : start + PART_BYTES]
                await self._add([(_INSERT_PART, (sha, number, part))], takes_reserve)
                rest -= len(part)
                self._promised -= len(part)
            await self._add([(_INSERT_WHOLE, (sha, len(starts)))], takes_reserve)
        except BaseException:
            self._left |= parts
            raise
        finally:
            self._promised -= rest

    async def _drop_left(self) -> None:
        """Remove what was left, one by one: it is much, and others' commits come in between."""
        while self._left:
            part = self._left.pop()
            try:
                await self._write([(_DROP_PART, part)], takes_reserve=True)
            except BaseException:
                self._left.add(part)
                raise


def sweep(connection: sqlite3.Connection) -> None:
    """Remove parts that belong to no content."""
    connection.execute(f"DELETE FROM blob_parts WHERE {_NO_BLOB}")


def read_content(connection: sqlite3.Connection, sha: str) -> bytes:
    """Return the bytes stored under a SHA-256. Raises `KeyError`."""
    row = connection.execute("SELECT body, parts FROM blobs WHERE sha256 = ?", (sha,)).fetchone()
    if row is None:
        raise KeyError(sha)
    body, parts = row
    return b"".join(part for (part,) in connection.execute(SELECT_PARTS, (sha,))) if parts else bytes(body)


def digests(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Yield the name of every content and what it should be, a part at a time in memory."""
    rows: list[tuple[str, int]] = connection.execute("SELECT sha256, parts FROM blobs").fetchall()
    for sha, parts in rows:
        digest = hashlib.sha256()
        sql = SELECT_PARTS if parts else "SELECT body FROM blobs WHERE sha256 = ?"
        for row in connection.execute(sql, (sha,)):
            digest.update(_bytes(row[0]))
        yield sha, digest.hexdigest()


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else value
