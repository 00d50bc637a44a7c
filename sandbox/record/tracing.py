"""Spans of what happens, sent while it happens: a recorder that notes every committed event, and the end of task runs.

Noting is an append to a list; once in a while a batch of it goes to another process, which makes spans and sends them
(`export/sending.py`). One batch is on its way at a time, so a collector that is slow or away costs nothing but spans:
what the list has no room for, and what is not taken, is lost, counted and said.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final

from sandbox.clock import Clock
from sandbox.limits import MIB
from sandbox.logs import get_logger
from sandbox.playground.events import METHODS, Event
from sandbox.playground.recording import Commit, Prepared, Recorder
from sandbox.record.export.otlp import BATCH, check_installed
from sandbox.record.export.sending import TAKEN, Collector, frame
from sandbox.record.export.source import RunSource
from sandbox.record.export.spans import Facts, Noted, Span, TaskTrace, nanoseconds, span_of_task
from sandbox.record.export.traceparent import HEADER, read_traceparent
from sandbox.record.reader import Reader
from sandbox.settings import Settings

QUEUE_SPANS: Final = 10_000
QUEUE_CHARS: Final = 64 * MIB
SEND_EVERY_S: Final = 1.0
SAY_EVERY_S: Final = 60.0
CLOSE_S: Final = 3.0
TRY_S: Final = 5.0
_END_S: Final = 1.0
_ENDED_KEPT: Final = 10_000

log = get_logger()


async def open_tracing(settings: Settings, inner: Recorder, reader: Reader, clock: Clock) -> "Tracing | None":
    """Begin to send spans, where there is an endpoint. Raises `SettingError` where the extra is not installed."""
    if settings.otel_endpoint is None:
        return None
    check_installed()
    collector = Collector(settings.otel_endpoint, dict(settings.otel_headers), TRY_S)
    tracing = Tracing(inner, collector, reader, clock, has_bodies=settings.otel_has_bodies)
    await tracing.begin()
    return tracing


class Tracing:
    """The spans of one server. `lost` counts those that nobody will see."""

    def __init__(
        self, inner: Recorder, collector: Collector, reader: Reader, clock: Clock, *, has_bodies: bool
    ) -> None:
        self._inner = inner
        self._collector = collector
        self._source = RunSource(reader)
        self._clock = clock
        self._has_bodies = has_bodies
        self._loop = asyncio.get_running_loop()
        self._noted: list[tuple[TaskTrace, Facts, int]] = []
        self._whole: list[Span] = []
        self._chars = 0
        self._traces: dict[str, TaskTrace] = {}
        self._ended: dict[str, None] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._said_at: float | None = None
        self._lost_before = 0
        self.sent = 0
        self.lost = 0

    # -- what happens -----------------------------------------------------------------------------

    def note_start(self, playground_id: str, task_run_id: str, traceparent: str | None) -> None:
        """Note that a task run is being started by whoever the header names; what was noted first stays."""
        if playground_id not in self._traces:
            self._traces[playground_id] = TaskTrace(task_run_id, read_traceparent(traceparent))

    async def prepare(self, event: Event) -> Prepared:
        """Have the recorder store ahead what is large of an event."""
        return await self._inner.prepare(event)

    def submit(self, event: Event, undo: Callable[[], None], prepared: Prepared = None) -> Commit:
        """Hand an event to the recorder; it is noted once it is on disk. Views are none of the task run's."""
        committed = self._inner.submit(event, undo, prepared)
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
        if len(self._noted) >= QUEUE_SPANS or self._chars >= QUEUE_CHARS:
            self._lose(1)
            return
        facts = Facts.of_event(event, has_bodies=self._has_bodies)
        self._noted.append((trace, facts, nanoseconds(ended_at)))
        self._chars += len(facts.sent or "") + len(facts.answered or "")
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
        if trace is not None:
            trace.decide(None)
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
        if self._timer is None and self._sending is None:
            self._timer = self._loop.call_later(SEND_EVERY_S, self._send)

    def _send(self) -> None:
        """Begin to send a batch. What waits for its first call, whose trace it is of, waits on."""
        self._timer = None
        ready: list[Noted] = []
        rest: list[tuple[TaskTrace, Facts, int]] = []
        for number, noted in enumerate(self._noted):
            trace, facts, end_ns = noted
            if not trace.is_decided:
                rest.append(noted)
            else:
                ready.append(Noted(trace.task_run_id, trace.root, facts, end_ns))
                self._chars -= len(facts.sent or "") + len(facts.answered or "")
                if len(ready) == BATCH:
                    rest += self._noted[number + 1 :]
                    break
        whole, self._whole = self._whole[:BATCH], self._whole[BATCH:]
        self._noted = rest
        if ready or whole:
            self._sending = self._loop.create_task(self._hand_over(ready, whole), name="sandbox-spans")

    async def _hand_over(self, ready: Sequence[Noted], whole: Sequence[Span]) -> None:
        count, is_taken = len(ready) + len(whole), False
        try:
            process = self._process or await self.begin()
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(frame((ready, whole)))
            await process.stdin.drain()
            is_taken = await process.stdout.readexactly(1) == TAKEN
        except (OSError, asyncio.IncompleteReadError) as error:
            log.warning("the process that sends spans has ended; the next batch begins another", reason=str(error))
            await self._end_process()
        finally:
            if is_taken:
                self.sent += count
            else:
                self._lose(count)
            self._sending = None
        if len(self._noted) >= BATCH or len(self._whole) >= BATCH:
            self._send()
        elif self._noted or self._whole:
            self._send_soon()

    async def begin(self) -> asyncio.subprocess.Process:
        """Run the process, in a session of its own: what ends this one by Ctrl-C lets it send what is there."""
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "sandbox.record.export.sending")
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, start_new_session=True)
        assert process.stdin is not None
        process.stdin.write(frame(self._collector))
        self._process = process
        return process

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_END_S):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _lose(self, count: int) -> None:
        self.lost += count
        now = self._loop.time()
        if self._said_at is None or now - self._said_at >= SAY_EVERY_S:
            self._say(now)

    def _say(self, now: float) -> None:
        self._said_at = now
        log.warning(
            "spans are lost", count=self.lost - self._lost_before, in_all=self.lost, endpoint=self._collector.endpoint
        )
        self._lost_before = self.lost

    async def close(self) -> None:
        """Send what is there, for up to `CLOSE_S`; what is left then is lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(*self._ending)
                for trace in self._traces.values():
                    trace.decide(None)
                while self._sending is not None or self._noted or self._whole:
                    if self._sending is None:
                        self._send()
                    if self._sending is None:
                        break
                    await asyncio.wait([self._sending])
        if self._timer is not None:
            self._timer.cancel()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])
        self.lost += len(self._noted) + len(self._whole)
        if self.lost > self._lost_before:
            self._say(self._loop.time())
        await self._end_process()
