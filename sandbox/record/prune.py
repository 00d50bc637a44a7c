"""Removing what old runs did: their events, what LLM task runs were given and gave, and the contents and datasets that
nothing needs any more.

What a run came to, its scores and their evidence, stays; what was removed is said to be gone (410). Nobody else may
have the database open.
"""

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sandbox import jsonio
from sandbox.record.contents import read_content, sweep
from sandbox.record.database import FILE_NAME
from sandbox.record.encode import name_of_changes, names_in_changes
from sandbox.record.streams import SEQ_BITS
from sandbox.record.witness import read_witness, write_witness

_NAMES_BLOBS: Final = """(changes LIKE '%,2,"%' OR changes LIKE '%,4,"%' OR changes LIKE '"%')"""
LLM_RUN_OWNER: Final = "benchmark_run_id"  # in the body of a stored LLM task run, where a run token made it
_PRUNED_PLAYGROUNDS: Final = (
    "SELECT id FROM playgrounds WHERE benchmark_run_id IN (SELECT id FROM benchmark_runs WHERE pruned_at = ?)"
)

# A fork that is active goes on from the events of its run.
_UNUSED: Final = (
    "id NOT IN (SELECT benchmark_run_id FROM playgrounds WHERE parent_id IS NOT NULL AND status = 'active')"
)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many runs lost their events and how many those were, how many LLM task runs lost what they hold, and the
    database's size in bytes before and after."""

    runs: int
    events: int
    llm_runs: int
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
            events = _drop_events(connection, at)
            _drop_datasets(connection)
        llm_runs = _prune_llm_runs(connection, before, at)
        if runs or llm_runs:
            _drop_blobs(connection)
        connection.execute("COMMIT")
        if runs or llm_runs:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    size_after = file.stat().st_size
    witness = read_witness(directory)
    if witness is not None:
        write_witness(directory, replace(witness, size=size_after).to_json())
    return Pruned(runs, events, llm_runs, size_before, size_after)


def _prune_llm_runs(connection: sqlite3.Connection, before: str, at: str) -> int:
    """Empty the LLM task runs of benchmark runs that are pruned, and those of nobody's that are as old.

    The rows stay: figures are made of them, and the choice between weighted revisions.
    """
    owner = f"json_extract(body, '$.{LLM_RUN_OWNER}')"
    pruned = connection.execute(
        f"UPDATE llm_runs SET pruned_at = ?, body = json_object('{LLM_RUN_OWNER}', {owner}) "
        "WHERE pruned_at IS NULL AND "
        f"CASE WHEN {owner} IS NULL THEN created < ? "
        f"ELSE {owner} IN (SELECT id FROM benchmark_runs WHERE pruned_at IS NOT NULL) END",
        (at, before),
    ).rowcount
    if pruned:
        of_them = "SELECT id FROM llm_runs WHERE pruned_at IS NOT NULL"
        connection.execute(f"DELETE FROM llm_run_files WHERE run_id IN ({of_them})")
    return pruned


def _drop_events(connection: sqlite3.Connection, pruned_at: str) -> int:
    """Drop the events of the playgrounds whose runs were pruned at a moment; return how many those were."""
    count = 0
    of_runs = f"SELECT number FROM streams WHERE playground_id IN ({_PRUNED_PLAYGROUNDS})"
    for (number,) in connection.execute(of_runs, (pruned_at,)).fetchall():
        bounds = number << SEQ_BITS, (number + 1) << SEQ_BITS
        count += connection.execute("DELETE FROM event_rows WHERE place > ? AND place < ?", bounds).rowcount
        connection.execute("DELETE FROM streams WHERE number = ?", (number,))
    return count


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
        ("event_rows", "request_sha"),
        ("event_rows", "response_sha"),
        ("dataset_files", "sha256"),
        ("llm_run_files", "sha256"),
    ):
        connection.execute(f"INSERT OR IGNORE INTO needed SELECT {name} FROM {table} WHERE {name} IS NOT NULL")
    for (text,) in connection.execute(f"SELECT changes FROM event_rows WHERE {_NAMES_BLOBS}").fetchall():
        whole = name_of_changes(text)
        found = [] if whole is None else [whole]
        with suppress(KeyError):  # what is gone is `verify`'s to tell
            found += names_in_changes(text if whole is None else read_content(connection, whole).decode())
        connection.executemany("INSERT OR IGNORE INTO needed VALUES (?)", [(sha,) for sha in found])
    connection.execute("DELETE FROM blobs WHERE sha256 NOT IN (SELECT sha256 FROM needed)")
    sweep(connection)
    connection.execute("DROP TABLE needed")
