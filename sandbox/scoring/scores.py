"""The score of a task and of a run: what criteria, weights and results come to. Pure arithmetic.

The score is upstream's weighted mean. Three things may stand beside it (extensions): a `required`
criterion decides over the verdict alone, one that is scored whole gives nothing for a part, and one
that `requires` others is held back until they passed. Knows no check.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from sys import float_info
from typing import Final, Literal, TypeAlias

from sandbox.jsonio import Json

Verdict: TypeAlias = Literal["pass", "partial", "fail"]

PASS_MIN: Final = 0.9
DEFAULT_AXIS: Final = "__default__"
UNMET: Final = "requires_unmet"
_WIRE_DIGITS: Final = 6
_SCORE_DENOMINATOR_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing to check. `entity` is the value that `input_entity` refers to.

    `is_scored_whole`: 0 unless every item of it holds. `requires` are labels of criteria that must
    have passed before this one counts.

    Raises ValueError for a weight that is negative or not finite.
    """

    id: str
    label: str
    weight: float
    axis: str | None
    assertion: Json
    input_entity: str | None = None
    entity: Json = None
    required: bool = False
    is_scored_whole: bool = False
    requires: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isfinite(self.weight) or self.weight < 0:
            raise ValueError(f"the weight of criterion {self.id} is {self.weight}; it must be a number of at least 0")


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """What became of one criterion. `error` means that the check itself broke."""

    criterion_id: str
    label: str
    axis: str | None
    weight: float
    passed: bool
    score: float
    details: str
    evidence: Mapping[str, Json]
    error: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class AxisScore:
    """The weighted mean of one axis, and the sum of its weights."""

    score: float
    weight: float


@dataclass(frozen=True, slots=True)
class TaskScore:
    """The score of a task run. `score` and `verdict` are None when a check broke; then
    `failed_criterion` is the id of the first criterion whose check did.

    `failed_required` are the labels of the required criteria that did not pass, in their order.
    """

    score: float | None
    verdict: Verdict | None
    axes: Mapping[str, AxisScore] = field(default_factory=dict)
    results: tuple[CriterionResult, ...] = ()
    failed_criterion: str | None = None
    failed_required: tuple[str, ...] = ()


def hold_back(criteria: Sequence[Criterion], results: Sequence[CriterionResult]) -> list[CriterionResult]:
    """Return the results, each of which `requires` what did not pass with a score of 0.

    What is held back did not pass, and so holds back in turn what requires it. A label that no other
    criterion has holds back as well: nothing says that it was met.
    """
    by_label: dict[str, list[int]] = {}
    for place, criterion in enumerate(criteria):
        by_label.setdefault(criterion.label, []).append(place)
    settled: dict[int, bool] = {}

    def has_passed(place: int, above: frozenset[int]) -> bool:
        if place not in settled:
            settled[place] = results[place].passed and not unmet(place, above | {place})
        return settled[place]

    def unmet(place: int, above: frozenset[int]) -> list[str]:
        return [label for label in criteria[place].requires if not is_met(label, above)]

    def is_met(label: str, above: frozenset[int]) -> bool:
        meant = [place for place in by_label.get(label, ()) if place not in above]
        return bool(meant) and all(has_passed(place, above) for place in meant)

    return [
        _held_back(result, missing) if (missing := unmet(place, frozenset({place}))) else result
        for place, result in enumerate(results)
    ]


def _held_back(result: CriterionResult, missing: Sequence[str]) -> CriterionResult:
    named = " and ".join(f'"{label}"' for label in missing)
    details = f"Held back: it requires {named}, which did not pass. {result.details}"
    return replace(result, passed=False, score=0.0, details=details, evidence={**result.evidence, UNMET: list(missing)})


def aggregate(results: Sequence[CriterionResult]) -> TaskScore:
    """Aggregate criterion results: the weighted mean, over all and per axis.

    Results without an axis are on `__default__`. Weight 0 does not count, so an axis on which
    nothing has a weight is left out.
    """
    broken = next((result.criterion_id for result in results if result.error), None)
    if broken is not None:
        return TaskScore(None, None, {}, tuple(results), broken)
    score = _weighted_mean(results) or 0.0
    axes = {}
    for name in dict.fromkeys(result.axis or DEFAULT_AXIS for result in results):
        members = [result for result in results if (result.axis or DEFAULT_AXIS) == name]
        mean = _weighted_mean(members)
        if mean is not None:
            axes[name] = AxisScore(mean, _to_float(sum((_exact(r.weight) for r in members), Fraction())))
    failed = tuple(result.label for result in results if result.required and not result.passed)
    return TaskScore(score, verdict_of(score, failed), axes, tuple(results), None, failed)


def verdict_of(score: float, failed_required: Iterable[str] = ()) -> Verdict:
    """Return the verdict for a score, which is never `pass` where something required failed.

    >>> [verdict_of(score) for score in (1.0, 0.9, 0.899, 0.0)]
    ['pass', 'pass', 'partial', 'fail']
    >>> verdict_of(1.0, ["the dose is right"])
    'partial'
    """
    if score >= PASS_MIN and not any(True for _ in failed_required):
        return "pass"
    return "partial" if score > 0 else "fail"


def score_run(task_scores: Sequence[float | None]) -> float | None:
    """Return the mean of task scores; None stands for a task run that was not scored.

    Such a one counts 0, unless no task run was scored at all: then there is no score.

    >>> (score_run([1.0, None, 0.5]), score_run([None]), score_run([]))
    (0.5, None, None)
    """
    if all(score is None for score in task_scores):
        return None
    total = sum((_exact(score) for score in task_scores if score is not None), Fraction())
    return float(total / len(task_scores))


def wire_score(score: float | None) -> float | None:
    """Round a score for the wire, to 6 decimals.

    >>> (wire_score(2 / 3), wire_score(None))
    (0.666667, None)
    """
    return None if score is None else round(score, _WIRE_DIGITS)


def _weighted_mean(results: Sequence[CriterionResult]) -> float | None:
    """Return the mean, exact before it is rounded to a float; None without weight.

    Exact, so that nine of ten equal weights are 0.9 whatever their order.
    """
    total = sum((_exact(result.weight) for result in results), Fraction())
    if total == 0:
        return None
    weighted = (_share(result.score) * _exact(result.weight) for result in results)
    return float(sum(weighted, Fraction()) / total)


@lru_cache(maxsize=1024)
def _share(score: float) -> Fraction:
    return Fraction(score).limit_denominator(_SCORE_DENOMINATOR_MAX)


@lru_cache(maxsize=1024)
def _exact(number: float) -> Fraction:
    return Fraction(repr(number))


def _to_float(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return float_info.max
