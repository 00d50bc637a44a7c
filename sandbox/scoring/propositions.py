"""Whether a proposition holds on recorded state and events: one assertion, alternatives, a denial.

What cannot be evaluated is neither true nor false: it fails, and so does its denial. Alternatives hold where one
of them does, whatever became of the others.
"""

from collections.abc import Sequence

from sandbox.errors import Invalid, SandboxError
from sandbox.jsonio import Json
from sandbox.scoring.judge import Judgement, judge
from sandbox.scoring.parsing import ANY_OF, NOT, AnyOf, Asked, Not, Proposition, UnsupportedAssertion
from sandbox.simulators.base import View


class CheckBroke(Exception):
    """An error of ours in a check, not of its assertion."""

    def __init__(self, check: str, cause: Exception) -> None:
        super().__init__(f"The check {check} broke: {type(cause).__name__}: {cause}")
        self.check = check


def decide(proposition: Proposition, view: View) -> Judgement:
    """Judge a proposition. Raises `CheckBroke`."""
    match proposition:
        case AnyOf():
            return _any_of([decide(alternative, view) for alternative in proposition.alternatives])
        case Not():
            return _not(decide(proposition.denied, view))
        case Asked():
            return _ask(proposition, view)


def _ask(asked: Asked, view: View) -> Judgement:
    try:
        return judge(asked.check, asked.assertion, asked.check.select(asked.assertion, view))
    except Invalid as error:
        return _undecided(UnsupportedAssertion(error.message).details)
    except SandboxError as error:
        return _undecided(f"The check could not be made: {error.message}")
    except Exception as error:
        raise CheckBroke(asked.check.name, error) from error


def _undecided(details: str) -> Judgement:
    return Judgement(0.0, False, details, {}, is_undecided=True)


def _any_of(found: Sequence[Judgement]) -> Judgement:
    best = max(found, key=lambda judgement: (judgement.passed, judgement.score))
    evidence = {ANY_OF: [_as_evidence(judgement) for judgement in found]}
    if best.passed:
        return Judgement(1.0, True, f"One of {len(found)} alternatives holds: {best.details}", evidence)
    told = " ".join(f"{number}. {judgement.details}" for number, judgement in enumerate(found, 1))
    details = f"None of {len(found)} alternatives holds: {told}"
    return Judgement(best.score, False, details, evidence, any(judgement.is_undecided for judgement in found))


def _not(found: Judgement) -> Judgement:
    evidence = {NOT: _as_evidence(found)}
    if found.is_undecided:
        return Judgement(0.0, False, found.details, evidence, is_undecided=True)
    said = "It holds, and should not: " if found.passed else "It does not hold, as expected: "
    return Judgement(float(not found.passed), not found.passed, said + found.details, evidence)


def _as_evidence(judgement: Judgement) -> Json:
    return {
        "passed": judgement.passed,
        "score": judgement.score,
        "details": judgement.details,
        "evidence": judgement.evidence,
    }
