"""The acknowledgments of what came in: TA1 for an interchange, 999 (005010X231A1) for a group."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.simulators.x12.edi.envelope import Group, Header, TransactionSet
from sandbox.simulators.x12.edi.faults import ElementFault, SegmentFault
from sandbox.simulators.x12.edi.segments import Segment, make

GROUP: Final = "FA"
VERSION: Final = "005010X231A1"
KIND: Final = "999"
SEGMENTS_IN_ERROR: Final = "5"
FAULTS_REPORTED: Final = 99
_CODES_REPORTED: Final = 5
_COPY_CHARS: Final = 99


@dataclass(frozen=True, slots=True)
class Judged:
    """A transaction set and what is wrong with it: codes of IK5-02 on, and segments."""

    transaction: TransactionSet
    codes: tuple[str, ...] = ()
    faults: tuple[SegmentFault, ...] = ()

    @property
    def is_accepted(self) -> bool:
        """Whether it is passed on."""
        return not self.codes and not self.faults


def interchange_acknowledgment(header: Header, problem: str | None) -> Segment:
    """Write the TA1 of an interchange; `problem` is the code of what is wrong with its envelope.

    >>> isa = Header(("ISA", "", "", "", "", "", "", "", "", "260423", "0900", "", "", "000000001"))
    >>> interchange_acknowledgment(isa, None).text, interchange_acknowledgment(isa, "001").text
    ('TA1*000000001*260423*0900*A*000', 'TA1*000000001*260423*0900*R*001')
    """
    number, day, time = (_digits(header.get(position), width) for position, width in ((13, 9), (9, 6), (10, 4)))
    return make("TA1", number, day, time, "A" if problem is None else "R", problem or "000")


def _digits(text: str, width: int) -> str:
    return text if len(text) == width and text.isascii() and text.isdecimal() else "0" * width


def functional_acknowledgment(group: Group, judged: Sequence[Judged]) -> tuple[Segment, ...]:
    """Write what stands between ST and SE of the 999 for a group.

    A group that is wrong itself is rejected whole, without a word on its transaction sets.
    """
    segments = [make("AK1", group.code[:2], group.control_number, group.version)]
    if group.problems:
        received = str(len(group.sets))
        codes = _first(group.problems)
        return (*segments, make("AK9", "R", group.count, received, "0", *codes))
    for one in judged:
        segments += _of_set(one)
    accepted = sum(one.is_accepted for one in judged)
    verdict = "A" if accepted == len(judged) else "P" if accepted else "R"
    segments.append(make("AK9", verdict, group.count, str(len(judged)), str(accepted)))
    return tuple(segments)


def _of_set(judged: Judged) -> list[Segment]:
    header = judged.transaction.header
    segments = [make("AK2", header.get(1)[:3], header.get(2)[:9], header.get(3)[:35])]
    for fault in judged.faults[:FAULTS_REPORTED]:
        segments.append(make("IK3", fault.segment[:3], str(fault.position), fault.loop, fault.code))
        segments += [_of_element(element) for element in fault.elements]
    codes = [*judged.codes, *([SEGMENTS_IN_ERROR] if judged.faults else [])]
    segments.append(make("IK5", "R" if codes else "A", *_first(codes)))
    return segments


def _of_element(fault: ElementFault) -> Segment:
    position = [str(fault.position), str(fault.component or ""), str(fault.repetition or "")]
    return make("IK4", position, fault.reference, fault.code, fault.value[:_COPY_CHARS])


def _first(codes: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(codes))[:_CODES_REPORTED]
