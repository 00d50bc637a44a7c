r"""Frames of the Minimal Lower Layer Protocol in a stream of bytes (HL7 v2.5 appendix C.4; MLLP release 1, 2).

A frame is a start block (0x0B), the message, and an end block (0x1C 0x0D). A stream may be cut anywhere, also between
the two bytes of an end block, and several frames may come at once. What real senders add is read past and noted: junk
between frames, an end block without its carriage return, a frame that was begun anew. Knows bytes only.
"""

from dataclasses import dataclass
from typing import Final

from sandbox import limits

START: Final = b"\x0b"
END: Final = b"\x1c\r"
_FS: Final = 0x1C
_BETWEEN: Final = b" \t\r\n\x00\x1c"
_BEGUN: Final = tuple(START + name for name in (b"MSH", b"FHS", b"BHS"))
HEAD_BYTES: Final = 4 * limits.KIB
"""What is kept of a frame that is too long: enough to answer it by its control id."""

NO_START: Final = "The message came without an MLLP start block (0x0B); taken as one after an idle second."
NO_END: Final = "The MLLP end block (0x1C 0x0D) was not complete; the frame was taken as ended."
BEGUN_ANEW: Final = "A frame before this one was begun and not ended; nothing of it was taken."


def frame(message: bytes) -> bytes:
    r"""Put a message into a frame; its last segment then ends with a carriage return.

    >>> frame(b"MSH|^~\\&")
    b'\x0bMSH|^~\\&\r\x1c\r'
    """
    return START + (message if message.endswith(b"\r") else message + b"\r") + END


@dataclass(frozen=True, slots=True)
class Framed:
    """What came in one frame: the message, or the head of one that is too long; `size` is that of all of it.

    `problem` says why it cannot be a message at all; `notes` what was overlooked.
    """

    content: bytes
    size: int
    notes: tuple[str, ...] = ()
    problem: str | None = None


class Frames:
    r"""Finds the frames of one connection.

    >>> frames = Frames()
    >>> frames.feed(b"\x0bMSH|1\x1c"), [found.content for found in frames.feed(b"\r\x0bMSH|2\x1c\r")]
    ([], [b'MSH|1', b'MSH|2'])
    """

    __slots__ = ("_buffer", "_dropped", "_is_inside", "_notes", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_inside = False
        self._searched = 0
        self._dropped = 0
        self._notes: list[str] = []

    @property
    def is_inside(self) -> bool:
        """Whether a frame was begun and has not ended."""
        return self._is_inside

    @property
    def is_open(self) -> bool:
        """Whether something came that is no frame yet: an idle second says what it is."""
        return self._is_inside or bool(self._buffer)

    def feed(self, data: bytes) -> list[Framed]:
        """Take what came and return the frames that have ended, in order."""
        self._buffer += data
        found = []
        while (one := self._next()) is not None:
            found.append(one)
        return found

    def idle(self) -> Framed | None:
        """Return what there is after an idle second: a message without a start block, or without a whole end block.

        None where a frame is still to be ended, or nothing came. What is neither is returned with its `problem`.
        """
        if self._is_inside:
            body = bytes(self._buffer).rstrip(b"\r\n")
            if not body.endswith(b"\x1c"):
                return None
            return self._take(len(body) - 1, len(self._buffer), NO_END)
        return self._loose()

    def unfinished(self, problem: str) -> Framed:
        """Give up a frame that was begun; return what came of it."""
        size = self._dropped + len(self._buffer)
        found = Framed(bytes(self._buffer[:HEAD_BYTES]), size, (), problem)
        self._reset()
        return found

    def _next(self) -> Framed | None:
        buffer = self._buffer
        if not self._is_inside:
            start = buffer.find(START)
            if start < 0:
                self._trim_loose()
                return None
            before = self._dropped + len(bytes(buffer[:start]).strip(_BETWEEN))
            if before:
                self._notes.append(f"{before} bytes before the MLLP start block were overlooked.")
            del buffer[: start + 1]
            self._is_inside, self._searched, self._dropped = True, 0, 0
        while True:
            end = buffer.find(_FS, self._searched)
            if end < 0 or end + 1 == len(buffer):
                self._searched = len(buffer) if end < 0 else end
                self._trim_frame()
                return None
            if buffer[end + 1] == END[1]:
                return self._take(end, end + 2)
            if buffer[end + 1] == START[0]:
                return self._take(end, end + 1, NO_END)
            self._searched = end + 1

    def _take(self, end: int, after: int, note: str | None = None) -> Framed:
        content = bytes(self._buffer[:end])
        size = self._dropped + end
        notes = [*self._notes, *([note] if note else [])]
        begun = max(content.rfind(mark) for mark in _BEGUN)
        if begun >= 0:
            notes.append(BEGUN_ANEW)
            content = content[begun + 1 :]
            size = len(content)
        elif self._dropped or size > limits.HL7_MESSAGE_BYTES:
            content = content[:HEAD_BYTES]
        del self._buffer[:after]
        self._is_inside, self._searched, self._dropped, self._notes = False, 0, 0, []
        return Framed(content, size, tuple(notes))

    def _loose(self) -> Framed | None:
        body = bytes(self._buffer).lstrip(b"\xef\xbb\xbf").strip(_BETWEEN)
        size = self._dropped + len(body)
        self._reset()
        if not size:
            return None
        if body.startswith((b"MSH", b"FHS", b"BHS")):
            return Framed(body + b"\r", size, (NO_START,))
        problem = "There is no MLLP start block: a message is sent as 0x0B, the message, 0x1C 0x0D."
        return Framed(body[:HEAD_BYTES], size, (), problem)

    def _trim_loose(self) -> None:
        """Keep no more than a message's worth of what is no frame."""
        if len(self._buffer) > limits.HL7_MESSAGE_BYTES:
            self._dropped += len(self._buffer) - HEAD_BYTES
            del self._buffer[HEAD_BYTES:]

    def _trim_frame(self) -> None:
        """Keep the head of a frame that is too long, and its last byte, which may be half an end block."""
        if len(self._buffer) > limits.HL7_MESSAGE_BYTES + 1:
            cut = self._searched - HEAD_BYTES
            if cut > 0:
                self._dropped += cut
                del self._buffer[HEAD_BYTES : self._searched]
                self._searched = HEAD_BYTES

    def _reset(self) -> None:
        self._buffer.clear()
        self._is_inside, self._searched, self._dropped, self._notes = False, 0, 0, []
