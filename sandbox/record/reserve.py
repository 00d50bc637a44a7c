"""The reserve: room on the disk that is kept for when there is none left.

Every recorded call needs some, reads as well, since an answer leaves only after its event is stored. So when the disk
is full the reserve is given back to it, and what changes something is refused from then on: the room is for reads,
and for runs that end. Once there is enough room again the reserve is made anew.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from sandbox.errors import InsufficientStorage
from sandbox.limits import MIB

FILE_NAME: Final = "sandbox.reserve"
RESERVE_BYTES: Final = 8 * MIB


class Reserve:
    """The reserve of one data directory."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE_NAME
        self.is_released = False

    def make(self) -> None:
        """Take the room, if there is more than twice as much; else it counts as given back."""
        self.is_released = True
        if free_bytes(self._file.parent) < 2 * RESERVE_BYTES:
            return
        with suppress(OSError):
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
                self.is_released = False
            finally:
                os.close(descriptor)

    def release(self) -> None:
        """Give the room back to the disk."""
        self._file.unlink(missing_ok=True)
        self.is_released = True

    def release_if_full(self) -> bool:
        """Give the room back when the disk is as good as full, not just too small for one thing; say whether it was."""
        if self.is_released or free_bytes(self._file.parent) >= RESERVE_BYTES:
            return False
        self.release()
        return True

    def free_bytes(self) -> int:
        """Return how many bytes the disk still takes."""
        return free_bytes(self._file.parent)

    def check_room(self) -> None:
        """Raise `InsufficientStorage` while the room that is left is for reads."""
        if self.is_released:
            raise InsufficientStorage(
                "The disk is full: what is left is kept for reads; nothing was changed. Free some room, and go on."
            )


def free_bytes(directory: Path) -> int:
    """Return how many bytes may still be written below a directory."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize
