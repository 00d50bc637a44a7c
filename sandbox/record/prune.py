"""Removing what old runs did: their events, and the contents and datasets that nothing needs any more.

What a run came to, its scores and their evidence, stays; what was removed is said to be gone (410). Nobody else may
have the database open.
"""

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sandbox import jsonio
from sandbox.record.database import FILE_NAME
from sandbox.record.witness import read_witness, write_witness

_BLOB_OF_CHANGE: Final = re.compile(r',2,"([0-9a-f]{64})"\]')
_PRUNED_PLAYGROUNDS: Final = (
    "SELECT id FROM playgrounds WHERE benchmark_run_id IN (SELECT id FROM benchmark_runs WHERE pruned_at = ?)"
)

# A fork that is active goes on from the events of its run.
_UNUSED: Final = (
    "id NOT IN (SELECT benchmark_run_id FROM playgrounds WHERE parent_id IS NOT NULL AND status = 'active')"
)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many runs lost their events, how many those were, and the database's size in bytes before and after."""

    runs: int
    events: int
    size_before: int
    size_after: int


def prune(directory: Path, *, before: str, keep_published: bool, at: str) -> Pruned:
    """Prune the runs that were over `before` a moment; both moments as they are stored."""
    file = directory / FILE_NAME
    size_before = file.stat().st_size
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        kept = "AND published_at IS NULL" if keep_published else ""
        runs = connection.execute(
            "UPDATE benchmark_runs SET pruned_at = ? "
            f"WHERE phase = 'completed' AND completed_at < ? AND pruned_at IS NULL {kept} AND {_UNUSED}",
            (at, before),
        ).rowcount
        events = 0
        if runs:
            events = connection.execute(
                f"DELETE FROM events WHERE playground_id IN ({_PRUNED_PLAYGROUNDS})", (at,)
            ).rowcount
            _drop_datasets(connection)
            _drop_blobs(connection)
        connection.execute("COMMIT")
        if runs:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    size_after = file.stat().st_size
    witness = read_witness(directory)
    if witness is not None:
        write_witness(directory, replace(witness, size=size_after).to_json())
    return Pruned(runs, events, size_before, size_after)


def _drop_datasets(connection: sqlite3.Connection) -> None:
    """Drop the datasets that no run needs which still has its events; the present ones are kept anew at each start."""
    needed: set[str] = set()
    of_runs = "SELECT definition_hash FROM benchmark_runs WHERE pruned_at IS NULL"
    for (body,) in connection.execute(f"SELECT body FROM definitions WHERE hash IN ({of_runs})"):
        needed |= set(jsonio.parse(body)["datasets"].values())
    for (digest,) in connection.execute("SELECT DISTINCT dataset_hash FROM dataset_files").fetchall():
        if digest not in needed:
            connection.execute("DELETE FROM dataset_files WHERE dataset_hash = ?", (digest,))


def _drop_blobs(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TEMP TABLE needed (sha256 TEXT PRIMARY KEY) WITHOUT ROWID")
    for table, name in (
        ("events", "request_sha"),
        ("events", "response_sha"),
        ("dataset_files", "sha256"),
        ("llm_run_files", "sha256"),
    ):
        connection.execute(f"INSERT OR IGNORE INTO needed SELECT {name} FROM {table} WHERE {name} IS NOT NULL")
    for (changes,) in connection.execute("""SELECT changes FROM events WHERE changes LIKE '%,2,"%'""").fetchall():
        found = [(sha,) for sha in _BLOB_OF_CHANGE.findall(changes)]
        connection.executemany("INSERT OR IGNORE INTO needed VALUES (?)", found)
    connection.execute("DELETE FROM blobs WHERE sha256 NOT IN (SELECT sha256 FROM needed)")
    connection.execute("DROP TABLE needed")
