"""A run ends with its token, whatever became of it: nobody has to clear up after an agent that went away."""

from sandbox.api.context import RUNS


async def test_a_task_that_was_never_started_ends_with_the_token(serve):
    async with serve(run_token_lifetime_s=0.4, max_active_playgrounds=2) as live:
        run = await live.run()
        full = await live.call("POST", "/v1/benchmark-runs", "vrl_slv_local", json={"benchmark": "clinic@1"})
        assert full.status == 409

        async def is_over():
            return (await live.get(f"/benchmark-runs/{run.id}"))["phase"] == "completed"

        await live.until(is_over)
        value = await live.get(f"/benchmark-runs/{run.id}")
        assert (value["status"], value["score"], value["verdict"]) == ("cancelled", None, None)
        for index in (0, 1):
            assert await run.task_state(index) == ("completed", "cancelled", None, None)
        assert not live.app[RUNS].active and not live.app[RUNS].by_sandbox and not live.app[RUNS].by_token
        assert {p["status"] for p in (await live.get("/playgrounds"))["data"]} == {"teardown"}
        await live.run()


async def test_what_is_started_ends_as_timed_out(serve):
    async with serve(run_token_lifetime_s=2) as live:
        run = await live.started()

        async def is_over():
            return (await live.get(f"/benchmark-runs/{run.id}"))["phase"] == "completed"

        await live.until(is_over)
        assert await run.task_state(0) == ("completed", "timed_out", "fail", 0)
        assert await run.task_state(1) == ("completed", "cancelled", None, None)
        value = await live.get(f"/benchmark-runs/{run.id}")
        assert (value["status"], value["score"]) == ("completed", 0)


async def test_a_run_whose_token_ran_out_while_the_server_was_away(serve, kit):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.run()
    clock.advance(24 * 3600)
    async with serve(clock=clock) as live:

        async def is_over():
            return (await live.get(f"/benchmark-runs/{run.id}"))["status"] == "cancelled"

        await live.until(is_over)


async def test_the_next_run_finds_room_though_no_timer_ran(serve, kit):
    """A machine that slept: the clock is far on, the timers are not."""
    clock = kit.clock()
    async with serve(clock=clock, max_active_playgrounds=2) as live:
        old = await live.run()
        clock.advance(24 * 3600)
        await live.run()
        assert (await live.get(f"/benchmark-runs/{old.id}"))["status"] == "cancelled"
