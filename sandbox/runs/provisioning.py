"""Giving each task of a run its world: ids, sandboxes with secrets, a playground on the shared seed, its scenario."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sandbox import ids, keys
from sandbox.clock import Clock
from sandbox.definitions.load import Benchmark
from sandbox.definitions.models import BenchmarkDefinition, TaskDefinition
from sandbox.errors import Invalid
from sandbox.playground.branch import Branch
from sandbox.playground.playground import Playground, Recorder, Sandbox
from sandbox.playground.scenario import Step
from sandbox.runs.models import BenchmarkRun, TaskRun
from sandbox.runs.registry import Registry
from sandbox.runs.tokens import Principal
from sandbox.scoring.matching import matches_event
from sandbox.suggest import did_you_mean


def new_run(benchmark: Benchmark, principal: Principal, now: datetime, lifetime_s: float) -> tuple[BenchmarkRun, str]:
    """Return a run without task runs, and its token, which is good for `lifetime_s`."""
    token = keys.new_run_token()
    run = BenchmarkRun(
        id=ids.new_id("br"),
        organization_id=principal.organization_id,
        solver_id=principal.solver_id,
        benchmark=benchmark,
        is_scored=False,
        agent=None,
        seed=None,
        token_hash=keys.hash_key(token),
        token_expires_at=now + timedelta(seconds=lifetime_s),
        created_at=now,
        updated_at=now,
    )
    return run, token


def provision(
    registry: Registry, run: BenchmarkRun, task: TaskDefinition, position: int, clock: Clock, recorder: Recorder
) -> TaskRun:
    """Return a task run that is created, with a playground on the benchmark's seed and sandboxes of its own."""
    definition = run.benchmark.definition
    playground_id = ids.new_id("pg")
    sandboxes = []
    for i, s in enumerate(definition.environment_of(task).simulators):
        simulator = registry.simulator(s.type)
        sandboxes.append(
            Sandbox(
                ids.new_id("sb"),
                definition.simulator_id(i),
                simulator.type,
                s.name,
                simulator.surface,
                s.config,
                simulator.mint_secrets(ids.new_secret),
                s.dataset,
            )
        )
    task_run = TaskRun(
        id=ids.new_id("tr"),
        benchmark_run_id=run.id,
        task=task,
        task_id=definition.task_id(task),
        position=position,
        playground_id=playground_id,
        sandboxes=tuple(sandboxes),
        created_at=run.created_at,
    )
    task_run.playground = Playground(
        id=playground_id,
        key=task.key,
        task_run_id=task_run.id,
        branch=Branch(run.benchmark.seed_of(task)),
        sandboxes=task_run.sandboxes,
        clock=clock,
        recorder=recorder,
        actions=registry.actions,
        matches=matches_event,
        random_seed=run.seed,
    )
    return task_run


def chosen_tasks(definition: BenchmarkDefinition, keys: Sequence[str] | None) -> list[tuple[int, TaskDefinition]]:
    """Return the tasks with these keys and their places, in the benchmark's order; all of them for None.

    Raises `Invalid` for a key that is not there, or is there twice.
    """
    tasks = list(enumerate(definition.tasks))
    if keys is None:
        return tasks
    known = [task.key for task in definition.tasks]
    problems = [f'There is no task "{key[:100]}"{did_you_mean(key, known)}.' for key in keys if key not in known]
    problems += [f'"{key[:100]}" is named {n} times.' for key, n in Counter(keys).items() if n > 1 and key in known]
    if problems:
        raise Invalid(
            f"{definition.reference} cannot be run with these tasks: {' '.join(problems)}", details={"tasks": problems}
        )
    return [(position, task) for position, task in tasks if task.key in keys]


def steps_of(task: TaskDefinition) -> list[Step]:
    """Return a task's scenario as it is run."""
    return [
        Step(s.action, s.args, s.after_seconds, s.when.event if s.when else None, s.when.match if s.when else None)
        for s in task.steps
    ]
