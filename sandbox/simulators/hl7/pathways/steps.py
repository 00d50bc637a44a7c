"""The vocabulary: every step as data.

A step has its message, and how the stay must stand before it (`needs`) and stands after it (`becomes`); what it writes
is `writing.py`'s. A step out of order is a mistake of the definition, and is refused: the
feed of a patient hangs together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sandbox.simulators.hl7.pathways import arguments
from sandbox.simulators.hl7.pathways.arguments import Step

Stay: TypeAlias = Literal["none", "in", "out"]
Subject: TypeAlias = Literal["visit", "merge", "order", "cancel_order", "result", "appointment"]

ADT_SENDER: Final = "ADT^HOSP"
ORDER_SENDER: Final = "CPOE^HOSP"
LAB_SENDER: Final = "LAB^HOSP"
SCHEDULE_SENDER: Final = "SCHED^HOSP"


@dataclass(frozen=True, slots=True)
class Kind:
    """One step: its arguments, its message (MSH-9), who sends it, and how the stay stands before and after."""

    model: type[Step]
    subject: Subject
    message: str
    sender: str
    needs: frozenset[Stay] | None = None
    becomes: Stay | None = None


def _adt(event: str, structure: str, needs: set[Stay], becomes: Stay) -> Kind:
    message = f"ADT^{event}^{structure}"
    return Kind(arguments.VisitStep, "visit", message, ADT_SENDER, frozenset(needs), becomes)


STEPS: Final[Mapping[str, Kind]] = {
    "register": _adt("A04", "ADT_A01", {"none", "out"}, "in"),
    "admit": _adt("A01", "ADT_A01", {"none", "out"}, "in"),
    "transfer": _adt("A02", "ADT_A02", {"in"}, "in"),
    "discharge": _adt("A03", "ADT_A03", {"in"}, "out"),
    "update": Kind(arguments.VisitStep, "visit", "ADT^A08^ADT_A01", ADT_SENDER),
    "cancel_admit": _adt("A11", "ADT_A09", {"in"}, "none"),
    "cancel_transfer": _adt("A12", "ADT_A12", {"in"}, "in"),
    "cancel_discharge": _adt("A13", "ADT_A01", {"out"}, "in"),
    "merge": Kind(arguments.MergeStep, "merge", "ADT^A40^ADT_A39", ADT_SENDER),
    "order": Kind(arguments.OrderStep, "order", "", ORDER_SENDER),
    "cancel_order": Kind(arguments.CancelOrderStep, "cancel_order", "", ORDER_SENDER),
    "result": Kind(arguments.ResultStep, "result", "ORU^R01^ORU_R01", LAB_SENDER),
    "book": Kind(arguments.BookStep, "appointment", "SIU^S12^SIU_S12", SCHEDULE_SENDER),
    "rebook": Kind(arguments.RebookStep, "appointment", "SIU^S13^SIU_S12", SCHEDULE_SENDER),
    "cancel_appointment": Kind(arguments.CancelAppointmentStep, "appointment", "SIU^S15^SIU_S12", SCHEDULE_SENDER),
}

ORDER_MESSAGES: Final[Mapping[str, str]] = {"ORM": "ORM^O01^ORM_O01", "OML": "OML^O21^OML_O21"}
