r"""Segments of a pathway's messages, in version 2.5.1: from what is known to ER7.

A component is written by the definition (`4W^401^A`) or comes from a chart; what comes from a chart is escaped.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sandbox.clock import parse_instant
from sandbox.jsonio import Json
from sandbox.simulators.hl7.ack import timestamp
from sandbox.simulators.hl7.delimiters import DEFAULT_DELIMITERS, escape
from sandbox.simulators.hl7.pathways.arguments import Value
from sandbox.simulators.hl7.pathways.people import Patient

VERSION: Final = "2.5.1"
_WHY: Final = {"S12": "^Booked", "S13": "^Rescheduled", "S15": "^Cancelled"}


def segment(name: str, **fields: str) -> str:
    """Write a segment from its fields by number (`f3`).

    >>> segment("PV1", f2="I", f3="4W^401^A")
    'PV1||I|4W^401^A'
    """
    numbers = {int(key[1:]): value for key, value in fields.items() if value}
    row = [numbers.get(place, "") for place in range(1, max(numbers, default=0) + 1)]
    return "|".join((name, *row))


def header(kind: str, control_id: str, sender: str, receiver: str, now: datetime) -> str:
    """Write MSH; `kind` is MSH-9."""
    application, _, facility = sender.partition("^")
    to_application, _, to_facility = receiver.partition("^")
    names = "|".join((application, facility, to_application, to_facility))
    return f"MSH|^~\\&|{names}|{timestamp(now)}||{kind}|{control_id}|P|{VERSION}"


def evn(event: str, now: datetime) -> str:
    """Write EVN."""
    return segment("EVN", f1=event, f2=timestamp(now))


def pid(patient: Patient, visit_number: str = "") -> str:
    """Write PID."""
    return segment(
        "PID",
        f1="1",
        f3=f"{_text(patient.mrn)}^^^HOSP^MR",
        f5=_parts(patient.family, patient.given),
        f7=patient.birth_date,
        f8=patient.sex,
        f11=_parts(patient.street, "", patient.city, patient.state, patient.postal_code),
        f13=_text(patient.phone),
        f18=visit_number,
    )


def mrg(prior: Patient) -> str:
    """Write MRG: the record that goes."""
    return segment("MRG", f1=f"{_text(prior.mrn)}^^^HOSP^MR", f7=_parts(prior.family, prior.given))


def pv1(visit: Json) -> str:
    """Write PV1 of a stay."""
    return segment(
        "PV1",
        f1="1",
        f2=visit["class"],
        f3=visit["location"],
        f6=visit["prior_location"],
        f7=visit["attending"],
        f19=visit["number"],
        f44=_time(visit["admitted_at"]),
        f45=_time(visit["discharged_at"]),
    )


def orc(control: str, order: Json, now: datetime) -> str:
    """Write ORC."""
    return segment("ORC", f1=control, f2=order["number"], f3=order["filler"], f9=timestamp(now), f12=order["orderer"])


def obr(order: Json, now: datetime, status: str = "") -> str:
    """Write OBR; `status` of a result."""
    return segment(
        "OBR",
        f1="1",
        f2=order["number"],
        f3=order["filler"],
        f4=order["test"],
        f7=_time(order["ordered_at"]),
        f16=order["orderer"],
        f22=timestamp(now) if status else "",
        f25=status,
        f27=f"^^^^^{order['priority']}" if not status else "",
    )


def obx(place: int, value: Value, status: str, now: datetime) -> str:
    """Write OBX: a number as NM, anything else as ST."""
    text = value.value if isinstance(value.value, str) else repr(value.value)
    return segment(
        "OBX",
        f1=str(place),
        f2="ST" if isinstance(value.value, str) and not _is_number(text) else "NM",
        f3=value.code,
        f5=_text(text),
        f6=_text(value.unit),
        f7=_text(value.range),
        f8=value.flag,
        f11=status,
        f14=timestamp(now),
    )


def sch(event: str, appointment: Json) -> str:
    """Write SCH; SCH-6 says why it is told."""
    return segment(
        "SCH",
        f1=appointment["number"],
        f2=appointment["number"],
        f6=_WHY[event],
        f7=f"^{_text(appointment['reason'])}" if appointment["reason"] else "",
        f9=str(appointment["minutes"]),
        f10="min",
        f11=f"^^M{appointment['minutes']}^{_time(appointment['start'])}",
        f25="Cancelled" if appointment["is_cancelled"] else "Booked",
    )


def resources(appointment: Json) -> Sequence[str]:
    """Write RGS and the resources of an appointment."""
    start = _time(appointment["start"])
    rows = [segment("RGS", f1="1")]
    if appointment["location"]:
        rows.append(segment("AIL", f1="1", f3=appointment["location"], f6=start))
    if appointment["clinician"]:
        rows.append(segment("AIP", f1="1", f3=appointment["clinician"], f6=start))
    return rows


def _time(text: str) -> str:
    return timestamp(parse_instant(text)) if text else ""


def _text(text: str) -> str:
    return escape(text, DEFAULT_DELIMITERS)


def _parts(*parts: str) -> str:
    return "^".join(map(_text, parts)).rstrip("^")


def _is_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).isdigit()
