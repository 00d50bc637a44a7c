"""Faults of a wire as data: which misbehaviour, and on which of the messages that come over it.

Real peers split, repeat, delay and lose what they send. A surface declares its kinds in a subclass (a `Literal`) and
carries them out; when one is due is decided here, by number, by interval or by a chance that the run's seed gives.
Each one that is carried out is counted in the branch and recorded as `fault_injected`.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, Self, TypeVar

from pydantic import Field, model_validator

from sandbox.definitions.assertions import StrictModel
from sandbox.jsonio import Json
from sandbox.playground.events import SCENARIO_METHOD, Request
from sandbox.playground.playground import Interaction

EVENT_TYPE: Final = "fault_injected"
_KEY: Final = "wire"
_CHANCES: Final = 1 << 64


class When(StrictModel):
    """On which messages something is done: on the `messages` of these numbers (from 1), on `every` so-many-th, or by
    `chance`; on every message where nothing is said. At most so many `times`."""

    messages: list[int] | None = None
    every: int | None = Field(default=None, ge=1)
    chance: float | None = Field(default=None, ge=0, le=1)
    times: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        if sum(said is not None for said in (self.messages, self.every, self.chance)) > 1:
            raise ValueError("give one of messages, every, chance")
        if self.messages is not None and not (self.messages and min(self.messages) >= 1):
            raise ValueError("messages are counted from 1")
        return self


class WireFault(When):
    """What is done wrong, and when. `seconds` are for faults that take time."""

    fault: str
    seconds: float = Field(default=0.2, ge=0, le=60)


Kind = TypeVar("Kind", bound=When)


def is_due(fault: When, number: int, injected: int, draw: float) -> bool:
    """Whether a fault is carried out on the message of a number, after `injected` times; `draw` is from 0 up to 1.

    >>> [n for n in range(1, 7) if is_due(WireFault(fault="delay", every=3), n, 0, 0.5)]
    [3, 6]
    >>> is_due(WireFault(fault="delay", chance=0.6), 1, 0, 0.5), is_due(WireFault(fault="delay", times=1), 2, 1, 0.5)
    (True, False)
    """
    if fault.times is not None and injected >= fault.times:
        return False
    if fault.messages is not None:
        return number in fault.messages
    if fault.every is not None:
        return number % fault.every == 0
    return fault.chance is None or draw < fault.chance


def choose(tx: Interaction, collection: str, faults: Sequence[Kind]) -> Kind | None:
    """Count a message and return the first fault that is due on it; what is counted lies in `collection`."""
    if not faults:
        return None
    counted = tx.get(collection, _KEY) or {"messages": 0, "injected": [0] * len(faults)}
    number, injected = counted["messages"] + 1, list(counted["injected"])
    draw = int.from_bytes(hashlib.sha256(tx.new_id().encode()).digest()[:8], "big") / _CHANCES
    place = next((p for p, fault in enumerate(faults) if is_due(fault, number, injected[p], draw)), None)
    if place is not None:
        injected[place] += 1
    tx.put(collection, _KEY, {"messages": number, "injected": injected})
    return None if place is None else faults[place]


def request_of(wire: str, told: bytes) -> Request:
    """Return what the event of a fault is recorded with: the wire, and what was done to which message, as JSON."""
    return Request(SCENARIO_METHOD, wire, headers={"content-type": "application/json"}, body=told, via=None)


def told_of(fault: WireFault, **subject: Json) -> dict[str, Json]:
    """Return what is told of a fault that was carried out."""
    return {"fault": fault.fault, **subject}
