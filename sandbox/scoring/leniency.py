"""Criteria that cost too little to break, and criteria that pay for nothing: what `sandbox check` warns of.

Nothing is wrong with such a definition; what it scores may not be what its author means. Asked of the arithmetic
itself (`scores.py`), so that a warning and a verdict never disagree.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeAlias

from sandbox.jsonio import Json
from sandbox.scoring.engine import run_criterion
from sandbox.scoring.judge import Expectations
from sandbox.scoring.parsing import AnyOf, Asked, Not, Proposition, UnsupportedAssertion, parse_proposition
from sandbox.scoring.scores import PASS_MIN, Criterion, CriterionResult, aggregate, hold_back
from sandbox.simulators.base import Check, Selection, View

Finding: TypeAlias = tuple[int, str]
"""A criterion's position, and what to say of it."""
_CHEAP_MAX: Final = 1 - PASS_MIN + 1e-9


def find_cheap_failures(criteria: Sequence[Criterion], checks: Mapping[str, Check]) -> Iterator[Finding]:
    """Yield each criterion of which one item may fail while the task still passes."""
    total = sum(criterion.weight for criterion in criteria)
    for place, criterion in enumerate(criteria):
        if criterion.required or criterion.weight == 0:
            continue
        items = count_items(criterion.assertion, criterion.entity, checks)
        if items is None:
            continue
        left = 0.0 if criterion.is_scored_whole else (items - 1) / items
        if criterion.weight * (1 - left) / total > _CHEAP_MAX:
            continue  # it decides by itself
        results = _all_passed(criteria)
        results[place] = replace(results[place], passed=False, score=left)
        scored = aggregate(hold_back(criteria, results))
        if scored.verdict == "pass":
            what = f"one of its {items} items" if items > 1 else "it"
            yield place, f"{what} may fail and the task still passes, with {_cut(scored.score)}"


def find_gifts(criteria: Sequence[Criterion], untouched: View, checks: Mapping[str, Check]) -> Iterator[Finding]:
    """Yield each criterion that scores on a playground in which nothing was done."""
    brief = {name: replace(check, select=partial(_without_nearest, check)) for name, check in checks.items()}
    results = hold_back(criteria, [run_criterion(criterion, untouched, brief) for criterion in criteria])
    for place, (criterion, result) in enumerate(zip(criteria, results, strict=True)):
        if result.score > 0 and criterion.weight > 0:
            what = "it holds" if result.passed else f"{_cut(result.score)} of it holds"
            yield place, f"{what} before anything is done"


def _without_nearest(check: Check, assertion: Any, view: View) -> Selection:
    """Select as a check does, and say nothing of what came near: nobody reads it here."""
    return replace(check.select(assertion, view), kind="")


def count_items(assertion: Json, entity: Json, checks: Mapping[str, Check]) -> int | None:
    """Return how many items an assertion is scored by, None for one that no check accepts."""
    proposition = parse_proposition(checks, assertion, entity)
    return None if isinstance(proposition, UnsupportedAssertion) else _items_of(proposition)


def _items_of(proposition: Proposition) -> int:
    match proposition:
        case Not():
            return 1
        case AnyOf():
            return max(map(_items_of, proposition.alternatives))
        case Asked():
            expected = Expectations.of(proposition.assertion)
            items = len(expected.fields) + len(expected.contains) + len(expected.not_contains)
            return 1 if expected.is_absent else max(items + (expected.count is not None), 1)


def _all_passed(criteria: Sequence[Criterion]) -> list[CriterionResult]:
    return [CriterionResult(c.id, c.label, c.axis, c.weight, True, 1.0, "", {}, False, c.required) for c in criteria]


def _cut(score: float | None) -> str:
    return f"{int((score or 0) * 100 + 1e-9) / 100:.2f}"
