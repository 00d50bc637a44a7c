"""The records in a data directory, read from its SQLite file, whether a server uses it or not.

Rows become the JSON the API would answer with, so that both sources read alike. Nothing is locked,
migrated or written here.
"""

import os
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sandbox.client import reading
from sandbox.client.models import BenchmarkRun, CriterionRun, Event, TaskRun
from sandbox.definitions import baselines
from sandbox.definitions.mess import frozen_level
from sandbox.definitions.models import thaw
from sandbox.errors import Malformed, NotFound, TooLarge
from sandbox.record.database import FILE_NAME, SCHEMA_VERSION, DatabaseError, connect
from sandbox.record.reader import Reader
from sandbox.record.runs import RunRows
from sandbox.scoring.figures import figures_of_run

_SQLITE_MAGIC: Final = b"SQLite format 3\0"
_UNREADABLE: Final = frozenset(
    {sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY}
    | {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
)
_SAID: Final = 200
# What reading rows comes to that do not hold what was written.
_DAMAGE: Final = (Malformed, TooLarge, ValueError, TypeError, KeyError, IndexError)


class DirectoryRecords:
    """The records of one data directory; get it from `open_directory`."""

    def __init__(self, reader: Reader, playgrounds: Sequence[Path] = ()) -> None:
        self.reader = reader
        self._playgrounds = playgrounds
        self._rows = RunRows(reader)

    async def list_benchmark_runs(self, *, limit: int | None = None) -> list[BenchmarkRun]:
        """Return the newest runs."""
        return [await self._read(raw) for raw in await self._rows.newest(limit)]

    async def get_benchmark_run(self, benchmark_run_id: str) -> BenchmarkRun:
        """Return one run; raises `NotFound`."""
        raw = await self._rows.run(benchmark_run_id)
        if raw is None:
            raise NotFound(f"There is no benchmark run {benchmark_run_id}.")
        return await self._read(raw)

    async def list_task_runs(self, benchmark_run_id: str) -> list[TaskRun]:
        """Return the run's task runs, in the benchmark's order."""
        raw = await self._rows.run(benchmark_run_id)
        return [] if raw is None else [reading.read_task_run(task_run) for task_run in raw["task_runs"]]

    async def list_criterion_runs(self, task_run_id: str) -> list[CriterionRun]:
        """Return the task run's present criterion runs."""
        return [reading.read_criterion_run(raw) for raw in await self._rows.criterion_runs(task_run_id)]

    async def list_events(self, task_run_id: str) -> list[Event]:
        """Return the task run's events, oldest first."""
        of = await self.reader.row("SELECT playground_id FROM task_runs WHERE id = ?", task_run_id)
        if of is None:
            return []
        await self.reader.check_kept(of["playground_id"])
        rows = await self.reader.event_rows(of["playground_id"])
        return [reading.read_event(raw) for raw in (await self.reader.event_jsons(rows))()]

    async def _read(self, raw: dict[str, Any]) -> BenchmarkRun:
        """Read a run, with its level of mess and its figures."""
        frozen = await self._rows.frozen(raw["definition_hash"])
        return reading.read_benchmark_run(raw | {"mess": frozen_level(frozen), "figures": self._figures(raw, frozen)})

    def _figures(self, run: Mapping[str, Any], frozen: Mapping[str, Any]) -> Any:
        """Return the run in numbers, as the API does; null where it has no score, or was made of what is not kept."""
        if run["score"] is None or "definition" not in frozen:
            return None
        definition = thaw(frozen["definition"])
        known: Mapping[str, Any] = {}
        for root in self._playgrounds:
            directory = root / definition.slug / f"v{definition.version}"
            known = known or baselines.load(directory, definition, frozen.get("datasets") or {})[0]
        ended = [(t["key"], t["verdict"], t["score"], t["axes"]) for t in run["task_runs"]]
        return figures_of_run(definition, ended, known)


@asynccontextmanager
async def open_directory(data_dir: Path, playgrounds: Sequence[Path] = ()) -> AsyncIterator[DirectoryRecords]:
    """Open a data directory's records to read; what benchmarks pay for nothing is looked up in `playgrounds`.

    Raises `NotFound` when nothing was ever recorded there and `DatabaseError` when it was recorded
    by another version, may not be read, or is damaged, whenever that shows.
    """
    file = data_dir / FILE_NAME
    try:
        if not file.is_file():
            raise NotFound(f"Nothing has been recorded in {data_dir} yet. Make a first run: sandbox rehearse mock@2")
        with file.open("rb") as start:
            # Asked first, because a connection that cannot be made leaves its thread behind.
            if start.read(len(_SQLITE_MAGIC)) not in (b"", _SQLITE_MAGIC):
                raise DatabaseError(f"{file} cannot be read: it is not an SQLite database.")
        async with _reader_of(file) as reader:
            yield DirectoryRecords(reader, playgrounds)
    except PermissionError as error:
        raise DatabaseError(f"{error.filename or file} may not be read: {error.strerror}.") from None
    except (sqlite3.Error, *_DAMAGE) as error:
        said = str(error)[:_SAID].rstrip(".")
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNREADABLE:
            raise DatabaseError(
                f"{file} cannot be read: {said}. Where its directory is read-only and a -wal file lies beside it, "
                "copy all of the directory to a place that can be written to, and name that with --data-dir."
            ) from None
        raise DatabaseError(
            f"{file} is damaged: {said}. Take a backup of it, if there is one; "
            f'what can still be read is saved by sqlite3 {file} ".recover".'
        ) from error


@asynccontextmanager
async def _reader_of(file: Path) -> AsyncIterator[Reader]:
    reader = Reader(await connect(file, is_reader=True, is_immutable=_is_at_rest(file)))
    try:
        row = await reader.row("PRAGMA user_version")
        version = row[0] if row is not None else 0
        if version != SCHEMA_VERSION:
            advice = "start `sandbox serve` on it once" if version < SCHEMA_VERSION else "upgrade"
            raise DatabaseError(f"{file} has schema {version}, this version reads {SCHEMA_VERSION}: {advice}.")
        yield reader
    finally:
        await reader.close()


def _is_at_rest(file: Path) -> bool:
    """Whether nobody can be writing a database, nor this process beside it, as on a read-only medium.

    SQLite then needs to be told, since it would make files beside it to read it.
    """
    # Whoever has it open has its log beside it.
    return not os.access(file.parent, os.W_OK) and not file.with_name(f"{file.name}-wal").exists()
