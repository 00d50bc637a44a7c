"""Acknowledgments: the ER7 text a receiver answers with (HL7 v2.5 §2.9, §2.14.1, §2.15.8, §2.15.5).

The header mirrors the sender's: its application and facility become the receiver's, its delimiters,
version, processing id and character set are kept. ERR has one form up to 2.4 (locations in ERR-1)
and another from 2.5 on (one ERR per error).
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from sandbox.simulators.hl7.delimiters import DEFAULT_DELIMITERS, Delimiters, escape
from sandbox.simulators.hl7.faults import CONDITIONS, Fault
from sandbox.simulators.hl7.message import Message
from sandbox.simulators.hl7.tables import VERSIONS

ACCEPTED_CODES: Final = frozenset({"AA", "CA"})
ACK_CODES: Final = ("AA", "AE", "AR", "CA", "CE", "CR")
"""HL7 table 0008."""

DEFAULT_VERSION: Final = "2.5"
"""What an acknowledgment is written in when the message's version is not known."""


@dataclass(frozen=True, slots=True)
class Acknowledgment:
    """What there is to say about a message: MSA-1, MSA-3, the errors and the warnings."""

    code: str
    text: str = ""
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Sender:
    """Who acknowledges, where the message itself does not name its receiver."""

    application: str = ""
    facility: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """How an acknowledgment is written for who reads it: how long it may be, and whether in ASCII as far as we can."""

    max_bytes: int | None = None
    is_ascii: bool = False


AT_LENGTH: Final = Form()
ON_THE_WIRE: Final = Form(max_bytes=4000, is_ascii=True)
"""For MLLP: clients read an answer with one call of 4,096 bytes, and some in ASCII only."""


def build_short_ack(
    message: Message | None, ack: Acknowledgment, *, control_id: str, now: datetime, sender: Sender, form: Form
) -> str:
    """Write an acknowledgment in a form: with the first errors that fit, and how many more there are."""
    faults, count = ack.faults, len(ack.faults)
    while True:
        told = replace(ack, faults=_and_more(faults[:count], len(faults) - count))
        text = build_ack(message, told, control_id=control_id, now=now, sender=sender)
        if form.is_ascii and not text.isascii():
            text = _in_ascii(text, message)
        if form.max_bytes is None or not count or len(text.encode()) <= form.max_bytes:
            return text
        count //= 2


def _and_more(told: tuple[Fault, ...], left: int) -> tuple[Fault, ...]:
    if not left or not told:
        return told
    return (*told, Fault("", told[-1].code, f"and {left} more", told[-1].severity))


def _in_ascii(text: str, message: Message | None) -> str:
    r"""Write what is ours in ASCII (`\X..\`); the names that the sender gave itself stay as they came."""
    escape_char = (message.delimiters if message else DEFAULT_DELIMITERS).escape
    header, _, rest = text.partition("\r")

    def written(part: str) -> str:
        return "".join(
            char
            if char < "\x80"
            else f"{escape_char}X{char.encode().hex().upper()}{escape_char}"
            if escape_char
            else "?"
            for char in part
        )

    return "\r".join(
        (header if message is not None and not message.header.text.isascii() else written(header), written(rest))
    )


def build_ack(message: Message | None, ack: Acknowledgment, *, control_id: str, now: datetime, sender: Sender) -> str:
    r"""Write the acknowledgment of a message, or of something that is none (`message` is None).

    >>> from sandbox.simulators.hl7.message import parse
    >>> message = parse("MSH|^~\\&|LAB|HOSP|EHR|CLINIC|20260423||ORU^R01|42|P|2.3")
    >>> text = build_ack(
    ...     message, Acknowledgment("AA"), control_id="1", now=datetime(2026, 4, 23, 9, tzinfo=UTC), sender=Sender()
    ... )
    >>> text.split("\r")
    ['MSH|^~\\&|EHR|CLINIC|LAB|HOSP|20260423090000+0000||ACK^R01|1|P|2.3', 'MSA|AA|42', '']
    """
    delimiters = message.delimiters if message else DEFAULT_DELIMITERS
    version = message.version if message and message.version in VERSIONS else DEFAULT_VERSION
    segments = [
        _header(message, delimiters, version, control_id, now, sender),
        _msa(message, ack, delimiters, version),
        *_errors(ack, delimiters, version),
    ]
    return "".join(delimiters.field.join(_trimmed(segment)) + "\r" for segment in segments)


def timestamp(moment: datetime) -> str:
    """Write a point in time as a DTM, in UTC."""
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")


def _trimmed(fields: list[str]) -> list[str]:
    while fields and not fields[-1]:
        fields.pop()
    return fields


def _header(
    message: Message | None, delimiters: Delimiters, version: str, control_id: str, now: datetime, sender: Sender
) -> list[str]:
    def sent(position: int) -> str:
        return message.header.raw(position) if message else ""

    return [
        "MSH",
        delimiters.encoding_characters,
        sent(5) or escape(sender.application, delimiters),
        sent(6) or escape(sender.facility, delimiters),
        sent(3),
        sent(4),
        timestamp(now),
        "",
        _message_type(message, delimiters, version),
        control_id,
        sent(11) or "P",
        sent(12) if message and message.version == version else version,
        *("" for _ in range(5)),
        sent(18),
    ]


def _message_type(message: Message | None, delimiters: Delimiters, version: str) -> str:
    event = message.component(message.header, 9, 2) if message else ""
    if VERSIONS.index(version) < VERSIONS.index("2.2") or not delimiters.component:
        return "ACK"
    if VERSIONS.index(version) < VERSIONS.index("2.3.1"):
        return delimiters.component.join(_trimmed(["ACK", escape(event, delimiters)]))
    return delimiters.component.join(("ACK", escape(event, delimiters), "ACK") if event else ("ACK",))


def _msa(message: Message | None, ack: Acknowledgment, delimiters: Delimiters, version: str) -> list[str]:
    control_id = message.header.raw(10) if message else ""
    text = ack.text if VERSIONS.index(version) < VERSIONS.index("2.7") else ""
    return ["MSA", ack.code, control_id, escape(text[:80], delimiters)]


def _errors(ack: Acknowledgment, delimiters: Delimiters, version: str) -> list[list[str]]:
    faults = ack.faults
    if VERSIONS.index(version) < VERSIONS.index("2.5"):
        # ERR has no place for a warning there; MSA-3 says it of an accepted message.
        if not faults or ack.code in ACCEPTED_CODES:
            return []
        locations = [_old_location(fault, delimiters, version) for fault in faults]
        if delimiters.repetition:
            return [["ERR", delimiters.repetition.join(locations)]]
        return [["ERR", location] for location in locations]
    return [
        [
            "ERR",
            "",
            delimiters.component.join(fault.place),
            delimiters.component.join((fault.code, CONDITIONS[fault.code], "HL70357")),
            fault.severity,
            "",
            "",
            "",
            escape(fault.message[:250], delimiters),
        ]
        for fault in faults
    ]


def _old_location(fault: Fault, delimiters: Delimiters, version: str) -> str:
    segment, occurrence, position = (*fault.place, "", "", "")[:3]
    condition = fault.code
    if VERSIONS.index(version) >= VERSIONS.index("2.3") and delimiters.subcomponent:
        condition = delimiters.subcomponent.join((fault.code, CONDITIONS[fault.code], "HL70357"))
    return delimiters.component.join((segment, occurrence, position, condition))
