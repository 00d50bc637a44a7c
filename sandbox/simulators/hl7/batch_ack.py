"""The batch of acknowledgments that answers a batch (HL7 v2.5 §2.10.3.3, §2.15.2, §2.15.6).

Every message gets its own acknowledgment, in the form of one that came alone. The batches and their file
mirror what came: sender and receiver exchanged, and BHS-12 and FHS-12 name the control id that is answered.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from sandbox.simulators.hl7.ack import Sender, timestamp
from sandbox.simulators.hl7.batches import BatchFile, Header
from sandbox.simulators.hl7.delimiters import DEFAULT_DELIMITERS, escape


def build_batch_ack(
    file: BatchFile, acks: Sequence[str], *, new_control_id: Callable[[], str], now: datetime, sender: Sender
) -> str:
    r"""Put the acknowledgments of a file's messages, in order, into batches like its own.

    >>> from datetime import UTC
    >>> from sandbox.simulators.hl7.batches import split
    >>> file = split("BHS|^~\\&|LAB|HOSP|EHR|CLINIC|||||77\rBTS|0\r")
    >>> now = datetime(2026, 4, 23, 9, tzinfo=UTC)
    >>> build_batch_ack(file, [], new_control_id=lambda: "1", now=now, sender=Sender()).split("\r")
    ['BHS|^~\\&|EHR|CLINIC|LAB|HOSP|20260423090000+0000||||1|77', 'BTS|0', '']
    """
    waiting = iter(acks)

    def header(name: str, answered: Header | None) -> str:
        delimiters = answered.delimiters if answered else DEFAULT_DELIMITERS
        application, facility = (escape(part, delimiters) for part in (sender.application, sender.facility))
        came = answered.field if answered else lambda _: ""
        fields = [name, delimiters.encoding_characters, came(5) or application, came(6) or facility, came(3), came(4)]
        fields += [timestamp(now), "", "", "", new_control_id(), came(11)]
        return delimiters.field.join(fields).rstrip(delimiters.field) + "\r"

    def trailer(name: str, answered: Header | None, count: int) -> str:
        return f"{name}{(answered.delimiters if answered else DEFAULT_DELIMITERS).field}{count}\r"

    def parts() -> Iterator[str]:
        if file.header:
            yield header("FHS", file.header)
        for batch in file.batches:
            yield header("BHS", batch.header)
            yield from (next(waiting) for _ in batch.messages)
            yield trailer("BTS", batch.header, len(batch.messages))
        if file.header:
            yield trailer("FTS", file.header, len(file.batches))

    return "".join(parts())
