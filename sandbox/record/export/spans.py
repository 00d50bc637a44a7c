"""Task runs and calls as spans: names, attributes, parents. Nothing here is sent, or knows how.

A call is an `execute_tool` span and a criterion's result a `gen_ai.evaluation.result` event of OpenTelemetry's semantic
conventions for generative AI (https://opentelemetry.io/docs/specs/semconv/gen-ai/); what those have no name for is
below `sandbox.`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeAlias

from sandbox import jsonio
from sandbox.clock import format_instant, parse_instant
from sandbox.playground.events import METHODS, Event
from sandbox.record.export.source import RunRecord, TaskRecord
from sandbox.record.export.traceparent import HEADER, SpanId, read_traceparent, span_id_of, trace_id_of

Attributes: TypeAlias = dict[str, str | int | float | bool]

BODY_CHARS: Final = 16_384
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Facts(NamedTuple):
    """What a span needs of an event; made for every event while spans are sent.

    The bodies are None where they are not to be sent, and no longer than what is.
    """

    id: str
    seq: int
    type: str
    at: str
    duration_ms: float
    actor: str | None
    via: str | None
    method: str | None
    path: str | None
    query: str | None
    status: int | None
    changes: int
    sandbox_id: str | None
    caller: SpanId | None
    sent: str | None = None
    answered: str | None = None

    @property
    def is_call(self) -> bool:
        """Whether somebody called: what a playground does by itself is none."""
        return self.method in METHODS

    @classmethod
    def of_event(cls, event: Event, *, has_bodies: bool) -> "Facts":
        """Read an event."""
        request, response = event.request, event.response
        return cls(
            event.id,
            event.seq,
            event.type,
            format_instant(event.at),
            event.duration_ms,
            event.actor,
            request.via if request is not None else None,
            request.method if request is not None else None,
            request.path if request is not None else None,
            request.raw_query or None if request is not None else None,
            response.status if response is not None else None,
            len(event.changes),
            event.sandbox_id,
            read_traceparent(request.headers.get(HEADER)) if request is not None else None,
            _text(_recorded(request)) if has_bodies and request is not None else None,
            _text(_recorded(response)) if has_bodies and response is not None else None,
        )

    @classmethod
    def of_line(cls, line: Mapping[str, Any], *, has_bodies: bool) -> "Facts":
        """Read an event as the API and JSON Lines show it."""
        request, response = line["request"] or {}, line["response"] or {}
        return cls(
            line["id"],
            line["seq"],
            line["type"],
            line["at"],
            line["duration_ms"],
            line["actor"],
            line["via"],
            request.get("method"),
            request.get("path"),
            request.get("query"),
            response.get("status"),
            len(line["changes"]),
            line["sandbox_id"],
            read_traceparent((request.get("headers") or {}).get(HEADER)),
            _shown(request.get("body")) if has_bodies else None,
            _shown(response.get("body")) if has_bodies else None,
        )


@dataclass(frozen=True, slots=True)
class Note:
    """An event on a span."""

    name: str
    at_ns: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Span:
    """One span; times in nanoseconds since 1970."""

    id: SpanId
    parent: SpanId | None
    name: str
    start_ns: int
    end_ns: int
    attributes: Attributes
    notes: Sequence[Note] = ()
    links: Sequence[SpanId] = ()
    error: str | None = None


@dataclass(slots=True)
class TaskTrace:
    """The trace of a task run: of the span that started it, else of its first caller, else of its own."""

    task_run_id: str
    starter: SpanId | None = None
    _trace: int | None = field(default=None, init=False)

    @property
    def is_decided(self) -> bool:
        """Whether the trace is known, so that spans can be made."""
        return self._trace is not None or self.starter is not None

    def decide(self, caller: SpanId | None) -> None:
        """Take the trace of the first call, or the task run's own where it names none; later ones change nothing."""
        if not self.is_decided:
            self._trace = caller.trace if caller is not None else trace_id_of(self.task_run_id)

    @property
    def root(self) -> SpanId:
        """The span of the task run itself."""
        trace = self.starter.trace if self.starter is not None else self._trace
        assert trace is not None
        return SpanId(trace, span_id_of(self.task_run_id))


class Noted(NamedTuple):
    """An event of a task run, the span of that, and when the event ended."""

    task_run_id: str
    root: SpanId
    facts: Facts
    end_ns: int


def span_of_event(noted: Noted) -> Span:
    """Return the span of an event: below its caller's, where it names one, else below the task run's."""
    facts, root = noted.facts, noted.root
    start_ns, end_ns = noted.end_ns - round(facts.duration_ms * 1e6), noted.end_ns
    caller = facts.caller
    attributes: Attributes = {
        "sandbox.task_run.id": noted.task_run_id,
        "sandbox.event.type": facts.type,
        "sandbox.event.seq": facts.seq,
        "sandbox.event.at": facts.at,
        "sandbox.event.changes": facts.changes,
    }
    more = {"sandbox.id": facts.sandbox_id, "sandbox.actor": facts.actor, "sandbox.via": facts.via}
    attributes |= {name: value for name, value in more.items() if value is not None}
    error = None
    if facts.is_call:
        name = f"execute_tool {facts.type}"
        error = str(facts.status) if facts.status is not None and facts.status >= 400 else None
        attributes |= _call_attributes(facts, error)
    else:
        name = f"scenario {facts.path or facts.type}"
    return Span(
        SpanId((caller or root).trace, span_id_of(facts.id)),
        caller or root,
        name,
        start_ns,
        end_ns,
        attributes,
        links=() if caller is None else (root,),
        error=error,
    )


def _call_attributes(facts: Facts, error: str | None) -> Attributes:
    attributes: Attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": facts.type,
        "gen_ai.tool.type": "extension",
        "gen_ai.tool.call.id": facts.id,
        "http.request.method": facts.method or "",
        "url.path": facts.path or "",
        "sandbox.surface": (facts.path or "").partition("/")[0],
    }
    if facts.query:
        attributes["url.query"] = facts.query
    if facts.status is not None:
        attributes["http.response.status_code"] = facts.status
    if error is not None:
        attributes["error.type"] = error
    for name, body in (("gen_ai.tool.call.arguments", facts.sent), ("gen_ai.tool.call.result", facts.answered)):
        if body:
            attributes[name] = body[:BODY_CHARS]
            if len(body) > BODY_CHARS:
                attributes["sandbox.bodies_cut"] = True
    return attributes


def span_of_task(record: RunRecord, task: TaskRecord, trace: TaskTrace, end_ns: int | None = None) -> Span | None:
    """Return the span of a task run with its verdict and scores; None where it never started.

    One that goes on ends at `end_ns`, as far as it is known.
    """
    run, task_run = record.run, task.task_run
    if task_run["started_at"] is None:
        return None
    trace.decide(None)
    start_ns = nanoseconds(parse_instant(task_run["started_at"]))
    if task_run["completed_at"] is not None:
        end_ns = nanoseconds(parse_instant(task_run["completed_at"]))
    attributes: Attributes = {
        "sandbox.benchmark": record.benchmark,
        "sandbox.benchmark_run.id": run["id"],
        "sandbox.task.key": task.key,
        "sandbox.task_run.id": task_run["id"],
        "sandbox.task_run.status": task_run["status"],
        "sandbox.scored": run["scored"],
    }
    more = {
        "gen_ai.agent.name": run["agent"],
        "sandbox.verdict": task_run["verdict"],
        "sandbox.score": task_run["score"],
    }
    attributes |= {name: value for name, value in more.items() if value is not None}
    attributes |= {f"sandbox.axis.{name}.score": axis["score"] for name, axis in (task_run["axes"] or {}).items()}
    return Span(
        trace.root,
        trace.starter,
        f"task_run {record.benchmark}/{task.key}",
        start_ns,
        max(start_ns, end_ns or start_ns),
        attributes,
        notes=[_evaluation(criterion) for criterion in task.criterion_runs],
        error=task_run["status"] if task_run["status"] in ("timed_out", "failed") else None,
    )


def _evaluation(criterion: Mapping[str, Any]) -> Note:
    attributes: Attributes = {
        "gen_ai.evaluation.name": criterion["label"],
        "gen_ai.evaluation.score.value": float(criterion["score"]),
        "gen_ai.evaluation.score.label": "pass" if criterion["passed"] else "fail",
        "sandbox.criterion.id": criterion["criterion_id"],
        "sandbox.criterion.weight": float(criterion["weight"]),
        "sandbox.criterion.required": criterion["required"],
    }
    more = {"gen_ai.evaluation.explanation": criterion["details"], "sandbox.criterion.axis": criterion["axis"]}
    attributes |= {name: value for name, value in more.items() if value}
    return Note("gen_ai.evaluation.result", nanoseconds(parse_instant(criterion["completed_at"])), attributes)


class Placing:
    """Where a recorded task run's events lie in the server's time.

    Where the playground's clock does not tell it, they follow one another from the task run's start.
    """

    def __init__(self, task: TaskRecord) -> None:
        begun = task.task_run["started_at"] or task.task_run["created_at"]
        self.end_ns = nanoseconds(parse_instant(begun))

    def end_of(self, facts: Facts, server_at: datetime | None) -> int:
        """Return when an event ended, in nanoseconds since 1970."""
        start_ns = self.end_ns if server_at is None else nanoseconds(server_at)
        end_ns = start_ns + round(facts.duration_ms * 1e6)
        self.end_ns = max(self.end_ns, end_ns)
        return end_ns


def nanoseconds(moment: datetime) -> int:
    """Return a point in time as nanoseconds since 1970.

    >>> nanoseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _recorded(part: Any) -> bytes:
    """Return the body as it is recorded: without the secrets, where there were some."""
    body: bytes = part.body if part.recorded_body is None else part.recorded_body
    return body


def _text(body: bytes) -> str:
    """Return the beginning of a body, one character more than is sent where it is longer.

    >>> len(_text(b"x" * 20_000)), _text("ä".encode() * 3), _text(bytes([0, 255]))
    (16385, 'äää', '2 bytes that are no text')
    """
    begin = body[: 4 * (BODY_CHARS + 1)]
    try:
        text = begin.decode()
    except UnicodeDecodeError as error:
        if len(begin) == len(body) or error.start < len(begin) - 3:  # more than a character that was cut
            return f"{len(body)} bytes that are no text"
        text = begin[: error.start].decode()
    return text[: BODY_CHARS + 1]


def _shown(body: Any) -> str:
    if body is None:
        return ""
    return (body if isinstance(body, str) else jsonio.dump(body).decode())[: BODY_CHARS + 1]
