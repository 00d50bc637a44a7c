"""The payer's members, providers and their coverage as the transactions see them."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import people
from sandbox.payer.people import Person, Rejection, words
from sandbox.playground.playground import Interaction
from sandbox.simulators.x12.config import ClearinghouseConfig, read_config
from sandbox.simulators.x12.edi.segments import Segment, make
from sandbox.simulators.x12.transactions.values import GENDERS, compact

DAYS_BACK: Final = 366


def find_provider(tx: Interaction, segment: Segment) -> Json | Rejection | None:
    """Return the provider that a NM1 names by NPI, why it is none, or None where it names no NPI."""
    if segment.get(8) != "XX":
        return None
    return people.find_provider(tx, segment.get(9))


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
    return make("DMG", "D8", compact(person.birth_date), person.gender or None) if person.birth_date else None


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
