"""Runs as they live in memory: a benchmark run, its task runs, their playgrounds.

They mirror the rows of the record. Only `service.py` changes them, and `playgrounds/` the forks.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sandbox.definitions.load import Benchmark
from sandbox.definitions.models import TaskDefinition
from sandbox.jsonio import Json
from sandbox.playground.playground import Playground, Sandbox


class Phase(StrEnum):
    """How far a run is."""

    CREATED = "created"
    STARTED = "started"
    COMPLETED = "completed"


class Status(StrEnum):
    """How a run goes or ended."""

    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    TIMED_OUT = "timed_out"


@dataclass(slots=True)
class CriterionRun:
    """One criterion's result."""

    id: str
    task_run_id: str
    criterion_id: str
    label: str
    axis: str | None
    weight: float
    passed: bool
    score: float
    details: str | None
    evidence: Json
    started_at: datetime
    completed_at: datetime
    superseded_at: datetime | None = None
    required: bool = False


class Holder(Protocol):
    """Whose a playground is: a task run's, or a fork's own."""

    id: str
    sandboxes: tuple[Sandbox, ...]
    phase: Phase
    status: Status
    playground: Playground | None

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen to it any more."""
        ...


@dataclass(slots=True)
class TaskRun:
    """One task of a benchmark run. `playground` is None once it was torn down."""

    id: str
    benchmark_run_id: str
    task: TaskDefinition
    task_id: str
    position: int
    playground_id: str
    sandboxes: tuple[Sandbox, ...]
    created_at: datetime
    phase: Phase = Phase.CREATED
    status: Status = Status.ACTIVE
    verdict: str | None = None
    score: float | None = None
    axes: Json = None
    failed_required: tuple[str, ...] = ()
    output: Json = None
    notes: str | None = None
    started_at: datetime | None = None
    timeout_at: datetime | None = None
    completed_at: datetime | None = None
    playground: Playground | None = None
    baseline_seq: int = 0
    criterion_runs: list[CriterionRun] | None = None
    timer: asyncio.TimerHandle | None = None
    completing: "asyncio.Task[None] | None" = None

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.phase is Phase.COMPLETED


@dataclass(slots=True)
class Fork:
    """A playground of the organization's own, which goes on from event `parent_seq` of another one.

    It belongs to the benchmark run that it came from, and outlives it. `playground` is None once it was torn down.
    """

    id: str
    organization_id: str
    benchmark_run_id: str
    parent_id: str
    parent_seq: int
    environment_id: str
    definition_hash: str
    key: str
    seed: int | None
    lag_s: float
    sandboxes: tuple[Sandbox, ...]
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    phase: Phase = Phase.STARTED
    status: Status = Status.ACTIVE
    playground: Playground | None = None
    timer: asyncio.TimerHandle | None = None

    @property
    def playground_id(self) -> str:
        """Its own id: it is its playground."""
        return self.id

    @property
    def is_over(self) -> bool:
        """Whether it was torn down."""
        return self.phase is Phase.COMPLETED


@dataclass(slots=True)
class BenchmarkRun:
    """One run of a benchmark, with all of its task runs."""

    id: str
    organization_id: str
    solver_id: str | None
    benchmark: Benchmark
    is_scored: bool
    agent: str | None
    seed: int | None
    token_hash: str
    token_expires_at: datetime
    created_at: datetime
    updated_at: datetime
    phase: Phase = Phase.CREATED
    status: Status = Status.ACTIVE
    verdict: str | None = None
    score: float | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    published_at: datetime | None = None
    task_runs: list[TaskRun] = field(default_factory=list)
    expiry: asyncio.TimerHandle | None = None
    last_call_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        """Count from the run's making; after a restart, from then on."""
        self.last_call_at = self.created_at

    @property
    def is_whole(self) -> bool:
        """Whether it is of all tasks of its benchmark."""
        return len(self.task_runs) == len(self.benchmark.definition.tasks)

    @property
    def is_over(self) -> bool:
        """Whether the run was finalized or cancelled."""
        return self.phase is Phase.COMPLETED

    @property
    def started(self) -> list[TaskRun]:
        """The task runs that are started now."""
        return [t for t in self.task_runs if t.phase is Phase.STARTED]
