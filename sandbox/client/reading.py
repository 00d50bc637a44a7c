"""JSON of the API into the objects of `models.py`.

A field the API may leave out becomes None; a missing id or a date that is none is an
`InvalidAnswerError`, so that a wrong server shows at the first call and not three calls later.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from sandbox.client.errors import InvalidAnswerError
from sandbox.client.models import (
    Axis,
    Benchmark,
    BenchmarkRef,
    BenchmarkRun,
    CheckResult,
    CriterionRun,
    Event,
    JsonObject,
    Playground,
    Sandbox,
    Snapshot,
    Task,
    TaskCompletion,
    TaskRun,
)
from sandbox.clock import parse_instant

T = TypeVar("T")


def expect_object(value: object, what: str) -> JsonObject:
    """Return the value if it is a JSON object; raises `InvalidAnswerError`."""
    if isinstance(value, dict):
        return value
    raise InvalidAnswerError(f"The server's {what} is not a JSON object but {type(value).__name__}.")


def _id(raw: JsonObject, *names: str) -> str:
    for name in names:
        if isinstance(raw.get(name), str):
            return str(raw[name])
    raise InvalidAnswerError(f"The server's answer has no {' or '.join(map(repr, names))}: it has {sorted(raw)}.")


def _instant(raw: JsonObject, name: str) -> datetime | None:
    text = raw.get(name)
    if text is None:
        return None
    try:
        return parse_instant(text)
    except (TypeError, ValueError):
        raise InvalidAnswerError(f"The server's {name!r} is not a date and time: {text!r}.") from None


def _many(raw: JsonObject, name: str, read: Callable[[JsonObject], T]) -> tuple[T, ...]:
    return tuple(read(expect_object(item, name)) for item in raw.get(name) or ())


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def read_axes(raw: JsonObject) -> Mapping[str, Axis]:
    """Read `{"axes": {"correctness": {"score": 1.0, "weight": 2}}}`; absent is empty.

    >>> read_axes({"axes": {"safety": {"score": 0.5, "weight": 2}}})
    {'safety': Axis(score=0.5, weight=2)}
    """
    return {name: Axis(item["score"], item["weight"]) for name, item in (raw.get("axes") or {}).items()}


def read_check(raw: JsonObject) -> CheckResult:
    """Read one element of `checks`."""
    return CheckResult(
        criterion_run_id=_id(raw, "criterion_run_id"),
        criterion_id=_id(raw, "criterion_id"),
        label=str(raw.get("label") or raw["criterion_id"]),
        axis=raw.get("axis"),
        weight=raw.get("weight", 1),
        passed=bool(raw.get("passed")),
        score=raw.get("score") or 0.0,
        details=raw.get("details"),
        evidence=raw.get("evidence"),
        required=bool(raw.get("required")),
        raw=raw,
    )


def read_criterion_run(raw: JsonObject) -> CriterionRun:
    """Read a criterion run."""
    return CriterionRun(
        id=_id(raw, "id"),
        task_run_id=str(raw.get("task_run_id") or ""),
        criterion_id=str(raw.get("criterion_id") or ""),
        passed=bool(raw.get("passed")),
        score=raw.get("score") or 0.0,
        details=raw.get("details"),
        evidence=raw.get("evidence"),
        started_at=_instant(raw, "started_at"),
        completed_at=_instant(raw, "completed_at"),
        label=raw.get("label"),
        axis=raw.get("axis"),
        weight=raw.get("weight"),
        required=bool(raw.get("required")),
        raw=raw,
    )


def read_sandbox(raw: JsonObject) -> Sandbox:
    """Read a sandbox."""
    return Sandbox(
        id=_id(raw, "id"),
        simulator_id=raw.get("simulator_id"),
        type=raw.get("type"),
        name=raw.get("name"),
        task_run_id=raw.get("task_run_id"),
        playground_id=raw.get("playground_id"),
        status=raw.get("status"),
        credentials=raw.get("credentials") or {},
        raw=raw,
    )


def read_snapshot(raw: JsonObject) -> Snapshot:
    """Read a snapshot, from its making or from its playground."""
    return Snapshot(
        id=_id(raw, "id"),
        playground_id=raw.get("playground_id"),
        event=int(raw.get("event") or 0),
        state_hash=raw.get("state_hash"),
        created_at=_instant(raw, "created_at"),
        raw=raw,
    )


def read_playground(raw: JsonObject) -> Playground:
    """Read a playground, from a list or by itself."""
    forked_from = raw.get("forked_from") or {}
    return Playground(
        id=_id(raw, "id"),
        benchmark_run_id=raw.get("benchmark_run_id"),
        task_run_id=raw.get("task_run_id"),
        status=raw.get("status"),
        parent_id=forked_from.get("playground_id"),
        parent_event=forked_from.get("event"),
        expires_at=_instant(raw, "expires_at"),
        events=raw.get("events"),
        clock_now=_instant(raw.get("clock") or {}, "now"),
        state_hash=raw.get("state_hash"),
        snapshots=_many(raw, "snapshots", read_snapshot),
        sandboxes=_many(raw, "sandboxes", read_sandbox),
        raw=raw,
    )


def read_task_run(raw: JsonObject) -> TaskRun:
    """Read a task run, from a list or by itself."""
    snapshot = raw.get("snapshot")
    copied = snapshot if isinstance(snapshot, dict) else {}
    return TaskRun(
        id=_id(raw, "id", "task_run_id"),
        benchmark_run_id=raw.get("benchmark_run_id"),
        task_id=raw.get("task_id"),
        key=raw.get("key") or copied.get("key"),
        name=raw.get("name") or copied.get("name"),
        playground_id=raw.get("playground_id"),
        phase=raw.get("phase"),
        status=raw.get("status"),
        verdict=raw.get("verdict"),
        score=raw.get("score"),
        axes=read_axes(raw),
        snapshot=snapshot,
        criterion_runs=_many(raw, "criterion_runs", read_criterion_run),
        started_at=_instant(raw, "started_at"),
        completed_at=_instant(raw, "completed_at"),
        failed_required=tuple(raw.get("failed_required") or ()),
        raw=raw,
    )


def read_benchmark_run(raw: JsonObject) -> BenchmarkRun:
    """Read a benchmark run, from the public or from the organization's API."""
    named = raw.get("benchmark")
    reference = None
    if isinstance(named, dict):
        reference = BenchmarkRef(_id(named, "slug"), str(named.get("version")), named.get("name"))
    return BenchmarkRun(
        id=_id(raw, "benchmark_run_id", "id"),
        benchmark=reference,
        benchmark_id=raw.get("benchmark_id"),
        scored=bool(raw.get("scored")),
        phase=raw.get("phase"),
        status=raw.get("status"),
        verdict=raw.get("verdict"),
        score=raw.get("score"),
        agent=raw.get("agent"),
        endpoints=raw.get("endpoints") or {},
        sandboxes=_many(raw, "sandboxes", read_sandbox),
        task_runs=_many(raw, "task_runs", read_task_run),
        started_at=_instant(raw, "started_at"),
        completed_at=_instant(raw, "completed_at"),
        created_at=_instant(raw, "created_at"),
        bearer_token=raw.get("bearer_token"),
        bearer_token_expires_at=_instant(raw, "bearer_token_expires_at"),
        raw=raw,
    )


def read_completion(raw: JsonObject) -> TaskCompletion:
    """Read what `complete` answers."""
    return TaskCompletion(
        task_run_id=_id(raw, "task_run_id"),
        benchmark_run_id=raw.get("benchmark_run_id"),
        phase=raw.get("phase"),
        status=raw.get("status"),
        verdict=raw.get("verdict"),
        score=raw.get("score"),
        axes=read_axes(raw),
        checks=_many(raw, "checks", read_check),
        started_at=_instant(raw, "started_at"),
        completed_at=_instant(raw, "completed_at"),
        failed_required=tuple(raw.get("failed_required") or ()),
        raw=raw,
    )


def read_event(raw: JsonObject) -> Event:
    """Read a recorded event."""
    at = _instant(raw, "at")
    if at is None:
        raise InvalidAnswerError("The server's event has no 'at'.")
    return Event(
        id=_id(raw, "id"),
        seq=int(raw.get("seq") or 0),
        type=str(raw.get("type")),
        at=at,
        duration_ms=raw.get("duration_ms"),
        sandbox_id=raw.get("sandbox_id"),
        playground_id=raw.get("playground_id"),
        task_run_id=raw.get("task_run_id"),
        request=raw.get("request"),
        response=raw.get("response"),
        changes=tuple(raw.get("changes") or ()),
        actor=raw.get("actor"),
        via=raw.get("via"),
        is_view=bool(raw.get("view")),
        raw=raw,
    )


def read_benchmark(raw: JsonObject) -> Benchmark:
    """Read a benchmark."""
    return Benchmark(
        id=_id(raw, "id"),
        name=str(raw.get("name") or ""),
        description=raw.get("description"),
        slug=raw.get("slug"),
        version=_text(raw.get("version")),
        timeout=raw.get("timeout"),
        concurrency=raw.get("concurrency"),
        published=bool(raw.get("published")),
        visibility=raw.get("visibility"),
        created_at=_instant(raw, "created_at"),
        raw=raw,
    )


def read_task(raw: JsonObject) -> Task:
    """Read a task."""
    return Task(
        id=_id(raw, "id"),
        benchmark_id=raw.get("benchmark_id"),
        key=raw.get("key"),
        name=str(raw.get("name") or ""),
        timeout=raw.get("timeout"),
        tags=tuple(raw.get("tags") or ()),
        task_item=raw.get("task_item"),
        scenario=raw.get("scenario"),
        criteria=tuple(raw.get("criteria") or ()),
        raw=raw,
    )
