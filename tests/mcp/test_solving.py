"""Whole benchmarks solved by tools alone: at 1.0, with the events and the state that HTTP leaves."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
from aiohttp import web
from mcp.client.client import Client

from sandbox.api.context import RUNS
from sandbox.app import create_app
from sandbox.client.client import SandboxClient
from sandbox.serving import Runner
from sandbox.settings import Settings
from tests.mcp.by_tools import ToolTask

ROOT = Path(__file__).parents[2] / "playgrounds"
SEED = 7


def solver(reference):
    slug, _, version = reference.partition("@")
    path = ROOT / slug / f"v{version}" / "solution.py"
    spec = importlib.util.spec_from_file_location(f"solution_{slug.replace('-', '_')}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.solve


@pytest.fixture
async def server(tmp_path):
    settings = Settings(port=0, data_dir=tmp_path / "data", is_watching=False)
    app = create_app(settings)
    runner = Runner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with SandboxClient(url, solver_key="vrl_slv_local", api_key="vk_local") as client:
            yield app, client
    finally:
        await runner.cleanup()


async def solve_all(server, reference, *, by_tools):
    """Solve each task; return the scores, the events and the final states' hashes."""
    app, client = server
    solve = solver(reference)
    run = await client.create_benchmark_run(reference, seed=SEED)
    scores, events, hashes, vias = [], [], [], set()
    for listed in run.task_runs:
        session = await client.start_task_run(listed.id)
        playground = app[RUNS].active_task_run(listed.id).playground
        if by_tools:
            async with Client(session.urls["mcp"]) as tools:
                task = ToolTask(tools, (await tools.call_tool("task_instructions", {})).structured_content["task"])
                output = await solve(task)
                hashes.append(playground.branch.state_hash())
                result = await tools.call_tool("task_complete", {"output": output})
                scores.append(result.structured_content["score"])
        else:
            output = await solve(session)
            hashes.append(playground.branch.state_hash())
            scores.append((await client.complete_task_run(listed.id, output=output)).score)
        own = [e for e in await client.list_events(listed.id) if e.actor == "agent"]
        vias |= {event.via for event in own}
        events.append(
            [
                told(event).replace(f"task-runs/{listed.id}", "root").replace(f"benchmark-runs/{run.id}", "root")
                for event in own
            ]
        )
    return scores, events, hashes, vias


def told(event):
    """What an event says, as JSON, but for the headers of its request and which run it belongs to."""
    body = event.request.get("body")
    said = {
        "type": event.type,
        "request": {name: event.request.get(name) for name in ("method", "path", "query")},
        "body": json.loads(body) if isinstance(body, str) and body[:1] in "{[" else body,
        "status": event.response["status"],
        "answer": re.sub(r"http://[^/]+/", "/", json.dumps(event.response.get("body"), sort_keys=True)),
        "changes": event.changes,
    }
    return json.dumps(said, sort_keys=True)


@pytest.mark.parametrize("reference", ["fax-referral@2", "prior-auth-imaging@2"])
async def test_tools_alone_do_what_http_does(server, reference):
    scores, events, hashes, vias = await solve_all(server, reference, by_tools=True)
    assert set(scores) == {1.0} and vias == {"mcp"}
    over_http = await solve_all(server, reference, by_tools=False)
    assert over_http[0] == scores and over_http[3] == {"http"}
    assert hashes == over_http[2]
    assert events == over_http[1]
