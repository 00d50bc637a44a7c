"""A run of chosen tasks: no more playgrounds than it needs, and a score that is theirs."""

import pytest


@pytest.fixture
def three(disk, kit):
    disk.benchmark(kit.benchmark("three", *[kit.task(key, kit.says(key)) for key in ("a", "b", "c")]))


@pytest.mark.parametrize(("asked", "made"), [(["b"], ["b"]), (["c", "a"], ["a", "c"]), (None, ["a", "b", "c"])])
async def test_only_the_tasks_that_are_named(serve, three, asked, made):
    async with serve(max_active_playgrounds=3) as live:
        run = await live.run("three", tasks=asked)
        assert [t["key"] for t in run.value["task_runs"]] == made
        assert {s["task_run_id"] for s in run.value["sandboxes"]} == set(run.tasks)
        assert len((await live.get("/playgrounds"))["data"]) == len(made)
        for index, key in enumerate(made):
            await run.start(index)
            assert (await run.complete(index, output={"answer": key}))["verdict"] == "pass"
        value = await run.get()
        assert (value["status"], value["score"], value["verdict"]) == ("completed", 1, "pass")


async def test_it_is_read_back_and_scored_again_after_a_restart(serve, three):
    async with serve() as live:
        run = await live.run("three", tasks=["c", "b"])
        await run.start(1)
        await run.complete(1, output={"answer": "c"})
    async with serve() as live:
        await live.post(f"/v1/task-runs/{run.tasks[0]}/start", run.token)
        await live.post(f"/v1/task-runs/{run.tasks[0]}/complete", run.token, json={"output": {"answer": "c"}})
        value = await live.get(f"/benchmark-runs/{run.id}")
        assert [(t["key"], t["score"]) for t in value["task_runs"]] == [("b", 0), ("c", 1)]
        assert value["score"] == 0.5
        again = await live.post(f"/task-runs/{run.tasks[1]}/rescore", json={"criteria": "current"})
        assert again["score"] == 1


async def test_what_cannot_be_run_is_named(serve, three, kit):
    wrong = [
        (["a", "d"], 'no task "d"'),
        (["A"], 'did you mean "a"'),
        (["a", "a"], "named 2 times"),
        ([], "tasks"),
        ("a", "tasks"),
        ([1], "tasks"),
    ]
    async with serve() as live:
        for tasks, said in wrong:
            for path, key, name in (
                ("/v1/benchmark-runs", kit.solver_key, "benchmark"),
                ("/benchmark-runs", kit.api_key, "benchmark_id"),
            ):
                answer = await live.call("POST", path, key, json={name: "three@1", "tasks": tasks})
                assert answer.status == 400, (tasks, answer)
                assert said in answer.body.decode().replace('\\"', '"')
        assert (await live.get("/benchmark-runs"))["data"] == []


async def test_a_part_of_a_benchmark_is_not_published_beside_whole_runs(serve, three):
    async with serve() as live:
        for tasks, status in ((["a"], 409), (["a", "b", "c"], 200)):
            run = await live.run("three", tasks=tasks)
            for index in range(len(tasks)):
                await run.start(index)
                await run.complete(index)
            answer = await live.call("POST", f"/benchmark-runs/{run.id}/publish", "vk_local", json={})
            assert answer.status == status, answer


async def test_the_internal_api_takes_them_too(serve, three):
    async with serve() as live:
        made = await live.post("/benchmark-runs", status=201, json={"benchmark_id": "three@1", "tasks": ["b"]})
        assert [t["key"] for t in made["task_runs"]] == ["b"]
