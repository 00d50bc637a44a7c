"""A run token sees the runs of its own benchmark run: not those of others, their inputs or their files."""

import base64

import pytest

SECRET = {"text": "Name: Maria Chen, known to nobody else"}
FILES = [{"filename": "chart.html", "content": base64.b64encode(b"<script>Maria</script>").decode()}]


@pytest.fixture
async def others(desk, api, begin):
    """Runs of another benchmark run and of the organization; (their agent's api, task, runs)."""
    other = await begin(api)
    agent = api.as_(other.token)
    (task,) = (await agent.get("task", name="read a form")).json["results"]
    made = [await agent.post(f"task/{task['id']}/run", {"task_input": SECRET, "task_files": FILES})]
    made.append(await api.post(f"task/{task['id']}/run", {"task_input": SECRET, "task_files": FILES}))
    assert [answer.status for answer in made] == [200, 200]
    return agent, task, [answer.json for answer in made]


async def test_runs_and_files_of_others_are_not_there(others, api, begin):
    other, task, runs = others
    agent = api.as_((await begin(api)).token)
    mine = (await agent.run(task)).json
    for run in runs:
        path = f"task/{task['id']}/run/{run['id']}"
        for at in (path, f"{path}/file/{run['files'][0]['stored_filename']}"):
            assert (await agent.get(at)).status == 404, at
            assert (await api.get(at)).status == 200, at
        assert (await agent.get("task_run", cursor=run["id"])).status == 422
    own = f"task/{task['id']}/run/{runs[0]['id']}"
    assert (await other.get(own)).json == runs[0]
    listed = {
        "task_run": lambda value: [r["id"] for r in value["results"]],
        f"task/{task['id']}/run": lambda value: [r["id"] for r in value["results"]],
        "task_run/recent_by_task": lambda value: [r["id"] for t in value["results"] for r in t["recent_runs"]],
    }
    for path, ids_of in listed.items():
        answer = await agent.get(path)
        assert ids_of(answer.json) == [mine["id"]], path
        assert b"Maria" not in answer.body
        assert len(ids_of((await api.get(path)).json)) == 3
        assert ids_of((await other.get(path)).json) == [runs[0]["id"]]


@pytest.mark.parametrize("report", ["token_report", "credit_report", "usage_report", "timing_report"])
async def test_reports_are_of_its_own_runs(others, api, begin, report):
    _, task, _ = others
    path = f"task/{task['id']}/{report}"
    stranger = api.as_((await begin(api)).token)
    empty = (await stranger.get(path)).json
    assert empty != (await api.get(path)).json
    for name in ("usage_report", "timing_report"):
        assert (await stranger.get(f"task_run/{name}")).json != (await api.get(f"task_run/{name}")).json


async def test_what_the_organization_ran_for_its_task_run_is_its_own(desk, api, begin):
    started = await begin(api)
    agent = api.as_(started.token)
    (task,) = (await agent.get("task", name="read a form")).json["results"]
    run = (await api.post(f"task/{task['id']}/run", {"task_input": SECRET, "context_id": started.id})).json
    assert "benchmark_run_id" not in run
    assert (await agent.get(f"task/{task['id']}/run/{run['id']}")).json == run


async def test_its_files_run_nowhere(others, api):
    _, task, runs = others
    path = f"task/{task['id']}/run/{runs[1]['id']}/file/{runs[1]['files'][0]['stored_filename']}"
    for inline in ("true", "false"):
        answer = await api.get(path, inline=inline)
        assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''chart.html")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
