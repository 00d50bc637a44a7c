"""Every documented field with its type, against live answers."""

import pytest


@pytest.mark.parametrize(
    ("value", "kind", "problem"),
    [
        ({}, {"a": "string"}, "$.a is missing"),
        ({"a": 1}, {"a": "string"}, "$.a: 1 is no string"),
        ({"a": None}, {"a": "string"}, "$.a: None is no string"),
        ({"a": "x", "b": 1}, {"a": "string"}, "$.b is not documented"),
        ({"a": [{"b": "2026-01-01"}]}, {"a": [{"b": "instant"}]}, "$.a[0].b: '2026-01-01' is no instant"),
        ({"a": True}, {"a": "number"}, "$.a: True is no number"),
    ],
)
def test_the_table_itself_can_fail(value, kind, problem, table):
    assert table.problems(value, kind) == [problem]
    assert table.problems({"a": None}, {"a?": "string"}) == []


async def test_create_run(live, table):
    run = await live.run(agent="me", seed=7)
    table.check(run.value, table.CREATED)
    assert (run.value["agent"], run.value["seed"], run.value["scored"]) == ("me", 7, False)
    assert run.value["benchmark"] == {"slug": "clinic", "version": "1", "name": "Small clinic"}
    for sandbox in run.value["sandboxes"]:
        table.check(sandbox["credentials"], table.CREDENTIALS[sandbox["type"]])
    assert len(run.value["sandboxes"]) == 10
    assert run.value["endpoints"]["fhir"] == f"/v1/benchmark-runs/{run.id}/fhir"
    first = run.value["task_runs"][0]
    assert first["start_url"] == f"/v1/task-runs/{first['id']}/start"
    assert first["complete_url"] == f"/v1/task-runs/{first['id']}/complete"
    assert first["endpoints"]["portal"] == f"/v1/task-runs/{first['id']}/portal"
    table.check((await live.run()).value, table.CREATED)


async def test_internal_create_returns_the_token_too(live, table):
    answer = await live.post("/benchmark-runs", status=201, json={"benchmark_id": "clinic@1"})
    both = table.more(table.INTERNAL_RUN, table.CREATED.documented, table.CREATED.extensions)
    table.check(answer, both)
    assert await live.get(f"/v1/benchmark-runs/{answer['id']}", answer["bearer_token"])


async def test_a_run_from_start_to_end(live, table):
    run = await live.run()
    table.check(await run.get(), table.PUBLIC_RUN)
    started = await run.start()
    table.check(started, table.STARTED)
    assert started["task_item"] == {"instruction": "Refer Ana Reyes."}
    table.check(await run.get(), table.PUBLIC_RUN)
    await run.do_everything()
    first = await run.complete(output={"answer": 42}, notes="done")
    table.check(first, table.COMPLETED)
    for axis in first["axes"].values():
        table.check(axis, {"score": "score", "weight": "number"})
    assert set(first["axes"]) == {"correctness", "communication", "__default__"}
    assert (first["score"], first["verdict"], len(first["checks"])) == (1.0, "pass", 4)
    await run.start(1)
    table.check(await run.complete(1), table.COMPLETED)
    over = await run.get()
    table.check(over, table.PUBLIC_RUN)
    assert (over["phase"], over["status"], over["score"], over["verdict"]) == ("completed", "completed", 0.5, "partial")


async def test_internal_resources(live, kit, table):
    run = await live.started()
    await run.do_everything()
    await run.complete(output="x")
    table.check(
        await live.get("/benchmark-runs"),
        table.page_of(table.more(table.INTERNAL_RUN, extensions={"tasks": "array"})),
    )
    task_run = table.more(table.INTERNAL_TASK_RUN, {"criterion_runs": [table.CRITERION_RUN]})
    full = table.more(table.INTERNAL_RUN, {"task_runs": [task_run]}, {"sandboxes": [table.RUN_SANDBOX]})
    table.check(await live.get(f"/benchmark-runs/{run.id}"), full)
    with_snapshot = table.more(table.INTERNAL_TASK_RUN, extensions={"snapshot": "object"})
    table.check(await live.get(f"/task-runs?benchmark_run_id={run.id}"), table.page_of(with_snapshot))
    for task_run_id in run.tasks:
        table.check(await live.get(f"/task-runs/{task_run_id}"), table.FULL_TASK_RUN)
    criterion_runs = await live.get(f"/criterion-runs?task_run_id={run.tasks[0]}")
    table.check(criterion_runs, table.page_of(table.CRITERION_RUN))
    assert len(criterion_runs["data"]) == 4
    one = await live.get(f"/criterion-runs/{criterion_runs['data'][0]['id']}")
    table.check(one, table.CRITERION_RUN)
    assert one == criterion_runs["data"][0]

    table.check(await live.get(f"/playgrounds?benchmark_run_id={run.id}"), table.page_of(table.PLAYGROUND))
    playground = await live.get(f"/playgrounds/{run.value['task_runs'][0]['playground_id']}")
    table.check(playground, table.FULL_PLAYGROUND)
    assert [s["type"] for s in playground["sandboxes"]] == ["Fhir", "Hl7", "Files", "Payer", "Clearinghouse"]
    table.check(await live.get(f"/sandboxes?playground_id={playground['id']}"), table.page_of(table.SANDBOX))
    for sandbox in playground["sandboxes"]:
        found = await live.get(f"/sandboxes/{sandbox['id']}")
        table.check(found, table.SANDBOX)
        table.check(found["credentials"], table.CREDENTIALS[found["type"]])
        assert f"/sandboxes/{sandbox['id']}/" in str(found["credentials"])
        table.check(await live.get(f"/sandboxes/{sandbox['id']}/events"), table.page_of(table.EVENT))


async def test_events(live, table):
    run = await live.started()
    await run.do_everything()
    refused = await run.call("POST", "hl7/outbound", json={"payload": 1})
    assert refused.status == 400
    events = await live.get(f"/task-runs/{run.tasks[0]}/events")
    table.check(events, table.page_of(table.EVENT))
    assert len(events["data"]) == 7
    streamed = await live.post(f"/benchmark-runs/{run.id}/cancel") and await live.follow(run.tasks[0])
    assert [data for _, _, data in streamed[:-1]] == list(reversed(events["data"]))
    for _, name, data in streamed[:-1]:
        table.check(data, table.EVENT)
        assert name == data["type"]


async def test_benchmarks_and_tasks(live, table):
    benchmarks = await live.get("/benchmarks")
    table.check(benchmarks, table.page_of(table.BENCHMARK))
    (only,) = benchmarks["data"]
    assert await live.get(f"/benchmarks/{only['id']}") == only == await live.get("/benchmarks/clinic@1")
    tasks = await live.get(f"/tasks?benchmark_id={only['id']}")
    table.check(tasks, table.page_of(table.TASK))
    assert {t["key"] for t in tasks["data"]} == {"refer", "answer"}
    for listed in tasks["data"]:
        found = await live.get(f"/tasks/{listed['id']}")
        table.check(found, table.more(table.TASK, extensions={"criteria": [table.CRITERION]}))
        assert found["criteria"]


async def test_errors(live, kit, table):
    run = await live.started()
    cases = [
        (401, "UNAUTHORIZED", table.ERROR, "GET", "/benchmarks", None, None),
        (404, "NOT_FOUND", table.ERROR, "GET", "/benchmarks/none", kit.api_key, None),
        (404, "NOT_FOUND", table.ERROR, "GET", "/nowhere", None, None),
        (405, "METHOD_NOT_ALLOWED", table.ERROR, "DELETE", "/benchmarks", kit.api_key, None),
        (409, "CONFLICT", table.ERROR, "POST", f"/v1/task-runs/{run.tasks[0]}/start", run.token, {}),
        (400, "VALIDATION_ERROR", table.ERROR_WITH_DETAILS, "POST", "/v1/benchmark-runs", kit.solver_key, {"bench": 1}),
        (400, "BAD_REQUEST", table.ERROR, "POST", "/v1/benchmark-runs", kit.solver_key, []),
        (404, "NOT_FOUND", table.ERROR, "GET", f"/v1/benchmark-runs/{run.id}/files/none", run.token, None),
        (404, "NOT_FOUND", table.ERROR, "GET", f"/v1/benchmark-runs/{run.id}/portal/patients/none", run.token, None),
        (401, "UNAUTHORIZED", table.ERROR, "GET", f"/v1/benchmark-runs/{run.id}/hl7/inbox", None, None),
        (
            400,
            "VALIDATION_ERROR",
            table.ERROR_WITH_DETAILS,
            "POST",
            f"/v1/benchmark-runs/{run.id}/hl7/outbound",
            run.token,
            {"payload": 1},
        ),
    ]
    for status, code, shape, method, path, token, body in cases:
        answer = await live.call(method, path, token, json=body)
        assert (answer.status, answer.error["code"]) == (status, code), (path, answer)
        table.check(answer.json, shape)
        assert answer.headers["X-Request-Id"] == answer.error["request_id"]
        assert answer.headers["Content-Type"].startswith("application/json")
    refused = await live.call("POST", "/v1/benchmark-runs", kit.solver_key, json={"bench": 1, "scored": "yes"})
    assert set(refused.error["details"]) == {"bench", "benchmark", "scored"}
    assert all(isinstance(m, list) and m for m in refused.error["details"].values())


async def test_fhir_errors_are_operation_outcomes(live, kit, table):
    run = await live.started()
    for token, path, status in [
        (None, "fhir/Patient/ana", 401),
        (kit.api_key, "fhir/Patient/ana", 401),
        (run.token, "fhir/Patient/none", 404),
        (run.token, "fhir/Nonsense", 404),
        (run.token, "fhir/Patient?nonsense=1", 400),
    ]:
        answer = await live.call("GET", f"/v1/benchmark-runs/{run.id}/{path}", token)
        assert answer.status == status, (path, answer)
        assert answer.headers["Content-Type"].startswith("application/fhir+json")
        assert answer.json["resourceType"] == "OperationOutcome"
        assert answer.json["issue"][0]["severity"] in ("error", "fatal")
        assert answer.headers["X-Request-Id"].startswith("req_")


async def test_a_scored_run_withholds_details_and_evidence_from_the_agent_only(live, table):
    run = await live.started(scored=True)
    await run.do_everything()
    answer = await run.complete()
    table.check(answer, table.COMPLETED_SCORED)
    table.check(await run.complete(), table.COMPLETED_SCORED)
    seen_by_agent = str(await run.get()) + str(answer)
    assert "field_results" not in seen_by_agent and "'details'" not in seen_by_agent
    for found in (await live.get(f"/task-runs/{run.tasks[0]}"))["criterion_runs"]:
        assert found["details"] and found["evidence"]
    for found in (await live.get(f"/criterion-runs?task_run_id={run.tasks[0]}"))["data"]:
        assert found["details"] and found["evidence"]
    assert (await live.get(f"/benchmark-runs/{run.id}"))["scored"] is True


async def test_every_response_carries_a_request_id(live, kit, table):
    run = await live.started()
    seen = set()
    for method, path, token in [
        ("GET", "/healthz", None),
        ("GET", "/readyz", None),
        ("GET", "/benchmarks", kit.api_key),
        ("GET", "/nowhere", None),
        ("GET", f"/v1/benchmark-runs/{run.id}/files/inbox/referral.txt", run.token),
        ("HEAD", f"/v1/benchmark-runs/{run.id}/files/inbox/referral.txt", run.token),
        ("DELETE", f"/v1/benchmark-runs/{run.id}/files/inbox/referral.txt", run.token),
        ("GET", f"/v1/benchmark-runs/{run.id}/fhir/metadata", run.token),
    ]:
        seen.add((await live.call(method, path, token)).headers["X-Request-Id"])
    await live.post(f"/benchmark-runs/{run.id}/cancel")
    stream = await live.call("GET", f"/task-runs/{run.tasks[0]}/events/stream", kit.api_key)
    seen.add(stream.headers["X-Request-Id"])
    assert len(seen) == 9
