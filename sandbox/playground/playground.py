"""A playground: one branch, and `interact`, the only way to change it.

An interaction is synchronous and all-or-nothing. It runs the simulator's pure code on the branch;
if that raises, the branch is rolled back and the error's rendering becomes the response. Either
way exactly one event is produced and handed to the recorder before `interact` returns; the caller
sends the response only when the event's commit is awaited.

What takes longer than others may wait leaves the event loop (`work.py`): `attempt` gives up as soon as that is seen,
and `interact_in_turn` does it on a thread of the crew, with the playground to itself: who comes later waits.

Delayed effects (`Interaction.schedule`) are settled before the next interaction that finds them
due, so no timer is needed and a replay does the same.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final, TypeVar, cast

from sandbox import ids, limits, work
from sandbox.clock import Clock, format_instant, monotonic_s, parse_instant
from sandbox.errors import Conflict, SandboxError, TooCostly, TooLarge, Unavailable
from sandbox.jsonio import Json
from sandbox.logs import get_logger
from sandbox.playground import clock as playground_clock
from sandbox.playground.branch import Branch, Savepoint, is_of_views
from sandbox.playground.calls import Aside, Asked, ErrorRenderer, Handler, Outcome, Present
from sandbox.playground.clock import ClockState
from sandbox.playground.crew import Crew
from sandbox.playground.events import Actor, Event, Request, Response, scenario_request
from sandbox.playground.interaction import CLOCK_STARTS, DUE, WAITING, Action, Interaction, Sandbox
from sandbox.playground.recording import DONE, Commit, Done, NullRecorder, Recorder
from sandbox.playground.steps import drop, in_order, step, step_body, taken
from sandbox.playground.turns import Turns

__all__ = [
    "LOOKS",
    "SEEDED_START",
    "Action",
    "Asked",
    "Commit",
    "Done",
    "Interaction",
    "NullRecorder",
    "Outcome",
    "Playground",
    "Present",
    "Recorder",
    "Sandbox",
]

LOOKS = frozenset({"GET", "HEAD"})
SEEDED_START = datetime(2026, 1, 1, tzinfo=UTC)
STEPS_AT_ONCE: Final = 50  # that are taken beside the loop before their events are recorded on it
_RECORDED = 100  # bytes of an answer that are recorded for a unit of work

log = get_logger()

T = TypeVar("T")
EventMatcher = Callable[[Event, Json], bool]


@dataclass
class Playground:
    """One task run's world, or a fork of it.

    `key` names the playground within a seeded run (so that ids repeat), `actions` are the scenario
    and delayed actions by name, `matches` decides whether an event satisfies a `when` clause. `seq` counts all
    events, `asides` those of the organization: they are no steps, so neither a stepping clock nor ids move with them.
    `last_at` is the time of the last event on the playground's own clock, before which none comes.

    A fork goes on where another playground was: `inherited` events came before its own, of which `inherited_asides`
    were the organization's (`asides` counts them, too), and its clock runs `lag` behind, by as much as it stood still.
    """

    id: str
    key: str
    task_run_id: str | None
    branch: Branch
    sandboxes: tuple[Sandbox, ...]
    clock: Clock
    recorder: Recorder
    actions: Mapping[str, Action] = field(default_factory=dict)
    matches: EventMatcher = lambda event, match: False
    random_seed: int | None = None
    seq: int = 0
    asides: int = 0
    inherited: int = 0
    inherited_asides: int = 0
    lag: timedelta = timedelta()
    last_at: datetime | None = None
    is_torn_down: bool = False
    failure: str | None = None
    turns: Turns = field(default_factory=Turns, repr=False)
    _latest: Commit = field(default=DONE, repr=False)
    _aside: Aside | None = field(default=None, repr=False)

    def sandbox_on(self, surface: str) -> Sandbox | None:
        """Return the sandbox that serves a surface."""
        return next((s for s in self.sandboxes if s.surface == surface), None)

    def look(self, sandbox: Sandbox) -> Interaction:
        """Return an interaction to read with, outside of any event; writing through it is a mistake."""
        seen = self if self._aside is None else self._forked(self._aside.before, self._aside.seq, self._aside.asides)
        return Interaction(seen, sandbox, seen.now())

    def _forked(self, branch: Branch, seq: int, asides: int) -> "Playground":
        """Return a playground to try things on that nobody is to notice."""
        return replace(
            self,
            branch=branch,
            seq=seq,
            asides=asides,
            recorder=NullRecorder(),
            turns=Turns(),
            _latest=DONE,
            _aside=None,
        )

    def action(self, name: str) -> Action:
        """Return a registered action."""
        return self.actions[name]

    @property
    def step(self) -> int:
        """How many events there were that time and ids go by."""
        return self.inherited + self.seq - self.asides

    @property
    def present(self) -> Present:
        """The playground as of the last event that is over, whatever is being done beside the loop."""
        aside = self._aside
        if aside is not None:
            return Present(aside.before.overlay, aside.seq, aside.asides, aside.last_at)
        return Present(self.branch.overlay, self.seq, self.asides, self.last_at)

    def now(self) -> datetime:
        """Return the playground's time for its next event; it never goes back, whatever the machine's clock does."""
        now = playground_clock.playground_now(self.branch, self.step + 1, self.clock.now() - self.lag)
        return now if self.last_at is None or now >= self.last_at else self.last_at

    def interact(
        self,
        event_type: str,
        handler: Handler,
        *,
        sandbox: Sandbox | None = None,
        request: Request | None = None,
        on_error: ErrorRenderer | None = None,
        is_stranger: bool = False,
        actor: Actor = "agent",
    ) -> Outcome:
        """Run `handler` on the branch, all or nothing, and record one event.

        Without `on_error` a `SandboxError` is raised again after its event was recorded. An
        unexpected exception rolls back, is recorded as `surface_error` and raised again.
        Of a stranger, who has shown no credential yet, a `SandboxError` is raised again and nothing is recorded.
        """
        return self._do(Asked(event_type, handler, sandbox, request, on_error, is_stranger, actor), work.Budget())

    def attempt(self, asked: Asked) -> Outcome | None:
        """Do what is asked, if nobody else has the turn and it takes no longer than others may wait.

        None when it would: then nothing of the handler's doing is left, and `interact_in_turn` does it. Raises as
        `interact` does.
        """
        return self._try(asked) if self.turns.is_free else None

    async def interact_in_turn(self, crew: Crew, asked: Asked, *, is_long: bool = False) -> Outcome:
        """Wait for the turn, then do what is asked; beside the loop when it takes long, as `is_long` foretells.

        It is done to its end, whatever becomes of the caller. Raises what `interact` raises, and `Conflict` when the
        playground was torn down meanwhile.
        """
        # Who finds the turn free does not take it over into the next turn of the loop, for others to queue behind.
        if not is_long and self.turns.is_free:
            outcome = self._try(asked)
            if outcome is not None:
                return outcome
            is_long = True
        return await asyncio.shield(asyncio.ensure_future(self._in_turn(crew, asked, is_long)))

    async def _in_turn(self, crew: Crew, asked: Asked, is_long: bool) -> Outcome:
        async with self.turns.mine():
            if self.is_torn_down and asked.actor != "organization":
                raise _over()
            outcome = None if is_long else self._try(asked)
            if outcome is not None:
                return outcome
            if not asked.may_look and not self.branch.is_empty(DUE):
                await self._settle_beside(crew)
            budget = work.Budget()
            return await self._beside(crew, partial(self._do, asked, budget), budget)

    def _try(self, asked: Asked) -> Outcome | None:
        try:
            return self._do(asked, work.Budget(work.TRIAL_UNITS, is_trial=True))
        except work.Outgrown:
            return None

    async def _beside(self, crew: Crew, job: Callable[[], T], budget: work.Budget) -> T:
        """Do it on a thread, and hand its events to the recorder when all is done."""
        with suppress(Exception):  # whoever waits for that event is told; what it changed is undone by now
            await self._latest
        aside = self._aside = Aside(self.branch.fork(), self.seq, self.asides, self.last_at, self.is_torn_down)
        savepoint = self.branch.savepoint()
        error: Exception | None = None
        made: T | None = None
        try:
            try:
                made = await crew.do(job, budget)
            except Exception as raised:
                error = raised
            prepared = [await self.recorder.prepare(event) for event, _ in aside.events]
        except BaseException:
            self._take_back(savepoint, aside.seq, aside.asides, aside.last_at)
            raise
        finally:
            self._aside = None
        if self.is_torn_down and not aside.was_torn_down:
            self._take_back(savepoint, aside.seq, aside.asides, aside.last_at)
            raise _over()
        for number, (event, undo) in enumerate(aside.events):
            try:
                self._latest = self.recorder.submit(event, undo, prepared[number])
            except BaseException:
                for _, undo_this in reversed(aside.events[number:]):
                    undo_this()
                raise
            if isinstance(made, Outcome) and event is made.event:
                made.committed = self._latest
        if error is not None:
            raise error
        return cast(T, made)

    def _do(self, asked: Asked, budget: work.Budget) -> Outcome:
        if self._aside is not None and not self._aside.is_here:
            raise RuntimeError("an interaction beside the loop has this playground to itself; wait for the turn")
        with work.bounded(budget):
            made = self._view(asked) if asked.may_look else None
            if made is not None:
                return made
            if self.is_torn_down and asked.actor == "organization":
                raise Conflict("The task run is over; its final state can be read, and not changed.")
            self.settle()
            outcome, error = self._run(asked)
        if error is not None:
            raise error
        if asked.actor != "organization" and not self.branch.is_empty(WAITING):  # a scenario waits for the agent
            with work.bounded(work.Budget()):  # it has happened: what follows from it is not to be begun again
                self._fire(outcome.event)
        return outcome

    def _view(self, asked: Asked) -> Outcome | None:
        """Show the organization what there is, and record that it looked; None when the call is no look.

        The handler runs on a fork on which everything has happened that is due, so nothing moves. Whatever a GET or
        HEAD writes is dropped, but for what views leave for later views; any other call that writes is no look, and
        nothing of it is recorded. Raises as `interact` does.
        """
        trial = self._forked(self.branch.fork(), self.seq, self.asides)
        if not self.is_torn_down:
            trial.settle()
        made, error = trial._run(asked, is_view=True)
        left = tuple(change for change in made.event.changes if is_of_views(change.collection))
        if len(left) < len(made.event.changes) and (asked.request is None or asked.request.method not in LOOKS):
            return None
        seq, savepoint = self.seq + 1, self.branch.savepoint()
        event = replace(made.event, id=self._event_id(seq, is_aside=True), seq=seq, changes=left, is_view=True)
        for change in left:
            self.branch.apply(change)
        committed = self._submit(event, savepoint)
        if error is not None:
            raise error
        return Outcome(made.response, event, committed)

    def start_clock(self, start: datetime | None) -> Outcome:
        """Set the clock going, at `start` or at the present time, and with it what waits for that (`CLOCK_STARTS`).

        A seeded run without a `start` begins at `SEEDED_START`, so that it repeats to the byte.
        """
        real = self.clock.now()
        state = ClockState(
            start or (SEEDED_START if self.random_seed is not None else real),
            None if self.random_seed is not None else real,
            self.step + 1,
            0.0,
            self.random_seed is not None,
        )

        def begin(tx: Interaction) -> Response:
            tx.put(playground_clock.COLLECTION, playground_clock.KEY, state.to_json())
            started = tx.now = state.at(self.step + 1, real)
            for name in sorted(self.actions):
                if name.endswith(CLOCK_STARTS):
                    self.action(name)(tx, {})
            tx.now = started
            return Response.of_json({"clock": format_instant(state.start)})

        return self.interact("clock_advanced", begin, actor="scenario")

    def is_anything_due(self) -> bool:
        """Whether `settle` would do something."""
        if self.branch.is_empty(DUE):
            return False
        waiting = in_order(self.branch)
        return bool(waiting) and parse_instant(waiting[0][0]) <= self.now()

    def settle(self) -> None:
        """Run every delayed action that is due, in order of time, one event each, at the time when it fell due."""
        if self.is_anything_due():
            for _ in taken(self.branch, self.now, self._take):
                pass

    async def settle_in_parts(self, crew: Crew) -> None:
        """Settle for who has the turn: what is much, a few steps at a time beside the loop, stored in between.

        Raises as `settle` does; `Conflict` when the playground was torn down meanwhile.
        """
        with suppress(work.Outgrown), work.bounded(work.Budget(work.TRIAL_UNITS, is_trial=True)):
            self.settle()
            return
        await self._settle_beside(crew)

    async def _settle_beside(self, crew: Crew) -> None:
        steps = taken(self.branch, self.now, self._take)
        while not self.is_torn_down:
            budget = work.Budget()
            count = await self._beside(crew, lambda: sum(1 for _ in islice(steps, STEPS_AT_ONCE)), budget)
            if count < STEPS_AT_ONCE:
                return

    def _take(self, asked: Asked, at: datetime) -> Outcome:
        return self._run(asked, at=at)[0]

    def _run(
        self, asked: Asked, *, is_view: bool = False, at: datetime | None = None
    ) -> tuple[Outcome, Exception | None]:
        if self.failure is not None:
            raise RuntimeError(self.failure)
        is_aside = asked.actor == "organization"
        asides = self.asides - self.inherited_asides
        if (asides if is_aside else self.seq - asides) >= limits.EVENTS_PER_TASK_RUN:
            raise TooLarge(f"This task run has reached its {limits.EVENTS_PER_TASK_RUN} events; complete it.")
        began, event_type = monotonic_s(), asked.event_type
        seq = self.seq + 1
        branch = self.branch
        tx = Interaction(self, asked.sandbox, self._moment(at), is_aside=is_aside, is_view=is_view)
        savepoint = branch.savepoint()
        raised: Exception | None = None
        try:
            response = asked.handler(tx)
            budget = work.current()
            if budget.is_spent:
                budget.refuse()  # somebody took the refusal for an error of a part
            if len(response.body) > limits.ANSWER_BYTES:
                raise work.too_long()
            budget.expect(len(response.body) // _RECORDED)
        except work.Outgrown:
            _take_back_all(branch, savepoint)
            raise
        except SandboxError as error:
            if isinstance(error, TooCostly | Unavailable):
                _take_back_all(branch, savepoint)
            else:
                branch.rollback(savepoint)
            if asked.is_stranger:
                raise
            with work.bounded(work.Budget()):  # what is left of the handler's may not do to say so
                if asked.on_error is None:
                    raised, response = error, Response.of_json({"error": error.message}, error.status)
                else:
                    response = asked.on_error(error)
            # The frames of where it was raised hold what was read, and often the error itself: who collects no garbage
            # meanwhile (`Crew`) would keep all of it.
            error.__traceback__ = error.__context__ = error.__cause__ = None
        except Exception as error:
            branch.rollback(savepoint)
            raised, event_type = error, "surface_error"
            with work.unbounded():
                response = Response.of_json({"error": type(error).__name__}, 500)
        event = Event(
            self._event_id(seq, is_aside=is_aside),
            seq,
            self.id,
            self.task_run_id,
            asked.sandbox.id if asked.sandbox else None,
            response.event_type or event_type,
            tx.now,
            round((monotonic_s() - began) * 1000, 3),
            asked.request,
            response,
            tuple(branch.changes_since(savepoint)),
            asked.actor,
        )
        committed = self._submit(event, savepoint)
        if ClockState.read(branch) is not None:
            self.last_at = tx.now
        return Outcome(response, event, committed), raised

    def _moment(self, at: datetime | None) -> datetime:
        """Return when an interaction happens: now; or at a time that has passed, but not before the last event.

        In whole milliseconds, as the clock is read in.
        """
        if at is None:
            return self.now()
        at += timedelta(microseconds=-at.microsecond % 1000)
        return at if self.last_at is None else max(at, self.last_at)

    def _submit(self, event: Event, savepoint: Savepoint) -> Commit:
        undo = partial(self._take_back, savepoint, self.seq, self.asides, self.last_at)
        committed: Commit = DONE
        if self._aside is not None:
            self._aside.events.append((event, undo))
        else:
            try:
                with work.unbounded():  # a refusal in the midst of recording would leave half of it behind
                    committed = self._latest = self.recorder.submit(event, undo)
            except BaseException:
                self.branch.rollback(savepoint)
                raise
        self.seq = event.seq
        self.asides += event.actor == "organization"
        return committed

    def _take_back(self, savepoint: Savepoint, seq: int, asides: int, last_at: datetime | None) -> None:
        """Return to before an event that could not be stored; memory is never ahead of the disk."""
        self.branch.rollback(savepoint)
        self.seq, self.asides, self.last_at = seq, asides, last_at

    def _event_id(self, seq: int, *, is_aside: bool) -> str:
        """Return the next event's id: the playground's own number and the event's, or from the seed."""
        if self.random_seed is None:
            return f"evt_{self.id.removeprefix('pg_')}{seq:06d}"
        if is_aside:
            return ids.derived_id("evt", self.random_seed, self.key, "organization", self.asides + 1)
        return ids.derived_id("evt", self.random_seed, self.key, self.step + 1)

    def _fire(self, event: Event) -> None:
        for key, row in list(self.branch.items(WAITING)):
            if row["event"] != event.type or not self.matches(event, row["match"]):
                continue

            def go(tx: Interaction, key: str = key, row: Json = row) -> Response:
                tx.delete(WAITING, key)
                if row["after_s"] > 0:
                    tx.schedule(row["action"], row["args"], after_s=row["after_s"])
                else:
                    self.action(row["action"])(tx, row["args"])
                return Response.of_json({"action": row["action"], "because": event.id})

            request = scenario_request(row["action"], step_body(row))
            self._run(step(go, request))
            if self.branch.get(WAITING, key) is not None:  # it failed and was rolled back: give it up
                self._run(step(partial(drop, WAITING, key), request))


def _over() -> Conflict:
    return Conflict("The task run is over; its systems take no more calls.")


def _take_back_all(branch: Branch, savepoint: Savepoint) -> None:
    """Roll back what was ended in its midst, and let go of what was being derived from it."""
    branch.rollback(savepoint)
    branch.caches.clear()
