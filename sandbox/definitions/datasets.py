"""A dataset: the files under `seeds/<name>/`, read once and known by their content hash.

What the files mean is each simulator's business (`Simulator.load_seed`).
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sandbox import limits
from sandbox.definitions.problems import DefinitionError
from sandbox.definitions.reading import read_inside


@dataclass(frozen=True)
class Dataset:
    """The files of one dataset by relative POSIX path, in path order."""

    name: str
    files: Mapping[str, bytes]

    @classmethod
    def read(cls, directory: Path) -> "Dataset":
        """Read a directory below one of seeds; hidden files, Python files and README.md are not data.

        Raises `DefinitionError` naming every link that leads out of the directory of seeds, and what is no file.
        """
        found, problems = {}, []
        for path in _paths(directory):
            relative = path.relative_to(directory).as_posix()
            if path.suffix == ".py" or relative == "README.md":
                continue
            try:
                content = read_inside(
                    path, directory.parent, f"seeds/{directory.name}/{relative}", limit=limits.FILE_BYTES
                )
            except DefinitionError as error:
                problems += error.problems
            else:
                found[relative] = content
        if problems:
            raise DefinitionError(problems)
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


def _paths(directory: Path) -> list[Path]:
    """Return what is below a directory and not hidden, but no directories; a link to one counts as a file."""
    found = []
    for folder, names, files in os.walk(directory):
        names[:] = [name for name in names if not name.startswith((".", "__"))]
        links = [name for name in names if Path(folder, name).is_symlink()]
        found += [Path(folder, name) for name in (*files, *links) if not name.startswith((".", "__"))]
    return sorted(found)
