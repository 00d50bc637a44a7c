"""The state of any playground after any of its events, and what differs between two."""

from dataclasses import dataclass
from datetime import datetime

from sandbox import work
from sandbox.errors import NotFound
from sandbox.playground.branch import Branch
from sandbox.playground.calls import Present
from sandbox.playground.crew import Crew
from sandbox.record.writer import Writer
from sandbox.runs.lookup import RunLookup
from sandbox.scoring.states.differences import Differences, differences


@dataclass(frozen=True, slots=True)
class State:
    """A playground after its event `seq`, 0 for its beginning; the branch is the caller's own.

    `asides` says how many of all events were the organization's, those of a fork's parent, too; `at` is the time on its
    clock, None while that is not set.
    """

    playground_id: str
    seq: int
    branch: Branch
    asides: int
    at: datetime | None

    @property
    def present(self) -> Present:
        """The state as a playground takes it on."""
        return Present(self.branch.overlay, self.seq, self.asides, self.at)


class States:
    """Reads states: of active playgrounds as they are now from memory, all others from the record."""

    def __init__(self, lookup: RunLookup, writer: Writer, crew: Crew, bookkeeping: frozenset[str]) -> None:
        self._lookup = lookup
        self._writer = writer
        self._crew = crew
        self._bookkeeping = bookkeeping

    async def at(self, playground_id: str, seq: int | None = None) -> State:
        """Return a playground after an event, as it is now for None.

        Now is O(1) for an active playground. Another event costs reading those since the nearest that was read before
        (`record/timeline.py`), in slices between which others are served. Raises `NotFound` for an unknown playground
        and for an event that it does not have, `Gone` for one that was pruned, `SetAside` where what is recorded
        cannot be used.
        """
        playground = self._lookup.active_playground(playground_id)
        if playground is not None:
            now = playground.present
            if seq is None or seq == now.seq:
                return State(playground_id, now.seq, Branch(playground.branch.seed, now.overlay), now.asides, now.at)
            if seq > now.seq:
                raise NotFound(f"The playground {playground_id} has no event {seq}; its last is {now.seq}.")
            await self._writer.flush()  # what is over in memory may still be on its way to the disk
        with self._crew.collector:
            folded = await self._lookup.archive.fold(playground_id, seq)
        return State(playground_id, folded.seq, folded.branch, folded.asides, folded.at)

    async def seed_of(self, playground_id: str) -> State:
        """Return the seed that a playground, or what it was forked from, began with. Raises as `at` does."""
        timeline = await self._lookup.archive.timelines.of(playground_id)
        return State(playground_id, 0, Branch(timeline.seed), 0, None)

    async def differences(self, before: State, after: State, surface: str | None = None) -> Differences:
        """Return what differs from one state to another; beside the event loop.

        Raises `TooCostly` where that is more work than one request may ask for.
        """
        one, other = before.branch.fork(), after.branch.fork()
        return await self._crew.do(lambda: differences(one, other, self._bookkeeping, surface))

    async def hash_of(self, state: State) -> str:
        """Return the hash of a state; beside the event loop."""
        branch = state.branch.fork()
        return await self._crew.do(branch.state_hash, work.Budget(work.UNBOUNDED))
