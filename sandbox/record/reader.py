"""Reading the record: rows by id, pages of lists, events in order."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import aiosqlite

from sandbox.errors import Gone, NotFound
from sandbox.jsonio import Json
from sandbox.playground.events import RESTORED, Event
from sandbox.record import encode
from sandbox.record.contents import SELECT_PARTS
from sandbox.record.streams import LAST_SEQ, SELECT_EVENTS, select_events

_EVENT_BATCH = 100  # they are read on the event loop, some milliseconds at a time
_BLOBS_AT_ONCE = 50


class Reader:
    """Queries on a connection that cannot write."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def file(self) -> Path:
        """Return where the database is."""
        return Path((await self.rows("PRAGMA database_list"))[0]["file"])

    async def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row, or None."""
        async with self._connection.execute(sql, values) as cursor:
            return await cursor.fetchone()

    async def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows."""
        return list(await self._connection.execute_fetchall(sql, values))

    async def page(
        self, table: str, where: str, values: Sequence[Any], *, after: tuple[str, str] | None, is_back: bool, limit: int
    ) -> list[sqlite3.Row]:
        """Return up to `limit` rows, newest first, from a `(created_at, id)` position.

        `is_back` reads towards newer rows; the result is newest first either way.
        """
        sign, order = (">", "ASC") if is_back else ("<", "DESC")
        clause, bound = f"WHERE {where}", list(values)
        if after is not None:
            clause += f" AND (created_at, id) {sign} (?, ?)"
            bound += after
        sql = f"SELECT * FROM {table} {clause} ORDER BY created_at {order}, id {order} LIMIT ?"
        found = await self.rows(sql, *bound, limit)
        return found[::-1] if is_back else found

    async def blob(self, sha: str) -> bytes:
        """Return the bytes stored under a SHA-256. Raises `NotFound`."""
        found = await self.blobs((sha,))
        if sha not in found:
            raise NotFound(f"No content is stored under {sha}.")
        return found[sha]

    async def blobs(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return the contents that are stored under these names."""
        ordered, found = sorted(set(names)), dict[str, bytes]()
        for start in range(0, len(ordered), _BLOBS_AT_ONCE):
            wanted = ordered[start : start + _BLOBS_AT_ONCE]
            sql = f"SELECT sha256, body, parts FROM blobs WHERE sha256 IN ({', '.join('?' * len(wanted))})"
            for row in await self.rows(sql, *wanted):
                sha = row["sha256"]
                if row["parts"]:
                    found[sha] = b"".join([part["body"] for part in await self.rows(SELECT_PARTS, sha)])
                else:
                    found[sha] = bytes(row["body"])
        return found

    async def check_kept(self, playground_id: str) -> None:
        """Raise `Gone` for a playground whose events were pruned."""
        row = await self.row(
            "SELECT r.pruned_at FROM playgrounds p JOIN benchmark_runs r ON r.id = p.benchmark_run_id WHERE p.id = ?",
            playground_id,
        )
        if row is not None and row["pruned_at"] is not None:
            raise Gone(f"The events of this run were pruned at {row['pruned_at']}; its scores are kept.")

    async def event_rows(
        self,
        playground_id: str,
        *,
        after: int | None = None,
        before: int | None = None,
        names: Sequence[str] = (),
        where: str = "",
        values: Sequence[Any] = (),
        is_newest_first: bool = False,
        limit: int = -1,
    ) -> list[sqlite3.Row]:
        """Return a playground's rows with numbers between two, those not included; with a limit the first of them.

        `names` are the columns, all of them for none; `where` a condition on them with its `values`.
        """
        sql = select_events(names) if names else SELECT_EVENTS
        last = LAST_SEQ + 1 if before is None else min(before, LAST_SEQ + 1)
        sql += f"{where and f' AND ({where})'} ORDER BY e.place {'DESC' if is_newest_first else 'ASC'} LIMIT ?"
        return await self.rows(sql, after or 0, last, playground_id, *values, limit)

    async def rows_numbered(self, playground_id: str, seqs: Sequence[int], names: Sequence[str]) -> list[sqlite3.Row]:
        """Return columns of a playground's rows with these numbers, oldest first."""
        if not seqs:
            return []
        where = f"e.place & {LAST_SEQ} IN ({', '.join('?' * len(seqs))})"
        first, last = min(seqs) - 1, max(seqs) + 1
        return await self.event_rows(playground_id, after=first, before=last, names=names, where=where, values=seqs)

    async def last_event_row(self, playground_id: str) -> sqlite3.Row | None:
        """Return a playground's newest row, or None."""
        return next(iter(await self.event_rows(playground_id, is_newest_first=True, limit=1)), None)

    async def events(
        self,
        playground_id: str,
        *,
        after_seq: int = 0,
        until_seq: int | None = None,
        check: Callable[[sqlite3.Row], None] | None = None,
        skip: Callable[[sqlite3.Row], bool] | None = None,
    ) -> AsyncIterator[Event]:
        """Yield a playground's events in order, read in batches.

        `check` is shown every row before it is read, when all before it are done with; what `skip` says is not read.
        """
        await self.check_kept(playground_id)
        position = after_seq
        while True:
            before = None if until_seq is None else until_seq + 1
            rows = await self.event_rows(playground_id, after=position, before=before, limit=_EVENT_BATCH)
            blobs = await self._blobs_of(rows if skip is None else [row for row in rows if not skip(row)])
            for row in rows:
                if check is not None:
                    check(row)
                if skip is not None and skip(row):
                    continue
                if encode.name_of_changes(row["changes"]) is None:
                    yield encode.decode_event(row, blobs.__getitem__)
                else:
                    yield await asyncio.to_thread(encode.decode_event, row, blobs.__getitem__)
            if len(rows) < _EVENT_BATCH:
                return
            position = rows[-1]["seq"]

    async def restores(self, playground_id: str) -> dict[int, int]:
        """Return where each of a playground's restores returned to, by number."""
        rows = await self.event_rows(playground_id, where="type = ?", values=(RESTORED,))
        blobs = await self._blobs_of(rows)
        events = [encode.decode_event(row, blobs.__getitem__) for row in rows]
        return {event.seq: event.restored_to for event in events if event.restored_to is not None}

    async def event_jsons(self, rows: list[sqlite3.Row]) -> Callable[[], list[Json]]:
        """Return what makes of event rows what the API shows: it may take long, and needs the record no more."""
        blobs, _ = await self._bodies_of(rows)
        return lambda: [encode.event_json(row, blobs.__getitem__) for row in rows]

    async def _blobs_of(self, rows: list[sqlite3.Row]) -> dict[str, bytes]:
        blobs, of_changes = await self._bodies_of(rows)
        texts = [row["changes"] for row in rows if row["changes"]]
        documents = {name for text in texts for name in encode.names_in_changes(text)}
        for name in of_changes & blobs.keys():  # each is long
            documents |= await asyncio.to_thread(lambda text: encode.names_in_changes(text.decode()), blobs[name])
        return {**blobs, **await self.blobs(documents - blobs.keys())}

    async def _bodies_of(self, rows: list[sqlite3.Row]) -> tuple[dict[str, bytes], set[str]]:
        """Return the contents that events name, and the names of those that are their changes."""
        shas = {row[name] for row in rows for name in ("request_sha", "response_sha") if row[name]}
        of_changes = {name for row in rows if (name := encode.name_of_changes(row["changes"])) is not None}
        return await self.blobs(shas | of_changes), of_changes
