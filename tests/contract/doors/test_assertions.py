"""`private_key_jwt`: a client that signs its token requests, with PyJWT and keys made here."""

import json
import time
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEYS = {
    "RS384": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
}
OTHER = {
    "RS384": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
}


def jwk(key, **more):
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), "key_ops": ["verify"], **more}


def pem(key):
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()


def private_pem(key):
    kind, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, kind, none).decode()


JWKS = {"keys": [jwk(key, kid=algorithm, alg=algorithm) for algorithm, key in KEYS.items()]}


@dataclass
class Signer:
    """A client whose public keys the sandbox knows."""

    doors: Any
    now: float = 0

    @property
    def client_id(self):
        return self.doors.credentials("Fhir")["client_id"]

    def assertion(self, algorithm="RS384", *, key=None, header=None, url=None, **claims):
        jti = f"jti-{time.perf_counter_ns()}"
        given = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": url or self.doors.credentials("Fhir")["token_url"],
            "exp": int(self.now + 240),
            "jti": jti,
            **claims,
        }
        given = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(given, key or KEYS[algorithm], algorithm, {"kid": algorithm} if header is None else header)

    async def ask(self, assertion, url=None, **form):
        sent = {
            "grant_type": "client_credentials",
            "client_assertion_type": BEARER,
            "client_assertion": assertion,
            **form,
        }
        return await self.doors.ask(url or self.doors.credentials("Fhir")["token_url"], sent)


def configured(kit, disk, smart):
    definition = kit.benchmark("signed")
    definition["environment"]["simulators"][0]["config"] = {"smart": smart}
    disk.benchmark(definition)


@pytest.fixture
def clock(kit):
    return kit.clock()


@pytest.fixture
async def signer(serve, disk, kit, knock, clock):
    configured(kit, disk, {"jwks": JWKS})
    async with serve(clock=clock) as live:
        yield Signer(knock(live, await live.started("signed")), clock.now().timestamp())


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
async def test_a_signed_assertion_is_enough_on_every_path(signer, algorithm):
    for root in signer.doors.roots("Fhir"):
        url = f"{signer.doors.live.url}{root}/fhir/token"
        answer = await signer.ask(signer.assertion(algorithm, url=url), url, scope="system/Patient.rs")
        assert answer.status == 200, answer
        assert (answer.json["expires_in"], answer.json["scope"]) == (3600, "system/Patient.rs")
        for other in signer.doors.roots("Fhir"):
            read = await signer.doors.call("GET", f"{other}/fhir/Patient/ana", answer.json["access_token"])
            assert (read.status, read.json["id"]) == (200, "ana")


async def test_the_audience_of_a_capability_url_is_that_url_or_the_task_runs(signer):
    doors = signer.doors
    base = (await doors.run.get())["task_runs"][0]["urls"]["fhir"]
    own = f"{doors.live.url}/v1/task-runs/{doors.run.tasks[0]}/fhir/token"
    for audience in (f"{base}/token", own):
        assert (await signer.ask(signer.assertion(url=audience), f"{base}/token")).status == 200
    refused = await signer.ask(signer.assertion(url=base), f"{base}/token")
    assert refused.status == 401 and f"must be the token URL as you call it, {base}/token" in refused.body.decode()
    assert base.split("/")[-2] not in str(await doors.events())


async def test_discovery_offers_it(signer):
    found = (
        await signer.doors.call("GET", f"{signer.doors.roots('Fhir')[0]}/fhir/.well-known/smart-configuration")
    ).json
    assert "private_key_jwt" in found["token_endpoint_auth_methods_supported"]
    assert found["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert "client-confidential-asymmetric" in found["capabilities"]


async def test_an_assertion_without_a_kid_and_an_audience_among_others(signer):
    url = signer.doors.credentials("Fhir")["token_url"]
    for algorithm in KEYS:
        assert (await signer.ask(signer.assertion(algorithm, header={}))).status == 200
        assert (await signer.ask(signer.assertion(algorithm, aud=["https://other.test", url]))).status == 200
        assert (await signer.ask(signer.assertion(algorithm), client_id=signer.client_id)).status == 200


async def test_an_assertion_is_good_once(signer):
    assertion = signer.assertion()
    assert (await signer.ask(assertion)).status == 200
    again = await signer.ask(assertion)
    assert (again.status, again.json["error"]) == (401, "invalid_client")
    assert "private_key_jwt" in again.json["error_description"] and "jti" in again.json["error_description"]
    same_jti = signer.assertion(jti="mine")
    assert (await signer.ask(same_jti)).status == 200
    assert (await signer.ask(signer.assertion("ES384", jti="mine"))).status == 401


async def test_a_replay_is_refused_after_a_restart_too(serve, disk, kit, knock, clock):
    configured(kit, disk, {"jwks": JWKS})
    async with serve(clock=clock) as live:
        run = await live.started("signed")
        path = f"/v1/benchmark-runs/{run.id}/fhir/token"
        host = live.url.removeprefix("http://")
        signer = Signer(knock(live, run), clock.now().timestamp())
        assertion = signer.assertion()
        assert (await signer.ask(assertion, path)).status == 200
    async with serve(clock=clock) as live:
        again = Signer(knock(live, run), clock.now().timestamp())
        sent = {"grant_type": "client_credentials", "client_assertion_type": BEARER, "client_assertion": assertion}
        answer = await again.doors.ask(path, sent, Host=host)
        assert answer.status == 401 and "jti" in answer.json["error_description"], answer


WRONG = [
    ({"iss": "someone"}, "iss"),
    ({"sub": "someone"}, "sub"),
    ({"sub": None}, "sub"),
    ({"aud": "https://elsewhere.test/token"}, "aud"),
    ({"aud": None}, "aud"),
    ({"exp": None}, "exp"),
    ({"exp": "soon"}, "exp"),
    ({"exp": True}, "exp"),
    ({"exp": float("nan")}, "exp"),
    ({"exp": 1}, "expired"),
    ({"exp": 10**400}, "exp"),
    ({"exp": 4102444800}, "300 seconds"),
    ({"nbf": 4102444800}, "nbf"),
    ({"jti": None}, "jti"),
    ({"jti": ""}, "jti"),
    ({"jti": 5}, "jti"),
    ({"jti": "x" * 1001}, "jti"),
]


@pytest.mark.parametrize(("claims", "said"), WRONG)
async def test_wrong_claims(signer, claims, said):
    algorithm = "ES384"
    token = signer.assertion(algorithm)
    if claims.get("jti", "") != 5 and claims.get("exp") != "soon":
        token = signer.assertion(algorithm, **claims)
    else:  # the library itself would not write these
        parts = {**jwt.decode(token, options={"verify_signature": False}), **claims}
        token = jwt.api_jws.encode(json.dumps(parts).encode(), KEYS[algorithm], algorithm, {"kid": algorithm})
    assert_refused(await signer.ask(token), said)


def assert_refused(answer, said):
    """`invalid_client`, in OAuth's own form, naming the method."""
    assert (answer.status, answer.json["error"]) == (401, "invalid_client"), answer
    assert set(answer.json) == {"error", "error_description"} and answer.headers["WWW-Authenticate"]
    assert answer.json["error_description"].startswith("private_key_jwt: ")
    assert said in answer.json["error_description"]


async def test_wrong_keys_and_algorithms(signer):
    for algorithm, key in OTHER.items():
        assert_refused(await signer.ask(signer.assertion(algorithm, key=key)), "signature")
        assert_refused(await signer.ask(signer.assertion(algorithm, header={"kid": "none"})), "kid")
    assert_refused(await signer.ask(signer.assertion("RS384", header={"kid": "ES384"})), "ES384")
    small = ec.generate_private_key(ec.SECP256R1())
    claims = jwt.decode(signer.assertion(), options={"verify_signature": False})
    for algorithm, key in (("ES256", small), ("RS256", KEYS["RS384"]), ("HS384", "x" * 48), ("none", None)):
        assert_refused(await signer.ask(jwt.encode(claims, key, algorithm)), "RS384 or ES384")
    hmac_by_public_key = jwt.api_jws.encode(b"{}", b"x" * 48, "HS384", {"kid": "RS384"})
    assert_refused(await signer.ask(hmac_by_public_key), "RS384 or ES384")
    for broken in ("x", "a.b.c", "..", signer.assertion()[:-8], "é"):
        assert (await signer.ask(broken)).status in (401, 429)


async def test_requests_that_are_not_well_formed(signer):
    url = signer.doors.credentials("Fhir")["token_url"]
    grant = {"grant_type": "client_credentials"}
    secret = signer.doors.credentials("Fhir")["client_secret"]
    for form in (
        {**grant, "client_assertion": signer.assertion()},
        {**grant, "client_assertion_type": BEARER},
        {**grant, "client_assertion_type": "other", "client_assertion": signer.assertion()},
        {**grant, "client_assertion_type": BEARER, "client_assertion": signer.assertion(), "client_secret": secret},
    ):
        answer = await signer.doors.ask(url, form)
        assert (answer.status, answer.json["error"]) == (400, "invalid_request"), answer
        assert "private_key_jwt" in answer.json["error_description"]
    other = await signer.ask(signer.assertion(), client_id="someone")
    assert_refused(other, "client_id")


async def test_a_refused_assertion_is_an_event_without_the_assertion(signer):
    before, assertion = len(await signer.doors.events()), signer.assertion(key=OTHER["RS384"])
    assert (await signer.ask(assertion)).status == 401
    [event] = (await signer.doors.events())[before:]
    assert event["response"]["status"] == 401
    assert assertion not in json.dumps(event)


async def test_without_a_key_the_refusal_says_how_to_give_one(doors):
    assert_refused(await Signer(doors, time.time()).ask(Signer(doors, time.time()).assertion()), "smart-client")


async def test_the_secret_goes_on_working(signer):
    assert await signer.doors.token()


async def test_a_key_in_pem_and_minutes_of_a_token(serve, disk, kit, knock, clock):
    configured(kit, disk, {"public_key": pem(KEYS["ES384"]), "token_lifetime_minutes": 1})
    async with serve(clock=clock) as live:
        signer = Signer(knock(live, await live.started("signed")), clock.now().timestamp())
        answer = await signer.ask(signer.assertion("ES384", header={"kid": "whatever"}))
        assert (answer.status, answer.json["expires_in"]) == (200, 60)
        url = f"{signer.doors.credentials('Fhir')['fhir_base_url']}/Patient/ana"
        clock.advance(59)
        assert (await signer.doors.call("GET", url, answer.json["access_token"])).status == 200
        clock.advance(1)
        ended = await signer.doors.call("GET", url, answer.json["access_token"])
        assert (ended.status, ended.json["issue"][0]["code"]) == (401, "expired")


async def test_the_organization_posts_a_key(serve, kit, knock, clock):
    async with serve(clock=clock) as live:
        doors = knock(live, await live.started())
        signer = Signer(doors, clock.now().timestamp())
        for alias in ("sandboxes", "services"):
            path = f"/{alias}/{doors.sandbox_id('Fhir')}/fhir/smart-client"
            for token in (None, doors.run.token, await doors.token(), kit.solver_key):
                assert (await doors.call("POST", path, token, json={"jwks": JWKS})).status == 401
        assert_refused(await signer.ask(signer.assertion()), "smart-client")
        one = {"keys": [JWKS["keys"][0]]}
        posted = await doors.live.post(path, json={"jwks": one, "token_lifetime_minutes": 5})
        assert posted == {
            "client_id": signer.client_id,
            "keys": [{"kid": "RS384", "alg": "RS384"}],
            "token_lifetime_minutes": 5,
        }
        answer = await signer.ask(signer.assertion())
        assert (answer.status, answer.json["expires_in"]) == (200, 300)
        await doors.live.post(path, json={"public_key": pem(KEYS["ES384"])})  # replaces the keys, keeps the minutes
        assert (await signer.ask(signer.assertion("ES384"))).json["expires_in"] == 300
        assert_refused(await signer.ask(signer.assertion("RS384")), "ES384")
        await doors.live.post(path, json={"token_lifetime_minutes": 60})
        assert (await signer.ask(signer.assertion("ES384"))).json["expires_in"] == 3600
    async with serve(clock=clock) as live:
        again = knock(live, doors.run)
        url = f"{live.url}/v1/benchmark-runs/{doors.run.id}/fhir/token"
        signer = Signer(again, clock.now().timestamp())
        assert (await signer.ask(signer.assertion("ES384", url=url), url)).status == 200


BAD = [
    {},
    [],
    {"jwks": {}},
    {"jwks": {"keys": []}},
    {"jwks": {"keys": [{}]}},
    {"jwks": {"keys": ["x"]}},
    {"jwks": {"keys": [{"kty": "RSA", "n": "x"}]}},
    {"jwks": {"keys": [jwk(ec.generate_private_key(ec.SECP256R1()))]}},
    {"jwks": {"keys": [jwk(KEYS["RS384"], alg="RS256")]}},
    {"jwks": {"keys": [jwk(KEYS["RS384"], kid=5)]}},
    {"jwks": {"keys": [jwk(KEYS["RS384"], kid="a"), jwk(KEYS["ES384"], kid="a")]}},
    {"jwks": {"keys": [{**JWKS["keys"][0], "d": "AQAB"}]}},
    {"public_key": "x"},
    {"public_key": private_pem(KEYS["RS384"])},
    {"public_key": pem(KEYS["RS384"]), "jwks": JWKS},
    {"jwks": JWKS, "token_lifetime_minutes": 0},
    {"jwks": JWKS, "token_lifetime_minutes": 61},
    {"jwks": JWKS, "token_lifetime_minutes": "5"},
    {"jwks": JWKS, "jwks_uri": "https://a.test"},
]


@pytest.mark.parametrize("body", BAD)
async def test_keys_that_cannot_be_used_are_refused(doors, body):
    path = f"/sandboxes/{doors.sandbox_id('Fhir')}/fhir/smart-client"
    before = doors.run.state_hash()
    refused = await doors.call("POST", path, "vk_local", json=body)
    assert (refused.status, refused.json["resourceType"]) == (400, "OperationOutcome"), refused
    assert doors.run.state_hash() == before


async def test_a_configuration_with_a_bad_key_is_refused_at_load(serve, disk, kit):
    configured(kit, disk, {"jwks": {"keys": [{**JWKS["keys"][0], "d": "AQAB"}]}})
    with pytest.raises(Exception, match="private key"):
        async with serve(may_fail=True):
            pass
