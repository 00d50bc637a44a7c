"""What is done beside the event loop is answered, stored and recorded as on it."""

import json

import pytest

from sandbox import limits
from sandbox.playground.calls import Asked
from sandbox.playground.crew import Crew
from sandbox.playground.events import Request

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


async def answer(ehr, method, url, body, crew=None):
    """Send as the edge does: on the loop, or beside it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    path, _, query = url.partition("?")
    pairs = tuple(tuple(p.split("=")) for p in query.split("&")) if query else ()
    base = "http://ehr.test/v1/benchmark-runs/br_1"
    request = Request(method, f"fhir/{path}".rstrip("/"), pairs, {"content-type": JSON}, raw, base_url=base)
    route = ehr.route(method, request.path)
    asked = Asked(
        route.event_type,
        lambda tx: route.handler(tx, request),
        ehr.sandbox,
        request,
        lambda error: ehr.simulator.render_error(error, request),
    )
    if crew is None:
        outcome = ehr.playground.interact(
            asked.event_type, asked.handler, sandbox=asked.sandbox, request=request, on_error=asked.on_error
        )
    else:
        outcome = await ehr.playground.interact_in_turn(crew, asked, is_long=True)
    response = outcome.response
    return response.status, response.body, dict(response.headers), ehr.state_hash(), outcome.event.changes != ()


@pytest.mark.parametrize(("method", "url", "body"), CASES, ids=range(len(CASES)))
async def test_the_answer_is_the_same(make_ehr, crew, method, url, body):
    answers = []
    for beside in (None, crew):
        ehr = make_ehr()
        ehr.put("Patient/a", {**PATIENT, "id": "a", "name": [{"family": "Wong"}]})
        answers.append(await answer(ehr, method, url, body, beside))
    assert answers[0] == answers[1]


@pytest.fixture
def crew():
    made = Crew()
    yield made
    made.close()
