"""A services review: what a request for one asks for, what became of it in codes, and why it was not taken.

X12's 278 and Da Vinci PAS, which takes its codes over, are two spellings of this. The codes are those of UM02 (what is
asked), HCR01 (what was decided) and AAA (why there is nothing to decide); the words beside them are ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.errors import Invalid, SandboxError
from sandbox.jsonio import Json
from sandbox.payer import cases, disputes, identifiers
from sandbox.payer.attachments import Upload
from sandbox.payer.case_rows import completed, find, find_named
from sandbox.payer.codes import procedure_or_drug
from sandbox.payer.config import payer_config
from sandbox.payer.people import DO_NOT_RESUBMIT, Rejection
from sandbox.payer.refusals import Refused
from sandbox.payer.validation import requirements
from sandbox.playground.playground import Interaction

INITIAL: Final = "I"
REVISED: Final = "S"
CANCEL: Final = "3"
AGAIN: Final = "N"
APPEALS: Final = ("1", "2")
CERTIFICATIONS: Final = (INITIAL, REVISED, CANCEL, AGAIN, *APPEALS)

CERTIFIED: Final = "A1"
PARTIALLY: Final = "A2"
NOT_CERTIFIED: Final = "A3"
PENDED: Final = "A4"
CANCELLED: Final = "C"
CONTACT_PAYER: Final = "CT"
NOT_NEEDED: Final = "NA"
MORE_INFORMATION: Final = "0U"
DUE: Final = "Due"
APPEALABLE: Final = "Can be appealed until"
_REASON_CHARS: Final = 500
_MINUTE_CHARS: Final = 16

_ACTIONS: Final = {
    "approved": CERTIFIED,
    "appeal_overturned": CERTIFIED,
    "external_review_overturned": CERTIFIED,
    "peer_to_peer_overturned": CERTIFIED,
    "partially_approved": PARTIALLY,
    "denied": NOT_CERTIFIED,
    "appeal_upheld": NOT_CERTIFIED,
    "external_review_upheld": NOT_CERTIFIED,
    "peer_to_peer_upheld": NOT_CERTIFIED,
    "withdrawn": CANCELLED,
}
_BY_DETERMINATION: Final = {"approved": CERTIFIED, "denied": NOT_CERTIFIED}

# What a field of the payer's is called here: the level that its problem is told at, and the reason.
_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "patient_member_id": ("member", "95"),
    "provider_npi": ("requester", "51"),
    "procedure_code": ("service", "AG"),
    "diagnosis_codes": ("event", "AF"),
    "clinical_answers": ("event", "15"),
    "units": ("service", "33"),
    "service_date": ("event", "57"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of a service that makes no case: the action code, and words."""

    action: str
    text: str


class UnknownCase(Invalid):
    """The member has no such case."""


class UnnamedCase(Invalid):
    """The request does not say which case it means."""


def action_of(case: Json) -> str:
    """Return the action code of a case, HCR01.

    >>> action_of({"state": "submitted"}), action_of({"state": "expired", "determination": {"status": "approved"}})
    ('A4', 'A1')
    """
    if case["state"] == "expired":
        answered = str((case["determination"] or {}).get("status"))
        return _BY_DETERMINATION.get(answered, PENDED)
    return _ACTIONS.get(case["state"], PENDED)


def reason_of(case: Json) -> str | None:
    """Return why it was decided so, HCR03: the payer's own code of a denial, or that more information is wanted.

    >>> reason_of({"state": "pended"}), reason_of({"state": "denied", "denial": {"code": "MN-12"}})
    ('0U', 'MN-12')
    """
    if action_of(case) == NOT_CERTIFIED:
        code: str | None = (case["denial"] or {}).get("code")
        return code
    return MORE_INFORMATION if case["state"] == "pended" else None


def administrative_number(case: Json) -> str:
    """Return the number that a case has whatever becomes of it."""
    return str(case["tracking_number"] or case["request_id"])


def remarks_on(case: Json) -> list[tuple[str, str]]:
    """Return what there is to say of a case besides its codes, each under a label, empty where it needs none.

    >>> nothing = {"denial": None, "wanted": None, "determination": None}
    >>> remarks_on({**nothing, "state": "withdrawn", "duplicate_of": "req_1"})
    [('On file before', 'req_1')]
    """
    found = []
    denial, wanted = case["denial"] or {}, case["wanted"] or {}
    reason = (case["determination"] or {}).get("reason")
    if case["state"] not in ("submitted", "approved", "denied", "withdrawn", "pended"):
        found.append(("State", str(case["state"])))
    if reason:
        found.append(("", str(reason)))
    for name, called in (("documents", "Documents wanted"), ("questions", "Answers wanted")):
        if wanted.get(name):
            found.append((called, ", ".join(wanted[name])))
    for until, called in ((wanted.get("due_at"), DUE), (denial.get("appeal_until"), APPEALABLE)):
        if until:
            found.append((called, f"{until[:_MINUTE_CHARS].replace('T', ' ')} UTC"))
    if case["duplicate_of"]:
        found.append(("On file before", str(case["duplicate_of"])))
    return found


def find_verdict(tx: Interaction, procedure_code: Json, member_id: str) -> Verdict | None:
    """Return what is said of a service that another payer decides, or that this one is configured to take no request
    for; None for what makes a case, or would if it were right."""
    if not isinstance(procedure_code, str) or procedure_or_drug(procedure_code) is None:
        return None
    found = requirements(tx, procedure_code, member_id)
    if found["decided_by"] is not None:
        return Verdict(CONTACT_PAYER, f"{found['decided_by']} decides this. {found['message']}")
    if payer_config(tx).refuse_unneeded and found["authorization_required"] is False:
        return Verdict(NOT_NEEDED, found["message"])
    return None


def find_case(tx: Interaction, member_id: str, numbers: Sequence[str], where: str) -> Json:
    """Return the submitted case of a member that one of the numbers names.

    Raises `UnnamedCase` without a number (`where` says where it stands), `UnknownCase` where none is this member's.
    """
    if not numbers:
        raise UnnamedCase(f"name the case in {where}")
    for number in numbers:
        row = find_named(tx, number)
        if row is not None and row["status"] != "draft" and row["patient_member_id"] == member_id:
            return completed(row)
    raise UnknownCase(f"this member has no authorization {numbers[0][:50]}")


def changes_of(case: Json, given: Mapping[str, Json], fixed: Sequence[str]) -> dict[str, Json]:
    """Return what is given less those of the `fixed` fields that are as the case has them."""
    return {name: value for name, value in given.items() if name not in fixed or differs(case, name, value)}


def differs(case: Json, name: str, value: Json) -> bool:
    """Tell whether a field of a case is another than the one given."""
    if isinstance(value, str) and isinstance(case[name], str) and name in _FIELDS:
        return not identifiers.is_same(name, value, case[name])
    return bool(case[name] != value)


def revise(tx: Interaction, case: Json, given: Mapping[str, Json], uploads: Sequence[Upload] = ()) -> Json:
    """Change a case (UM02 S); return its row. Raises `Refused`, `Invalid`."""
    fixed = ("patient_member_id", "procedure_code", "provider_npi")
    return cases.update(tx, case["request_id"], changes_of(case, given, fixed), uploads)


def send_again(tx: Interaction, case: Json, given: Mapping[str, Json], uploads: Sequence[Upload] = ()) -> Json:
    """Send a case again (UM02 N); return its row. Raises `Refused`, `Invalid`."""
    never = ("patient_member_id", "procedure_code")
    corrected = {n: v for n, v in given.items() if n not in never and differs(case, n, v)}
    return cases.resubmit(tx, case["request_id"], corrected, uploads)


def cancel(tx: Interaction, case: Json, notes: str | None) -> Json:
    """Take a case back (UM02 3); return its row. Raises `Refused`."""
    return cases.withdraw(tx, case["request_id"], notes and notes[:_REASON_CHARS])


def appeal(tx: Interaction, case: Json, notes: str | None, uploads: Sequence[Upload] = ()) -> Json:
    """Appeal a denial (UM02 1 or 2); return the case's row. Raises `Refused`, `Invalid`."""
    disputes.appeal(tx, case["request_id"], notes or "", uploads)
    return find(tx, case["request_id"])


def rejection_of(error: SandboxError, calls: Mapping[str, str]) -> tuple[str, Rejection]:
    """Return the level (member, requester, event, service) and the reason for what the payer refused.

    `calls` are the door's own words for the calls of the life cycle.
    """
    if isinstance(error, UnknownCase):
        return "event", Rejection("AA", text=error.message)
    if isinstance(error, UnnamedCase):
        return "event", Rejection("T5", text=error.message)
    if isinstance(error, Refused):
        return "event", Rejection("33", DO_NOT_RESUBMIT, error.said(calls))
    for name, told in (error.details or {}).items():
        level, reason = _FIELDS.get(name.partition(".")[0], ("event", "33"))
        if reason == "51" and "not an NPI" in told[0]:
            reason = "43"
        return level, Rejection(reason, text=f"{name} - {told[0]}")
    return "event", Rejection("33", DO_NOT_RESUBMIT, error.message)
