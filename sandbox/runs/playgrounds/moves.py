"""Ways through time: snapshots to return to, the return to any event, and the clock. All is the organization's."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sandbox import ids, limits
from sandbox.clock import Clock, format_instant
from sandbox.errors import Conflict, Invalid, NotFound, TooLarge
from sandbox.playground import travel
from sandbox.playground.clock import ClockState
from sandbox.playground.crew import Crew
from sandbox.playground.playground import Playground
from sandbox.record.reader import Reader
from sandbox.record.writer import Writer
from sandbox.runs import storage
from sandbox.runs.lookup import RunLookup
from sandbox.runs.models import Holder, Phase, TaskRun
from sandbox.runs.playgrounds.states import State, States
from sandbox.runs.registry import Registry

_LAST_YEAR: Final = 9000
_YEAR_S: Final = 366 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A name for the state of a playground after its event `seq`."""

    id: str
    playground_id: str
    seq: int
    created_at: str


class Moves:
    """Moves playgrounds through time."""

    def __init__(
        self,
        lookup: RunLookup,
        states: States,
        reader: Reader,
        writer: Writer,
        registry: Registry,
        crew: Crew,
        clock: Clock,
    ) -> None:
        self._lookup = lookup
        self._states = states
        self._reader = reader
        self._writer = writer
        self._registry = registry
        self._crew = crew
        self._clock = clock

    async def snapshot(self, playground_id: str, seq: int | None = None) -> tuple[Snapshot, State]:
        """Give the state after an event a name, the present one for None; O(1), as the events are there.

        Raises what `States.at` raises, `Conflict` for more than `limits.SNAPSHOTS_PER_PLAYGROUND`.
        """
        if len(await self.snapshots(playground_id)) >= limits.SNAPSHOTS_PER_PLAYGROUND:
            raise Conflict(f"The playground has {limits.SNAPSHOTS_PER_PLAYGROUND} snapshots, and that is the limit.")
        state = await self._states.at(playground_id, seq)
        now = self._clock.now()
        made = Snapshot(ids.new_id("snap"), playground_id, state.seq, format_instant(now))
        statement = storage.insert_snapshot(made.id, playground_id, made.seq, now)
        await self._writer.write([statement], owners=(playground_id,))
        return made, state

    async def snapshots(self, playground_id: str) -> list[Snapshot]:
        """Return a playground's snapshots, oldest first."""
        sql = "SELECT * FROM snapshots WHERE playground_id = ? ORDER BY created_at, id"
        rows = await self._reader.rows(sql, playground_id)
        return [Snapshot(row["id"], row["playground_id"], row["seq"], row["created_at"]) for row in rows]

    async def find_snapshot(self, snapshot_id: str) -> Snapshot:
        """Return a snapshot. Raises `NotFound`."""
        row = await self._reader.row("SELECT * FROM snapshots WHERE id = ?", snapshot_id)
        if row is None:
            raise NotFound(f"There is no snapshot {snapshot_id[:100]}.")
        return Snapshot(row["id"], row["playground_id"], row["seq"], row["created_at"])

    async def restore(self, playground_id: str, seq: int) -> None:
        """Return a playground to how it was after one of its events, and record that.

        Whatever is being done is done first. Raises `NotFound` for an event that it does not have; `Conflict` for a
        playground that is torn down, one of a scored run, one with a system whose state is not here, and an event
        before the task run's start.
        """
        holder = self._active(playground_id)
        self._check_may_return(holder, seq)
        self._registry.check_holds_state(holder.sandboxes)
        playground = self._open(holder)
        async with playground.turns.mine():
            self._open(holder)
            state = await self._states.at(playground_id, seq)
            self._check_may_return(holder, seq)  # it may have been started, or ended, while that was read
            self._open(holder)
            outcome = travel.restore(playground, state.present)
        await outcome.committed

    async def advance(self, playground_id: str, *, seconds: float | None = None, to: datetime | None = None) -> None:
        """Move a playground's clock on by seconds, or to a moment of its own time; what falls due by then happens.

        The clock of a fork that has not started starts first. Raises `Conflict` for a playground that is torn down or
        whose task run has not started, `Invalid` for a moment that is past, or too far away.
        """
        holder = self._active(playground_id)
        playground = self._open(holder)
        async with playground.turns.mine():
            self._open(holder)
            has_clock = ClockState.read(playground.branch) is not None
            if not has_clock and isinstance(holder, TaskRun):
                raise Conflict("The playground's clock starts when its task run does.")
            step = seconds if to is None else (to - playground.now()).total_seconds()
            _check_step(playground, step or 0.0)
            with self._writer.together():
                if not has_clock:
                    playground.start_clock(None)
                outcome = travel.advance_clock(playground, step or 0.0)
            with suppress(TooLarge):  # a full task run takes no more delayed effects
                await playground.settle_in_parts(self._crew)
        await outcome.committed
        await self._writer.flush((playground_id,))

    def _active(self, playground_id: str) -> Holder:
        holder = self._lookup.by_playground.get(playground_id)
        if holder is None:
            raise _torn_down()
        return holder

    @staticmethod
    def _open(holder: Holder) -> Playground:
        playground = holder.playground
        if playground is None or playground.is_torn_down:
            raise _torn_down()
        return playground

    def _check_may_return(self, holder: Holder, seq: int) -> None:
        if not isinstance(holder, TaskRun):
            return
        run = self._lookup.by_task_run.get(holder.id)
        if run is not None and run.is_scored:
            raise Conflict("A scored run is all that its agent did: it is not taken back. Fork the playground instead.")
        if holder.phase is Phase.STARTED and seq < holder.baseline_seq:
            raise Conflict(
                f"The task run was started with event {holder.baseline_seq}; it can return to that and to later ones. "
                "Fork the playground to see what was before."
            )


def _torn_down() -> Conflict:
    return Conflict("The playground is torn down: its states can be read and forked, and not changed.")


def _check_step(playground: Playground, seconds: float) -> None:
    now = playground.now()
    problem = None
    if seconds < 0:
        problem = f"it is {format_instant(now)} there already, and its clock does not go back; restore it instead"
    elif seconds > limits.CLOCK_ADVANCE_MAX_S or now.year + seconds / _YEAR_S >= _LAST_YEAR:
        problem = f"at most {limits.CLOCK_ADVANCE_MAX_S} seconds at once, and not beyond the year {_LAST_YEAR}"
    if problem is not None:
        raise Invalid(f"The clock cannot be moved there: {problem}.")
