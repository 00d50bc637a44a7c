"""Every documented field with its type, against live answers.

A shape maps a field to the kinds it may have. `documented` fields must all be there; a field that is
in neither `documented` nor `extensions` fails, and so does a wrong type.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox.clock import parse_instant

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
RUN_STATUS = ("active", "completed", "cancelled", "failed")
TASK_STATUS = (*RUN_STATUS, "timed_out")
PHASE = ("created", "started", "completed")
VERDICT = ("pass", "partial", "fail")
REQUEST_ID = re.compile("req_[0-9A-Za-z]{26}")
PLACE_STATUS = ("provisioning", "active", "teardown")


def is_instant(value: Any) -> bool:
    return isinstance(value, str) and bool(INSTANT.fullmatch(value)) and parse_instant(value) is not None


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def an_id(prefix: str) -> Any:
    return re.compile(rf"{prefix}_[0-9A-HJKMNP-TV-Z]{{26}}")


KINDS = {
    "string": lambda v: isinstance(v, str) and v != "",
    "text": lambda v: isinstance(v, str),
    "bool": lambda v: isinstance(v, bool),
    "int": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": is_number,
    "score": lambda v: is_number(v) and 0 <= v <= 1,
    "instant": is_instant,
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "null": lambda v: v is None,
    "any": lambda v: True,
    "path": lambda v: isinstance(v, str) and v.startswith("/"),
    "url": lambda v: isinstance(v, str) and v.startswith("http://127.0.0.1:"),
}


@dataclass(frozen=True)
class Shape:
    """Fields by name. A kind is a name in KINDS, a pattern, a tuple of literals, a Shape, or [element shape];
    a name that ends with `?` may be null."""

    documented: dict[str, Any]
    extensions: dict[str, Any] = field(default_factory=dict)


def problems(value: Any, kind: Any, at: str = "$") -> list[str]:
    """What is wrong with a value."""
    if isinstance(kind, Shape):
        if not isinstance(value, dict):
            return [f"{at}: {value!r} is no object"]
        known = {**kind.documented, **kind.extensions}
        names = {name.rstrip("?"): (name.endswith("?"), inner) for name, inner in known.items()}
        found = [f"{at}.{name} is missing" for name in sorted(set(names) - set(value))]
        found += [f"{at}.{name} is not documented" for name in sorted(set(value) - set(names))]
        for name in set(names) & set(value):
            may_be_null, inner = names[name]
            if not (may_be_null and value[name] is None):
                found += problems(value[name], inner, f"{at}.{name}")
        return found
    if isinstance(kind, list):
        if not isinstance(value, list):
            return [f"{at}: {value!r} is no array"]
        return [p for i, item in enumerate(value) for p in problems(item, kind[0], f"{at}[{i}]")]
    if isinstance(kind, dict):
        return problems(value, Shape(kind), at)
    if isinstance(kind, re.Pattern):
        return [] if isinstance(value, str) and kind.fullmatch(value) else [f"{at}: {value!r} is no {kind.pattern}"]
    if isinstance(kind, tuple):
        return [] if value in kind else [f"{at}: {value!r} is none of {kind}"]
    return [] if KINDS[kind](value) else [f"{at}: {value!r} is no {kind}"]


def check(value: Any, shape: Any) -> None:
    found = problems(value, shape)
    assert not found, "\n".join(found)


BENCHMARK_REF = {"slug": "string", "version": re.compile(r"\d+"), "name": "string"}
ENDPOINTS = dict.fromkeys(("fhir", "hl7_inbox", "hl7_outbound", "files_inbox", "files", "portal"), "path")
CREDENTIALS = {
    "Fhir": {"fhir_base_url": "url", "token_url": "url", "client_id": "string", "client_secret": "string"},
    "Hl7": Shape(
        {"inbox_url": "url", "outbound_url": "url"},
        {"receiving_application": "string", "receiving_facility": "string"},
    ),
    "Files": Shape({"root": "string"}, {"inbox_url": "url", "files_url": "url"}),
    "Payer": {"portal_url": "url", "api_url": "url", "username": re.compile("provider_.+"), "password": "string"},
}
RUN_SANDBOX = {
    "id": an_id("sb"),
    "simulator_id": an_id("sim"),
    "type": tuple(CREDENTIALS),
    "name": "string",
    "task_run_id": an_id("tr"),
    "playground_id": an_id("pg"),
    "status": PLACE_STATUS,
    "credentials": "object",
}
CREATED_TASK_RUN = Shape(
    {
        "id": an_id("tr"),
        "task_id": an_id("task"),
        "name": "string",
        "phase": PHASE,
        "start_url": "path",
        "complete_url": "path",
        "playground_id": an_id("pg"),
    },
    {"key": "string", "endpoints": ENDPOINTS},
)
CREATED = Shape(
    {
        "benchmark_run_id": an_id("br"),
        "benchmark": BENCHMARK_REF,
        "scored": "bool",
        "phase": ("created",),
        "bearer_token": re.compile(r"vrl_run_[\w-]{40}"),
        "bearer_token_expires_at": "instant",
        "endpoints": ENDPOINTS,
        "sandboxes": [RUN_SANDBOX],
        "task_runs": [CREATED_TASK_RUN],
    },
    {"status": ("active",), "agent?": "string", "seed?": "int", "created_at": "instant"},
)
PUBLIC_TASK_RUN = Shape(
    {
        **CREATED_TASK_RUN.documented,
        "status": TASK_STATUS,
        "verdict?": VERDICT,
        "score?": "score",
    },
    {**CREATED_TASK_RUN.extensions, "started_at?": "instant", "timeout_at?": "instant", "completed_at?": "instant"},
)
PUBLIC_RUN = Shape(
    {
        "benchmark_run_id": an_id("br"),
        "benchmark": BENCHMARK_REF,
        "scored": "bool",
        "phase": PHASE,
        "status": RUN_STATUS,
        "verdict?": VERDICT,
        "score?": "score",
        "agent?": "string",
        "started_at?": "instant",
        "completed_at?": "instant",
        "endpoints": ENDPOINTS,
        "sandboxes": [RUN_SANDBOX],
        "task_runs": [PUBLIC_TASK_RUN],
    },
    {"bearer_token_expires_at": "instant"},
)
STARTED = Shape(
    {
        "task_run_id": an_id("tr"),
        "benchmark_run_id": an_id("br"),
        "task_id": an_id("task"),
        "name": "string",
        "phase": ("started",),
        "status": ("active",),
        "started_at": "instant",
        "timeout_at": "instant",
        "task_item?": "object",
        "endpoints": ENDPOINTS,
        "sandboxes": [RUN_SANDBOX],
    },
    {"key": "string"},
)
SCORED_CHECK = {
    "criterion_run_id": an_id("crun"),
    "criterion_id": an_id("crit"),
    "label": "string",
    "axis?": "string",
    "weight": "number",
    "passed": "bool",
    "score": "score",
}
CHECK = {**SCORED_CHECK, "details": "string", "evidence": "object"}
COMPLETED = {
    "task_run_id": an_id("tr"),
    "benchmark_run_id": an_id("br"),
    "phase": ("completed",),
    "status": ("completed",),
    "verdict": VERDICT,
    "score": "score",
    "axes": "object",
    "checks": [CHECK],
    "started_at": "instant",
    "completed_at": "instant",
}
CRITERION_RUN = Shape(
    {
        "id": an_id("crun"),
        "task_run_id": an_id("tr"),
        "criterion_id": an_id("crit"),
        "passed": "bool",
        "score": "score",
        "details?": "string",
        "evidence?": "object",
        "started_at": "instant",
        "completed_at?": "instant",
    },
    {"label": "string", "axis?": "string", "weight": "number", "superseded_at?": "instant"},
)
INTERNAL_RUN = Shape(
    {
        "id": an_id("br"),
        "benchmark_id": an_id("bench"),
        "status": RUN_STATUS,
        "phase": PHASE,
        "scored": "bool",
        "verdict?": VERDICT,
        "score?": "score",
        "agent?": "string",
        "started_at?": "instant",
        "completed_at?": "instant",
    },
    {
        "benchmark": BENCHMARK_REF,
        "organization_id": an_id("org"),
        "solver_id?": an_id("slv"),
        "seed?": "int",
        "definition_hash": re.compile("[0-9a-f]{64}"),
        "published_at?": "instant",
        "created_at": "instant",
        "updated_at": "instant",
    },
)
INTERNAL_TASK_RUN = Shape(
    {
        "id": an_id("tr"),
        "benchmark_run_id": an_id("br"),
        "task_id": an_id("task"),
        "playground_id": an_id("pg"),
        "status": TASK_STATUS,
        "phase": PHASE,
        "verdict?": VERDICT,
        "score?": "score",
        "started_at?": "instant",
        "completed_at?": "instant",
    },
    {
        "key": "string",
        "name": "string",
        "axes?": "object",
        "output?": "any",
        "notes?": "text",
        "timeout_at?": "instant",
        "created_at": "instant",
    },
)
FULL_TASK_RUN = Shape(
    {**INTERNAL_TASK_RUN.documented, "criterion_runs": [CRITERION_RUN], "snapshot?": "object"},
    INTERNAL_TASK_RUN.extensions,
)
SANDBOX = Shape(
    {
        "id": an_id("sb"),
        "simulator_id": an_id("sim"),
        "playground_id?": an_id("pg"),
        "status": PLACE_STATUS,
        "credentials?": "object",
        "organization_id": an_id("org"),
        "created_at": "instant",
        "updated_at": "instant",
    },
    {"type": tuple(CREDENTIALS), "name": "string", "datasets": "array"},
)
PLAYGROUND = Shape(
    {
        "id": an_id("pg"),
        "environment_id": an_id("env"),
        "status": PLACE_STATUS,
        "organization_id": an_id("org"),
        "created_at": "instant",
        "updated_at": "instant",
        "sandboxes": [SANDBOX],
    },
    {"benchmark_run_id?": an_id("br"), "task_run_id?": an_id("tr")},
)
BENCHMARK = Shape(
    {
        "id": an_id("bench"),
        "name": "string",
        "description?": "string",
        "timeout?": "number",
        "concurrency?": "int",
        "environment_id?": an_id("env"),
        "organization_id": an_id("org"),
        "slug?": "string",
        "version?": "int",
        "published": "bool",
        "visibility": ("Public", "Private"),
        "created_at": "instant",
        "updated_at": "instant",
    },
    {"source": ("file",), "definition_hash": re.compile("[0-9a-f]{64}")},
)
TASK = Shape(
    {
        "id": an_id("task"),
        "benchmark_id": an_id("bench"),
        "name": "string",
        "timeout?": "number",
        "task_item?": "object",
        "scenario?": "object",
        "tags": "array",
        "created_at": "instant",
    },
    {"key": "string", "entities": "array", "source": ("file",)},
)
CRITERION = {
    "id": an_id("crit"),
    "task_id": an_id("task"),
    "input_entity_id?": "string",
    "label": "string",
    "assertion": "object",
    "weight": "number",
    "axis?": "string",
    "created_at": "instant",
}
EVENT = {
    "id": re.compile("evt_[0-9A-HJKMNP-TV-Z]{26,33}"),
    "seq": "int",
    "sandbox_id?": an_id("sb"),
    "playground_id": an_id("pg"),
    "task_run_id?": an_id("tr"),
    "type": "string",
    "at": "instant",
    "duration_ms": "number",
    "request?": {"method": "string", "path": "string", "query?": "text", "headers": "object", "body?": "any"},
    "response?": {"status": "int", "headers": "object", "body?": "any"},
    "changes": [{"collection": "string", "key": "string", "version": "int", "op": ("put", "delete")}],
}


def page_of(element: Any) -> Shape:
    meta = {"next?": "string", "prev?": "string", "limit": "int"}
    return Shape({"data": [element], "next_cursor?": "string", "_meta": meta})


ERROR = {"error": Shape({"code": "string", "message": "string", "request_id": REQUEST_ID})}
ERROR_WITH_DETAILS = {
    "error": Shape({"code": "string", "message": "string", "details": "object", "request_id": REQUEST_ID})
}


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
def test_the_table_itself_can_fail(value, kind, problem):
    assert problems(value, kind) == [problem]
    assert problems({"a": None}, {"a?": "string"}) == []


async def test_create_run(live):
    run = await live.run(agent="me", seed=7)
    check(run.value, CREATED)
    assert (run.value["agent"], run.value["seed"], run.value["scored"]) == ("me", 7, False)
    assert run.value["benchmark"] == {"slug": "clinic", "version": "1", "name": "Small clinic"}
    for sandbox in run.value["sandboxes"]:
        check(sandbox["credentials"], CREDENTIALS[sandbox["type"]])
    assert len(run.value["sandboxes"]) == 8
    assert run.value["endpoints"]["fhir"] == f"/v1/benchmark-runs/{run.id}/fhir"
    first = run.value["task_runs"][0]
    assert first["start_url"] == f"/v1/task-runs/{first['id']}/start"
    assert first["complete_url"] == f"/v1/task-runs/{first['id']}/complete"
    assert first["endpoints"]["portal"] == f"/v1/task-runs/{first['id']}/portal"
    check((await live.run()).value, CREATED)


async def test_internal_create_returns_the_token_too(live):
    answer = await live.post("/benchmark-runs", status=201, json={"benchmark_id": "clinic@1"})
    both = Shape({**INTERNAL_RUN.documented, **CREATED.documented}, {**INTERNAL_RUN.extensions, **CREATED.extensions})
    check(answer, both)
    assert await live.get(f"/v1/benchmark-runs/{answer['id']}", answer["bearer_token"])


async def test_a_run_from_start_to_end(live):
    run = await live.run()
    check(await run.get(), PUBLIC_RUN)
    started = await run.start()
    check(started, STARTED)
    assert started["task_item"] == {"instruction": "Refer Ana Reyes."}
    check(await run.get(), PUBLIC_RUN)
    await run.do_everything()
    first = await run.complete(output={"answer": 42}, notes="done")
    check(first, COMPLETED)
    for axis in first["axes"].values():
        check(axis, {"score": "score", "weight": "number"})
    assert set(first["axes"]) == {"correctness", "communication", "__default__"}
    assert (first["score"], first["verdict"], len(first["checks"])) == (1.0, "pass", 4)
    await run.start(1)
    check(await run.complete(1), COMPLETED)
    over = await run.get()
    check(over, PUBLIC_RUN)
    assert (over["phase"], over["status"], over["score"], over["verdict"]) == ("completed", "completed", 0.5, "partial")


async def test_internal_resources(live, kit):
    run = await live.started()
    await run.do_everything()
    await run.complete(output="x")
    check(
        await live.get("/benchmark-runs"),
        page_of(Shape(INTERNAL_RUN.documented, {**INTERNAL_RUN.extensions, "tasks": "array"})),
    )
    full = Shape(
        {
            **INTERNAL_RUN.documented,
            "task_runs": [
                Shape({**INTERNAL_TASK_RUN.documented, "criterion_runs": [CRITERION_RUN]}, INTERNAL_TASK_RUN.extensions)
            ],
        },
        {**INTERNAL_RUN.extensions, "sandboxes": [RUN_SANDBOX]},
    )
    check(await live.get(f"/benchmark-runs/{run.id}"), full)
    with_snapshot = Shape(INTERNAL_TASK_RUN.documented, {**INTERNAL_TASK_RUN.extensions, "snapshot": "object"})
    check(await live.get(f"/task-runs?benchmark_run_id={run.id}"), page_of(with_snapshot))
    for task_run_id in run.tasks:
        check(await live.get(f"/task-runs/{task_run_id}"), FULL_TASK_RUN)
    criterion_runs = await live.get(f"/criterion-runs?task_run_id={run.tasks[0]}")
    check(criterion_runs, page_of(CRITERION_RUN))
    assert len(criterion_runs["data"]) == 4
    one = await live.get(f"/criterion-runs/{criterion_runs['data'][0]['id']}")
    check(one, CRITERION_RUN)
    assert one == criterion_runs["data"][0]

    check(await live.get(f"/playgrounds?benchmark_run_id={run.id}"), page_of(PLAYGROUND))
    playground = await live.get(f"/playgrounds/{run.value['task_runs'][0]['playground_id']}")
    check(playground, PLAYGROUND)
    assert [s["type"] for s in playground["sandboxes"]] == ["Fhir", "Hl7", "Files", "Payer"]
    check(await live.get(f"/sandboxes?playground_id={playground['id']}"), page_of(SANDBOX))
    for sandbox in playground["sandboxes"]:
        found = await live.get(f"/sandboxes/{sandbox['id']}")
        check(found, SANDBOX)
        check(found["credentials"], CREDENTIALS[found["type"]])
        assert f"/sandboxes/{sandbox['id']}/" in str(found["credentials"])
        check(await live.get(f"/sandboxes/{sandbox['id']}/events"), page_of(EVENT))


async def test_events(live):
    run = await live.started()
    await run.do_everything()
    refused = await run.call("POST", "hl7/outbound", json={"payload": 1})
    assert refused.status == 400
    events = await live.get(f"/task-runs/{run.tasks[0]}/events")
    check(events, page_of(EVENT))
    assert len(events["data"]) == 7
    streamed = await live.post(f"/benchmark-runs/{run.id}/cancel") and await live.follow(run.tasks[0])
    assert [data for _, _, data in streamed[:-1]] == list(reversed(events["data"]))
    for _, name, data in streamed[:-1]:
        check(data, EVENT)
        assert name == data["type"]


async def test_benchmarks_and_tasks(live):
    benchmarks = await live.get("/benchmarks")
    check(benchmarks, page_of(BENCHMARK))
    (only,) = benchmarks["data"]
    assert await live.get(f"/benchmarks/{only['id']}") == only == await live.get("/benchmarks/clinic@1")
    tasks = await live.get(f"/tasks?benchmark_id={only['id']}")
    check(tasks, page_of(TASK))
    assert {t["key"] for t in tasks["data"]} == {"refer", "answer"}
    for listed in tasks["data"]:
        found = await live.get(f"/tasks/{listed['id']}")
        check(found, Shape(TASK.documented, {**TASK.extensions, "criteria": [CRITERION]}))
        assert found["criteria"]


async def test_errors(live, kit):
    run = await live.started()
    cases = [
        (401, "UNAUTHORIZED", ERROR, "GET", "/benchmarks", None, None),
        (404, "NOT_FOUND", ERROR, "GET", "/benchmarks/none", kit.api_key, None),
        (404, "NOT_FOUND", ERROR, "GET", "/nowhere", None, None),
        (405, "METHOD_NOT_ALLOWED", ERROR, "DELETE", "/benchmarks", kit.api_key, None),
        (409, "CONFLICT", ERROR, "POST", f"/v1/task-runs/{run.tasks[0]}/start", run.token, {}),
        (400, "VALIDATION_ERROR", ERROR_WITH_DETAILS, "POST", "/v1/benchmark-runs", kit.solver_key, {"bench": 1}),
        (400, "BAD_REQUEST", ERROR, "POST", "/v1/benchmark-runs", kit.solver_key, []),
        (404, "NOT_FOUND", ERROR, "GET", f"/v1/benchmark-runs/{run.id}/files/none", run.token, None),
        (404, "NOT_FOUND", ERROR, "GET", f"/v1/benchmark-runs/{run.id}/portal/patients/none", run.token, None),
        (401, "UNAUTHORIZED", ERROR, "GET", f"/v1/benchmark-runs/{run.id}/hl7/inbox", None, None),
        (
            400,
            "VALIDATION_ERROR",
            ERROR_WITH_DETAILS,
            "POST",
            f"/v1/benchmark-runs/{run.id}/hl7/outbound",
            run.token,
            {"payload": 1},
        ),
    ]
    for status, code, shape, method, path, token, body in cases:
        answer = await live.call(method, path, token, json=body)
        assert (answer.status, answer.error["code"]) == (status, code), (path, answer)
        check(answer.json, shape)
        assert answer.headers["X-Request-Id"] == answer.error["request_id"]
        assert answer.headers["Content-Type"].startswith("application/json")
    refused = await live.call("POST", "/v1/benchmark-runs", kit.solver_key, json={"bench": 1, "scored": "yes"})
    assert set(refused.error["details"]) == {"bench", "benchmark", "scored"}
    assert all(isinstance(m, list) and m for m in refused.error["details"].values())


async def test_fhir_errors_are_operation_outcomes(live, kit):
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


async def test_a_scored_run_withholds_details_and_evidence_from_the_agent_only(live):
    run = await live.started(scored=True)
    await run.do_everything()
    answer = await run.complete()
    check(answer, {**COMPLETED, "checks": [SCORED_CHECK]})
    check(await run.complete(), {**COMPLETED, "checks": [SCORED_CHECK]})
    seen_by_agent = str(await run.get()) + str(answer)
    assert "field_results" not in seen_by_agent and "'details'" not in seen_by_agent
    for found in (await live.get(f"/task-runs/{run.tasks[0]}"))["criterion_runs"]:
        assert found["details"] and found["evidence"]
    for found in (await live.get(f"/criterion-runs?task_run_id={run.tasks[0]}"))["data"]:
        assert found["details"] and found["evidence"]
    assert (await live.get(f"/benchmark-runs/{run.id}"))["scored"] is True


async def test_every_response_carries_a_request_id(live, kit):
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
