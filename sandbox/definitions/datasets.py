"""A dataset: the files under `seeds/<name>/`, read once and known by their content hash.

What the files mean is each simulator's business (`Simulator.load_seed`).
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Dataset:
    """The files of one dataset by relative POSIX path, in path order."""

    name: str
    files: Mapping[str, bytes]

    @classmethod
    def read(cls, directory: Path) -> "Dataset":
        """Read a directory; hidden files, Python files and README.md are not data."""
        found = {}
        for path in sorted(directory.rglob("*")):
            relative = path.relative_to(directory)
            is_hidden = any(part.startswith((".", "__")) for part in relative.parts)
            if path.is_file() and not is_hidden and path.suffix != ".py" and relative.as_posix() != "README.md":
                found[relative.as_posix()] = path.read_bytes()
        return cls(directory.name, found)

    def under(self, folder: str) -> Iterator[tuple[str, bytes]]:
        """Yield `(path below folder, content)` for the files in a folder, in path order."""
        prefix = folder.rstrip("/") + "/"
        for path, content in self.files.items():
            if path.startswith(prefix):
                yield path[len(prefix) :], content

    def display(self, path: str) -> str:
        """Return how a file of the dataset is named in a problem."""
        return f"seeds/{self.name}/{path}"

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of all paths and contents."""
        digest = hashlib.sha256()
        for path, content in self.files.items():
            digest.update(f"{path}\x00{len(content)}\x00".encode())
            digest.update(content)
        return digest.hexdigest()
