"""The payer's members, providers and their coverage as the transactions see them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import codes, identifiers, lookup
from sandbox.playground.playground import Interaction
from sandbox.simulators.x12.config import ClearinghouseConfig, read_config
from sandbox.simulators.x12.edi.segments import Segment, make
from sandbox.simulators.x12.transactions.people import Person, Rejection, is_named, words
from sandbox.simulators.x12.transactions.values import GENDERS, compact

MEMBERS: Final = "portal/patients"
DAYS_BACK: Final = 366


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
        if person.birth_date and person.birth_date != compact(row["birth_date"]):
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
        if compact(row["birth_date"]) == person.birth_date and is_named(person, row["last_name"], row["first_name"])
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


def find_provider(tx: Interaction, segment: Segment) -> Json | Rejection | None:
    """Return the provider that a NM1 names by NPI, why it is none, or None where it names no NPI."""
    if segment.get(8) != "XX":
        return None
    row = identifiers.find(tx, "providers", segment.get(9))
    if row is not None:
        return row
    return Rejection("43" if not codes.is_npi(segment.get(9)) else "51")


def name_segment(code: str, row: Json) -> Segment:
    """Write a member's name and identifier."""
    return make("NM1", code, "1", row["last_name"], row["first_name"], None, None, None, "MI", row["member_id"])


def asked_segment(code: str, person: Person) -> Segment:
    """Write back a person as they were asked for, where there is no such member."""
    has_id = bool(person.member_id)
    names = (person.last_name or None, person.first_name or None, person.middle_name or None)
    return make("NM1", code, "1", *names, None, None, "MI" if has_id else None, person.member_id or None)


def address_segments(row: Json) -> list[Segment]:
    """Write a member's address, which the payer keeps as one line (`18 Alder Street, Riverton OH 44199`)."""
    if not row["address"]:
        return []
    street, _, place = row["address"].rpartition(",")
    words_of_place = place.split()
    if street and len(words_of_place) >= 3 and words_of_place[-1].isdecimal() and len(words_of_place[-2]) == 2:
        city, state, code = " ".join(words_of_place[:-2]), words_of_place[-2], words_of_place[-1]
        return [make("N3", street.strip()[:55]), make("N4", city[:30], state, code)]
    return [make("N3", row["address"][:55], row["address"][55:110])]


def birth_segment(row: Json) -> Segment:
    """Write a member's birth date and sex."""
    return make("DMG", "D8", compact(row["birth_date"]), GENDERS.get(row["gender"], "U"))


def asked_birth_segment(person: Person) -> Segment | None:
    """Write back a birth date as it was asked for."""
    return make("DMG", "D8", person.birth_date, person.gender or None) if person.birth_date else None


@dataclass(frozen=True, slots=True)
class Span:
    """The days a request asks about, both included."""

    first: date
    last: date


def span_of(value: str, today: date) -> Span | Rejection:
    """Read a D8 or RD8 value; today where there is none. A rejection for days the payer does not answer for."""
    if not value:
        return Span(today, today)
    begin, _, end = value.partition("-")
    span = Span(_day(begin), _day(end or begin))
    if span.first < today - timedelta(days=DAYS_BACK):
        return Rejection("62", text=f"the payer answers for {DAYS_BACK} days back")
    if span.last > _end_of_next_month(today):
        return Rejection("63", text="the payer answers to the end of next month")
    return span


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def _end_of_next_month(today: date) -> date:
    year, month = divmod(today.month + 1, 12)
    return date(today.year + year, month + 1, 1) - timedelta(days=1)


def payer_of(tx: Interaction) -> ClearinghouseConfig:
    """Return whom the clearinghouse answers for."""
    return read_config(tx.config)


def find_payer_problem(tx: Interaction, segment: Segment) -> Rejection | None:
    """Return why a request is not for this payer, None where it is."""
    wanted = payer_of(tx).payer_id
    if wanted is None or words(segment.get(9)) == words(wanted):
        return None
    return Rejection("79", "N", f"this payer's identifier is {wanted}")
