"""What SMART scopes a request needs. That tokens are given and looked at is tested over HTTP, with the other doors."""

import base64
import json
from urllib.parse import parse_qsl

import pytest

from sandbox.errors import Forbidden, SandboxError
from sandbox.playground.events import Request
from sandbox.simulators.fhir.smart import scopes

FORM = "application/x-www-form-urlencoded"
BASE = "http://ehr.test/v1/benchmark-runs/br_1"


def allowed(scope, method, url, body=b"", headers=None):
    """Return None, or the error that scopes refuse a request with."""
    path, _, query = url.partition("?")
    request = Request(method, f"fhir/{path}".rstrip("/"), tuple(parse_qsl(query)), headers or {}, body, base_url=BASE)
    try:
        scopes.check(scope, request)
    except SandboxError as error:
        return type(error)
    return None


def test_which_routes_ask_for_no_token(ehr):
    assert {(r.access, r.method, r.path) for r in ehr.simulator.routes if r.access != "credential"} == {
        ("document", "GET", "fhir/.well-known/smart-configuration"),
        ("document", "GET", "fhir/metadata"),
        ("door", "*", "fhir/token"),
        ("organization", "POST", "fhir/smart-client"),
    }


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
def test_scopes(scope, method, url, error):
    assert allowed(scope, method, url) is error


def bundle(*requests):
    rows = [{"request": {"method": m, "url": u}} for m, u in requests]
    return json.dumps({"resourceType": "Bundle", "type": "batch", "entry": rows}).encode()


def test_scopes_of_a_bundle_are_those_of_its_entries():
    scope = "system/Patient.*"
    assert allowed(scope, "POST", "", bundle(("GET", "Patient/1"), ("POST", "Patient"))) is None
    assert allowed(scope, "POST", "", bundle(("GET", "Patient/1"), ("GET", "Observation?x=1"))) is Forbidden
    assert allowed(scope, "POST", "", bundle(("GET", "Patient?_revinclude=Observation:patient"))) is Forbidden
    assert allowed(scope, "POST", "", b"not a bundle") is Forbidden
    assert allowed(scope, "POST", "", b'{"entry": 5}') is Forbidden


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
def test_scopes_of_a_conditional_create_are_those_of_its_condition(scope, condition, error):
    request = {"method": "POST", "url": "Patient", "ifNoneExist": condition}
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [{"request": request}]}).encode()
    assert allowed(scope, "POST", "", body) is error
    assert allowed(scope, "POST", "Patient", headers={"if-none-exist": condition}) is error


def test_scopes_of_a_conditional_reference():
    resource = {"resourceType": "Observation", "subject": {"reference": "Patient?identifier=x"}}
    entry = {"request": {"method": "POST", "url": "Observation"}, "resource": {"contained": [resource]}}
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).encode()
    assert allowed("system/Observation.c", "POST", "", body) is Forbidden
    assert allowed("system/Observation.c system/Patient.s", "POST", "", body) is None


def test_scopes_of_a_patch_in_a_bundle_are_those_of_the_references_it_may_make():
    operations = json.dumps([{"op": "add", "path": "/subject/reference", "value": "Patient?identifier=x"}]).encode()
    kind = "application/json-patch+json"
    binary = {"resourceType": "Binary", "contentType": kind, "data": base64.b64encode(operations).decode()}
    part = {"name": "value", "valueString": "Patient?identifier=x"}
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [part]}]}
    for resource in (binary, parameters):
        entry = {"request": {"method": "PATCH", "url": "Observation/1"}, "resource": resource}
        body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).encode()
        assert allowed("system/Observation.u", "POST", "", body) is Forbidden
        assert allowed("system/Observation.u system/Patient.s", "POST", "", body) is None


def test_scopes_of_a_form_are_those_of_its_parameters():
    headers = {"content-type": FORM}
    assert allowed("system/Patient.read", "POST", "Patient/_search", b"name=chen", headers) is None
    included = b"_revinclude=Observation:patient"
    assert allowed("system/Patient.read", "POST", "Patient/_search", included, headers) is Forbidden


def test_the_forbidden_scope_is_named():
    with pytest.raises(Forbidden, match=r"system/Observation\.write"):
        scopes.check("system/Patient.read", Request("PUT", "fhir/Observation/1", base_url=BASE))
