"""Programs that nobody here wrote, unmodified, each with a task of the smallest benchmark.

The official TypeScript client at the task's own tools, by both transports; and servers of the protocol that put tools
of their own before any FHIR server, which are told a base URL and nothing else.
"""

import asyncio
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.e2e.downloads import npm_folder, python_of, tool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CLIENT_S = 60
TOOLS = "task_instructions task_complete fhir_search fhir_read fhir_create fhir_update fhir_patch fhir_delete"


@pytest.fixture(scope="module")
def server(kit):
    with kit.running_server() as running:
        yield running


@pytest.fixture
def start(server):
    """Start one task of the smallest benchmark, by its key."""

    def start(key):
        run = server.sync_client.create_benchmark_run("mock@2", tasks=[key])
        return server.sync_client.start_task_run(run.task_runs[0].id)

    return start


def agents_events(server, session):
    return [e for e in server.sync_client.list_events(session.task_run_id) if e.actor == "agent"]


@pytest.mark.parametrize("way", ["capability URL", "run token", "standard input and output"])
async def test_the_official_typescript_client(server, start, tmp_path, way):
    session = start("next-appointment")
    environment = {"SANDBOX_URL": server.url, "RUN_TOKEN": session.token, "PYTHONPATH": str(ROOT)}
    given = {
        "capability URL": {"url": session.urls["mcp"]},
        "run token": {
            "url": f"{server.url}/v1/task-runs/{session.task_run_id}/mcp",
            "headers": {"Authorization": f"Bearer {session.token}"},
        },
        "standard input and output": {
            "command": [sys.executable, "-m", "sandbox", "mcp", "--task-run", session.task_run_id],
            "env": {"PATH": os.environ["PATH"], **environment},
        },
    }[way]
    folder = await asyncio.to_thread(npm_folder, HERE / "package.json")
    (tmp_path / "node_modules").symlink_to(folder / "node_modules")
    shutil.copy(HERE / "typescript.mjs", tmp_path)
    (tmp_path / "given.json").write_text(json.dumps(given))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        tool("node"), "typescript.mjs", cwd=tmp_path, env={"PATH": os.environ["PATH"]}, stdout=pipe, stderr=pipe
    )
    out, err = await asyncio.wait_for(process.communicate(), CLIENT_S)
    assert process.returncode == 0, err.decode()[-4000:]
    seen = json.loads(out.decode().splitlines()[-1])
    assert seen["done"] == ["pass", 1] and seen["server"] == "sandbox"
    assert {*TOOLS.split()} < {*seen["tools"]} and "task_instructions" in seen["instructions"]
    assert seen["refused"][0] and "Did you mean name?" in seen["refused"][1]
    assert seen["read"] and seen["templates"] == ["fhir:///{type}/{id}"]
    assert "Robert Okafor is on the phone" in seen["prompt"]
    events = agents_events(server, session)
    assert {e.via for e in events} == {"mcp"} and len(events) == 5


async def test_fhir_mcp_server_and_a_url_alone(server, start):
    """It names Python 3.12 as its least, and runs on 3.11; the SDK that it pins wants a pydantic before 2.13."""
    session = start("new-phone-number")
    needs = ("--ignore-requires-python", "fhir-mcp-server==0.10.0", "mcp<2", "pydantic<2.13")
    python = await asyncio.to_thread(python_of, "fhir-mcp-server", *needs)
    environment = {"FHIR_SERVER_BASE_URL": session.urls["fhir"], "FHIR_SERVER_DISABLE_AUTHORIZATION": "True"}
    command = StdioServerParameters(
        command=str(python.with_name("fhir-mcp-server")),
        args=["--transport", "stdio"],
        env={"PATH": os.environ["PATH"], **environment},
    )
    async with Client(stdio_client(command), mode="legacy") as client:

        async def call(name, **arguments):
            result = await client.call_tool(name, arguments)
            assert not result.is_error, result.content
            return json.loads(result.content[0].text)

        described = await call("get_capabilities", type="Patient")
        assert described["searchParam"]
        text = session.task_item["instruction"]
        born, number = (re.search(p, text)[1] for p in (r"born (\S+),", r"now ([\d-]+);"))
        found = await call("search", type="Patient", searchParam={"family": "Chen", "birthdate": born})
        (patient,) = [e["resource"] for e in found["entry"]]
        await call("read", type="Patient", id=patient["id"])
        (mobile,) = [t for t in patient["telecom"] if t["use"] == "mobile"]
        mobile["value"] = number
        updated = await call("update", type="Patient", id=patient["id"], payload=patient)
        assert number in json.dumps(updated)
    done = await server.client.complete_task_run(session.task_run_id)
    assert (done.verdict, done.score) == ("pass", 1.0)
    events = agents_events(server, session)
    assert {e.response["status"] for e in events} == {200} and {e.via for e in events} == {"http"}


async def test_mcp_fhir_and_a_url_alone(server, start):
    session = start("next-appointment")
    needs = ("--ignore-requires-python", "mcp-fhir==1.1.1", "mcp<2")
    python = await asyncio.to_thread(python_of, "mcp-fhir", *needs)
    environment = {"PATH": os.environ["PATH"], "FHIR_BASE_URL": session.urls["fhir"], "SMART_ENABLED": "false"}
    command = StdioServerParameters(command=str(python), args=["-m", "mcp_fhir.server"], env=environment)
    async with Client(stdio_client(command), mode="legacy") as client:

        async def call(name, **arguments):
            result = await client.call_tool(name, arguments)
            assert not result.is_error, result.content
            text = result.content[0].text
            return json.loads(text[text.index("{") :])

        found = await call("fhir_search", resource_type="Patient", params={"family": "Okafor", "given": "Robert"})
        (patient,) = [e["resource"]["id"] for e in found["entry"] if e["resource"].get("active") is not False]
        params = {"patient": patient, "status": "booked", "date": "ge2026-04-23", "_sort": "date"}
        appointments = await call("fhir_search", resource_type="Appointment", params=params)
        appointment = appointments["entry"][0]["resource"]
        actors = [p["actor"]["reference"] for p in appointment["participant"]]
        (clinician,) = [a.partition("/")[2] for a in actors if a.startswith("Practitioner/")]
        named = await call("fhir_read", resource_type="Practitioner", resource_id=clinician)
    output = {"date": appointment["start"][:10], "clinician": named["name"][0]["family"]}
    done = await server.client.complete_task_run(session.task_run_id, output=output)
    assert (done.verdict, done.score) == ("pass", 1.0)
    assert {e.response["status"] for e in agents_events(server, session)} == {200}
