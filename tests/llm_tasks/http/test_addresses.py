"""The task API at the server's bare URL: every route, its errors, and nothing of the server's own API."""

import json
import re

import pytest

from sandbox.llm_tasks.http.addresses import ALIASES, paths_of
from sandbox.llm_tasks.routes import ROUTES
from sandbox.llm_tasks.tasks.entities import ORGANIZATION_ID, PROJECT_ID

BELOW = [(method, path) for method, path, _ in ROUTES]


def test_every_route_has_an_alias():
    assert all(len(list(paths_of(path))) == 2 for _, path in BELOW)
    assert not any(alias.startswith("/v1") for alias in ALIASES)


@pytest.mark.parametrize(("method", "path"), BELOW)
async def test_a_route_answers_the_same_at_either_address(api, method, path):
    """With credentials where it only reads, without them where it writes: then a refusal that names the problem."""
    task = await api.create()
    run = (await api.run(task)).json
    known = {"org_id": ORGANIZATION_ID, "project_id": PROJECT_ID, "task_id": task["id"], "task_run_id": run["id"]}
    known |= {"entity_type": "task", "model_id_or_name": "sandbox-extract"}
    filled = [
        re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], "00000000-0000-4000-8000-00000000dead"), address)
        for address in paths_of(path)
    ]
    caller = api if method == "GET" else api.as_("wrong")
    answers = [await caller.call(method, address) for address in filled]
    assert [(a.status, a.body) for a in answers] == [(answers[0].status, answers[0].body)] * 2
    expected = {200, 404} if method == "GET" else {401, 400}
    assert answers[0].status in expected
    assert "There is nothing at" not in answers[1].body.decode()


async def test_a_task_is_made_and_run_at_the_bare_url(api):
    root = f"/org/{ORGANIZATION_ID}/project/{PROJECT_ID}/task"
    task = await api.post(root, await api.draft())
    assert task.status == 200, task
    run = await api.post(f"{root}/{task.json['id']}/run", {"task_input": {"text": "Name: Ana Reyes"}})
    assert (run.status, run.json["response"]) == (200, {"name": "Ana Reyes"})
    assert (await api.get(f"task/{task.json['id']}/run/{run.json['id']}")).json == run.json


async def test_a_download_url_leads_from_either_address(api):
    table = await api.create("Table", output_modality="csv", output_format=None)
    url = (await api.run(table)).json["response"]["download_url"]
    assert url.startswith("/org/")
    answers = [await api.get(base + url) for base in ("", "/api/v1")]
    assert [a.status for a in answers] == [200, 200] and answers[0].body == answers[1].body


async def test_a_token_is_exchanged_beside_either_address(api):
    client = (await api.post("oauth_client", {"name": "A client"})).json
    form = {
        "grant_type": "client_credentials",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
    }
    for address in ("/oauth2/token", "/api/v1/oauth2/token"):
        token = (await api.call("POST", address, data=form)).json["access_token"]
        for base in ("", "/api/v1"):
            seen = await api.as_(token).get(f"{base}/org/{ORGANIZATION_ID}/project/{PROJECT_ID}")
            assert (seen.status, seen.json["id"]) == (200, PROJECT_ID)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/org/nonsense", 400),
        ("GET", f"/org/{ORGANIZATION_ID}/nonsense", 404),
        ("DELETE", "/org", 405),
        ("PUT", "/whoami", 405),
        ("GET", "/api/v1/nonsense", 404),
        ("GET", "/api/v1", 404),
    ],
)
async def test_errors_are_those_of_the_task_api(api, method, path, status):
    answer = await api.call(method, path)
    assert (answer.status, list(answer.json)) == (status, ["detail"])
    assert (await api.as_("wrong").get("/org")).json["error"]["status"] == "Unauthorized"


@pytest.mark.parametrize("path", ["/v1/org", "/organizations", "/v1/whoami", "/project"])
async def test_no_other_path_is_taken(api, path):
    answer = await api.get(path)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (404, "NOT_FOUND")
