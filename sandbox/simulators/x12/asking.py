"""From a JSON body to the interchange that asks the same: every door is X12 inside, so all are answered alike."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sandbox.errors import NotFound
from sandbox.jsonio import Json
from sandbox.payer.people import Person
from sandbox.payer.refusals import invalid
from sandbox.playground.playground import Interaction
from sandbox.simulators.x12 import charts
from sandbox.simulators.x12.bodies import ClaimStatus, Eligibility, PersonFields, PriorAuth
from sandbox.simulators.x12.edi.segments import Segment, make
from sandbox.simulators.x12.edi.writing import OutGroup, OutSet, Parties, write_interchange
from sandbox.simulators.x12.guides import claim_status, eligibility, services_review
from sandbox.simulators.x12.guides.grammar import Guide
from sandbox.simulators.x12.transactions.members import payer_of
from sandbox.simulators.x12.transactions.numbering import Numbered
from sandbox.simulators.x12.transactions.services_asked import asked_procedure, questions_of
from sandbox.simulators.x12.transactions.values import (
    GENDERS,
    TEXT_CHARS,
    amount,
    compact,
    pieces,
    procedure_component,
    stamp,
)

CONTROL: Final = "clearinghouse/_control"
COUNTERS: Final = "numbers"
SENDER: Final = "SANDBOXCLIENT"
RECEIVER: Final = "CLEARINGHOUSE"
_PAYER_ID: Final = "SANDBOX"
_ORIGIN: Final = "9SANDBOX00"  # TRN03 has ten characters
_CERTIFICATIONS: Final = {"request": "I", "inquiry": "I", "update": "S", "cancel": "3", "resubmit": "N", "appeal": "2"}


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every request has: who asks whom, and a reference of its own."""

    tx: Interaction
    reference: str
    npi: str | None

    def payer(self, code: str) -> Segment:
        """Write whom it is for."""
        payer = payer_of(self.tx)
        return make("NM1", code, "2", payer.payer_name, *[None] * 4, "PI", payer.payer_id or _PAYER_ID)

    def asker(self, code: str) -> Segment:
        """Write who asks: a provider of the payer's by NPI, else the caller as such."""
        if self.npi is None:
            return make("NM1", code, "2", "SANDBOX CLIENT", *[None] * 4, "SV", SENDER)
        return make("NM1", code, "2", self._name(), *[None] * 4, "XX", self.npi)

    def _name(self) -> str | None:
        row = self.tx.get("portal/providers", self.npi or "")
        return None if row is None else row["name"][:60]

    def trace(self) -> Segment:
        """Write the trace that the answer gives back."""
        return make("TRN", "1", self.reference, _ORIGIN)


def ask_eligibility(tx: Interaction, body: Eligibility) -> str:
    """Write the 270 of a body. Raises `NotFound` for a `patient_id` that is none."""
    frame, person = _frame(tx, body), _person(tx, body)
    out = Numbered(make("BHT", "0022", "13", frame.reference, *stamp(tx.now)))
    payer = out.open("20")
    out.add(frame.payer("PR"))
    receiver = out.open("21", payer)
    out.add(frame.asker("1P"))
    out.open("22", receiver)
    out.add(frame.trace(), _name_of(person), _birth_of(person), _days("291", body.service_date, body.service_end_date))
    types = [[one] for one in body.service_type_codes]
    procedure = procedure_component(body.procedure_code) if body.procedure_code else None
    out.add(make("EQ", types, procedure))
    return _write(tx, eligibility.INQUIRY, out.done())


def ask_claim_status(tx: Interaction, body: ClaimStatus) -> str:
    """Write the 276 of a body. Raises `NotFound` for a `patient_id` that is none."""
    frame, person = _frame(tx, body), _person(tx, body)
    out = Numbered(make("BHT", "0010", "13", frame.reference, *stamp(tx.now)))
    payer = out.open("20")
    out.add(frame.payer("PR"))
    receiver = out.open("21", payer)
    out.add(make("NM1", "41", "2", "SANDBOX CLIENT", *[None] * 4, "46", SENDER))
    provider = out.open("19", receiver)
    out.add(frame.asker("1P"))
    out.open("22", provider)
    out.add(_birth_of(person), _name_of(person), make("TRN", "1", frame.reference))
    out.add(make("REF", "1K", body.claim_number) if body.claim_number else None)
    out.add(make("REF", "EJ", body.patient_account_number) if body.patient_account_number else None)
    out.add(make("AMT", "T3", amount(body.charge)) if body.charge is not None else None)
    out.add(_days("472", body.service_date, body.service_end_date))
    return _write(tx, claim_status.REQUEST, out.done())


def ask_prior_auth(tx: Interaction, body: PriorAuth) -> str:
    """Write the 278 of a body. Raises `NotFound` for a `patient_id` that is none, `Invalid` for answers to what is not
    asked."""
    frame, person = _frame(tx, body), _person(tx, body)
    _check_answers(tx, body)
    is_inquiry = body.action == "inquiry"
    out = Numbered(make("BHT", "0007", "28" if is_inquiry else "13", frame.reference, *stamp(tx.now)))
    payer = out.open("20")
    out.add(frame.payer("X3"))
    requester = out.open("21", payer)
    out.add(frame.asker("1P"))
    subscriber = out.open("22", requester)
    out.add(_name_of(person), _birth_of(person))
    event = out.open("EV", subscriber)
    out.add(frame.trace(), make("UM", "HS", _CERTIFICATIONS[body.action]))
    out.add(make("REF", "BB", body.authorization_number) if body.authorization_number else None)
    out.add(_days("AAH", body.service_date, None))
    if body.diagnosis_codes:
        codes = [code.replace(".", "").upper() for code in body.diagnosis_codes]
        out.add(make("HI", ["ABK", codes[0]], *(["ABF", code] for code in codes[1:])))
    said = [f"{name} = {_answer(value)}" for name, value in body.clinical_answers.items()]
    out.add(*(make("MSG", piece) for text in (*said, body.notes or "") for piece in pieces(text)))
    if body.procedure_code:
        out.open("SS", event)
        units = (None, "UN", str(body.units)) if body.units is not None else ()
        out.add(make("SV1", procedure_component(body.procedure_code), *units))
    return _write(tx, services_review.INQUIRY if is_inquiry else services_review.REQUEST, out.done())


def _check_answers(tx: Interaction, body: PriorAuth) -> None:
    """Raise `Invalid` for answers that X12 would carry as something else: to no question of the plan's, or too long."""
    code = asked_procedure(tx, body.procedure_code or "", [body.authorization_number or ""])
    if not code:  # that there is no such case, or no procedure, is the payer's to say
        return
    known = questions_of(tx, code)
    there_are = f"it asks {', '.join(known)}" if known else "it asks nothing"
    found: dict[str, list[str]] = {}
    for name, value in body.clinical_answers.items():
        if name not in known:
            found[f"clinical_answers.{name[:100]}"] = [f"The plan has no such question of {code}; {there_are}."]
        elif len(pieces(f"{name} = {_answer(value)}")) != 1:
            found[f"clinical_answers.{name}"] = [f"Must be one line that fits {TEXT_CHARS} characters with its id."]
    if found:
        raise invalid(found)


def _answer(value: Json) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _frame(tx: Interaction, body: PersonFields) -> _Frame:
    return _Frame(tx, tx.new_id("ask"), body.provider_npi)


def _person(tx: Interaction, body: PersonFields) -> Person:
    if body.patient_id is not None:
        found = charts.find_person(tx, body.patient_id)
        if found is None:
            raise NotFound(f'There is neither a patient nor a member "{body.patient_id[:100]}".')
        return found
    return Person(
        body.member_id or "",
        body.last_name or "",
        body.first_name or "",
        "",
        body.birth_date or "",
        GENDERS.get(body.gender or "", ""),
    )


def _name_of(person: Person) -> Segment:
    has_id = bool(person.member_id)
    # A name is required in the guides that ask by a name; where the caller has none the payer says so.
    names = (person.last_name or None, person.first_name or None)
    return make("NM1", "IL", "1", *names, None, None, None, "MI" if has_id else None, person.member_id or None)


def _birth_of(person: Person) -> Segment | None:
    return make("DMG", "D8", compact(person.birth_date), person.gender or None) if person.birth_date else None


def _days(qualifier: str, first: str | None, last: str | None) -> Segment | None:
    if first is None:
        return None
    if last is None:
        return make("DTP", qualifier, "D8", compact(first))
    return make("DTP", qualifier, "RD8", f"{compact(first)}-{compact(last)}")


def _write(tx: Interaction, guide: Guide, body: Iterable[Segment]) -> str:
    parties = Parties(("ZZ", SENDER), ("ZZ", read_receiver(tx)))
    sets = (OutSet(guide.kind, "0001", guide.version, tuple(body)),)
    group = OutGroup(guide.group, SENDER, parties.receiver[1], 1, guide.version, sets)
    return write_interchange(parties, next_number(tx), tx.now, [group])


def next_number(tx: Interaction) -> int:
    """Return an interchange control number that no interchange of this sender had."""
    return int((tx.get(CONTROL, COUNTERS) or {}).get("interchange", 0)) + 1


def read_receiver(tx: Interaction) -> str:
    """Return what an interchange for this clearinghouse has in ISA08."""
    return payer_of(tx).receiver_id or RECEIVER
