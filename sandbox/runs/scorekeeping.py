"""Scoring a task run from what is recorded, and what becomes of the result."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial

from sandbox import ids, work
from sandbox.definitions.assertions import Assertion
from sandbox.definitions.library import Library
from sandbox.definitions.models import BenchmarkDefinition, TaskDefinition
from sandbox.jsonio import Json
from sandbox.playground.crew import Crew
from sandbox.playground.events import Event
from sandbox.record.reader import Reader
from sandbox.runs.models import BenchmarkRun, CriterionRun, TaskRun
from sandbox.runs.registry import Registry
from sandbox.scoring.engine import Criterion, TaskScore, UnsupportedAssertion, parse_assertion, score_task
from sandbox.scoring.rescore import restore_view


async def score(reader: Reader, registry: Registry, crew: Crew, run: BenchmarkRun, task_run: TaskRun) -> TaskScore:
    """Score a task run from its seed and its recorded events, and from nothing else; beside the event loop.

    The run's benchmark must carry its seed.
    """
    with crew.collector:
        same: dict[bytes, bytes] = {}
        events = [_lean(e, same) async for e in reader.events(task_run.playground_id) if not e.is_view]
        return await crew.do(partial(_score, registry, run, task_run, events), work.Budget(work.UNBOUNDED))


def _lean(event: Event, same: dict[bytes, bytes]) -> Event:
    """Let bodies that come again and again be there once: an agent reads the same a thousand times."""
    for part in (event.request, event.response):
        if part is not None and part.body:
            part.body = same.setdefault(part.body, part.body)
    return event


def _score(registry: Registry, run: BenchmarkRun, task_run: TaskRun, events: list[Event]) -> TaskScore:
    view = restore_view(
        run.benchmark.seed,
        events,
        baseline_seq=task_run.baseline_seq,
        sandboxes=task_run.sandboxes,
        output=task_run.output,
        now=events[-1].at if events else run.created_at,
    )
    return score_task(criteria_of(run.benchmark.definition, task_run.task), view, registry.checks)


def axes_json(result: TaskScore) -> Json:
    """Return the axes of a score as they are stored and shown."""
    return {name: {"score": axis.score, "weight": axis.weight} for name, axis in result.axes.items()}


def criteria_of(definition: BenchmarkDefinition, task: TaskDefinition) -> list[Criterion]:
    """Return a task's criteria as the engine takes them, with their entities' values."""
    criteria = []
    for position, c in enumerate(task.criteria):
        entity = task.entity(c.input_entity) if c.input_entity else None
        criteria.append(
            Criterion(
                id=definition.criterion_id(task, position),
                label=c.label,
                weight=c.weight,
                axis=c.axis,
                assertion=c.assertion,
                input_entity=c.input_entity,
                entity=entity.value if entity else None,
            )
        )
    return criteria


def assertions_of(registry: Registry, run: BenchmarkRun, task_run: TaskRun) -> Iterator[Assertion]:
    """Yield a task's assertions as its checks read them, less those that no check accepts."""
    for criterion in criteria_of(run.benchmark.definition, task_run.task):
        assertion = parse_assertion(registry.checks, criterion.assertion, criterion.entity)
        if not isinstance(assertion, UnsupportedAssertion):
            yield assertion


def to_criterion_runs(
    task_run: TaskRun, result: TaskScore, started_at: datetime, completed_at: datetime
) -> list[CriterionRun]:
    """Return the criterion runs of a score, in the order of the criteria."""
    return [
        CriterionRun(
            id=ids.new_id("crun"),
            task_run_id=task_run.id,
            criterion_id=r.criterion_id,
            label=r.label,
            axis=r.axis,
            weight=r.weight,
            passed=r.passed,
            score=r.score,
            details=r.details,
            evidence=r.evidence,
            started_at=started_at,
            completed_at=completed_at,
        )
        for r in result.results
    ]


def with_current_criteria(run: BenchmarkRun, library: Library) -> BenchmarkRun:
    """Return the run as if its tasks had the criteria that are on disk now, where they still exist."""
    definition = run.benchmark.definition
    current = library.benchmarks.get((definition.slug, definition.version))
    if current is None:
        return run
    tasks = {t.key: t for t in current.definition.tasks}
    task_runs = [replace(t, task=tasks.get(t.task.key, t.task)) for t in run.task_runs]
    return replace(run, benchmark=replace(run.benchmark, definition=current.definition), task_runs=task_runs)
