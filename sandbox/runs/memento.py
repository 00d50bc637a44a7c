"""What a run was like before a transition, to return to when the transition could not be stored."""

from collections.abc import Callable
from typing import Final

from sandbox.runs.models import BenchmarkRun

_OF_RUN: Final = ("phase", "status", "verdict", "score", "started_at", "completed_at", "published_at", "updated_at")
_OF_TASK_RUN: Final = (
    "phase status verdict score axes failed_required output notes started_at timeout_at completed_at playground "
    "baseline_seq criterion_runs"
).split()


def remember(run: BenchmarkRun) -> Callable[[], None]:
    """Return what brings a run and its task runs back to how they are now, timers apart."""
    of_run = {name: getattr(run, name) for name in _OF_RUN}
    of_task_runs = [(t, {name: getattr(t, name) for name in _OF_TASK_RUN}) for t in run.task_runs]
    torn_down = [(t.playground, t.playground.is_torn_down) for t in run.task_runs if t.playground is not None]

    def restore() -> None:
        for name, value in of_run.items():
            setattr(run, name, value)
        for task_run, values in of_task_runs:
            for name, value in values.items():
                setattr(task_run, name, value)
        for playground, is_torn_down in torn_down:
            playground.is_torn_down = is_torn_down

    return restore
