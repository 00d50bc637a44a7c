"""Scoring a task run from what is recorded, and what becomes of the result."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from sandbox import ids, work
from sandbox.definitions import solution_states
from sandbox.definitions.assertions import Assertion
from sandbox.definitions.library import Library
from sandbox.definitions.models import BenchmarkDefinition, TaskDefinition
from sandbox.jsonio import Json
from sandbox.playground.crew import Crew
from sandbox.playground.events import undone
from sandbox.record.log import open_log
from sandbox.record.reader import Reader
from sandbox.runs.models import BenchmarkRun, CriterionRun, TaskRun
from sandbox.runs.registry import Registry
from sandbox.scoring.engine import score_task
from sandbox.scoring.parsing import UnsupportedAssertion, asked_in, parse_proposition
from sandbox.scoring.rescore import restore_view
from sandbox.scoring.scores import Criterion, TaskScore
from sandbox.scoring.states.tokens import ids_in
from sandbox.simulators.base import View

T = TypeVar("T")


async def score(reader: Reader, registry: Registry, crew: Crew, run: BenchmarkRun, task_run: TaskRun) -> TaskScore:
    """Score a task run from its seed and its recorded events, and from nothing else; beside the event loop.

    The run's benchmark must carry its seed.
    """

    def job(view: View) -> TaskScore:
        return score_task(criteria_of(run.benchmark.definition, task_run.task), view, registry.checks)

    return await _look(reader, crew, run, task_run, job)


async def _look(reader: Reader, crew: Crew, run: BenchmarkRun, task_run: TaskRun, job: Callable[[View], T]) -> T:
    """Do a job on what checks may read of a recorded task run, which is not what restores took back.

    Raises `Gone` where it was pruned.
    """
    await reader.check_kept(task_run.playground_id)
    restores = await reader.restores(task_run.playground_id)
    taken_back = undone(restores, max(restores, default=0))
    look = partial(_look_here, await reader.file(), run, task_run, taken_back, job)
    return await crew.do(look, work.Budget(work.UNBOUNDED))


def _look_here(
    file: Path, run: BenchmarkRun, task_run: TaskRun, taken_back: Sequence[range], job: Callable[[View], T]
) -> T:
    with open_log(file, task_run.playground_id, taken_back) as events:
        view = restore_view(
            run.benchmark.seed_of(task_run.task),
            events,
            baseline_seq=task_run.baseline_seq,
            sandboxes=task_run.sandboxes,
            output=task_run.output,
            now=events[-1].at if events else run.created_at,
            solution=run.benchmark.solution_states.get(task_run.task.key),
        )
        found = job(view)
        del view
        while events:  # one by one: what is let go of whole holds everybody up until it is gone
            events.pop()
        return found


async def changes_of(reader: Reader, registry: Registry, crew: Crew, run: BenchmarkRun, task_run: TaskRun) -> Json:
    """Return what a recorded task run changed, and of which definition and seed: an entry of `solution_state.json`,
    less the hash of the solution."""
    definition, task = run.benchmark.definition, task_run.task
    stamp = solution_states.stamp_of(definition, task, run.benchmark.dataset_hashes)
    told = [task.task_item, [step.model_dump(mode="json") for step in task.steps]]
    named = sorted(ids_in(told, registry.comparer.minted))

    def job(view: View) -> Json:
        ids = {"given": registry.comparer.given_ids(view), "named": named}
        return {**stamp, **ids, **registry.comparer.changes(view).to_json()}

    return await _look(reader, crew, run, task_run, job)


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
