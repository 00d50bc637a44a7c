"""An interaction: what a simulator's code may see and do while it handles one request.

It reads and writes the branch through this and knows nothing of events or recording.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

from sandbox import ids
from sandbox.clock import Clock, format_instant
from sandbox.errors import Conflict
from sandbox.jsonio import Json
from sandbox.playground import clock as playground_clock
from sandbox.playground.branch import Branch, Document, Savepoint
from sandbox.playground.clock import ClockState

DUE = "_due"
WAITING = "_waiting"
# The actions whose names end so are run as the clock starts, in the interaction that starts it. They may set its `now`
# back, to do what had happened by then at the time when it did.
CLOCK_STARTS = ".clock_starts"

Action: TypeAlias = "Callable[[Interaction, Json], None]"


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


class World(Protocol):
    """What an interaction takes from its playground."""

    key: str
    branch: Branch
    clock: Clock
    random_seed: int | None
    asides: int
    inherited: int
    inherited_asides: int

    @property
    def step(self) -> int:
        """How many events there were that time and ids go by."""
        ...

    def sandbox_on(self, surface: str) -> Sandbox | None:
        """Return the sandbox that serves a surface."""
        ...

    def action(self, name: str) -> Action:
        """Return a registered action."""
        ...


class Interaction:
    """What state code sees while it handles one request: the branch, the time, new ids.

    `now` does not move during an interaction. `sandbox` is the simulator being talked to. In a view the state is
    shown as it is: it is no read that anything waits for, and what is written is dropped, but in collections of views
    (`branch.VIEWS`).
    """

    __slots__ = ("_is_aside", "_is_held", "_minted", "_playground", "_step", "branch", "is_view", "now", "sandbox")

    def __init__(
        self,
        playground: World,
        sandbox: Sandbox | None,
        now: datetime,
        *,
        is_aside: bool = False,
        is_view: bool = False,
    ) -> None:
        self._playground = playground
        self._step = playground.step + 1
        self._minted = 0
        self._is_held = False
        self._is_aside = is_aside
        self.is_view = is_view
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

    @property
    def step(self) -> int:
        """Which step of the playground this is, those counted that a fork goes on from."""
        return self._step

    @property
    def inherited_steps(self) -> int:
        """How many steps a fork goes on from; 0 where the playground is none."""
        return self._playground.inherited - self._playground.inherited_asides

    def sandbox_of(self, surface: str) -> Sandbox | None:
        """Return the playground's sandbox on another surface, if it has one."""
        return self._playground.sandbox_on(surface)

    def new_id(self, prefix: str = "") -> str:
        """Mint an id; in a seeded run it depends on the seed and the agent's actions alone."""
        self._minted += 1
        seed = self._playground.random_seed
        if seed is None:
            return ids.new_id(prefix)
        key = self._playground.key
        if self._is_aside:
            return ids.derived_id(prefix, seed, key, "organization", self._playground.asides + 1, self._minted)
        if self._is_held:
            return ids.derived_id(prefix, seed, key, "held", self._step, self._minted)
        state = ClockState.read(self.branch)
        step = self._step - (state.held if state is not None else 0)
        return ids.derived_id(prefix, seed, key, step, self._minted)

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
        self.put(DUE, key, {"due_at": due_at.isoformat(), "action": action, "args": args, "seq": self._step})
        return key

    def reschedule(self, key: str, *, after_s: float) -> None:
        """Put a scheduled action off, or bring it forward; nothing where it is not to come any more."""
        row = self.get(DUE, key)
        if row is not None:
            due_at = (self.now + timedelta(seconds=after_s)).isoformat()
            self.put(DUE, key, {**row, "due_at": due_at, "seq": self._step})

    def unschedule(self, key: str) -> None:
        """Drop a scheduled action."""
        self.delete(DUE, key)

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
        if self._is_aside:
            return
        self._is_held = True
        state = ClockState.read(self.branch)
        if state is not None and state.is_stepping:
            still = replace(state, held=state.held + 1)
            self.put(playground_clock.COLLECTION, playground_clock.KEY, still.to_json())
