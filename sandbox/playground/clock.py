"""A playground's own time, derived from one document in its branch.

Before the task run starts the clock stands at its start. Then it runs with real time, or, in a
seeded run, steps one second per interaction, those apart that stand still. `advance_clock` adds an offset.
Because the document is part of the branch, a fork or a restored playground tells the same time.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sandbox.clock import parse_instant
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch

COLLECTION = "_clock"
KEY = "clock"


@dataclass(slots=True)
class ClockState:
    """What the branch holds, a value: where the clock began, and how it goes on.

    `held` counts the events that a stepping clock did not step with. `origin` and `ahead` are derived: where the
    clock would stand had it not gone on, in UTC, and how far it is ahead of real time.
    """

    start: datetime
    real_start: datetime | None
    first_seq: int
    offset_s: float
    is_stepping: bool
    held: int = 0
    origin: datetime = field(init=False)
    ahead: timedelta | None = field(init=False)

    def __post_init__(self) -> None:
        """Derive what every reading of the clock needs."""
        self.origin = (self.start + timedelta(seconds=self.offset_s)).astimezone(UTC)
        self.ahead = None if self.real_start is None else self.origin - self.real_start

    def to_json(self) -> Json:
        """Write it as the branch's document."""
        return {
            "start": self.start.isoformat(),
            "real_start": self.real_start.isoformat() if self.real_start else None,
            "first_seq": self.first_seq,
            "offset_s": self.offset_s,
            "is_stepping": self.is_stepping,
            "held": self.held,
        }

    @classmethod
    def read(cls, branch: Branch) -> "ClockState | None":
        """Read it from the branch; None before the clock was set."""
        rows = branch.overlay_of(COLLECTION)
        cached = branch.caches.get(COLLECTION)
        if cached is not None and cached[0] is rows:
            found: ClockState | None = cached[1]
            return found
        document = branch.get_document(COLLECTION, KEY)
        state = None if document is None else cls.of_json(document.value)
        branch.caches[COLLECTION] = (rows, state)
        return state

    @classmethod
    def of_json(cls, value: Json) -> "ClockState":
        """Read it from the branch's document."""
        real = value["real_start"]
        return cls(
            parse_instant(value["start"]),
            parse_instant(real) if real else None,
            int(value["first_seq"]),
            float(value["offset_s"]),
            bool(value["is_stepping"]),
            int(value.get("held", 0)),
        )

    def at(self, seq: int, real_now: datetime) -> datetime:
        """Return the playground's time for the event `seq`, to the millisecond."""
        if self.is_stepping:
            moment = self.origin + timedelta(seconds=seq - self.first_seq - self.held)
        elif self.ahead is not None:
            moment = real_now + self.ahead
        else:
            moment = self.origin
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def going_on(self, moment: datetime, steps_back: int, seq: int, real_now: datetime) -> "ClockState":
        """Return the clock that goes on from a `moment` at which it stood `steps_back` events before `seq`."""
        if self.is_stepping:
            return replace(self, held=self.held + steps_back)
        return replace(self, offset_s=self.offset_s + (moment - self.at(seq, real_now)).total_seconds())


def playground_now(branch: Branch, seq: int, real_now: datetime) -> datetime:
    """Return the playground's time; real time while its clock is not set."""
    state = ClockState.read(branch)
    if state is None:
        return real_now.replace(microsecond=real_now.microsecond // 1000 * 1000)
    return state.at(seq, real_now)
