"""Who has a data directory: one server at a time, and others on this machine can read which, and where it listens.

The lock is the kernel's, on a file of the directory, so it ends with the process that holds it, however that ends; what
the file says is only true while the lock is held.
"""

import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.record.database import FILE_NAME, DatabaseError

LOCK_NAME: Final = "sandbox.lock"
_READ: Final = 64 * 1024
_LOOK_S: Final = 0.05  # how long somebody who only looks may be in the way


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that has a data directory.

    `url` is None until it listens. `is_lasting` tells a server from one that ends with the rehearsal or the test it
    was started for. `playgrounds` and `seeds` are where its definitions come from.
    """

    pid: int
    url: str | None = None
    is_lasting: bool = False
    is_strict: bool = False
    playgrounds: tuple[Path, ...] = ()
    seeds: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return f"process {self.pid or 'unknown'}" + (f", {self.url}" if self.url else "")

    def to_json(self) -> bytes:
        """Write what the file holds."""
        value = {
            "pid": self.pid,
            "url": self.url,
            "lasting": self.is_lasting,
            "strict": self.is_strict,
            "playgrounds": [str(path) for path in self.playgrounds],
            "seeds": [str(path) for path in self.seeds],
        }
        return jsonio.dump(value) + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read what the file holds; a file that is being written at this moment says nothing yet."""
        value: Any = None
        with suppress(SandboxError):
            value = jsonio.parse(text)
        if isinstance(value, int):  # as versions before wrote it
            return cls(value)
        if not isinstance(value, dict):
            return cls(0)
        return cls(
            value.get("pid") or 0,
            value.get("url"),
            bool(value.get("lasting")),
            bool(value.get("strict")),
            tuple(map(Path, value.get("playgrounds") or ())),
            tuple(map(Path, value.get("seeds") or ())),
        )


class DirectoryInUse(DatabaseError):
    """Somebody has the data directory; `owner` says who."""

    def __init__(self, directory: Path, owner: Owner) -> None:
        super().__init__(
            f"Another server ({owner}) uses the data directory {directory}. "
            "Stop it, or choose another directory with --data-dir."
        )
        self.owner = owner


class DirectoryLock:
    """Holds a data directory for this process until `release`."""

    def __init__(self, directory: Path) -> None:
        """Take the lock. Raises `DirectoryInUse` naming the process that has it."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (directory / FILE_NAME).exists() and directory.stat().st_mode & 0o077:
            directory.chmod(0o700)  # made by a version before
        self._fd = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _take(self._fd, fcntl.LOCK_EX):
            time.sleep(_LOOK_S)
            if not _take(self._fd, fcntl.LOCK_EX):
                owner = _read(self._fd)
                os.close(self._fd)
                raise DirectoryInUse(directory, owner)
        self.announce(Owner(os.getpid()))

    def announce(self, owner: Owner) -> None:
        """Say who has the directory, for others to read."""
        text = owner.to_json()
        os.pwrite(self._fd, text, 0)
        os.ftruncate(self._fd, len(text))

    def release(self) -> None:
        """Give the directory free; safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def owner_of(directory: Path) -> Owner | None:
    """Return who has a data directory, None when nobody does. Nothing is made or changed."""
    try:
        descriptor = os.open(directory / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return None if _take(descriptor, fcntl.LOCK_SH) else _read(descriptor)
    finally:
        os.close(descriptor)


def _take(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int) -> Owner:
    return Owner.from_json(os.pread(descriptor, _READ, 0))
