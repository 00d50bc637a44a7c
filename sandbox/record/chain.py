"""The chain of a playground's events: each row carries a hash of what it holds and of the row before it.

So whoever reads the events again sees whether one was changed, taken away or put in. The hash is made of the values
as they go into the row; a body that is stored by itself is in it by its name, which is its own hash.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final

from sandbox import jsonio
from sandbox.record.encode import COLUMNS, INSERT_EVENT, PLAYGROUND_AT, SEQ_AT
from sandbox.record.units import Unit

FIRST: Final = b""
_DIGEST_BYTES: Final = 16
_KEPT: Final = 20_000
_REQUEST_AT, _RESPONSE_AT = COLUMNS.index("request_body"), COLUMNS.index("response_body")

Head = tuple[int, bytes]


def link(before: bytes, values: Sequence[Any]) -> bytes:
    """Return the hash of a row's values, in the order of `COLUMNS`, and of the row before it."""
    heads = list(values)
    bodies = heads[_REQUEST_AT], heads[_RESPONSE_AT]
    heads[_REQUEST_AT], heads[_RESPONSE_AT] = [None if body is None else len(body) for body in bodies]
    digest = hashlib.blake2b(before, digest_size=_DIGEST_BYTES)
    digest.update(jsonio.dump(heads))
    for body in bodies:
        if body is not None:
            digest.update(body)
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


class Chains:
    """The last link of every playground that was written to of late."""

    def __init__(self, read_last: Callable[[str], bytes | None]) -> None:
        self._read_last = read_last
        self._heads: dict[str, Head] = {}

    def fill(self, units: Sequence[Unit]) -> None:
        """Write the links of the events in units that are about to be stored, in their order."""
        ahead: dict[str, bytes] = {}
        for unit in units:
            for sql, values in unit.statements:
                if sql is INSERT_EVENT:
                    playground_id = values[PLAYGROUND_AT]
                    before = ahead.get(playground_id)
                    if before is None:
                        before = self._last(playground_id, values[SEQ_AT])
                    try:
                        ahead[playground_id] = values[-1] = link(before, values[:-1])  # type: ignore[index]
                    except (TypeError, ValueError):
                        continue  # what JSON cannot hold SQLite refuses, and this event alone

    def _last(self, playground_id: str, seq: int) -> bytes:
        head = self._heads.get(playground_id)
        if head is not None:
            return head[1]
        return FIRST if seq == 1 else self._read_last(playground_id) or FIRST

    def settle(self, units: Sequence[Unit]) -> None:
        """Take in the links of what is stored."""
        for unit in units:
            if unit.error is None:
                for sql, values in unit.statements:
                    if sql is INSERT_EVENT:
                        self._heads[values[PLAYGROUND_AT]] = values[SEQ_AT], values[-1]
        while len(self._heads) > _KEPT:
            del self._heads[next(iter(self._heads))]

    def head(self, playground_id: str) -> Head | None:
        """Return the last event that is stored and its link; None for a playground that nothing was written to."""
        return self._heads.get(playground_id)
