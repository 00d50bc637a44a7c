"""`sandbox verify` and `sandbox prune`: what is done with a record from the command line."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from sandbox.app import create_registry
from sandbox.clock import SystemClock, format_instant
from sandbox.definitions.library import Library, Shelf
from sandbox.errors import Gone, NotFound, SandboxError
from sandbox.playground.playground import NullRecorder
from sandbox.record import database
from sandbox.record.integrity import losses_of_files, losses_of_record, verify_events
from sandbox.record.lock import DirectoryLock
from sandbox.record.prune import Pruned, prune
from sandbox.record.reader import Reader
from sandbox.record.witness import read_witness
from sandbox.runs.recovery import Archive


async def verify_record(directory: Path, say: Callable[[str], None]) -> list[str]:
    """Read all of a record again, also beside a running server; say what there is, return what is wrong.

    Every playground is folded from its seed and its events, and its state hash is said. Raises `NotFound` where
    nothing was recorded and `DatabaseError` for a database that cannot be read.
    """
    file = directory / database.FILE_NAME
    witness = read_witness(directory)
    if witness is None and not file.exists():
        raise NotFound(f"Nothing has been recorded in {directory} yet.")
    problems = [str(loss) for loss in losses_of_files(directory, witness)]
    if problems:
        return problems
    database.check_version(file)
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            problems += [f"SQLite: {row[0]}" for row in connection.execute("PRAGMA quick_check") if row[0] != "ok"]
            problems += [str(loss) for loss in losses_of_record(connection, witness)]
            accepted = connection.execute("SELECT what, accepted_at FROM losses").fetchall()
            problems += [str(loss) for loss in verify_events(connection)]
        except sqlite3.DatabaseError as error:
            return [*problems, f"{file} is damaged: {error}"]
    for what, at in accepted:
        say(f"lost, and accepted at {at}: {what}")
    reader = Reader(await database.connect(file, is_reader=True))
    try:
        problems += await _fold_all(reader, say)
    finally:
        await reader.close()
    return problems


async def _fold_all(reader: Reader, say: Callable[[str], None]) -> list[str]:
    archive = Archive(reader, create_registry(), Shelf(Library()), SystemClock(), NullRecorder(), b"")
    problems = []
    rows = await reader.rows("SELECT id, benchmark_run_id, key, status FROM playgrounds ORDER BY created_at, id")
    for row in rows:
        name = f"{row['benchmark_run_id']}  {row['id']}  {row['key']}"
        try:
            folded = await archive.fold(row["id"])
        except Gone:
            say(f"{name}  pruned")
        except SandboxError as error:
            problems.append(f"{name}: {error.message}")
        else:
            say(f"{name}  {row['status']}  {folded.seq} events  {folded.branch.state_hash()}")
    return problems


def prune_directory(directory: Path, *, older_than: timedelta, keep_published: bool) -> Pruned:
    """Prune a data directory that no server uses. Raises `NotFound`, `DatabaseError`."""
    file = directory / database.FILE_NAME
    if not file.exists():
        raise NotFound(f"Nothing has been recorded in {directory} yet.")
    lock = DirectoryLock(directory)
    try:
        database.migrate(file)
        now = SystemClock().now()
        at, before = format_instant(now), format_instant(now - older_than)
        return prune(directory, before=before, keep_published=keep_published, at=at)
    finally:
        lock.release()
