"""Judge a selection: compare what a check found with what its assertion expects, for all checks.

An assertion may have `fields` (or `assertions`), `contains`, `not_contains`, `count` and `absent`.
Each field, each phrase and the count is one item; the score is the share of items that passed.
With fields or phrases and nothing found the score is 0; with nothing to compare, presence decides.
Knows nothing of simulators, criteria or weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox import jsonio
from sandbox.definitions.assertions import CountRange, FieldExpectation
from sandbox.jsonio import Json
from sandbox.scoring import evidence as ev
from sandbox.scoring.compare import FieldResult, compare_field, compare_phrase, describe_problem, find_text, read_path
from sandbox.scoring.evidence import CountResult, PhraseResult
from sandbox.scoring.nearest import find_nearest
from sandbox.scoring.phrases import words_of
from sandbox.simulators.base import Check, Selection, Subject

_MATCHED: Final = "matched"
_FAILURES_NAMED_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Judgement:
    """The outcome of one check: a score from 0 to 1, a sentence, and the evidence.

    `is_undecided`: something could not be evaluated. It did not pass, and its denial does not either.
    """

    score: float
    passed: bool
    details: str
    evidence: dict[str, Json]
    is_undecided: bool = False


@dataclass(frozen=True, slots=True)
class Expectations:
    """What an assertion expects of the subjects, whatever its check."""

    fields: tuple[FieldExpectation, ...]
    contains: tuple[str, ...]
    not_contains: tuple[str, ...]
    count: CountRange | None
    is_absent: bool

    @classmethod
    def of(cls, assertion: Any) -> "Expectations":
        """Read them from an assertion's model; what the model does not have is not expected."""
        return cls(
            (*(getattr(assertion, "fields", None) or ()), *(getattr(assertion, "assertions", None) or ())),
            _as_phrases(getattr(assertion, "contains", None)),
            _as_phrases(getattr(assertion, "not_contains", None)),
            getattr(assertion, "count", None),
            bool(getattr(assertion, "absent", False)),
        )

    def describe_problem(self, check: Check) -> str | None:
        """Return why they contradict each other or can never fail, None when they make sense."""
        for expectation in self.fields:
            problem = describe_problem(expectation)
            if problem is not None:
                return f"{expectation.path or ev.WHOLE}: {problem}"
        has_content = words_of if check.has_fuzzy_phrases else str.strip
        if not all(has_content(phrase) for phrase in (*self.contains, *self.not_contains)):
            return "contains or not_contains holds an empty phrase"
        if self.is_absent and (self.count is not None or self.not_contains):
            return "absent cannot be combined with count or not_contains"
        if self.count is None:
            return None
        if self.count.min is None and self.count.max is None:
            return "count needs min or max"
        if self.count.max is not None and self.count.max < (self.count.min or 0):
            return f"count.min {self.count.min} is more than count.max {self.count.max}"
        if self.count.max == 0 and (self.fields or self.contains or self.not_contains):
            return "count.max 0 leaves nothing to compare; use `absent: true` for things that satisfy the fields"
        return None


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One subject, or none, compared with the fields and phrases."""

    subject: Subject | None
    fields: tuple[FieldResult, ...]
    phrases: tuple[PhraseResult, ...]

    @property
    def hits(self) -> int:
        if self.subject is None:
            return 0
        return sum(result.passed for result in self.fields) + sum(result.passed for result in self.phrases)

    @property
    def total(self) -> int:
        return len(self.fields) + len(self.phrases)

    @property
    def is_satisfied(self) -> bool:
        return self.subject is not None and self.hits == self.total


def judge(check: Check, assertion: Any, selection: Selection) -> Judgement:
    """Compare the subjects of a selection with an assertion; what could not be evaluated or read fails it.

    Raises what the subjects' `values_at` raises for a path that cannot be read.
    """
    expected = Expectations.of(assertion)
    judgement = _judge(check, expected, selection)
    if selection.doubt is None:
        return judgement
    is_for_want = expected.is_absent or (expected.count is not None and expected.count.max is not None)
    if judgement.passed and not is_for_want:
        return judgement
    score = 0.0 if judgement.passed else judgement.score
    return Judgement(score, False, f"{judgement.details} {selection.doubt}", judgement.evidence, is_undecided=True)


def _judge(check: Check, expected: Expectations, selection: Selection) -> Judgement:
    compared = _compare_all(check, expected, selection.subjects)
    if selection.problem is not None:
        return Judgement(0.0, False, selection.problem, _evidence(check, selection, compared[0], None), True)
    if expected.is_absent:
        return _judge_absence(check, expected, selection, compared)
    picked = compared[0] if check.picks == "first" else max(compared, key=lambda comparison: comparison.hits)
    if check.picks == "any" or expected.not_contains:
        picked = _with_phrases_of_all(check, expected, picked, compared)
    count = _count(expected, selection, compared)
    hits, total = picked.hits, picked.total
    if count is not None and (picked.subject is not None or total == 0):
        hits, total = hits + count.passed, total + 1
    if total == 0:
        hits, total = int(picked.subject is not None), 1
    evidence = _evidence(check, selection, picked, count)
    details = _describe(check, selection, picked, count, hits, total)
    nearest = find_nearest(selection) if picked.subject is None and hits < total else None
    if nearest is not None:
        details = f"{details} {nearest.details}"
        evidence["nearest"] = nearest.evidence
    return Judgement(hits / total, hits == total, details, evidence)


def _as_phrases(value: str | Sequence[str] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _judge_absence(
    check: Check, expected: Expectations, selection: Selection, compared: Sequence[_Comparison]
) -> Judgement:
    offenders = [comparison for comparison in compared if comparison.is_satisfied]
    labels = [comparison.subject.label for comparison in offenders if comparison.subject is not None]
    shown = offenders[0] if offenders else _Comparison(None, (), ())
    evidence = _evidence(check, selection, shown, None)
    if check.matched_key not in selection.evidence:
        evidence[check.matched_key] = _matched(check, labels, labels[0] if labels else None)
    such = (
        f"{selection.sought} that satisfies the expectations"
        if expected.fields or expected.contains
        else selection.sought
    )
    if labels:
        details = f"Expected no {such}, but found {len(labels)}: {ev.enumerate_some(labels)}."
    else:
        details = f"Found no {such}, as expected."
    return Judgement(float(not labels), not labels, details, evidence)


def _compare_all(check: Check, expected: Expectations, subjects: Sequence[Subject]) -> list[_Comparison]:
    """Compare every subject that matters: all, unless only the first is looked at."""
    is_first_enough = check.picks == "first" and not (expected.is_absent or expected.count or expected.not_contains)
    looked_at = subjects[:1] if is_first_enough else subjects
    return [_compare(check, expected, subject) for subject in looked_at] or [_compare(check, expected, None)]


def _compare(check: Check, expected: Expectations, subject: Subject | None) -> _Comparison:
    if subject is None:
        fields = tuple(compare_field(expectation, []) for expectation in expected.fields)
        return _Comparison(None, fields, _phrases(check, expected, ()))
    values_at = subject.values_at or (lambda path: read_path(subject.value, path))
    fields = tuple(compare_field(expectation, values_at(expectation.path)) for expectation in expected.fields)
    return _Comparison(subject, fields, _phrases(check, expected, (subject,)))


def _phrases(check: Check, expected: Expectations, subjects: Sequence[Subject]) -> tuple[PhraseResult, ...]:
    """Look for each phrase in the subjects, up to the first one that holds it."""
    wanted = [(phrase, False) for phrase in expected.contains] + [(phrase, True) for phrase in expected.not_contains]
    return tuple(_phrase(check, phrase, is_forbidden, subjects) for phrase, is_forbidden in wanted)


def _phrase(check: Check, phrase: str, is_forbidden: bool, subjects: Sequence[Subject]) -> PhraseResult:
    look = compare_phrase if check.has_fuzzy_phrases else find_text
    ratio = 0.0
    for subject in subjects:
        match = look(phrase, _text_of(subject))
        if match.found:
            return PhraseResult(phrase, is_forbidden, True, subject.label, match.ratio)
        ratio = max(ratio, match.ratio)
    return PhraseResult(phrase, is_forbidden, False, None, ratio)


def _text_of(subject: Subject) -> str:
    if subject.text is not None:
        return subject.text
    if isinstance(subject.value, str):
        return subject.value
    return "" if subject.value is None else jsonio.dump(subject.value).decode()


def _with_phrases_of_all(
    check: Check, expected: Expectations, picked: _Comparison, compared: Sequence[_Comparison]
) -> _Comparison:
    """Return the comparison with forbidden phrases (and, for `any`, wanted ones) sought everywhere."""
    merged = []
    for index, own in enumerate(picked.phrases):
        if own.is_forbidden or check.picks == "any":
            everywhere = [comparison.phrases[index] for comparison in compared]
            own = next((result for result in everywhere if result.found), max(everywhere, key=lambda r: r.ratio))
        merged.append(own)
    return _Comparison(picked.subject, picked.fields, tuple(merged))


def _count(expected: Expectations, selection: Selection, compared: Sequence[_Comparison]) -> CountResult | None:
    if expected.count is None:
        return None
    satisfying = sum(comparison.is_satisfied for comparison in compared)
    return CountResult(expected.count.min, expected.count.max, len(selection.subjects), satisfying)


def _evidence(check: Check, selection: Selection, picked: _Comparison, count: CountResult | None) -> dict[str, Json]:
    is_found = picked.subject is not None
    labels = [subject.label for subject in selection.subjects]
    evidence: dict[str, Json] = {}
    if _has_fields(check):
        evidence[check.results_key] = [ev.field_evidence(r, r.passed and is_found) for r in picked.fields]
    evidence |= {
        check.matched_key: _matched(check, labels, picked.subject.label if picked.subject else None),
        "total": len(labels),
    }
    if picked.phrases:
        evidence["phrase_results"] = [ev.phrase_evidence(r, r.passed and is_found) for r in picked.phrases]
    if count is not None:
        evidence["count"] = ev.count_evidence(count)
    return {**evidence, **selection.evidence}


def _has_fields(check: Check) -> bool:
    return not {"fields", "assertions"}.isdisjoint(check.model.model_fields)


def _matched(check: Check, labels: list[str], picked: str | None) -> Json:
    is_list = check.matched_key == _MATCHED or check.matched_key.endswith("s")
    return labels[: ev.LABELS_MAX] if is_list else picked


def _describe(
    check: Check, selection: Selection, picked: _Comparison, count: CountResult | None, hits: int, total: int
) -> str:
    if picked.subject is None:
        if count is None or picked.total > 0:
            return f"Found no {selection.sought}."
        return f"Found no {selection.sought}{', as expected' if count.passed else f'; {ev.describe_count(count)}'}."
    found = len(selection.subjects)
    which = "first" if check.picks == "first" else "best"
    head = f"{picked.subject.label} matched" + (f" ({which} of {found})" if found > 1 else "")
    if picked.total == 0 and count is None:
        return f"{head}."
    failures = [ev.describe_field(result) for result in picked.fields if not result.passed]
    failures += [ev.describe_phrase(result) for result in picked.phrases if not result.passed]
    if count is not None and not count.passed:
        failures.append(f"{selection.sought}: {ev.describe_count(count)}")
    thing = "expectation" if picked.phrases or count is not None else "field"
    if not failures:
        return f"{head}; {f'all {total} {thing}s' if total > 1 else f'1 {thing}'} passed."
    more = f"; and {len(failures) - _FAILURES_NAMED_MAX} more" if len(failures) > _FAILURES_NAMED_MAX else ""
    return f"{head}; {hits} of {total} {thing}s passed: {'; '.join(failures[:_FAILURES_NAMED_MAX])}{more}."
