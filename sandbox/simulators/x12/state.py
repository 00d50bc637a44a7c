"""The clearinghouse's rules: what comes in is read, judged, answered and kept.

An interchange is a row of `clearinghouse/interchanges`, with the text of both sides; every answer in it, be it a 271,
a 277, a 278, a 999 or a TA1, is a row of `clearinghouse/transactions`. Must not know the wire of HTTP.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sandbox.errors import NotFound
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.playground.playground import Interaction
from sandbox.simulators.x12.asking import CONTROL, COUNTERS
from sandbox.simulators.x12.config import read_config
from sandbox.simulators.x12.edi import acknowledging
from sandbox.simulators.x12.edi.acknowledging import Judged
from sandbox.simulators.x12.edi.envelope import Group, Interchange, TransactionSet
from sandbox.simulators.x12.edi.parse import parse_interchanges
from sandbox.simulators.x12.edi.segments import Segment, write
from sandbox.simulators.x12.edi.writing import OutGroup, OutSet, Parties, write_interchange
from sandbox.simulators.x12.guides import claim_status as claim_status_guide
from sandbox.simulators.x12.guides import eligibility as eligibility_guide
from sandbox.simulators.x12.guides import services_review as services_review_guide
from sandbox.simulators.x12.guides.grammar import Guide
from sandbox.simulators.x12.guides.judging import judge
from sandbox.simulators.x12.transactions import claim_status, eligibility, services_review
from sandbox.simulators.x12.transactions.answers import Answer

INTERCHANGES: Final = "clearinghouse/interchanges"
TRANSACTIONS: Final = "clearinghouse/transactions"
_NUMBERS: Final = 1_000_000_000
_NAME: Final = "CLEARINGHOUSE"

Rules = Callable[[Interaction, TransactionSet], Answer]


@dataclass(frozen=True, slots=True)
class Served:
    """A guide that is served: the form of the request and the rules of its answer."""

    guide: Guide
    rules: Rules


SERVED: Final[Mapping[str, Served]] = {
    one.guide.version: one
    for one in (
        Served(eligibility_guide.INQUIRY, eligibility.answer),
        Served(claim_status_guide.REQUEST, claim_status.answer),
        Served(services_review_guide.REQUEST, services_review.answer_request),
        Served(services_review_guide.INQUIRY, services_review.answer_inquiry),
    )
}
_GROUPS: Final = frozenset(one.guide.group for one in SERVED.values())


@dataclass(slots=True)
class Received:
    """What became of a text: the interchange or interchanges that answer it, and the rows it made."""

    text: str = ""
    rows: list[Json] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def receive(tx: Interaction, text: str) -> Received:
    """Take interchanges in and answer them, each with an interchange of its own.

    Raises `NotX12` where there is no ISA, `TooLarge` past a limit; everything else is answered with TA1 or 999.
    """
    received = Received()
    for interchange in parse_interchanges(text):
        _Exchange(tx, interchange, received).run()
    return received


def list_rows(branch: Branch, collection: str) -> list[Json]:
    """Return the rows of a collection in the order they were made."""
    return sorted((row for _, row in branch.items(collection)), key=lambda row: (row["position"], row["id"]))


def get_transaction(tx: Interaction, key: str) -> Json:
    """Return one answer. Raises `NotFound`."""
    row = tx.get(TRANSACTIONS, key)
    if row is None:
        raise NotFound(f'There is no transaction "{key[:100]}".')
    return row


def public(row: Json) -> Json:
    """Return a row as its reader sees it."""
    return {name: value for name, value in row.items() if name != "position"}


class _Exchange:
    """One interchange and its answer."""

    def __init__(self, tx: Interaction, interchange: Interchange, received: Received) -> None:
        self._tx = tx
        self._interchange = interchange
        self._received = received
        self._id = tx.new_id("ich")
        self._groups: list[OutGroup] = []
        header = interchange.header
        us = (header.get(7) or "ZZ", header.get(8) or _NAME)
        them = (header.get(5) or "ZZ", header.get(6) or "UNKNOWN")
        self._parties = Parties(us, them, header.get(15) if header.get(15) in ("P", "T") else "T")
        self._rows: list[Json] = []

    def run(self) -> None:
        """Answer it, and keep it with the answer."""
        tx, interchange = self._tx, self._interchange
        problem, detail = self._problem()
        acknowledgments = []
        if problem is None:
            for group in interchange.groups:
                if group.code != acknowledging.GROUP:
                    self._answer(group)
        if problem is not None or interchange.header.wants_acknowledgment or not self._groups:
            acknowledgments.append(acknowledging.interchange_acknowledgment(interchange.header, problem))
        for segment in acknowledgments:
            errors = [{"code": problem, "message": detail}] if problem is not None else []
            self._keep("TA1", None, "rejected" if errors else "accepted", [segment], None, {}, errors)
        number = self._next("interchange")
        text = write_interchange(self._parties, number, tx.now, self._groups, acknowledgments)
        row = {
            "id": self._id,
            "at": tx.now_text,
            "position": self._next("position"),
            "control_number": interchange.header.control_number,
            "sender": interchange.header.get(6),
            "receiver": interchange.header.get(8),
            "accepted": problem is None,
            "transactions": [one["id"] for one in self._rows],
            "request": interchange.text,
            "response": text,
        }
        tx.put(INTERCHANGES, self._id, row)
        self._received.text += text
        self._received.rows += self._rows

    def _problem(self) -> tuple[str | None, str]:
        interchange, config = self._interchange, read_config(self._tx.config)
        header = interchange.header
        if interchange.problem is not None:
            return interchange.problem, interchange.detail
        if config.receiver_id is not None and header.get(8) != config.receiver_id:
            return "009", f"ISA08 is {header.get(8)!r}; this clearinghouse is {config.receiver_id!r}"
        if config.refuses_repeated_control_numbers and self._is_repeated():
            return "025", f"ISA13 {header.control_number} came before from {header.get(6)!r}"
        return None, ""

    def _is_repeated(self) -> bool:
        header = self._interchange.header
        rows = (row for _, row in self._tx.branch.items(INTERCHANGES))
        same = (row for row in rows if row["accepted"] and row["sender"] == header.get(6))
        return any(row["control_number"] == header.control_number for row in same)

    def _answer(self, group: Group) -> None:
        served = SERVED.get(group.version)
        if served is None or served.guide.group != group.code:
            code = "2" if group.code in _GROUPS else "1"
            group = replace(group, problems=(code, *group.problems))
        judged = [] if served is None or group.problems else [_judge(served.guide, one) for one in group.sets]
        answers = [(one, served.rules(self._tx, one.transaction)) for one in judged if served and one.is_accepted]
        is_clean = not group.problems and len(answers) == len(group.sets)
        if not is_clean or read_config(self._tx.config).acknowledges_everything:
            self._acknowledge(group, judged)
        if answers and served is not None:
            self._pass_back(group, served.guide, answers)

    def _acknowledge(self, group: Group, judged: Sequence[Judged]) -> None:
        body = acknowledging.functional_acknowledgment(group, judged)
        out = OutSet(acknowledging.KIND, "0001", acknowledging.VERSION, body)
        number = self._next("group")
        sender, receiver = group.header.get(3) or _NAME, group.header.get(2) or "UNKNOWN"
        self._groups.append(OutGroup(acknowledging.GROUP, sender, receiver, number, acknowledging.VERSION, (out,)))
        errors = [{"code": code, "message": _GROUP_WORDS.get(code, "is wrong")} for code in group.problems]
        for one in judged:
            where = {"transaction_set": one.transaction.control_number}
            errors += [{"code": c, "message": _SET_WORDS.get(c, "is wrong"), **where} for c in one.codes]
            errors += [{"code": f.code, "message": said, **where} for f in one.faults for said in f.told()]
        request = [segment for one in group.sets for segment in one.segments]
        kind = group.sets[0].kind if group.sets else None
        status = "rejected" if errors else "accepted"
        self._keep(acknowledging.KIND, kind, status, out.segments(), request, {"group": group.control_number}, errors)

    def _pass_back(self, group: Group, guide: Guide, answers: Sequence[tuple[Judged, Answer]]) -> None:
        sets = []
        for place, (judged, answer) in enumerate(answers, 1):
            out = OutSet(answer.kind, f"{place:04}", answer.version, answer.body)
            sets.append(out)
            request = judged.transaction.segments
            self._keep(answer.kind, guide.kind, answer.status, out.segments(), request, answer.about, answer.errors)
        number = self._next("group")
        sender, receiver = group.header.get(3) or _NAME, group.header.get(2) or "UNKNOWN"
        self._groups.append(OutGroup(guide.answer_group, sender, receiver, number, guide.version, tuple(sets)))

    def _keep(
        self,
        kind: str,
        request_kind: str | None,
        status: str,
        response: Sequence[Segment],
        request: Sequence[Segment] | None,
        about: Mapping[str, Json],
        errors: Sequence[Json],
    ) -> None:
        tx = self._tx
        row: dict[str, Json] = {
            "id": tx.new_id("x12"),
            "at": tx.now_text,
            "position": self._next("position"),
            "interchange_id": self._id,
            "transaction": kind,
            "request": request_kind,
            "status": status,
            "about": dict(about),
            "errors": list(errors),
            "response_x12": write(response),
            "request_x12": None if request is None else _as_sent(request),
        }
        tx.put(TRANSACTIONS, row["id"], row)
        self._rows.append(row)

    def _next(self, name: str) -> int:
        numbers = self._tx.get(CONTROL, COUNTERS) or {}
        number = int(numbers.get(name, 0)) + 1
        self._tx.put(CONTROL, COUNTERS, {**numbers, name: number})
        return number % _NUMBERS or 1


def _as_sent(segments: Sequence[Segment]) -> str:
    return "".join(segment.text + segment.delimiters.segment for segment in segments)


def _judge(guide: Guide, transaction: TransactionSet) -> Judged:
    codes = list(transaction.problems)
    header = transaction.header
    if transaction.kind != guide.kind and "6" not in codes:
        codes.append("1")
    # Some write the guide without its addenda into ST03.
    if header.get(3) and header.get(3) not in (guide.version, guide.version.partition("A")[0]):
        codes.append("I6")
    return Judged(transaction, tuple(codes), () if codes else judge(guide, transaction.segments))


_GROUP_WORDS: Final = {
    "1": "groups of this code (GS01) are not served here",
    "2": "GS08 is no version that is served for such a group: 005010X279A1, 005010X212, 005010X217, 005010X215 are",
    "3": "GE is missing",
    "4": "GE02 is not GS06",
    "5": "GE01 is not the number of transaction sets",
    "6": "GS06 is no number of one to nine digits",
    "19": "GS06 was used in this interchange before",
}
_SET_WORDS: Final = {
    "1": "a transaction set of this kind (ST01) has no place in this group",
    "2": "SE is missing",
    "3": "SE02 is not ST02",
    "4": "SE01 is not the number of segments, ST and SE among them",
    "6": "ST01 is no transaction set identifier",
    "7": "ST02 is no control number of four to nine characters",
    "23": "ST02 was used in this group before",
    "I6": "ST03 is not the version in GS08",
}
