r"""Batches: several messages in one text, between FHS, BHS, BTS and FTS (HL7 v2.5 §2.10.3, §2.15.1-§2.15.7).

`split` takes a text apart and keeps every message as it stands there. All four segments are optional in the
standard; a text is a batch here when it begins with FHS or BHS. A batch whose own segments contradict what it
holds is no batch at all: nothing of it is taken.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from sandbox import limits
from sandbox.errors import TooLarge
from sandbox.simulators.hl7.delimiters import DEFAULT_DELIMITERS, Delimiters
from sandbox.simulators.hl7.faults import DATA_TYPE, SEGMENT_SEQUENCE
from sandbox.simulators.hl7.message import BLANK_OR_FRAME, Segment, Unreadable, read_delimiters, unwrap

ENVELOPE: Final = ("FHS", "BHS", "BTS", "FTS")
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


@dataclass(frozen=True, slots=True)
class Header:
    """An FHS or BHS: its segment, and the delimiters it defines."""

    segment: Segment
    delimiters: Delimiters

    @property
    def control_id(self) -> str:
        """FHS-11 or BHS-11 as it was sent."""
        return self.field(11)

    def field(self, position: int) -> str:
        """Return a field as it was sent, by its HL7 number; the separator itself is field 1."""
        fields = self.segment.fields
        return fields[position - 1] if position <= len(fields) else ""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch: its header, if any, and its messages as they were sent."""

    header: Header | None
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BatchFile:
    """One or more batches; `header` is FHS, if any, and `notes` say what was overlooked."""

    header: Header | None
    batches: tuple[Batch, ...]
    notes: tuple[str, ...]

    @property
    def messages(self) -> tuple[str, ...]:
        """The messages of all batches, in order."""
        return tuple(message for batch in self.batches for message in batch.messages)

    @property
    def control_id(self) -> str:
        """The control id of the file, or else of the first batch."""
        headers = (self.header, *(batch.header for batch in self.batches))
        return next((header.control_id for header in headers if header and header.control_id), "")


def is_batch(text: str) -> bool:
    r"""Whether a text is to be taken apart.

    >>> is_batch("BHS|^~\\&|A"), is_batch("MSH|^~\\&|A")
    (True, False)
    """
    return text.lstrip(BLANK_OR_FRAME).startswith(("FHS", "BHS"))


def split(text: str) -> BatchFile:
    r"""Take a batch apart. Raises `Unreadable` for one that is none, and `TooLarge`.

    >>> found = split("BHS|^~\\&|A||||||||9\rMSH|^~\\&|A\rPID|1\rMSH|^~\\&|B\rBTS|2\r")
    >>> found.messages, found.control_id
    (('MSH|^~\\&|A\rPID|1\r', 'MSH|^~\\&|B\r'), '9')
    """
    splitter = _Splitter(unwrap(text)[1])
    lines = _LINE.findall(text.lstrip(BLANK_OR_FRAME))
    if len(lines) > limits.HL7_SEGMENTS:
        raise TooLarge(f"The batch has more than {limits.HL7_SEGMENTS} segments; send it in parts.")
    for number, line in enumerate(lines, 1):
        splitter.take(number, line)
    return splitter.finish()


@dataclass(slots=True)
class _Open:
    header: Header | None
    messages: list[list[str]] = field(default_factory=list)
    is_closed: bool = False


class _Splitter:
    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self.header: Header | None = None
        self.batches: list[_Open] = []
        self.is_closed = False

    def take(self, number: int, line: str) -> None:
        text = line.strip(BLANK_OR_FRAME)
        batch = self.batches[-1] if self.batches and not self.batches[-1].is_closed else None
        name = text[:3]
        if self.is_closed and text:
            raise Unreadable("Nothing may follow FTS, the end of the file.", location=f"{name}^{self.count(name) + 1}")
        if name == "FHS":
            if self.header or self.batches:
                raise Unreadable("FHS must be the first segment, and the only one.", location="FHS^1")
            self.header = _header(text)
        elif name == "BHS":
            if batch is not None:
                self.note("BTS, the end of a batch,")
            self.batches.append(_Open(_header(text)))
        elif name == "MSH":
            if batch is None:
                self.note("BHS, the beginning of a batch,")
                batch = _Open(None)
                self.batches.append(batch)
            batch.messages.append([line])
        elif name == "BTS":
            self.close(batch, text)
        elif name == "FTS":
            self.end(batch, text)
        elif batch is not None and batch.messages:
            batch.messages[-1].append(line)
        elif text:
            is_segment = re.match(r"[A-Z][A-Z0-9]{2}(?![A-Za-z0-9])", text)
            where = f"{name}^1" if is_segment else ""
            raise Unreadable(f"Line {number} of the batch is in no message: {text[:40]!r}.", location=where)

    def close(self, batch: _Open | None, text: str) -> None:
        place = f"BTS^{sum(found.is_closed for found in self.batches) + 1}"
        if batch is None:
            raise Unreadable("BTS ends a batch that was not begun; BHS or a message must come first.", location=place)
        batch.is_closed = True
        _check_count(text, batch.header or self.header, len(batch.messages), place)

    def end(self, batch: _Open | None, text: str) -> None:
        if self.header is None:
            raise Unreadable("FTS ends a file that was not begun; FHS must come first.", location="FTS^1")
        if batch is not None and batch.header:
            self.note("BTS, the end of a batch,")
        self.is_closed = True
        _check_count(text, self.header, len(self.batches), "FTS^1")

    def finish(self) -> BatchFile:
        last = self.batches[-1] if self.batches else None
        if last is not None and last.header and not last.is_closed and not self.is_closed:
            self.note("BTS, the end of a batch,")
        if self.header is not None and not self.is_closed:
            self.note("FTS, the end of the file,")
        batches = tuple(Batch(b.header, tuple("".join(lines) for lines in b.messages)) for b in self.batches)
        return BatchFile(self.header, batches, tuple(dict.fromkeys(self.notes)))

    def note(self, what: str) -> None:
        self.notes.append(f"{what} is missing; the standard leaves it optional.")

    def count(self, name: str) -> int:
        if name == "MSH":
            return sum(len(batch.messages) for batch in self.batches)
        return {"FHS": 1, "FTS": 1, "BHS": sum(batch.header is not None for batch in self.batches)}.get(name, 0)


def _header(text: str) -> Header:
    delimiters = read_delimiters(text)
    return Header(Segment(text[:3], text, tuple(text.split(delimiters.field))), delimiters)


def _check_count(text: str, header: Header | None, count: int, place: str) -> None:
    separator = (header.delimiters if header else DEFAULT_DELIMITERS).field
    written = (*text.split(separator), "")[1].strip()
    name = text[:3]
    if written and not (written.isascii() and written.isdigit()):
        message = f"{name}-1, a count, must be a number, but is {written[:40]!r}."
        raise Unreadable(message, location=f"{place}^1", code=DATA_TYPE)
    if written and written.lstrip("0") != str(count).lstrip("0"):
        message = f"{name}-1 counts {written[:20]}, but {count} came. Is the text cut off? Nothing of it was taken."
        raise Unreadable(message, location=f"{place}^1", code=SEGMENT_SEQUENCE)
