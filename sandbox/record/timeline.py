"""The timeline of one playground: its state after any of its events, folded as far as anybody asked.

What was folded is kept every `MARK_EVENTS` events, so that another look does not fold from the beginning. The states
share what they have in common (`playground/branch.py`), so a mark costs what changed since the one before it, and
there are no more of them once that comes to `MARKS_BYTES`.
"""

import asyncio
import sqlite3
from bisect import bisect_right
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sandbox.clock import parse_instant
from sandbox.errors import NotFound
from sandbox.limits import MIB
from sandbox.playground.branch import Branch, Overlay, Seed
from sandbox.playground.calls import Present
from sandbox.playground.clock import ClockState
from sandbox.playground.events import RESTORED
from sandbox.record.chain import ChainCheck
from sandbox.record.encode import size_of
from sandbox.record.reader import Reader

MARK_EVENTS: Final = 500
MARKS: Final = 2_000
MARKS_BYTES: Final = 256 * MIB

_NOTHING: Final = Present(Branch(Seed()).overlay, 0, 0, None)


@dataclass(frozen=True, slots=True)
class _Mark:
    present: Present
    check: ChainCheck


def _changes_nothing(row: sqlite3.Row) -> bool:
    return row["changes"] is None and row["type"] != RESTORED


class _Fold:
    """A fold under way, from a mark on: the branch, and what the rows say that were seen."""

    def __init__(self, seed: Seed, begin: _Mark, keep: Callable[[_Mark, int], None]) -> None:
        self.branch = Branch(seed, begin.present.overlay)
        self.seq = begin.present.seq
        self.size = 0
        self._asides = begin.present.asides
        self._check = copy(begin.check)
        self._at: datetime | str | None = begin.present.at
        self._keep = keep

    def see(self, row: sqlite3.Row) -> None:
        """Take note of the next row; all before it are applied. Raises `ChainBroken`."""
        if self.seq % MARK_EVENTS == 0:
            self.keep()
        self._check(row)
        self.seq = row["seq"]
        self._asides += row["actor"] == "organization"
        if not row["view"]:
            self._at = row["at"]

    def mark(self) -> _Mark:
        """Return how it is now."""
        at = parse_instant(self._at) if isinstance(self._at, str) else self._at
        has_clock = ClockState.read(self.branch) is not None
        present = Present(self.branch.overlay, self.seq, self._asides, at if has_clock else None)
        return _Mark(present, copy(self._check))

    def keep(self) -> None:
        """Have it kept how it is now."""
        self.branch.log.clear()
        self._keep(self.mark(), self.size)
        self.size = 0


class Timeline:
    """Folds a playground's stored events on its seed, or on `base`: what a fork began with, as its event 0."""

    def __init__(self, reader: Reader, playground_id: str, seed: Seed, base: Present = _NOTHING) -> None:
        self.seed = seed
        self.base = replace(base, seq=0)
        self._reader = reader
        self._id = playground_id
        self._marks = {0: _Mark(self.base, ChainCheck())}
        self._marked = [0]
        self._room = MARKS_BYTES
        self._turn = asyncio.Lock()

    async def at(self, seq: int | None = None) -> Present:
        """Return the playground after an event, after the last that is stored for None.

        Raises `NotFound` for an event that is not there, `Gone` where all were pruned, `ChainBroken` where one is
        missing or is not what was recorded.
        """
        async with self._turn:
            return (await self._at(seq)).present

    def branch(self, present: Present) -> Branch:
        """Return a state as a branch of its own."""
        return Branch(self.seed, present.overlay)

    async def _at(self, wanted: int | None) -> _Mark:
        place = len(self._marked) if wanted is None else bisect_right(self._marked, wanted)
        mark = self._marks[self._marked[place - 1]]
        after = mark.present.seq
        if after == wanted:
            return mark
        fold = _Fold(self.seed, mark, self._keep)
        async for event in self._reader.events(
            self._id, after_seq=after, until_seq=wanted, check=fold.see, skip=_changes_nothing
        ):
            to = event.restored_to
            if to is not None:
                fold.branch.reset(await self._overlay_at(to))
            for change in event.changes:
                fold.branch.apply(change)
            fold.size += size_of(event)
            if to is not None:
                fold.keep()
        if wanted is not None and fold.seq != wanted:
            raise NotFound(f"The playground {self._id} has no event {wanted}; its last is {fold.seq}.")
        return fold.mark()

    async def _overlay_at(self, seq: int) -> Overlay:
        """Return where a restore returned to; kept, as restores follow each other."""
        mark = await self._at(seq)
        self._keep(mark, 0)
        return mark.present.overlay

    def _keep(self, mark: _Mark, size: int) -> None:
        seq = mark.present.seq
        if seq not in self._marks and len(self._marks) < MARKS and size <= self._room:
            self._room -= size
            self._marks[seq] = mark
            self._marked.insert(bisect_right(self._marked, seq), seq)
