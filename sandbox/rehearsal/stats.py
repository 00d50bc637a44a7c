"""Several trials in numbers: how often, how well, how steadily."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.definitions.baselines import IDLE, NONSENSE
from sandbox.rehearsal.runner import RunResult


@dataclass(frozen=True, slots=True)
class Summary:
    """One benchmark over its trials. `deviation` is the population's standard deviation of the
    score; a task is unsteady if it passed in some trials and not in others. `pass_rate` is the share of
    tasks passed over all trials, `idle` and `nonsense` are what agents that deserve nothing earn, where known."""

    benchmark: str
    runs: int
    passed: int
    mean_score: float
    deviation: float
    lowest_score: float
    unsteady_tasks: tuple[str, ...]
    pass_rate: float
    idle: float | None
    nonsense: float | None


def summarize(results: Iterable[RunResult]) -> list[Summary]:
    """Return a summary per benchmark, in the order they first appear; no score counts as 0."""
    by_benchmark: dict[str, list[RunResult]] = {}
    for result in results:
        by_benchmark.setdefault(result.benchmark, []).append(result)
    return [_summarize_one(benchmark, runs) for benchmark, runs in by_benchmark.items()]


def _summarize_one(benchmark: str, runs: list[RunResult]) -> Summary:
    scores = [run.score or 0.0 for run in runs]
    passes: dict[str, set[bool]] = {}
    for task in (task for run in runs for task in run.task_runs):
        passes.setdefault(task.key, set()).add(task.is_pass)
    return Summary(
        benchmark,
        len(runs),
        sum(run.is_pass for run in runs),
        statistics.fmean(scores),
        statistics.pstdev(scores),
        min(scores),
        tuple(key for key, seen in passes.items() if len(seen) > 1),
        statistics.fmean(tasks) if (tasks := [task.is_pass for run in runs for task in run.task_runs]) else 0.0,
        *((runs[0].figures or {}).get(agent) for agent in (IDLE, NONSENSE)),
    )
