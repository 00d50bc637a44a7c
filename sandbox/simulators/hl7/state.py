"""The interface engine's rules on the branch: the inbox, what was sent, what was acknowledged.

Collections: `hl7/inbox` (messages for the agent), `hl7/outbound` (messages from the agent, accepted
or not, with the verdict), `hl7/batches` (batches as they came; each message is in `hl7/outbound`),
`hl7/acks` (the agent's acknowledgments of inbox messages). `hl7/_counters` numbers the rows, for ids do
not sort by arrival. Knows nothing of HTTP.

A message is kept as text together with the character set that gives its bytes again, or with the bytes.
"""

import base64
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sandbox import limits
from sandbox.clock import format_instant
from sandbox.errors import Conflict, Invalid, NotFound, TooLarge
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.playground.clock import ClockState
from sandbox.playground.playground import Interaction
from sandbox.simulators.hl7.ack import (
    ACCEPTED_CODES,
    ACK_CODES,
    AT_LENGTH,
    Acknowledgment,
    Form,
    Sender,
    build_short_ack,
)
from sandbox.simulators.hl7.batch_ack import build_batch_ack
from sandbox.simulators.hl7.batches import BatchFile, is_batch, split
from sandbox.simulators.hl7.charsets import decode
from sandbox.simulators.hl7.faults import DATA_TYPE, Fault
from sandbox.simulators.hl7.message import Message, Unreadable, normalized, parse
from sandbox.simulators.hl7.refusals import as_received
from sandbox.simulators.hl7.validate import Verdict, validate

INBOX: Final = "hl7/inbox"
OUTBOUND: Final = "hl7/outbound"
BATCHES: Final = "hl7/batches"
ACKS: Final = "hl7/acks"
COUNTERS: Final = "hl7/_counters"
VERDICTS: Final = ("AA", "AE", "AR")
CONTROL_ID_CHARS: Final = 20


@dataclass(frozen=True, slots=True)
class Payload:
    """A message as it came: its text, and the character set that gives the bytes again, or the bytes.

    `notes` say what had to be assumed to read them, `unread` what could not be read as declared. `is_text`
    is False for what came as bytes, with the charset `named` by its content type.
    """

    text: str
    charset: str = "utf-8"
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    raw: bytes | None = None
    is_text: bool = True
    named: str | None = None

    @classmethod
    def of_bytes(cls, body: bytes, charset: str | None = None) -> "Payload":
        """Read what came as bytes; `charset` is the one that came with it."""
        found = decode(body, charset)
        raw = None if found.is_exact else body
        return cls(found.text, found.charset, found.notes, found.unread, raw, False, charset)

    @property
    def body(self) -> bytes:
        """The bytes it came in."""
        return self.text.encode(self.charset) if self.raw is None else self.raw

    def split(self) -> tuple[BatchFile, tuple["Payload", ...]]:
        """Take a batch apart; each message has a character set of its own. Raises `Unreadable`, `TooLarge`."""
        if self.is_text or self.charset.startswith(("utf-16", "utf-32")):
            file = split(self.text)
            # Only the first characters of a text have the byte order mark that these codecs add.
            charset = f"{self.charset}-{sys.byteorder[0]}e" if self.charset in ("utf-16", "utf-32") else self.charset
            return file, tuple(replace(self, text=text, charset=charset, notes=(), unread=()) for text in file.messages)
        file = split(self.body.decode("latin-1").removeprefix("\xef\xbb\xbf"))
        return file, tuple(Payload.of_bytes(text.encode("latin-1"), self.named) for text in file.messages)

    @property
    def kept(self) -> dict[str, Json]:
        """The members of a row that hold the message to the byte."""
        exact = {} if self.raw is None else {"payload_base64": base64.b64encode(self.raw).decode("ascii")}
        return {"payload": self.text, "charset": self.charset, **exact}


@dataclass(frozen=True, slots=True)
class Judged:
    """A payload that was read and judged; `message` is None for what is no message."""

    payload: Payload
    message: Message | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class JudgedBatch:
    """A batch that was taken apart, and each of its messages judged."""

    payload: Payload
    file: BatchFile
    messages: tuple[Judged, ...]


def judge(payload: Payload, *, is_strict: bool) -> Judged | JudgedBatch:
    """Read and judge what was sent; pure.

    A batch is one in extended mode only. Raises `TooLarge` past `limits.HL7_MESSAGE_BYTES` or
    `HL7_SEGMENTS`, which a batch may not exceed as a whole.
    """
    _check_size(payload)
    if is_strict or not is_batch(payload.text):
        return _judge_message(payload, is_strict=is_strict)
    try:
        file, parts = payload.split()
    except Unreadable as error:
        return _unreadable(payload, error)
    return JudgedBatch(payload, file, tuple(_judge_message(part, is_strict=is_strict) for part in parts))


def _judge_message(payload: Payload, *, is_strict: bool) -> Judged:
    try:
        message = parse(payload.text)
    except Unreadable as error:
        return _unreadable(payload, error)
    return Judged(payload, message, validate(message, is_strict=is_strict))


def _unreadable(payload: Payload, error: Unreadable) -> Judged:
    return Judged(payload, None, Verdict("AR", (Fault(error.location, error.hl7_code, error.message),)))


def receive_batch(tx: Interaction, judged: JudgedBatch, form: Form = AT_LENGTH) -> Json:
    """Take a batch from the agent: keep it and each of its messages, and answer with a batch of ACKs.

    Returns the stored row of the batch, with those of its messages as `messages`.
    """
    payload, file = judged.payload, judged.file
    key = tx.new_id("hl7batch")
    rows = [receive(tx, message, form, batch_id=key) for message in judged.messages]
    codes = [row["ack_code"] for row in rows]
    row = {
        "id": key,
        "control_id": file.control_id,
        **payload.kept,
        "received_at": tx.now_text,
        "accepted": all(row["accepted"] for row in rows),
        "ack_code": max(codes, key=VERDICTS.index, default="AA"),
        "ack": build_batch_ack(
            file,
            [row["ack"] for row in rows],
            new_control_id=lambda: tx.new_id()[-CONTROL_ID_CHARS:],
            now=tx.now,
            sender=_sender(tx),
        ),
        "notes": [*file.notes],
        "message_ids": [row["id"] for row in rows],
    }
    _append(tx, BATCHES, row)
    return {**row, "messages": rows}


def receive(
    tx: Interaction,
    judged: Judged,
    form: Form = AT_LENGTH,
    *,
    batch_id: str | None = None,
    notes: Iterable[str] = (),
) -> Json:
    """Take a message from the agent: keep it whatever the verdict, and answer with an ACK.

    Returns the stored row. An accepted ACK whose MSA-2 names an inbox message acknowledges it.
    """
    payload, message = judged.payload, judged.message
    verdict = as_received(tx, message, judged.verdict)
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
        "ack": acknowledge(tx, message, Acknowledgment(verdict.ack_code, told[0].message if told else "", told), form),
        "errors": [{"location": f.location, "code": f.code, "message": f.message} for f in verdict.faults],
        "notes": [*notes, *payload.notes, *unread, *verdict.notes],
    }
    if batch_id is not None:
        row["batch_id"] = batch_id
    _append(tx, OUTBOUND, row)
    if message is not None and verdict.is_accepted and message.code == "ACK":
        _settle(tx, message, payload)
    return row


def acknowledge(tx: Interaction, message: Message | None, ack: Acknowledgment, form: Form = AT_LENGTH) -> str:
    """Write an acknowledgment in the name of the message's receiver, else of the engine as its environment calls it."""
    return build_short_ack(
        message, ack, control_id=tx.new_id()[-CONTROL_ID_CHARS:], now=tx.now, sender=_sender(tx), form=form
    )


def _sender(tx: Interaction) -> Sender:
    """Return the engine's name; not the receiver in the credentials, which is the run's own: what is kept repeats."""
    return Sender(tx.sandbox.name if tx.sandbox else "", "")


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
    return [inbox_view(tx, row) for row in list_rows(tx.branch, INBOX)]


def get_inbox_message(tx: Interaction, key: str) -> Json:
    """Return one inbox message with its acknowledgments. Raises `NotFound`."""
    row = _get_inbox_row(tx, key)
    acks = [public(ack) for ack in list_rows(tx.branch, ACKS) if ack["inbox_id"] == key]
    return {**inbox_view(tx, row), "acks": acks}


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
    return record_ack(tx, row, ack_code, text, Payload(written))


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
    return record_ack(tx, row, code, message.component(msa, 3), payload)


def public(row: Mapping[str, Json]) -> dict[str, Json]:
    """Return a row without its bookkeeping."""
    return {name: value for name, value in row.items() if name != "position"}


def _settle(tx: Interaction, message: Message, payload: Payload) -> None:
    msa = message.all("MSA")[0]
    code, control_id = message.component(msa, 1), message.component(msa, 2)
    for row in list_rows(tx.branch, INBOX):
        if control_id and row["control_id"] == control_id:
            record_ack(tx, row, code, message.component(msa, 3), payload)


def record_ack(
    tx: Interaction,
    inbox: Json,
    code: str,
    text: str,
    payload: Payload,
    *,
    key: str | None = None,
    received_at: str | None = None,
) -> Json:
    """Keep the agent's acknowledgment of an inbox message; its id and time are new unless given."""
    row = {
        "id": key or tx.new_id("hl7ack"),
        "inbox_id": inbox["id"],
        "message_type": inbox["message_type"],
        "control_id": inbox["control_id"],
        "ack_code": code,
        "accepted": code in ACCEPTED_CODES,
        "text": text,
        **payload.kept,
        "received_at": received_at or tx.now_text,
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


def inbox_view(tx: Interaction, row: Json) -> dict[str, Json]:
    """Return an inbox row as the agent sees it."""
    view = public(row)
    if view["received_at"] is None:
        state = ClockState.read(tx.branch)
        view["received_at"] = format_instant(state.start) if state else tx.now_text
    return view


def _check_size(payload: Payload) -> None:
    size = len(payload.body)
    if size > limits.HL7_MESSAGE_BYTES:
        raise TooLarge(f"The message has {size} bytes; at most {limits.HL7_MESSAGE_BYTES} are taken.")


def comparable(collection: str, row: Json) -> Json:
    """Return what a row says: its message in segments, less the time and the control id that are anew in each (MSH-7,
    MSH-10); None for a message that was refused, and for the record of a batch, whose messages are rows themselves."""
    if collection == BATCHES or not row.get("accepted", True):
        return None
    if collection == ACKS:
        return {"inbox_id": row["inbox_id"], "ack_code": row["ack_code"], "text": row["text"]}
    segments = []
    for line in row["payload"].replace("\n", "\r").split("\r"):
        fields = line.split(line[3]) if line[:3] == "MSH" and len(line) > 3 else None
        segments.append(line if fields is None else [f for place, f in enumerate(fields, 1) if place not in (7, 10)])
    return [segment for segment in segments if segment]
