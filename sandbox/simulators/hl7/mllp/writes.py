"""What goes back on a connection, as data."""

from dataclasses import dataclass

from sandbox.simulators.hl7.config import MllpFault


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes for the connection, in one write, so long after the one before."""

    data: bytes
    after_s: float = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back for one frame, in order; `closes` ends the connection after it, `fault` was carried out on it."""

    writes: tuple[Write, ...] = ()
    closes: bool = False
    fault: MllpFault | None = None
