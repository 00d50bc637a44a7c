"""What a refused request brought is let go of when it is answered, without the collector of cyclic garbage.

That stands still while long work is done, and what it has not looked at by then it never looks at again.
"""

import gc
import json
from types import SimpleNamespace

import pytest

from sandbox.playground import crew

MANY = 1_500
FEW = 50  # objects: a client's call may leave some, whatever was sent
FHIR = {"Content-Type": "application/fhir+json"}


def entries(resource, method="POST"):
    return [
        {"resource": {**resource, "id": f"p{i}"}, "request": {"method": method, "url": "Patient"}} for i in range(MANY)
    ]


WRONG = {"resourceType": "Patient", "name": [{"family": "x", "foo": 1}]}
GOOD = {"resourceType": "Patient", "name": [{"family": "x"}]}
BUNDLE = {"resourceType": "Bundle"}
MEMBER = {"patient_member_id": "W123"}
KINDS = {
    "a transaction of wrong resources": (
        "POST",
        "fhir",
        {**BUNDLE, "type": "transaction", "entry": entries(WRONG)},
        FHIR,
    ),
    "a batch of wrong resources": ("POST", "fhir", {**BUNDLE, "type": "batch", "entry": entries(WRONG)}, FHIR),
    "a batch of calls that are none": (
        "POST",
        "fhir",
        {**BUNDLE, "type": "batch", "entry": entries(GOOD, "PUT")},
        FHIR,
    ),
    "a wrong resource": ("POST", "fhir/Patient", {**WRONG, "name": WRONG["name"] * MANY}, FHIR),
    "a resource of no type": ("POST", "fhir/Patient", {"resourceType": "Patent", "name": WRONG["name"] * MANY}, FHIR),
    "a patch of what is not there": (
        "PATCH",
        "fhir/Patient/none",
        [{"op": "add", "path": "/a", "value": WRONG}] * 900,
        FHIR,
    ),
    "files of a request": (
        "POST",
        "portal/prior-auths",
        {**MEMBER, "attachments": [{"a": i} for i in range(MANY)]},
        {},
    ),
    "answers to a plan": ("POST", "portal/prior-auths", {**MEMBER, "clinical_answers": {"a": [{"b": 1}] * MANY}}, {}),
    "a message": ("POST", "hl7/outbound", {"payload": "MSH|^~\\&|A|B\r" + "OBX|1|NM|x\r" * MANY}, {}),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_of_a_refused_request_is_kept(live, monkeypatch, kind):
    method, path, body, headers = KINDS[kind]
    still = SimpleNamespace(disable=lambda: None, enable=lambda: None, freeze=lambda: None, get_count=lambda: (0, 0, 0))
    monkeypatch.setattr(crew, "gc", still)
    run = await live.started()
    sent = {"body": json.dumps(body).encode(), "headers": {"Content-Type": "application/json", **headers}}
    await run.call(method, path, **sent)
    gc.collect()
    gc.disable()
    try:
        answer = await run.call(method, path, **sent)
        kept = gc.collect()
    finally:
        gc.enable()
    assert answer.status < 500 and kept < FEW, (answer.status, answer.text[:300])
