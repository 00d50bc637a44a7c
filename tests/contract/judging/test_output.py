"""`agent-output` over real HTTP: the whole value, strict types, patterns, lists in and out of order."""

import time

import pytest


@pytest.fixture
def judged(serve, disk, kit):
    """Judge one criterion on an output; return its check."""

    async def judge(output, *fields, **more):
        criterion = {"label": "c", "assertion": {"assert": "agent-output", "fields": list(fields), **more}}
        disk.benchmark(kit.benchmark("said", kit.task("a", criterion)))
        async with serve() as live:
            run = await live.started("said")
            answer = await run.complete(output=output)
            assert answer["status"] == "completed"
            return answer["checks"][0]

    return judge


WHOLE = [
    (60, {"expected": 60}, True),
    ("60", {"expected": 60}, True),
    ("60", {"expected": 60, "type": "strict"}, False),
    (60, {"expected": "60", "type": "strict"}, False),
    (60, {"expected": 60.0, "type": "strict"}, True),
    ([60, "a"], {"expected": ["60", "a"]}, True),
    ([60, "a"], {"expected": ["60", "a"], "type": "strict"}, False),
    ({"n": 60}, {"expected": {"n": "60"}, "type": "strict"}, False),
    ({"n": 60}, {"one_of": [{"n": "60"}, {"n": 60}], "type": "strict"}, True),
    ("60", {"min": 50}, True),
    ("60", {"min": 50, "type": "strict"}, False),
    (60, {"min": 50, "type": "strict"}, True),
    ("60", {"approx": {"value": 60, "tolerance": 1}, "type": "strict"}, False),
    (60, {"matches": "^60$"}, True),
    (60, {"matches": "^60$", "type": "strict"}, False),
    (["60"], {"contains": 60}, True),
    (["60"], {"contains": 60, "type": "strict"}, False),
    ("take 60", {"contains": 60, "type": "strict"}, False),
    ("take 60", {"contains": "60", "type": "strict"}, True),
    ("Booked for 3 pm", {"matches": "(?i)^booked .* pm$"}, True),
    ({"a": 1}, {"matches": "1"}, False),
    ([1, 2, 3], {"expected": [1, 2, 3]}, True),
    ([3, 1, 2], {"expected": [1, 2, 3]}, False),
    ([3, 1, 2], {"expected": [1, 2, 3], "in_any_order": True}, True),
    ([3, 1, 2, 2], {"expected": [1, 2, 3], "in_any_order": True}, False),
    ([1, 1, 2], {"expected": [1, 2, 2], "in_any_order": True}, False),
    (["5", "5.0"], {"expected": [5, "5"], "in_any_order": True}, True),
    ({"codes": ["b", "a"]}, {"expected": {"codes": ["a", "b"]}, "in_any_order": True}, True),
    ([["b", "a"], ["c"]], {"expected": [["c"], ["a", "b"]], "in_any_order": True}, True),
    ([{"id": 2}, {"id": 1}], {"one_of": [[], [{"id": 1}, {"id": 2}]], "in_any_order": True}, True),
    (["2", "1"], {"expected": [1, 2], "in_any_order": True, "type": "strict"}, False),
    (None, {"exists": False}, False),
    ("", {"exists": True}, True),
]


@pytest.mark.parametrize(("output", "expectation", "holds"), WHOLE)
async def test_the_whole_value(judged, output, expectation, holds):
    check = await judged(output, {"path": "", **expectation})
    assert check["passed"] is holds, check
    if output is not None:
        assert check["evidence"]["field_results"][0]["path"] == ""
        assert "the whole value" in check["details"] or holds


async def test_within_the_value_alike(judged):
    check = await judged({"dose": {"value": "60"}}, {"path": "dose.value", "expected": 60, "type": "strict"})
    assert not check["passed"]
    assert 'dose.value expected 60 (strict), found "60"' in check["details"]


async def test_a_pattern_is_searched_in_linear_time(judged):
    began = time.monotonic()
    check = await judged("a" * 50_000 + "b", {"path": "", "matches": "^(a+)+$"})
    assert not check["passed"] and time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"path": "", "matches": "("}, "matches is not a regular expression"),
        ({"path": "", "type": "strict"}, "give `expected` or one of"),
        ({"path": "", "expected": 1, "type": "loose"}, "type: "),
        ({"path": "", "expected": 1, "in_any_order": True}, "in_any_order speaks of lists"),
        ({"path": "", "contains": [1], "in_any_order": True}, "in_any_order goes with expected or one_of"),
        ({"path": "", "exists": True, "type": "strict"}, "type goes with"),
    ],
)
async def test_what_makes_no_sense_is_unsupported(judged, field, said):
    check = await judged("a", field)
    assert check["details"].startswith("unsupported assertion: ") and said in check["details"], check


async def test_it_is_one_rule_for_all_checks(serve, disk, kit):
    file = {
        "assert": "sftp-file-present",
        "glob": "outbox/*.json",
        "fields": [
            {"path": "", "expected": {"n": [2, 1]}, "in_any_order": True},
            {"path": "n.0", "expected": "1", "type": "strict"},
        ],
    }
    disk.benchmark(kit.benchmark("said", kit.task("a", {"label": "c", "assertion": file})))
    async with serve() as live:
        run = await live.started("said")
        await run.call("PUT", "files/outbox/a.json", body=b'{"n": [1, 2]}')
        check = (await run.complete())["checks"][0]
        assert [result["passed"] for result in check["evidence"]["field_results"]] == [True, False]
