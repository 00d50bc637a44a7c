"""Criteria into criterion runs, and those into the score of a task (`scores.py` has the arithmetic).

Reads only recorded state and events (`View`), so the same view and criteria always give the same
score, in whatever order the criteria come. Knows no simulator: checks are handed in by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.logs import get_logger
from sandbox.scoring.parsing import UnsupportedAssertion, parse_proposition
from sandbox.scoring.placeholders import bind_output
from sandbox.scoring.propositions import CheckBroke, decide
from sandbox.scoring.scores import Criterion, CriterionResult, TaskScore, aggregate, hold_back
from sandbox.simulators.base import Check, View

_PROBLEMS_NAMED_MAX: Final = 3

log = get_logger()


def run_criterion(criterion: Criterion, view: View, checks: Mapping[str, Check]) -> CriterionResult:
    """Run one criterion; never raises.

    An assertion that no check accepts, or that a check refuses, scores 0, and so does one that compares with what the
    output does not say. An exception that is not one of ours sets `error`.
    """
    try:
        assertion = bind_output(criterion.assertion, view.output)
    except Invalid as unsaid:
        return _result(criterion, details=f"Not compared: {unsaid.message}.")
    proposition = parse_proposition(checks, assertion, criterion.entity)
    if isinstance(proposition, UnsupportedAssertion):
        return _result(criterion, details=proposition.details)
    try:
        judgement = decide(proposition, view)
    except CheckBroke as broke:
        log.exception("check broke", criterion_id=criterion.id, check=broke.check)
        return _result(criterion, details=str(broke), error=True)
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
