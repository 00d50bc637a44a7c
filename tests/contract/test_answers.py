"""The answer of an agent: where it goes is said by the start response and by every refusal of a completion."""

import pytest


@pytest.fixture
async def asking(serve, disk, kit):
    """A server whose benchmark has a task for every way to want an answer, or none."""
    fields = [{"path": "filed.*", "expected": "X1"}, {"path": "by.name", "matches": "secret"}]
    disk.benchmark(
        kit.benchmark(
            "asking",
            kit.task("read", kit.criterion("a", "agent-output", fields=fields), kit.says(42)),
            kit.task("said", kit.criterion("a", "agent-output", contains=["booked"]), task_item={"instruction": "Do."}),
            kit.task("declared", kit.says(42), task_item={"instruction": "Do.", "answer": {"answer": "a number"}}),
            kit.task("none", kit.criterion("a", "state-unchanged"), task_item={"instruction": "Do."}),
            kit.task("bare", kit.criterion("a", "state-unchanged")),
            concurrency=5,
        )
    )
    async with serve() as live:
        yield live


@pytest.mark.parametrize(
    ("index", "form"),
    [
        (0, {"filed": ["any JSON value"], "by": {"name": "any JSON value"}, "answer": "any JSON value"}),
        (1, "text"),
        (2, {"answer": "a number"}),
    ],
)
async def test_the_start_response_says_where_an_answer_goes_and_in_which_form(asking, index, form):
    run = await asking.run("asking")
    item = (await run.start(index))["task_item"]
    answer = item.pop("answer")
    url = f"/v1/task-runs/{run.tasks[index]}/complete"
    assert (answer["field"], answer["url"], answer["form"]) == ("output", url, form)
    assert f"POST {url}" in answer["instruction"] and '{"output": …}' in answer["instruction"]
    assert item == ({"instruction": "Do."} if index else {})
    assert "secret" not in str(answer) and "42" not in str(answer["form"])


@pytest.mark.parametrize(("index", "item"), [(3, {"instruction": "Do."}), (4, None)])
async def test_a_task_that_wants_no_answer_says_nothing_of_one(asking, index, item):
    run = await asking.run("asking")
    assert (await run.start(index))["task_item"] == item


async def test_strict_mode_says_it_too(serve):
    async with serve(is_strict=True) as live:
        run = await live.run()
        assert (await run.start(1))["task_item"]["answer"]["field"] == "output"


async def complete(live, run, **sent):
    return await live.call("POST", f"/v1/task-runs/{run.tasks[1]}/complete", run.token, **sent)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"answer": 42}}, 400),
        ({"json": {"result": {"answer": 42}}}, 400),
        ({"json": {"outptu": 42, "output": 41}}, 400),
        ({"json": [42]}, 400),
        ({"json": "42"}, 400),
        ({"body": b"The answer is 42.", "headers": {"Content-Type": "application/json"}}, 400),
        ({"body": b"The answer is 42.", "headers": {"Content-Type": "text/plain"}}, 415),
    ],
)
async def test_an_answer_that_comes_some_other_way_is_told_where_it_goes(live, sent, status):
    run = await live.run()
    await run.start(1)
    refused = await complete(live, run, **sent)
    assert refused.status == status
    assert 'answer goes into `output` ({"output": …})' in refused.error["message"]
    assert await run.task_state(1) == ("started", "active", None, None)
    assert (await run.complete(1, output={"answer": 42}))["verdict"] == "pass"


async def test_the_internal_completion_says_it_too(live, kit):
    run = await live.run()
    await run.start(1)
    refused = await live.call("POST", f"/task-runs/{run.tasks[1]}/complete", kit.api_key, json={"answer": 42})
    assert "`output`" in refused.error["message"]


async def test_an_unknown_field_is_answered_with_the_nearest_known_one(live, kit):
    bodies = {"benchmrk": "benchmark", "Agent": "agent"}
    for wrong, right in bodies.items():
        sent = {"benchmark": "clinic", wrong: "x"}
        refused = await live.call("POST", "/v1/benchmark-runs", kit.solver_key, json=sent)
        assert refused.error["details"] == {wrong: [f'Unknown field; did you mean "{right}"?']}
    refused = await live.call("POST", "/v1/benchmark-runs", kit.solver_key, json={"benchmark": "clinic", "x" * 5000: 1})
    assert refused.error["details"] == {"x" * 5000: ["Unknown field; leave it out."]}
