"""Carrying a step out: the patient's pathway in the branch goes on, and its message arrives in the inbox.

`hl7/_pathways` holds, by patient, the stay, the orders and the appointments, so that a later step needs to name no more
than what is new. Numbers that are not given are minted, from the seed where there is one.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.playground.playground import Interaction
from sandbox.simulators.base import ScenarioAction
from sandbox.simulators.hl7 import state
from sandbox.simulators.hl7.pathways import segments
from sandbox.simulators.hl7.pathways.arguments import Step
from sandbox.simulators.hl7.pathways.people import Patient, find_patient
from sandbox.simulators.hl7.pathways.steps import ORDER_MESSAGES, STEPS, Kind

PATHWAYS: Final = "hl7/_pathways"
PREFIX: Final = "hl7_"
_NONE: Final[Mapping[str, Json]] = {"stay": "none", "visit": None, "orders": [], "appointments": []}
_NUMBER_CHARS: Final = 8

Writer = Callable[[Interaction, Kind, Any, Patient, dict[str, Json]], list[str]]


def take(name: str, tx: Interaction, step: Step) -> None:
    """Carry out a step. Raises `Invalid` for one that cannot follow on what was before."""
    kind = STEPS[name]
    patient = find_patient(tx, step.patient)
    pathway = dict(tx.get(PATHWAYS, patient.mrn) or _NONE)
    if kind.needs is not None and pathway["stay"] not in kind.needs:
        stands = {"none": "was not admitted", "in": "is in", "out": "was discharged"}[pathway["stay"]]
        raise Invalid(f"{name} cannot follow here: {patient.given} {patient.family} ({patient.mrn}) {stands}.")
    control_id = step.control_id or f"PW{tx.new_id()[-12:]}"
    rows = _WRITERS[kind.subject](tx, kind, step, patient, pathway)
    message = kind.message or ORDER_MESSAGES[step.message]  # type: ignore[attr-defined]
    header = segments.header(message, control_id, step.sender or kind.sender, step.receiver, tx.now)
    tx.put(PATHWAYS, patient.mrn, pathway)
    state.deliver(tx, "".join(f"{row}\r" for row in (header, *rows)))


def _visit(tx: Interaction, kind: Kind, step: Any, patient: Patient, pathway: dict[str, Json]) -> list[str]:
    event = kind.message.split("^")[1]
    visit = dict(pathway["visit"] or _no_visit())
    if event in ("A01", "A04"):
        visit = {**_no_visit(), "class": "O" if event == "A04" else "I", "admitted_at": tx.now_text}
        visit["number"] = step.visit_number or _number(tx, "V")
    elif event == "A12":
        visit["location"], visit["prior_location"] = visit["prior_location"], visit["location"]
    elif event == "A13":
        visit["discharged_at"] = ""
    if step.location is not None and step.location != visit["location"]:
        visit["prior_location"] = visit["location"] if event == "A02" else visit["prior_location"]
        visit["location"] = step.location
    if event == "A03":
        visit["discharged_at"] = tx.now_text
    visit["class"] = step.patient_class or visit["class"]
    visit["attending"] = step.attending or visit["attending"]
    pathway["visit"] = visit
    pathway["stay"] = kind.becomes or pathway["stay"]
    return [segments.evn(event, tx.now), segments.pid(patient, visit["number"]), segments.pv1(visit)]


def _no_visit() -> dict[str, Json]:
    names = "number location prior_location attending admitted_at discharged_at".split()
    return {"class": "N", **dict.fromkeys(names, "")}


def _merge(tx: Interaction, kind: Kind, step: Any, patient: Patient, pathway: dict[str, Json]) -> list[str]:
    prior = find_patient(tx, step.prior)
    if prior.mrn == patient.mrn:
        raise Invalid(f"merge needs two records, and {prior.mrn} is both.")
    other = tx.get(PATHWAYS, prior.mrn)
    if other is not None:
        pathway["orders"] = [*other["orders"], *pathway["orders"]]
        pathway["appointments"] = [*other["appointments"], *pathway["appointments"]]
        if pathway["visit"] is None:
            pathway["visit"], pathway["stay"] = other["visit"], other["stay"]
        tx.delete(PATHWAYS, prior.mrn)
    return [segments.evn("A40", tx.now), segments.pid(patient), segments.mrg(prior)]


def _order(tx: Interaction, kind: Kind, step: Any, patient: Patient, pathway: dict[str, Json]) -> list[str]:
    order = {
        "number": step.number or _number(tx, "ORD"),
        "filler": "",
        "test": step.test,
        "priority": step.priority,
        "orderer": step.orderer or (pathway["visit"] or {}).get("attending", ""),
        "ordered_at": tx.now_text,
        "is_reported": False,
    }
    pathway["orders"] = [*pathway["orders"], order]
    return [*_who(patient, pathway), segments.orc("NW", order, tx.now), segments.obr(order, tx.now)]


def _cancel_order(tx: Interaction, kind: Kind, step: Any, patient: Patient, pathway: dict[str, Json]) -> list[str]:
    order = _of_number(pathway["orders"], step.number, "order", patient)
    pathway["orders"] = [row for row in pathway["orders"] if row["number"] != order["number"]]
    return [*_who(patient, pathway), segments.orc("CA", order, tx.now), segments.obr(order, tx.now)]


def _result(tx: Interaction, kind: Kind, step: Any, patient: Patient, pathway: dict[str, Json]) -> list[str]:
    order = dict(_of_number(pathway["orders"], step.number, "order", patient))
    if step.corrected and not order["is_reported"]:
        raise Invalid(f"A result of order {order['number']} cannot be corrected: there was none.")
    order["filler"] = step.filler or order["filler"] or _number(tx, "F")
    order["is_reported"] = True
    pathway["orders"] = [order if row["number"] == order["number"] else row for row in pathway["orders"]]
    status = "C" if step.corrected else "P" if step.preliminary else "F"
    lines = [segments.obx(place, value, status, tx.now) for place, value in enumerate(step.values, 1)]
    return [*_who(patient, pathway), segments.orc("RE", order, tx.now), segments.obr(order, tx.now, status), *lines]


def _appointment(tx: Interaction, kind: Kind, step: Any, patient: Patient, pathway: dict[str, Json]) -> list[str]:
    event = kind.message.split("^")[1]
    if event == "S12":
        appointment = {
            "number": step.number or _number(tx, "APT"),
            "start": step.start,
            "minutes": step.minutes,
            "clinician": step.clinician,
            "location": step.location,
            "reason": step.reason,
            "is_cancelled": False,
        }
        pathway["appointments"] = [*pathway["appointments"], appointment]
    else:
        booked = [row for row in pathway["appointments"] if not row["is_cancelled"]]
        appointment = dict(_of_number(booked, step.number, "appointment", patient))
        appointment.update({"is_cancelled": True} if event == "S15" else {"start": step.start})
        pathway["appointments"] = [
            appointment if row["number"] == appointment["number"] else row for row in pathway["appointments"]
        ]
    return [segments.sch(event, appointment), segments.pid(patient), *segments.resources(appointment)]


def _who(patient: Patient, pathway: Mapping[str, Json]) -> list[str]:
    visit = pathway["visit"]
    return [segments.pid(patient)] if visit is None else [segments.pid(patient, visit["number"]), segments.pv1(visit)]


def _of_number(rows: Json, number: str | None, what: str, patient: Patient) -> Json:
    found = [row for row in rows if number is None or row["number"] == number]
    if not found:
        which = f"{what} {number}" if number else what
        raise Invalid(f"{patient.given} {patient.family} ({patient.mrn}) has no {which}.")
    return found[-1]


def _number(tx: Interaction, prefix: str) -> str:
    return prefix + tx.new_id()[-_NUMBER_CHARS:]


_WRITERS: Final[Mapping[str, Writer]] = {
    "visit": _visit,
    "merge": _merge,
    "order": _order,
    "cancel_order": _cancel_order,
    "result": _result,
    "appointment": _appointment,
}

ACTIONS: Final[Mapping[str, ScenarioAction]] = {
    PREFIX + name: ScenarioAction(kind.model, partial(take, name)) for name, kind in STEPS.items()
}
"""Every step as a scenario action."""
