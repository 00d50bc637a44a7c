"""Contents: bytes stored once under their SHA-256, whole or, when there are many, in parts.

There is one writer, and a commit of many megabytes keeps everybody else's waiting. So what is large is stored ahead of
the event that names it, part by part, each a unit of its own between those of others; the row in `blobs` comes last and
makes it whole. Parts that were left without one, by a stop or a full disk, are swept at the next start.
"""

import asyncio
import hashlib
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from sandbox.errors import InsufficientStorage
from sandbox.limits import KIB, MIB
from sandbox.record.units import Statement

PART_BYTES: Final = 256 * KIB
INSERT_BLOB: Final = "INSERT OR IGNORE INTO blobs (sha256, body) VALUES (?, ?)"
SELECT_PARTS: Final = "SELECT body FROM blob_parts WHERE sha256 = ? ORDER BY number"
_INSERT_PART: Final = "INSERT OR IGNORE INTO blob_parts (sha256, number, body) VALUES (?, ?, ?)"
_INSERT_WHOLE: Final = "INSERT OR IGNORE INTO blobs (sha256, body, parts) VALUES (?, x'', ?)"
_NO_BLOB: Final = "NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha256 = blob_parts.sha256)"
_DROP_PARTS: Final = f"DELETE FROM blob_parts WHERE sha256 = ? AND {_NO_BLOB}"
_BESIDES_BYTES: Final = 32 * MIB  # of the log, which is brought back into the database while more is written

Write = Callable[[Sequence[Statement]], Awaitable[None]]
IsKept = Callable[[str], Awaitable[bool]]


class Contents:
    """Stores contents ahead of whoever names them; `free_bytes` tells how much the disk still takes."""

    def __init__(self, write: Write, is_kept: IsKept, free_bytes: Callable[[], int]) -> None:
        self._write = write
        self._is_kept = is_kept
        self._free_bytes = free_bytes
        self._under_way: dict[str, asyncio.Future[None]] = {}

    async def store(self, statements: Sequence[Statement]) -> list[Statement]:
        """Store the contents that statements insert; return the other statements.

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
                await self._store_in_parts(values[0], values[1])
            else:
                batch.append(statement)
                size += len(values[1])
                if size >= PART_BYTES:
                    await self._write(batch)
                    batch, size = [], 0
        if batch:
            await self._write(batch)
        return left

    async def _store_in_parts(self, sha: str, content: bytes) -> None:
        """Store a content once, however many ask for it at the same time."""
        while sha in self._under_way:
            await asyncio.wait([self._under_way[sha]])
        if await self._is_kept(sha):
            return
        if self._free_bytes() < len(content) + _BESIDES_BYTES:
            raise InsufficientStorage(
                "There is no room on the disk for this; nothing was changed. Free some, and go on."
            )
        done = self._under_way[sha] = asyncio.get_running_loop().create_future()
        try:
            await self._write_parts(sha, content)
        except BaseException:
            with suppress(Exception):  # where there is not even room for this, the next start does it
                await self._write([(_DROP_PARTS, (sha,))])
            raise
        finally:
            del self._under_way[sha]
            done.set_result(None)

    async def _write_parts(self, sha: str, content: bytes) -> None:
        starts = range(0, len(content), PART_BYTES)
        for number, start in enumerate(starts):
            await self._write([(_INSERT_PART, (sha, number, content[start : start + PART_BYTES]))])
        await self._write([(_INSERT_WHOLE, (sha, len(starts)))])


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
