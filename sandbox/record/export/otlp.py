"""Sending spans over OTLP/HTTP, with OpenTelemetry's own exporter (the extra `otel`), and a recorded run as spans."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from sandbox import __version__
from sandbox.record.export.source import RunRecord, RunSource, TaskRecord
from sandbox.record.export.spans import Facts, Noted, Placing, Span, TaskTrace, span_of_event, span_of_task
from sandbox.record.export.traceparent import SpanId
from sandbox.settings import SettingError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

PATH: Final = "/v1/traces"
BATCH: Final = 256
SEND_S: Final = 10.0
_PACKAGES: Final = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter")


def check_installed() -> None:
    """Raise `SettingError` where the extra is not installed; nothing of it is imported."""
    try:
        is_there = all(find_spec(name) is not None for name in _PACKAGES)
    except (ImportError, ValueError):  # not even what they are below
        is_there = False
    if not is_there:
        raise SettingError(
            'Spans need the extra "otel": pip install "playground-sandbox[otel]". '
            "Without it, leave SANDBOX_OTEL_ENDPOINT unset."
        )


class SpanSender:
    """Sends spans to one collector, `endpoint` being its base URL.

    Making one raises `SettingError` where the extra is not installed.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str], *, timeout_s: float = SEND_S) -> None:
        check_installed()
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace.export import SpanExportResult
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        # It says of each batch what is said and counted here.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self.endpoint = endpoint
        self._exporter = OTLPSpanExporter(endpoint + PATH, headers=dict(headers), timeout=timeout_s)
        self._resource = Resource({"service.name": "sandbox", "service.version": __version__})
        self._scope = InstrumentationScope("sandbox", __version__)
        self._success = SpanExportResult.SUCCESS

    def send(self, spans: Sequence[Span]) -> bool:
        """Send a batch and return whether it was taken; may take `timeout_s`, so that it is for a thread."""
        return self._exporter.export([self._readable(span) for span in spans]) is self._success

    def close(self) -> None:
        """Give up what is being tried again, and send nothing more."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # it has no annotations

    def _readable(self, span: Span) -> "ReadableSpan":
        from opentelemetry.sdk.trace import Event, ReadableSpan
        from opentelemetry.trace import Link
        from opentelemetry.trace.status import Status, StatusCode

        return ReadableSpan(
            span.name,
            context=_context(span.id),
            parent=_context(span.parent, is_remote=True) if span.parent is not None else None,
            resource=self._resource,
            attributes=span.attributes,
            events=[Event(note.name, note.attributes, note.at_ns) for note in span.notes],
            links=[Link(_context(link)) for link in span.links],
            status=Status(StatusCode.ERROR if span.error is not None else StatusCode.UNSET, span.error),
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=self._scope,
        )


def _context(of: SpanId, *, is_remote: bool = False) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(of.trace, of.span, is_remote, TraceFlags(TraceFlags.SAMPLED))


async def spans_of_run(source: RunSource, record: RunRecord, *, has_bodies: bool) -> AsyncIterator[Span]:
    """Yield the spans of a recorded run, each task run's own last."""
    for task in record.tasks:
        told = (
            (Facts.of_event(r.event, has_bodies=has_bodies), r.server_at, r.event.is_view)
            async for r in source.events(task)
        )
        async for span in spans_of_task(
            record, task, ((facts, at) async for facts, at, is_view in told if not is_view)
        ):
            yield span


async def spans_of_task(
    record: RunRecord, task: TaskRecord, told: AsyncIterator[tuple[Facts, datetime | None]]
) -> AsyncIterator[Span]:
    """Yield the spans of a recorded task run, given what is told of its events and when each began."""
    trace, placing = TaskTrace(task.task_run["id"]), Placing(task)
    waiting: list[tuple[Facts, int]] = []  # for the first call, whose trace they are of
    async for facts, server_at in told:
        if facts.is_call:
            trace.decide(facts.caller)
        waiting.append((facts, placing.end_of(facts, server_at)))
        if trace.is_decided:
            for seen, end_ns in waiting:
                yield span_of_event(Noted(trace.task_run_id, trace.root, seen, end_ns))
            waiting.clear()
    trace.decide(None)
    for seen, end_ns in waiting:
        yield span_of_event(Noted(trace.task_run_id, trace.root, seen, end_ns))
    whole = span_of_task(record, task, trace, placing.end_ns)
    if whole is not None:
        yield whole
