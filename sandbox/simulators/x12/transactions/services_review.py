"""278 for 278: the payer's case opened, asked after, changed and cancelled (005010X217 and 005010X215).

A service (loop 2000F) is a case. What the request says is handed to the payer as any other door hands it; what the
payer refuses comes back as AAA at the level that is wrong, with its words in MSG.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sandbox.errors import Conflict, Invalid, NotFound, TooLarge
from sandbox.jsonio import Json
from sandbox.payer import identifiers, review
from sandbox.payer.people import Person, Rejection, find_dependent, find_member
from sandbox.payer.review import Verdict
from sandbox.playground.playground import Interaction
from sandbox.simulators.x12.edi.envelope import TransactionSet
from sandbox.simulators.x12.edi.segments import Segment, make, restate
from sandbox.simulators.x12.transactions.answers import Answer, status_of
from sandbox.simulators.x12.transactions.decisions import (
    case_words,
    decision_segments,
    service_day,
    with_units,
)
from sandbox.simulators.x12.transactions.levels import Level, every, find, levels_of
from sandbox.simulators.x12.transactions.members import (
    asked_birth_segment,
    asked_segment,
    birth_segment,
    find_payer_problem,
    find_provider,
    name_segment,
    payer_of,
)
from sandbox.simulators.x12.transactions.numbering import Numbered
from sandbox.simulators.x12.transactions.people import person_of, rejection_segment
from sandbox.simulators.x12.transactions.services_asked import Asked, read_asked
from sandbox.simulators.x12.transactions.services_deeds import CALLS, Deed, NoCase, ask_after, do_asked
from sandbox.simulators.x12.transactions.values import pieces, stamp

REQUEST: Final = "005010X217"
INQUIRY: Final = "005010X215"


@dataclass(slots=True)
class Done:
    """What became of one service: the case, or why there is none, and at which level that is told."""

    asked: Asked
    case: Json | None = None
    rejection: Rejection | None = None
    level: str = "event"
    verdict: Verdict | None = None

    @property
    def decision(self) -> list[Segment]:
        """What was decided, as segments."""
        if self.verdict is not None:
            return [make("HCR", self.verdict.action)]
        return [] if self.case is None else decision_segments(self.case)

    @property
    def words(self) -> list[str]:
        """What there is to say besides."""
        if self.verdict is not None:
            return [self.verdict.text]
        return [] if self.case is None else case_words(self.case)


@dataclass(slots=True)
class _Reply:
    tx: Interaction
    out: Numbered
    errors: list[Json] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    member: Json | None = None

    def reject(self, level: str, rejection: Rejection) -> None:
        """Put an AAA into the level that is open, and its words beside it where that level takes them."""
        self.out.add(rejection_segment(rejection, is_valid=rejection.follow_up == "N"))
        self.errors.append({"code": rejection.reason, "level": level, "message": rejection.said})


def answer_request(tx: Interaction, transaction: TransactionSet) -> Answer:
    """Answer a request for review that was held against its guide."""
    return _answer(tx, transaction, REQUEST, do_asked)


def answer_inquiry(tx: Interaction, transaction: TransactionSet) -> Answer:
    """Answer an inquiry that was held against its guide."""
    return _answer(tx, transaction, INQUIRY, ask_after)


def _answer(tx: Interaction, transaction: TransactionSet, version: str, deed: Deed) -> Answer:
    root = levels_of(transaction.body)
    heading = find(root.segments, "BHT") or make("BHT")
    reply = _Reply(tx, Numbered(make("BHT", "0007", "11", heading.get(3), *stamp(tx.now), "18")))
    for payer in root.below("20"):
        _payer(reply, payer, deed)
    found = [done.case for done in reply.done if done.case is not None]
    first = found[0] if found else {}
    about: dict[str, Json] = {
        "reference": heading.get(3) or None,
        "member_id": None if reply.member is None else reply.member["member_id"],
        "request_id": first.get("request_id"),
        "auth_number": first.get("auth_number"),
        "procedure_code": first.get("procedure_code"),
        "state": first.get("state"),
        "cases": [case["request_id"] for case in found],
    }
    return Answer("278", version, reply.out.done(), about, tuple(reply.errors), status_of(found))


def _payer(reply: _Reply, level: Level, deed: Deed) -> None:
    number = reply.out.open("20")
    payer = find(level.segments, "NM1") or make("NM1")
    reply.out.add(
        make("NM1", payer.get(1), "2", payer_of(reply.tx).payer_name, *[None] * 4, payer.get(8), payer.get(9))
    )
    problem = find_payer_problem(reply.tx, payer)
    if problem is not None:
        reply.reject("payer", problem)
        return
    for requester in level.below("21"):
        _requester(reply, requester, number, deed)


def _requester(reply: _Reply, level: Level, parent: int, deed: Deed) -> None:
    number = reply.out.open("21", parent)
    name = find(level.segments, "NM1") or make("NM1")
    reply.out.add(make("NM1", *(restate(name).get(place) or None for place in range(1, 10))))
    provider = find_provider(reply.tx, name)
    if isinstance(provider, Rejection):
        reply.reject("requester", provider)
        return
    for subscriber in level.below("22"):
        _subscriber(reply, subscriber, number, name.get(9) if name.get(8) == "XX" else "", deed)


def _subscriber(reply: _Reply, level: Level, parent: int, npi: str, deed: Deed) -> None:
    person = person_of(level.segments)
    dependents = level.below("23")
    row: Json | Rejection = find_member(reply.tx, person)
    if dependents and isinstance(row, Rejection) and row.reason == "58" and person.member_id:
        found = identifiers.find(reply.tx, "patients", person.member_id)  # the patient is somebody else
        row = Rejection("75") if found is None else found
    number = reply.out.open("22", parent)
    reply.out.add(asked_segment("IL", person) if isinstance(row, Rejection) else name_segment("IL", row))
    if isinstance(row, Rejection):
        reply.reject("subscriber", row)
        reply.out.add(asked_birth_segment(person))
        return
    events = level.below("EV")
    ready = [_do(reply, event, row, npi, deed) for event in events]
    _eligibility_problem(reply, ready)
    reply.out.add(birth_segment(row))
    for event, done in zip(events, ready, strict=True):
        _event(reply, event, done, number)
    for dependent in dependents:
        _dependent(reply, dependent, number, person, npi, deed)
    if not events and not dependents:
        reply.out.open("EV", number)
        reply.reject("event", Rejection("15", text="there is no patient event (HL EV)"))


def _dependent(reply: _Reply, level: Level, parent: int, subscriber: Person, npi: str, deed: Deed) -> None:
    number = reply.out.open("23", parent)
    person = person_of(level.segments)
    row = find_dependent(reply.tx, person, subscriber)
    if isinstance(row, Rejection):
        reply.out.add(asked_segment("QC", person))
        reply.reject("dependent", row)
        reply.out.add(asked_birth_segment(person))
        return
    events = level.below("EV")
    ready = [_do(reply, event, row, npi, deed) for event in events]
    reply.out.add(make("NM1", "QC", "1", row["last_name"], row["first_name"]))
    _eligibility_problem(reply, ready)
    reply.out.add(birth_segment(row))
    for event, done in zip(events, ready, strict=True):
        _event(reply, event, done, number)


def _eligibility_problem(reply: _Reply, ready: Sequence[Sequence[Done]]) -> None:
    """Tell of what is wrong with the member, once for all events."""
    for done in (one for event in ready for one in event if one.level == "member"):
        if done.rejection is not None:
            reply.reject("member", done.rejection)
            return


def _do(reply: _Reply, event: Level, member: Json, npi: str, deed: Deed) -> list[Done]:
    """Do what is asked for, service by service, each all or nothing."""
    reply.member = member
    found = []
    services: list[Level | None] = [*event.below("SS")] or [None]
    for service in services:
        asked = read_asked(reply.tx, event, service, member, npi)
        savepoint = reply.tx.savepoint()
        try:
            done = Done(asked, deed(reply.tx, asked))
        except NoCase as error:
            reply.tx.rollback(savepoint)
            done = Done(asked, verdict=error.verdict)
        except (Invalid, Conflict, NotFound, TooLarge) as error:
            reply.tx.rollback(savepoint)
            level, rejection = review.rejection_of(error, CALLS)
            done = Done(asked, None, rejection, level)
        found.append(done)
        reply.done.append(done)
    return found


def _event(reply: _Reply, event: Level, done: Sequence[Done], parent: int) -> None:
    """Answer a patient event: its case, or its services one by one."""
    number = reply.out.open("EV", parent)
    own = event.loops("NM1")[0]
    told = [one.rejection for one in done if one.rejection is not None and one.level in ("event", "requester")]
    alone = done[0] if len(done) == 1 else None
    reply.out.add(*_traces(own))
    if told:
        reply.reject("event", told[0])
    reply.out.add(*map(restate, every(own, "UM")))
    reply.out.add(*(alone.decision if alone is not None else []))
    asked_day = find(own, "DTP", "AAH")
    kept_day = [] if asked_day is not None or alone is None else service_day(alone.case)
    reply.out.add(*map(restate, every(own, "DTP")), *kept_day, *map(restate, every(own, "HI")))
    _say(reply, [told[0].said] if told else alone.words if alone is not None else [])
    for loop in event.loops("NM1")[1:]:
        reply.out.add(restate(loop[0]))
    for one in done:
        if one.asked.service is not None:
            _service(reply, one, number)


def _service(reply: _Reply, done: Done, parent: int) -> None:
    assert done.asked.service is not None
    reply.out.open("SS", parent)
    own = done.asked.service.loops("NM1")[0]
    rejection = done.rejection if done.level == "service" else None
    reply.out.add(*_traces(own))
    if rejection is not None:
        reply.reject("service", rejection)
    reply.out.add(*map(restate, every(own, "UM")), *done.decision, *map(restate, every(own, "DTP")))
    lines = [restate(one) for one in own if one.name in ("SV1", "SV2", "SV3")]
    reply.out.add(*(with_units(one, done.case) for one in lines))
    _say(reply, done.words if rejection is None else [rejection.said])


def _traces(segments: Sequence[Segment]) -> list[Segment]:
    """Return the requester's traces as an answer gives them back."""
    found = every(segments, "TRN")
    return [make("TRN", "2", *(restate(one).get(place) or None for place in (2, 3, 4))) for one in found]


def _say(reply: _Reply, texts: Sequence[str]) -> None:
    """Say in words what codes say: why it was decided so, what is wanted, what was refused."""
    for text in texts:
        reply.out.add(*(make("MSG", piece) for piece in pieces(text)[:3]))
