"""HTTP Basic with the run token as the password, for clients that take a URL with a user part and no header."""

import aiohttp
import pytest
from yarl import URL

PATHS = ("fhir/Patient/ana", "hl7/inbox", "files/inbox", "portal/patients")


@pytest.mark.parametrize("user", ["", "x", "agent", "vrl_run_other", "é"])
async def test_it_is_taken_where_the_bearer_is(doors, http_basic, user):
    run, live = doors.run, doors.live
    sent = {"Authorization": http_basic(user, run.token)}
    for root in (f"/v1/benchmark-runs/{run.id}", f"/v1/task-runs/{run.tasks[0]}"):
        for path in PATHS:
            assert (await live.call("GET", f"{root}/{path}", None, headers=sent)).status == 200, path
        moved = await live.call("POST", f"{root}/clock/advance", None, json={"seconds": 1}, headers=sent)
        assert moved.status == 200
    assert (await live.call("GET", f"/v1/benchmark-runs/{run.id}", None, headers=sent)).json["phase"] == "started"
    done = await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/complete", None, headers=sent)
    assert done.status == 200
    assert (await live.call("POST", f"/v1/task-runs/{run.tasks[1]}/start", None, headers=sent)).status == 200


async def test_a_url_with_a_user_part_is_enough(doors):
    """As `http://x:token@host/…` is written for curl, requests, httpx, aiohttp."""
    url = URL(f"{doors.live.url}/v1/task-runs/{doors.run.tasks[0]}/fhir/Patient/ana")
    async with (
        aiohttp.ClientSession() as http,
        http.get(url.with_user("x").with_password(doors.run.token)) as answer,
    ):
        assert answer.status == 200 and (await answer.json(content_type=None))["id"] == "ana"


async def test_it_is_not_taken_elsewhere(doors, http_basic, kit):
    """A solver's and an organization's key are no passwords, and a token URL's Basic is a client's."""
    live, run = doors.live, doors.run
    for key, method, path in (
        (kit.solver_key, "POST", "/v1/benchmark-runs"),
        (kit.solver_key, "GET", f"/v1/benchmark-runs/{run.id}"),
        (kit.api_key, "GET", "/benchmark-runs"),
        (kit.api_key, "GET", f"/sandboxes/{doors.sandbox_id('Fhir')}/fhir/Patient/ana"),
        (run.token, "GET", f"/sandboxes/{doors.sandbox_id('Fhir')}/fhir/Patient/ana"),
        ("vrl_run_wrong", "GET", f"/v1/benchmark-runs/{run.id}/files/inbox"),
    ):
        refused = await live.call(method, path, None, headers={"Authorization": http_basic("x", key)})
        assert refused.status == 401, (path, refused)
    before = await run.events()
    asked = await doors.ask(
        doors.credentials("Fhir")["token_url"],
        {"grant_type": "client_credentials"},
        Authorization=http_basic("x", run.token),
    )
    assert (asked.status, asked.json["error"]) == (401, "invalid_client")
    assert len(await run.events()) == len(before) + 1  # a log-in that is refused, as anybody's would be


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic eA==", "Basic ", "Basic 4pyT", "Basic OuKckw=="])
async def test_one_that_holds_no_password_is_no_token(doors, header):
    for root in (f"/v1/benchmark-runs/{doors.run.id}", f"/v1/task-runs/{doors.run.tasks[0]}"):
        refused = await doors.live.call("GET", f"{root}/files/inbox", None, headers={"Authorization": header})
        assert (refused.status, refused.error["code"]) == (401, "UNAUTHORIZED")


async def test_strict_mode_has_none(serve, http_basic):
    async with serve(is_strict=True) as live:
        run = await live.started()
        sent = {"Authorization": http_basic("x", run.token)}
        for path in ("/files/inbox", "/fhir/Patient/ana", ""):
            refused = await live.call("GET", f"/v1/benchmark-runs/{run.id}{path}", None, headers=sent)
            assert refused.status == 401, path
            assert (await live.call("GET", f"/v1/benchmark-runs/{run.id}{path}", run.token)).status == 200
