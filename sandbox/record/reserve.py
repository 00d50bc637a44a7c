"""The reserve: room on the disk that is kept for when there is none left.

Every recorded call needs some, reads as well, since an answer leaves only after its event is stored. And what is in the
write-ahead log needs room once more, in the database, before the log can be written over. So when the disk is full the
reserve is given back to it, and what changes something is refused from then on: the room is for the log's return, for
reads, and for runs that end. Once there is enough room again the reserve is made anew.
"""

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from sandbox.errors import InsufficientStorage
from sandbox.limits import MIB
from sandbox.logs import get_logger

FILE_NAME: Final = "sandbox.reserve"
LOG_BYTES: Final = 16 * MIB  # that the log holds, about, before it is brought back into the database
LOW_BYTES: Final = 8 * MIB  # with less than that free a disk counts as full
RESERVE_BYTES: Final = LOG_BYTES + 8 * MIB

log = get_logger()


class Reserve:
    """The reserve of one data directory."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE_NAME
        self._one_at_a_time = threading.Lock()
        self.is_released = False

    def make(self) -> None:
        """Take the room, if the disk is not full then; else it counts as given back."""
        with self._one_at_a_time, suppress(OSError):
            self.is_released = True
            if free_bytes(self._file.parent) < RESERVE_BYTES + LOW_BYTES:
                return
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
        with self._one_at_a_time:
            if self.is_released or free_bytes(self._file.parent) >= LOW_BYTES:
                return False
            self.release()
        log.error("the disk is full; from now on only reads are recorded, until there is room again")
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
