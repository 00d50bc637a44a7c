"""The watch: whether the files that are written to are still the database.

A process goes on writing to files that were deleted or replaced, and is told that all went well; to one that was cut
it writes at the old place, behind a hole. So the files are looked at again and again: that they are the same ones,
that they did not become shorter, that the log has its head and no holes (https://sqlite.org/fileformat2.html, section
4), and that somebody who opens the database anew reads the row that was written last.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

_LOG_MAGIC: Final = (0x377F0682, 0x377F0683)


class Watch:
    """Looks at the files of one open database; may take milliseconds, so on a thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._log = file.with_name(f"{file.name}-wal")
        self._is = _identity(file)
        self._log_is: tuple[int, int] | None = None
        self.size = file.stat().st_size

    def find_problem(self, generation: int, *, is_deep: bool) -> str | None:
        """Return what happened to the files, None when all is well.

        `generation` is the least that the database holds. Who looks deep opens the database as well.
        """
        found = _identity(self._file)
        if found is None:
            return f"the database {self._file} is gone"
        if found != self._is:
            return f"the database {self._file} was replaced by another file"
        size = self._file.stat().st_size
        if size < self.size:
            return f"the database {self._file} was cut from {self.size} to {size} bytes"
        self.size = size
        return self._find_problem_of_log() or (self._read_back(generation) if is_deep else None)

    def _find_problem_of_log(self) -> str | None:
        found = _identity(self._log)
        if self._log_is is None:
            self._log_is = found
        if found is None:
            return None if self._log_is is None else f"the database's log {self._log} is gone"
        if found != self._log_is:
            return f"the database's log {self._log} was replaced by another file"
        try:
            descriptor = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return f"the database's log {self._log} is gone"
        try:
            size = os.fstat(descriptor).st_size
            if size == 0:  # brought over and cut by SQLite itself, or by somebody else: reading back tells
                return self._read_back(0)
            if int.from_bytes(os.pread(descriptor, 4, 0), "big") not in _LOG_MAGIC:
                return f"the database's log {self._log} was overwritten"
            if os.lseek(descriptor, 0, os.SEEK_HOLE) < size:
                return f"the database's log {self._log} was cut"
        finally:
            os.close(descriptor)
        return None

    def _read_back(self, generation: int) -> str | None:
        try:
            with closing(sqlite3.connect(self._file, isolation_level=None, timeout=0.1)) as connection:
                row = connection.execute("SELECT generation FROM record_state").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM):
                return None
            return f"the database {self._file} cannot be read back ({error})"
        except sqlite3.DatabaseError as error:
            return f"the database {self._file} cannot be read back ({error})"
        if row is None or row[0] < generation:
            return f"the database {self._file} does not hold what was written to it last"
        return None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
