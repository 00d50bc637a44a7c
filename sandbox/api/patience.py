"""How long a client may take: for the head of a request, for its body, and to read an answer.

Whoever sends half a head, a byte now and then, or reads nothing of what it asked for holds a connection, a descriptor
and memory. A head has `HEAD_TIMEOUT_S` from its first byte, however it trickles. A body or an answer may be large, so
it has no time in all, but it has to move: one that stands still for `STALL_S`, or moves less than `STALL_BYTES` in
each of `STALLS` such spans, is given up, a body with 408, an answer by closing. While this server itself holds a
client up the time does not run.
"""

import asyncio
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.streams import StreamReader

from sandbox import ids, limits
from sandbox.api.malformed import RefusingHandler
from sandbox.api.wire import write_whole
from sandbox.errors import RequestTimeout
from sandbox.simulators.base import render_json_error

_HEAD_IS_LATE: Final = f"The head of the request did not come to its end within {limits.HEAD_TIMEOUT_S} s."


class Stalled(web.RequestPayloadError):
    """A body that stopped coming."""


class _Pace:
    """Whether something moves: looked at once in `STALL_S`."""

    __slots__ = ("_slow",)

    def __init__(self) -> None:
        self._slow = 0

    def is_given_up(self, moved: int) -> bool:
        """Say so of what moved by so many bytes since the last look."""
        self._slow = 0 if moved >= limits.STALL_BYTES else self._slow + 1
        return moved <= 0 or self._slow >= limits.STALLS


class PatientHandler(RefusingHandler):
    """One connection, with the times that its client has."""

    __slots__ = ("_arrived", "_body", "_body_timer", "_head_timer", "_is_in_head", "_line", "_read_timer")

    def __init__(self, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._line: asyncio.Transport | None = None  # aiohttp forgets its own when it begins to close
        self._body: StreamReader | None = None
        self._arrived = 0
        self._is_in_head = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._body_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._line = cast(asyncio.Transport, transport)
        self._await_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop waiting."""
        for timer in (self._head_timer, self._body_timer, self._read_timer):
            if timer is not None:
                timer.cancel()
        self._line = self._body = self._head_timer = self._body_timer = self._read_timer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Note what came: the end of a head, a part of a body, or the beginning of the next head."""
        count = self._request_count
        super().data_received(data)
        if self._request_count != count:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
            self._is_in_head = False
            payload = self._messages[-1][1] if self._messages else None
            self._body = payload if isinstance(payload, StreamReader) and not payload.is_eof() else None
            if self._body is not None:
                self._arrived = 0
                self._await_body(_Pace())
        elif self._body is not None:
            self._arrived += len(data)
            if self._body.is_eof():
                self._body = None
        elif data:
            self._is_in_head = True
            if self._head_timer is None:
                self._await_head()

    # -- heads -----------------------------------------------------------------------------------

    def _await_head(self) -> None:
        self._head_timer = self._loop.call_later(limits.HEAD_TIMEOUT_S, self._look_at_head)

    def _look_at_head(self) -> None:
        self._head_timer = None
        line = self._line
        if line is None or line.is_closing():
            return
        if self._waiter is None or self._waiter.done():  # it is this server that is busy
            self._await_head()
            return
        if self._is_in_head:
            request_id = ids.new_request_id()
            answer = render_json_error(RequestTimeout(_HEAD_IS_LATE), request_id)
            fields = {"Content-Type": "application/json", "X-Request-Id": request_id, "Connection": "close"}
            write_whole(line, RequestTimeout.status, "Request Timeout", fields.items(), answer.body)
        self.force_close()

    # -- bodies ----------------------------------------------------------------------------------

    def _await_body(self, pace: _Pace) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
        self._body_timer = self._loop.call_later(limits.STALL_S, self._look_at_body, pace)

    def _look_at_body(self, pace: _Pace) -> None:
        self._body_timer = None
        body, arrived = self._body, self._arrived
        self._arrived = 0
        if body is None or body.is_eof():
            return
        if self._reading_paused or self._buffer_paused or not pace.is_given_up(arrived):
            self._await_body(pace)
            return
        self._body = None
        body.set_exception(Stalled(f"The body stopped coming: less than it takes in {limits.STALL_S} s."))

    # -- answers ---------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """Begin to look whether the client reads."""
        super().pause_writing()
        if self._line is not None:
            self._await_reading(_Pace(), self._line.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The client reads."""
        super().resume_writing()
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _await_reading(self, pace: _Pace, left: int) -> None:
        self._read_timer = self._loop.call_later(limits.STALL_S, self._look_at_reading, pace, left)

    def _look_at_reading(self, pace: _Pace, before: int) -> None:
        self._read_timer = None
        line = self._line
        if line is None:
            return
        left = line.get_write_buffer_size()
        if pace.is_given_up(before - left):
            line.abort()
        else:
            self._await_reading(pace, left)
