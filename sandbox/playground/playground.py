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
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

from sandbox import ids, jsonio, limits, work
from sandbox.clock import Clock, format_instant, monotonic_s, parse_instant
from sandbox.errors import Conflict, SandboxError, TooCostly, TooLarge, Unavailable
from sandbox.jsonio import Json
from sandbox.logs import get_logger
from sandbox.playground import clock as playground_clock
from sandbox.playground.branch import Branch, Document, Savepoint
from sandbox.playground.clock import ClockState
from sandbox.playground.crew import Crew
from sandbox.playground.events import Event, Request, Response
from sandbox.playground.turns import Turns

DUE = "_due"
WAITING = "_waiting"
SEEDED_START = datetime(2026, 1, 1, tzinfo=UTC)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One simulator of a playground. `secrets` are minted once; credentials are made from them."""

    id: str
    simulator_id: str
    type: str
    name: str
    surface: str
    config: Mapping[str, Any]
    secrets: Mapping[str, str]
    dataset: str | None = None


class Commit(Protocol):
    """The commit of an event: to await, which raises when the event is not on disk, or to be told of."""

    is_over: bool
    error: Exception | None

    def then(self, callback: "Callable[[Commit], None]", /) -> None:
        """Call back once it is over; at once when it is already."""
        ...

    def __await__(self) -> Generator[Any, None, None]:
        """Wait until the event is on disk; raises when it is not."""
        ...


class Done:
    """A commit that is over already, whatever event loop awaits it."""

    is_over = True
    error: Exception | None = None

    def then(self, callback: Callable[[Commit], None], /) -> None:
        """Call back at once."""
        callback(self)

    def __await__(self) -> Generator[Any, None, None]:
        """Finish at once."""
        yield from ()


DONE: Final = Done()


class NullRecorder:
    """A recorder that keeps nothing: for trial runs, and to measure what recording costs."""

    def submit(self, event: Event, undo: Callable[[], None]) -> Done:
        """Forget the event."""
        return DONE


class Recorder(Protocol):
    """Where events go. `submit` takes the event at once and returns its commit."""

    def submit(self, event: Event, undo: Callable[[], None]) -> Commit:
        """Queue the event. When it is not stored after all, `undo` is called, the last event's first.

        Raises when nothing can be stored.
        """
        ...


class Interaction:
    """What state code sees while it handles one request: the branch, the time, new ids.

    `now` does not move during an interaction. `sandbox` is the simulator being talked to.
    """

    __slots__ = ("_is_held", "_minted", "_playground", "_seq", "branch", "now", "sandbox")

    def __init__(
        self,
        playground: "Playground",
        sandbox: Sandbox | None,
        seq: int,
        now: datetime,
        branch: Branch | None = None,
    ) -> None:
        self._playground = playground
        self._seq = seq
        self._minted = 0
        self._is_held = False
        self.branch = playground.branch if branch is None else branch
        self.sandbox = sandbox
        self.now = now

    @property
    def now_text(self) -> str:
        """The time as written on the wire."""
        return format_instant(self.now)

    @property
    def real_now(self) -> datetime:
        """Real time: for what people outside date by their own clocks. Nothing that is stored may come from it."""
        return self._playground.clock.now()

    @property
    def config(self) -> Mapping[str, Any]:
        """The sandbox's configuration; empty without a sandbox."""
        return self.sandbox.config if self.sandbox else {}

    @property
    def is_seeded(self) -> bool:
        """Whether the run is deterministic (`seed` was given)."""
        return self._playground.random_seed is not None

    def sandbox_of(self, surface: str) -> Sandbox | None:
        """Return the playground's sandbox on another surface, if it has one."""
        return self._playground.sandbox_on(surface)

    def new_id(self, prefix: str = "") -> str:
        """Mint an id; in a seeded run it depends on the seed and the agent's actions alone."""
        self._minted += 1
        seed = self._playground.random_seed
        if seed is None:
            return ids.new_id(prefix)
        if self._is_held:
            return ids.derived_id(prefix, seed, self._playground.key, "held", self._seq, self._minted)
        state = ClockState.read(self.branch)
        step = self._seq - (state.held if state is not None else 0)
        return ids.derived_id(prefix, seed, self._playground.key, step, self._minted)

    def get(self, collection: str, key: str) -> Json:
        """Return a value, or None. Treat it as frozen."""
        return self.branch.get(collection, key)

    def put(self, collection: str, key: str, value: Json, *, json: bytes | None = None) -> Document:
        """Store a value as the key's next version."""
        return self.branch.put(collection, key, value, json=json)

    def delete(self, collection: str, key: str) -> bool:
        """Delete a document; return whether there was one."""
        return self.branch.delete(collection, key)

    def savepoint(self) -> Savepoint:
        """Mark the present state, to roll back a part of the interaction."""
        return self.branch.savepoint()

    def rollback(self, savepoint: Savepoint) -> None:
        """Undo everything since the savepoint."""
        self.branch.rollback(savepoint)

    def schedule(self, action: str, args: Json, *, after_s: float) -> str:
        """Run a registered action when the playground's clock has moved on by `after_s`."""
        key = self.new_id("due")
        due_at = self.now + timedelta(seconds=after_s)
        self.put(DUE, key, {"due_at": due_at.isoformat(), "action": action, "args": args, "seq": self._seq})
        return key

    def is_scheduled(self, key: str) -> bool:
        """Whether a scheduled action is still to come."""
        return self.get(DUE, key) is not None

    def run_scheduled(self, key: str) -> None:
        """Run a scheduled action now, inside this interaction, ahead of its time."""
        row = self.get(DUE, key)
        if row is not None:
            self.delete(DUE, key)
            self._playground.action(row["action"])(self, row["args"])

    def wait_for(self, event: str, match: Json, action: str, args: Json, *, after_s: float) -> None:
        """Run an action once an event of that type matches."""
        row = {"event": event, "match": match, "action": action, "args": args, "after_s": after_s}
        self.put(WAITING, self.new_id("wait"), row)

    def advance_clock(self, seconds: float) -> None:
        """Move the playground's clock; `now` of this interaction stays."""
        state = ClockState.read(self.branch)
        if state is None:
            raise Conflict("The playground's clock has not started.")
        moved = replace(state, offset_s=state.offset_s + seconds)
        self.put(playground_clock.COLLECTION, playground_clock.KEY, moved.to_json())

    def stand_still(self) -> None:
        """Let this interaction move nothing: neither a stepping clock nor the ids that a seed gives later ones.

        For what anyone may cause, who need not be the agent. Call it before anything is minted.
        """
        self._is_held = True
        state = ClockState.read(self.branch)
        if state is not None and state.is_stepping:
            still = replace(state, held=state.held + 1)
            self.put(playground_clock.COLLECTION, playground_clock.KEY, still.to_json())


Handler = Callable[[Interaction], Response]
ErrorRenderer = Callable[[SandboxError], Response]
Action = Callable[[Interaction, Json], None]
EventMatcher = Callable[[Event, Json], bool]


@dataclass(slots=True)
class Outcome:
    """The result of an interaction, a value: the response, its event, and the commit to await first."""

    response: Response
    event: Event
    committed: Commit


@dataclass(slots=True)
class Call:
    """What is asked of a playground: one interaction, whoever does it."""

    event_type: str
    handler: Handler
    sandbox: Sandbox | None = None
    request: Request | None = None
    on_error: ErrorRenderer | None = None
    is_stranger: bool = False


@dataclass(slots=True)
class Aside:
    """An interaction beside the loop: the state before it, and the events that wait for its end."""

    before: Branch
    seq: int
    events: list[tuple[Event, Callable[[], None]]] = field(default_factory=list)
    _loop_thread: int = field(default_factory=threading.get_ident)

    @property
    def is_here(self) -> bool:
        """Whether this is the thread it is done on."""
        return threading.get_ident() != self._loop_thread


@dataclass
class Playground:
    """One task run's world.

    `key` names the playground within a seeded run (so that ids repeat), `actions` are the scenario
    and delayed actions by name, `matches` decides whether an event satisfies a `when` clause.
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
        if self._aside is not None:  # what is being changed beside the loop is not to be seen yet
            before = self._aside.before
            now = playground_clock.playground_now(before, self._aside.seq + 1, self.clock)
            return Interaction(self, sandbox, self._aside.seq + 1, now, before)
        return Interaction(self, sandbox, self.seq + 1, self.now())

    def action(self, name: str) -> Action:
        """Return a registered action."""
        return self.actions[name]

    def now(self) -> datetime:
        """Return the playground's time for its next event."""
        return playground_clock.playground_now(self.branch, self.seq + 1, self.clock)

    def interact(
        self,
        event_type: str,
        handler: Handler,
        *,
        sandbox: Sandbox | None = None,
        request: Request | None = None,
        on_error: ErrorRenderer | None = None,
        is_stranger: bool = False,
    ) -> Outcome:
        """Run `handler` on the branch, all or nothing, and record one event.

        Without `on_error` a `SandboxError` is raised again after its event was recorded. An
        unexpected exception rolls back, is recorded as `surface_error` and raised again.
        Of a stranger, who has shown no credential yet, a `SandboxError` is raised again and nothing is recorded.
        """
        return self._interact(Call(event_type, handler, sandbox, request, on_error, is_stranger), work.Budget())

    def attempt(
        self,
        event_type: str,
        handler: Handler,
        *,
        sandbox: Sandbox | None = None,
        request: Request | None = None,
        on_error: ErrorRenderer | None = None,
        is_stranger: bool = False,
    ) -> Outcome | None:
        """Do what `interact` does, if nobody else has the turn and it takes no longer than others may wait.

        None when it would: then nothing of the handler's doing is left, and `interact_in_turn` does it.
        """
        if not self.turns.is_free:
            return None
        return self._try(Call(event_type, handler, sandbox, request, on_error, is_stranger))

    async def interact_in_turn(
        self,
        crew: Crew,
        event_type: str,
        handler: Handler,
        *,
        sandbox: Sandbox | None = None,
        request: Request | None = None,
        on_error: ErrorRenderer | None = None,
        is_stranger: bool = False,
        is_long: bool = False,
    ) -> Outcome:
        """Wait for the turn, then do what `interact` does; beside the loop when it takes long, as `is_long` foretells.

        It is done to its end, whatever becomes of the caller. Raises what `interact` raises, and `Conflict` when the
        playground was torn down meanwhile.
        """
        call = Call(event_type, handler, sandbox, request, on_error, is_stranger)
        return await asyncio.shield(asyncio.ensure_future(self._in_turn(crew, call, is_long)))

    async def _in_turn(self, crew: Crew, call: Call, is_long: bool) -> Outcome:
        async with self.turns.mine():
            self._check_standing()
            outcome = None if is_long else self._try(call)
            return await self._aside_of(crew, call) if outcome is None else outcome

    def _try(self, call: Call) -> Outcome | None:
        try:
            return self._interact(call, work.Budget(work.TRIAL_UNITS, is_trial=True))
        except work.Outgrown:
            return None

    def _check_standing(self) -> None:
        if self.is_torn_down:
            raise Conflict("The task run is over; its systems take no more calls.")

    async def _aside_of(self, crew: Crew, call: Call) -> Outcome:
        """Do a call on a thread and hand its events to the recorder when all is done."""
        with suppress(Exception):  # whoever waits for that event is told; what it changed is undone by now
            await self._latest
        aside = self._aside = Aside(self.branch.fork(), self.seq)
        savepoint, budget = self.branch.savepoint(), work.Budget()
        error: Exception | None = None
        outcome: Outcome | None = None
        try:
            outcome = await crew.do(partial(self._interact, call, budget), budget)
        except Exception as raised:
            error = raised
        finally:
            self._aside = None
        if self.is_torn_down:
            self.branch.rollback(savepoint)
            self.seq = aside.seq
            self._check_standing()
        for number, (event, undo) in enumerate(aside.events):
            try:
                self._latest = self.recorder.submit(event, undo)
            except BaseException:
                for _, undo_this in reversed(aside.events[number:]):
                    undo_this()
                raise
            if outcome is not None and event is outcome.event:
                outcome.committed = self._latest
        if error is not None:
            raise error
        assert outcome is not None
        return outcome

    def _interact(self, call: Call, budget: work.Budget) -> Outcome:
        with work.bounded(budget):
            self.settle()
            outcome, error = self._run(call)
        if error is not None:
            raise error
        with work.bounded(work.Budget()):  # it has happened: what follows from it is not to be begun again
            self._fire(outcome.event)
        return outcome

    def start_clock(self, start: datetime | None) -> Outcome:
        """Set the clock going, at `start` or at the present time.

        A seeded run without a `start` begins at `SEEDED_START`, so that it repeats to the byte.
        """
        real = self.clock.now()
        state = ClockState(
            start or (SEEDED_START if self.random_seed is not None else real),
            None if self.random_seed is not None else real,
            self.seq + 1,
            0.0,
            self.random_seed is not None,
        )

        def begin(tx: Interaction) -> Response:
            tx.put(playground_clock.COLLECTION, playground_clock.KEY, state.to_json())
            tx.now = state.at(self.seq + 1, real)
            return Response.of_json({"clock": format_instant(state.start)})

        return self.interact("clock_advanced", begin)

    def settle(self) -> None:
        """Run every delayed action that is due, in order of time, one event each."""
        if self.branch.is_empty(DUE):
            return
        for _ in range(limits.EVENTS_PER_TASK_RUN):
            now = self.now()
            rows = [(row["due_at"], row["seq"], key, row) for key, row in self.branch.items(DUE)]
            due = sorted(r for r in rows if parse_instant(r[0]) <= now)
            if not due:
                return
            _, _, key, row = due[0]
            request = Request("SCENARIO", row["action"], body=_step_body(row))
            self._run(Call("scenario_step", partial(_run_due, key), request=request))
            if self.branch.get(DUE, key) is not None:  # it failed and was rolled back: give it up
                self._run(Call("scenario_step", partial(_drop, DUE, key), request=request))

    def _run(self, call: Call) -> tuple[Outcome, Exception | None]:
        if self.failure is not None:
            raise RuntimeError(self.failure)
        if self._aside is not None and not self._aside.is_here:
            raise RuntimeError("an interaction beside the loop has this playground to itself; wait for the turn")
        if self.seq >= limits.EVENTS_PER_TASK_RUN:
            raise TooLarge(f"This task run has reached its {limits.EVENTS_PER_TASK_RUN} events; complete it.")
        began, event_type = monotonic_s(), call.event_type
        seq = self.seq + 1
        branch = self.branch
        tx = Interaction(self, call.sandbox, seq, playground_clock.playground_now(branch, seq, self.clock))
        savepoint = branch.savepoint()
        raised: Exception | None = None
        try:
            response = call.handler(tx)
            budget = work.current()
            if budget.is_spent:
                budget.refuse()  # somebody took the refusal for an error of a part
            if len(response.body) > limits.ANSWER_BYTES:
                raise work.too_long()
        except work.Outgrown:
            _take_back_all(branch, savepoint)
            raise
        except SandboxError as error:
            if isinstance(error, TooCostly | Unavailable):
                _take_back_all(branch, savepoint)
            else:
                branch.rollback(savepoint)
            if call.is_stranger:
                raise
            if call.on_error is None:
                raised, response = error, Response.of_json({"error": error.message}, error.status)
            else:
                with work.bounded(work.Budget()):
                    response = call.on_error(error)
        except Exception as error:
            branch.rollback(savepoint)
            raised, event_type = error, "surface_error"
            response = Response.of_json({"error": type(error).__name__}, 500)
        event = Event(
            self._event_id(seq),
            seq,
            self.id,
            self.task_run_id,
            call.sandbox.id if call.sandbox else None,
            response.event_type or event_type,
            tx.now,
            round((monotonic_s() - began) * 1000, 3),
            call.request,
            response,
            tuple(branch.changes_since(savepoint)),
        )
        try:
            committed = self._submit(event, partial(self._take_back, savepoint, seq))
        except BaseException:
            branch.rollback(savepoint)
            raise
        self.seq = seq
        return Outcome(response, event, committed), raised

    def _submit(self, event: Event, undo: Callable[[], None]) -> Commit:
        if self._aside is not None:
            self._aside.events.append((event, undo))
            return DONE
        self._latest = self.recorder.submit(event, undo)
        return self._latest

    def _take_back(self, savepoint: Savepoint, seq: int) -> None:
        """Return to before an event that could not be stored; memory is never ahead of the disk."""
        self.branch.rollback(savepoint)
        self.seq = seq - 1

    def _event_id(self, seq: int) -> str:
        """Return an event's id: the playground's own number and the event's, or from the seed."""
        if self.random_seed is not None:
            return ids.derived_id("evt", self.random_seed, self.key, seq)
        return f"evt_{self.id.removeprefix('pg_')}{seq:06d}"

    def _fire(self, event: Event) -> None:
        if self.branch.is_empty(WAITING):
            return
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

            request = Request("SCENARIO", row["action"], body=_step_body(row))
            self._run(Call("scenario_step", go, request=request))
            if self.branch.get(WAITING, key) is not None:  # it failed and was rolled back: give it up
                self._run(Call("scenario_step", partial(_drop, WAITING, key), request=request))


def _take_back_all(branch: Branch, savepoint: Savepoint) -> None:
    """Roll back what was ended in its midst, and let go of what was being derived from it."""
    branch.rollback(savepoint)
    branch.caches.clear()


def _step_body(row: Json) -> bytes:
    return jsonio.dump({"action": row["action"], **(row["args"] if isinstance(row["args"], dict) else {})})


def _run_due(key: str, tx: Interaction) -> Response:
    action = tx.get(DUE, key)["action"]
    tx.run_scheduled(key)
    return Response.of_json({"action": action, "status": "done"})


def _drop(collection: str, key: str, tx: Interaction) -> Response:
    action = tx.get(collection, key)["action"]
    tx.delete(collection, key)
    return Response.of_json({"action": action, "status": "failed"})
