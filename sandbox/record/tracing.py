"""Spans of what happens, sent while it happens: a recorder that notes every committed event, and the end of task runs.

Noting is an append to a list; once in a while a thread makes spans of what is there and sends them. There is one thread
at a time and one batch on its way, so a collector that is slow or away costs nothing but spans: what the list has no
room for, and what is not taken, is lost, counted and said.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias

from sandbox.clock import Clock
from sandbox.limits import MIB
from sandbox.logs import get_logger
from sandbox.playground.events import METHODS, Event
from sandbox.playground.recording import Commit, Recorder
from sandbox.record.export.otlp import BATCH, SpanSender
from sandbox.record.export.source import RunSource
from sandbox.record.export.spans import Facts, Span, TaskTrace, nanoseconds, span_of_event, span_of_task
from sandbox.record.export.traceparent import HEADER, read_traceparent
from sandbox.record.reader import Reader
from sandbox.settings import Settings

QUEUE_SPANS: Final = 10_000
QUEUE_BYTES: Final = 64 * MIB
SEND_EVERY_S: Final = 1.0
SAY_EVERY_S: Final = 60.0
CLOSE_S: Final = 3.0
TRY_S: Final = 5.0
_ENDED_KEPT: Final = 10_000

log = get_logger()

Noted: TypeAlias = tuple[TaskTrace, Event, datetime]


def open_tracing(settings: Settings, inner: Recorder, reader: Reader, clock: Clock) -> "Tracing | None":
    """Begin to send spans, where there is an endpoint. Raises `SettingError` where the extra is not installed."""
    if settings.otel_endpoint is None:
        return None
    sender = SpanSender(settings.otel_endpoint, dict(settings.otel_headers), timeout_s=TRY_S)
    return Tracing(inner, sender, reader, clock, has_bodies=settings.otel_has_bodies)


class Tracing:
    """The spans of one server. `lost` counts those that nobody will see."""

    def __init__(self, inner: Recorder, sender: SpanSender, reader: Reader, clock: Clock, *, has_bodies: bool) -> None:
        self._inner = inner
        self._sender = sender
        self._source = RunSource(reader)
        self._clock = clock
        self._has_bodies = has_bodies
        self._loop = asyncio.get_running_loop()
        self._noted: list[Noted] = []
        self._whole: list[Span] = []
        self._bytes = 0
        self._traces: dict[str, TaskTrace] = {}
        self._ended: dict[str, None] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._said_at: float | None = None
        self._lost_before = 0
        self.sent = 0
        self.lost = 0

    # -- what happens -----------------------------------------------------------------------------

    def note_start(self, playground_id: str, task_run_id: str, traceparent: str | None) -> None:
        """Note that a task run is being started by whoever the header names; what was noted first stays."""
        if playground_id not in self._traces:
            self._traces[playground_id] = TaskTrace(task_run_id, read_traceparent(traceparent))

    def submit(self, event: Event, undo: Callable[[], None]) -> Commit:
        """Hand an event to the recorder; it is noted once it is on disk. Views are none of the task run's."""
        committed = self._inner.submit(event, undo)
        if not event.is_view and event.task_run_id is not None:
            committed.then(partial(self._stored, event, self._clock.now()))
        return committed

    def _stored(self, event: Event, ended_at: datetime, commit: Commit) -> None:
        if commit.error is not None:
            return
        trace = self._traces.get(event.playground_id)
        if trace is None:
            assert event.task_run_id is not None
            trace = self._traces[event.playground_id] = TaskTrace(event.task_run_id)
        request = event.request
        if not trace.is_decided and request is not None and request.method in METHODS:
            trace.decide(read_traceparent(request.headers.get(HEADER)))
        size = _size(event)
        if len(self._noted) >= QUEUE_SPANS or self._bytes + size > QUEUE_BYTES:
            self._lose(1)
            return
        self._noted.append((trace, event, ended_at))
        self._bytes += size
        self._send_soon()

    def note_end(self, playground_id: str) -> None:
        """Note that a task run may be over: its span is made of what is recorded of it, once."""
        if playground_id in self._ended:
            return
        self._ended[playground_id] = None
        if len(self._ended) > _ENDED_KEPT:
            del self._ended[next(iter(self._ended))]
        task = self._loop.create_task(self._end(playground_id))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, playground_id: str) -> None:
        trace = self._traces.pop(playground_id, None)
        try:
            record = await self._source.run_of_playground(playground_id)
        except Exception as error:  # the record is being closed, or cannot be read; it says so itself
            log.warning("a task run's span is lost", playground_id=playground_id, reason=str(error)[:200])
            self._lose(1)
            return
        for task in record.tasks if record is not None else ():
            if task.task_run["playground_id"] == playground_id and record is not None:
                span = span_of_task(record, task, trace or TaskTrace(task.task_run["id"]))
                if span is not None:
                    self._whole.append(span)
        self._send_soon()

    # -- sending ----------------------------------------------------------------------------------

    def _send_soon(self) -> None:
        if self._timer is None and self._idle.is_set():
            self._timer = self._loop.call_later(SEND_EVERY_S, self._send)

    def _send(self) -> None:
        """Give a batch to a thread. What waits for its first call, whose trace it is of, waits on."""
        self._timer = None
        ready: list[Noted] = []
        rest: list[Noted] = []
        for noted in self._noted:
            (ready if noted[0].is_decided and len(ready) < BATCH else rest).append(noted)
        whole, self._whole = self._whole[:BATCH], self._whole[BATCH:]
        if not ready and not whole:
            return
        self._noted = rest
        self._bytes = sum(_size(event) for _, event, _ in rest)
        self._idle.clear()
        threading.Thread(target=self._work, args=(ready, whole), name="sandbox-spans", daemon=True).start()

    def _work(self, ready: Sequence[Noted], whole: Sequence[Span]) -> None:
        """Make spans and send them, on the thread."""
        count = len(ready) + len(whole)
        try:
            spans = [
                span_of_event(trace, Facts.of_event(event, has_bodies=self._has_bodies), nanoseconds(ended_at))
                for trace, event, ended_at in ready
            ]
            is_sent = self._sender.send([*spans, *whole])
        except Exception:
            log.exception("spans could not be made")
            is_sent = False
        with suppress(RuntimeError):  # the server is gone
            self._loop.call_soon_threadsafe(self._sent, count, is_sent)

    def _sent(self, count: int, is_sent: bool) -> None:
        self._idle.set()
        if is_sent:
            self.sent += count
        else:
            self._lose(count)
        if len(self._noted) >= BATCH or len(self._whole) >= BATCH:
            self._send()
        elif self._noted or self._whole:
            self._send_soon()

    def _lose(self, count: int) -> None:
        self.lost += count
        now = self._loop.time()
        if self._said_at is None or now - self._said_at >= SAY_EVERY_S:
            self._say(now)

    def _say(self, now: float) -> None:
        self._said_at = now
        log.warning(
            "spans are lost", count=self.lost - self._lost_before, in_all=self.lost, endpoint=self._sender.endpoint
        )
        self._lost_before = self.lost

    async def close(self) -> None:
        """Send what is there, for up to `CLOSE_S`; what is left then is lost."""
        if self._timer is not None:
            self._timer.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(*self._ending)
                for trace in self._traces.values():
                    trace.decide(None)
                await self._idle.wait()
                while self._noted or self._whole:
                    self._send()
                    await self._idle.wait()
        left = len(self._noted) + len(self._whole)
        self._noted, self._whole = [], []
        if left:
            self.lost += left
        if self.lost > self._lost_before:
            self._say(self._loop.time())
        self._sender.close()


def _size(event: Event) -> int:
    size = len(event.request.body) if event.request is not None else 0
    return size + (len(event.response.body) if event.response is not None else 0)
