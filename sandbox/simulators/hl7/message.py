"""ER7, the text form of HL7 v2: a message and its segments (HL7 v2.5 chapter 2, §2.5-§2.6).

`parse` reads what an interface engine reads and notes what it had to overlook; it keeps every
segment. Whether a message is a good one is `validate.py`'s business; nothing here knows of
versions, tables or the branch.
"""

import re
from dataclasses import dataclass
from typing import Final

from sandbox import limits
from sandbox.errors import Invalid, TooLarge
from sandbox.simulators.hl7 import iso2022
from sandbox.simulators.hl7.charset_names import undeclared
from sandbox.simulators.hl7.delimiters import Delimiters, first, split, unescape

SEGMENT_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
START_BLOCK: Final = "\x0b"
END_BLOCK: Final = "\x1c"
BYTE_ORDER_MARK: Final = "\ufeff"
_BLANK: Final = " \t\r\n"
_INVENTED: Final = re.compile(r"(MSH|BHS|FHS)\|[!-/:-@[-`{-~]{4,5}")
BLANK_OR_FRAME: Final = BYTE_ORDER_MARK + START_BLOCK + END_BLOCK + _BLANK


class Unreadable(Invalid):
    """The text is not an HL7 v2 message. `location` and `code` (HL7 table 0357) say what is wrong."""

    def __init__(self, message: str, *, location: str = "MSH", code: str = "100") -> None:
        super().__init__(message, location=location, hl7_code=code)
        self.location = location
        self.hl7_code = code


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: its name, its text as it was sent, and its raw fields; `fields[0]` is the name.

    Where the text switches character sets the fields are without the switches.
    """

    name: str
    text: str
    fields: tuple[str, ...]

    def raw(self, position: int) -> str:
        """Return a field as it was sent, by its HL7 number; empty when absent.

        In MSH the field separator itself is field 1.
        """
        if self.name == "MSH":
            if position == 1:
                return self.text[3:4]
            position -= 1
        return self.fields[position] if position < len(self.fields) else ""


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed message. `strays` are the lines that are no segment, as `(line number, text)`;
    `notes` say what was overlooked to read it, `unread` which characters could not be read."""

    delimiters: Delimiters
    segments: tuple[Segment, ...]
    strays: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def header(self) -> Segment:
        """The MSH segment."""
        return self.segments[0]

    def all(self, name: str) -> list[Segment]:
        """Return the segments of that name, in order."""
        return [segment for segment in self.segments if segment.name == name]

    def component(self, segment: Segment, position: int, component: int = 1) -> str:
        """Return an unescaped component of a field's first repetition; empty when absent."""
        value = first(segment.raw(position), self.delimiters.repetition)
        parts = split(value, self.delimiters.component)
        return unescape(parts[component - 1], self.delimiters).strip() if component <= len(parts) else ""

    @property
    def code(self) -> str:
        """The message type, MSH-9.1 (`ADT`)."""
        return self.component(self.header, 9, 1)

    @property
    def trigger_event(self) -> str:
        """The trigger event, MSH-9.2 (`A01`); EVN-1 where MSH-9 does not say."""
        event = self.component(self.header, 9, 2)
        if not event:
            event = next((self.component(evn, 1) for evn in self.all("EVN")), "")
        return event

    @property
    def type(self) -> str:
        """Message type and trigger event, as in `ORU^R01`; the type alone when there is no event."""
        return f"{self.code}^{self.trigger_event}" if self.trigger_event else self.code

    @property
    def control_id(self) -> str:
        """The message control id, MSH-10."""
        return self.component(self.header, 10)

    @property
    def version(self) -> str:
        """The HL7 version, MSH-12.1."""
        return self.component(self.header, 12)


def parse(message: str) -> Message:
    r"""Read an ER7 text, whatever its line ends, in an MLLP frame or not.

    Raises `Unreadable` (no MSH, impossible delimiters, more than one message) and `TooLarge`
    (`limits.HL7_SEGMENTS`).

    >>> message = parse("MSH|^~\\&|A|B|C|D|20260423||ADT^A01|1|P|2.5\rPID|1||7^^^MRN\r")
    >>> message.type, message.control_id, [s.name for s in message.segments]
    ('ADT^A01', '1', ['MSH', 'PID'])
    """
    body, notes = unwrap(message)
    if not body.startswith("MSH"):
        what = "is empty" if not body else f"begins with {body[:12]!r}"
        raise Unreadable(f"Not an HL7 v2 message: it must begin with an MSH segment, but it {what}.")
    if "\n" in body:
        notes.append("Segments ended with line feeds; taken as carriage returns.")
        body = body.replace("\r\n", "\r").replace("\n", "\r")
    lines = body.split("\r")
    if len(lines) > limits.HL7_SEGMENTS:
        raise TooLarge(f"The message has more than {limits.HL7_SEGMENTS} segments.")
    delimiters = read_delimiters(lines[0])
    if (invented := _INVENTED.fullmatch("|".join(lines[0].split(delimiters.field)[2:4]))) is not None:
        raise Unreadable(
            f"MSH-3 is {invented[1]!r} and MSH-4 holds encoding characters: a {invented[1]} segment with MSH written "
            "before it, as mllp_send --loose sends a batch. Send the batch as it is, or its messages in frames.",
            location="MSH^1^3",
        )
    is_switching = iso2022.is_switching(body, delimiters)
    reading = iso2022.read(body, delimiters) if is_switching else None
    segments = []
    strays = []
    for number, (line, text) in enumerate(zip(lines, reading.text.split("\r") if reading else lines, strict=True), 1):
        name = text[:3]
        if SEGMENT_NAME.fullmatch(name) and text[3:4] in ("", delimiters.field):
            segments.append(Segment(name, line, tuple(text.split(delimiters.field))))
        elif line.strip():
            strays.append((number, line))
    if len(segments) + len(strays) < len(lines):
        notes.append("Blank lines between segments were overlooked.")
    if any(segment.name == "MSH" for segment in segments[1:]):
        raise Unreadable("The text holds more than one MSH segment; send one message at a time.")
    if reading is not None:
        names = split(segments[0].raw(18), delimiters.repetition)
        notes.extend(undeclared(reading.names, [name.strip() for name in names]))
    return Message(delimiters, tuple(segments), tuple(strays), tuple(notes), reading.unread if reading else ())


def unwrap(text: str) -> tuple[str, list[str]]:
    """Return a text without what transport put around it, and notes on that."""
    notes = []
    body = text.lstrip(BYTE_ORDER_MARK + START_BLOCK + _BLANK)
    before = text[: len(text) - len(body)]
    unframed = body.rstrip(END_BLOCK + _BLANK)
    after = body[len(unframed) :]
    if BYTE_ORDER_MARK in before:
        notes.append("A byte order mark before MSH was overlooked.")
    if START_BLOCK in before or END_BLOCK in after:
        notes.append("The bytes of an MLLP frame around the message were overlooked.")
        body = unframed
    if before.strip(BYTE_ORDER_MARK + START_BLOCK):
        notes.append("White space before MSH was overlooked.")
    return body.rstrip("\r\n"), notes


def read_delimiters(header: str) -> Delimiters:
    """Read the delimiters that a header segment defines: MSH, FHS or BHS. Raises `Unreadable`."""
    name, separator = header[:3], header[3:4]
    if not _is_delimiter(separator):
        raise Unreadable(
            f"{name}-1, the field separator, is {separator!r}; it must be a punctuation character.",
            location=f"{name}^1^1",
        )
    encoding = header[4:].partition(separator)[0]
    if not 1 <= len(encoding) <= 5 or not all(map(_is_delimiter, encoding)):
        raise Unreadable(
            f"{name}-2, the encoding characters, is {encoding!r}; it must be four or five punctuation characters "
            "such as ^~\\&.",
            location=f"{name}^1^2",
        )
    if len(set(encoding + separator)) <= len(encoding):
        raise Unreadable(f"{name}-2, {encoding!r}, uses a delimiter twice.", location=f"{name}^1^2")
    return Delimiters(separator, *(encoding[i : i + 1] for i in range(5)))


def _is_delimiter(char: str) -> bool:
    return len(char) == 1 and " " < char < "\x7f" and not char.isalnum()


def normalized(text: str) -> str:
    r"""Return a message as it travels: no frame, segments ended with carriage returns.

    >>> normalized("MSH|^~\\&|\nPID|1\n")
    'MSH|^~\\&|\rPID|1\r'
    """
    body, _ = unwrap(text)
    lines = body.replace("\r\n", "\r").replace("\n", "\r").split("\r")
    return "".join(line + "\r" for line in lines if line.strip())
