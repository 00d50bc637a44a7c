"""Forks: playgrounds of the organization's own, which go on from an event of another one.

A fork shares the state it begins with, and its events up to there are its parent's: neither is copied, so making one
costs the same whatever happened before. It belongs to the run that its parent belongs to, and outlives its end.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sandbox import ids
from sandbox.clock import Clock
from sandbox.errors import Conflict, SetAside
from sandbox.keys import minter
from sandbox.logs import get_logger
from sandbox.playground.branch import Branch
from sandbox.playground.clock import ClockState
from sandbox.playground.playground import Playground, Recorder
from sandbox.record.reader import Reader
from sandbox.record.writer import Writer
from sandbox.runs import storage
from sandbox.runs.lookup import RunLookup
from sandbox.runs.models import Fork, Phase, Status
from sandbox.runs.playgrounds.states import State, States
from sandbox.runs.registry import Registry
from sandbox.scoring.matching import matches_event

_TRY_AGAIN_S = 1.0  # after an end that could not be stored

log = get_logger()


class Forks:
    """Makes forks, ends them when their time is over, and brings them back after a restart."""

    def __init__(
        self,
        lookup: RunLookup,
        states: States,
        reader: Reader,
        writer: Writer,
        registry: Registry,
        recorder: Recorder,
        clock: Clock,
        key: bytes,
        max_active: int,
        on_end: Callable[[str], None],
    ) -> None:
        self._lookup = lookup
        self._states = states
        self._reader = reader
        self._writer = writer
        self._registry = registry
        self._recorder = recorder
        self._clock = clock
        self._key = key
        self._max_active = max_active
        self._on_end = on_end
        self.set_aside: dict[str, str] = {}

    async def make(self, parent: sqlite3.Row, seq: int | None, lifetime_s: float) -> Fork:
        """Fork a playground, given by its row, after one of its events, as it is now for None.

        Raises what `States.at` raises, `Conflict` where there is no room for one more, or a system's state is not here.
        """
        self._writer.check_room()
        state = await self._states.at(parent["id"], seq)
        await self._writer.flush((parent["id"],))  # it goes on from an event that is stored
        inherited = await self._lookup.archive.inherited_by(parent["id"], state.seq)
        sandboxes = await self._lookup.archive.sandboxes(parent["id"])
        self._registry.check_holds_state(sandboxes)
        if self._lookup.playgrounds_in_use >= self._max_active:
            raise Conflict(
                f"{self._max_active} playgrounds are active, and that is the limit. Tear down forks, complete or "
                "cancel runs, or raise the limit."
            )
        now = self._clock.now()
        fork = Fork(
            id=ids.new_id("pg"),
            organization_id=parent["organization_id"],
            benchmark_run_id=parent["benchmark_run_id"],
            parent_id=parent["id"],
            parent_seq=state.seq,
            environment_id=parent["environment_id"],
            definition_hash=parent["definition_hash"],
            key=parent["key"],
            seed=parent["seed"],
            lag_s=_lag_s(state, now),
            sandboxes=tuple(replace(sandbox, id=ids.new_id("sb")) for sandbox in sandboxes),
            created_at=now,
            updated_at=now,
            expires_at=now + timedelta(seconds=lifetime_s),
        )
        fork.sandboxes = tuple(
            replace(s, secrets=self._registry.simulator(s.type).mint_secrets(minter(self._key, s.id)))
            for s in fork.sandboxes
        )
        fork.playground = Playground(
            id=fork.id,
            key=fork.key,
            task_run_id=None,
            branch=Branch(state.branch.seed, state.branch.overlay),
            sandboxes=fork.sandboxes,
            clock=self._clock,
            recorder=self._recorder,
            actions=self._registry.actions,
            matches=matches_event,
            random_seed=fork.seed,
            asides=state.asides,
            inherited=inherited,
            inherited_asides=state.asides,
            lag=timedelta(seconds=fork.lag_s),
            last_at=state.at,
        )
        self._admit(fork)
        inserts = storage.insert_fork(fork, self._key)
        await self._writer.write(inserts, owners=(fork.id,), undo=lambda: self._leave(fork))
        return fork

    async def tear_down(self, fork: Fork) -> None:
        """End a fork. Raises `Conflict` for one that is over."""
        if fork.is_over:
            raise Conflict("The playground is already torn down.")
        playground = fork.playground
        assert playground is not None
        self._leave(fork)
        playground.is_torn_down = True
        fork.playground, fork.phase, fork.status = None, Phase.COMPLETED, Status.COMPLETED
        now = self._clock.now()

        def undo() -> None:
            playground.is_torn_down = False
            fork.playground, fork.phase, fork.status = playground, Phase.STARTED, Status.ACTIVE
            self._admit(fork, least_s=_TRY_AGAIN_S)

        await self._writer.write(storage.tear_down([fork.id], now), owners=(fork.id,), undo=undo)
        self._on_end(fork.id)

    async def restore(self) -> None:
        """Bring back every active fork after a restart; end those whose time is over."""
        rows = await self._reader.rows(
            "SELECT * FROM playgrounds WHERE parent_id IS NOT NULL AND status = 'active' ORDER BY created_at, id"
        )
        for row in rows:
            try:
                fork = await self._lookup.archive.fork(row)
            except Exception as error:  # whatever is wrong with one fork, the others go on
                reason = error.message if isinstance(error, SetAside) else f"{type(error).__name__}: {error}"
                self.set_aside[row["id"]] = reason
                log.error("fork set aside", playground_id=row["id"], reason=reason)
                continue
            self._admit(fork)
            last = await self._reader.last_event_row(fork.id)
            if last is not None:
                self._writer.witness.heads[fork.id] = last["seq"], last["chain"] or b""

    def close(self) -> None:
        """Stop the timers; active forks stay active."""
        for fork in self._lookup.active_forks.values():
            if fork.timer is not None:
                fork.timer.cancel()

    def _admit(self, fork: Fork, *, least_s: float = 0.0) -> None:
        self._lookup.active_forks[fork.id] = fork
        self._lookup.hold(fork, fork.id)
        self._writer.witness.add(fork.benchmark_run_id, fork.id)
        left_s = (fork.expires_at - self._clock.now()).total_seconds()
        fork.timer = asyncio.get_running_loop().call_later(max(left_s, least_s), self._expire, fork)

    def _leave(self, fork: Fork) -> None:
        if fork.timer is not None:
            fork.timer.cancel()
            fork.timer = None
        self._lookup.active_forks.pop(fork.id, None)
        self._lookup.let_go(fork, fork.id)
        self._writer.witness.forget(fork.benchmark_run_id, [fork.id])

    def _expire(self, fork: Fork) -> None:
        if not fork.is_over:
            log.info("fork torn down, its time is over", playground_id=fork.id)
            ending = asyncio.ensure_future(self.tear_down(fork))
            ending.add_done_callback(_note_failure)


def _lag_s(state: State, real_now: datetime) -> float:
    """Return how far behind a fork's clock runs, so that it goes on from where its parent's stood."""
    clock = ClockState.read(state.branch)
    if clock is None or clock.is_stepping or clock.ahead is None or state.at is None:
        return 0.0
    return (real_now + clock.ahead - state.at).total_seconds()


def _note_failure(ending: "asyncio.Future[None]") -> None:
    if not ending.cancelled() and (error := ending.exception()) is not None:
        log.error("a fork could not be torn down; it is tried again", error=str(error))
