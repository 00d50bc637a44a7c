"""277 for 276 (005010X212): where a claim stands.

A claim that is not found, or a member who is not, is a status of its own: this guide has no AAA.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import identifiers, lookup
from sandbox.payer.people import Rejection, find_dependent, find_member
from sandbox.playground.playground import Interaction
from sandbox.simulators.x12.edi.envelope import TransactionSet
from sandbox.simulators.x12.edi.segments import Segment, Value, make, restate
from sandbox.simulators.x12.transactions.answers import Answer, status_of
from sandbox.simulators.x12.transactions.levels import Level, every, find, levels_of
from sandbox.simulators.x12.transactions.members import (
    asked_segment,
    find_payer_problem,
    find_provider,
    name_segment,
    payer_of,
)
from sandbox.simulators.x12.transactions.numbering import Numbered
from sandbox.simulators.x12.transactions.people import person_of
from sandbox.simulators.x12.transactions.values import amount, compact, first_day, last_day, procedure_component, stamp

VERSION: Final = "005010X212"
# Category and status of STC01, by the payer's own word for where a claim or a line of it stands.
_STATUSES: Final = {
    "received": ("A2", "20"),
    "pending": ("P1", "20"),
    "pended": ("P2", "46"),
    "paid": ("F1", "65"),
    "partially_paid": ("F1", "104"),
    "denied": ("F2", "585"),
}
_NO_CLAIM: Final = ("A4", "35")
_UNABLE: Final = "D0"
# What is wrong with who is asked about, as a status and the entity that it is about.
_PEOPLE: Final = {
    "58": ("158", "IL"),
    "71": ("158", "IL"),
    "73": ("125", "IL"),
    "65": ("125", "QC"),
    "67": ("33", "QC"),
}
_NO_MEMBER: Final = ("33", "IL")
_NO_PROVIDER: Final = ("26", "1P")
_NO_PAYER: Final = ("26", "PR")
CLAIMS_TOLD: Final = 99


@dataclass
class _Reply:
    tx: Interaction
    out: Numbered
    reference: str
    errors: list[Json] = field(default_factory=list)
    members: list[Json] = field(default_factory=list)
    claims: list[Json] = field(default_factory=list)

    def refuse(self, trace: str, status: tuple[str, str], level: str, message: str) -> None:
        """Put a trace and a status into the level that is open."""
        self.out.add(make("TRN", "2", trace), _stc((_UNABLE, *status), compact(self.tx.now_text)))
        self.errors.append({"code": f"{_UNABLE}:{status[0]}", "level": level, "message": message})


def answer(tx: Interaction, transaction: TransactionSet) -> Answer:
    """Answer a request that was held against its guide."""
    root = levels_of(transaction.body)
    heading = find(root.segments, "BHT") or make("BHT")
    reference = heading.get(3)
    reply = _Reply(tx, Numbered(make("BHT", "0010", "08", reference, *stamp(tx.now), "DG")), reference)
    for payer in root.below("20"):
        _payer(reply, payer)
    about: dict[str, Json] = {
        "reference": reference or None,
        "member_id": reply.members[0]["member_id"] if reply.members else None,
        "claim_number": reply.claims[0]["claim_number"] if reply.claims else None,
        "claims": [row["claim_number"] for row in reply.claims],
    }
    return Answer("277", VERSION, reply.out.done(), about, tuple(reply.errors), status_of(reply.claims))


def _payer(reply: _Reply, level: Level) -> None:
    number = reply.out.open("20")
    payer = find(level.segments, "NM1") or make("NM1")
    reply.out.add(make("NM1", "PR", "2", payer_of(reply.tx).payer_name, *[None] * 4, payer.get(8), payer.get(9)))
    problem = find_payer_problem(reply.tx, payer)
    for receiver in level.below("21"):
        inner = reply.out.open("21", number)
        reply.out.add(_again(receiver))
        if problem is not None:
            reply.refuse(reply.reference, _NO_PAYER, "payer", problem.said)
            continue
        for provider in receiver.below("19"):
            _provider(reply, provider, inner)


def _again(level: Level) -> Segment:
    """Return the name of a level as an answer gives it back."""
    name = restate(find(level.segments, "NM1") or make("NM1"))
    return make("NM1", *(name.get(place) or None for place in range(1, 10)))


def _provider(reply: _Reply, level: Level, parent: int) -> None:
    number = reply.out.open("19", parent)
    reply.out.add(_again(level))
    provider = find_provider(reply.tx, find(level.segments, "NM1") or make("NM1"))
    if isinstance(provider, Rejection):
        reply.refuse(reply.reference, _NO_PROVIDER, "provider", provider.said)
        return
    for subscriber in level.below("22"):
        _subscriber(reply, subscriber, number, provider)


def _subscriber(reply: _Reply, level: Level, parent: int, provider: Json | None) -> None:
    number = reply.out.open("22", parent)
    person = person_of(level.segments)
    dependents = level.below("23")
    if not dependents:
        row = find_member(reply.tx, person)
        reply.out.add(asked_segment("IL", person) if isinstance(row, Rejection) else name_segment("IL", row))
        _asked(reply, level, row, provider, "subscriber")
        return
    reply.out.add(asked_segment("IL", person))
    for dependent in dependents:
        reply.out.open("23", number)
        who = person_of(dependent.segments)
        row = find_dependent(reply.tx, who, person)
        if isinstance(row, Rejection):
            reply.out.add(asked_segment("QC", who))
        else:
            reply.out.add(make("NM1", "QC", "1", row["last_name"], row["first_name"]))
        _asked(reply, dependent, row, provider, "dependent")


def _asked(reply: _Reply, level: Level, row: Json | Rejection, provider: Json | None, called: str) -> None:
    """Answer each claim that is asked after, by its trace."""
    for loop in level.loops("TRN")[1:]:
        trace = restate(loop[0]).get(2)
        if isinstance(row, Rejection):
            reply.refuse(trace, _PEOPLE.get(row.reason, _NO_MEMBER), called, row.said)
            continue
        if not reply.members or reply.members[-1] is not row:
            reply.members.append(row)
        found = _find(reply.tx, loop, row, provider)
        if not found:
            reply.out.add(make("TRN", "2", trace), _stc(_NO_CLAIM, compact(reply.tx.now_text)))
            reply.out.add(*map(restate, [*every(loop, "REF", "1K", "EJ"), *every(loop, "DTP", "472")]))
            reply.errors.append({"code": ":".join(_NO_CLAIM), "level": "claim", "message": "the claim is not found"})
        for claim in found[:CLAIMS_TOLD]:
            reply.claims.append(claim)
            reply.out.add(make("TRN", "2", trace), *_claim(claim, loop))


def _find(tx: Interaction, loop: Sequence[Segment], member: Json, provider: Json | None) -> list[Json]:
    """Return the claims that are meant, the newest first: by number alone where one is given, else by all that is."""
    rows = [row for _, row in lookup.list_claims(tx, {"member_id": member["member_id"]})]
    number = find(loop, "REF", "1K")
    if number is not None:
        return [row for row in rows if identifiers.is_same("claim_number", number.get(2), row["claim_number"])]
    line = next((s for s in loop if s.name == "DTP" and s.get(1) == "472"), None)
    charge = find(loop, "AMT", "T3")
    found = []
    for row in rows:
        if line is not None and not (
            first_day(line.get(3)) <= compact(row["service_to"])
            and compact(row["service_from"]) <= last_day(line.get(3))
        ):
            continue
        if charge is not None and amount(charge.get(2)) != amount(row["total_charge"]):
            continue
        if provider is not None and row["provider_npi"] != provider["npi"]:
            continue
        found.append(row)
    return sorted(found, key=lambda row: (row["service_from"], row["claim_number"]), reverse=True)


def _claim(claim: Json, loop: Sequence[Segment]) -> list[Segment]:
    days = _days(compact(claim["service_from"]), compact(claim["service_to"]))
    segments = [
        _stc(
            _STATUSES[claim["status"]],
            compact(claim["finalized_at"] or claim["received_at"]),
            amount(claim["total_charge"]),
            amount(claim["total_paid"]),
            compact(claim["finalized_at"]) or None,
            claim["check_number"],
        ),
        make("REF", "1K", claim["claim_number"]),
        *map(restate, every(loop, "REF", "EJ")),
        make("DTP", "472", *days),
    ]
    for line in claim["lines"]:
        service = [*procedure_component(line["procedure_code"]), *line["modifiers"]]
        segments += [
            make("SVC", service, amount(line["charge"]), amount(line["paid"]), None, None, None, str(line["units"])),
            _stc(_STATUSES[line["status"]], compact(claim["finalized_at"] or claim["received_at"])),
            make("REF", "FJ", str(line["line"])),
            make("DTP", "472", *days),
        ]
    return segments


def _days(first: str, last: str) -> tuple[str, str]:
    return ("D8", first) if first == last else ("RD8", f"{first}-{last}")


def _stc(
    status: Sequence[str],
    day: str,
    charge: str | None = None,
    paid: str | None = None,
    paid_on: str | None = None,
    check: str | None = None,
) -> Segment:
    values: list[Value] = [list(status), day, None, charge, paid, paid_on, None, None, check and check[:16]]
    return make("STC", *values)
