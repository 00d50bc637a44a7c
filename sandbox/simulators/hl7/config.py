"""How an interface engine is configured: how it delivers to the agent's listener, what the receivers behind it refuse,
and how it misbehaves on purpose."""

from typing import Literal

from pydantic import Field

from sandbox.definitions.assertions import StrictModel
from sandbox.simulators.wire_faults import When, WireFault


class Delivery(StrictModel):
    """The rule by which a message is sent again to the agent's listener.

    `attempts` in all, `spacing_seconds` apart on the playground's clock; an answer is waited for `timeout_seconds` of
    real time, since a network has no other.
    """

    attempts: int = Field(default=3, ge=1, le=100)
    spacing_seconds: float = Field(default=30, ge=0, allow_inf_nan=False, le=86_400)
    timeout_seconds: float = Field(default=10, gt=0, allow_inf_nan=False, le=120)


class Refusal(When):
    """A message that the receiving application refuses though nothing is wrong with it, and why it says so.

    Counted are the messages that it would have accepted, whichever way they came.
    """

    ack_code: Literal["AE", "AR"] = "AE"
    text: str = Field(default="The receiving application is busy; send the message again.", min_length=1)


class MllpFault(WireFault):
    """What the engine does wrong to an acknowledgment by MLLP."""

    fault: Literal[
        "split_ack",
        "split_end_block",
        "ca_and_aa",
        "wrong_control_id",
        "close_without_ack",
        "repeated_ack",
        "crlf_between_frames",
        "delay",
    ]


class Hl7Config(StrictModel):
    """The configuration of the simulator; all of it has a default."""

    delivery: Delivery = Delivery()
    refusals: list[Refusal] = []
    faults: list[MllpFault] = []
