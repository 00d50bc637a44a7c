"""What the application behind the engine refuses on purpose, as the configuration says: a receiver has bad moments.

A message counts once it would be accepted, by MLLP or over HTTP alike; acknowledgments are not counted, since nobody
acknowledges them. What is counted lies in `hl7/_refusals`.
"""

from typing import Final

from sandbox.playground.playground import Interaction
from sandbox.simulators.hl7.config import Hl7Config
from sandbox.simulators.hl7.faults import APPLICATION_ERROR, Fault
from sandbox.simulators.hl7.message import Message
from sandbox.simulators.hl7.validate import Verdict
from sandbox.simulators.wire_faults import choose

REFUSALS: Final = "hl7/_refusals"


def as_received(tx: Interaction, message: Message | None, verdict: Verdict) -> Verdict:
    """Return a verdict as the receiving application gives it: its own refusal in the place of an acceptance, if one is
    due."""
    if message is None or not verdict.is_accepted or message.code == "ACK" or not tx.config.get("refusals"):
        return verdict
    refusal = choose(tx, REFUSALS, Hl7Config.model_validate(dict(tx.config)).refusals)
    if refusal is None:
        return verdict
    return Verdict(refusal.ack_code, (Fault("", APPLICATION_ERROR, refusal.text),), verdict.notes)
