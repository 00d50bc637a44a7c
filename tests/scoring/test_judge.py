"""How a selection is judged, through `run_criterion`, with a small check of the tests' own."""

import pytest

from sandbox import jsonio
from sandbox.scoring.engine import run_criterion
from sandbox.simulators.base import Selection, Subject

BOOKED = {"status": "booked", "day": "friday", "note": "Call Maria Chen"}
PENDING = {"status": "pending", "day": "friday", "note": "nothing to say"}
OLD = {"status": "pending", "day": "monday", "note": ""}


def status(value):
    return {"path": "status", "expected": value}


def day(value):
    return {"path": "day", "expected": value}


@pytest.fixture
def run(toy_world, toy, criterion):
    def go(rows, *, check=None, **assertion):
        return run_criterion(criterion(**assertion), toy_world(*rows).view(), toy(**(check or {})))

    return go


@pytest.mark.parametrize(
    ("rows", "assertion", "score", "details"),
    [
        # presence alone
        ([BOOKED], {}, 1, "0 matched."),
        ([BOOKED, OLD], {}, 1, "0 matched (first of 2)."),
        ([], {}, 0, "Found no toy item."),
        ([OLD], {"where": {"day": "friday"}}, 0, "Found no toy item."),
        # fields of the first
        ([BOOKED], {"fields": [status("booked")]}, 1, "0 matched; 1 field passed."),
        ([BOOKED], {"fields": [status("booked"), day("friday")]}, 1, "0 matched; all 2 fields passed."),
        (
            [PENDING],
            {"fields": [status("booked"), day("friday")]},
            0.5,
            '0 matched; 1 of 2 fields passed: status expected "booked", found "pending".',
        ),
        (
            [PENDING, BOOKED],
            {"fields": [status("booked")]},
            0,
            '0 matched (first of 2); 0 of 1 fields passed: status expected "booked", found "pending".',
        ),
        ([], {"fields": [status("booked"), day("friday")]}, 0, "Found no toy item."),
        ([], {"fields": [{"path": "status", "expected": None}]}, 0, "Found no toy item."),
        ([], {"fields": [{"path": "status", "exists": False}]}, 0, "Found no toy item."),
        ([BOOKED], {"fields": [{"path": "gone", "expected": None}]}, 1, "0 matched; 1 field passed."),
        # absent
        ([], {"absent": True}, 1, "Found no toy item, as expected."),
        ([BOOKED, OLD], {"absent": True}, 0, "Expected no toy item, but found 2: 0, 1."),
        (
            [PENDING],
            {"absent": True, "fields": [status("booked"), day("friday")]},
            1,
            "Found no toy item that satisfies the expectations, as expected.",
        ),
        (
            [OLD, BOOKED],
            {"absent": True, "fields": [status("booked"), day("friday")]},
            0,
            "Expected no toy item that satisfies the expectations, but found 1: 1.",
        ),
        ([PENDING], {"absent": True, "contains": ["Maria"]}, 1, None),
        ([PENDING, BOOKED], {"absent": True, "contains": ["Maria"]}, 0, None),
        # count
        ([], {"count": {"max": 0}}, 1, "Found no toy item, as expected."),
        ([], {"count": {"min": 1}}, 0, "Found no toy item; expected at least 1, found 0."),
        (
            [BOOKED],
            {"count": {"max": 0}},
            0,
            "0 matched; 0 of 1 expectations passed: toy item: expected at most 0, found 1.",
        ),
        ([BOOKED], {"count": {"min": 1, "max": 1}}, 1, "0 matched; 1 expectation passed."),
        ([BOOKED, OLD], {"count": {"min": 1, "max": 1}}, 0, None),
        ([BOOKED, OLD], {"count": {"min": 3}}, 0, None),
        ([BOOKED, OLD], {"count": {"min": 2, "max": 2}}, 1, None),
        # count with fields: enough must satisfy them, not too many may exist
        ([BOOKED, BOOKED, OLD], {"count": {"min": 2}, "fields": [status("booked")]}, 1, None),
        (
            [BOOKED, OLD, OLD],
            {"count": {"min": 2}, "fields": [status("booked")]},
            0.5,
            "0 matched (first of 3); 1 of 2 expectations passed: toy item: expected at least 2, found 3 of which 1 "
            "satisfy the expectations.",
        ),
        ([BOOKED, OLD], {"count": {"max": 1}, "fields": [status("booked")]}, 0.5, None),
        ([BOOKED], {"count": {"max": 1}, "fields": [status("booked")]}, 1, None),
        ([], {"count": {"max": 1}, "fields": [status("booked")]}, 0, "Found no toy item."),
        # phrases
        ([BOOKED], {"contains": ["Maria Chen", "Call"]}, 1, "0 matched; all 2 expectations passed."),
        ([BOOKED], {"contains": ["maria chen"]}, 0, '0 matched; 0 of 1 expectations passed: "maria chen" is missing.'),
        ([BOOKED], {"contains": ["Maria", "Rivera"]}, 0.5, None),
        ([BOOKED], {"not_contains": ["Rivera"]}, 1, None),
        (
            [BOOKED],
            {"not_contains": ["Maria", "Rivera"]},
            0.5,
            '0 matched; 1 of 2 expectations passed: "Maria" is not allowed, but is in 0.',
        ),
        ([], {"not_contains": ["Maria"]}, 0, "Found no toy item."),
        ([PENDING, BOOKED], {"not_contains": ["Maria"]}, 0, None),
        ([PENDING, BOOKED], {"contains": ["Maria"]}, 0, None),
        ([BOOKED], {"fields": [status("pending")], "contains": ["Maria"], "count": {"max": 1}}, 2 / 3, None),
    ],
)
def test_scores_and_sentences(run, rows, assertion, score, details):
    result = run(rows, **assertion)
    assert result.score == score
    assert result.passed is (score == 1)
    assert not result.error
    if details is not None:
        assert result.details == details


@pytest.mark.parametrize(
    ("picks", "rows", "assertion", "score"),
    [
        ("first", [OLD, BOOKED], {"fields": [status("booked"), day("friday")]}, 0),
        ("best", [OLD, PENDING, BOOKED], {"fields": [status("booked"), day("friday")]}, 1),
        ("best", [OLD, PENDING], {"fields": [status("booked"), day("friday")]}, 0.5),
        ("best", [PENDING, BOOKED], {"contains": ["Maria"]}, 1),
        ("best", [{"note": "one"}, {"note": "two"}], {"contains": ["one", "two"]}, 0.5),
        ("any", [{"note": "one"}, {"note": "two"}], {"contains": ["one", "two"]}, 1),
        ("any", [{"note": "one"}, {"note": "two"}], {"contains": ["one", "three"]}, 0.5),
        ("any", [{"note": "one"}, {"note": "two"}], {"contains": ["one"], "not_contains": ["two"]}, 0.5),
        ("best", [{"note": "one"}, {"note": "two"}], {"contains": ["one"], "not_contains": ["two"]}, 0.5),
        ("any", [], {"contains": ["one"]}, 0),
    ],
)
def test_which_subject_is_compared(run, picks, rows, assertion, score):
    assert run(rows, check={"picks": picks}, **assertion).score == score


def test_the_first_of_equally_good_ones_is_taken(run):
    fields = [status("booked"), day("friday")]
    result = run(
        [OLD, PENDING, {"status": "booked"}], check={"picks": "best", "matched_key": "matched_row"}, fields=fields
    )
    assert result.evidence["matched_row"] == "1"
    assert result.details.startswith("1 matched (best of 3); 1 of 2")


def test_fuzzy_phrases_only_where_the_check_says_so(run):
    assert run([BOOKED], contains=["CALL, maria-chen!"]).score == 0
    result = run([BOOKED], check={"has_fuzzy_phrases": True}, contains=["CALL, mario-chen!"])
    assert result.score == 1
    assert result.evidence["phrase_results"] == [
        {"phrase": "CALL, mario-chen!", "found": True, "turn": "0", "ratio": 93.3, "forbidden": False, "passed": True}
    ]


def test_a_phrase_that_is_almost_there_shows_how_near_it_came(run):
    result = run([BOOKED], check={"has_fuzzy_phrases": True}, contains=["Call Mark Chang"])
    (phrase,) = result.evidence["phrase_results"]
    assert (phrase["found"], phrase["turn"], phrase["passed"]) == (False, None, False)
    assert 50 < phrase["ratio"] < 85


def test_evidence_has_the_documented_shape(run):
    result = run([PENDING, BOOKED], fields=[status("booked"), day("friday"), {"path": "x", "one_of": [1, 2]}])
    assert result.evidence == {
        "field_results": [
            {"path": "status", "expected": "booked", "actual": "pending", "passed": False},
            {"path": "day", "expected": "friday", "actual": "friday", "passed": True},
            {"path": "x", "expected": {"one_of": [1, 2]}, "actual": None, "passed": False},
        ],
        "matched": ["0", "1"],
        "total": 2,
    }


def test_evidence_without_a_match_shows_every_field_as_null_and_failed(run):
    fields = [status("booked"), {"path": "gone", "expected": None}, {"path": "gone", "exists": False}]
    result = run([], fields=fields, not_contains=["x"], count={"max": 3})
    assert [(r["actual"], r["passed"]) for r in result.evidence["field_results"]] == [(None, False)] * 3
    assert [r["passed"] for r in result.evidence["phrase_results"]] == [False]
    assert result.evidence["count"] == {"min": None, "max": 3, "found": 0, "satisfying": 0, "passed": True}
    assert (result.evidence["matched"], result.evidence["total"]) == ([], 0)


@pytest.mark.parametrize(
    ("matched_key", "matched"),
    [("matched", ["0", "1"]), ("matched_paths", ["0", "1"]), ("matched_row", "0"), ("matched_message_id", "0")],
)
def test_evidence_names_what_matched(run, matched_key, matched):
    result = run(
        [BOOKED, OLD], check={"matched_key": matched_key, "results_key": "assertion_results"}, fields=[day("x")]
    )
    assert result.evidence[matched_key] == matched
    assert len(result.evidence["assertion_results"]) == 1


def test_absence_shows_the_offenders_only(run):
    result = run([OLD, BOOKED, BOOKED], absent=True, fields=[status("booked")])
    assert result.evidence["matched"] == ["1", "2"]
    assert result.evidence["field_results"] == [
        {"path": "status", "expected": "booked", "actual": "booked", "passed": True}
    ]
    assert run([OLD], absent=True, fields=[status("booked")]).evidence["matched"] == []
    single = run([OLD], check={"matched_key": "matched_row"}, absent=True, fields=[status("booked")])
    assert single.evidence["matched_row"] is None


def test_a_checks_own_evidence_is_added_and_wins(run):
    def select(assertion, view):
        return Selection("thing", (Subject("a", {}),), {"matched": ["Patient/1"], "total": 7, "query": "x=1"})

    result = run([], check={"select": select})
    assert result.evidence == {"field_results": [], "matched": ["Patient/1"], "total": 7, "query": "x=1"}
    offended = run([], check={"select": select}, absent=True)
    assert (offended.score, offended.evidence["matched"]) == (0, ["Patient/1"])


def test_a_check_may_read_paths_its_own_way_and_have_its_own_text(run):
    def select(assertion, view):
        return Selection("thing", (Subject("a", None, lambda path: [path, "PID"], "the text"),))

    assert run([], check={"select": select}, fields=[{"path": "PID.5", "expected": "PID.5"}]).passed
    assert run([], check={"select": select}, contains=["the text"]).passed
    assert not run([], check={"select": select}, contains=["PID"]).passed


def test_the_text_of_a_subject_without_one_is_its_value(run):
    assert run(["plain words"], contains=["plain words"]).passed
    assert run([{"a": {"b": "deep"}}], contains=['"b":"deep"']).passed


def test_large_values_and_many_matches_are_bounded(run):
    result = run([{"status": "x" * 100_000}] * 300, fields=[status("y" * 100_000)])
    assert len(jsonio.dump(result.evidence)) < 16_000
    (field,) = result.evidence["field_results"]
    assert field["actual"]["truncated"] and field["actual"]["bytes"] == 100_002
    assert len(result.evidence["matched"]) == 100
    assert result.evidence["total"] == 300
    assert len(result.details) < 400


def test_long_lists_of_failures_are_cut(run):
    result = run([BOOKED], fields=[{"path": f"f{i}", "expected": 1} for i in range(9)])
    assert result.details.endswith("f4 expected 1, found nothing; and 4 more.")
    five = run([BOOKED], fields=[{"path": f"f{i}", "expected": 1} for i in range(5)])
    assert five.details.endswith("f4 expected 1, found nothing.")


@pytest.mark.parametrize(
    ("expectation", "text"),
    [
        ({"expected": None}, 'status expected nothing, found "booked"'),
        ({"expected": True}, 'status expected true, found "booked"'),
        ({"one_of": ["a", 5]}, 'status expected one of "a", 5, found "booked"'),
        ({"matches": "^a"}, 'status expected to match "^a", found "booked"'),
        ({"exists": False}, 'status expected to be missing, found "booked"'),
        ({"min": 5}, 'status expected at least 5, found "booked"'),
        ({"min": 5, "max": 7.5}, 'status expected at least 5 and at most 7.5, found "booked"'),
        ({"max": "2026-01-01"}, 'status expected at most "2026-01-01", found "booked"'),
        ({"approx": {"value": 5, "tolerance": 0.5}}, 'status expected 5 ± 0.5, found "booked"'),
        ({"contains": "x"}, 'status expected to contain "x", found "booked"'),
    ],
)
def test_every_way_to_expect_has_its_words(run, expectation, text):
    assert run([BOOKED], fields=[{"path": "status", **expectation}]).details.endswith(f"passed: {text}.")


def test_a_field_that_should_exist_has_its_words(run):
    details = run([BOOKED], fields=[{"path": "gone", "exists": True}]).details
    assert details.endswith("passed: gone expected to exist, found nothing.")


@pytest.mark.parametrize(
    ("assertion", "reason"),
    [
        ({"count": {}}, "count needs min or max"),
        ({"count": {"min": 3, "max": 2}}, "count.min 3 is more than count.max 2"),
        ({"count": {"max": 0}, "fields": [day("x")]}, "count.max 0"),
        ({"absent": True, "count": {"max": 1}}, "absent cannot be combined"),
        ({"absent": True, "not_contains": ["x"]}, "absent cannot be combined"),
        ({"contains": [" "]}, "empty phrase"),
        ({"not_contains": [""]}, "empty phrase"),
        ({"fields": [{"path": "status", "one_of": []}]}, "status: one_of is empty"),
        ({"fields": [{"path": "a..b", "expected": 1}]}, "empty segment"),
    ],
)
def test_expectations_that_make_no_sense_are_unsupported(run, assertion, reason):
    result = run([BOOKED], **assertion)
    assert (result.score, result.passed, result.error) == (0, False, False)
    assert result.details.startswith("unsupported assertion: ")
    assert reason in result.details


def test_a_phrase_of_punctuation_only_needs_an_exact_check(run):
    assert run(["a|b"], contains=["|"]).passed
    assert "empty phrase" in run(["a|b"], check={"has_fuzzy_phrases": True}, contains=["|"]).details
