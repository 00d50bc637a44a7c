"""What goes back on a connection for a frame that came: the same judgement as `POST hl7/outbound`, in frames.

Original mode by default: one acknowledgment. Enhanced mode (HL7 v2.5 §2.9.3) only where MSH-15 or MSH-16 ask for it: an
accept acknowledgment (CA, CR), and the application's (AA, AE, AR) in a frame of its own, `APART_S` later, since many
clients read two answers in one packet as one. Knows nothing of sockets: an answer is a list of writes.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from sandbox import limits
from sandbox.errors import TooLarge
from sandbox.jsonio import Json
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.hl7 import state
from sandbox.simulators.hl7.ack import ON_THE_WIRE, Acknowledgment, Sender, build_short_ack
from sandbox.simulators.hl7.config import Hl7Config
from sandbox.simulators.hl7.faults import APPLICATION_ERROR, SEGMENT_SEQUENCE, Fault
from sandbox.simulators.hl7.message import Message, Unreadable, parse
from sandbox.simulators.hl7.mllp.framing import Framed, frame
from sandbox.simulators.hl7.mllp.misbehaving import misbehave
from sandbox.simulators.hl7.mllp.writes import Answer, Write
from sandbox.simulators.hl7.state import Judged, JudgedBatch, Payload
from sandbox.simulators.hl7.validate import Verdict
from sandbox.simulators.wire_faults import choose, told_of

APART_S: Final = 0.2
WIRE: Final = "hl7/_wire"
MEDIA_TYPE: Final = "application/hl7-v2"
_ALWAYS, _NEVER, _ON_ERROR, _ON_SUCCESS = "AL", "NE", "ER", "SU"


def request_of(framed: Framed) -> Request:
    """Return the call that a frame is, as it is recorded: `POST hl7/outbound`, by MLLP."""
    return Request("POST", "hl7/outbound", headers={"content-type": MEDIA_TYPE}, body=framed.content, via="mllp")


def receive(tx: Interaction, framed: Framed) -> tuple[Response, Answer]:
    """Take what came in a frame from the agent; return what is recorded, and what goes back."""
    payload = Payload.of_bytes(framed.content)
    try:
        judged = _judge(framed, payload)
    except TooLarge as error:
        judged = Judged(payload, _head(payload), Verdict("AR", (Fault("", SEGMENT_SEQUENCE, error.message),)))
    if isinstance(judged, JudgedBatch):
        acks = [state.receive_batch(tx, judged, ON_THE_WIRE)["ack"]]
    else:
        row = state.receive(tx, judged, ON_THE_WIRE, notes=framed.notes)
        acks = _in_their_modes(tx, judged, row)
    bodies = [ack.encode(payload.charset, "replace") for ack in acks]
    writes = tuple(Write(frame(body), APART_S if place else 0) for place, body in enumerate(bodies))
    response = Response(200, b"".join(bodies), MEDIA_TYPE)
    answer = Answer(writes, closes=framed.problem is not None)
    if not tx.config.get("faults"):
        return response, answer
    fault = choose(tx, WIRE, Hl7Config.model_validate(dict(tx.config)).faults)
    return response, answer if fault is None else replace(misbehave(answer, fault), fault=fault)


def tell_fault(framed: Framed, answer: Answer) -> Json:
    """Return what is told of the fault of an answer: which one, and on the answer to which message."""
    assert answer.fault is not None
    message = _head(Payload.of_bytes(framed.content))
    return told_of(answer.fault, control_id=message.control_id if message is not None else "")


def refuse(framed: Framed, reason: str, now: datetime, control_id: str) -> Answer:
    """Answer with AR and the reason what no playground takes; nothing of it is kept in one."""
    payload = Payload.of_bytes(framed.content)
    ack = Acknowledgment("AR", reason, (Fault("", APPLICATION_ERROR, reason),))
    text = build_short_ack(_head(payload), ack, control_id=control_id[-20:], now=now, sender=Sender(), form=ON_THE_WIRE)
    return Answer((Write(frame(text.encode(payload.charset, "replace"))),), closes=framed.problem is not None)


def receiver_of(framed: Framed) -> tuple[str, str]:
    """Return whom a message names as its receiver, application and facility; of a batch, its header does."""
    text = Payload.of_bytes(framed.content).text.lstrip("\ufeff\r\n ")
    separator = text[3:4] or "|"
    fields = text.partition("\r")[0].partition("\n")[0].split(separator)
    application, facility = (*fields[4:6], "", "")[:2]
    return application.strip(), facility.strip()


def _judge(framed: Framed, payload: Payload) -> Judged | JudgedBatch:
    if framed.problem is not None:
        return Judged(payload, _head(payload), Verdict("AR", (Fault("", SEGMENT_SEQUENCE, framed.problem),)))
    if framed.size > limits.HL7_MESSAGE_BYTES:
        raise TooLarge(f"The message has {framed.size} bytes; at most {limits.HL7_MESSAGE_BYTES} are taken.")
    return state.judge(payload, is_strict=False)


def _head(payload: Payload) -> Message | None:
    """Read the header of what is no whole message, to answer it by its control id."""
    try:
        return parse(payload.text.lstrip("\r\n").partition("\r")[0])
    except (Unreadable, TooLarge):
        return None


def _in_their_modes(tx: Interaction, judged: Judged, row: Json) -> list[str]:
    """Return the acknowledgments a message asks for in MSH-15 and MSH-16."""
    message, code = judged.message, row["ack_code"]
    modes = [message.component(message.header, place) for place in (15, 16)] if message is not None else ["", ""]
    if message is None or modes == ["", ""]:
        return [row["ack"]]
    is_committed = code != "AR"
    acks = []
    if _is_wanted(modes[0], is_good=is_committed):
        text = "" if is_committed else row["errors"][0]["message"] if row["errors"] else ""
        committed = Acknowledgment("CA" if is_committed else "CR", text)
        acks.append(state.acknowledge(tx, message, committed, ON_THE_WIRE))
    if _is_wanted(modes[1], is_good=code == "AA") and (is_committed or not acks):
        acks.append(row["ack"])
    return acks


def _is_wanted(mode: str, *, is_good: bool) -> bool:
    """Whether a condition of HL7 table 0155 asks for an acknowledgment; empty is never, beside one that is not.

    >>> _is_wanted("AL", is_good=False), _is_wanted("ER", is_good=True), _is_wanted("", is_good=True)
    (True, False, False)
    """
    return mode == _ALWAYS or (mode == _ON_SUCCESS and is_good) or (mode == _ON_ERROR and not is_good)
