"""All or nothing where it must be: required criteria, criteria scored whole, criteria that hang on others."""

import json
from typing import Any

import pytest


def dose(kit, **more: Any) -> dict[str, Any]:
    """A criterion of four items, one of them the value that matters."""
    values = {"value": 6.8, "unit": "mmol/L", "patient": "ana", "code": "2823-3"}
    fields = [{"path": name, "expected": value} for name, value in values.items()]
    return {**kit.criterion("the potassium is right", "agent-output", fields=fields), **more}


RIGHT = {"value": 6.8, "unit": "mmol/L", "patient": "ana", "code": "2823-3", "answer": 42}


@pytest.fixture
def judged(serve, disk, kit):
    """Complete one task with these criteria and an output; return what `complete` and the reads answer."""

    async def judge(criteria, output, *, scored=False):
        disk.benchmark(kit.benchmark("strictly", kit.task("a", *criteria)))
        async with serve() as live:
            run = await live.started("strictly", scored=scored)
            answer = await run.complete(output=output)
            assert await run.complete() == answer  # stored as it was answered
            return answer, await run.get(), await live.get(f"/task-runs/{run.tasks[0]}")

    return judge


async def test_without_required_the_sum_decides_as_upstream(judged, kit):
    answer, run, _ = await judged([dose(kit, weight=1), kit.says(42, weight=3)], {**RIGHT, "value": 0.68})
    assert (answer["verdict"], answer["score"]) == ("pass", 0.9375)
    assert (answer["failed_required"], run["verdict"]) == ([], "pass")
    assert [check["required"] for check in answer["checks"]] == [False, False]


async def test_a_required_criterion_is_never_bought_back(judged, kit):
    criteria = [dose(kit, weight=1, required=True), kit.says(42, weight=3)]
    answer, run, stored = await judged(criteria, {**RIGHT, "value": 0.68})
    assert (answer["verdict"], answer["score"]) == ("partial", 0.9375)
    assert answer["failed_required"] == ["the potassium is right"]
    assert [check["required"] for check in answer["checks"]] == [True, False]
    assert (run["verdict"], run["score"], run["task_runs"][0]["verdict"]) == ("partial", 0.9375, "partial")
    assert run["task_runs"][0]["failed_required"] == stored["failed_required"] == ["the potassium is right"]
    assert [c["required"] for c in stored["criterion_runs"]] == [True, False]
    assert stored["snapshot"]["criteria"][0]["required"] is True and "required" not in stored["snapshot"]["criteria"][1]
    answer, run, stored = await judged(criteria, RIGHT)
    assert (answer["verdict"], run["verdict"], stored["failed_required"]) == ("pass", "pass", [])


async def test_a_required_criterion_of_no_weight_counts_for_the_verdict_alone(judged, kit):
    answer, _, _ = await judged([dose(kit, weight=0, required=True), kit.says(42)], {**RIGHT, "unit": "mg"})
    assert (answer["verdict"], answer["score"]) == ("partial", 1.0)


async def test_a_scored_run_names_what_failed_and_no_more(judged, kit):
    answer, _, _ = await judged([dose(kit, required=True)], {**RIGHT, "value": 1}, scored=True)
    assert answer["failed_required"] == ["the potassium is right"]
    assert answer["checks"][0]["required"] is True and "details" not in answer["checks"][0]


async def test_scoring_all_gives_nothing_for_a_part(judged, kit):
    answer, _, _ = await judged([dose(kit, scoring="all"), kit.says(42)], {**RIGHT, "value": 0.68})
    check = answer["checks"][0]
    assert (answer["score"], check["score"], check["passed"]) == (0.5, 0.0, False)
    assert sum(result["passed"] for result in check["evidence"]["field_results"]) == 3
    answer, _, _ = await judged([dose(kit, scoring="all"), kit.says(42)], RIGHT)
    assert answer["score"] == 1.0


async def test_a_guard_pays_nothing_where_nothing_was_attempted(judged, kit):
    guard = {**kit.criterion("nothing else was touched", "state-unchanged"), "requires": ["the answer"]}
    answer, _, _ = await judged([guard, kit.says(42)], {"answer": 0})
    held = answer["checks"][0]
    assert (answer["score"], answer["verdict"], held["passed"], held["score"]) == (0.0, "fail", False, 0.0)
    assert held["details"].startswith('Held back: it requires "the answer", which did not pass.')
    assert held["evidence"]["requires_unmet"] == ["the answer"] and held["evidence"]["total"] == 0
    answer, _, _ = await judged([guard, kit.says(42)], {"answer": 42})
    assert answer["score"] == 1.0 and "requires_unmet" not in answer["checks"][0]["evidence"]


async def test_what_is_held_back_holds_back_in_turn(judged, kit):
    first = {**kit.criterion("first", "state-unchanged"), "requires": ["second"]}
    second = {**kit.criterion("second", "state-unchanged"), "requires": ["the answer"], "required": True}
    answer, _, _ = await judged([first, second, kit.says(42)], {})
    assert answer["score"] == 0.0 and answer["failed_required"] == ["second"]
    assert answer["checks"][0]["evidence"]["requires_unmet"] == ["second"]


async def test_a_guard_needs_the_whole_of_what_it_requires(judged, kit):
    guard = {**kit.criterion("guard", "state-unchanged"), "requires": ["the potassium is right"]}
    answer, _, _ = await judged([dose(kit), guard], {**RIGHT, "value": 0.68})
    assert answer["score"] == 0.375


async def test_a_run_does_not_pass_with_a_required_failure_whatever_the_mean(serve, disk, kit):
    tasks = [kit.task(str(i), kit.says(42)) for i in range(10)]
    tasks[3]["criteria"] = [kit.says(42), {**dose(kit, weight=0), "required": True}]
    disk.benchmark(kit.benchmark("ten", *tasks))
    async with serve() as live:
        run = await live.run("ten")
        for index in range(10):
            await run.start(index)
            await run.complete(index, output={"answer": 42})
        value = await run.get()
        assert (value["score"], value["verdict"]) == (1.0, "partial")
        assert (await live.get(f"/benchmark-runs/{run.id}"))["verdict"] == "partial"


async def test_what_timed_out_failed_what_was_required(serve, disk, kit):
    disk.benchmark(kit.benchmark("slow", kit.task("a", {**kit.says(42), "required": True}), timeout=5))
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started("slow")
        clock.advance(6)
        assert (await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/complete", run.token)).status == 409
        (ended,) = (await run.get())["task_runs"]
        assert (ended["verdict"], ended["score"], ended["failed_required"]) == ("fail", 0.0, ["the answer"])


async def test_recorded_runs_are_scored_again_with_and_without(serve, disk, kit):
    plain, strict = kit.says(42, weight=19), dose(kit)
    disk.benchmark(kit.benchmark("again", kit.task("a", plain, strict)))
    async with serve() as live:
        run = await live.started("again")
        before = await run.complete(output={**RIGHT, "value": 0.68})
        assert (before["verdict"], before["score"]) == ("pass", 0.9875)
    disk.benchmark(kit.benchmark("again", kit.task("a", plain, {**strict, "required": True, "scoring": "all"})))
    async with serve() as live:
        path = f"/task-runs/{run.tasks[0]}"
        assert (await live.get(path))["failed_required"] == []
        again = await live.post(f"{path}/rescore")
        assert (again["verdict"], again["score"]) == ("partial", 0.95)
        assert again["failed_required"] == ["the potassium is right"]
        assert (await live.get(f"/benchmark-runs/{run.id}"))["verdict"] == "partial"
        back = await live.post(f"{path}/rescore", json={"criteria": "recorded"})
        assert (back["verdict"], back["score"], back["failed_required"]) == ("pass", 0.9875, [])
        assert (await live.get(f"/benchmark-runs/{run.id}"))["verdict"] == "pass"


@pytest.mark.parametrize(
    ("requires", "said"),
    [
        (["the anser"], 'no other criterion of the task has the label "the anser"; did you mean "the answer"?'),
        (["guard"], 'no other criterion of the task has the label "guard"'),
    ],
)
async def test_a_label_that_is_not_there_is_no_definition(serve, disk, kit, requires, said):
    guard = {**kit.criterion("guard", "state-unchanged"), "requires": requires}
    disk.benchmark(kit.benchmark("wrong", kit.task("a", kit.says(42), guard)))
    with pytest.raises(Exception, match=r"tasks\.0\.criteria\.1\.requires\.0") as caught:
        async with serve():
            pass
    assert said in str(caught.value)


async def test_criteria_that_wait_for_each_other_are_no_definition(serve, disk, kit):
    one = {**kit.criterion("one", "state-unchanged"), "requires": ["two"]}
    two = {**kit.criterion("two", "state-unchanged"), "requires": ["one"]}
    disk.benchmark(kit.benchmark("wrong", kit.task("a", one, two)))
    with pytest.raises(Exception, match="each other"):
        async with serve():
            pass


async def test_upstreams_frozen_form_has_nothing_new(live, disk):
    definition = json.loads((disk.playgrounds / "clinic/v1/benchmark.json").read_text())
    run = await live.started()
    snapshot = (await live.get(f"/task-runs/{run.tasks[0]}"))["snapshot"]
    assert set(snapshot["criteria"][0]) == {*definition["tasks"][0]["criteria"][0], "id", "input_entity"}
