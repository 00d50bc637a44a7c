"""A playground: one branch, and `interact`, the only way to change it.

An interaction is synchronous and all-or-nothing. It runs the simulator's pure code on the branch;
if that raises, the branch is rolled back and the error's rendering becomes the response. Either
way exactly one event is produced and handed to the recorder before `interact` returns; the caller
sends the response only when the event's commit is awaited.

Delayed effects (`Interaction.schedule`) are settled before the next interaction that finds them
due, so no timer is needed and a replay does the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from sandbox import ids, jsonio, limits
from sandbox.clock import Clock, format_instant, monotonic_s, parse_instant
from sandbox.errors import SandboxError, TooLarge
from sandbox.jsonio import Json
from sandbox.logs import get_logger
from sandbox.playground import clock as playground_clock
from sandbox.playground.branch import Branch, Savepoint, is_of_views
from sandbox.playground.clock import ClockState
from sandbox.playground.events import Actor, Event, Request, Response, scenario_request
from sandbox.playground.interaction import DUE, WAITING, Action, Interaction, Sandbox
from sandbox.playground.recording import Commit, Done, NullRecorder, Recorder

__all__ = [
    "LOOKS",
    "SEEDED_START",
    "Action",
    "Commit",
    "Done",
    "Interaction",
    "NullRecorder",
    "Outcome",
    "Playground",
    "Recorder",
    "Sandbox",
]

LOOKS = frozenset({"GET", "HEAD"})
SEEDED_START = datetime(2026, 1, 1, tzinfo=UTC)

log = get_logger()


Handler = Callable[[Interaction], Response]
ErrorRenderer = Callable[[SandboxError], Response]
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
    and delayed actions by name, `matches` decides whether an event satisfies a `when` clause. `seq` counts all
    events, `asides` those of the organization: they are no steps, so neither a stepping clock nor ids move with them.
    `last_at` is the time of the last event on the playground's own clock, before which none comes.
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
    last_at: datetime | None = None
    is_torn_down: bool = False
    failure: str | None = None

    def sandbox_on(self, surface: str) -> Sandbox | None:
        """Return the sandbox that serves a surface."""
        return next((s for s in self.sandboxes if s.surface == surface), None)

    def look(self, sandbox: Sandbox) -> Interaction:
        """Return an interaction to read with, outside of any event; writing through it is a mistake."""
        return Interaction(self, sandbox, self.now())

    def action(self, name: str) -> Action:
        """Return a registered action."""
        return self.actions[name]

    @property
    def step(self) -> int:
        """How many events there were that time and ids go by."""
        return self.seq - self.asides

    def now(self) -> datetime:
        """Return the playground's time for its next event; it never goes back, whatever the machine's clock does."""
        now = playground_clock.playground_now(self.branch, self.step + 1, self.clock)
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
        self.settle()
        outcome, error = self._run(event_type, handler, sandbox, request, on_error, is_stranger, actor)
        if error is not None:
            raise error
        if actor != "organization":  # a scenario waits for the agent
            self._fire(outcome.event)
        return outcome

    def view(
        self,
        event_type: str,
        handler: Handler,
        *,
        sandbox: Sandbox,
        request: Request,
        on_error: ErrorRenderer | None = None,
    ) -> Outcome | None:
        """Show the organization what there is, and record that it looked; None when the call is no look.

        The handler runs on a fork on which everything has happened that is due, so nothing moves. Whatever a GET or
        HEAD writes is dropped, but for what views leave for later views; any other call that writes is no look, and
        nothing of it is recorded. Raises as `interact` does.
        """
        trial = replace(self, branch=self.branch.fork(), recorder=NullRecorder())
        if not self.is_torn_down:
            trial.settle()
        made, error = trial._run(event_type, handler, sandbox, request, on_error, actor="organization", is_view=True)
        left = tuple(change for change in made.event.changes if is_of_views(change.collection))
        if len(left) < len(made.event.changes) and request.method not in LOOKS:
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
        """Set the clock going, at `start` or at the present time.

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
            tx.now = state.at(self.step + 1, real)
            return Response.of_json({"clock": format_instant(state.start)})

        return self.interact("clock_advanced", begin, actor="scenario")

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
            request = scenario_request(row["action"], _step_body(row))
            self._run("scenario_step", partial(_run_due, key), None, request, None, actor="scenario")
            if self.branch.get(DUE, key) is not None:  # it failed and was rolled back: give it up
                self._run("scenario_step", partial(_drop, DUE, key), None, request, None, actor="scenario")

    def _run(
        self,
        event_type: str,
        handler: Handler,
        sandbox: Sandbox | None,
        request: Request | None,
        on_error: ErrorRenderer | None,
        is_stranger: bool = False,
        actor: Actor = "agent",
        is_view: bool = False,
    ) -> tuple[Outcome, Exception | None]:
        if self.failure is not None:
            raise RuntimeError(self.failure)
        is_aside = actor == "organization"
        if (self.asides if is_aside else self.step) >= limits.EVENTS_PER_TASK_RUN:
            raise TooLarge(f"This task run has reached its {limits.EVENTS_PER_TASK_RUN} events; complete it.")
        began = monotonic_s()
        seq = self.seq + 1
        branch = self.branch
        tx = Interaction(self, sandbox, self.now(), is_aside=is_aside, is_view=is_view)
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
            self._event_id(seq, is_aside=is_aside),
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
            actor,
        )
        committed = self._submit(event, savepoint)
        if ClockState.read(branch) is not None:
            self.last_at = tx.now
        return Outcome(response, event, committed), raised

    def _submit(self, event: Event, savepoint: Savepoint) -> Commit:
        undo = partial(self._take_back, savepoint, self.seq, self.asides, self.last_at)
        try:
            committed = self.recorder.submit(event, undo)
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

            request = scenario_request(row["action"], _step_body(row))
            self._run("scenario_step", go, None, request, None, actor="scenario")
            if self.branch.get(WAITING, key) is not None:  # it failed and was rolled back: give it up
                self._run("scenario_step", partial(_drop, WAITING, key), None, request, None, actor="scenario")


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
