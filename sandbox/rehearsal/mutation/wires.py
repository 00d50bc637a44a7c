"""MLLP of a task that is played again: messages go out over the sandbox's own port, and what is delivered is answered.

A recorded answer stands for the message that it was given to, by its control id. One whose answer is not in the script
is closed without any, so that the engine need not wait for it.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from sandbox.client.session import TaskSession
from sandbox.errors import Invalid
from sandbox.simulators.hl7.mllp.framing import Frames, frame

ARRIVES_S: Final = 3.0
ANSWERED_S: Final = 30.0
NOTED_S: Final = 3.0
_SURELY_S: Final = 0.3
_READ_BYTES: Final = 64 * 1024
_CONTROL_ID: Final = 9  # MSH-10, counted from the segment's name


@dataclass(slots=True)
class _Held:
    """A delivery that waits for its answer; `is_over` once the engine has ended the connection."""

    writer: asyncio.StreamWriter
    is_over: asyncio.Event = field(default_factory=asyncio.Event)


class Wires:
    """The MLLP of one task run: `async with` it. `answers` are the control ids of the answers that will be given."""

    def __init__(self, task: TaskSession, answers: Iterable[str]) -> None:
        self._task = task
        self._left = Counter(answers)
        self._held: dict[str, _Held] = {}
        self._came = asyncio.Condition()
        self._arrives_s = ARRIVES_S
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Begin; nothing is opened before it is asked for."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more, and leave what is unanswered so."""
        if self._server is not None:
            self._server.close()
        for held in self._held.values():
            held.writer.close()

    async def listen(self) -> tuple[str, int]:
        """Open the listener, once, and return where it is."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return "127.0.0.1", self._server.sockets[0].getsockname()[1]

    async def send(self, message: bytes) -> bytes:
        """Send a message to the sandbox's port and return its acknowledgment, empty where none came.

        Raises `Invalid` where the task's systems have no port.
        """
        held: Any = next((s["credentials"] for s in self._task.sandboxes if "mllp_port" in s["credentials"]), None)
        if held is None:
            raise Invalid(f"{self._task.key}: the systems of this task take no messages by MLLP.")
        reader, writer = await asyncio.open_connection(held["mllp_host"], held["mllp_port"])
        try:
            writer.write(frame(message))
            async with asyncio.timeout(ANSWERED_S):
                return await _read_frame(reader)
        except (TimeoutError, OSError):
            return b""
        finally:
            writer.close()

    async def answer(self, control_id: str, ack: bytes | None) -> None:
        """Answer the delivery of a message, once it is there; return when the engine has taken note.

        None closes the connection instead, and so does an answer that the engine takes no note of. Of a delivery that
        does not come nothing is said: what was changed before it kept it away, and the criteria see what is missing.
        """
        try:
            async with asyncio.timeout(self._arrives_s), self._came:
                await self._came.wait_for(lambda: control_id in self._held)
        except TimeoutError:
            self._arrives_s = _SURELY_S
            return
        held = self._held.pop(control_id)
        self._left[control_id] -= 1
        if ack is None:
            held.writer.close()
            return
        held.writer.write(frame(ack))
        with suppress(TimeoutError):
            async with asyncio.timeout(NOTED_S):
                await held.is_over.wait()
        held.writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held = _Held(writer)
        try:
            control_id = _control_id(await _read_frame(reader))
            if not self._left[control_id]:
                return
            async with self._came:
                self._held[control_id] = held
                self._came.notify_all()
            while await reader.read(_READ_BYTES):
                pass
        except OSError:
            pass
        finally:
            held.is_over.set()
            writer.close()


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    """Read to the end of the first frame; empty where the connection ends before."""
    frames = Frames()
    while data := await reader.read(_READ_BYTES):
        found = frames.feed(data)
        if found:
            return found[0].content
    return b""


def _control_id(message: bytes) -> str:
    r"""Return MSH-10 of a message.

    >>> _control_id(b"MSH|^~\\&|A|B|C|D|20260423||ADT^A08|C-1|P|2.5\rPID|1")
    'C-1'
    """
    fields = message.partition(b"\r")[0].split(message[3:4] or b"|")
    return fields[_CONTROL_ID].decode(errors="replace") if len(fields) > _CONTROL_ID else ""
