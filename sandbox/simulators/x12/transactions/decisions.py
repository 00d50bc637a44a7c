"""What the payer decided, as a 278 says it: HCR, numbers, dates, units, and the words beside them (005010X217)."""

from sandbox.jsonio import Json
from sandbox.payer.review import APPEALABLE, DUE, action_of, administrative_number, reason_of, remarks_on
from sandbox.simulators.x12.edi.segments import Segment, make
from sandbox.simulators.x12.transactions.values import amount, compact


def decision_segments(case: Json) -> list[Segment]:
    """Return HCR, REF and DTP of a case: what was decided, its numbers, for which days it is good."""
    # The number of what is not decided yet is an administrative one, unless the payer gives the other at once.
    segments = [make("HCR", action_of(case), case["auth_number"], reason_of(case))]
    if case["auth_number"] is not None:
        segments.append(make("REF", "BB", case["auth_number"]))
    segments.append(make("REF", "NT", administrative_number(case)))
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
    """Return what there is to say of a case besides its codes; times are without a colon: that separates components."""
    return [
        f"{label} - {text.replace(':', '') if label in (DUE, APPEALABLE) else text}" if label else text
        for label, text in remarks_on(case)
    ]


def service_day(case: Json | None) -> list[Segment]:
    """Return the day of service that a case holds, for who asks after it without saying one.

    >>> [line.text for line in service_day({"service_date": "2026-05-28"})], service_day(None)
    (['DTP*AAH*D8*20260528'], [])
    """
    day = (case or {}).get("service_date")
    return [] if day is None else [make("DTP", "AAH", "D8", compact(day))]
