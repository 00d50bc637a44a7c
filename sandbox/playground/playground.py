"""A playground: one branch, and `interact`, the only way to change it.

An interaction is synchronous and all-or-nothing. It runs the simulator's pure code on the branch;
if that raises, the branch is rolled back and the error's rendering becomes the response. Either
way exactly one event is produced and handed to the recorder before `interact` returns; the caller
sends the response only when the event's commit is awaited.

Delayed effects (`Interaction.schedule`) are settled before the next interaction that finds them
due, so no timer is needed and a replay does the same.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

from sandbox import ids, jsonio, limits
from sandbox.clock import Clock, format_instant, monotonic_s, parse_instant
from sandbox.errors import Conflict, SandboxError, TooLarge
from sandbox.jsonio import Json
from sandbox.logs import get_logger
from sandbox.playground import clock as playground_clock
from sandbox.playground.branch import Branch, Document, Savepoint
from sandbox.playground.clock import ClockState
from sandbox.playground.events import Event, Request, Response

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

    def __init__(self, playground: "Playground", sandbox: Sandbox | None, seq: int, now: datetime) -> None:
        self._playground = playground
        self._seq = seq
        self._minted = 0
        self._is_held = False
        self.branch = playground.branch
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


@dataclass
class Playground:
    """One task run's world.

    `key` names the playground within a seeded run (so that ids repeat), `actions` are the scenario
    and delayed actions by name, `matches` decides whether an event satisfies a `when` clause. `last_at` is the time
    of the last event on the playground's own clock, before which none comes.
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
    last_at: datetime | None = None
    is_torn_down: bool = False
    failure: str | None = None

    def sandbox_on(self, surface: str) -> Sandbox | None:
        """Return the sandbox that serves a surface."""
        return next((s for s in self.sandboxes if s.surface == surface), None)

    def look(self, sandbox: Sandbox) -> Interaction:
        """Return an interaction to read with, outside of any event; writing through it is a mistake."""
        return Interaction(self, sandbox, self.seq + 1, self.now())

    def action(self, name: str) -> Action:
        """Return a registered action."""
        return self.actions[name]

    def now(self) -> datetime:
        """Return the playground's time for its next event; it never goes back, whatever the machine's clock does."""
        now = playground_clock.playground_now(self.branch, self.seq + 1, self.clock)
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
    ) -> Outcome:
        """Run `handler` on the branch, all or nothing, and record one event.

        Without `on_error` a `SandboxError` is raised again after its event was recorded. An
        unexpected exception rolls back, is recorded as `surface_error` and raised again.
        Of a stranger, who has shown no credential yet, a `SandboxError` is raised again and nothing is recorded.
        """
        self.settle()
        outcome, error = self._run(event_type, handler, sandbox, request, on_error, is_stranger)
        if error is not None:
            raise error
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
            self._run("scenario_step", partial(_run_due, key), None, request, None)
            if self.branch.get(DUE, key) is not None:  # it failed and was rolled back: give it up
                self._run("scenario_step", partial(_drop, DUE, key), None, request, None)

    def _run(
        self,
        event_type: str,
        handler: Handler,
        sandbox: Sandbox | None,
        request: Request | None,
        on_error: ErrorRenderer | None,
        is_stranger: bool = False,
    ) -> tuple[Outcome, Exception | None]:
        if self.failure is not None:
            raise RuntimeError(self.failure)
        if self.seq >= limits.EVENTS_PER_TASK_RUN:
            raise TooLarge(f"This task run has reached its {limits.EVENTS_PER_TASK_RUN} events; complete it.")
        began = monotonic_s()
        seq = self.seq + 1
        branch = self.branch
        tx = Interaction(self, sandbox, seq, self.now())
        savepoint = branch.savepoint()
        raised: Exception | None = None
        try:
            response = handler(tx)
        except SandboxError as error:
            branch.rollback(savepoint)
            if is_stranger:
                raise
            if on_error is None:
                raised, response = error, Response.of_json({"error": error.message}, error.status)
            else:
                response = on_error(error)
        except Exception as error:
            branch.rollback(savepoint)
            raised, event_type = error, "surface_error"
            response = Response.of_json({"error": type(error).__name__}, 500)
        event = Event(
            self._event_id(seq),
            seq,
            self.id,
            self.task_run_id,
            sandbox.id if sandbox else None,
            response.event_type or event_type,
            tx.now,
            round((monotonic_s() - began) * 1000, 3),
            request,
            response,
            tuple(branch.changes_since(savepoint)),
        )
        try:
            committed = self.recorder.submit(event, partial(self._take_back, savepoint, seq, self.last_at))
        except BaseException:
            branch.rollback(savepoint)
            raise
        self.seq = seq
        if ClockState.read(branch) is not None:
            self.last_at = tx.now
        return Outcome(response, event, committed), raised

    def _take_back(self, savepoint: Savepoint, seq: int, last_at: datetime | None) -> None:
        """Return to before an event that could not be stored; memory is never ahead of the disk."""
        self.branch.rollback(savepoint)
        self.seq, self.last_at = seq - 1, last_at

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
            self._run("scenario_step", go, None, request, None)
            if self.branch.get(WAITING, key) is not None:  # it failed and was rolled back: give it up
                self._run("scenario_step", partial(_drop, WAITING, key), None, request, None)


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
