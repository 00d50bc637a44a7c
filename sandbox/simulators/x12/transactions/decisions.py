"""What the payer decided, as a 278 says it: HCR, numbers, dates, units, and the words beside them (005010X217)."""

from typing import Final

from sandbox.jsonio import Json
from sandbox.simulators.x12.edi.segments import Segment, make
from sandbox.simulators.x12.transactions.values import amount, compact

CERTIFIED: Final = "A1"
PARTIALLY: Final = "A2"
NOT_CERTIFIED: Final = "A3"
PENDED: Final = "A4"
CANCELLED: Final = "C"
CONTACT_PAYER: Final = "CT"
NOT_NEEDED: Final = "NA"
_MORE_INFORMATION: Final = "0U"
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
_INSTANT_CHARS: Final = 16


def action_of(case: Json) -> str:
    """Return the action code of a case, HCR01.

    >>> action_of({"state": "submitted"}), action_of({"state": "expired", "determination": {"status": "approved"}})
    ('A4', 'A1')
    """
    if case["state"] == "expired":
        answered = str((case["determination"] or {}).get("status"))
        return _BY_DETERMINATION.get(answered, PENDED)
    return _ACTIONS.get(case["state"], PENDED)


def decision_segments(case: Json) -> list[Segment]:
    """Return HCR, REF and DTP of a case: what was decided, its numbers, for which days it is good."""
    action = action_of(case)
    reason = _reason(case, action)
    # The number of what is not decided yet is an administrative one, unless the payer gives the other at once.
    segments = [make("HCR", action, case["auth_number"], reason)]
    if case["auth_number"] is not None:
        segments.append(make("REF", "BB", case["auth_number"]))
    segments.append(make("REF", "NT", case["tracking_number"] or case["request_id"]))
    authorization = case["authorization"] or {}
    begin, end = compact(authorization.get("valid_from")), compact(authorization.get("valid_to"))
    decided = (case["determination"] or {}).get("decided_at")
    if begin and end:
        segments.append(make("DTP", "007", "RD8", f"{begin}-{end}"))
    elif begin:
        segments.append(make("DTP", "007", "D8", begin))
    if decided is not None:
        segments.append(make("DTP", "102", "D8", compact(decided)))
    return segments


def _reason(case: Json, action: str) -> str | None:
    if action == NOT_CERTIFIED:
        code: str | None = (case["denial"] or {}).get("code")
        return code
    return _MORE_INFORMATION if case["state"] == "pended" else None


def with_units(line: Segment, case: Json | None) -> Segment:
    """Return a service line with the units that were authorized, where the payer named any.

    >>> with_units(make("SV1", ["HC", "97110"], None, "UN", "12"), {"authorization": {"units": 8}}).text
    'SV1*HC:97110**UN*8'
    """
    units = ((case or {}).get("authorization") or {}).get("units")
    if units is None or line.name not in ("SV1", "SV2"):
        return line
    place = 4 if line.name == "SV1" else 5
    elements = [*line.elements, *[""] * (place + 1 - len(line.elements))]
    elements[place - 1], elements[place] = elements[place - 1] or "UN", amount(units)
    return Segment(tuple(elements))


def case_words(case: Json) -> list[str]:
    """Return what there is to say of a case besides its codes, without a colon: that separates components."""
    found = []
    denial, wanted = case["denial"] or {}, case["wanted"] or {}
    reason = (case["determination"] or {}).get("reason")
    if case["state"] not in ("submitted", "approved", "denied", "withdrawn", "pended"):
        found.append(f"State - {case['state']}")
    if reason:
        found.append(reason)
    for name, called in (("documents", "Documents wanted"), ("questions", "Answers wanted")):
        if wanted.get(name):
            found.append(f"{called} - {', '.join(wanted[name])}")
    for until, called in ((wanted.get("due_at"), "Due"), (denial.get("appeal_until"), "Can be appealed until")):
        if until:
            found.append(f"{called} - {until[:_INSTANT_CHARS].replace('T', ' ').replace(':', '')} UTC")
    if case["duplicate_of"]:
        found.append(f"On file before - {case['duplicate_of']}")
    return found
