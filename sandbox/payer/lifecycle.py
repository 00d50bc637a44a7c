"""What may become of a case: the table of `lifecycle.yaml`, and nothing else.

A call that the table has no entry for in a case's state is `Refused`: it names the state and says what is possible.
What a transition does besides is `cases.py`'s, `determination.py`'s and `disputes.py`'s; must not know the wire.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from sandbox.jsonio import Json
from sandbox.payer.refusals import Refused

FILE: Final = Path(__file__).with_name("lifecycle.yaml")
By = Literal["provider", "payer", "clock"]


@dataclass(frozen=True, slots=True)
class State:
    """One state: what the payer has answered in it (`kept`: what it answered last), and what it means."""

    name: str
    determination: str | None
    means: str


@dataclass(frozen=True, slots=True)
class Transition:
    """One way out of a state, or of staying in it.

    `on` is a call of the provider, a decision of the payer, or `lapse` for the clock, which reaches the date of the
    case that `after` names. `fields` are those that a call may write; `offer` is what the payer must offer for it.
    """

    name: str
    source: str
    on: str
    by: By
    to: str
    after: str | None = None
    fields: tuple[str, ...] = ()
    offer: str | None = None
    example: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_same(self) -> bool:
        """Whether the case stays in its state."""
        return self.source == self.to


@dataclass(frozen=True, slots=True)
class LifeCycle:
    """The whole table."""

    states: Mapping[str, State]
    transitions: tuple[Transition, ...]
    by_trigger: Mapping[tuple[str, str], Transition]

    def find(self, state: str, on: str) -> Transition | None:
        """Return the transition of a trigger in a state, or None."""
        return self.by_trigger.get((state, on))

    def calls_in(self, state: str, offers: Iterable[str]) -> tuple[str, ...]:
        """Return the calls of the provider that a state takes, in the order of the table."""
        offered = set(offers)
        return tuple(
            t.on
            for t in self.transitions
            if t.source == state and t.by == "provider" and (t.offer is None or t.offer in offered)
        )

    def triggers(self, by: By) -> tuple[str, ...]:
        """Return every trigger of one side, in the order of the table."""
        return tuple(dict.fromkeys(t.on for t in self.transitions if t.by == by))


@cache
def life_cycle() -> LifeCycle:
    """Return the table, read once."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(FILE.read_bytes(), Loader=loader)
    states = {row["name"]: State(**row) for row in document["states"]}
    # YAML reads a bare `on` as true.
    rows = [{("on" if key is True else key): value for key, value in row.items()} for row in document["transitions"]]
    transitions = tuple(Transition(source=row.pop("from"), fields=tuple(row.pop("fields", ())), **row) for row in rows)
    return LifeCycle(states, transitions, {(t.source, t.on): t for t in transitions})


def state_of(row: Json) -> str:
    """Return the state that a case is in."""
    return str(row["state"])


def told_state(row: Json) -> str:
    """Return how a case's state is told: the payer's answer, or `draft`, and the finer state where that says more.

    >>> told_state({"status": "submitted", "state": "pended", "determination": {"status": "need_more_info"}})
    'need_more_info (pended)'
    >>> told_state({"status": "submitted", "state": "denied", "determination": {"status": "denied"}})
    'denied'
    """
    answered = "draft" if row["status"] == "draft" else row["determination"]["status"]
    return answered if row["state"] == answered else f"{answered} ({row['state']})"


def name_of(row: Json) -> str:
    """Return what a case is called in messages: its authorization number, tracking number or request id."""
    return str(row["auth_number"] or row["tracking_number"] or row["request_id"])


def refused(row: Json, offers: Sequence[str], problem: str = "") -> Refused:
    """Return the refusal of a call; without a `problem` it says what is possible."""
    return Refused(name_of(row), told_state(row), possible_in(row, offers), problem)


def possible_in(row: Json, offers: Sequence[str]) -> tuple[str, ...]:
    """Return the calls of the provider that a case takes now; an appeal is none once its last day has passed."""
    is_closed = (row["denial"] or {}).get("closed_at") is not None
    calls = life_cycle().calls_in(state_of(row), offers)
    return tuple(call for call in calls if not (is_closed and call == "appeal"))


def take(row: Json, call: str, offers: Sequence[str], fields: Iterable[str] = ()) -> Transition:
    """Return the transition of a provider's call; raises `Refused` where a state has none, or not for these fields."""
    found = life_cycle().find(state_of(row), call)
    if found is None or found.by != "provider" or (found.offer is not None and found.offer not in offers):
        raise refused(row, offers)
    fixed = [name for name in fields if name not in found.fields]
    if fixed:
        takes = ", ".join(found.fields) or "nothing"
        raise refused(row, offers, f"{', '.join(fixed)} cannot be changed now; only {takes} can.")
    return found


def take_payers(row: Json, on: str) -> Transition:
    """Return the transition of a payer's decision; raises `Refused` naming the decisions that the state allows."""
    found = life_cycle().find(state_of(row), on)
    if found is None or found.by != "payer":
        table = life_cycle().transitions
        possible = [t.on for t in table if t.source == state_of(row) and t.by == "payer"]
        told = f"the payer can only {', '.join(possible)}" if possible else "there is nothing left to decide"
        raise refused(row, (), f"{on} is not possible; {told}.")
    return found
