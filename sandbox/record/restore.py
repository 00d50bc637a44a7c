"""From rows back to what was running: datasets, definitions, and branches folded from events."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sandbox import jsonio
from sandbox.playground.branch import Branch, Seed
from sandbox.record.encode import INSERT_BLOB
from sandbox.record.reader import Reader
from sandbox.record.timeline import Timeline
from sandbox.record.writer import Statement


def dataset_statements(name: str, dataset_hash: str, files: Mapping[str, bytes]) -> Iterable[Statement]:
    """Return the inserts that keep a dataset's files, so that its runs outlive a change on disk."""
    for path, content in files.items():
        sha = hashlib.sha256(content).hexdigest()
        yield INSERT_BLOB, (sha, content)
        yield (
            "INSERT OR IGNORE INTO dataset_files (dataset_hash, name, path, sha256) VALUES (?, ?, ?, ?)",
            (dataset_hash, name, path, sha),
        )


async def is_dataset_kept(reader: Reader, dataset_hash: str) -> bool:
    """Whether the files of a dataset are already stored."""
    return await reader.row("SELECT 1 FROM dataset_files WHERE dataset_hash = ? LIMIT 1", dataset_hash) is not None


async def read_dataset(reader: Reader, dataset_hash: str) -> dict[str, bytes]:
    """Return a dataset's files as they were when a run started; none when they are not stored."""
    rows = await reader.rows(
        "SELECT path, body FROM dataset_files JOIN blobs USING (sha256) WHERE dataset_hash = ? ORDER BY path",
        dataset_hash,
    )
    return {row["path"]: bytes(row["body"]) for row in rows}


async def read_frozen(reader: Reader, definition_hash: str) -> bytes:
    """Return the frozen benchmark that a run was made from. Raises `LookupError`."""
    row = await reader.row("SELECT body FROM definitions WHERE hash = ?", definition_hash)
    if row is None:
        raise LookupError("it is not stored any more")
    body = str(row["body"]).encode()
    if hashlib.sha256(body).hexdigest() != definition_hash:
        raise LookupError("it is not what was stored")
    return body


@dataclass(frozen=True, slots=True)
class Folded:
    """A playground as its events leave it: the last one's `seq`, how many of them were the organization's, and the time
    on its clock; None while that is not set."""

    branch: Branch
    seq: int
    asides: int
    at: datetime | None


async def fold_playground(reader: Reader, playground_id: str, seed: Seed, *, until_seq: int | None = None) -> Folded:
    """Fold a playground's stored events on its seed.

    Raises `ChainBroken` where an event is missing or is not what was recorded.
    """
    return await fold_timeline(Timeline(reader, playground_id, seed), until_seq)


async def fold_timeline(timeline: Timeline, until_seq: int | None = None) -> Folded:
    """Fold as `fold_playground` does."""
    present = await timeline.at(until_seq)
    return Folded(timeline.branch(present), present.seq, present.asides, present.at)


def frozen_parts(body: bytes) -> tuple[jsonio.Json, dict[str, str], dict[str, jsonio.Json]]:
    """Split a frozen benchmark into its definition, its datasets' hashes, and the states that its solution leaves."""
    value = jsonio.parse(body)
    return value["definition"], dict(value["datasets"]), dict(value.get("solution_states") or {})
