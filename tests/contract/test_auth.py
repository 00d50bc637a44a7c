"""Who may call what: the kinds of token, what a wrong one gets, and where keys come from."""

import json
import sqlite3

import pytest

from sandbox.app import START_KEYS

WRONG = [
    None,
    "",
    "Bearer",
    "Bearer ",
    "Bearer nonsense",
    "Basic dmtfbG9jYWw6",
    "Token vk_local",
    "Bearer vk_local2",
    "Bearer vk_loca",
    "Bearer VK_LOCAL",
    "Bearer vrl_slv_",
    "Bearer vrl_run_nothing",
    "Bearer vk_local vk_local",
    "Bearer \u00e9\u00fc",
]


@pytest.fixture
async def world(live, kit):
    """A started run, and what each kind of token may call."""
    run = await live.started()
    files = next(s["id"] for s in run.value["sandboxes"] if s["type"] == "Files" and s["task_run_id"] == run.tasks[0])
    routes = {
        "solver": [("POST", "/v1/benchmark-runs", {"benchmark": "clinic@1"})],
        "run": [
            ("GET", f"/v1/benchmark-runs/{run.id}", None),
            ("GET", f"/v1/benchmark-runs/{run.id}/files/inbox", None),
            ("GET", f"/v1/task-runs/{run.tasks[0]}/files/inbox", None),
            ("POST", f"/v1/task-runs/{run.tasks[0]}/complete", {}),
            ("POST", f"/v1/task-runs/{run.tasks[1]}/start", {}),
        ],
        "organization": [
            ("GET", "/benchmarks", None),
            ("GET", "/benchmark-runs", None),
            ("POST", "/benchmark-runs", {"benchmark_id": "clinic@1"}),
            ("GET", f"/benchmark-runs/{run.id}", None),
            ("GET", f"/task-runs/{run.tasks[0]}", None),
            ("GET", f"/task-runs/{run.tasks[0]}/events", None),
            ("GET", f"/criterion-runs?task_run_id={run.tasks[0]}", None),
            ("GET", "/sandboxes", None),
            ("GET", "/playgrounds", None),
            ("GET", f"/sandboxes/{files}/files/inbox", None),
            ("GET", f"/services/{files}/files/inbox", None),
            ("POST", f"/task-runs/{run.tasks[1]}/cancel", {}),
            ("POST", f"/benchmark-runs/{run.id}/cancel", {}),
        ],
    }
    tokens = {"solver": kit.solver_key, "run": run.token, "organization": kit.api_key}
    return live, run, routes, tokens


async def test_each_kind_of_token_opens_its_own_routes_only(world):
    live, run, routes, tokens = world
    before = await live.get(f"/benchmark-runs/{run.id}")
    for kind, calls in routes.items():
        for other, token in tokens.items():
            if other == kind:
                continue
            for method, path, body in calls:
                answer = await live.call(method, path, token, json=body)
                if (kind, other, path) == ("run", "solver", f"/v1/benchmark-runs/{run.id}"):
                    assert answer.status == 200  # the solver that made a run may read it
                    continue
                assert (answer.status, answer.error["code"]) == (401, "UNAUTHORIZED"), (path, other, answer)
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
                assert token not in answer.body.decode()
    assert await live.get(f"/benchmark-runs/{run.id}") == before
    for kind in ("solver", "organization", "run"):
        for method, path, body in routes[kind]:
            if not path.endswith("/cancel"):
                answer = await live.call(method, path, tokens[kind], json=body)
                assert answer.status in (200, 201), (path, answer)
    assert (await live.call("POST", f"/task-runs/{run.tasks[1]}/cancel", tokens["organization"])).status == 200


async def test_wrong_credentials(world):
    live, _, routes, _ = world
    for header in WRONG:
        headers = {} if header is None else {"Authorization": header}
        for method, path, body in [call for calls in routes.values() for call in calls]:
            answer = await live.call(method, path, json=body, headers=headers)
            assert (answer.status, answer.error["code"]) == (401, "UNAUTHORIZED"), (path, header, answer)
            assert answer.error["message"]


async def test_the_scheme_is_read_without_regard_to_case(live, kit):
    for scheme in ("Bearer", "bearer", "BEARER"):
        answer = await live.call("GET", "/benchmarks", headers={"Authorization": f"{scheme} {kit.api_key}"})
        assert answer.status == 200


async def test_another_runs_token_finds_nothing(live, kit):
    mine, other = await live.started(), await live.started()
    before = mine.state_hash()
    for method, path in [
        ("GET", f"/v1/benchmark-runs/{mine.id}"),
        ("GET", f"/v1/benchmark-runs/{mine.id}/files/inbox"),
        ("PUT", f"/v1/benchmark-runs/{mine.id}/files/outbox/x.txt"),
        ("POST", f"/v1/benchmark-runs/{mine.id}/hl7/outbound"),
        ("GET", f"/v1/benchmark-runs/{mine.id}/portal/patients"),
        ("GET", f"/v1/task-runs/{mine.tasks[0]}/files/inbox"),
        ("POST", f"/v1/task-runs/{mine.tasks[0]}/complete"),
        ("POST", f"/v1/task-runs/{mine.tasks[1]}/start"),
    ]:
        answer = await live.call(method, path, other.token)
        assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND"), path
        unknown = await live.call(method, path.replace(mine.id, "br_x").replace(mine.tasks[0], "tr_x"), other.token)
        assert unknown.status == 404
        if mine.tasks[1] not in path:  # what exists and what does not look the same
            assert unknown.error["message"] == answer.error["message"]
    fhir = await live.call("GET", f"/v1/benchmark-runs/{mine.id}/fhir/Patient/ana", other.token)
    assert (fhir.status, fhir.json["resourceType"]) == (404, "OperationOutcome")
    assert mine.state_hash() == before and len(await mine.events()) == 2


async def test_keys_of_ones_own(serve, kit):
    async with serve(api_key="vk_mine", solver_key="vrl_slv_mine") as live:
        assert (await live.call("GET", "/benchmarks", "vk_mine")).status == 200
        assert (await live.call("GET", "/benchmarks", kit.api_key)).status == 401
        created = await live.call("POST", "/v1/benchmark-runs", "vrl_slv_mine", json={"benchmark": "clinic"})
        assert created.status == 201
        refused = await live.call("POST", "/v1/benchmark-runs", kit.solver_key, json={"benchmark": "clinic"})
        assert refused.status == 401


async def test_an_address_others_can_reach_gets_generated_keys(serve, kit):
    """The server still listens on loopback here; what counts is the address it was told."""
    async with serve(host="0.0.0.0") as live:
        made = live.app[START_KEYS]
        assert made.api_key.startswith("vk_") and made.solver_key.startswith("vrl_slv_")
        assert len(made.api_key) >= 32 and len(made.solver_key) >= 32
        assert (await live.call("GET", "/benchmarks", kit.api_key)).status == 401
        assert (await live.call("GET", "/benchmarks", made.api_key)).status == 200
    async with serve(host="0.0.0.0") as live:  # they stay valid, and are not printed again
        again = live.app[START_KEYS]
        assert (again.api_key, again.solver_key) == (None, None)
        assert (await live.call("GET", "/benchmarks", made.api_key)).status == 200


async def test_well_known_keys_do_not_outlive_loopback(serve, kit):
    async with serve() as live:
        assert (await live.call("GET", "/benchmarks", kit.api_key)).status == 200
    async with serve(host="0.0.0.0") as live:
        assert live.app[START_KEYS].api_key not in (None, kit.api_key)
        assert (await live.call("GET", "/benchmarks", kit.api_key)).status == 401


async def test_only_hashes_are_stored(serve, disk):
    async with serve(api_key="vk_secretsecret", solver_key="vrl_slv_secretsecret") as live:
        answer = await live.call("POST", "/v1/benchmark-runs", "vrl_slv_secretsecret", json={"benchmark": "clinic"})
        token = answer.json["bearer_token"]
        assert (await live.call("GET", "/benchmarks", "vk_secretsecret")).status == 200
    with sqlite3.connect(disk.data / "sandbox.sqlite3") as connection:
        dump = "\n".join(connection.iterdump())
    for secret in (token, "vk_secretsecret", "vrl_slv_secretsecret"):
        assert secret not in dump
    assert token not in json.dumps({k: v for k, v in answer.json.items() if k != "bearer_token"})
