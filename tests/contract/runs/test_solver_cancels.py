"""The key of the solver that made a run cancels it; nobody else's does on this path."""


async def test_a_solver_cancels_its_own_run(live, kit):
    run = await live.started()
    await run.complete(output={"answer": 1})
    value = await live.post(f"/v1/benchmark-runs/{run.id}/cancel", kit.solver_key, json={})
    assert (value["benchmark_run_id"], value["status"], value["phase"]) == (run.id, "cancelled", "completed")
    assert [t["status"] for t in value["task_runs"]] == ["completed", "cancelled"]
    again = await live.call("POST", f"/v1/benchmark-runs/{run.id}/cancel", kit.solver_key)
    assert (again.status, again.error["code"]) == (409, "CONFLICT")


async def test_others_do_not(live, kit):
    run = await live.started()
    path = f"/v1/benchmark-runs/{run.id}/cancel"
    for token in (None, kit.api_key, run.token, "vrl_slv_other"):
        assert (await live.call("POST", path, token)).status == 401
    made = await live.post("/benchmark-runs", status=201, json={"benchmark_id": "clinic@1"})
    not_own = await live.call("POST", f"/v1/benchmark-runs/{made['id']}/cancel", kit.solver_key)
    assert (not_own.status, not_own.error["code"]) == (404, "NOT_FOUND")
    assert (await live.call("POST", "/v1/benchmark-runs/br_none/cancel", kit.solver_key)).status == 404
    assert (await live.call("POST", path, kit.solver_key, json={"why": "x"})).status == 400
    assert (await run.get())["phase"] == "started"
