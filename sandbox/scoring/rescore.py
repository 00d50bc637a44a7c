"""Score a recorded task run again: seed and events back into a view, with other criteria if wanted.

Pure: what to load from the record and where to store new criterion runs is the run service's work.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sandbox.jsonio import Json
from sandbox.playground.branch import Branch, Seed
from sandbox.playground.events import Event, fold
from sandbox.playground.playground import Sandbox
from sandbox.scoring.engine import score_task
from sandbox.scoring.scores import Criterion, TaskScore
from sandbox.simulators.base import Check, View


def restore_view(
    seed: Seed,
    events: Sequence[Event],
    *,
    baseline_seq: int,
    sandboxes: Sequence[Sandbox],
    output: Json,
    now: datetime,
    solution: Json = None,
) -> View:
    """Fold recorded events, which are in order, back into what a check may read.

    `baseline_seq` is the last event that belongs to the start (0 when none does): the baseline is
    the state after it. `now` is when the task run was completed.
    """
    baseline = fold(Branch(seed), (event for event in events if event.seq <= baseline_seq))
    branch = fold(baseline.fork(), (event for event in events if event.seq > baseline_seq))
    return View(branch, baseline, events, tuple(sandboxes), output, now, solution)


def rescore(
    criteria: Sequence[Criterion],
    *,
    branch: Branch,
    baseline: Branch,
    events: Sequence[Event],
    sandboxes: Sequence[Sandbox],
    output: Json,
    now: datetime,
    checks: Mapping[str, Check],
) -> TaskScore:
    """Score recorded state and events with these criteria; changes nothing it is given."""
    return score_task(criteria, View(branch, baseline, tuple(events), tuple(sandboxes), output, now), checks)
