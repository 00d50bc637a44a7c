"""The chain of a playground's events: each row carries a hash of what it holds and of the row before it.

So whoever reads the events again sees whether one was changed, taken away or put in. The hash is made of the values
as they go into the row; a body that is stored by itself is in it by its name, which is its own hash.
"""

import hashlib
import sqlite3
from typing import Any, Final

from sandbox import jsonio
from sandbox.record.encode import COLUMNS

FIRST: Final = b""
_DIGEST_BYTES: Final = 16
Head = tuple[int, bytes]  # the number of an event, and its link

_REQUEST_AT, _RESPONSE_AT = COLUMNS.index("request_body"), COLUMNS.index("response_body")


def link(before: bytes, values: list[Any]) -> bytes:
    """Return the hash of a row's values, in the order of `COLUMNS`, and of the row before it; the list is used up."""
    digest = hashlib.blake2b(before, digest_size=_DIGEST_BYTES)
    asked, answered = values[_REQUEST_AT], values[_RESPONSE_AT]
    if asked is not None:
        values[_REQUEST_AT] = len(asked)
    if answered is not None:
        values[_RESPONSE_AT] = len(answered)
    digest.update(jsonio.dump(values))
    if asked is not None:
        digest.update(asked)
    if answered is not None:
        digest.update(answered)
    return digest.digest()


class ChainBroken(ValueError):
    """Events are not what was recorded; the message says which."""


class ChainCheck:
    """Checks a playground's rows, from the first one on, in order. Rows from before there were chains have no link."""

    def __init__(self) -> None:
        self.seq = 0
        self.last = FIRST
        self._is_linked = False

    def __call__(self, row: sqlite3.Row) -> None:
        """Check the next row. Raises `ChainBroken`."""
        seq = row["seq"]
        if seq != self.seq + 1:
            raise ChainBroken(f"event {self.seq + 1} is missing")
        self.seq = seq
        found = row["chain"]
        if found is None and not self._is_linked:
            return
        self._is_linked = True
        if found != link(self.last, [row[name] for name in COLUMNS]):
            raise ChainBroken(f"event {seq} is not what was recorded, or follows on another one")
        self.last = found
