"""The rules of the file tree: what is where, and how it changes.

`files/tree` holds `{size, content_type, modified_at, sha256}` by path, `files/_content` the bytes
by SHA-256, each content once. A directory exists while a file lies below it; the usual three of a drop
always do, and those in `files/_directories`, which were made or lost their last file over SFTP, until they are
removed. Must not know the wire.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sandbox import limits
from sandbox.clock import format_instant, parse_instant
from sandbox.errors import Conflict, Invalid, NotFound, TooLarge
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.playground.clock import ClockState
from sandbox.playground.playground import Interaction
from sandbox.simulators.files.index import TREE, index_of
from sandbox.simulators.files.paths import ancestors, check_path
from sandbox.wire.file_types import guess_type

CONTENT: Final = "files/_content"
DIRECTORIES: Final = "files/_directories"
FIXED_DIRECTORIES: Final = ("archive", "inbox", "outbound")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of the tree, without its bytes."""

    path: str
    size: int
    content_type: str
    modified: datetime
    sha256: str

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


def describe(content: bytes, modified_at: str | None, content_type: str | None = None) -> Json:
    """Return the `files/tree` document of a content; `modified_at` is None for a seeded file, `content_type`
    where the name tells it.

    >>> describe(b"hi", None)["size"]
    2
    """
    return {
        "size": len(content),
        "content_type": content_type,
        "modified_at": modified_at,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def content_type_of(path: str, row: Json) -> str:
    """Return a file's type: the one it was written with, else the one that its name tells."""
    return row["content_type"] or guess_type(path)


def find_file(tx: Interaction, path: str) -> FileEntry | None:
    """Return the file at a path, or None."""
    row = tx.get(TREE, path)
    return None if row is None else _entry(path, row, birth_of(tx))


def read_content(branch: Branch, sha256: str) -> bytes:
    """Return the bytes of a content that the tree names."""
    content = branch.get(CONTENT, sha256)
    assert isinstance(content, bytes), f"the tree names a content that is missing: {sha256}"
    return content


def list_files(tx: Interaction, directory: str = "") -> list[FileEntry]:
    """Return every file below a directory (all of them by default), by path."""
    prefix = f"{directory}/" if directory else ""
    birth = birth_of(tx)
    rows = [(path, row) for path, row in tx.branch.items(TREE) if path.startswith(prefix)]
    return [_entry(path, row, birth) for path, row in sorted(rows, key=lambda item: item[0])]


def list_directory(tx: Interaction, directory: str) -> tuple[list[str], list[FileEntry]]:
    """Return the paths of the directories, and the files, that lie directly in a directory."""
    prefix = f"{directory}/" if directory else ""
    folders = set(FIXED_DIRECTORIES) if not directory else set()
    files = []
    for kept in _kept_below(tx, prefix):
        folders.add(prefix + kept[len(prefix) :].partition("/")[0])
    for entry in list_files(tx, directory):
        name, slash, _ = entry.path[len(prefix) :].partition("/")
        if slash:
            folders.add(prefix + name)
        else:
            files.append(entry)
    return sorted(folders), files


def is_directory(tx: Interaction, path: str) -> bool:
    """Tell whether a path is a directory; the root is the empty path."""
    if not path or path in FIXED_DIRECTORIES or tx.get(DIRECTORIES, path) is not None:
        return True
    return path in index_of(tx.branch).below or bool(_kept_below(tx, f"{path}/"))


def make_directory(tx: Interaction, path: str) -> None:
    """Make a directory that stays while it is empty. Raises `Invalid`, `Conflict` where there is something already."""
    check_path(path)
    if find_file(tx, path) is not None or is_directory(tx, path):
        raise Conflict(f"There is a file or directory {path} already.")
    _check_place(tx, path)
    if tx.branch.count(DIRECTORIES) >= limits.FILE_DIRECTORIES:
        raise TooLarge(f"The file tree may hold {limits.FILE_DIRECTORIES} directories of their own.")
    tx.put(DIRECTORIES, path, {"made_at": tx.now_text})


def remove_directory(tx: Interaction, path: str) -> None:
    """Remove an empty directory. Raises `NotFound`, `Conflict` for one that is not empty or is fixed."""
    if not is_directory(tx, path):
        raise NotFound(f"There is no directory {path}.")
    if path in FIXED_DIRECTORIES:
        raise Conflict(f"{path} is a fixed directory and stays.")
    if list_files(tx, path) or _kept_below(tx, f"{path}/"):
        raise Conflict(f"{path} is not empty; delete or move what is in it first.")
    tx.delete(DIRECTORIES, path)


def keep_directory(tx: Interaction, path: str) -> None:
    """Let a directory stay that has just lost its last file."""
    if path and not is_directory(tx, path):
        tx.put(DIRECTORIES, path, {"made_at": tx.now_text})


def _kept_below(tx: Interaction, prefix: str) -> list[str]:
    return [path for path, _ in tx.branch.documents(DIRECTORIES) if path.startswith(prefix)]


def write_file(tx: Interaction, path: str, content: bytes, content_type: str | None = None) -> bool:
    """Put a file; return whether it is new.

    Raises `Invalid` (unsafe path), `Conflict` (a directory is there, or a file where a directory
    would be), `TooLarge` (the file or the tree).
    """
    check_path(path)
    _check_place(tx, path)
    if len(content) > limits.FILE_BYTES:
        raise TooLarge(f"A file may have {limits.FILE_BYTES} bytes; this one has {len(content)}.")
    before = tx.get(TREE, path)
    total = size_of_tree(tx) - (before["size"] if before else 0) + len(content)
    if total > limits.FILE_TREE_BYTES:
        raise TooLarge(f"The file tree may hold {limits.FILE_TREE_BYTES} bytes; with this file it would hold {total}.")
    row = describe(content, tx.now_text, content_type)
    tx.put(TREE, path, row)
    if tx.get(CONTENT, row["sha256"]) is None:
        tx.put(CONTENT, row["sha256"], content)
    if before is not None:
        _release(tx, before["sha256"])
    return before is None


def size_of_tree(tx: Interaction) -> int:
    """Return how many bytes all files have together."""
    return index_of(tx.branch).total


def set_modified(tx: Interaction, path: str, moment: datetime) -> None:
    """Give a file another time of its last change. Raises `NotFound`."""
    row = tx.get(TREE, path)
    if row is None:
        raise NotFound(f"There is no file {path}.")
    tx.put(TREE, path, {**row, "modified_at": format_instant(moment)})


def delete_file(tx: Interaction, path: str) -> None:
    """Delete a file; raises `NotFound`, `Conflict` for a directory."""
    row = tx.get(TREE, path)
    if row is None:
        if is_directory(tx, path):
            raise Conflict(f"{path} is a directory; only files can be deleted, and a directory goes with its last one.")
        raise NotFound(f"There is no file {path}.")
    tx.delete(TREE, path)
    _release(tx, row["sha256"])


def move(tx: Interaction, path: str, target: str, *, is_replacing: bool = False) -> None:
    """Move a file, or a directory with all that is in it. A file may take the place of another if it `is_replacing`.

    Raises `NotFound`, `Invalid` (unsafe target), `Conflict` (the target exists, lies in the moved
    directory, or would make a directory of a file).
    """
    check_path(target, "move_to")
    row = tx.get(TREE, path)
    is_folder = row is None and is_directory(tx, path)
    if row is None and not is_folder:
        raise NotFound(f"There is no file or directory {path}.")
    if path in FIXED_DIRECTORIES:
        raise Conflict(f"{path} is a fixed directory and stays; move what is in it.")
    if target == path or target.startswith(f"{path}/"):
        raise Conflict(f"{path} cannot be moved to {target}, which is itself or inside it.")
    if tx.get(TREE, target) is not None:
        if not is_replacing or is_folder:
            raise Conflict(f"There is a file {target} already; delete it first or choose another name.")
        delete_file(tx, target)
    moved = [entry.path for entry in list_files(tx, path)] if is_folder else [path]
    kept = [path, *_kept_below(tx, f"{path}/")] if is_folder else []
    for name in (*moved, *kept):
        check_path(target + name[len(path) :], "move_to")
    _check_place(tx, target)
    for name in moved:
        document = tx.get(TREE, name)
        tx.delete(TREE, name)
        # A move keeps the time of the content, as rename does; a seeded file's stays open.
        tx.put(TREE, target + name[len(path) :], document)
    for name in kept:
        document = tx.get(DIRECTORIES, name)
        if document is not None:
            tx.delete(DIRECTORIES, name)
            tx.put(DIRECTORIES, target + name[len(path) :], document)


def modified_at(entry: FileEntry) -> str:
    """Return when a file was last written, as written on the wire."""
    return format_instant(entry.modified)


def _entry(path: str, row: Json, birth: datetime) -> FileEntry:
    modified = parse_instant(row["modified_at"]) if row["modified_at"] else birth
    return FileEntry(path, row["size"], content_type_of(path, row), modified, row["sha256"])


def birth_of(tx: Interaction) -> datetime:
    """Return when the seeded files were put there: when the playground's clock began."""
    state = ClockState.read(tx.branch)
    return tx.now if state is None else state.start


def _check_place(tx: Interaction, path: str) -> None:
    for above in ancestors(path):
        if tx.get(TREE, above) is not None:
            raise Conflict(f"{above} is a file, so nothing can lie below it.")
    if is_directory(tx, path):
        raise Conflict(f"{path} is a directory; give the name of a file.")


def _release(tx: Interaction, sha256: str) -> None:
    """Delete a content that no file has any more."""
    if sha256 not in index_of(tx.branch).uses:
        tx.delete(CONTENT, sha256)


def seed_rows(files: Iterator[tuple[str, bytes]]) -> tuple[dict[str, Json], dict[str, bytes]]:
    """Return the tree and the contents of an initial tree; raises `Invalid` for an unsafe path."""
    tree: dict[str, Json] = {}
    contents: dict[str, bytes] = {}
    for path, content in files:
        check_path(path)
        if path in FIXED_DIRECTORIES:
            raise Invalid(f"{path} is a directory of every file drop and cannot be a file.")
        if len(content) > limits.FILE_BYTES:
            raise TooLarge(f"{path} has {len(content)} bytes; a file may have {limits.FILE_BYTES}.")
        row = describe(content, None)
        tree[path] = row
        contents[row["sha256"]] = content
    return tree, contents
