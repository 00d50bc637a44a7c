"""`sandbox mcp`: both doors on standard input and output, for the official client and for whoever writes lines."""

import asyncio
import json
import os
import subprocess
import sys

import pytest
from mcp import MCPError
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

COMMAND = [sys.executable, "-m", "sandbox", "mcp"]


def client_of(*arguments, mode="auto", **environment):
    parameters = StdioServerParameters(
        command=COMMAND[0], args=[*COMMAND[1:], *arguments], env={**os.environ, **environment}
    )
    return Client(stdio_client(parameters), mode=mode)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_official_client_does_a_task(live, kit, mode):
    run = await live.started()
    environment = {"SANDBOX_URL": live.url, "RUN_TOKEN": run.token}
    async with client_of("--task-run", run.tasks[0], mode=mode, **environment) as client:
        instructions = await client.call_tool("task_instructions", {})
        assert instructions.structured_content["task"]["instruction"] == "Refer Ana Reyes."
        adt = kit.adt.format(control="1", family="Smith")
        patient = {"resourceType": "Patient", "name": [{"family": "Smith"}], "gender": "male"}
        for name, arguments in (
            ("portal_create_prior_auth", kit.prior_auth),
            ("hl7_send", {"message": adt}),
            ("files_write", {"path": "outbox/ä.txt", "text": "done"}),
            ("fhir_create", {"resource": patient}),
        ):
            assert not (await client.call_tool(name, arguments)).is_error
        resource = await client.read_resource("files:///outbox/ä.txt")
        assert resource.contents[0].text == "done"
        with pytest.raises(MCPError, match="no file"):
            await client.read_resource("files:///outbox/ö.txt")
        assert (await client.call_tool("task_complete", {})).structured_content["score"] == 1.0
        with pytest.raises(MCPError, match="The task run is completed"):
            await client.call_tool("task_instructions", {})
    assert {e["via"] for e in await run.events() if e["actor"] == "agent"} == {"mcp"}


async def test_the_organization_s_tools(live, kit):
    async with client_of("--url", live.url, "--api-key", kit.api_key) as client:
        listed = await client.call_tool("benchmarks", {"action": "list"})
        assert listed.structured_content["data"][0]["slug"] == "clinic"


async def spoken(lines, *arguments, **environment):
    """Write lines and return what comes back, as JSON."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    out, error = await process.communicate("".join(f"{line}\n" for line in lines).encode())
    return process.returncode, [json.loads(line) for line in out.splitlines()], error.decode()


async def test_lines_go_through_as_they_are(live):
    run = await live.started()
    resource = '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":4.10}}'
    asked = [
        '{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"fhir_create","arguments":{"resource":'
        f"{resource}}}}}}}",
        "",
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        "{",
        '{"jsonrpc":"2.0","id":2,"method":"none"}',
    ]
    code, (made, broken, unknown), _ = await spoken(
        asked, "--url", live.url, "--task-run", run.tasks[0], "--token", run.token
    )
    assert code == 0
    assert (made["id"], broken["error"]["code"], unknown["error"]["code"]) == ("a", -32700, -32601)
    reference = made["result"]["structuredContent"]["reference"]
    assert b'"value":4.10' in (await run.call("GET", f"fhir/{reference}")).body


async def test_what_is_wrong_is_said(live):
    run = await live.started()
    ping = ['{"jsonrpc":"2.0","id":1,"method":"ping"}', '{"jsonrpc":"2.0","method":"notifications/initialized"}']
    wrong = ["--url", live.url, "--task-run", run.tasks[0], "--token", "vrl_run_wrong"]
    code, (refused,), _ = await spoken(ping, *wrong)
    assert code == 0 and "run token" in refused["error"]["message"]
    _, (lost,), _ = await spoken(ping, "--url", "http://127.0.0.1:9")
    assert "http://127.0.0.1:9 cannot be reached" in lost["error"]["message"]
    code, said, error = await spoken(ping, "--task-run", run.tasks[0], RUN_TOKEN="")
    assert code == 1 and said == [] and "RUN_TOKEN" in error
