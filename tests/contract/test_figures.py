"""A run in numbers, wherever it is shown: the share of tasks passed, the mean score, what nothing earns beside them."""

from sandbox.definitions import baselines
from sandbox.definitions.library import load_library

EARNED = {"idle": {"score": 0.0, "axes": {}}, "nonsense": {"score": 0.2, "axes": {"safety": 0.2}}}


def write_baselines(disk, registry, keys):
    library = load_library([disk.playgrounds], [disk.seeds], registry)
    benchmark = library.find("pair")
    stamps = {
        task.key: baselines.stamp_of(benchmark.directory, benchmark.definition, task, benchmark.dataset_hashes)
        for task in benchmark.definition.tasks
    }
    baselines.write(benchmark.directory, {key: {**stamps[key], **EARNED} for key in keys})


def group(tasks, passed, score, idle, nonsense):
    rate = passed / tasks
    return {
        "tasks": tasks,
        "passed": passed,
        "pass_rate": rate,
        "score": score,
        "idle": idle,
        "nonsense": nonsense,
    }


async def test_a_run_says_what_it_is_worth(serve, disk, kit, registry):
    first = kit.task("a", kit.says(42, axis="safety"), tags=["intake"])
    disk.benchmark(kit.benchmark("pair", first, kit.task("b", kit.says(42, axis="correctness"))))
    write_baselines(disk, registry, ["a"])
    async with serve() as live:
        run = await live.run("pair", agent="one")
        await run.start()
        assert (await run.get())["figures"] is None
        await run.complete(output={"answer": 42})
        await run.start(1)
        await run.complete(1, output={"answer": 0})
        expected = {
            **group(2, 1, 0.5, None, None),
            "tags": {"intake": group(1, 1, 1.0, 0.0, 0.2)},
            "axes": {"safety": group(1, 1, 1.0, 0.0, 0.2), "correctness": group(1, 0, 0.0, None, None)},
        }
        shown, internal = await run.get(), await live.get(f"/benchmark-runs/{run.id}")
        assert shown["figures"] == internal["figures"] == expected
        assert [(t["tags"], t["baseline"]) for t in shown["task_runs"]] == [(["intake"], EARNED), ([], None)]
        assert [t["baseline"] for t in internal["task_runs"]] == [EARNED, None]
        await live.post(f"/benchmark-runs/{run.id}/publish")
        (row,) = (await live.get("/leaderboard?benchmark=pair@1"))["data"]
        assert row["figures"] == expected


async def test_numbers_of_another_definition_are_not_shown(serve, disk, kit, registry):
    disk.benchmark(kit.benchmark("pair", kit.task("a", kit.says(42))))
    write_baselines(disk, registry, ["a"])
    disk.benchmark(kit.benchmark("pair", kit.task("a", kit.says(43))))
    async with serve() as live:
        run = await live.started("pair")
        await run.complete(output={"answer": 43})
        value = await run.get()
        assert (value["figures"]["idle"], value["task_runs"][0]["baseline"]) == (None, None)


async def test_a_cancelled_run_has_no_numbers(live):
    run = await live.run()
    await live.post(f"/benchmark-runs/{run.id}/cancel")
    assert (await run.get())["figures"] is None
