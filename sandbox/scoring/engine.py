"""Criteria into criterion runs, and those into the score of a task (`scores.py` has the arithmetic).

Reads only recorded state and events (`View`), so the same view and criteria always give the same
score, in whatever order the criteria come. Knows no simulator: checks are handed in by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydantic import ValidationError

from sandbox import jsonio
from sandbox.definitions.assertions import REFUSED, Assertion
from sandbox.definitions.problems import known_keys
from sandbox.errors import Invalid, SandboxError
from sandbox.jsonio import Json
from sandbox.logs import get_logger
from sandbox.scoring.judge import Expectations, judge
from sandbox.scoring.placeholders import bind_entity
from sandbox.scoring.scores import Criterion, CriterionResult, TaskScore, aggregate, hold_back
from sandbox.simulators.base import Check, View
from sandbox.suggest import did_you_mean

_PROBLEMS_NAMED_MAX: Final = 3

log = get_logger()


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
    score = float(judgement.passed) if criterion.is_scored_whole else judgement.score
    return _result(criterion, judgement.details, score, judgement.passed, judgement.evidence)


def score_task(criteria: Sequence[Criterion], view: View, checks: Mapping[str, Check]) -> TaskScore:
    """Run every criterion on a copy of the state and aggregate.

    Without criteria, or when all weights are 0, the score is 0 and the verdict `fail`.
    """
    sealed = replace(view, branch=view.branch.fork(), baseline=view.baseline.fork())
    return aggregate(hold_back(criteria, [run_criterion(criterion, sealed, checks) for criterion in criteria]))


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
        criterion.required,
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
