"""The token URL: the client's credentials alone get a token, and the token alone opens the EHR, on every path."""

import json

import pytest

GRANT = {"grant_type": "client_credentials"}


async def test_the_clients_credentials_are_enough_at_the_token_url_that_is_handed_out(doors, http_basic):
    held = doors.credentials("Fhir")
    assert held["token_url"].endswith(f"/v1/benchmark-runs/{doors.run.id}/fhir/token")
    client = {"client_id": held["client_id"], "client_secret": held["client_secret"]}
    for answer in (
        await doors.ask(held["token_url"], GRANT, Authorization=http_basic(held["client_id"], held["client_secret"])),
        await doors.ask(held["token_url"], {**GRANT, **client}),
        await doors.ask(held["token_url"], {**GRANT, **client}, Authorization=f"Bearer {doors.run.token}"),
    ):
        assert answer.status == 200, answer
        assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope"}
        assert (answer.json["token_type"], answer.json["expires_in"]) == ("bearer", 3600)
        assert answer.json["scope"] == "system/*.*"
        assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"
        assert answer.headers["Content-Type"] == "application/json"
        read = await doors.call("GET", f"{held['fhir_base_url']}/Patient/ana", answer.json["access_token"])
        assert (read.status, read.json["id"]) == (200, "ana")


async def test_a_token_of_any_path_opens_every_path(doors):
    roots = doors.roots("Fhir")
    for door in roots:
        token = await doors.token(url=f"{door}/fhir/token")
        for root in roots:
            patient = await doors.call("GET", f"{root}/fhir/Patient/ana", token)
            assert (patient.status, patient.json["id"]) == (200, "ana"), (door, root)
            found = await doors.call("GET", f"{root}/fhir/Patient?_count=1", token)
            assert found.json["link"][0]["url"].startswith(f"{doors.live.url}{root}/fhir/Patient")
            made = await doors.call("POST", f"{root}/fhir/Patient", token, json={"resourceType": "Patient"})
            assert made.status == 201, (door, root)


async def test_discovery_leads_to_a_door_that_opens(doors):
    for root in doors.roots("Fhir"):
        found = (await doors.call("GET", f"{root}/fhir/.well-known/smart-configuration")).json
        assert found["token_endpoint"] == f"{doors.live.url}{root}/fhir/token"
        assert await doors.token(url=found["token_endpoint"])
        statement = (await doors.call("GET", f"{root}/fhir/metadata")).json
        [security] = [r["security"] for r in statement["rest"]]
        assert security["extension"][0]["extension"][0]["valueUri"] == found["token_endpoint"]


async def test_a_token_opens_no_other_sandbox(doors, knock):
    other = knock(doors.live, await doors.live.started())
    token = await doors.token()
    for root in other.roots("Fhir"):
        refused = await doors.call("GET", f"{root}/fhir/Patient/ana", token)
        assert (refused.status, refused.json["resourceType"]) == (401, "OperationOutcome"), root
        assert "fhir/token" in refused.json["issue"][0]["diagnostics"] or root.startswith(("/sand", "/serv"))
    for path in ("files/inbox", "portal/patients", "hl7/inbox"):
        assert (await doors.call("GET", f"/v1/benchmark-runs/{doors.run.id}/{path}", token)).status == 401
    held = other.credentials("Fhir")
    wrong_door = await doors.ask(
        doors.credentials("Fhir")["token_url"],
        {**GRANT, "client_id": held["client_id"], "client_secret": held["client_secret"]},
    )
    assert (wrong_door.status, wrong_door.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("text", ["nonsense", "vrl_smart_", "vrl_smart_01.x", "vrl_run_x", "é", "a.b.c"])
async def test_what_is_no_token(doors, text):
    for root in doors.roots("Fhir"):
        refused = await doors.call("GET", f"{root}/fhir/Patient/ana", text)
        assert (refused.status, refused.json["issue"][0]["code"]) == (401, "login"), root
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")


async def test_scopes_hold_on_every_path_and_a_refusal_is_recorded(doors):
    token = await doors.token(scope="system/Patient.read")
    for root in doors.roots("Fhir"):
        assert (await doors.call("GET", f"{root}/fhir/Patient/ana", token)).status == 200
        before = len(await doors.events())
        refused = await doors.call(
            "PUT", f"{root}/fhir/Patient/ana", token, json={"resourceType": "Patient", "id": "ana"}
        )
        assert (refused.status, refused.json["issue"][0]["code"]) == (403, "forbidden"), root
        assert "system/Patient.write" in refused.json["issue"][0]["diagnostics"]
        [event] = (await doors.events())[before:]
        assert (event["type"], event["response"]["status"], event["changes"]) == ("fhir_request", 403, [])


async def test_the_run_token_needs_no_scope(doors):
    await doors.token(scope="system/Patient.read")
    assert (await doors.run.call("POST", "fhir/Observation/$lastn")).status in (200, 400)
    assert (await doors.run.call("GET", "fhir/Patient/ana")).status == 200


REFUSED = [
    # form, Authorization, status, error
    (GRANT, ("x", "y"), 401, "invalid_client"),
    (GRANT, ("CLIENT", "y"), 401, "invalid_client"),
    (GRANT, ("x", "SECRET"), 401, "invalid_client"),
    (GRANT, "Basic !!!", 401, "invalid_client"),
    (GRANT, "Basic /////w==", 401, "invalid_client"),
    (GRANT, None, 401, "invalid_client"),
    ({**GRANT, "client_id": "CLIENT"}, None, 401, "invalid_client"),
    ({**GRANT, "client_id": "CLIENT", "client_secret": "bad"}, None, 401, "invalid_client"),
    ({**GRANT, "client_id": "CLIENT", "client_secret": "SECRET"}, ("CLIENT", "SECRET"), 400, "invalid_request"),
    ({"grant_type": "password"}, ("CLIENT", "SECRET"), 400, "unsupported_grant_type"),
    ({"grant_type": "authorization_code", "code": "x"}, ("CLIENT", "SECRET"), 400, "unsupported_grant_type"),
    ({}, ("CLIENT", "SECRET"), 400, "invalid_request"),
    ({**GRANT, "scope": "everything"}, ("CLIENT", "SECRET"), 400, "invalid_scope"),
    ({**GRANT, "scope": "system/Foo.read"}, ("CLIENT", "SECRET"), 400, "invalid_scope"),
    ({**GRANT, "scope": "system/Patient."}, ("CLIENT", "SECRET"), 400, "invalid_scope"),
    ({**GRANT, "scope": "patient/Patient.read"}, ("CLIENT", "SECRET"), 400, "invalid_scope"),
]


def assert_oauth(answer, status, error):
    """RFC 6749, 5.2: the error's code, and nothing of another format beside it."""
    assert (answer.status, answer.json["error"]) == (status, error), answer
    assert set(answer.json) == {"error", "error_description"} and answer.json["error_description"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert status != 401 or answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(("form", "authorization", "status", "error"), REFUSED)
async def test_refusals_are_oauths(doors, http_basic, form, authorization, status, error):
    held = doors.credentials("Fhir")

    def real(text):
        return text.replace("CLIENT", held["client_id"]).replace("SECRET", held["client_secret"])

    headers = {}
    if authorization:
        given = authorization if isinstance(authorization, str) else http_basic(*map(real, authorization))
        headers = {"Authorization": given}
    answer = await doors.ask(held["token_url"], {name: real(value) for name, value in form.items()}, **headers)
    assert_oauth(answer, status, error)
    assert held["client_secret"] not in answer.body.decode()
    assert not doors.live.playground(doors.run.tasks[0]).branch.count("fhir/_tokens")


async def test_a_token_request_is_a_form_sent_by_post(doors, http_basic):
    held = doors.credentials("Fhir")
    client = {"Authorization": http_basic(held["client_id"], held["client_secret"])}
    url = held["token_url"]
    assert_oauth(await doors.call("POST", url, json=GRANT, headers=client), 400, "invalid_request")
    empty = await doors.call("POST", url, headers=client)
    assert_oauth(empty, 400, "invalid_request")
    assert "grant_type=client_credentials" in empty.json["error_description"], "it says what to send"
    form = {**client, "Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"\xff\xfe", b"grant_type=client_credentials&grant_type=x"):
        assert_oauth(await doors.call("POST", url, body=body, headers=form), 400, "invalid_request")
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        refused = await doors.call(method, url, headers=client)
        assert_oauth(refused, 405, "invalid_request")
        assert refused.headers["Allow"] == "POST"
    large = await doors.call("POST", url, body=b"x" * (16 * 1024 * 1024 + 1), headers=form)
    assert_oauth(large, 413, "invalid_request")


async def test_where_nothing_is_started_or_there(live, knock):
    run = await live.run()
    doors = knock(live, run)
    held = doors.credentials("Fhir")
    form = {**GRANT, "client_id": held["client_id"], "client_secret": held["client_secret"]}
    for root in doors.roots("Fhir"):
        early = await doors.ask(f"{root}/fhir/token", form)
        assert_oauth(early, 409, "invalid_request")
        assert "start a task run first" in early.json["error_description"]
    for root in ("/v1/benchmark-runs/br_none", "/v1/task-runs/tr_none", "/sandboxes/sb_none"):
        assert_oauth(await doors.ask(f"{root}/fhir/token", form), 404, "invalid_request")
    await run.start()
    token = await doors.token()
    await run.complete()
    for root in doors.roots("Fhir")[1:2]:
        assert_oauth(await doors.ask(f"{root}/fhir/token", form), 409, "invalid_request")
    for root in doors.roots("Fhir"):
        assert (await doors.call("GET", f"{root}/fhir/Patient/ana", token)).status in (401, 404, 409)


async def test_several_started_tasks_are_told_apart_by_the_client(serve, disk, kit, knock):
    disk.benchmark(kit.benchmark("wide", concurrency=2))
    async with serve() as live:
        run = await live.started("wide")
        await run.start(1)
        doors = knock(live, run)
        assert (await run.call("GET", "fhir/Patient/ana")).status == 409, "the run token cannot say which"
        for index in (0, 1):
            token = await doors.token(index)
            made = await doors.call(
                "PUT", f"/v1/benchmark-runs/{run.id}/fhir/Patient/p{index}", token,
                json={"resourceType": "Patient", "id": f"p{index}"},
            )  # fmt: skip
            assert made.status == 201
            assert (await run.call("GET", f"fhir/Patient/p{index}", at=index)).status == 200
            assert (await run.call("GET", f"fhir/Patient/p{index}", at=1 - index)).status == 404
        nobody = {**GRANT, "client_id": "x", "client_secret": "y"}
        assert_oauth(await doors.ask(f"/v1/benchmark-runs/{run.id}/fhir/token", nobody), 401, "invalid_client")


async def test_a_token_ends_on_the_playgrounds_clock(serve, kit, knock):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        doors = knock(live, await live.started())
        token, url = await doors.token(), f"{doors.credentials('Fhir')['fhir_base_url']}/Patient/ana"
        clock.advance(3599)
        assert (await doors.call("GET", url, token)).status == 200
        clock.advance(1)
        before = len(await doors.events())
        ended = await doors.call("GET", url, token)
        assert (ended.status, ended.json["issue"][0]["code"]) == (401, "expired")
        assert "fhir/token" in ended.json["issue"][0]["diagnostics"]
        assert len(await doors.events()) == before
        assert (await doors.call("GET", url, await doors.token())).status == 200


async def test_tokens_outlive_a_restart(serve, knock):
    async with serve() as live:
        doors = knock(live, await live.started(seed=3))
        token = await doors.token()
    async with serve() as live:
        answer = await live.call("GET", f"/v1/benchmark-runs/{doors.run.id}/fhir/Patient/ana", token)
        assert answer.status == 200
        assert await knock(live, doors.run).token(url=f"/v1/benchmark-runs/{doors.run.id}/fhir/token")


async def test_nothing_secret_is_recorded(doors, http_basic):
    held = doors.credentials("Fhir")
    token = await doors.token()
    form = {**GRANT, "client_id": held["client_id"], "client_secret": held["client_secret"]}
    other = (await doors.ask(held["token_url"], form)).json["access_token"]
    await doors.ask(held["token_url"], {**form, "client_secret": "not-the-secret"})
    text = json.dumps(await doors.events())
    stored = b"".join(
        document.json
        for name in doors.live.playground(doors.run.tasks[0]).branch.collections("fhir/_")
        for _, document in doors.live.playground(doors.run.tasks[0]).branch.documents(name)
    ).decode()
    for secret in (token, other, held["client_secret"], "not-the-secret"):
        assert secret not in text and secret not in stored


async def test_strict_mode_has_the_same_doors(serve, disk, kit, knock):
    disk.benchmark(kit.benchmark("wired", kit.task("a", kit.criterion("file", "sftp-file-present", glob="inbox/*"))))
    async with serve(is_strict=True) as live:
        doors = knock(live, await live.started("wired"))
        token = await doors.token()
        assert (
            await doors.call("GET", f"{doors.credentials('Fhir')['fhir_base_url']}/Patient/ana", token)
        ).status == 200
