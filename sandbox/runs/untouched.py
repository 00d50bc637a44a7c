"""A task's playground as it is handed to an agent that then does nothing: for judging criteria before any run."""

from sandbox.clock import SystemClock
from sandbox.definitions.load import Benchmark
from sandbox.definitions.models import TaskDefinition
from sandbox.playground.playground import NullRecorder
from sandbox.playground.scenario import run_scenario
from sandbox.runs.models import BenchmarkRun
from sandbox.runs.provisioning import provision, steps_of
from sandbox.runs.registry import Registry
from sandbox.simulators.base import View


def untouched_view(registry: Registry, benchmark: Benchmark, task: TaskDefinition) -> View:
    """Return what checks see when a task was started and completed at once, without an output.

    Nothing is recorded. Raises `StepFailed` for a scenario that cannot be run.
    """
    clock = SystemClock()
    now = clock.now()
    run = BenchmarkRun("br_check", "", None, benchmark, False, None, None, "", now, now, now)
    task_run = provision(registry, run, task, 0, clock, NullRecorder())
    playground = task_run.playground
    assert playground is not None
    outcomes = run_scenario(playground, benchmark.definition.environment_of(task).clock_start, steps_of(task))
    return View(
        playground.branch,
        playground.branch.fork(),
        tuple(outcome.event for outcome in outcomes),
        task_run.sandboxes,
        None,
        playground.now(),
    )
