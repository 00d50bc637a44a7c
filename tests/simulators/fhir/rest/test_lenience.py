"""A lenient server meets its own data: whatever it stored, no search, patch, operation or check breaks on it."""

import json
import random
from copy import deepcopy
from dataclasses import replace

import pytest

from sandbox import jsonio
from sandbox.playground.branch import Branch
from sandbox.scoring.checks import all_checks
from sandbox.scoring.engine import Criterion, run_criterion
from sandbox.simulators.base import View
from sandbox.simulators.fhir.search.terms.definitions import parameters_of

JUNK = [
    None, True, -0.5, 10**30, "", "x", "2020-13-45", "urn:uuid:x", "9" * 400, [], {}, [None], [[1]], [{}], ["x", 2],
    {"reference": 3}, {"reference": ["a"]}, {"value": {}}, {"coding": "x"}, {"coding": [3]}, {"system": 1, "code": []},
    {"system": {}, "value": "x"}, {"start": 3}, {"family": {"a": 1}}, {"extension": "x"}, {"value": "abc", "unit": 4},
    {"resourceType": "Patient"},
]  # fmt: skip
VALUES = {"date": "gt2020-01-01", "number": "gt1", "quantity": "3||mg", "reference": "Patient/p", "token": "a|x"}
MODIFIERS = {"token": ("text", "not", "of-type"), "string": ("exact", "contains"), "reference": ("identifier",)}
QUERIES = (
    "_include=*&_include:iterate=*", "_revinclude=*", "_summary=true", "_elements=code,name,meta", "_text=x", "_tag=x",
    "_has:Observation:patient:code=1",
)  # fmt: skip
READS = ("{}", "{}/_history", "{}/$validate", "{}/$meta", "{}?_summary=data", "{}/$everything", "{}/$document")
URN = "urn:uuid:6f1e3f0e-0000-4000-8000-00000000000a"


def places(value, path=()):
    """Yield the path of everything in a value but the type of the resource."""
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in rows:
        if (*path, key) != ("resourceType",):
            yield (*path, key)
            yield from places(item, (*path, key))


def spoilt(resource, rng):
    made = deepcopy(resource)
    for _ in range(rng.randint(1, 5)):
        *way, last = rng.choice(list(places(made)) or [("language",)])
        holder = made
        for key in way:
            holder = holder[key]
        holder[last] = deepcopy(rng.choice(JUNK))
    name = rng.choice(["foo", "_birthDate", "contained", "text", "meta", "subject", "code", "identifier", "telecom"])
    return {**made, name: deepcopy(rng.choice(JUNK)), "resourceType": resource["resourceType"], "id": "z"}


@pytest.fixture
def lenient(make_ehr):
    def make():
        ehr = make_ehr()
        ehr.sandbox = replace(ehr.sandbox, config={"validation": "lenient"})
        ehr.playground.sandboxes = (ehr.sandbox,)
        return ehr

    return make


@pytest.mark.parametrize("number", range(30))
def test_nothing_breaks_on_what_was_stored(lenient, examples, number):
    rng = random.Random(number)
    resource = spoilt(rng.choice(examples), rng)
    kind, at = resource["resourceType"], f"{resource['resourceType']}/z"
    ehr = lenient()
    ehr.put("Patient/p", {"resourceType": "Patient", "id": "p"})
    assert ehr.put(at, resource).status in (200, 201)
    kept, sent = ehr.get(at, accept="application/fhir+json").json, jsonio.parse(json.dumps(resource).encode())
    assert {**kept, "meta": None} == {**sent, "meta": None}

    parameters = parameters_of(kind)
    urls = [f"{kind}?{query}" for query in QUERIES] + [read.format(at) for read in READS]
    for code, parameter in parameters.items():
        urls += [
            f"{kind}?{code}={VALUES.get(parameter.type, 'x')}",
            f"{kind}?_sort=-{code}",
            f"{kind}?{code}:missing=1",
        ]
        urls += [f"{kind}?{code}:{modifier}=a|x" for modifier in MODIFIERS.get(parameter.type, ())]
    for url in (*urls, "Patient/p/$everything", "Observation/$lastn?patient=Patient/p", "Patient/p/Observation?code=x"):
        assert ehr.get(url).status < 500, url
    if kind == "Binary":
        assert ehr.get(at, accept="*/*").status < 500

    name = rng.choice([key for key in resource if key not in ("resourceType", "id")])
    pointer = name.replace("~", "~0").replace("/", "~1")
    for type_, body in (
        ("json-patch+json", [{"op": "remove", "path": f"/{pointer}"}]),
        ("json-patch+json", [{"op": "add", "path": "/language", "value": 7}]),
        ("merge-patch+json", {name: None, "language": {"x": 1}}),
    ):
        assert ehr.patch(at, body, content_type=f"application/{type_}").status < 500
    for path in (f"{kind}.{name}", f"{kind}.{name}.first()", f"{kind}.descendants().where(code = 'x')"):
        for step in ("delete", "replace"):
            part = [{"name": "type", "valueCode": step}, {"name": "path", "valueString": path}]
            part += [{"name": "value", "valueString": "y"}] if step == "replace" else []
            steps = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]}
            assert ehr.patch(at, steps).status < 500
    meta = {"name": "meta", "valueMeta": {"tag": [{"system": "a", "code": "b"}]}}
    for operation in ("$meta-add", "$meta-delete"):
        assert ehr.post(f"{at}/{operation}", {"resourceType": "Parameters", "parameter": [meta]}).status < 500

    link = {"other": {"reference": URN}, "type": "seealso"}
    for bundle in ("transaction", "batch"):
        answer = ehr.transaction(
            {"fullUrl": URN, "resource": {**resource, "id": "y"}, "request": {"method": "PUT", "url": f"{kind}/y"}},
            {"resource": {"resourceType": "Patient", "link": [link]}, "request": {"method": "POST", "url": "Patient"}},
            kind=bundle,
        )
        assert answer.status == 200, answer.json

    view = View(ehr.branch, Branch(ehr.branch.seed), tuple(ehr.recorder.events), (ehr.sandbox,), None, ehr.clock.now())
    checks = all_checks([ehr.simulator], [])
    for asked in (
        {"search": {"_id": "z"}, "fields": [{"path": f"{name}.0.code", "expected": "x"}]},
        {"search": {rng.choice(list(parameters)): "x"}},
        {"fhirpath": "descendants().where($this is Quantity).count() >= 0 and name.given.join(',').exists()"},
        {"fhirpath": "(value.ofType(Quantity) > 3 'mg') or code.coding.where(system = 'x').code = 'y'"},
    ):
        assertion = {"assert": "fhir-resource-state", "resource_type": kind, "search": {}, **asked}
        result = run_criterion(Criterion("c", "l", 1, None, assertion), view, checks)
        assert not result.error, result.details


@pytest.mark.parametrize(
    ("resource", "url"),
    [
        ({"resourceType": "Patient", "telecom": [{"system": {}, "value": "x"}]}, "Patient?telecom=x"),
        ({"resourceType": "Appointment", "participant": [{"actor": "x"}]}, "Appointment?location:identifier=a|b"),
        ({"resourceType": "Binary", "contentType": "text/plain", "data": "x"}, "Binary/z"),
        ({"resourceType": "Binary", "contentType": 3, "data": {}, "securityContext": "x"}, "Binary/z"),
        ({"resourceType": "Patient", "meta": "none"}, "Patient/z?_summary=true"),
        ({"resourceType": "Patient", "meta": {"tag": "none"}}, "Patient?_elements=meta"),
    ],
)
def test_what_broke_once(lenient, resource, url):
    ehr = lenient()
    assert ehr.put(f"{resource['resourceType']}/z", {**resource, "id": "z"}).status == 201
    assert ehr.get(url).status in (200, 406)
