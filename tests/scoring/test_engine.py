import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Malformed, NotFound, TooLarge, Unsupported
from sandbox.playground.branch import Seed
from sandbox.scoring.engine import run_criterion, score_task
from sandbox.scoring.parsing import UnsupportedAssertion, parse_assertion
from sandbox.scoring.scores import (
    AxisScore,
    Criterion,
    CriterionResult,
    TaskScore,
    aggregate,
    score_run,
    verdict_of,
    wire_score,
)


def outcome(score, weight=1.0, axis=None, id="c", error=False):
    return CriterionResult(id, id, axis, weight, score == 1, score, "", {}, error)


@pytest.mark.parametrize(
    ("results", "score", "verdict"),
    [
        ([], 0, "fail"),
        ([outcome(1)], 1, "pass"),
        ([outcome(0)], 0, "fail"),
        ([outcome(1), outcome(0)], 0.5, "partial"),
        ([outcome(1, 2), outcome(0, 1)], 2 / 3, "partial"),
        ([outcome(1, 9), outcome(0, 1)], 0.9, "pass"),
        ([outcome(1, 8.999), outcome(0, 1.001)], 0.8999, "partial"),
        ([outcome(1, 0.9), outcome(0, 0.1)], 0.9, "pass"),
        ([outcome(1, 0.1)] * 9 + [outcome(0, 0.1)], 0.9, "pass"),
        ([outcome(1, 0), outcome(0, 1)], 0, "fail"),
        ([outcome(0, 0), outcome(1, 1)], 1, "pass"),
        ([outcome(1, 0)], 0, "fail"),
        ([outcome(1, 0), outcome(1, 0)], 0, "fail"),
        ([outcome(1 / 3), outcome(2 / 3)], 0.5, "partial"),
        ([outcome(1, 1e308), outcome(0, 1e308)], 0.5, "partial"),
        ([outcome(1, 1e-9), outcome(0, 1)], 1e-9 / (1 + 1e-9), "partial"),
    ],
)
def test_task_score_is_the_weighted_mean(results, score, verdict):
    scored = aggregate(results)
    assert scored.score == pytest.approx(score, abs=1e-15)
    assert scored.verdict == verdict
    assert scored.results == tuple(results)
    assert scored.failed_criterion is None


def test_axes_are_weighted_means_of_their_own():
    results = [
        outcome(1, 2, "correctness"),
        outcome(0.5, 2, "correctness"),
        outcome(0, 0.1, "safety"),
        outcome(1, 0.2, "safety"),
        outcome(1, 3),
        outcome(0, 0, "shown only"),
        outcome(0.5, 1, ""),
    ]
    assert aggregate(results).axes == {
        "correctness": AxisScore(0.75, 4),
        "safety": AxisScore(2 / 3, 0.3),
        "__default__": AxisScore(0.875, 4),
    }


def test_weights_beyond_what_a_number_can_hold_do_not_break_the_sum():
    scored = aggregate([outcome(1, 1.7e308, "a"), outcome(0, 1.7e308, "a")])
    assert (scored.score, scored.axes["a"].score) == (0.5, 0.5)
    assert scored.axes["a"].weight == pytest.approx(1.797e308, rel=1e-3)


def test_a_check_that_broke_leaves_no_score():
    results = [outcome(1), outcome(0, id="crit_2", error=True), outcome(0, id="crit_3", error=True)]
    assert aggregate(results) == TaskScore(None, None, {}, tuple(results), "crit_2")


@pytest.mark.parametrize(
    ("score", "verdict"), [(1, "pass"), (0.9, "pass"), (0.89999999, "partial"), (1e-12, "partial"), (0, "fail")]
)
def test_verdict_thresholds(score, verdict):
    assert verdict_of(score) == verdict


@pytest.mark.parametrize(
    ("scores", "mean"),
    [
        ([1, 0.5], 0.75),
        ([1, None], 0.5),
        ([0, None], 0),
        ([None, None], None),
        ([], None),
        ([0.1] * 3, 0.1),
        ([2 / 3, 2 / 3, 2 / 3], 2 / 3),
    ],
)
def test_a_runs_score_is_the_mean_of_its_tasks(scores, mean):
    assert score_run(scores) == mean


@pytest.mark.parametrize(
    ("score", "wire"), [(2 / 3, 0.666667), (1.0, 1.0), (None, None), (0.0000004, 0.0), (0.8999996, 0.9)]
)
def test_scores_are_rounded_on_the_wire(score, wire):
    assert wire_score(score) == wire


def test_rounding_does_not_lift_a_score_over_the_threshold():
    scored = aggregate([outcome(1, 0.8999996), outcome(0, 0.1000004)])
    assert (wire_score(scored.score), scored.verdict) == (0.9, "partial")


@pytest.mark.parametrize("weight", [-1, -0.0001, float("nan"), float("inf")])
def test_a_weight_is_a_number_of_at_least_zero(weight):
    with pytest.raises(ValueError, match="crit_9"):
        Criterion("crit_9", "x", weight, None, {})


SCORES = st.builds(
    lambda hits, total: min(hits, total) / total, st.integers(min_value=0, max_value=20), st.integers(1, 20)
)
WEIGHTS = st.floats(min_value=0, allow_infinity=False, allow_nan=False) | st.integers(0, 10)
RESULTS = st.lists(st.builds(outcome, SCORES, WEIGHTS, st.sampled_from([None, "a", "b"])), max_size=8)


@given(RESULTS, st.randoms(use_true_random=False))
def test_scores_lie_between_0_and_1_and_do_not_depend_on_the_order(results, rng):
    scored = aggregate(results)
    assert 0 <= scored.score <= 1
    assert all(0 <= axis.score <= 1 and axis.weight > 0 for axis in scored.axes.values())
    shuffled = list(results)
    rng.shuffle(shuffled)
    again = aggregate(shuffled)
    assert (again.score, again.verdict, again.axes) == (scored.score, scored.verdict, scored.axes)


@given(RESULTS)
def test_a_better_criterion_never_lowers_the_score(results):
    before = aggregate(results).score
    for index, result in enumerate(results):
        improved = [*results[:index], replace(result, score=1.0), *results[index + 1 :]]
        assert aggregate(improved).score >= before


@given(RESULTS)
def test_criteria_of_weight_0_do_not_count(results):
    scored = aggregate([*results, outcome(1, 0, "extra"), outcome(0, 0, "a")])
    alone = aggregate(results)
    assert (scored.score, scored.verdict, scored.axes) == (alone.score, alone.verdict, alone.axes)
    assert len(scored.results) == len(results) + 2


@pytest.mark.parametrize(
    ("assertion", "reason"),
    [
        (None, "an assertion is an object"),
        ([], "an assertion is an object"),
        ({}, "`assert` is missing"),
        ({"assert": 5}, "`assert` is missing"),
        ({"assert": "tyo"}, 'no check is called "tyo"; did you mean "toy"?'),
        ({"assert": "zzzzzz"}, "there are agent-output, interaction, state-equals-solution, state-unchanged, toy"),
        ({"assert": "toy", "fieldz": []}, "toy: fieldz: Extra inputs are not permitted"),
        ({"assert": "toy", "fields": [{"path": "a"}]}, "toy: fields.0: give `expected` or one of"),
        ({"assert": "toy", "fields": [{"expected": 1}]}, "fields.0.path: Field required"),
        ({"assert": "toy", "fields": [{"path": "a", "expected": 1, "matches": "x"}]}, "give one expectation, not"),
        ({"assert": "toy", "fields": [{"path": "a", "matches": "("}]}, "not a regular expression"),
        ({"assert": "toy", "fields": "status"}, "fields: Input should be a valid list"),
        ({"assert": "toy", "count": {"min": -1}}, "count.min"),
        ({"assert": "toy", "where": {"id": "{entity.id}"}}, "has no input_entity"),
        ({"assert": "toy", "where": {"mrn": 10**30}}, "it cannot be written as JSON (Integer exceeds 64-bit range)"),
        ({"assert": "toy", "where": {5: 5}}, "it cannot be written as JSON (Dict key must be str)"),
        ({"assert": "toy", "count": {}}, "toy: count needs min or max"),
    ],
)
def test_an_assertion_that_no_check_accepts_is_a_failed_criterion_that_says_why(toy, world, assertion, reason):
    parsed = parse_assertion(toy(), assertion)
    assert isinstance(parsed, UnsupportedAssertion)
    assert reason in parsed.reason
    result = run_criterion(Criterion("c", "l", 1, None, assertion), world.view(), toy())
    assert result.details == f"unsupported assertion: {parsed.reason}"
    assert (result.passed, result.score, result.error, result.evidence) == (False, 0, False, {})


def test_an_assertion_takes_the_entitys_values(toy, toy_world, criterion):
    view = toy_world({"patient": "Patient/maria", "n": 5}).view()
    entity = {"id": "maria", "n": 5}
    bound = criterion(
        where={"patient": "Patient/{entity.id}"}, fields=[{"path": "n", "expected": "{entity.n}"}], entity=entity
    )
    result = run_criterion(bound, view, toy())
    assert result.passed
    assert result.evidence["field_results"][0]["expected"] == 5
    other = run_criterion(replace(bound, entity={"id": "li", "n": 5}), view, toy())
    assert other.details == "Found no toy item."


@pytest.mark.parametrize(
    ("error", "details", "is_error"),
    [
        (Unsupported("no search parameter foo"), "unsupported assertion: no search parameter foo", False),
        (TooLarge("more than 10000 results"), "The check could not be made: more than 10000 results", False),
        (Malformed("not JSON"), "The check could not be made: not JSON", False),
        (NotFound("no such thing"), "The check could not be made: no such thing", False),
        (ValueError("oops"), "The check toy broke: ValueError: oops", True),
        (KeyError("x"), "The check toy broke: KeyError: 'x'", True),
        (RecursionError("deep"), "The check toy broke: RecursionError: deep", True),
    ],
)
@pytest.mark.parametrize("place", ["select", "values_at"])
def test_what_a_check_raises_never_escapes(toy, world, criterion, error, details, is_error, place):
    from sandbox.simulators.base import Selection, Subject

    def broken(*args):
        raise error

    def select(assertion, view):
        return Selection("thing", (Subject("a", values_at=broken),))

    checks = toy(select=broken if place == "select" else select)
    asked = criterion(id="crit_7", fields=[{"path": "a", "expected": 1}])
    result = run_criterion(asked, world.view(), checks)
    assert (result.details, result.error, result.score, result.passed) == (details, is_error, 0, False)
    scored = score_task([criterion("agent-output"), asked], world.view(), checks)
    assert scored.failed_criterion == ("crit_7" if is_error else None)
    assert (scored.verdict is None) is is_error


def test_a_result_carries_its_criterion(toy, world, criterion):
    result = run_criterion(criterion(id="crit_5", weight=2.5, axis="safety"), world.view(), toy())
    assert (result.criterion_id, result.label, result.axis, result.weight) == (
        "crit_5",
        "label of crit_5",
        "safety",
        2.5,
    )


def test_a_check_cannot_change_what_it_scores(toy, toy_world, criterion):
    from sandbox.simulators.base import Selection

    def vandal(assertion, view):
        view.branch.put("toy/items", "0", "broken")
        view.baseline.put("toy/items", "0", "broken")
        return Selection("thing", ())

    view = toy_world({"a": 1}).view()
    before = (view.branch.state_hash(), view.baseline.state_hash())
    score_task([criterion()], view, toy(select=vandal))
    assert (view.branch.state_hash(), view.baseline.state_hash()) == before


ROWS = st.lists(
    st.fixed_dictionaries({"status": st.sampled_from(["booked", "pending"]), "n": st.integers(0, 3)}), max_size=4
)
ASSERTIONS = st.fixed_dictionaries(
    {"assert": st.just("toy")},
    optional={
        "where": st.fixed_dictionaries({}, optional={"n": st.integers(0, 3)}),
        "fields": st.lists(
            st.sampled_from(
                [
                    {"path": "status", "expected": "booked"},
                    {"path": "n", "min": 2},
                    {"path": "gone", "exists": False},
                    {"path": "*", "one_of": ["pending", 0]},
                ]
            ),
            max_size=3,
        ),
        "contains": st.lists(st.sampled_from(["booked", "1"]), max_size=2),
        "not_contains": st.lists(st.sampled_from(["pending", "3"]), max_size=2),
        "count": st.fixed_dictionaries({}, optional={"min": st.integers(0, 2), "max": st.integers(0, 2)}),
        "absent": st.booleans(),
    },
)


@given(ROWS, st.lists(ASSERTIONS, max_size=4), st.sampled_from(["first", "best", "any"]), st.booleans(), st.integers())
def test_scoring_is_deterministic_bounded_and_pure(rows, assertions, picks, is_fuzzy, shuffle):
    from sandbox.playground.branch import Branch
    from sandbox.scoring.checks import all_checks
    from sandbox.simulators.base import View

    checks = {**all_checks([]), "toy": replace(_toy(), picks=picks, has_fuzzy_phrases=is_fuzzy)}
    branch = Branch(Seed.of({"toy/items": {}}))
    baseline = branch.fork()
    for index, row in enumerate(rows):
        branch.put("toy/items", str(index), row)
    view = View(branch, baseline, (), (), None, None)
    criteria = [Criterion(f"c{i}", f"c{i}", i + 1, None, a) for i, a in enumerate(assertions)]
    before = branch.state_hash()
    scored = score_task(criteria, view, checks)
    assert score_task(criteria, view, checks) == scored
    assert branch.state_hash() == before
    assert 0 <= scored.score <= 1
    assert all(0 <= r.score <= 1 and r.passed == (r.score == 1) and not r.error for r in scored.results)
    assert all(r.details.endswith(".") or r.details.startswith("unsupported") for r in scored.results)
    random.Random(shuffle).shuffle(criteria)
    again = score_task(criteria, view, checks)
    assert again.score == scored.score
    assert {r.criterion_id: r for r in again.results} == {r.criterion_id: r for r in scored.results}


def _toy():
    from typing import Any

    from pydantic import Field

    from sandbox.definitions.assertions import Assertion, CountRange, FieldExpectation
    from sandbox.simulators.base import Check, Selection, Subject

    class Model(Assertion):
        where: dict[str, Any] = Field(default_factory=dict)
        fields: list[FieldExpectation] = Field(default_factory=list)
        contains: list[str] = Field(default_factory=list)
        not_contains: list[str] = Field(default_factory=list)
        count: CountRange | None = None
        absent: bool = False

    def select(assertion, view):
        rows = view.branch.items("toy/items")
        fits = [(key, row) for key, row in rows if all(row.get(k) == v for k, v in assertion.where.items())]
        return Selection("toy item", tuple(Subject(key, row) for key, row in fits))

    return Check("toy", Model, select)
