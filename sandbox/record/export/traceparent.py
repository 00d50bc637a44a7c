"""The header `traceparent` of W3C Trace Context (https://www.w3.org/TR/trace-context/), and ids of our own."""

import hashlib
import re
from typing import Final, NamedTuple

HEADER: Final = "traceparent"
_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_NO_VERSION: Final = "ff"


class SpanId(NamedTuple):
    """A span of a trace, ours or somebody else's."""

    trace: int
    span: int


def read_traceparent(text: str | None) -> SpanId | None:
    """Return the span that a caller names; None for no header, or one that is not of the form.

    >>> read_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").span == 0xB7AD6B7169203331
    True
    >>> read_traceparent("00-" + "0" * 32 + "-b7ad6b7169203331-01"), read_traceparent("gibberish")
    (None, None)
    """
    if text is None:
        return None
    found = _FORM.fullmatch(text.strip())
    if found is None or found[1] == _NO_VERSION:
        return None
    named = SpanId(int(found[2], 16), int(found[3], 16))
    return named if named.trace and named.span else None


def trace_id_of(task_run_id: str) -> int:
    """Return the id of a task run's own trace: the same whenever it is sent.

    >>> trace_id_of("tr_1") == trace_id_of("tr_1") != trace_id_of("tr_2")
    True
    """
    return int.from_bytes(hashlib.sha256(f"trace {task_run_id}".encode()).digest()[:16])


def span_id_of(name: str) -> int:
    """Return the id of the span of an event or a task run: the same whenever it is sent."""
    return int.from_bytes(hashlib.sha256(f"span {name}".encode()).digest()[:8])
