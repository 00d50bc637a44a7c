"""SMART: discovery, client-credentials tokens, scopes."""

import base64
import json
from urllib.parse import parse_qsl

import pytest

from sandbox.errors import Forbidden, SandboxError, Unauthorized
from sandbox.playground.events import Request
from sandbox.simulators.fhir import smart
from sandbox.simulators.fhir.smart import authorize_smart, client_id_of

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def client(ehr):
    return client_id_of(ehr.sandbox)


def basic(client_id, secret="s3cret"):
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def grant(ehr, body, **headers):
    return ehr.post("token", body.encode() if isinstance(body, str) else body, Content_Type=FORM, **headers)


def token(ehr, scope="system/*.*"):
    reply = grant(ehr, f"grant_type=client_credentials&scope={scope}", Authorization=basic(client_id_of(ehr.sandbox)))
    assert reply.status == 200, reply.body
    return reply.json["access_token"]


def test_discovery(ehr):
    value = ehr.get(".well-known/smart-configuration").json
    assert value["token_endpoint"] == "http://ehr.test/v1/benchmark-runs/br_1/fhir/token"
    assert "client_credentials" in value["grant_types_supported"]
    assert value["capabilities"] == ["client-confidential-symmetric", "permission-v1", "permission-v2"]
    assert value["code_challenge_methods_supported"] == ["S256"], "required of every SMART server"
    assert not {"issuer", "jwks_uri", "authorization_endpoint"} & set(value), "of what is not served here"


def test_open_routes_are_marked(ehr):
    assert {(r.method, r.path) for r in ehr.simulator.routes if r.is_open} == {
        ("GET", "fhir/.well-known/smart-configuration"),
        ("GET", "fhir/metadata"),
        ("POST", "fhir/token"),
    }


def test_token_by_basic_and_by_form(ehr, client):
    for reply in (
        grant(ehr, "grant_type=client_credentials", Authorization=basic(client)),
        grant(ehr, f"grant_type=client_credentials&client_id={client}&client_secret=s3cret"),
    ):
        assert reply.status == 200
        value = reply.json
        assert (value["token_type"], value["expires_in"], value["scope"]) == ("bearer", 3600, "system/*.*")
        assert reply.headers["Cache-Control"] == "no-store"


def test_no_token_or_secret_is_kept(ehr, client):
    text = token(ehr)
    event = ehr.recorder.events[-1]
    assert text.encode() not in event.response.recorded_body
    stored = b"".join(d.json for _, d in ehr.branch.documents("fhir/_tokens"))
    assert text.encode() not in stored and b"s3cret" not in stored
    assert next(r for r in ehr.simulator.routes if r.path == "fhir/token").redact == ("client_secret",)


@pytest.mark.parametrize(
    ("body", "authorization", "status", "error"),
    [
        ("grant_type=client_credentials", "Basic " + base64.b64encode(b"x:y").decode(), 401, "invalid_client"),
        ("grant_type=client_credentials", "Basic !!!", 401, "invalid_client"),
        ("grant_type=client_credentials", "Basic /////w==", 401, "invalid_client"),
        ("grant_type=client_credentials", None, 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=CLIENT&client_secret=", None, 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=CLIENT&client_secret=bad", None, 401, "invalid_client"),
        ("grant_type=password", "GOOD", 400, "unsupported_grant_type"),
        ("", "GOOD", 400, "unsupported_grant_type"),
        ("grant_type=client_credentials&scope=everything", "GOOD", 400, "invalid_scope"),
        ("grant_type=client_credentials&scope=system/Foo.read", "GOOD", 400, "invalid_scope"),
        ("grant_type=client_credentials&scope=system/Patient.", "GOOD", 400, "invalid_scope"),
        ("grant_type=client_credentials&scope=patient/Patient.read", "GOOD", 400, "invalid_scope"),
        ("grant_type=client_credentials&grant_type=x", "GOOD", 400, "invalid_request"),
    ],
)
def test_refusals(ehr, client, body, authorization, status, error):
    headers = {"Authorization": basic(client) if authorization == "GOOD" else authorization} if authorization else {}
    reply = grant(ehr, body.replace("CLIENT", client), **headers)
    assert reply.status == status
    assert reply.json["error"] == error and reply.json["error_description"]
    assert reply.json["resourceType"] == "OperationOutcome"
    assert ("WWW-Authenticate" in reply.headers) == (status == 401)
    assert ehr.branch.count("fhir/_tokens") == 0


def test_a_token_request_is_a_form(ehr, client):
    assert ehr.post("token", {"grant_type": "client_credentials"}).status == 415
    assert grant(ehr, b"\xff\xfe").status == 400


def allowed(ehr, text, method, url, body=b"", headers=None):
    """Return None, or the error that the edge would render."""
    path, _, query = url.partition("?")
    base = "http://ehr.test/v1/benchmark-runs/br_1"
    request = Request(method, f"fhir/{path}".rstrip("/"), tuple(parse_qsl(query)), headers or {}, body, base_url=base)
    caught = []

    def handler(tx):
        try:
            authorize_smart(tx, text, request)
        except SandboxError as error:
            caught.append(error)
            raise
        from sandbox.playground.events import Response

        return Response()

    ehr.playground.interact(
        "fhir_request", handler, sandbox=ehr.sandbox, on_error=lambda e: ehr.simulator.render_error(e, None)
    )
    return type(caught[0]) if caught else None


SCOPES = [
    ("system/*.*", "DELETE", "Patient/1", None),
    ("system/Patient.read", "GET", "Patient/1", None),
    ("system/Patient.read", "GET", "Patient", None),
    ("system/Patient.read", "POST", "Patient/_search", None),
    ("system/Patient.read", "GET", "Patient/1/_history", None),
    ("system/Patient.read", "POST", "Patient/$validate", None),
    ("system/Patient.read", "GET", "Patient/1/$everything", Forbidden),
    ("system/*.read", "GET", "Patient/1/$everything", None),
    ("system/Patient.read", "GET", "Patient?_revinclude=Observation:patient", Forbidden),
    ("system/Patient.read", "GET", "Patient?_revinclude=*", Forbidden),
    ("system/Patient.read", "GET", "Patient?_include=Patient:organization", Forbidden),
    ("system/Patient.read", "GET", "Patient?_include=Patient:link:Patient", None),
    ("system/Patient.read", "GET", "Patient?_include=*", Forbidden),
    ("system/Patient.read", "GET", "Patient?_has:Observation:patient:code=x", Forbidden),
    ("system/Patient.read system/Observation.read", "GET", "Patient?_has:Observation:patient:code=x", None),
    ("system/Observation.read", "GET", "Observation?subject:Patient.name=chen", Forbidden),
    ("system/Observation.read", "GET", "Observation?patient.name=chen", Forbidden),
    ("system/Observation.read system/Patient.read", "GET", "Observation?subject:Patient.name=chen", None),
    ("system/Observation.read", "GET", "Observation?encounter.patient.name=chen", Forbidden),
    ("system/Patient.read", "GET", "?_type=Patient", None),
    ("system/Patient.read", "GET", "?_type=Patient,Observation", Forbidden),
    # What `handling=lenient` would leave out confines nothing.
    ("system/Patient.read", "GET", "?_type=Nonsense", Forbidden),
    ("system/Patient.read", "GET", "?_type=Patient,Nonsense", None),
    ("system/Patient.read", "GET", "?_type=Observation&_type=Patient", Forbidden),
    ("system/Location.read", "GET", "Patient/1/*?_type=Location", Forbidden),
    ("system/Encounter.read", "GET", "Patient/1/*?_type=Encounter,Location", None),
    ("system/Patient.s", "GET", "Patient?name=chen", None),
    ("system/Patient.read", "GET", "Patient/1/Patient", None),
    ("system/Patient.read", "GET", "Patient/1/*", Forbidden),
    ("system/Patient.read", "GET", "metadata", None),
    ("system/Patient.read", "GET", ".well-known/smart-configuration", None),
    ("system/Patient.read", "POST", "Patient", Forbidden),
    ("system/Patient.read", "PUT", "Patient/1", Forbidden),
    ("system/Patient.read", "PATCH", "Patient/1", Forbidden),
    ("system/Patient.read", "DELETE", "Patient/1", Forbidden),
    ("system/Patient.read", "POST", "Patient/1/$meta-add", Forbidden),
    ("system/Patient.read", "GET", "Observation/1", Forbidden),
    ("system/Patient.read", "GET", "Patient/1/Observation", Forbidden),
    ("system/Patient.read", "GET", "", Forbidden),
    ("system/Patient.read", "GET", "_history", Forbidden),
    ("system/Patient.write", "POST", "Patient", None),
    ("system/Patient.write", "PUT", "Patient/1", None),
    ("system/Patient.write", "DELETE", "Patient", None),
    ("system/Patient.write", "GET", "Patient/1", Forbidden),
    ("system/Patient.* system/Observation.read", "GET", "Observation/1", None),
    ("system/*.read", "GET", "_history", None),
    ("system/*.read", "GET", "Patient/1/Observation", None),
    ("system/Patient.r", "GET", "Patient/1", None),
    ("system/Patient.r", "GET", "Patient", Forbidden),
    ("system/Patient.rs", "GET", "Patient", None),
    ("system/Patient.c", "POST", "Patient", None),
    ("system/Patient.c", "PUT", "Patient/1", Forbidden),
    ("system/Patient.cu", "PUT", "Patient", None),
    ("system/Patient.cruds", "DELETE", "Patient/1", None),
    (
        "system/Observation.read system/Encounter.read",
        "GET",
        "Observation?encounter:Encounter.patient.name=x",
        Forbidden,
    ),
    ("system/*.read", "GET", "Observation?encounter.patient.name=x", None),
    ("system/Patient.read", "GET", "Patient?_list=1", Forbidden),
    ("system/Patient.read system/List.read", "GET", "Patient?_list=1", None),
    ("system/Patient.write", "POST", "Patient?identifier=x", Forbidden),
    ("system/Patient.c system/Patient.r", "POST", "Patient?identifier=x", None),
    ("system/Patient.c", "POST", "Patient?_format=json", None),
    ("system/Patient.write", "PUT", "Patient?identifier=x", None),
    ("system/Patient.write", "PUT", "Patient?_has:Observation:subject:code=x", Forbidden),
    ("system/Patient.write", "PATCH", "Patient?organization.name=x", Forbidden),
    ("system/Patient.write", "DELETE", "Patient?organization.name=x", Forbidden),
    ("system/Patient.write system/Organization.read", "DELETE", "Patient?organization.name=x", None),
]


@pytest.mark.parametrize(("scope", "method", "url", "error"), SCOPES)
def test_scopes(ehr, scope, method, url, error):
    assert allowed(ehr, token(ehr, scope.replace(" ", "%20")), method, url) is error


def bundle(*requests):
    rows = [{"request": {"method": m, "url": u}} for m, u in requests]
    return json.dumps({"resourceType": "Bundle", "type": "batch", "entry": rows}).encode()


def test_scopes_of_a_bundle_are_those_of_its_entries(ehr):
    text = token(ehr, "system/Patient.*")
    assert allowed(ehr, text, "POST", "", bundle(("GET", "Patient/1"), ("POST", "Patient"))) is None
    assert allowed(ehr, text, "POST", "", bundle(("GET", "Patient/1"), ("GET", "Observation?x=1"))) is Forbidden
    assert allowed(ehr, text, "POST", "", bundle(("GET", "Patient?_revinclude=Observation:patient"))) is Forbidden
    assert allowed(ehr, text, "POST", "", b"not a bundle") is Forbidden
    assert allowed(ehr, text, "POST", "", b'{"entry": 5}') is Forbidden


@pytest.mark.parametrize(
    ("scope", "condition", "error"),
    [
        ("system/Patient.cr", "identifier=x", None),
        ("system/Patient.c", "identifier=x", Forbidden),
        ("system/Patient.cr", "organization.name=x", Forbidden),
        ("system/Patient.cr", "Patient?_has:Observation:subject:code=x", Forbidden),
        ("system/Patient.cr system/Organization.rs", "?organization.name=x", None),
    ],
)
def test_scopes_of_a_conditional_create_are_those_of_its_condition(ehr, scope, condition, error):
    text, request = token(ehr, scope), {"method": "POST", "url": "Patient", "ifNoneExist": condition}
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [{"request": request}]}).encode()
    assert allowed(ehr, text, "POST", "", body) is error
    assert allowed(ehr, text, "POST", "Patient", headers={"if-none-exist": condition}) is error


def test_scopes_of_a_conditional_reference(ehr):
    resource = {"resourceType": "Observation", "subject": {"reference": "Patient?identifier=x"}}
    entry = {"request": {"method": "POST", "url": "Observation"}, "resource": {"contained": [resource]}}
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).encode()
    assert allowed(ehr, token(ehr, "system/Observation.c"), "POST", "", body) is Forbidden
    assert allowed(ehr, token(ehr, "system/Observation.c system/Patient.s"), "POST", "", body) is None


def test_scopes_of_a_patch_in_a_bundle_are_those_of_the_references_it_may_make(ehr):
    operations = json.dumps([{"op": "add", "path": "/subject/reference", "value": "Patient?identifier=x"}]).encode()
    kind = "application/json-patch+json"
    binary = {"resourceType": "Binary", "contentType": kind, "data": base64.b64encode(operations).decode()}
    part = {"name": "value", "valueString": "Patient?identifier=x"}
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [part]}]}
    for resource in (binary, parameters):
        entry = {"request": {"method": "PATCH", "url": "Observation/1"}, "resource": resource}
        body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).encode()
        assert allowed(ehr, token(ehr, "system/Observation.u"), "POST", "", body) is Forbidden
        assert allowed(ehr, token(ehr, "system/Observation.u system/Patient.s"), "POST", "", body) is None


def test_scopes_of_a_form_are_those_of_its_parameters(ehr):
    tx = ehr.playground.look(ehr.sandbox)
    text = token(ehr, "system/Patient.read")
    headers = {"content-type": FORM}
    ehr.simulator.authorize(tx, text, Request("POST", "fhir/Patient/_search", (), headers, b"name=chen"))
    with pytest.raises(Forbidden):
        body = b"_revinclude=Observation:patient"
        ehr.simulator.authorize(tx, text, Request("POST", "fhir/Patient/_search", (), headers, body))


def test_unknown_and_expired_tokens(ehr):
    ehr.playground.random_seed = None
    ehr.playground.start_clock(None)
    text = token(ehr)
    assert allowed(ehr, "nonsense", "GET", "Patient/1") is Unauthorized
    ehr.clock.advance(3599)
    assert allowed(ehr, text, "GET", "Patient/1") is None
    ehr.clock.advance(1)
    assert allowed(ehr, text, "GET", "Patient/1") is Unauthorized


def test_the_forbidden_scope_is_named(ehr):
    text = token(ehr, "system/Patient.read")
    allowed(ehr, text, "PUT", "Observation/1")
    issue = ehr.recorder.events[-1].response
    assert issue.status == 403 and b"system/Observation.write" in issue.body


def test_tokens_of_an_unseeded_run_cannot_be_guessed(make_ehr):
    one, two = make_ehr(random_seed=None), make_ehr(random_seed=None)
    assert token(one) != token(two)
    assert len(token(one)) >= len(smart.TOKEN_PREFIX) + 32


def test_the_edge_asks_by_the_simulators_own_name(ehr):
    text = token(ehr, "system/Patient.read")
    tx = ehr.playground.look(ehr.sandbox)
    ehr.simulator.authorize(tx, text, Request("GET", "fhir/Patient/1"))
    with pytest.raises(Forbidden):
        ehr.simulator.authorize(tx, text, Request("GET", "fhir/Observation/1"))
    with pytest.raises(Unauthorized):
        ehr.simulator.authorize(tx, "vk_wrong", Request("GET", "fhir/Patient/1"))


def test_credentials(ehr):
    found = ehr.simulator.credentials(ehr.sandbox, "http://h/sandboxes/sb_1", False)
    assert found == {
        "fhir_base_url": "http://h/sandboxes/sb_1/fhir",
        "token_url": "http://h/sandboxes/sb_1/fhir/token",
        "client_id": client_id_of(ehr.sandbox),
        "client_secret": "s3cret",
    }
    assert ehr.simulator.mint_secrets(lambda prefix, length: f"{prefix}{length}") == {"client_secret": "vrl_cs_32"}
