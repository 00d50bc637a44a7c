"""Scoring a task run from what is recorded, and what becomes of the result."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial

from sandbox import ids, work
from sandbox.definitions import solution_states
from sandbox.definitions.assertions import Assertion
from sandbox.definitions.library import Library
from sandbox.definitions.models import BenchmarkDefinition, TaskDefinition
from sandbox.jsonio import Json
from sandbox.playground.crew import Crew
from sandbox.playground.events import Event, undone
from sandbox.record.reader import Reader
from sandbox.runs.models import BenchmarkRun, CriterionRun, TaskRun
from sandbox.runs.registry import Registry
from sandbox.scoring.engine import score_task
from sandbox.scoring.parsing import UnsupportedAssertion, asked_in, parse_proposition
from sandbox.scoring.rescore import restore_view
from sandbox.scoring.scores import Criterion, TaskScore
from sandbox.scoring.states.tokens import ids_in
from sandbox.simulators.base import View

_LET_GO = 200


async def score(reader: Reader, registry: Registry, crew: Crew, run: BenchmarkRun, task_run: TaskRun) -> TaskScore:
    """Score a task run from its seed and its recorded events, and from nothing else; beside the event loop.

    The run's benchmark must carry its seed.
    """
    with crew.collector:
        events = await _events_of(reader, task_run)
        found = await crew.do(partial(_score, registry, run, task_run, events), work.Budget(work.UNBOUNDED))
        while events:  # in parts: what takes long to let go of holds everybody up
            del events[-_LET_GO:]
            await asyncio.sleep(0)
        return found


def _score(registry: Registry, run: BenchmarkRun, task_run: TaskRun, events: list[Event]) -> TaskScore:
    view = _view_of(run, task_run, events)
    return score_task(criteria_of(run.benchmark.definition, task_run.task), view, registry.checks)


async def recorded_view(reader: Reader, run: BenchmarkRun, task_run: TaskRun) -> View:
    """Return what checks may read of a recorded task run; its benchmark must carry its seed."""
    return _view_of(run, task_run, await _events_of(reader, task_run))


async def _events_of(reader: Reader, task_run: TaskRun) -> list[Event]:
    """Read the events, less what restores took back.

    Bodies that come again and again are there once, as an agent reads the same many times.
    """
    same: dict[bytes, bytes] = {}
    events = []
    restores = await reader.restores(task_run.playground_id)
    taken_back = {seq for each in undone(restores, max(restores, default=0)) for seq in each}
    async for event in reader.events(task_run.playground_id):
        if event.is_view or event.seq in taken_back:
            continue
        for part in (event.request, event.response):
            if part is not None and part.body:
                part.body = same.setdefault(part.body, part.body)
        events.append(event)
    return events


def _view_of(run: BenchmarkRun, task_run: TaskRun, events: list[Event]) -> View:
    return restore_view(
        run.benchmark.seed_of(task_run.task),
        events,
        baseline_seq=task_run.baseline_seq,
        sandboxes=task_run.sandboxes,
        output=task_run.output,
        now=events[-1].at if events else run.created_at,
        solution=run.benchmark.solution_states.get(task_run.task.key),
    )


async def changes_of(reader: Reader, registry: Registry, run: BenchmarkRun, task_run: TaskRun) -> Json:
    """Return what a recorded task run changed, and of which definition and seed: an entry of `solution_state.json`,
    less the hash of the solution."""
    view = await recorded_view(reader, run, task_run)
    definition, task = run.benchmark.definition, task_run.task
    stamp = solution_states.stamp_of(definition, task, run.benchmark.dataset_hashes)
    told = [task.task_item, [step.model_dump(mode="json") for step in task.steps]]
    ids = {"given": registry.comparer.given_ids(view), "named": sorted(ids_in(told, registry.comparer.minted))}
    return {**stamp, **ids, **registry.comparer.changes(view).to_json()}


def take(task_run: TaskRun, result: TaskScore) -> None:
    """Give a task run the verdict and numbers of its score; none where a check broke."""
    is_scored = result.failed_criterion is None
    axes = {name: {"score": axis.score, "weight": axis.weight} for name, axis in result.axes.items()}
    task_run.verdict = result.verdict
    task_run.score = result.score
    task_run.axes = axes if is_scored else None
    task_run.failed_required = result.failed_required


def take_timeout(task_run: TaskRun) -> None:
    """Give a task run that timed out its verdict: nothing passed, so neither did what was required."""
    task_run.verdict, task_run.score, task_run.axes = "fail", 0.0, {}
    task_run.failed_required = tuple(c.label for c in task_run.task.criteria if c.required)


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
                required=bool(c.required),
                is_scored_whole=c.scoring == "all",
                requires=tuple(c.requires),
            )
        )
    return criteria


def assertions_of(registry: Registry, run: BenchmarkRun, task_run: TaskRun) -> Iterator[Assertion]:
    """Yield a task's assertions as its checks read them, less those that no check accepts."""
    for criterion in criteria_of(run.benchmark.definition, task_run.task):
        proposition = parse_proposition(registry.checks, criterion.assertion, criterion.entity)
        if not isinstance(proposition, UnsupportedAssertion):
            yield from (asked.assertion for asked in asked_in(proposition))


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
            required=r.required,
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
    benchmark = replace(run.benchmark, definition=current.definition, solution_states=current.solution_states)
    return replace(run, benchmark=benchmark, task_runs=task_runs)
