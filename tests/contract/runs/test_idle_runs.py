"""A run that nobody calls any more ends like one whose token expired, when the settings say so."""

import pytest


async def is_over(live, run):
    async def look():
        return (await live.get(f"/benchmark-runs/{run.id}"))["phase"] == "completed"

    await live.until(look)


async def test_what_nobody_calls_is_ended_and_makes_room(serve):
    async with serve(run_idle_s=0.3, max_active_playgrounds=2) as live:
        run = await live.started()
        await is_over(live, run)
        assert await run.task_state(0) == ("completed", "timed_out", "fail", 0)
        assert await run.task_state(1) == ("completed", "cancelled", None, None)
        refused = await run.call("GET", "files/inbox")
        assert refused.status == 409
        assert (await run.get())["status"] == "completed"  # the token is as good as before
        await live.run()


CALLS = {
    "a surface": lambda live, run, kit: run.call("GET", "files/inbox"),
    "a surface, refused": lambda live, run, kit: run.call("GET", "files/none"),
    "the run": lambda live, run, kit: live.call("GET", f"/v1/benchmark-runs/{run.id}", run.token),
    "the run, by its solver": lambda live, run, kit: live.call("GET", f"/v1/benchmark-runs/{run.id}", kit.solver_key),
    "a start that is refused": lambda live, run, kit: live.call(
        "POST", f"/v1/task-runs/{run.tasks[0]}/start", run.token
    ),
}


@pytest.mark.parametrize("call", CALLS)
async def test_every_call_of_the_agents_side_puts_it_off(serve, kit, call):
    clock = kit.clock()
    async with serve(clock=clock, run_idle_s=60, max_active_playgrounds=4) as live:
        run = await live.started()
        for _ in range(3):
            clock.advance(59)
            await CALLS[call](live, run, kit)
        await live.run()  # who makes a run looks for those that are over
        assert (await live.get(f"/benchmark-runs/{run.id}"))["phase"] == "started"


async def test_what_the_sandbox_gave_out_puts_it_off_too(serve, kit):
    clock = kit.clock()
    async with serve(clock=clock, run_idle_s=60, max_active_playgrounds=4) as live:
        run = await live.started()
        payer = next(s for s in run.value["sandboxes"] if s["type"] == "Payer" and s["task_run_id"] == run.tasks[0])
        login = {name: payer["credentials"][name] for name in ("username", "password")}
        root = f"/sandboxes/{payer['id']}/portal"
        cookie = (await live.call("POST", f"{root}/login", json=login)).headers["Set-Cookie"].partition(";")[0]
        for _ in range(3):
            clock.advance(59)
            assert (await live.call("GET", f"{root}/patients", headers={"Cookie": cookie})).status == 200
        await live.run()
        assert (await live.get(f"/benchmark-runs/{run.id}"))["phase"] == "started"


async def test_looking_on_does_not(serve, kit):
    clock = kit.clock()
    async with serve(clock=clock, run_idle_s=60, max_active_playgrounds=2) as live:
        run = await live.run()
        sandbox = run.value["sandboxes"][2]["id"]
        clock.advance(59)
        assert (await live.call("GET", f"/sandboxes/{sandbox}/files/inbox", kit.api_key)).status == 200
        await live.get(f"/benchmark-runs/{run.id}")
        clock.advance(1)
        await live.run()
        assert (await live.get(f"/benchmark-runs/{run.id}"))["status"] == "cancelled"


async def test_after_a_restart_it_counts_from_there(serve, kit):
    clock = kit.clock()
    async with serve(clock=clock, run_idle_s=60, max_active_playgrounds=4) as live:
        run = await live.run()
    clock.advance(600)
    async with serve(clock=clock, run_idle_s=60, max_active_playgrounds=4) as live:
        assert (await live.get(f"/benchmark-runs/{run.id}"))["phase"] == "created"


async def test_without_the_setting_only_the_token_counts(serve, kit):
    clock = kit.clock()
    async with serve(clock=clock, max_active_playgrounds=4) as live:
        run = await live.run()
        clock.advance(23 * 3600)
        await live.run()
        assert (await live.get(f"/benchmark-runs/{run.id}"))["phase"] == "created"
