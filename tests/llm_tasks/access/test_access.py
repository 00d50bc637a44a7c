"""Who may do what: keys, access tokens, task tokens, run tokens, projects."""

import base64

import aiohttp
import jwt
import pytest

from sandbox.clock import parse_instant
from sandbox.llm_tasks.engines import media
from sandbox.llm_tasks.tasks.entities import ORGANIZATION_ID, PROJECT_ID

UNKNOWN = "00000000-0000-4000-8000-00000000dead"
WHOAMI = "/api/v1/whoami"


async def basic(api, client_id, secret, **options):
    auth = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return await api.call("POST", "/oauth2/token", headers={"Authorization": f"Basic {auth}"}, **options)


@pytest.mark.parametrize("token", ["", "vk_wrong", "vrl_slv_local", "vrl_run_x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
@pytest.mark.parametrize("path", [WHOAMI, "task", "model", "task_run"])
async def test_wrong_credentials_are_401_in_the_proxys_own_shape(api, token, path):
    answer = await api.as_(token).get(path)
    assert answer.status == 401
    assert answer.json == {
        "error": {"code": 401, "status": "Unauthorized", "message": "Access credentials are invalid"}
    }


async def test_basic_is_not_bearer(api):
    answer = await api.call("GET", WHOAMI, headers={"Authorization": "Basic dmtfbG9jYWw6"})
    assert answer.status == 401


async def test_whoami_names_organization_and_project(api):
    who = (await api.get(WHOAMI)).json
    assert set(who) == {"id", "email", "name", "client"}
    assert who["client"] == {"org_id": ORGANIZATION_ID, "project_id": PROJECT_ID}


async def test_organizations_and_projects(api):
    (org,) = (await api.get("/api/v1/org")).json["results"]
    assert (await api.get(f"/api/v1/org/{org['id']}")).json == org
    made = (await api.call("POST", f"/api/v1/org/{org['id']}/project", json={"name": "Second"})).json
    listed = (await api.get(f"/api/v1/org/{org['id']}/project")).json["results"]
    assert [p["id"] for p in listed] == [made["id"], PROJECT_ID]
    project = (await api.get(api.project)).json
    assert {"id", "name", "org_id", "avatar_url", "public_routing_key"} <= set(project)
    assert (await api.get(f"/api/v1/org/{UNKNOWN}")).status == 404
    assert (await api.within(UNKNOWN).get("task")).status == 404
    assert (await api.within("x").get("task")).reason == "MALFORMED_RESOURCE_IDENTIFIER"


@pytest.fixture
async def other(api):
    """Another project."""
    path = f"/api/v1/org/{ORGANIZATION_ID}/project"
    return api.within((await api.call("POST", path, json={"name": "Other"})).json["id"])


async def test_nothing_of_one_project_is_seen_from_another(api, other):
    task = await api.create(name="Mine", file_input_mode="any")
    data = aiohttp.FormData()
    data.add_field("task_input", '{"text": "Name: Ana"}')
    data.add_field("task_file", media.picture("x"), filename="secret.png", content_type="image/png")
    run = (await api.call("POST", f"task/{task['id']}/run", data=data)).json
    tag = (await api.post("task/tag", {"name": "mine"})).json
    group = (await api.post("reporting-groups", {"name": "mine"})).json
    file = f"task/{task['id']}/run/{run['id']}/file/{run['files'][0]['stored_filename']}"
    assert (await api.get(file)).status == 200
    own = await other.create(name="Mine")
    for path in (
        f"task/{task['id']}",
        f"task/{task['id']}/run",
        f"task/{task['id']}/run/{run['id']}",
        file,
        f"task/{task['id']}/token_report",
        f"task/tag/{tag['id']}",
        f"reporting-groups/{group['id']}",
        file.replace(task["id"], own["id"]),
        f"task/{own['id']}/run/{run['id']}",
    ):
        answer = await other.get(path)
        assert answer.status == 404, path
        assert answer.reason == "RESOURCE_NOT_FOUND"
    for method, path, body in (
        ("POST", f"task/{task['id']}/run", {"task_input": {"text": ""}}),
        ("POST", f"task/{task['id']}", {"enabled": False}),
        ("DELETE", f"task/{task['id']}", None),
        ("DELETE", f"tags/{tag['id']}", None),
        ("POST", f"task/{own['id']}", {"tags": [tag["id"]]}),
        ("POST", f"task/tag/{tag['id']}/add", {"entities": [own["id"]]}),
    ):
        assert (await other.call(method, path, json=body)).status == 404, path
    assert (await other.run(own, reporting_group="mine")).status == 404
    assert [r["task_id"] for r in (await other.get("task_run")).json["results"]] == []
    assert (await api.get(f"task/{task['id']}")).json["enabled"] is True


async def test_a_run_is_found_under_its_own_task_only(api):
    mine, yours = await api.create(name="Mine", file_input_mode="any"), await api.create(name="Yours")
    data = aiohttp.FormData()
    data.add_field("task_input", '{"text": "Name: Ana"}')
    data.add_field("task_file", b"abc", filename="a.txt", content_type="text/plain")
    run = (await api.call("POST", f"task/{mine['id']}/run", data=data)).json
    path = f"run/{run['id']}"
    for rest in (path, f"{path}/file/{run['files'][0]['stored_filename']}"):
        assert (await api.get(f"task/{mine['id']}/{rest}")).status == 200
        assert (await api.get(f"task/{yours['id']}/{rest}")).status == 404
    token = yours["access_token"]
    assert (await api.as_(token).get(f"task/{mine['id']}/{path}")).status == 403


async def test_a_projects_key_works_there_and_nowhere_else(api, other):
    made = (await other.post("api_key", {"name": "ci"})).json
    assert {"id", "name", "key", "oauth_client_id"} <= set(made)
    mine = other.as_(made["key"])
    assert (await mine.get(WHOAMI)).json["client"]["project_id"] == other.project_id
    await mine.create()
    answer = await api.as_(made["key"]).get("task")
    assert answer.status == 403
    detail = answer.json["detail"]
    assert detail["reason"] == "PERMISSION_CHECK_FAILED"
    assert detail["permissionCheckFailedError"]["resource"] == {"type": "project", "id": PROJECT_ID}
    assert (await mine.call("POST", f"/api/v1/org/{ORGANIZATION_ID}/project", json={"name": "x"})).status == 403
    seen = (await mine.get(f"/api/v1/org/{ORGANIZATION_ID}/project")).json["results"]
    assert [p["id"] for p in seen] == [other.project_id]
    listed = (await other.get("api_key")).json
    assert [k["id"] for k in listed] == [made["id"]]
    assert "key" not in listed[0]
    assert (await api.get("api_key")).json == []
    assert (await api.call("POST", f"api_key/{made['id']}/revoke")).status == 404
    assert (await other.call("POST", f"api_key/{made['id']}/revoke")).status == 200
    assert (await mine.get("task")).status == 401


async def test_keys_outlive_a_restart_and_only_hashes_are_kept(serve, settings):
    async with serve() as api:
        key = (await api.post("api_key", {"name": "k"})).json["key"]
        gone = (await api.post("api_key", {"name": "gone"})).json
        await api.call("POST", f"api_key/{gone['id']}/revoke")
    async with serve() as api:
        assert (await api.as_(key).get(WHOAMI)).status == 200
        assert (await api.as_(gone["key"]).get(WHOAMI)).status == 401
    stored = b"".join(p.read_bytes() for p in settings.data_dir.glob("sandbox.sqlite3*"))
    assert key.encode() not in stored


@pytest.mark.parametrize("form", ["urlencoded", "multipart", "post"])
async def test_client_credentials_become_a_token(api, other, form):
    client = (await other.post("oauth_client", {"name": "bot"})).json
    fields = {"grant_type": "client_credentials", "scope": "offline_access"}
    if form == "post":
        secret = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
        answer = await api.call("POST", "/oauth2/token", data={**fields, **secret}, headers={"Authorization": ""})
    else:
        data = aiohttp.FormData(fields)
        data._is_multipart = form == "multipart"
        answer = await basic(api, client["client_id"], client["client_secret"], data=data)
    assert answer.status == 200, answer
    token = answer.json
    assert (token["token_type"], token["expires_in"]) == ("bearer", 3599)
    assert (await other.as_(token["access_token"]).get("task")).status == 200
    assert (await api.as_(token["access_token"]).get("task")).status == 403
    listed = (await other.get("oauth_client")).json["results"]
    assert [c["id"] for c in listed] == [client["id"]]
    assert "client_secret" not in listed[0]
    assert (await other.call("DELETE", f"oauth_client/{client['id']}")).status == 200
    assert (await other.as_(token["access_token"]).get("task")).status == 401


async def test_a_clients_secret_goes_with_its_id(other):
    one, two = [(await other.post("oauth_client", {"name": name})).json for name in ("one", "two")]
    answer = await basic(other, one["client_id"], two["client_secret"], data={"grant_type": "client_credentials"})
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


async def test_an_organization_key_is_a_client_secret_too(api):
    answer = await basic(api, "anything", "vk_local", data={"grant_type": "client_credentials"})
    assert (await api.as_(answer.json["access_token"]).get("task")).status == 200


async def test_a_token_expires(api, monkeypatch):
    from sandbox.llm_tasks.access import credentials

    monkeypatch.setattr(credentials, "ACCESS_TOKEN_LIFETIME_S", 0)
    answer = await basic(api, "x", "vk_local", data={"grant_type": "client_credentials"})
    assert (await api.as_(answer.json["access_token"]).get("task")).status == 401


async def test_wrong_token_requests(api):
    wrong = await basic(api, "x", "no", data={"grant_type": "client_credentials"})
    assert (wrong.status, wrong.json["error"]) == (401, "invalid_client")
    assert wrong.headers["WWW-Authenticate"].startswith("Basic ")
    large = {"grant_type": "client_credentials", "x": "y" * 70_000}
    for data, status, error in (
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({}, 400, "invalid_request"),
        (None, 400, "invalid_request"),
        (large, 413, "invalid_request"),
    ):
        answer = await basic(api, "x", "vk_local", data=data)
        assert (answer.status, answer.json["error"]) == (status, error), answer
        assert set(answer.json) == {"error", "error_description"} and answer.headers["Cache-Control"] == "no-store"


async def test_a_tasks_token_runs_that_task_and_nothing_else(api):
    task, second = await api.create(name="One"), await api.create(name="Two")
    claims = jwt.decode(task["access_token"], options={"verify_signature": False})
    assert claims["ext"] == {"org_id": ORGANIZATION_ID, "project_id": PROJECT_ID}
    assert claims["aud"] == [f"https://aud.rightbrain.ai/tasks/{task['id']}"]
    mine = api.as_(task["access_token"])
    assert (await mine.run(task)).status == 200
    assert (await mine.run(second)).reason == "PERMISSION_CHECK_FAILED"
    for method, path in (
        ("GET", "task"),
        ("GET", f"task/{task['id']}"),
        ("DELETE", f"task/{task['id']}"),
        ("GET", "model"),
    ):
        assert (await mine.call(method, path)).status == 403, path
    forged = jwt.encode(claims, "x" * 64, algorithm="HS256")
    assert (await api.as_(forged).run(task)).status == 401


async def test_a_run_token_may_look_and_run(desk, api, begin):
    started = await begin(api)
    agent = api.as_(started.token)
    who = (await agent.get(WHOAMI)).json
    assert who["client"] == {"org_id": ORGANIZATION_ID, "project_id": PROJECT_ID}
    (task,) = (await agent.get("task", name="read a form")).json["results"]
    assert task["access_token"] is None
    run = (await agent.run(task)).json
    assert (await agent.get(f"task/{task['id']}/run/{run['id']}")).json == run
    for method, path, body in (
        ("POST", "task", await api.draft()),
        ("POST", f"task/{task['id']}", {"enabled": False}),
        ("POST", "api_key", {"name": "x"}),
        ("POST", "task/tag", {"name": "x"}),
    ):
        answer = await agent.call(method, path, json=body)
        assert (answer.status, answer.reason) == (403, "PERMISSION_CHECK_FAILED"), path
    await api.as_(started.token).call("POST", f"/v1/task-runs/{started.id}/complete")
    await api.call("POST", f"/benchmark-runs/{started.run_id}/complete")
    assert (await agent.get(WHOAMI)).status == 401


async def test_there_is_nothing_else_below_the_root(api):
    missing = await api.get("/api/v1/nothing")
    assert (missing.status, missing.reason) == (404, "RESOURCE_NOT_FOUND")
    wrong = await api.call("PUT", WHOAMI)
    assert (wrong.status, wrong.reason, wrong.headers["Allow"]) == (405, "METHOD_NOT_ALLOWED", "GET, HEAD")
    assert wrong.headers["X-Request-Id"].startswith("req_")


async def test_times_have_microseconds_and_an_offset(api):
    created = (await api.create())["created"]
    assert parse_instant(created).isoformat(timespec="microseconds") == created
