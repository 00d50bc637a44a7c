"""Open the database of a data directory: migrate, connect. Who may is `lock.py`'s.

The schema's version is SQLite's `user_version`; an older database is copied aside and migrated, a
newer one is refused.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import aiosqlite

SCHEMA_VERSION = 10
APPLICATION_ID = 0x53424F58  # "SBOX", in the file's header
_WITH_APPLICATION_ID = 6
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
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    _keep_private(file)
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        _refuse_foreign(connection, file, version)
        connection.execute("PRAGMA journal_mode=WAL")
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


def check_version(file: Path) -> None:
    """Raise `DatabaseError` for a database that is not of this version's schema, or that cannot be read."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            _refuse_foreign(connection, file, version)
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{file} cannot be read: {error}") from error
    if version != SCHEMA_VERSION:
        advice = "start `sandbox serve` on it once" if version < SCHEMA_VERSION else "upgrade"
        raise DatabaseError(f"{file} has schema {version}, this version reads {SCHEMA_VERSION}: {advice}.")


def _keep_private(file: Path) -> None:
    """Let nobody but the owner read the record: it holds credentials of simulated systems."""
    for path in (file, *file.parent.glob(f"{file.name}*")):
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _refuse_foreign(connection: sqlite3.Connection, file: Path, version: int) -> None:
    """Raise `DatabaseError` for a database that another application made."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    is_ours = not tables if version == 0 else {"benchmark_runs", "events"} <= tables
    if version >= _WITH_APPLICATION_ID:
        is_ours = is_ours and connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    if not is_ours:
        raise DatabaseError(
            f"{file} is not a sandbox's database: another application made it. "
            "Put the right one in its place, or choose another directory with --data-dir."
        )


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
