"""What the API answers, as frozen objects: the documented fields in snake_case.

Every object keeps the whole JSON it was read from in `raw`, so that a field added later can be
reached before the client knows it. Tokens and credentials are left out of `repr`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from sandbox.client.explaining import explain, summary

JsonObject: TypeAlias = Mapping[str, Any]
Place: TypeAlias = int | str
"""Where in a playground's time: an event's number, a snapshot's id, `start` or `now`."""


@dataclass(frozen=True, slots=True)
class BenchmarkRef:
    """Which published benchmark a run is of; `str()` gives `slug@version`."""

    slug: str
    version: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.slug}@{self.version}"


@dataclass(frozen=True, slots=True)
class Axis:
    """The score of one axis and the weight it stands on."""

    score: float
    weight: float


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One criterion's result as `complete` answers it; a scored run has no details, no evidence."""

    criterion_run_id: str
    criterion_id: str
    label: str
    axis: str | None
    weight: float
    passed: bool
    score: float
    details: str | None = None
    evidence: JsonObject | None = None
    required: bool = False
    raw: JsonObject = field(repr=False, compare=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class CriterionRun:
    """One criterion's result with its evidence, for the organization."""

    id: str
    task_run_id: str
    criterion_id: str
    passed: bool
    score: float
    details: str | None
    evidence: JsonObject | None
    started_at: datetime | None
    completed_at: datetime | None
    label: str | None = None
    axis: str | None = None
    weight: float | None = None
    required: bool = False
    raw: JsonObject = field(repr=False, compare=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One simulator of a playground, and how to connect to it."""

    id: str
    simulator_id: str | None
    type: str | None
    name: str | None
    task_run_id: str | None
    playground_id: str | None
    status: str | None
    credentials: JsonObject = field(repr=False, default_factory=dict)
    raw: JsonObject = field(repr=False, compare=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A name for the state of a playground after its event `event`."""

    id: str
    playground_id: str | None
    event: int
    state_hash: str | None
    created_at: datetime | None
    raw: JsonObject = field(repr=False, compare=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Playground:
    """A task run's world, or a fork: then `parent_id` and `parent_event` say where it goes on from.

    From a list it has no `events` (their number), `clock_now`, `state_hash` and `snapshots`.
    """

    id: str
    benchmark_run_id: str | None
    task_run_id: str | None
    status: str | None
    parent_id: str | None
    parent_event: int | None
    expires_at: datetime | None
    events: int | None
    clock_now: datetime | None
    state_hash: str | None
    snapshots: tuple[Snapshot, ...]
    sandboxes: tuple[Sandbox, ...]
    raw: JsonObject = field(repr=False, compare=False, default_factory=dict)

    def sandbox(self, surface_type: str) -> Sandbox:
        """Return the sandbox of a type (`Fhir`, `Files`, …), whatever its case. Raises `LookupError`."""
        for sandbox in self.sandboxes:
            if (sandbox.type or "").lower() == surface_type.lower():
                return sandbox
        raise LookupError(f"{self.id} has no sandbox of the type {surface_type}.")


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One task of a run: where it stands and how it ended."""

    id: str
    benchmark_run_id: str | None
    task_id: str | None
    key: str | None
    name: str | None
    playground_id: str | None
    phase: str | None
    status: str | None
    verdict: str | None
    score: float | None
    axes: Mapping[str, Axis]
    snapshot: JsonObject | None
    criterion_runs: tuple[CriterionRun, ...]
    started_at: datetime | None
    completed_at: datetime | None
    failed_required: tuple[str, ...] = ()
    raw: JsonObject = field(repr=False, compare=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class BenchmarkRun:
    """One agent's run of one benchmark. `bearer_token` is there only when it was just created."""

    id: str
    benchmark: BenchmarkRef | None
    benchmark_id: str | None
    scored: bool
    phase: str | None
    status: str | None
    verdict: str | None
    score: float | None
    agent: str | None
    endpoints: Mapping[str, str]
    sandboxes: tuple[Sandbox, ...]
    task_runs: tuple[TaskRun, ...]
    started_at: datetime | None
    completed_at: datetime | None
    created_at: datetime | None = None
    bearer_token: str | None = field(repr=False, default=None)
    bearer_token_expires_at: datetime | None = None
    raw: JsonObject = field(repr=False, compare=False, default_factory=dict)

    def task_run(self, key: str) -> TaskRun:
        """Return the task run with that key (or id); raises `KeyError` naming the keys there are."""
        for task_run in self.task_runs:
            if key in (task_run.key, task_run.id):
                return task_run
        raise KeyError(f"{key!r} is no task of this run; it has {[t.key or t.id for t in self.task_runs]}")


@dataclass(frozen=True, slots=True)
class TaskCompletion:
    """What `complete` answers: the verdict and every check; `repr` shows first what failed.

    `failed_required` are the labels of the criteria without which there is no `pass`.
    """

    task_run_id: str
    benchmark_run_id: str | None
    phase: str | None
    status: str | None
    verdict: str | None
    score: float | None
    axes: Mapping[str, Axis]
    checks: tuple[CheckResult, ...]
    started_at: datetime | None
    completed_at: datetime | None
    failed_required: tuple[str, ...] = ()
    raw: JsonObject = field(repr=False, compare=False, default_factory=dict)

    @property
    def is_pass(self) -> bool:
        """Whether the verdict is `pass`."""
        return self.verdict == "pass"

    def explain(self) -> str:
        """Return lines for people: the checks that failed and why, then those that passed."""
        return explain(self.task_run_id, self.verdict, self.score, self.checks)

    def __repr__(self) -> str:
        return summary("TaskCompletion", self.task_run_id, self.verdict, self.score, self.checks)


@dataclass(frozen=True, slots=True)
class Event:
    """One recorded interaction. `request` and `response` are as the API answers them.

    `actor` is whose doing it is (`agent`, `organization`, `scenario`), `via` how the call came in; a view is a call of
    the organization's that changed nothing and that no check sees. A server that says neither leaves both None.
    """

    id: str
    seq: int
    type: str
    at: datetime
    duration_ms: float | None
    sandbox_id: str | None
    playground_id: str | None
    task_run_id: str | None
    request: JsonObject | None
    response: JsonObject | None
    changes: tuple[JsonObject, ...]
    actor: str | None = None
    via: str | None = None
    is_view: bool = False
    raw: JsonObject = field(repr=False, compare=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark version; `timeout` in seconds."""

    id: str
    name: str
    description: str | None
    slug: str | None
    version: str | None
    timeout: float | None
    concurrency: int | None
    published: bool
    visibility: str | None
    created_at: datetime | None
    raw: JsonObject = field(repr=False, compare=False, default_factory=dict)

    @property
    def reference(self) -> str | None:
        """`slug@version`, or None for a benchmark that was never published."""
        return f"{self.slug}@{self.version}" if self.slug and self.version else None


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a benchmark; `timeout` in seconds."""

    id: str
    benchmark_id: str | None
    key: str | None
    name: str
    timeout: float | None
    tags: tuple[str, ...]
    task_item: JsonObject | None
    scenario: JsonObject | None
    criteria: tuple[JsonObject, ...]
    raw: JsonObject = field(repr=False, compare=False, default_factory=dict)
