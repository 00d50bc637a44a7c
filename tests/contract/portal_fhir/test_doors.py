"""Whose token opens the payer's FHIR API, what else it opens (nothing), and what is recorded of a call."""

import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

GRANT = {"grant_type": "client_credentials"}


async def test_the_credentials_name_a_client_of_their_own(house, pas):
    root = house.held["api_url"]
    assert house.held["fhir_url"] == f"{root}/fhir" and house.held["token_url"] == f"{root}/fhir/token"
    [ehr] = [s["credentials"] for s in house.run.value["sandboxes"] if s["type"] == "Fhir"]
    assert ehr["client_id"] != house.held["client_id"] and ehr["client_secret"] != house.held["client_secret"]
    async with house.live.http.post(ehr["token_url"], data={**GRANT, **_client(house.held)}) as refused:
        assert (refused.status, (await refused.json())["error"]) == (401, "invalid_client")
    async with house.live.http.post(house.held["token_url"], data={**GRANT, **_client(ehr)}) as refused:
        assert (refused.status, (await refused.json())["error"]) == (401, "invalid_client")


def _client(held):
    return {name: held[name] for name in ("client_id", "client_secret")}


async def test_a_token_opens_this_api_alone_on_every_path(house, pas):
    tasks = f"/v1/task-runs/{house.run.tasks[0]}"
    [sandbox] = [s for s in house.run.value["sandboxes"] if s["type"] == "Payer"]
    for root in (f"/v1/benchmark-runs/{house.run.id}", tasks, f"/sandboxes/{sandbox['id']}"):
        answer = await house.live.call("GET", f"{root}/portal/fhir/Questionnaire", house.token)
        assert (answer.status, answer.json["total"]) == (200, 1), root
        for path in ("portal/patients", "portal/prior-auths", "portal/logout", "fhir/Patient", "files/inbox"):
            refused = await house.live.call("GET" if "logout" not in path else "POST", f"{root}/{path}", house.token)
            assert refused.status in (401, 404), (root, path)


async def test_nothing_else_opens_it_but_the_run_token(house, pas):
    [ehr] = [s["credentials"] for s in house.run.value["sandboxes"] if s["type"] == "Fhir"]
    async with house.live.http.post(ehr["token_url"], data={**GRANT, **_client(ehr)}) as answer:
        foreign = (await answer.json())["access_token"]
    login = {"username": house.held["username"], "password": house.held["password"]}
    async with house.live.http.post(f"{house.held['api_url']}/login", json=login) as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
    for token, headers in ((foreign, {}), ("nonsense", {}), ("", {}), ("", {"Cookie": cookie})):
        refused = await house.call("GET", "Questionnaire", token=token, headers=headers)
        assert (refused.status, refused.json["resourceType"]) == (401, "OperationOutcome"), token
    assert (await house.run.call("GET", "portal/fhir/Questionnaire")).status == 200
    assert (
        await house.live.call(
            "GET", f"{house.held['api_url'].removeprefix(house.live.url)}/patients", "", headers={"Cookie": cookie}
        )
    ).status == 200


async def test_who_has_no_credential_is_told_where_to_get_one(house, pas):
    refused = await house.call("GET", "Questionnaire", token="")
    assert "portal/fhir/token" in refused.json["issue"][0]["diagnostics"]
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="sandbox"'


async def test_the_capability_url_opens_it_and_its_answers_stay_below_it(kit, disk, serve, pas):
    pas.write(kit, disk, pas.CONFIG)
    async with serve() as live:
        run = await live.run("payer@1")
        root = (await run.start(0))["urls"]["portal"].removeprefix(live.url)
        answer = await live.call("POST", f"{root}/fhir/Claim/$submit", json=pas.bundle())
        first = answer.json["entry"][0]
        assert answer.status == 200 and first["fullUrl"].startswith(f"{live.url}{root}/fhir/ClaimResponse/")
        read = await live.call("GET", first["fullUrl"].removeprefix(live.url))
        assert read.json == first["resource"]
        assert root.split("/")[2] not in json.dumps(await run.events())


async def test_another_sandboxs_token(house, pas):
    other = await pas.begun(house.live)
    refused = await house.call("GET", "Questionnaire", token=other.token)
    assert refused.status == 401
    async with house.live.http.post(house.held["token_url"], data={**GRANT, **_client(other.held)}) as answer:
        assert (answer.status, (await answer.json())["error"]) == (401, "invalid_client")


async def test_scopes_hold(house, pas):
    reader = await house.log_in("system/ClaimResponse.read system/Questionnaire.read")
    before = house.run.state_hash()
    body = json.dumps(pas.bundle()).encode()
    for method, path, status in (
        ("GET", "Questionnaire", 200),
        ("GET", "Questionnaire/72148", 200),
        ("POST", "Claim/$inquire", 200),
        ("POST", "Claim/$submit", 403),
        ("POST", "$submit-attachment", 403),
        ("GET", "Claim/x", 403),
        ("GET", "Task/x", 403),
        ("GET", "ClaimResponse/x", 404),
    ):
        answer = await house.call(method, path, token=reader, body=body, headers=pas.FHIR)
        assert answer.status == status, (method, path, answer)
    assert house.run.state_hash() == before


async def test_a_signed_assertion_of_registered_keys(house, pas):
    key = ec.generate_private_key(ec.SECP384R1())
    public = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())), "kid": "mine"}
    [sandbox] = [s for s in house.run.value["sandboxes"] if s["type"] == "Payer"]
    url = f"/sandboxes/{sandbox['id']}/portal/fhir/smart-client"
    claims = {
        "iss": house.held["client_id"], "sub": house.held["client_id"], "aud": house.held["token_url"], "jti": "one",
        "exp": int(time.time()) + 60,
    }  # fmt: skip
    form = {
        **GRANT,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, key, algorithm="ES384", headers={"kid": "mine"}),
    }
    async with house.live.http.post(house.held["token_url"], data=form) as answer:
        told = await answer.json()
        assert answer.status == 401 and "portal/fhir/smart-client" in told["error_description"]
        assert "smart.jwks" not in told["error_description"]
    assert await house.live.post(url, json={"jwks": {"keys": [public]}}, status=200)
    async with house.live.http.post(house.held["token_url"], data=form) as answer:
        assert answer.status == 200
        token = (await answer.json())["access_token"]
    assert (await house.call("GET", "Questionnaire", token=token)).status == 200


async def test_each_exchange_is_one_event_without_secrets(house, pas):
    await house.log_in()
    await house.submit()
    events = [event for event in await house.run.events() if event["type"] == "portal_fhir_request"]
    assert [event["request"]["path"] for event in events] == [
        "portal/fhir/token", "portal/fhir/token", "portal/fhir/Claim/$submit",
    ]  # fmt: skip
    text = json.dumps(await house.run.events())
    assert house.held["client_secret"] not in text and house.token not in text
    assert any(change["collection"] == "portal/prior_auth_requests" for change in events[-1]["changes"])


async def test_a_payer_that_is_not_configured_so_has_none(kit, disk, serve, pas):
    pas.write(kit, disk, {})
    async with serve() as live:
        house = await pas.begun(live)
        assert not {"fhir_url", "token_url", "client_id", "client_secret"} & set(house.held)
        for path in ("metadata", ".well-known/smart-configuration", "Questionnaire", ""):
            answer = await house.run.call("GET", f"portal/fhir/{path}".rstrip("/"))
            assert (answer.status, answer.json["resourceType"]) == (404, "OperationOutcome"), path
            assert "fhir: true" in answer.json["issue"][0]["diagnostics"]
        answer = await house.run.call("POST", "portal/fhir/token")
        assert answer.status == 404


async def test_strict_mode_has_none(kit, disk, serve, pas):
    pas.write(kit, disk, pas.CONFIG)
    async with serve(is_strict=True) as live:
        house = await pas.begun(live)
        assert "fhir_url" not in house.held and "client_secret" not in house.held
        assert (await house.run.call("GET", "portal/fhir/metadata")).status == 404
        assert (await house.run.call("POST", "portal/fhir/Claim/$submit")).status == 404
