"""What SQLite's errors mean for what was to be stored, and what its sender is told (https://sqlite.org/rescode.html)."""

import errno
import sqlite3

from sandbox.errors import InsufficientStorage, SandboxError, TooLarge, Unavailable
from sandbox.record.units import WriterError

RETRY_AFTER_S = 5
# What says that the statement is at fault, not the medium: too big, a constraint, a type, a parameter.
_OWN_FAULT = frozenset(
    {sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE}
)
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def _code(error: Exception) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def is_own_fault(error: Exception) -> bool:
    """Whether a unit was refused for what it holds; the next one may be stored."""
    if not isinstance(error, sqlite3.Error):
        return isinstance(error, ValueError | OverflowError | TypeError)  # a value that SQLite cannot hold
    return _code(error) in _OWN_FAULT or isinstance(
        error, sqlite3.DataError | sqlite3.InterfaceError | sqlite3.ProgrammingError
    )


def is_full(error: Exception) -> bool:
    """Whether there is no room on the disk; something smaller may find some."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, InsufficientStorage) or _code(error) == sqlite3.SQLITE_FULL


def is_busy(error: Exception) -> bool:
    """Whether another connection holds the lock."""
    return _code(error) in _BUSY


def is_final(error: Exception) -> bool:
    """Whether nothing more can be stored: the medium fails, in a way that does not go away by itself."""
    return not (is_own_fault(error) or is_full(error) or is_busy(error))


def told(error: Exception) -> WriterError | SandboxError:
    """Return what the sender of a unit that is not stored is told."""
    if isinstance(error, WriterError):
        return error
    if is_full(error):
        return InsufficientStorage("There is no room on the disk for this; nothing was changed. Free some, and go on.")
    if is_busy(error):
        message = "Another process holds the lock of the database; nothing was changed. Try again."
        return Unavailable(message, headers={"Retry-After": str(RETRY_AFTER_S)})
    if _code(error) == sqlite3.SQLITE_TOOBIG:
        return TooLarge("This is larger than the record can hold; nothing was changed.")
    return WriterError(f"This cannot be recorded: {error}. Nothing was changed.")
