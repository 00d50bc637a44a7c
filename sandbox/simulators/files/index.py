"""What is asked of the whole tree again and again, kept beside the branch: its size, directories, uses of contents.

It is derived from `files/tree` alone, and catches up with what was touched since it was last asked.
"""

from typing import Final

from sandbox.playground.branch import Branch
from sandbox.simulators.files.paths import ancestors

TREE: Final = "files/tree"
_CACHE: Final = "files/index"


class Index:
    """Sums over the files of one branch."""

    __slots__ = ("_files", "_position", "below", "total", "uses")

    def __init__(self, branch: Branch) -> None:
        self._files: dict[str, tuple[int, str]] = {}
        self.total = 0
        self.below: dict[str, int] = {}
        self.uses: dict[str, int] = {}
        self._position = len(branch.log)
        for path, row in branch.items(TREE):
            self._count(path, (row["size"], row["sha256"]))

    def catch_up(self, branch: Branch) -> None:
        """Take in what was touched since."""
        if self._position == len(branch.log):
            return
        touched, self._position = branch.touched_since(self._position)
        for path in dict.fromkeys(key for collection, key in touched if collection == TREE):
            row = branch.get(TREE, path)
            self._count(path, None if row is None else (row["size"], row["sha256"]))

    def _count(self, path: str, now: tuple[int, str] | None) -> None:
        for file, sign in ((self._files.pop(path, None), -1), (now, 1)):
            if file is None:
                continue
            size, sha256 = file
            self.total += sign * size
            _add(self.uses, sha256, sign)
            for directory in ancestors(path):
                _add(self.below, directory, sign)
        if now is not None:
            self._files[path] = now


def _add(counts: dict[str, int], key: str, number: int) -> None:
    counts[key] = counts.get(key, 0) + number
    if not counts[key]:
        del counts[key]


def index_of(branch: Branch) -> Index:
    """Return a branch's index, as of now."""
    index: Index | None = branch.caches.get(_CACHE)
    if index is None:
        index = branch.caches[_CACHE] = Index(branch)
    index.catch_up(branch)
    return index
