"""Who is asked about: the payer's member, provider or dependent that a request means, or why there is none.

What every door with requests of its own asks. The reasons are those of AAA (005010X279A1 and X217, AAA-03 and AAA-04),
which Da Vinci PAS takes over; the words beside them are ours.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import codes, identifiers, lookup
from sandbox.playground.playground import Interaction

MEMBERS: Final = "portal/patients"
CORRECT_AND_RESUBMIT: Final = "C"
DO_NOT_RESUBMIT: Final = "N"

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
    """Why a request is not taken: its reason, what to do about it, and words for people."""

    reason: str
    follow_up: str = CORRECT_AND_RESUBMIT
    text: str = ""

    @property
    def said(self) -> str:
        """What it means here, for people."""
        return self.text or WORDS.get(self.reason, "the request is rejected")


@dataclass(frozen=True, slots=True)
class Person:
    """Who a request names, as far as it does. `birth_date` is YYYY-MM-DD."""

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


def find_member(tx: Interaction, person: Person) -> Json | Rejection:
    """Return the member whom a request means, or why there is none.

    By the identifier with a birth date or a name beside it, or by name and birth date. What is given besides must
    agree: a member whose birth date is another is not the one.
    """
    if person.member_id:
        if not person.birth_date and not person.last_name:
            return Rejection("58", text="give a birth date, or a last name, beside the member identifier")
        row = identifiers.find(tx, "patients", person.member_id)
        if row is None:
            return Rejection("72" if len(_by_name(tx, person)) == 1 else "75")
        if person.birth_date and person.birth_date != row["birth_date"]:
            return Rejection("71")
        return row if is_named(person, row["last_name"], row["first_name"]) else Rejection("73")
    if not person.birth_date:
        return Rejection("58" if person.has_name else "72")
    if not person.has_name:
        return Rejection("73")
    found = _by_name(tx, person)
    if len(found) == 1:
        return found[0]
    return Rejection("76" if found else "75")


def _by_name(tx: Interaction, person: Person) -> list[Json]:
    if not person.has_name or not person.birth_date:
        return []
    return [
        row
        for row in members(tx)
        if row["birth_date"] == person.birth_date and is_named(person, row["last_name"], row["first_name"])
    ]


def find_dependent(tx: Interaction, person: Person, subscriber: Person) -> Json | Rejection:
    """Return the member who is a subscriber's dependent, or why there is none."""
    if not person.has_name:
        return Rejection("65")
    if not person.birth_date:
        return Rejection("58")
    found = _by_name(tx, person)
    if subscriber.member_id:
        row = identifiers.find(tx, "patients", subscriber.member_id)
        if row is None:
            return Rejection("75")
        found = [one for one in found if is_family(tx, one, row)]
    if len(found) == 1:
        return found[0]
    return Rejection("68" if found else "67")


def is_family(tx: Interaction, one: Json, subscriber: Json) -> bool:
    """Tell whether a member is insured with a subscriber: a coverage says so, or both have one group of one plan."""
    if one["member_id"] == subscriber["member_id"]:
        return True
    coverages = lookup.eligibility(tx, one["member_id"])["coverages"]
    if any(identifiers.is_same("member_id", row["subscriber_id"], subscriber["member_id"]) for row in coverages):
        return True
    return one["group_number"] is not None and all(one[key] == subscriber[key] for key in ("group_number", "plan"))


def members(tx: Interaction) -> Iterator[Json]:
    """Yield every member."""
    return (row for _, row in tx.branch.items(MEMBERS))


def find_provider(tx: Interaction, npi: str) -> Json | Rejection:
    """Return the provider of an NPI, or why there is none."""
    row = identifiers.find(tx, "providers", npi)
    if row is not None:
        return row
    return Rejection("51" if codes.is_npi(npi) else "43")


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
