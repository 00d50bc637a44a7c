"""The faults of MLLP, carried out on an answer: what real receivers do to those who send to them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from sandbox.simulators.hl7.config import MllpFault
from sandbox.simulators.hl7.mllp.framing import END, START
from sandbox.simulators.hl7.mllp.writes import Answer, Write

REPEATED_AFTER_S: Final = 0.05

Fault: TypeAlias = Callable[[Answer, MllpFault], Answer]


def misbehave(answer: Answer, fault: MllpFault) -> Answer:
    r"""Return an answer with a fault carried out on it.

    >>> answer = Answer((Write(b"\x0bMSH|1\rMSA|AA|7\r\x1c\r"),))
    >>> [write.data for write in misbehave(answer, MllpFault(fault="split_end_block")).writes]
    [b'\x0bMSH|1\rMSA|AA|7\r\x1c', b'\r']
    >>> misbehave(answer, MllpFault(fault="close_without_ack")).closes
    True
    """
    return FAULTS[fault.fault](answer, fault) if answer.writes else answer


def _split(answer: Answer, at: int, seconds: float) -> Answer:
    first, *rest = answer.writes
    halves = (Write(first.data[:at], first.after_s), Write(first.data[at:], seconds))
    return replace(answer, writes=(*halves, *rest))


def _split_ack(answer: Answer, fault: MllpFault) -> Answer:
    return _split(answer, len(answer.writes[0].data) // 2, fault.seconds)


def _split_end_block(answer: Answer, fault: MllpFault) -> Answer:
    return _split(answer, len(answer.writes[0].data) - 1, fault.seconds)


def _ca_and_aa(answer: Answer, fault: MllpFault) -> Answer:
    """Put an accept acknowledgment and the application's into one packet."""
    together = b"".join(write.data for write in answer.writes)
    if len(answer.writes) == 1:
        together = _with_msa(answer.writes[0].data, 1, lambda code: b"CR" if code == b"AR" else b"CA") + together
    return replace(answer, writes=(Write(together, answer.writes[0].after_s),))


def _wrong_control_id(answer: Answer, fault: MllpFault) -> Answer:
    writes = [replace(w, data=_with_msa(w.data, 2, lambda named: (b"NOT-" + named)[:20])) for w in answer.writes]
    return replace(answer, writes=tuple(writes))


def _close_without_ack(answer: Answer, fault: MllpFault) -> Answer:
    return Answer((), closes=True)


def _repeated_ack(answer: Answer, fault: MllpFault) -> Answer:
    return replace(answer, writes=(*answer.writes, replace(answer.writes[-1], after_s=REPEATED_AFTER_S)))


def _crlf_between_frames(answer: Answer, fault: MllpFault) -> Answer:
    return replace(answer, writes=tuple(replace(write, data=write.data + b"\r\n") for write in answer.writes))


def _delay(answer: Answer, fault: MllpFault) -> Answer:
    first, *rest = answer.writes
    return replace(answer, writes=(replace(first, after_s=first.after_s + fault.seconds), *rest))


def _with_msa(data: bytes, place: int, change: Callable[[bytes], bytes]) -> bytes:
    """Return a frame with a field of its MSA segments changed."""
    separator = data[len(START) + 3 : len(START) + 4]
    lines = data[: -len(END)].split(b"\r")
    for number, line in enumerate(lines):
        if line.startswith(b"MSA" + separator):
            fields = line.split(separator)
            fields[place] = change(fields[place])
            lines[number] = separator.join(fields)
    return b"\r".join(lines) + END


FAULTS: Final[Mapping[str, Fault]] = {
    "split_ack": _split_ack,
    "split_end_block": _split_end_block,
    "ca_and_aa": _ca_and_aa,
    "wrong_control_id": _wrong_control_id,
    "close_without_ack": _close_without_ack,
    "repeated_ack": _repeated_ack,
    "crlf_between_frames": _crlf_between_frames,
    "delay": _delay,
}
"""What each kind of `MllpFault` does."""
