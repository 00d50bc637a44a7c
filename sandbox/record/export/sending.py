"""A process of its own that makes spans and sends them, so that nothing of it is done where calls are answered.

It is run by `tracing.py` (`python -m sandbox.record.export.sending`) and ends when its standard input does. Both sides
write frames: four bytes with the length, then a pickled value, of our own making only. First comes a `Collector`; then
for each batch `(noted, whole)` one byte is answered: whether the collector took it.
"""

import os
import pickle
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO, Final, NamedTuple, TypeAlias

from sandbox.record.export.otlp import SpanSender
from sandbox.record.export.spans import Noted, Span, span_of_event

LENGTH_BYTES: Final = 4
_NICE: Final = 10  # where there are too few processors for both, calls are answered first
TAKEN: Final = b"\x01"
NOT_TAKEN: Final = b"\x00"

Batch: TypeAlias = tuple[Sequence[Noted], Sequence[Span]]


class Collector(NamedTuple):
    """Where spans go; `timeout_s` is for one batch with what is tried again."""

    endpoint: str
    headers: dict[str, str]
    timeout_s: float


def frame(value: Collector | Batch) -> bytes:
    """Write a frame."""
    body = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(LENGTH_BYTES) + body


def main(taking: BinaryIO, telling: BinaryIO) -> None:
    """Send what comes until there is no more."""
    collector: Collector = _read(taking)
    sender = SpanSender(collector.endpoint, collector.headers, timeout_s=collector.timeout_s)
    while (batch := _read(taking)) is not None:
        noted, whole = batch
        is_taken = sender.send([*map(span_of_event, noted), *whole])
        telling.write(TAKEN if is_taken else NOT_TAKEN)
        telling.flush()


def _read(taking: BinaryIO) -> Any:
    """Return the next value; None at the end."""
    head = taking.read(LENGTH_BYTES)
    body = taking.read(int.from_bytes(head))
    return pickle.loads(body) if body else None


if __name__ == "__main__":
    os.nice(_NICE)
    main(sys.stdin.buffer, sys.stdout.buffer)
