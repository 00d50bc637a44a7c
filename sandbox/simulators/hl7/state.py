"""The interface engine's rules on the branch: the inbox, what was sent, what was acknowledged.

Collections: `hl7/inbox` (messages for the agent), `hl7/outbound` (messages from the agent, accepted
or not, with the verdict), `hl7/acks` (the agent's acknowledgments of inbox messages). `hl7/_counters`
numbers the rows, for ids do not sort by arrival. Knows nothing of HTTP.

A message is kept as text together with the character set that gives its bytes again, or with the bytes.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sandbox import limits
from sandbox.clock import format_instant
from sandbox.errors import Conflict, Invalid, NotFound, TooLarge
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.playground.clock import ClockState
from sandbox.playground.playground import Interaction
from sandbox.simulators.hl7.ack import ACCEPTED_CODES, ACK_CODES, Acknowledgment, Sender, build_ack
from sandbox.simulators.hl7.charsets import decode
from sandbox.simulators.hl7.faults import DATA_TYPE, Fault
from sandbox.simulators.hl7.message import Message, Unreadable, normalized, parse
from sandbox.simulators.hl7.validate import Verdict, validate

INBOX: Final = "hl7/inbox"
OUTBOUND: Final = "hl7/outbound"
ACKS: Final = "hl7/acks"
COUNTERS: Final = "hl7/_counters"
CONTROL_ID_CHARS: Final = 20


@dataclass(frozen=True, slots=True)
class Payload:
    """A message as it came: its text, and the character set that gives the bytes again, or the bytes.

    `notes` say what had to be assumed to read them, `unread` what could not be read as declared.
    """

    text: str
    charset: str = "utf-8"
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    raw: bytes | None = None

    @classmethod
    def of_bytes(cls, body: bytes, charset: str | None = None) -> "Payload":
        """Read what came as bytes; `charset` is the one that came with it."""
        found = decode(body, charset)
        return cls(found.text, found.charset, found.notes, found.unread, None if found.is_exact else body)

    @property
    def size(self) -> int:
        """How many bytes it is."""
        return len(self.text.encode(self.charset) if self.raw is None else self.raw)

    @property
    def kept(self) -> dict[str, Json]:
        """The members of a row that hold the message to the byte."""
        exact = {} if self.raw is None else {"payload_base64": base64.b64encode(self.raw).decode("ascii")}
        return {"payload": self.text, "charset": self.charset, **exact}


@dataclass(frozen=True, slots=True)
class Judged:
    """A payload that was read and judged; `message` is None for what is no message."""

    message: Message | None
    verdict: Verdict


def judge(payload: Payload, *, is_strict: bool) -> Judged:
    """Read and judge a message; pure, so it may be done ahead of the interaction.

    Raises `TooLarge` past `limits.HL7_MESSAGE_BYTES` or `HL7_SEGMENTS`.
    """
    _check_size(payload)
    try:
        message = parse(payload.text)
    except Unreadable as error:
        return Judged(None, Verdict("AR", (Fault(error.location, error.hl7_code, error.message),)))
    return Judged(message, validate(message, is_strict=is_strict))


def receive(tx: Interaction, payload: Payload, judged: Judged) -> Json:
    """Take a message from the agent: keep it whatever the verdict, and answer with an ACK.

    Returns the stored row. An accepted ACK whose MSA-2 names an inbox message acknowledges it.
    """
    message, verdict = judged.message, judged.verdict
    unread = dict.fromkeys([*payload.unread, *(message.unread if message else ())])
    warnings = [Fault("MSH^1^18", DATA_TYPE, text, "W") for text in unread]
    told = (*verdict.faults, *warnings)
    row = {
        "id": tx.new_id("hl7msg"),
        "message_type": message.type if message else "",
        "control_id": message.control_id if message else "",
        **payload.kept,
        "received_at": tx.now_text,
        "accepted": verdict.is_accepted,
        "ack_code": verdict.ack_code,
        "ack": acknowledge(tx, message, Acknowledgment(verdict.ack_code, told[0].message if told else "", told)),
        "errors": [{"location": f.location, "code": f.code, "message": f.message} for f in verdict.faults],
        "notes": [*payload.notes, *unread, *verdict.notes],
    }
    _append(tx, OUTBOUND, row)
    if message is not None and verdict.is_accepted and message.code == "ACK":
        _settle(tx, message, payload)
    return row


def acknowledge(tx: Interaction, message: Message | None, ack: Acknowledgment) -> str:
    """Write an acknowledgment in the name of the message's receiver, else of the engine as its environment calls it.

    Not of the receiver in the credentials: that name is the run's own, and what is kept must repeat with a seed.
    """
    sender = Sender(tx.sandbox.name if tx.sandbox else "", "")
    return build_ack(message, ack, control_id=tx.new_id()[-CONTROL_ID_CHARS:], now=tx.now, sender=sender)


def deliver(tx: Interaction, text: str) -> Json:
    """Put a message into the agent's inbox. Raises `Unreadable` or `TooLarge`."""
    row = inbox_row(tx.new_id("hl7msg"), text, received_at=tx.now_text)
    _append(tx, INBOX, row)
    return row


def inbox_row(key: str, text: str, *, received_at: str | None) -> dict[str, Json]:
    """Build an inbox row from a message's text; its segments then end with carriage returns.

    `received_at` None means the time at which the playground's clock starts.
    """
    payload = normalized(text)
    _check_size(Payload(payload))
    message = parse(payload)
    if message.strays:
        number, line = message.strays[0]
        raise Unreadable(f"Line {number} is not a segment: {line[:40]!r}.", location="")
    return {
        "id": key,
        "message_type": message.type,
        "control_id": message.control_id,
        "payload": payload,
        "received_at": received_at,
    }


def list_rows(branch: Branch, collection: str) -> list[Json]:
    """Return a collection's rows, oldest first."""
    return sorted((row for _, row in branch.items(collection)), key=lambda row: int(row["position"]))


def list_inbox(tx: Interaction) -> list[Json]:
    """Return the inbox as the agent sees it, oldest first."""
    return [_inbox_view(tx, row) for row in list_rows(tx.branch, INBOX)]


def get_inbox_message(tx: Interaction, key: str) -> Json:
    """Return one inbox message with its acknowledgments. Raises `NotFound`."""
    row = _get_inbox_row(tx, key)
    acks = [public(ack) for ack in list_rows(tx.branch, ACKS) if ack["inbox_id"] == key]
    return {**_inbox_view(tx, row), "acks": acks}


def acknowledge_inbox(tx: Interaction, key: str, ack_code: str, text: str = "") -> Json:
    """Record that the agent acknowledges an inbox message; the ACK is written for it.

    Raises `NotFound`, and `Invalid` for a code that is not in HL7 table 0008.
    """
    row = _get_inbox_row(tx, key)
    if ack_code not in ACK_CODES:
        known = ", ".join(ACK_CODES)
        raise Invalid(
            f"ack_code {ack_code!r} is not an acknowledgment code; use one of {known}.",
            details={"ack_code": [f"must be one of {known}"]},
        )
    written = acknowledge(tx, parse(row["payload"]), Acknowledgment(ack_code, text))
    return _record_ack(tx, row, ack_code, text, Payload(written))


def acknowledge_inbox_with(tx: Interaction, key: str, payload: Payload) -> Json:
    """Record the agent's own ACK message for an inbox message.

    Raises `NotFound`, `Invalid` (no MSA, wrong code) and `Conflict` (MSA-2 names another message).
    """
    row = _get_inbox_row(tx, key)
    _check_size(payload)
    message = parse(payload.text)
    msa = next(iter(message.all("MSA")), None)
    if msa is None:
        raise Invalid("The acknowledgment has no MSA segment.", details={"payload": ["an MSA segment is required"]})
    code, control_id = message.component(msa, 1), message.component(msa, 2)
    if code not in ACK_CODES:
        known = ", ".join(ACK_CODES)
        raise Invalid(
            f"MSA-1 is {code!r}, which is not an acknowledgment code; use one of {known}.",
            details={"payload": [f"MSA-1 must be one of {known}"]},
        )
    if control_id != row["control_id"]:
        raise Conflict(
            f"MSA-2 is {control_id!r}, but the message's control id (MSH-10) is {row['control_id']!r}.",
            details={"payload": [f"MSA-2 must be {row['control_id']}"]},
        )
    return _record_ack(tx, row, code, message.component(msa, 3), payload)


def public(row: Mapping[str, Json]) -> dict[str, Json]:
    """Return a row without its bookkeeping."""
    return {name: value for name, value in row.items() if name != "position"}


def _settle(tx: Interaction, message: Message, payload: Payload) -> None:
    msa = message.all("MSA")[0]
    code, control_id = message.component(msa, 1), message.component(msa, 2)
    for row in list_rows(tx.branch, INBOX):
        if control_id and row["control_id"] == control_id:
            _record_ack(tx, row, code, message.component(msa, 3), payload)


def _record_ack(tx: Interaction, inbox: Json, code: str, text: str, payload: Payload) -> Json:
    row = {
        "id": tx.new_id("hl7ack"),
        "inbox_id": inbox["id"],
        "message_type": inbox["message_type"],
        "control_id": inbox["control_id"],
        "ack_code": code,
        "accepted": code in ACCEPTED_CODES,
        "text": text,
        **payload.kept,
        "received_at": tx.now_text,
    }
    _append(tx, ACKS, row)
    return row


def _append(tx: Interaction, collection: str, row: dict[str, Json]) -> None:
    counters = tx.get(COUNTERS, collection)
    position = counters["last"] + 1 if counters else tx.branch.count(collection) + 1
    tx.put(COUNTERS, collection, {"last": position})
    tx.put(collection, row["id"], {**row, "position": position})


def _get_inbox_row(tx: Interaction, key: str) -> Json:
    row = tx.get(INBOX, key)
    if row is None:
        raise NotFound(f"There is no inbox message {key!r}; GET hl7/inbox lists them.")
    return row


def _inbox_view(tx: Interaction, row: Json) -> dict[str, Json]:
    view = public(row)
    if view["received_at"] is None:
        state = ClockState.read(tx.branch)
        view["received_at"] = format_instant(state.start) if state else tx.now_text
    return view


def _check_size(payload: Payload) -> None:
    if payload.size > limits.HL7_MESSAGE_BYTES:
        raise TooLarge(f"The message has {payload.size} bytes; at most {limits.HL7_MESSAGE_BYTES} are taken.")
