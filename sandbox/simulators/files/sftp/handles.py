"""Open files: what was read of one, what is being written to one. Must not know the protocol, nor playgrounds."""

import errno
import os
from dataclasses import dataclass, field
from datetime import datetime

from sandbox import limits
from sandbox.errors import TooLarge
from sandbox.simulators.files.state import FileEntry


class Room:
    """How many bytes all files that are being written may hold together, until they are closed."""

    def __init__(self, size: int = limits.UNFINISHED_BYTES) -> None:
        self._left = size

    def take(self, count: int) -> None:
        """Take room. Raises `TooLarge` when there is no more."""
        if count > self._left:
            raise TooLarge("Too much is being written at once by all sessions together; try again later.")
        self._left -= count

    def give_back(self, count: int) -> None:
        """Let others have it."""
        self._left += count


class Opened:
    """What both kinds of open files have in common."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        raise NotImplementedError

    def seek(self, offset: int, whence: int) -> int:
        """Tell where data is, from an offset on (`lseek(2)`): everywhere up to the end. Raises `OSError`, ENXIO."""
        if offset >= self.size:
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        return self.size if whence == os.SEEK_HOLE else offset


@dataclass(slots=True)
class Reading(Opened):
    """A file opened for reading: its content at that moment, and from where to where it was read."""

    path: str
    entry: FileEntry
    content: bytes = field(repr=False)
    first: int | None = None
    end: int = 0

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return len(self.content)

    @property
    def modified(self) -> datetime:
        """When it was last written."""
        return self.entry.modified

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes from an offset on; none at the end.

        >>> from sandbox.clock import parse_instant
        >>> entry = FileEntry("a", 3, "text/plain", parse_instant("2026-01-01"), "")
        >>> reading = Reading("a", entry, b"abc")
        >>> reading.read(1, 5), reading.read(3, 5), (reading.first, reading.end)
        (b'bc', b'', (1, 3))
        """
        data = self.content[offset : offset + size]
        if data:
            self.first = offset if self.first is None else min(self.first, offset)
            self.end = max(self.end, offset + len(data))
        elif not self.content:
            self.first = 0
        return data


@dataclass(slots=True)
class Writing(Opened):
    """A file opened for writing, whole in memory until it is closed or flushed. `limit` is the most it may hold.

    `is_changed` says whether there is anything that the tree does not have yet; a new or emptied file is a change.
    A file that was removed or replaced while it is open is gone (`is_gone`): what is written to it is stored nowhere.
    """

    path: str
    room: Room
    limit: int
    modified: datetime
    content: bytearray = field(default_factory=bytearray, repr=False)
    is_appending: bool = False
    is_readable: bool = False
    is_changed: bool = False
    is_gone: bool = False
    set_modified: datetime | None = None

    @property
    def size(self) -> int:
        """How many bytes the file has by now."""
        return len(self.content)

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes of what was written so far."""
        return bytes(self.content[offset : offset + size])

    def write(self, offset: int, data: bytes) -> int:
        r"""Put data at an offset, zeros before it where there was nothing. Raises `TooLarge`.

        >>> from sandbox.clock import parse_instant
        >>> writing = Writing("a", Room(10), 8, parse_instant("2026-01-01"))
        >>> writing.write(2, b"cd"), bytes(writing.content), writing.write(0, b"ab"), bytes(writing.content)
        (2, b'\x00\x00cd', 2, b'abcd')
        >>> writing.write(7, b"xy")
        Traceback (most recent call last):
        sandbox.errors.TooLarge: The file may hold 8 bytes here, and would have 9.
        """
        offset = len(self.content) if self.is_appending else offset
        if offset == len(self.content):
            self._make_room(len(data))
            self.content += data
        else:
            self.resize(max(len(self.content), offset + len(data)))
            self.content[offset : offset + len(data)] = data
        self.is_changed, self.set_modified = True, None
        return len(data)

    def fill(self, content: bytes) -> None:
        """Begin with what the file holds already, which is no change. Raises `TooLarge`."""
        self.room.take(len(content))
        self.content = bytearray(content)

    def resize(self, size: int) -> None:
        """Cut the file off, or fill it up with zeros. Raises `TooLarge`."""
        grown = size - len(self.content)
        if grown > 0:
            self._make_room(grown)
            self.content.extend(bytes(grown))
        elif grown < 0:
            del self.content[size:]
            self.room.give_back(-grown)
        else:
            return
        self.is_changed = True

    def _make_room(self, count: int) -> None:
        size = len(self.content) + count
        if size > self.limit:
            raise TooLarge(f"The file may hold {self.limit} bytes here, and would have {size}.")
        self.room.take(count)

    def release(self) -> None:
        """Give back the room; the content is stored, or is to be no more."""
        self.room.give_back(len(self.content))
        self.content = bytearray()
