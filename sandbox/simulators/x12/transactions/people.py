"""Who is asked about, as segments say it: NM1 and DMG of a person, AAA of a rejection."""

from collections.abc import Sequence

from sandbox.payer.people import Person, Rejection
from sandbox.simulators.x12.edi.segments import Segment, make
from sandbox.simulators.x12.transactions.levels import find
from sandbox.simulators.x12.transactions.values import iso


def rejection_segment(rejection: Rejection, *, is_valid: bool = False) -> Segment:
    """Write a rejection as AAA.

    >>> rejection_segment(Rejection("75")).text
    'AAA*N**75*C'
    """
    return make("AAA", "Y" if is_valid else "N", None, rejection.reason, rejection.follow_up)


def person_of(segments: Sequence[Segment]) -> Person:
    """Read the person of a level: NM1 with the identifier, DMG with the birth date.

    >>> name = make("NM1", "IL", "1", "Chen", "Maria", None, None, None, "MI", "W1")
    >>> person_of([name, make("DMG", "D8", "19850312")]).birth_date
    '1985-03-12'
    """
    name = find(segments, "NM1", "IL", "QC", "03") or make("NM1")
    birth = find(segments, "DMG") or make("DMG")
    has_id = name.get(8) in ("MI", "II", "ZZ")
    day = iso(birth.get(2)) if birth.get(1) == "D8" else ""
    return Person(name.get(9) if has_id else "", name.get(3), name.get(4), name.get(5), day, birth.get(3))
