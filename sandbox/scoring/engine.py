"""Criteria into criterion runs, and criterion runs into the score of a task and of a run.

Reads only recorded state and events (`View`), so the same view and criteria always give the same
score, in whatever order the criteria come. Knows no simulator: checks are handed in by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import isfinite
from sys import float_info
from typing import Final, Literal, TypeAlias

from pydantic import ValidationError

from sandbox import jsonio
from sandbox.definitions.assertions import REFUSED, Assertion
from sandbox.errors import Invalid, SandboxError
from sandbox.jsonio import Json
from sandbox.logs import get_logger
from sandbox.scoring.judge import Expectations, judge
from sandbox.scoring.placeholders import bind_entity
from sandbox.simulators.base import Check, View
from sandbox.suggest import did_you_mean
from sandbox.wire.field_errors import known_keys

Verdict: TypeAlias = Literal["pass", "partial", "fail"]

PASS_MIN: Final = 0.9
DEFAULT_AXIS: Final = "__default__"
_WIRE_DIGITS: Final = 6
_SCORE_DENOMINATOR_MAX: Final = 1_000_000
_PROBLEMS_NAMED_MAX: Final = 3

log = get_logger()


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing to check. `entity` is the value that `input_entity` refers to.

    Raises ValueError for a weight that is negative or not finite.
    """

    id: str
    label: str
    weight: float
    axis: str | None
    assertion: Json
    input_entity: str | None = None
    entity: Json = None

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


@dataclass(frozen=True, slots=True)
class AxisScore:
    """The weighted mean of one axis, and the sum of its weights."""

    score: float
    weight: float


@dataclass(frozen=True, slots=True)
class TaskScore:
    """The score of a task run. `score` and `verdict` are None when a check broke; then
    `failed_criterion` is the id of the first criterion whose check did."""

    score: float | None
    verdict: Verdict | None
    axes: Mapping[str, AxisScore] = field(default_factory=dict)
    results: tuple[CriterionResult, ...] = ()
    failed_criterion: str | None = None


@dataclass(frozen=True, slots=True)
class UnsupportedAssertion:
    """Why no check accepts an assertion. `is_refused` says that a definition with it is not loaded at all."""

    reason: str
    is_refused: bool = False

    @property
    def details(self) -> str:
        """The sentence that a criterion run shows."""
        return f"unsupported assertion: {self.reason}"


def parse_assertion(
    checks: Mapping[str, Check], assertion: Json, entity: Json = None
) -> Assertion | UnsupportedAssertion:
    """Read an assertion with its check's model, the entity's values put in first, and the entity at hand."""
    if not isinstance(assertion, Mapping):
        return UnsupportedAssertion("an assertion is an object with `assert` and the fields of that check")
    try:
        jsonio.dump(dict(assertion))
    except TypeError as error:  # a number of more than 64 bits, a key that is not text
        return UnsupportedAssertion(f"it cannot be written as JSON ({error}); put such a value in quotes")
    name = assertion.get("assert")
    if not isinstance(name, str):
        return UnsupportedAssertion("`assert` is missing; it names the check")
    check = checks.get(name)
    if check is None:
        return UnsupportedAssertion(f'no check is called "{name}"{did_you_mean(name, checks)}')
    try:
        model = check.model.model_validate(bind_entity(dict(assertion), entity), context={"entity": entity})
    except Invalid as error:
        return UnsupportedAssertion(error.message)
    except ValidationError as error:
        is_refused = any(problem["type"] == REFUSED for problem in error.errors())
        return UnsupportedAssertion(_describe_validation(name, check.model, error), is_refused)
    problem = Expectations.of(model).describe_problem(check)
    return model if problem is None else UnsupportedAssertion(f"{name}: {problem}")


def run_criterion(criterion: Criterion, view: View, checks: Mapping[str, Check]) -> CriterionResult:
    """Run one criterion; never raises.

    An assertion that no check accepts, or that a check refuses, scores 0. An exception that is
    not one of ours sets `error`.
    """
    assertion = parse_assertion(checks, criterion.assertion, criterion.entity)
    if isinstance(assertion, UnsupportedAssertion):
        return _result(criterion, details=assertion.details)
    check = checks[criterion.assertion["assert"]]
    try:
        judgement = judge(check, assertion, check.select(assertion, view))
    except Invalid as error:
        return _result(criterion, details=UnsupportedAssertion(error.message).details)
    except SandboxError as error:
        return _result(criterion, details=f"The check could not be made: {error.message}")
    except Exception as error:
        log.exception("check broke", criterion_id=criterion.id, check=check.name)
        return _result(criterion, details=f"The check {check.name} broke: {type(error).__name__}: {error}", error=True)
    return _result(criterion, judgement.details, judgement.score, judgement.passed, judgement.evidence)


def score_task(criteria: Sequence[Criterion], view: View, checks: Mapping[str, Check]) -> TaskScore:
    """Run every criterion on a copy of the state and aggregate.

    Without criteria, or when all weights are 0, the score is 0 and the verdict `fail`.
    """
    sealed = replace(view, branch=view.branch.fork(), baseline=view.baseline.fork())
    return aggregate([run_criterion(criterion, sealed, checks) for criterion in criteria])


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
    return TaskScore(score, verdict_of(score), axes, tuple(results))


def verdict_of(score: float) -> Verdict:
    """Return the verdict for a score.

    >>> [verdict_of(score) for score in (1.0, 0.9, 0.899, 0.0)]
    ['pass', 'pass', 'partial', 'fail']
    """
    if score >= PASS_MIN:
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
    weighted = (
        Fraction(result.score).limit_denominator(_SCORE_DENOMINATOR_MAX) * _exact(result.weight) for result in results
    )
    return float(sum(weighted, Fraction()) / total)


def _exact(number: float) -> Fraction:
    return Fraction(repr(number))


def _to_float(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return float_info.max


def _result(
    criterion: Criterion,
    details: str,
    score: float = 0.0,
    passed: bool = False,
    evidence: Mapping[str, Json] | None = None,
    error: bool = False,
) -> CriterionResult:
    return CriterionResult(
        criterion.id,
        criterion.label,
        criterion.axis,
        criterion.weight,
        passed,
        score,
        details,
        evidence or {},
        error,
    )


def _describe_validation(name: str, model: type[Assertion], error: ValidationError) -> str:
    texts = []
    for problem in error.errors()[:_PROBLEMS_NAMED_MAX]:
        where = ".".join(str(part) for part in problem["loc"])
        what = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            known = known_keys(model, tuple(problem["loc"])[:-1])
            what += did_you_mean(str(problem["loc"][-1]), known)
        texts.append(f"{where}: {what}" if where else what)
    return f"{name}: {'; '.join(texts)}"
