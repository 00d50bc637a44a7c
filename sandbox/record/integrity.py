"""Whether the record is whole: what a start looks at before it goes on, and what `sandbox verify` looks at as well.

A start looks at what is cheap: the files, the witness (`witness.py`), and the numbers of every playground's events.
`verify_events` reads every row and every stored body again.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.record.chain import ChainBroken, ChainCheck
from sandbox.record.contents import digests, sweep
from sandbox.record.database import FILE_NAME, DatabaseError
from sandbox.record.streams import LAST_SEQ, SELECT_EVENTS, SELECT_LAST_SEQ, SEQ_BITS
from sandbox.record.witness import Witness, read_witness

_SHOWN: Final = 20
_RUN_OF: Final = "SELECT benchmark_run_id FROM playgrounds WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that is missing; `playground_id` where it is a playground's."""

    what: str
    playground_id: str | None = None

    def __str__(self) -> str:
        return self.what


class RecordLost(DatabaseError):
    """The record is not whole; the message names what is missing, `losses` all of it."""

    def __init__(self, file: Path, losses: list[Loss]) -> None:
        lines = [f"  {loss}" for loss in losses[:_SHOWN]]
        if len(losses) > _SHOWN:
            lines.append(f"  and {len(losses) - _SHOWN} more; `sandbox verify` lists them all")
        super().__init__(
            f"The record in {file} is not whole:\n"
            + "\n".join(lines)
            + "\nPut a backup in its place, with all files of the directory; or start with --accept-loss, "
            "to go on with what is there."
        )
        self.losses = losses


def losses_of_files(directory: Path, witness: Witness | None) -> list[Loss]:
    """Return what the files themselves show to be missing, before SQLite opens them."""
    file = directory / FILE_NAME
    if witness is None:
        return []
    size = file.stat().st_size if file.exists() else None
    if not size:
        how = "is empty" if size == 0 else "is not there"
        found = [Loss(f"{file} {how}, and with it everything that was recorded (generation {witness.generation})")]
        return [*found, *(Loss(_of_run(run_id, witness)) for run_id in witness.runs)]
    if size < witness.size and size < _size_by_header(file):
        return [Loss(f"{file} was cut: it has {size} bytes and had {witness.size}")]
    return []


def _size_by_header(file: Path) -> int:
    """Return how long a database says it is (https://sqlite.org/fileformat2.html, section 1.3)."""
    with file.open("rb") as opened:
        head = opened.read(32)
    page_size = int.from_bytes(head[16:18], "big")
    return int.from_bytes(head[28:32], "big") * (65536 if page_size == 1 else page_size)


def _of_run(run_id: str, witness: Witness) -> str:
    events = sum(witness.heads[key][0] for key in witness.runs[run_id] if key in witness.heads)
    return f"the run {run_id}, which was active, with {events} events"


def losses_of_record(connection: sqlite3.Connection, witness: Witness | None) -> list[Loss]:
    """Return what is missing from a database of this schema and was not accepted before."""
    accepted = {row[0] for row in connection.execute("SELECT playground_id FROM losses")}
    found = [] if witness is None else list(_losses_since(connection, witness))
    seen = {loss.playground_id for loss in found} | accepted
    found += [loss for loss in _gaps(connection) if loss.playground_id not in seen]
    return found


def _losses_since(connection: sqlite3.Connection, witness: Witness) -> Iterator[Loss]:
    database_id, generation = connection.execute("SELECT database_id, generation FROM record_state").fetchone()
    if database_id != witness.database_id:
        yield Loss(f"this is another server's database ({database_id}), not the one of this directory")
        return
    if generation >= witness.generation:
        return
    yield Loss(
        f"what was recorded last: the database is of generation {generation}, and {witness.generation} was on the disk"
    )
    for run_id, playground_ids in witness.runs.items():
        if connection.execute("SELECT 1 FROM benchmark_runs WHERE id = ?", (run_id,)).fetchone() is None:
            yield Loss(_of_run(run_id, witness))
            continue
        for playground_id in playground_ids:
            head, last = witness.heads.get(playground_id), _last_seq(connection, playground_id)
            if head is not None and last < head[0]:
                yield Loss(_missing(run_id, playground_id, last + 1, head[0]), playground_id)


def _last_seq(connection: sqlite3.Connection, playground_id: str) -> int:
    row = connection.execute(SELECT_LAST_SEQ, (playground_id,)).fetchone()
    return 0 if row is None else row[0] or 0


def _missing(run_id: str | None, playground_id: str, first: int, last: int) -> str:
    events = f"event {first}" if first == last else f"events {first} to {last}"
    return f"{events} of playground {playground_id} of the run {run_id}"


def _gaps(connection: sqlite3.Connection) -> Iterator[Loss]:
    """Yield the events that are missing between others, and at the end of task runs that are over."""
    of_stream = f"FROM event_rows WHERE place > number << {SEQ_BITS} AND place < (number + 1) << {SEQ_BITS}"
    counts = (
        f"SELECT number, playground_id, (SELECT COUNT(*) {of_stream}), (SELECT MAX(place) {of_stream}) FROM streams"
    )
    for number, playground_id, count, last_place in connection.execute(counts).fetchall():
        if count == (last_place or 0) & LAST_SEQ:
            continue
        run_id = (connection.execute(_RUN_OF, (playground_id,)).fetchone() or (None,))[0]
        places = "SELECT place FROM event_rows WHERE place > ? AND place <= ? ORDER BY place"
        there = [p & LAST_SEQ for (p,) in connection.execute(places, (number << SEQ_BITS, last_place))]
        first = next(number for number, seq in enumerate(there, 1) if number != seq)
        last = next(seq for seq in there if seq > first) - 1
        yield Loss(_missing(run_id, playground_id, first, last), playground_id)
    cut = (
        f"SELECT p.id, p.benchmark_run_id, p.end_seq, ({SELECT_LAST_SEQ.replace('?', 'p.id')}) AS last "
        "FROM playgrounds p JOIN benchmark_runs r ON r.id = p.benchmark_run_id "
        "WHERE r.pruned_at IS NULL AND p.end_seq > COALESCE(last, 0)"
    )
    for playground_id, run_id, end_seq, last in connection.execute(cut).fetchall():
        yield Loss(_missing(run_id, playground_id, (last or 0) + 1, end_seq), playground_id)


def check_start(directory: Path, *, is_loss_accepted: bool, at: str) -> list[Loss]:
    """Look at a database that is migrated; return what is missing and is accepted now.

    Raises `RecordLost` for a loss that is not accepted.
    """
    file = directory / FILE_NAME
    try:
        with closing(sqlite3.connect(file)) as connection:
            losses = losses_of_record(connection, read_witness(directory))
            if losses and not is_loss_accepted:
                raise RecordLost(file, losses)
            with connection:
                sweep(connection)
                connection.executemany(
                    "INSERT OR REPLACE INTO losses (playground_id, what, accepted_at) VALUES (?, ?, ?)",
                    [(loss.playground_id, loss.what, at) for loss in losses if loss.playground_id],
                )
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{file} cannot be used: {error}") from error
    return losses


def check_files(directory: Path, *, is_loss_accepted: bool) -> list[Loss]:
    """Look at the files before anything opens them. Raises `RecordLost` for a loss that is not accepted."""
    losses = losses_of_files(directory, read_witness(directory))
    if losses and not is_loss_accepted:
        raise RecordLost(directory / FILE_NAME, losses)
    return losses


def verify_events(connection: sqlite3.Connection) -> Iterator[Loss]:
    """Read every event and every stored body again; yield what is not what was recorded."""
    connection.row_factory = sqlite3.Row
    for (playground_id,) in connection.execute("SELECT playground_id FROM streams ORDER BY number").fetchall():
        check = ChainCheck()
        try:
            for row in connection.execute(f"{SELECT_EVENTS} ORDER BY e.place", (0, LAST_SEQ + 1, playground_id)):
                check(row)
        except ChainBroken as error:
            run = connection.execute(_RUN_OF, (playground_id,)).fetchone()
            yield Loss(f"playground {playground_id} of the run {run[0] if run else None}: {error}", playground_id)
    for sha, digest in digests(connection):
        if digest != sha:
            yield Loss(f"the stored content {sha} is not what was recorded")
    for name in ("request_sha", "response_sha"):
        missing = f"{name} IS NOT NULL AND {name} NOT IN (SELECT sha256 FROM blobs)"
        gone = f"SELECT DISTINCT {name} FROM event_rows WHERE {missing}"
        for row in connection.execute(gone):
            yield Loss(f"the stored content {row[0]} is gone")
