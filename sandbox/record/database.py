"""Open the database of a data directory: migrate, connect. Who may is `lock.py`'s.

The schema's version is SQLite's `user_version`; an older database is copied aside and migrated, a
newer one is refused.
"""

import os
import shutil
import sqlite3
from pathlib import Path

import aiosqlite

SCHEMA_VERSION = 5
FILE_NAME = "sandbox.sqlite3"
BUSY_TIMEOUT_MS = 10_000
_STATEMENTS = 512  # prepared statements kept: the writer has one for each number of rows
# Checkpoints are the keeper's work, never a commit's.
_PRAGMAS = ("synchronous=NORMAL", "foreign_keys=ON", "wal_autocheckpoint=0")
_HERE = Path(__file__).parent


class DatabaseError(Exception):
    """The data directory cannot be used; the message says why and what to do."""


def migrate(file: Path, *, migrations: Path | None = None, target: int = SCHEMA_VERSION) -> None:
    """Bring a database to the target version: create it, or copy it aside and migrate.

    `schema.sql` is version 1; a new database gets it and then every migration. Migrations are
    `migrations/0002_<what>.sql` and so on, each run in one transaction. Raises `DatabaseError` for a
    database from a newer version.
    """
    folder = migrations or _HERE / "migrations"
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > target:
            raise DatabaseError(
                f"{file} was written by a newer version (schema {version}, this one knows {target}). "
                "Upgrade, or choose another directory with --data-dir."
            )
        if version == 0:
            _run_script(connection, (_HERE / "schema.sql").read_text(), 1)
            version = 1
        elif version < target:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copy2(file, file.with_name(f"{file.name}.v{version}.bak"))
        for number in range(version + 1, target + 1):
            found = sorted(folder.glob(f"{number:04d}_*.sql"))
            if len(found) != 1:
                raise DatabaseError(f"The migration to schema {number} is missing.")
            _run_script(connection, found[0].read_text(), number)
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{file} cannot be used: {error}") from error
    finally:
        connection.close()


def _run_script(connection: sqlite3.Connection, script: str, version: int) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version={version};\nCOMMIT;")
    except sqlite3.DatabaseError:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def sync_log(file: Path) -> None:
    """Force the write-ahead log of a database to the medium; may take milliseconds."""
    try:
        descriptor = os.open(f"{file}-wal", os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


async def connect(
    file: Path, *, is_reader: bool = False, is_immutable: bool = False, wait_ms: int = BUSY_TIMEOUT_MS
) -> aiosqlite.Connection:
    """Open a connection with a thread of its own: a reader cannot write, a writer waits for a lock.

    A reader takes it that an immutable file is written by nobody.

    It is in autocommit mode; the writer begins with `BEGIN IMMEDIATE`. With `synchronous=NORMAL` a commit is in
    the file before it is acknowledged, so it survives the death of the process at any moment; the file is synced to the
    medium right after (`sync_log`), which is what it takes to survive the machine's.
    """
    place = f"{file.absolute().as_uri()}?immutable=1" if is_immutable else file
    connection = await aiosqlite.connect(place, isolation_level=None, cached_statements=_STATEMENTS, uri=is_immutable)
    try:
        connection.row_factory = sqlite3.Row
        for pragma in (*_PRAGMAS, f"busy_timeout={wait_ms}", *(("query_only=ON",) if is_reader else ())):
            await connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        await connection.close()  # an open one keeps the process alive
        raise
    return connection


def connect_on_loop(file: Path) -> sqlite3.Connection:
    """Open the connection that commits on the event loop: it waits for nobody."""
    connection = sqlite3.connect(file, isolation_level=None, cached_statements=_STATEMENTS)
    try:
        for pragma in (*_PRAGMAS, "busy_timeout=0"):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection
