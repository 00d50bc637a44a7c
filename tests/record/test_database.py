"""Data directories: one server each, migrated forward after a copy, never backward."""

import os
import sqlite3
from pathlib import Path

import pytest

from sandbox.record import database
from sandbox.record.database import DatabaseError
from sandbox.record.lock import DirectoryInUse, DirectoryLock, Owner, owner_of


def version_of(file):
    connection = sqlite3.connect(file)
    try:
        return connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()


def test_a_new_database_has_the_current_schema(tmp_path):
    file = tmp_path / "x.sqlite3"
    database.migrate(file)
    assert version_of(file) == database.SCHEMA_VERSION
    database.migrate(file)
    connection = sqlite3.connect(file)
    tables = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'")]
    connection.close()
    assert tables
    assert all("STRICT" in sql for sql in tables)


def test_an_older_database_is_copied_and_migrated(tmp_path):
    file, migrations = tmp_path / "x.sqlite3", tmp_path / "migrations"
    migrations.mkdir()
    database.migrate(file)
    start = database.SCHEMA_VERSION
    (migrations / f"{start + 1:04d}_add.sql").write_text("CREATE TABLE extra (a TEXT) STRICT;")
    (migrations / f"{start + 2:04d}_fill.sql").write_text("INSERT INTO extra VALUES ('x');")
    database.migrate(file, migrations=migrations, target=start + 2)
    assert version_of(file) == start + 2
    assert version_of(tmp_path / f"x.sqlite3.v{start}.bak") == start


def test_a_migration_that_fails_changes_nothing(tmp_path):
    file, migrations = tmp_path / "x.sqlite3", tmp_path / "migrations"
    migrations.mkdir()
    database.migrate(file)
    start = database.SCHEMA_VERSION
    script = "CREATE TABLE extra (a TEXT) STRICT; INSERT INTO nowhere VALUES (1);"
    (migrations / f"{start + 1:04d}_bad.sql").write_text(script)
    with pytest.raises(DatabaseError, match="nowhere"):
        database.migrate(file, migrations=migrations, target=start + 1)
    assert version_of(file) == start
    connection = sqlite3.connect(file)
    assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'extra'").fetchall()
    connection.close()


def test_a_newer_database_is_refused(tmp_path):
    file = tmp_path / "x.sqlite3"
    database.migrate(file)
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA user_version = {database.SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(DatabaseError, match="newer version"):
        database.migrate(file)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    file = tmp_path / "x.sqlite3"
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(DatabaseError, match="cannot be used"):
        database.migrate(file)


def test_a_lock_says_who_has_the_directory_and_where_it_listens(tmp_path):
    assert owner_of(tmp_path / "missing") is None and owner_of(tmp_path) is None
    lock = DirectoryLock(tmp_path)
    assert owner_of(tmp_path) == Owner(os.getpid())
    found = Owner(os.getpid(), "http://127.0.0.1:8787", True, True, (Path("/a"), Path("/b")), (Path("/c"),))
    lock.announce(found)
    assert owner_of(tmp_path) == found
    with pytest.raises(DirectoryInUse, match=rf"process {os.getpid()}, http://127\.0\.0\.1:8787") as refused:
        DirectoryLock(tmp_path)
    assert refused.value.owner == found
    lock.announce(Owner(os.getpid()))  # shorter than before
    assert owner_of(tmp_path) == Owner(os.getpid())
    lock.release()
    assert owner_of(tmp_path) is None


@pytest.mark.parametrize(("text", "pid"), [(b"", 0), (b"{", 0), (b"[]", 0), (b"4711\n", 4711), (b'{"pid": 7}', 7)])
def test_a_lock_that_says_nothing_yet_or_less_is_read_all_the_same(text, pid):
    assert Owner.from_json(text) == Owner(pid)


def test_one_server_a_directory(tmp_path):
    lock = DirectoryLock(tmp_path / "data")
    with pytest.raises(DatabaseError, match=f"process {os.getpid()}"):
        DirectoryLock(tmp_path / "data")
    lock.release()
    lock.release()
    DirectoryLock(tmp_path / "data").release()
