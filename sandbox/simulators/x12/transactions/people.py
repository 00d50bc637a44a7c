"""Who is asked about: from the segments of a request to the payer's member, or to why there is none.

The rejections are those of AAA (005010X279A1 and X217, AAA-03 and AAA-04); the words beside them are ours.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.simulators.x12.edi.segments import Segment, make
from sandbox.simulators.x12.transactions.levels import find

CORRECT_AND_RESUBMIT: Final = "C"
DO_NOT_RESUBMIT: Final = "N"
RESUBMIT_LATER: Final = "R"

WORDS: Final = {
    "15": "what this request needs is missing",
    "33": "something in the request is wrong",
    "41": "the requester may not do this",
    "42": "the payer cannot answer now",
    "43": "the provider's identifier is missing or wrong",
    "51": "the payer does not know the provider",
    "50": "the provider may not ask this payer",
    "52": "the member was not covered on that day",
    "54": "the kind of procedure code is not one that is used here",
    "55": "the procedure code is not one",
    "56": "the date does not fit",
    "57": "the date of service is missing or wrong",
    "58": "the birth date is missing or wrong",
    "60": "the birth date is after the date of service",
    "62": "the date of service is further back than the payer answers for",
    "63": "the date of service is too far ahead",
    "64": "the patient's identifier is missing or wrong",
    "65": "the patient's name is missing or wrong",
    "67": "the patient is not found",
    "68": "more than one patient is meant",
    "71": "the birth date is not the member's",
    "72": "the member identifier is missing or wrong",
    "73": "the name is missing or not the member's",
    "75": "the member is not found",
    "76": "more than one member is meant",
    "79": "the payer named is not this one",
    "95": "the member is not covered",
    "97": "the provider's address is wrong",
    "AA": "there is no such authorization",
    "AF": "a diagnosis code is missing or wrong",
    "AG": "a procedure code is missing or wrong",
    "IA": "the authorization number is wrong",
    "T4": "the payer's name or identifier is missing",
    "T5": "the certification information is missing",
}


@dataclass(frozen=True, slots=True)
class Rejection:
    """One AAA: its reason, what to do about it, and words for people."""

    reason: str
    follow_up: str = CORRECT_AND_RESUBMIT
    text: str = ""

    def segment(self, *, is_valid: bool = False) -> Segment:
        """Write it.

        >>> Rejection("75").segment().text
        'AAA*N**75*C'
        """
        return make("AAA", "Y" if is_valid else "N", None, self.reason, self.follow_up)

    @property
    def said(self) -> str:
        """What it means here, for people."""
        return self.text or WORDS.get(self.reason, "the request is rejected")


@dataclass(frozen=True, slots=True)
class Person:
    """Who a request names, as far as it does. `birth_date` is CCYYMMDD."""

    member_id: str = ""
    last_name: str = ""
    first_name: str = ""
    middle_name: str = ""
    birth_date: str = ""
    gender: str = ""

    @property
    def has_name(self) -> bool:
        """Whether both names are given."""
        return bool(self.last_name and self.first_name)


def person_of(segments: Sequence[Segment]) -> Person:
    """Read the person of a level: NM1 with the identifier, DMG with the birth date.

    >>> name = make("NM1", "IL", "1", "Chen", "Maria", None, None, None, "MI", "W1")
    >>> person_of([name, make("DMG", "D8", "19850312")]).birth_date
    '19850312'
    """
    name = find(segments, "NM1", "IL", "QC", "03") or make("NM1")
    birth = find(segments, "DMG") or make("DMG")
    has_id = name.get(8) in ("MI", "II", "ZZ")
    day = birth.get(2) if birth.get(1) == "D8" else ""
    return Person(name.get(9) if has_id else "", name.get(3), name.get(4), name.get(5), day, birth.get(3))


def words(text: str) -> tuple[str, ...]:
    """Split a name into words, without regard to case, accents and punctuation.

    >>> words("O'Brien"), words("Muñoz José")
    (('obrien',), ('munoz', 'jose'))
    """
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    kept = "".join(char if char.isalnum() else "" if char in "'.`" else " " for char in plain.casefold())
    return tuple(kept.split())


def is_named(person: Person, last_name: str, first_name: str) -> bool:
    """Tell whether the names given are those of somebody; a name that is not given is no contradiction."""
    return (not person.last_name or words(person.last_name) == words(last_name)) and (
        not person.first_name or words(person.first_name)[:1] == words(first_name)[:1]
    )
