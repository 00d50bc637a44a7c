"""The organization's tools: every resource that can be listed, got or run, in camelCase."""

import json

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from sandbox.mcp.organization import RESOURCES


@pytest.fixture
async def connect(live, kit):
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {kit.api_key}"}) as http:
        yield lambda: Client(streamable_http_client(f"{live.url}/mcp", http_client=http))


async def call(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


async def refused(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return result.content[0].text


async def test_a_tool_for_each_resource(connect):
    async with connect() as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert {*tools} == {*RESOURCES}
    for name, tool in tools.items():
        assert tool.input_schema["properties"]["action"]["enum"] == [*RESOURCES[name][1]]
        assert tool.input_schema["required"] == ["action"]


async def test_each_action_is_a_route(live):
    served = {(r.method, r.resource.canonical.lstrip("/")) for r in live.app.router.routes() if r.resource}
    assert {(a.method, a.path) for _, actions in RESOURCES.values() for a in actions.values()} <= served


async def test_a_run_from_beginning_to_end(connect, live):
    async with connect() as client:
        (listed,) = (await call(client, "benchmarks", action="list"))["data"]
        assert (await call(client, "benchmarks", action="get", id="clinic@1"))["createdAt"] == listed["createdAt"]
        tasks = await call(client, "tasks", action="list", benchmarkId=listed["id"], limit=1)
        assert tasks["nextCursor"] and len(tasks["data"]) == 1
        rest = await call(client, "tasks", action="list", benchmarkId=listed["id"], cursor=tasks["nextCursor"])
        keys = {task["key"]: task for task in tasks["data"] + rest["data"]}
        assert keys["refer"]["taskItem"] == {"instruction": "Refer Ana Reyes."}
        task = await call(client, "tasks", action="get", id=keys["refer"]["id"])
        assert task["criteria"][0]["assertion"]["correlate_by"]["resource"] == "prior_auth_requests"

        run = await call(client, "benchmark_runs", action="create", benchmarkId="clinic@1", tasks=["answer"], seed=3)
        assert run["bearerToken"].startswith("vrl_run_") and run["seed"] == 3
        key = run["benchmarkRunId"]
        (task_run,) = (await call(client, "task_runs", action="list", benchmarkRunId=key))["data"]
        await live.post(f"/v1/task-runs/{task_run['id']}/start", run["bearerToken"])
        done = await call(client, "task_runs", action="complete", id=task_run["id"], output={"answer": 42})
        assert done["score"] == 1.0 and done["output"] == {"answer": 42}
        assert (await call(client, "benchmark_runs", action="get", id=key))["status"] == "completed"
        (criterion,) = (await call(client, "criterion_runs", action="list", taskRunId=task_run["id"]))["data"]
        found = await call(client, "criterion_runs", action="get", id=criterion["id"])
        assert found["passed"] and "field_results" in found["evidence"]
        events = await call(client, "task_runs", action="listEvents", id=task_run["id"], order="asc", limit=5)
        assert events["data"][0]["taskRunId"] == task_run["id"]
        sandboxes = (await call(client, "sandboxes", action="list", playgroundId=task_run["playgroundId"]))["data"]
        assert len(sandboxes) == 5
        await call(client, "sandboxes", action="listEvents", id=sandboxes[0]["id"])
        assert (await call(client, "playgrounds", action="get", id=task_run["playgroundId"]))["status"] == "teardown"


async def test_errors_say_what_to_do(connect):
    async with connect() as client:
        assert "must be one of list, get" in await refused(client, "benchmarks", action="create")
        assert "must be one of" in await refused(client, "benchmarks")
        assert "benchmarkId: Required" in await refused(client, "tasks", action="list")
        assert 'did you mean "benchmarkId"' in await refused(client, "tasks", action="list", benchmark_id="x")
        assert "404" in await refused(client, "tasks", action="get", id="task_none")
        assert "Must be an id" in await refused(client, "tasks", action="get", id="../sandboxes")
        assert 'did you mean "tasks"' in await refused(client, "task", action="list")


async def test_only_with_an_organization_key(live, kit):
    run = await live.started()
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream"}
    for token in (None, run.token, kit.solver_key, "vk_wrong"):
        assert (await live.call("POST", "/mcp", token, json=body, headers=headers)).status == 401
