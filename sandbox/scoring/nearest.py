"""What came near where a check found nothing: the one search for it, for every check.

Deterministic: of equal candidates the first counts, in the order their simulator gives them.
Bounded: no more than `CANDIDATES_MAX` are looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from rapidfuzz import fuzz

from sandbox.equality import to_text
from sandbox.jsonio import Json
from sandbox.scoring.compare import FieldResult
from sandbox.scoring.evidence import describe_field, field_evidence
from sandbox.simulators.base import Candidate, Condition, Selection

CANDIDATES_MAX: Final = 1_000
_DIFFERENCES_NAMED_MAX: Final = 3
_COMPARED_CHARS_MAX: Final = 200
_COMPARED_VALUES_MAX: Final = 10
_LIKE_MIN: Final = 0.6


@dataclass(frozen=True, slots=True)
class Nearest:
    """What comes nearest to what a check looked for: a sentence, and the same as evidence."""

    details: str
    evidence: Json


def find_nearest(selection: Selection) -> Nearest | None:
    """Return what comes nearest, None when nothing does.

    What was made or changed during the task run is preferred to what was there before, and comes near
    however much it differs; of the rest, what meets some condition or is much like it.
    """
    if not selection.kind:
        return None
    candidates = list(islice(selection.candidates(), CANDIDATES_MAX))
    if not candidates:
        return Nearest(f"There is no {selection.kind} at all.", None)
    new = [candidate for candidate in candidates if candidate.is_new]
    pool = new or [candidate for candidate in candidates if _comes_near(candidate)]
    if not pool:
        return None
    best = max(pool, key=_closeness)
    failed = [_as_result(condition) for condition in best.conditions if not condition.passed]
    which = _which(selection.kind, pool, is_among_older=bool(new) and len(new) < len(candidates))
    more = len(failed) - _DIFFERENCES_NAMED_MAX
    differences = "; ".join(map(describe_field, failed[:_DIFFERENCES_NAMED_MAX])) + (
        f"; and {more} more" if more > 0 else ""
    )
    evidence = {"label": best.label, "differences": [field_evidence(result) for result in failed]}
    return Nearest(f"{which}, {best.label}, differs: {differences}.", evidence)


def _which(kind: str, pool: Sequence[Candidate], *, is_among_older: bool) -> str:
    new = "new " if is_among_older else ""
    if len(pool) == 1 and pool[0].is_new:
        return f"The only {new}{kind}"
    return f"The nearest of {len(pool)} new ones" if new else f"The nearest {kind}"


def _comes_near(candidate: Candidate) -> bool:
    return any(condition.passed or _likeness(condition) >= _LIKE_MIN for condition in candidate.conditions)


def _closeness(candidate: Candidate) -> tuple[int, tuple[bool, ...], float]:
    """Rank by how many conditions are met, then by the first of them that is (they are written the most telling
    first), then by how much alike the rest is."""
    passed = tuple(condition.passed for condition in candidate.conditions)
    return sum(passed), passed, sum(_likeness(c) for c in candidate.conditions if not c.passed)


def _likeness(condition: Condition) -> float:
    """Return how much alike the texts of a condition's two values are, from 0 to 1."""
    wanted = condition.expected
    if condition.mode != "expected" and isinstance(wanted, dict):
        wanted = wanted.get(condition.mode)
    actual = condition.actual if isinstance(condition.actual, list) else [condition.actual]
    sought = to_text(wanted)
    if sought is None:
        return 0.0
    texts = [text for value in actual[:_COMPARED_VALUES_MAX] if (text := to_text(value)) is not None]
    ratios = (fuzz.ratio(sought[:_COMPARED_CHARS_MAX], text[:_COMPARED_CHARS_MAX]) for text in texts)
    return float(max(ratios, default=0.0)) / 100


def _as_result(condition: Condition) -> FieldResult:
    return FieldResult(condition.path, condition.mode, condition.expected, condition.actual, condition.passed)
