"""The witness: a small file beside the database that knows how far the record has come.

A database that was cut, emptied, replaced or lost its log cannot tell by itself: it is a whole one of an earlier
moment. The witness is written each time the log was synced to the medium, so what it says was there.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.record.chain import Head

FILE_NAME: Final = "sandbox.witness"


@dataclass(slots=True)
class Witness:
    """What was on the medium at the last sync: the database's name and generation, and the runs that were active.

    `runs` has their playgrounds, `heads` the last event of each and its link. `size` is the database file's. A stop
    is clean when everything was brought to its end.
    """

    database_id: str
    generation: int
    size: int = 0
    is_clean: bool = False
    runs: dict[str, list[str]] = field(default_factory=dict)
    heads: dict[str, Head] = field(default_factory=dict)

    def take(self, head_of: Callable[[str], Head | None]) -> None:
        """Take in the heads of the playgrounds of active runs."""
        found = {key: head_of(key) for ids in self.runs.values() for key in ids}
        self.heads.update({key: head for key, head in found.items() if head is not None})

    def add(self, run_id: str, playground_id: str) -> None:
        """Take in a playground of a run, active or over."""
        self.runs.setdefault(run_id, []).append(playground_id)

    def forget(self, run_id: str, playground_ids: Iterable[str]) -> None:
        """Leave out playgrounds of a run that are over, and the run with the last of them."""
        over = set(playground_ids)
        self.runs[run_id] = [key for key in self.runs.get(run_id, ()) if key not in over]
        if not self.runs[run_id]:
            del self.runs[run_id]
        for playground_id in over:
            self.heads.pop(playground_id, None)

    def run_of(self, playground_id: str) -> str | None:
        """Return the run that a playground belongs to."""
        return next((run_id for run_id, ids in self.runs.items() if playground_id in ids), None)

    def to_json(self) -> bytes:
        """Write what the file holds."""
        return jsonio.dump(
            {
                "database": self.database_id,
                "generation": self.generation,
                "size": self.size,
                "clean": self.is_clean,
                "runs": self.runs,
                "heads": {key: [seq, link.hex()] for key, (seq, link) in self.heads.items()},
            }
        )

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read what the file holds. Raises `ValueError`."""
        try:
            value: Any = jsonio.parse(text)
            heads = {key: (int(seq), bytes.fromhex(link)) for key, (seq, link) in value["heads"].items()}
            runs = {key: list(ids) for key, ids in value["runs"].items()}
            return cls(
                str(value["database"]),
                int(value["generation"]),
                int(value["size"]),
                bool(value["clean"]),
                runs,
                heads,
            )
        except (SandboxError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{FILE_NAME} cannot be read") from error


def read_witness(directory: Path) -> Witness | None:
    """Return the witness of a data directory; None when there is none, or it cannot be read."""
    try:
        return Witness.from_json((directory / FILE_NAME).read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def write_witness(directory: Path, text: bytes) -> None:
    """Replace the witness, as a whole."""
    new = directory / f"{FILE_NAME}.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:  # all of it, or an error: a full disk takes a part
        file.write(text)
    new.replace(directory / FILE_NAME)
