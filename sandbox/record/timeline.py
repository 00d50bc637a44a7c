"""The timeline of one playground: its state after any of its events, folded as far as anybody asked.

What was folded is kept every `MARK_EVENTS` events, so that another look does not fold from the beginning. The states
share what they have in common (`playground/branch.py`), so a mark costs what changed since the one before it.
"""

import asyncio
from bisect import bisect_right
from copy import copy
from dataclasses import dataclass, replace
from typing import Final

from sandbox.errors import NotFound
from sandbox.playground.branch import Branch, Overlay, Seed
from sandbox.playground.calls import Present
from sandbox.playground.clock import ClockState
from sandbox.record.chain import ChainCheck
from sandbox.record.reader import Reader

MARK_EVENTS: Final = 500
MARKS: Final = 2_000

_NOTHING: Final = Present(Branch(Seed()).overlay, 0, 0, None)


@dataclass(frozen=True, slots=True)
class _Mark:
    present: Present
    check: ChainCheck


class Timeline:
    """Folds a playground's stored events on its seed, or on `base`: what a fork began with, as its event 0."""

    def __init__(self, reader: Reader, playground_id: str, seed: Seed, base: Present = _NOTHING) -> None:
        self.seed = seed
        self.base = replace(base, seq=0)
        self._reader = reader
        self._id = playground_id
        self._marks = {0: _Mark(self.base, ChainCheck())}
        self._marked = [0]
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
        seq, asides, at = mark.present.seq, mark.present.asides, mark.present.at
        if seq == wanted:
            return mark
        branch, check = Branch(self.seed, mark.present.overlay), copy(mark.check)
        async for event in self._reader.events(self._id, after_seq=seq, until_seq=wanted, check=check):
            to = event.restored_to
            if to is not None:
                branch.reset(await self._overlay_at(to))
            for change in event.changes:
                branch.apply(change)
            seq = event.seq
            asides += event.actor == "organization"
            at = event.at if ClockState.read(branch) is not None else None
            if seq % MARK_EVENTS == 0 or to is not None:
                branch.log.clear()
                self._keep(_Mark(Present(branch.overlay, seq, asides, at), copy(check)))
        if wanted is not None and seq != wanted:
            raise NotFound(f"The playground {self._id} has no event {wanted}; its last is {seq}.")
        return _Mark(Present(branch.overlay, seq, asides, at), check)

    async def _overlay_at(self, seq: int) -> Overlay:
        """Return where a restore returned to; kept, as restores follow each other."""
        mark = await self._at(seq)
        self._keep(mark)
        return mark.present.overlay

    def _keep(self, mark: _Mark) -> None:
        seq = mark.present.seq
        if seq not in self._marks and len(self._marks) < MARKS:
            self._marks[seq] = mark
            self._marked.insert(bisect_right(self._marked, seq), seq)
