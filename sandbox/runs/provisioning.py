"""Giving each task of a run its world: ids, sandboxes with their secrets, a playground on the shared seed."""

from sandbox import ids
from sandbox.clock import Clock
from sandbox.definitions.models import TaskDefinition
from sandbox.keys import minter
from sandbox.playground.branch import Branch
from sandbox.playground.playground import Playground, Recorder, Sandbox
from sandbox.runs.models import BenchmarkRun, TaskRun
from sandbox.runs.registry import Registry
from sandbox.scoring.matching import matches_event


def provision(
    registry: Registry,
    run: BenchmarkRun,
    task: TaskDefinition,
    position: int,
    clock: Clock,
    recorder: Recorder,
    key: bytes,
) -> TaskRun:
    """Return a task run that is created, with a playground on the benchmark's seed and sandboxes of its own."""
    definition = run.benchmark.definition
    playground_id = ids.new_id("pg")
    sandboxes = []
    for i, s in enumerate(definition.environment.simulators):
        simulator = registry.simulator(s.type)
        sandbox_id = ids.new_id("sb")
        sandboxes.append(
            Sandbox(
                sandbox_id,
                definition.simulator_id(i),
                simulator.type,
                s.name,
                simulator.surface,
                s.config,
                simulator.mint_secrets(minter(key, sandbox_id)),
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
        branch=Branch(run.benchmark.seed),
        sandboxes=task_run.sandboxes,
        clock=clock,
        recorder=recorder,
        actions=registry.actions,
        matches=matches_event,
        random_seed=run.seed,
    )
    return task_run
