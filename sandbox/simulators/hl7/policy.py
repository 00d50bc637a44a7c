"""What HL7's tables require and this receiver does not insist on, as data, each with its reason.

A receiver refuses what it cannot act on: a message that does not say whom or what it is about, or
what is to be done. The tables go further; what real feeds leave out all the same is read past here,
and the acknowledgment's notes list it. Whatever is required and not named here is refused
(`docs/surfaces/hl7.md` says so). `validate.py` applies it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Leniency:
    """Why an empty field that the tables require is no error.

    `instead` are fields of the segment of which one must then be filled. What is not `is_noted` is
    judged elsewhere or not required by the standard's own text.
    """

    reason: str
    instead: tuple[int, ...] = ()
    is_noted: bool = True


SEGMENTS: Final[Mapping[str, str]] = {
    # Upstream's documented example of an accepted message, an ADT^A01, has no EVN.
    "EVN": "MSH-9 names the trigger event already",
    "NK1": "a patient may have no next of kin; only the 2.1 tables require it",
    "PD1": "demographics beyond PID are optional; only the 2.1 tables require it",
    "NTE": "a note is never required",
    "DRG": "a cancelled pre-admission may have no DRG; only the 2.3.1 tables require it",
    "PV2": "a visit may have no more to say than PV1; only the 2.8.2 tables require it",
    "RXR": "the route may stand once for the order, or in its instructions",
    "TQ1": "the timing may stand in the order's own fields, or in its instructions",
}
"""Segments whose absence is noted, with the reason that stands in the note."""

_PERSON: Final = {"PV1": "the event is about a person, not a visit"}
EVENT_SEGMENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "ADT^A28": _PERSON,
    "ADT^A29": _PERSON,
    "ADT^A31": _PERSON,
}
"""The same for one trigger event."""

NOTES: Final = frozenset({"NTE"})
"""Segments that annotate what stands before them: they open no group and fill no place of another."""

ORDER_DETAILS: Final = ("OBR", "ORO", "RX1", "RQD", "RQ1", "RXO", "ODS", "ODT")
"""The kinds of detail an order may have, one of them (§4.2). The 2.1 tables require all of theirs (ORO and RX1
are 2.1's), those of problem messages name OBR and `ANYHL7SEGMENT`, or OBR alone."""
TOGETHER: Final[Mapping[str, frozenset[str]]] = {
    "RQD": frozenset({"RQ1"}),
    "ODS": frozenset({"ODS", "ODT"}),
    "ODT": frozenset({"ODT"}),
}
"""What may follow a detail as part of it: a requisition's second half (§4.11), the lines of a diet (§4.8)."""

_READ_BEFORE: Final = Leniency("read before validation", is_noted=False)
_ONLY_2_1: Final = Leniency("an order does not have it yet; only the 2.1 tables require it")
_ONLY_2_3: Final = Leniency("the standard's text makes it optional; only the 2.3 tables require it")
_COUNTER: Final = Leniency("it only numbers what the order of the segments shows")
_OTHER_TIMING: Final = Leniency("the timing may stand in ORC-7, in TQ1 or in the instructions")
_SOFTWARE: Final = Leniency("which software sent a message changes nothing in it")
_ACTION_TIME: Final = Leniency("the time of the message stands for it")
_CODED_IN_FIELD: Final = Leniency("the code itself names its system")
_DESK: Final = Leniency("who made the entry is the sender's to know")

FIELDS: Final[Mapping[tuple[str, int], Leniency]] = {
    ("AIG", 4): Leniency("the resource itself is named", instead=(3, 5)),
    ("AIL", 4): Leniency("the location itself is named", instead=(3,)),
    ("AIP", 4): Leniency("the person is named", instead=(3,)),
    ("AUT", 13): Leniency("new and required in 2.8; senders of older feeds have none"),
    ("DG1", 2): _CODED_IN_FIELD,
    ("DG1", 3): Leniency("the diagnosis stands in words", instead=(4,)),
    ("DG1", 6): Leniency("a diagnosis of no stated type is taken as a working one"),
    ("EVN", 1): Leniency("MSH-9 names the trigger event already"),
    ("EVN", 2): _ACTION_TIME,
    ("FT1", 14): Leniency("a charge may have no plan; only the 2.1 and 2.2 tables require it"),
    ("GOL", 2): _ACTION_TIME,
    ("IAM", 7): Leniency("the allergen identifies the allergy; only the 2.4 tables require it"),
    ("IN1", 2): Leniency("the insurer is named", instead=(3, 4)),
    ("IN1", 3): Leniency("the insurer is named in words", instead=(4,)),
    ("MSH", 1): _READ_BEFORE,
    ("MSH", 2): _READ_BEFORE,
    ("MSH", 9): _READ_BEFORE,
    ("MSH", 12): _READ_BEFORE,
    ("NTE", 3): Leniency("an empty comment is a blank line"),
    ("OBR", 7): _ONLY_2_1,
    ("OBR", 8): _ONLY_2_1,
    ("OBR", 9): _ONLY_2_1,
    ("OBR", 14): _ONLY_2_1,
    ("OBR", 22): _ONLY_2_1,
    ("OBR", 27): _ONLY_2_3,
    ("OBX", 2): Leniency("required only with a value in OBX-5, which is tested", is_noted=False),
    ("OBX", 4): Leniency("required only where OBX-3 repeats under one OBR", is_noted=False),
    ("ORC", 7): _ONLY_2_3,
    ("PR1", 2): _CODED_IN_FIELD,
    ("PR1", 3): Leniency("the procedure stands in words", instead=(4,)),
    ("PR1", 5): Leniency("a procedure's time may not be known to the sender"),
    ("PR1", 6): Leniency("the standard's later text makes it optional"),
    ("PRB", 2): _ACTION_TIME,
    ("PTH", 4): _ACTION_TIME,
    ("PV1", 3): Leniency("a patient may have no bed; only the 2.1 tables require it"),
    ("ROL", 1): Leniency("the role and the person identify it; only the tables up to 2.3.1 require it"),
    ("RXA", 1): _COUNTER,
    ("RXA", 2): _COUNTER,
    ("RXA", 4): Leniency("an administration without an end ended when it began"),
    ("RXD", 1): _COUNTER,
    ("RXE", 1): _OTHER_TIMING,
    ("RXO", 1): Leniency("the order stands in words", instead=(6, 7)),
    ("RXO", 2): Leniency("the amount may stand in the instructions; only the tables up to 2.3 require it"),
    ("RXO", 4): Leniency("the units may stand in the instructions; only the tables up to 2.3 require it"),
    ("RXV", 16): Leniency("an infusion may have no upper limit"),
    ("SCH", 1): Leniency("the filler's number identifies the appointment", instead=(2,)),
    ("SCH", 11): Leniency("the resources say when"),
    ("SCH", 16): _DESK,
    ("SCH", 20): _DESK,
    ("SFT", 1): _SOFTWARE,
    ("SFT", 2): _SOFTWARE,
    ("SFT", 3): _SOFTWARE,
    ("SFT", 4): _SOFTWARE,
    ("VAR", 2): _ACTION_TIME,
}
"""Fields that may be empty although a version's tables require them."""

SET_ID: Final = _COUNTER
"""Every field the tables call a set id."""


def field_leniency(segment: str, position: int, name: str) -> Leniency | None:
    """Return why a required field may be empty, None if it may not; `name` is the tables'.

    >>> field_leniency("GT1", 1, "SET_ID_GT1") is SET_ID, field_leniency("PID", 5, "PATIENT_NAME")
    (True, None)
    """
    found = FIELDS.get((segment, position))
    return found or (SET_ID if name.upper().startswith("SET_ID") else None)


def segment_leniencies(kind: str) -> Mapping[str, str]:
    """Return the segments a message of this type and event (`ADT^A28`) may lack, with the reasons."""
    return {**SEGMENTS, **EVENT_SEGMENTS.get(kind, {})}
