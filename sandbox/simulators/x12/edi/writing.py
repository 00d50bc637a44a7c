"""Writing interchanges: envelopes around transaction sets, with control numbers and counts that agree.

What is written has the standard delimiters and no line ends: some readers take a line end for no terminator at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sandbox.simulators.x12.edi.parse import VERSION
from sandbox.simulators.x12.edi.segments import STANDARD, Segment, make, plain, write

RESPONSIBLE_AGENCY: Final = "X"


@dataclass(frozen=True, slots=True)
class Parties:
    """Who sends and who receives: qualifier and id of ISA, and the ids of GS."""

    sender: tuple[str, str]
    receiver: tuple[str, str]
    usage: str = "T"

    def swapped(self) -> "Parties":
        """Return them for an answer."""
        return Parties(self.receiver, self.sender, self.usage)


@dataclass(frozen=True, slots=True)
class OutSet:
    """A transaction set to be written: `body` is what stands between ST and SE."""

    kind: str
    control_number: str
    version: str
    body: tuple[Segment, ...]

    def segments(self) -> list[Segment]:
        """Return it from ST to SE.

        >>> [s.text for s in OutSet("270", "0001", "005010X279A1", (make("BHT", "0022"),)).segments()]
        ['ST*270*0001*005010X279A1', 'BHT*0022', 'SE*3*0001']
        """
        number = self.control_number
        header = make("ST", self.kind, number, self.version)
        return [header, *self.body, make("SE", str(len(self.body) + 2), number)]


@dataclass(frozen=True, slots=True)
class OutGroup:
    """A functional group to be written."""

    code: str
    sender: str
    receiver: str
    control_number: int
    version: str
    sets: tuple[OutSet, ...]

    def segments(self, now: datetime) -> list[Segment]:
        """Return it from GS to GE."""
        number = str(self.control_number)
        header = make(
            "GS",
            self.code,
            self.sender[:15],
            self.receiver[:15],
            now.strftime("%Y%m%d"),
            now.strftime("%H%M"),
            number,
            RESPONSIBLE_AGENCY,
            self.version,
        )
        inner = [segment for one in self.sets for segment in one.segments()]
        return [header, *inner, make("GE", str(len(self.sets)), number)]


def write_interchange(
    parties: Parties,
    control_number: int,
    now: datetime,
    groups: Sequence[OutGroup],
    acknowledgments: Iterable[Segment] = (),
    *,
    wants_acknowledgment: bool = False,
) -> str:
    """Write an interchange as text.

    >>> text = write_interchange(Parties(("ZZ", "A"), ("ZZ", "B")), 7, datetime(2026, 4, 23, 9), [], [make("TA1")])
    >>> text[:106]
    'ISA*00*          *00*          *ZZ*A              *ZZ*B              *260423*0900*^*00501*000000007*0*T*:~'
    >>> text[106:]
    'TA1~IEA*0*000000007~'
    """
    number = f"{control_number:09}"
    elements = (
        "ISA",
        "00",
        " " * 10,
        "00",
        " " * 10,
        parties.sender[0].ljust(2)[:2],
        _padded(parties.sender[1]),
        parties.receiver[0].ljust(2)[:2],
        _padded(parties.receiver[1]),
        now.strftime("%y%m%d"),
        now.strftime("%H%M"),
        STANDARD.repetition,
        VERSION,
        number,
        "1" if wants_acknowledgment else "0",
        parties.usage,
        STANDARD.component,
    )
    inner = [segment for group in groups for segment in group.segments(now)]
    trailer = make("IEA", str(len(groups)), number)
    return write([Segment(elements), *acknowledgments, *inner, trailer])


def _padded(identifier: str) -> str:
    return plain(identifier).ljust(15)[:15]
