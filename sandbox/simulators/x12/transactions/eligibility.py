"""271 for 270 (005010X279A1): whether a member is covered on the days asked about, and for what.

Every level of the request is answered at its level; what cannot be answered there has an AAA at that level and nothing
below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import lookup
from sandbox.payer.people import Person, Rejection, find_dependent, find_member
from sandbox.playground.playground import Interaction
from sandbox.simulators.x12.edi.envelope import TransactionSet
from sandbox.simulators.x12.edi.segments import Segment, make
from sandbox.simulators.x12.transactions import benefits
from sandbox.simulators.x12.transactions.answers import Answer, status_of
from sandbox.simulators.x12.transactions.levels import Level, every, find, levels_of
from sandbox.simulators.x12.transactions.members import (
    Span,
    address_segments,
    asked_birth_segment,
    asked_segment,
    birth_segment,
    find_payer_problem,
    find_provider,
    name_segment,
    payer_of,
    span_of,
)
from sandbox.simulators.x12.transactions.numbering import Numbered
from sandbox.simulators.x12.transactions.people import person_of, rejection_segment
from sandbox.simulators.x12.transactions.values import compact, stamp

VERSION: Final = "005010X279A1"
HEALTH_BENEFIT_PLAN: Final = "30"


@dataclass
class _Reply:
    """The answer as it grows, and what became of each person asked about."""

    tx: Interaction
    out: Numbered
    errors: list[Json] = field(default_factory=list)
    members: list[Json] = field(default_factory=list)

    def reject(self, level: str, rejection: Rejection, *, is_valid: bool = True) -> None:
        """Put an AAA into the level that is open."""
        self.out.add(rejection_segment(rejection, is_valid=is_valid))
        self.errors.append({"code": rejection.reason, "level": level, "message": rejection.said})


def answer(tx: Interaction, transaction: TransactionSet) -> Answer:
    """Answer an inquiry that was held against its guide."""
    root = levels_of(transaction.body)
    heading = find(root.segments, "BHT") or make("BHT")
    reply = _Reply(tx, Numbered(make("BHT", "0022", "11", heading.get(3), *stamp(tx.now))))
    for source in root.below("20"):
        _source(reply, source)
    about: dict[str, Json] = {"reference": heading.get(3) or None, "member_id": None, "members": []}
    if reply.members:
        about["members"] = [row["member_id"] for row in reply.members]
        about["member_id"] = about["members"][0]
    return Answer("271", VERSION, reply.out.done(), about, tuple(reply.errors), status_of(reply.members))


def _source(reply: _Reply, level: Level) -> None:
    number = reply.out.open("20")
    payer = find(level.segments, "NM1") or make("NM1")
    reply.out.add(
        make("NM1", payer.get(1), "2", payer_of(reply.tx).payer_name, *[None] * 4, payer.get(8), payer.get(9))
    )
    problem = find_payer_problem(reply.tx, payer)
    if problem is not None:
        reply.reject("payer", problem)
        return
    for receiver in level.below("21"):
        _receiver(reply, receiver, number)


def _receiver(reply: _Reply, level: Level, parent: int) -> None:
    number = reply.out.open("21", parent)
    asker = find(level.segments, "NM1") or make("NM1")
    reply.out.add(make("NM1", *(asker.get(place) or None for place in range(1, 10))))
    provider = find_provider(reply.tx, asker)
    if isinstance(provider, Rejection):
        reply.reject("provider", provider)
        return
    for subscriber in level.below("22"):
        _subscriber(reply, subscriber, number)


def _subscriber(reply: _Reply, level: Level, parent: int) -> None:
    number = reply.out.open("22", parent)
    person = person_of(level.segments)
    dependents = level.below("23")
    if not dependents:
        _person(reply, level, person, find_member(reply.tx, person), "IL", "subscriber")
        return
    reply.out.add(*_traces(level.segments))
    row = find_member(reply.tx, person) if person.birth_date or person.last_name else None
    if isinstance(row, Rejection):
        reply.out.add(asked_segment("IL", person))
        reply.reject("subscriber", row)
        reply.out.add(asked_birth_segment(person))
        return
    reply.out.add(asked_segment("IL", person) if row is None else name_segment("IL", row))
    for dependent in dependents:
        reply.out.open("23", number)
        who = person_of(dependent.segments)
        _person(reply, dependent, who, find_dependent(reply.tx, who, person), "03", "dependent")


def _person(reply: _Reply, level: Level, person: Person, row: Json | Rejection, code: str, called: str) -> None:
    reply.out.add(*_traces(level.segments))
    if isinstance(row, Rejection):
        reply.out.add(asked_segment(code, person))
        reply.reject(called, row, is_valid=row.reason != "72")
        reply.out.add(asked_birth_segment(person))
        return
    today = reply.tx.now.date()
    own, *inquiries = level.loops("EQ")
    asked_for = find(own, "DTP", "291", "102")
    span = span_of(asked_for.get(3) if asked_for is not None else "", today)
    name = name_segment(code, row)
    reply.out.add(name if code == "IL" else make("NM1", "03", "1", row["last_name"], row["first_name"]))
    if row["group_number"]:
        reply.out.add(make("REF", "6P", row["group_number"][:50]))
    reply.out.add(*address_segments(row))
    if isinstance(span, Rejection):
        reply.reject(called, span)
        return
    reply.out.add(birth_segment(row))
    if code == "03":
        reply.out.add(make("INS", "N", "21"))
    reply.out.add(*_plan_dates(reply.tx, row, span))
    reply.members.append(row)
    _answer_inquiries(reply, row, span, inquiries or [[make("EQ", HEALTH_BENEFIT_PLAN)]], called)


def _traces(segments: Sequence[Segment]) -> list[Segment]:
    """Return the requester's traces as an answer gives them back."""
    return [make("TRN", "2", *(one.get(place) or None for place in (2, 3, 4))) for one in every(segments, "TRN")]


def _plan_dates(tx: Interaction, row: Json, span: Span) -> list[Segment]:
    coverages = lookup.eligibility(tx, row["member_id"], span.first.isoformat())["coverages"]
    coverage = min(coverages, key=lambda one: (one["of_other_payer"], not one["in_force"]))
    dates = [make("DTP", "346", "D8", compact(coverage["start"]))]
    if coverage["end"] is not None:
        dates.append(make("DTP", "347", "D8", compact(coverage["end"])))
    return dates


def _answer_inquiries(
    reply: _Reply, row: Json, span: Span, inquiries: Sequence[Sequence[Segment]], called: str
) -> None:
    today = reply.tx.now.date()
    for loop in inquiries:
        asked = loop[0]
        own = find(loop, "DTP", "291")
        days = span if own is None else span_of(own.get(3), today)
        if isinstance(days, Rejection):
            reply.out.add(make("EB", "V", None, [[one] for one in asked.repeats(1) or [HEALTH_BENEFIT_PLAN]]))
            reply.reject(called, days)
            continue
        reply.out.add(*benefits.segments_for(reply.tx, row, asked.repeats(1), asked.components(2), days.first))
