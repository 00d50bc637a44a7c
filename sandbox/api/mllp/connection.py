"""One MLLP connection: bytes to frames, frames to answers, one at a time and in order.

A connection holds nothing while it is silent: no task, no message. What is begun and not ended is ended by the clock:
an idle second decides about bytes outside of frames, and a frame has `limits.MLLP_FRAME_S` from its first byte.
"""

import asyncio
from collections import deque
from typing import Final, Protocol, cast

from sandbox import limits
from sandbox.simulators.hl7.mllp.framing import Framed, Frames
from sandbox.simulators.hl7.mllp.writes import Answer

IDLE_S: Final = 1.0
QUEUED_BYTES: Final = 2 * limits.HL7_MESSAGE_BYTES
QUEUED_FRAMES: Final = 64
_A_FRAME: Final = 64  # what a frame without content costs


class Desk(Protocol):
    """Who answers the frames of a port."""

    def admit(self, connection: "Connection") -> bool:
        """Take a new connection in; False where there are too many."""
        ...

    def leave(self, connection: "Connection") -> None:
        """Take note that a connection is over."""
        ...

    async def answer(self, framed: Framed) -> Answer:
        """Return what goes back for a frame, once what it did is on disk."""
        ...


class Connection(asyncio.Protocol):
    """Serves one sender."""

    __slots__ = (
        "_begun_at",
        "_desk",
        "_drained",
        "_frames",
        "_is_ending",
        "_last_at",
        "_loop",
        "_queue",
        "_queued",
        "_timer",
        "_timer_at",
        "_transport",
        "_work",
    )

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop) -> None:
        self._desk = desk
        self._loop = loop
        self._frames = Frames()
        self._queue: deque[Framed] = deque()
        self._queued = 0
        self._work: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._last_at = self._begun_at = 0.0
        self._drained: asyncio.Future[None] | None = None
        self._is_ending = False

    # -- what asyncio calls ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many."""
        self._transport = made = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class
        if not self._desk.admit(self):
            made.abort()
            return
        self._last_at = self._loop.time()
        self._wake_at(self._last_at + limits.MLLP_SILENT_S)

    def data_received(self, data: bytes) -> None:
        """Take bytes in, however they are cut."""
        was_inside = self._frames.is_inside
        self._last_at = self._loop.time()
        found = self._frames.feed(data)
        if self._frames.is_open:
            if found or not was_inside:
                self._begun_at = self._last_at
            self._wake_at(self._last_at + IDLE_S)
        if found:
            self._take(found)

    def eof_received(self) -> bool:
        """Answer what came before the sender's end; a frame without its end is nothing that was sent."""
        found = self._frames.idle()
        if found is not None:
            self._take([found])
        self._is_ending = True
        return self._work is not None

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go; what was taken already is done to its end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._queue.clear()
        self.resume_writing()
        self._transport = None
        self._desk.leave(self)

    def pause_writing(self) -> None:
        """Wait with answers: the sender does not read them."""
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """Go on."""
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    # -- the rest ----------------------------------------------------------------------------------

    def close(self) -> None:
        """End it now."""
        if self._transport is not None:
            self._transport.close()

    def _take(self, found: list[Framed]) -> None:
        if self._is_ending or self._transport is None:
            return
        self._queue.extend(found)
        self._queued += sum(len(framed.content) + _A_FRAME for framed in found)
        if self._queued > QUEUED_BYTES or len(self._queue) > QUEUED_FRAMES:
            self._transport.pause_reading()
        if self._work is None:
            self._work = self._loop.create_task(self._answer_all())

    async def _answer_all(self) -> None:
        try:
            while self._queue:
                framed = self._queue.popleft()
                self._queued -= len(framed.content) + _A_FRAME
                answer = await self._desk.answer(framed)
                await self._write(answer)
                if self._transport is None or answer.closes:
                    self._queue.clear()
                    self._is_ending = True
                elif not self._transport.is_reading() and not self._is_ending and not self._queue:
                    self._transport.resume_reading()
        finally:
            self._work = None
            self._last_at = self._loop.time()
            if self._is_ending:
                self.close()

    async def _write(self, answer: Answer) -> None:
        for write in answer.writes:
            if write.after_s:
                await asyncio.sleep(write.after_s)
            if self._drained is not None:
                try:
                    async with asyncio.timeout(limits.MLLP_FRAME_S):
                        await asyncio.shield(self._drained)
                except TimeoutError:
                    if self._transport is not None:
                        self._transport.abort()
            if self._transport is None or self._transport.is_closing():
                return
            self._transport.write(write.data)

    def _wake_at(self, moment: float) -> None:
        if self._timer is not None:
            if self._timer_at <= moment:
                return
            self._timer.cancel()
        self._timer_at = moment
        self._timer = self._loop.call_at(moment, self._look)

    def _look(self) -> None:
        """See what time has done to what is begun, or to a silent connection."""
        self._timer = None
        if self._transport is None:
            return
        now = self._loop.time()
        if self._frames.is_open:
            is_idle = now >= self._last_at + IDLE_S
            found = self._frames.idle() if is_idle else None
            if found is None and self._frames.is_inside and now >= self._begun_at + limits.MLLP_FRAME_S:
                found = self._frames.unfinished(
                    f"The frame was begun and not ended (0x1C 0x0D) within {limits.MLLP_FRAME_S} seconds."
                )
            if found is not None:
                self._take([found])
            elif self._frames.is_open:
                until = self._begun_at + limits.MLLP_FRAME_S if is_idle else self._last_at + IDLE_S
                self._wake_at(max(until, now))
                return
        elif self._work is None and now >= self._last_at + limits.MLLP_SILENT_S:
            self._transport.close()
            return
        self._wake_at(max(self._last_at + limits.MLLP_SILENT_S, now + IDLE_S))
