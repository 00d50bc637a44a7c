"""Runs within a started task run: events, the check, determinism, the frozen definition."""

import asyncio
import json
from functools import partial

import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.llm_tasks.checks import LLM_TASK
from sandbox.scoring.parsing import UnsupportedAssertion, parse_assertion
from sandbox.scoring.scores import Criterion

ANA = {"text": "Name: Ana Reyes"}


async def events_of(api, started):
    found = (await api.get(f"/task-runs/{started.id}/events", order="asc", limit=100)).json["data"]
    return [event for event in found if event["type"] == "llm_task_run"]


async def complete(api, started):
    answer = await api.as_(started.token).call("POST", f"/v1/task-runs/{started.id}/complete")
    assert answer.status == 200, answer
    return answer.json


async def read_a_form(api):
    return (await api.get("task", name="Read a form")).json["results"][0]


@pytest.mark.parametrize("field", ["context_id", "task_reference", "reference"])
async def test_a_run_that_names_a_started_task_run_is_its_event(desk, api, begin, field):
    started = await begin(api)
    task = await read_a_form(api)
    run = (await api.post(f"task/{task['id']}/run", {"task_input": ANA, field: started.id})).json
    (event,) = await events_of(api, started)
    assert (event["request"]["method"], event["request"]["path"]) == ("POST", "llm-tasks/Read a form/run")
    assert event["request"]["body"] == {"task": "Read a form", "task_input": ANA, "files": []}
    assert event["response"]["body"]["id"] == run["id"]
    assert event["response"]["body"]["response"] == {"name": "Ana Reyes"}
    assert event["changes"] == []
    assert "vk_local" not in json.dumps(event)
    assert (await complete(api, started))["verdict"] == "pass"


async def test_a_run_token_needs_no_reference(desk, api, begin):
    started = await begin(api)
    agent = api.as_(started.token)
    await agent.run(await read_a_form(agent), ANA)
    assert len(await events_of(api, started)) == 1


async def test_with_two_task_runs_started_the_reference_decides(desk, api, begin):
    started = await begin(api)
    agent = api.as_(started.token)
    run = (await agent.get(f"/v1/benchmark-runs/{started.run_id}")).json
    other = next(t for t in run["task_runs"] if (t.get("id") or t["task_run_id"]) != started.id)
    other_id = other.get("id") or other["task_run_id"]
    await agent.call("POST", f"/v1/task-runs/{other_id}/start")
    task = await read_a_form(agent)
    await agent.run(task, ANA)
    assert await events_of(api, started) == []
    await agent.post(f"task/{task['id']}/run", {"task_input": ANA, "context_id": started.id})
    assert len(await events_of(api, started)) == 1


async def test_a_run_token_reaches_its_own_task_runs_only(desk, api, begin):
    mine, other = await begin(api), await begin(api)
    agent = api.as_(mine.token)
    task = await read_a_form(agent)
    await agent.post(f"task/{task['id']}/run", {"task_input": ANA, "context_id": other.id})
    assert await events_of(api, other) == []


async def test_any_other_context_is_only_a_name(desk, api, begin):
    started = await begin(api)
    task = await read_a_form(api)
    run = (await api.post(f"task/{task['id']}/run", {"task_input": ANA, "context_id": "case-7"})).json
    assert run["context_id"] == "case-7"
    await complete(api, started)
    late = await api.post(f"task/{task['id']}/run", {"task_input": ANA, "context_id": started.id})
    assert late.status == 200
    assert await events_of(api, started) == []


async def test_tasks_made_over_the_api_count_too(desk, api, begin):
    started = await begin(api)
    task = await api.create(name="My own")
    await api.post(f"task/{task['id']}/run", {"task_input": ANA, "context_id": started.id})
    (event,) = await events_of(api, started)
    assert event["response"]["body"]["task_name"] == "My own"
    assert (await complete(api, started))["verdict"] == "fail"


async def test_an_error_run_is_an_event_too(desk, api, begin):
    started = await begin(api)
    task = await api.create(name="Broken", model="sandbox-fault")
    await api.post(f"task/{task['id']}/run", {"task_input": ANA, "context_id": started.id})
    (event,) = await events_of(api, started)
    assert event["response"]["body"]["is_error"] is True


async def test_a_seeded_run_repeats_to_the_byte(desk, api, begin):
    seen = []
    for _ in range(2):
        started = await begin(api, seed=7)
        agent = api.as_(started.token)
        await agent.run(await read_a_form(agent), ANA)
        (event,) = await events_of(api, started)
        seen.append({k: event[k] for k in ("id", "seq", "at", "request", "response", "changes")})
        await complete(api, started)
    assert seen[0] == seen[1]


async def test_a_started_run_keeps_the_definition_it_began_with(desk, start, begin):
    from sandbox.api.context import SHELF
    from sandbox.app import WATCHING

    api = await start(is_watching=True)
    await api.app[WATCHING].wait()
    started = await begin(api)
    agent = api.as_(started.token)
    task = await read_a_form(agent)
    told = asyncio.Event()
    api.app[SHELF].subscribe(told.set)
    path = desk / "read-a-form.yaml"
    path.write_text(json.dumps({**json.loads(path.read_text()), "output_format": {"surname": "str"}}))
    await asyncio.wait_for(told.wait(), 20)
    assert (await agent.run(task, ANA)).json["response"] == {"name": "Ana Reyes"}
    assert set((await api.run(task, ANA)).json["response"]) == {"surname"}


async def test_events_come_back_after_a_restart(desk, serve, begin):
    async with serve() as api:
        started = await begin(api)
        agent = api.as_(started.token)
        await agent.run(await read_a_form(agent), ANA)
    async with serve() as api:
        assert len(await events_of(api, started)) == 1
        agent = api.as_(started.token)
        await agent.run(await read_a_form(agent), {"text": "Name: Bo"})
        assert len(await events_of(api, started)) == 2
        assert (await complete(api, started))["checks"][0]["evidence"]["count"]["satisfying"] == 1


async def test_a_full_task_run_takes_no_more(desk, api, begin, monkeypatch):
    from sandbox import limits

    started = await begin(api)
    agent = api.as_(started.token)
    task = await read_a_form(agent)
    await agent.run(task, ANA)
    monkeypatch.setattr(limits, "EVENTS_PER_TASK_RUN", 1)
    answer = await agent.run(task, ANA)
    assert (answer.status, answer.reason) == (413, "PAYLOAD_TOO_LARGE")
    assert len((await api.get(f"task/{task['id']}/run")).json["results"]) == 1


@pytest.mark.parametrize(
    ("assertion", "is_supported"),
    [
        ({}, True),
        ({"task": "Read a form", "where": {"is_error": False}, "absent": True}, True),
        ({"contains": ["Ana"], "count": {"max": 1}}, True),
        ({"tasks": "x"}, False),
        ({"fields": [{"path": "response.name"}]}, False),
    ],
)
def test_how_the_check_is_written(assertion, is_supported):
    parsed = parse_assertion({"llm-task": LLM_TASK}, {"assert": "llm-task", **assertion}, None)
    assert isinstance(parsed, UnsupportedAssertion) is not is_supported
    assert Criterion("c", "l", 1, None, assertion)


async def test_show_lists_the_run_in_the_timeline(desk, serve, begin, settings):
    async with serve() as api:
        started = await begin(api)
        agent = api.as_(started.token)
        await agent.run(await read_a_form(agent), ANA)
        await complete(api, started)
        options = ["--url", api.url, "--api-key", "vk_local"]
        wide = {"COLUMNS": "200"}
        shown = await asyncio.to_thread(partial(CliRunner().invoke, app, ["show", started.run_id, *options], env=wide))
    assert shown.exit_code == 0, shown.output
    assert "llm-tasks" in shown.output
    assert "Read a form/run" in " ".join(shown.output.split())
