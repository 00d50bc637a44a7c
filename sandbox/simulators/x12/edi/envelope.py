"""The three envelopes of an interchange: ISA/IEA, GS/GE, ST/SE (X12.5, X12.6 §3; TR3 appendices B and C of 005010).

Values only; `parse.py` makes them of a text. What is wrong with an envelope is kept beside it by its code: of TA1-05
for an interchange, of AK9-05 to 09 for a group, of IK5-02 to 06 for a transaction set.
"""

from dataclasses import dataclass, field

from sandbox.simulators.x12.edi.segments import Delimiters, Segment


@dataclass(frozen=True, slots=True)
class TransactionSet:
    """What stands from ST to SE, both included. `trailer` is None where SE is missing."""

    segments: tuple[Segment, ...]
    trailer: Segment | None
    problems: tuple[str, ...] = ()

    @property
    def header(self) -> Segment:
        """ST."""
        return self.segments[0]

    @property
    def kind(self) -> str:
        """The transaction set identifier, ST01 (`270`)."""
        return self.header.get(1)

    @property
    def control_number(self) -> str:
        """ST02."""
        return self.header.get(2)

    @property
    def body(self) -> tuple[Segment, ...]:
        """What stands between ST and SE."""
        return self.segments[1:] if self.trailer is None else self.segments[1:-1]


@dataclass(frozen=True, slots=True)
class Group:
    """What stands from GS to GE. `trailer` is None where GE is missing."""

    header: Segment
    sets: tuple[TransactionSet, ...]
    trailer: Segment | None
    problems: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The functional identifier code, GS01 (`HS`)."""
        return self.header.get(1)

    @property
    def control_number(self) -> str:
        """GS06."""
        return self.header.get(6)

    @property
    def version(self) -> str:
        """The implementation guide, GS08 (`005010X279A1`)."""
        return self.header.get(8)

    @property
    def count(self) -> str:
        """How many transaction sets it says that it holds, GE01; what there are where it does not say."""
        stated = self.trailer.get(1) if self.trailer is not None else ""
        return stated if stated.isdecimal() and len(stated) <= 6 else str(len(self.sets))


@dataclass(frozen=True, slots=True)
class Header:
    """ISA by its elements; what could not be read is empty."""

    elements: tuple[str, ...]

    def get(self, position: int) -> str:
        """Return an element as it stands there, without its padding."""
        return self.elements[position].strip() if position < len(self.elements) else ""

    @property
    def control_number(self) -> str:
        """ISA13."""
        return self.get(13)

    @property
    def wants_acknowledgment(self) -> bool:
        """Whether ISA14 asks for a TA1."""
        return self.get(14) == "1"


@dataclass(frozen=True, slots=True)
class Interchange:
    """What stands from ISA to IEA.

    `text` is all of it as it was sent. `problem` is the code of what is wrong with the envelope, None where it is
    whole, and `detail` says it in words; then there are no groups.
    """

    header: Header
    delimiters: Delimiters
    text: str
    groups: tuple[Group, ...] = ()
    acknowledgments: tuple[Segment, ...] = ()
    problem: str | None = None
    detail: str = ""
    notes: tuple[str, ...] = field(default=())
