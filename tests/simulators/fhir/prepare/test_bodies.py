"""A long body is read and validated before its interaction; the answers are the same."""

import asyncio
import json

import pytest

from sandbox import jsonio, limits
from sandbox.playground.events import Request
from sandbox.simulators.fhir.bundles import batch
from sandbox.simulators.fhir.prepare import bodies
from sandbox.simulators.fhir.prepare.bodies import LONG_BODY_BYTES, Ahead, look_ahead

JSON = "application/fhir+json"
URN = "urn:uuid:00000000-0000-4000-8000-000000000001"


def bundle(kind, *entries):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def entry(method, url, resource=None, full_url=None, **more):
    row = {"request": {"method": method, "url": url, **more}}
    return row | ({"resource": resource} if resource else {}) | ({"fullUrl": full_url} if full_url else {})


def parameters(**row):
    return {"resourceType": "Parameters", "parameter": [row]}


PATIENT = {"resourceType": "Patient", "name": [{"family": "Chen"}]}
WRONG = {"resourceType": "Patient", "gender": "x", "nick": 1}
WEIGHT = {"resourceType": "Observation", "status": "final", "code": {"text": "w"}}
OF_URN = {**WEIGHT, "subject": {"reference": URN}}
OF_CHEN = {**WEIGHT, "subject": {"reference": "Patient?family=Chen"}}
CASES = [
    ("POST", "", bundle("transaction", entry("POST", "Patient", PATIENT, URN), entry("POST", "Observation", OF_URN))),
    ("POST", "", bundle("transaction", entry("POST", "Patient", PATIENT), entry("POST", "Observation", OF_CHEN))),
    ("POST", "", bundle("transaction", entry("POST", "Patient", PATIENT), entry("GET", "Patient/none"))),
    ("POST", "", bundle("transaction", entry("POST", "Patient", WRONG), entry("POST", "Patient", WRONG))),
    ("POST", "", bundle("batch", entry("POST", "Patient", WRONG), entry("POST", "Patient", PATIENT))),
    ("POST", "", bundle("batch", entry("POST", "Observation", OF_CHEN))),
    ("POST", "", bundle("collection", {"resource": PATIENT})),
    ("POST", "", bundle("batch", *[entry("GET", "Patient")] * (limits.BUNDLE_ENTRIES + 1))),
    ("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": 5}),
    ("POST", "", {"resourceType": "Bundle", "type": ["batch"]}),
    ("POST", "", bundle("batch", {"resource": PATIENT})),
    ("POST", "", PATIENT),
    ("POST", "", []),
    ("POST", "", b"{"),
    ("POST", "", b"[" * 65 + b"]" * 65),
    ("POST", "", b'{"a": 1, "a": 2}'),
    ("POST", "", b"\xff"),
    ("POST", "Patient", PATIENT),
    ("POST", "Patient", WRONG),
    ("POST", "Patient", WEIGHT),
    ("POST", "Patient", b"{"),
    ("POST", "Patient", b'"x"'),
    ("POST", "Nonsense", PATIENT),
    ("PUT", "Patient/a", {**PATIENT, "id": "a"}),
    ("PUT", "Patient/a", {**PATIENT, "id": "b"}),
    ("PUT", "Patient?family=Chen", PATIENT),
    ("POST", "Bundle", bundle("transaction", entry("POST", "Patient", WRONG))),
    ("POST", "Bundle", bundle("batch", *[entry("GET", "Patient")] * (limits.BUNDLE_ENTRIES + 1))),
    ("POST", "Patient/$validate", WRONG),
    ("POST", "Patient/$validate", parameters(name="resource", resource=WRONG)),
    ("POST", "Patient/a/$validate?mode=update", PATIENT),
    ("POST", "Patient/a/$everything", parameters(name="nonsense", valueCode="x")),
    ("POST", "Binary", {"resourceType": "Binary", "contentType": "text/plain", "data": "Zm9v"}),
    ("POST", "Binary", {"resourceType": "Binary", "contentType": "text/plain", "data": "!"}),
    ("POST", "Binary", PATIENT),
    ("PUT", "Binary/b", b"{"),
    ("PUT", "Binary/b", b'{"resourceType": "Binary"'),
    ("PUT", "Binary?_id=b", b"%PDF"),
]  # fmt: skip


def answer(ehr, method, url, body, *, is_ahead):
    """Send as the edge does, with or without looking ahead."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    path, _, query = url.partition("?")
    pairs = tuple(tuple(p.split("=")) for p in query.split("&")) if query else ()
    base = "http://ehr.test/v1/benchmark-runs/br_1"
    request = Request(method, f"fhir/{path}".rstrip("/"), pairs, {"content-type": JSON}, raw, base_url=base)
    route = ehr.route(method, request.path)
    if is_ahead:
        request.prepared = asyncio.run(route.prepare(request, ehr.sandbox))
        assert isinstance(request.prepared, Ahead)
    outcome = ehr.playground.interact(
        route.event_type,
        lambda tx: route.handler(tx, request),
        sandbox=ehr.sandbox,
        request=request,
        on_error=lambda error: ehr.simulator.render_error(error, request),
    )
    response = outcome.response
    return response.status, response.body, dict(response.headers), ehr.state_hash()


@pytest.mark.parametrize(("method", "url", "body"), CASES, ids=range(len(CASES)))
def test_the_answer_is_the_same(make_ehr, monkeypatch, method, url, body):
    monkeypatch.setattr(bodies, "LONG_BODY_BYTES", 0)
    answers = []
    for is_ahead in (False, True):
        ehr = make_ehr()
        ehr.put("Patient/a", {**PATIENT, "id": "a", "name": [{"family": "Wong"}]})
        answers.append(answer(ehr, method, url, body, is_ahead=is_ahead))
    assert answers[0] == answers[1]


def test_a_long_body_is_read_and_validated_once(ehr, monkeypatch):
    body = bundle("transaction", *[entry("POST", "Patient", {**PATIENT, "language": "en"})] * 500)
    count = {"parse": 0, "validate_entries": 0}

    def counted(name, function):
        def call(*args, **more):
            count[name] += 1
            return function(*args, **more)

        return call

    monkeypatch.setattr(jsonio, "parse", counted("parse", jsonio.parse))
    for module in (bodies, batch):
        monkeypatch.setattr(module, "validate_entries", counted("validate_entries", module.validate_entries))
    status, *_ = answer(ehr, "POST", "", body, is_ahead=True)
    assert status == 200 and count == {"parse": 1, "validate_entries": 1}


@pytest.mark.parametrize(
    ("method", "kind", "size", "is_ahead"),
    [
        ("POST", JSON, LONG_BODY_BYTES + 1, True),
        ("PUT", "application/json", LONG_BODY_BYTES + 1, True),
        ("POST", "", LONG_BODY_BYTES + 1, True),
        ("POST", JSON, LONG_BODY_BYTES, False),
        ("PATCH", JSON, LONG_BODY_BYTES + 1, False),
        ("POST", "application/pdf", LONG_BODY_BYTES + 1, False),
        ("POST", "application/x-www-form-urlencoded", LONG_BODY_BYTES + 1, False),
    ],
)
@pytest.mark.parametrize("path", ["Patient", "Binary"])
def test_what_is_looked_at_ahead(ehr, path, method, kind, size, is_ahead):
    request = Request(method, f"fhir/{path}", (), {"content-type": kind}, b" " * size)
    is_ahead = is_ahead or (path == "Binary" and method == "POST" and size > LONG_BODY_BYTES)
    work = look_ahead(request, ehr.playground.branch.seed)
    assert (work is not None and asyncio.run(_result(work)) is not None) is is_ahead


async def _result(work):
    return await work
