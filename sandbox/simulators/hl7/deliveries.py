"""Deliveries: the inbox, pushed to a listener that the agent names; the rules, on the branch.

One message at a time, in the order of the inbox: the next waits until the one before was accepted, or given up by the
rule of the configuration. What is not settled is sent again after a restart, under the same control id: at least once,
as real interfaces deliver. Bookkeeping: `hl7/_listener` (where to), `hl7/_deliveries` (how each message stands).

A seed gives every delivery its time: when its message came, or was to be sent again. How long a network takes, and
between which of the agent's calls an answer arrives, moves neither the clock nor an id. Knows nothing of sockets.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sandbox import ids
from sandbox.clock import format_instant, parse_instant
from sandbox.errors import NotFound
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.playground.clock import ClockState
from sandbox.playground.playground import Interaction
from sandbox.simulators.hl7 import state
from sandbox.simulators.hl7.ack import ACCEPTED_CODES
from sandbox.simulators.hl7.charset_names import declared
from sandbox.simulators.hl7.config import Delivery, Hl7Config
from sandbox.simulators.hl7.message import Message, Unreadable, parse
from sandbox.simulators.hl7.state import Payload

LISTENER: Final = "hl7/_listener"
DELIVERIES: Final = "hl7/_deliveries"
KEY: Final = "listener"
PENDING, DELIVERED, REJECTED, FAILED = "pending", "delivered", "rejected", "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt that is due: which message, whereto, and whose answer is waited for."""

    inbox_id: str
    attempt: int
    host: str
    port: int
    body: bytes
    control_id: str
    timeout_s: float
    is_answered: bool
    is_answered_twice: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: the acknowledgment as it came, or why there is none."""

    ack: bytes | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()


def set_listener(tx: Interaction, host: str, port: int) -> Json:
    """Name where the inbox is delivered from now on; what is not settled yet goes there, oldest first."""
    before = tx.get(LISTENER, KEY)
    started = ClockState.read(tx.branch) is not None
    since = before["since"] if before is not None else tx.now_text if started else None
    row = {"host": host, "port": port, "since": since, "last_at": before["last_at"] if before else None}
    tx.put(LISTENER, KEY, row)
    return get_listener(tx)


def get_listener(tx: Interaction) -> Json:
    """Return the listener and how many messages stand how. Raises `NotFound` where none is named."""
    row = tx.get(LISTENER, KEY)
    if row is None:
        raise NotFound("No listener is named; PUT hl7/listener with host and port names one.")
    counts = dict.fromkeys((PENDING, DELIVERED, REJECTED, FAILED), 0)
    for inbox in state.list_rows(tx.branch, state.INBOX):
        delivery = tx.get(DELIVERIES, inbox["id"])
        counts[PENDING if delivery is None else delivery["state"]] += 1
    return {"host": row["host"], "port": row["port"], "deliveries": counts}


def forget_listener(tx: Interaction) -> None:
    """Deliver nothing any more. Raises `NotFound` where no listener is named."""
    if not tx.delete(LISTENER, KEY):
        raise NotFound("No listener is named.")


def is_delivering(branch: Branch) -> bool:
    """Whether a listener is named."""
    return branch.get(LISTENER, KEY) is not None


def view(tx: Interaction, inbox_id: str) -> Json:
    """Return how a message stands, as its reader sees it; None where there never was a listener."""
    row = tx.get(DELIVERIES, inbox_id)
    if row is None:
        if tx.get(LISTENER, KEY) is None:
            return None
        row = _begun(tx, tx.get(state.INBOX, inbox_id))
    return {name: row[name] for name in ("state", "attempts", "ack_code", "error", "next_attempt_at", "settled_at")}


def next_job(tx: Interaction) -> Job | None:
    """Return the attempt that is due now, None while there is none; reads only."""
    listener = tx.get(LISTENER, KEY)
    inbox = None if listener is None else _first_open(tx)
    if listener is None or inbox is None:
        return None
    row = tx.get(DELIVERIES, inbox["id"]) or _begun(tx, inbox)
    if row["attempts"] and parse_instant(row["next_attempt_at"]) > tx.now:
        return None
    message = parse(inbox["payload"])
    accept, application = (message.component(message.header, place) for place in (15, 16))
    is_enhanced = bool(accept or application)
    return Job(
        inbox["id"],
        row["attempts"] + 1,
        listener["host"],
        listener["port"],
        encoded(message, inbox["payload"]),
        inbox["control_id"],
        _rule(tx).timeout_seconds,
        not is_enhanced or accept == "AL" or application == "AL",
        accept == "AL" and application == "AL",
    )


def next_attempt_at(tx: Interaction) -> datetime | None:
    """Return when a message that was not taken is tried again, None where none is waiting for that."""
    inbox = _first_open(tx) if is_delivering(tx.branch) else None
    row = tx.get(DELIVERIES, inbox["id"]) if inbox is not None else None
    return None if row is None or row["next_attempt_at"] is None else parse_instant(row["next_attempt_at"])


def settle(tx: Interaction, job: Job, outcome: Outcome) -> Json:
    """Record what came of an attempt; return what is told of it."""
    tx.stand_still()
    inbox = tx.get(state.INBOX, job.inbox_id)
    listener = tx.get(LISTENER, KEY)
    row = tx.get(DELIVERIES, job.inbox_id) or _begun(tx, inbox)
    moment = _nominal(tx, row, listener)
    code, text = _read(outcome)
    row = {**row, "attempts": job.attempt, "ack_code": code, "error": outcome.error, "next_attempt_at": None}
    rule = _rule(tx)
    if code in ACCEPTED_CODES or not (job.is_answered or outcome.error):
        row["state"], row["settled_at"] = DELIVERED, format_instant(moment)
    elif job.attempt >= rule.attempts:
        row["state"], row["settled_at"] = REJECTED if code else FAILED, format_instant(moment)
    else:
        row["next_attempt_at"] = format_instant(moment + timedelta(seconds=rule.spacing_seconds))
    tx.put(DELIVERIES, job.inbox_id, row)
    if listener is not None and row["state"] != PENDING:
        tx.put(LISTENER, KEY, {**listener, "last_at": row["settled_at"]})
    if code:
        payload = Payload.of_bytes(outcome.ack or b"")
        key = ids.derived_id("hl7ack", job.inbox_id, job.attempt) if tx.is_seeded else None
        state.record_ack(tx, inbox, code, text, payload, key=key, received_at=format_instant(moment))
    told = {name: row[name] for name in ("state", "ack_code", "error", "next_attempt_at")}
    return {
        "inbox_id": job.inbox_id,
        "control_id": job.control_id,
        "attempt": job.attempt,
        **told,
        "ack": None if outcome.ack is None else Payload.of_bytes(outcome.ack).text,
        "notes": list(outcome.notes),
    }


def is_answer_to(ack: bytes, control_id: str) -> bool:
    """Whether an acknowledgment names a message in MSA-2; one that names none is of the message that was sent."""
    named = _msa(ack)
    return named is not None and named[1] in (control_id, "")


def is_accept(ack: bytes) -> bool:
    """Whether it is an accept acknowledgment of enhanced mode, which another may follow."""
    named = _msa(ack)
    return named is not None and named[0] == "CA"


def encoded(message: Message, text: str) -> bytes:
    """Return a message's bytes in the character set it names in MSH-18, in UTF-8 where that does not hold it."""
    names = message.header.raw(18).split(message.delimiters.repetition) if message.header.raw(18) else []
    codec = declared(names).default or "utf-8"
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return text.encode()


def _msa(ack: bytes) -> tuple[str, str, str] | None:
    try:
        message = parse(Payload.of_bytes(ack).text)
    except Unreadable:
        return None
    found = next(iter(message.all("MSA")), None)
    if found is None:
        return None
    return message.component(found, 1), message.component(found, 2), message.component(found, 3)


def _read(outcome: Outcome) -> tuple[str | None, str]:
    named = None if outcome.ack is None else _msa(outcome.ack)
    return (None, "") if named is None else (named[0] or None, named[2])


def _first_open(tx: Interaction) -> Json:
    for inbox in state.list_rows(tx.branch, state.INBOX):
        row = tx.get(DELIVERIES, inbox["id"])
        if row is None or row["state"] == PENDING:
            return inbox
    return None


def _begun(tx: Interaction, inbox: Json) -> dict[str, Json]:
    return {
        "state": PENDING,
        "attempts": 0,
        "ack_code": None,
        "error": None,
        "next_attempt_at": None,
        "settled_at": None,
        "received_at": state.inbox_view(tx, inbox)["received_at"],
    }


def _nominal(tx: Interaction, row: Json, listener: Json) -> datetime:
    """Return when an attempt takes place: now, or in a seeded run when it was to."""
    if not tx.is_seeded:
        return tx.now
    if row["next_attempt_at"] is not None:
        return parse_instant(row["next_attempt_at"])
    known = [row["received_at"], *(listener[name] for name in ("since", "last_at") if listener and listener[name])]
    return max(map(parse_instant, known))


def _rule(tx: Interaction) -> Delivery:
    return Hl7Config.model_validate(dict(tx.config)).delivery
