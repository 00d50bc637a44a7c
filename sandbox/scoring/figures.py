"""A run in numbers: the share of tasks passed and the mean score, over all tasks, by tag and by axis, each beside what
agents that deserve nothing earn there (`definitions/baselines.py`).

Asked by whoever reports a run: the API, the command line, the leaderboard. Reads results, judges nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.definitions.baselines import IDLE, NONSENSE
from sandbox.definitions.models import BenchmarkDefinition, TaskDefinition
from sandbox.jsonio import Json
from sandbox.scoring.scores import DEFAULT_AXIS, wire_score

FULL: Final = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one task ended. `axes` are the scores of all axes that its criteria have, `baseline` the task's entry of
    `baselines.json`, if there is one."""

    tags: Sequence[str]
    is_pass: bool
    score: float
    axes: Mapping[str, float] = field(default_factory=dict)
    baseline: Mapping[str, Any] | None = None

    def paid(self, agent: str, axis: str | None = None) -> float | None:
        """Return what the task pays an agent that deserves nothing, in all or on an axis; None where nobody knows."""
        entry = (self.baseline or {}).get(agent)
        if entry is None:
            return None
        return float(entry["score"] or 0.0) if axis is None else float((entry.get("axes") or {}).get(axis) or 0.0)


def outcome_of(
    task: TaskDefinition, verdict: str | None, score: float | None, axes: Json, baseline: Mapping[str, Any] | None
) -> Outcome:
    """Return the outcome of a task run; `axes` as the API has them. One that was cancelled or timed out scored 0."""
    named = {criterion.axis or DEFAULT_AXIS for criterion in task.criteria if criterion.weight}
    scored = {name: (axes or {}).get(name, {}).get("score") or 0.0 for name in sorted(named)}
    return Outcome(task.tags, verdict == "pass", score or 0.0, scored, baseline)


def figures_of(outcomes: Sequence[Outcome]) -> Json:
    """Return the numbers of some tasks.

    `{tasks, passed, pass_rate, score, idle, nonsense, tags: {name: …}, axes: {name: …}}`, each group with the same six.
    On an axis a task passes with a full score. What idle and nonsense agents earn is null where it is not known of
    every task of the group.

    >>> half = {"idle": {"score": 0.0}, "nonsense": {"score": 0.2}}
    >>> figures = figures_of([Outcome(["a"], True, 1.0, {}, half), Outcome([], False, 0.5, {}, half)])
    >>> [figures[name] for name in ("tasks", "passed", "pass_rate", "score", "idle", "nonsense")]
    [2, 1, 0.5, 0.75, 0.0, 0.2]
    >>> figures["tags"]["a"]["score"], figures_of([Outcome([], True, 1.0)])["idle"]
    (1.0, None)
    """
    tags = dict.fromkeys(tag for outcome in outcomes for tag in outcome.tags)
    axes = dict.fromkeys(axis for outcome in outcomes for axis in outcome.axes)
    return {
        **_group(outcomes),
        "tags": {tag: _group([o for o in outcomes if tag in o.tags]) for tag in tags},
        "axes": {axis: _group([o for o in outcomes if axis in o.axes], axis) for axis in axes},
    }


def figures_of_run(
    definition: BenchmarkDefinition,
    ended: Iterable[tuple[str, str | None, float | None, Json]],
    baselines: Mapping[str, Mapping[str, Any]],
) -> Json:
    """Return the numbers of a run's task runs, given as `(task key, verdict, score, axes)`."""
    tasks = {task.key: task for task in definition.tasks}
    return figures_of(
        [outcome_of(tasks[key], verdict, score, axes, baselines.get(key)) for key, verdict, score, axes in ended]
    )


def _group(outcomes: Sequence[Outcome], axis: str | None = None) -> dict[str, Json]:
    passed = sum(o.is_pass if axis is None else o.axes[axis] >= FULL for o in outcomes)
    scores = [o.score if axis is None else o.axes[axis] for o in outcomes]
    return {
        "tasks": len(outcomes),
        "passed": passed,
        "pass_rate": _mean([1.0] * passed + [0.0] * (len(outcomes) - passed)),
        "score": _mean(scores),
        IDLE: _mean([o.paid(IDLE, axis) for o in outcomes]),
        NONSENSE: _mean([o.paid(NONSENSE, axis) for o in outcomes]),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return wire_score(sum(known) / len(known)) if known and len(known) == len(values) else None
