"""What is wrong with a Bundle is an OperationOutcome with a status of its own; nothing of it is done."""

import asyncio
import json
from copy import deepcopy

import pytest

from sandbox import limits


def changed(pas, path, value):
    """A request with one element replaced, or taken out."""
    made = pas.bundle(pas.claim(supportingInfo=[pas.info("DocumentReference/notes")]), pas.document())
    *steps, last = path
    holder = made
    for step in steps:
        holder = holder[step]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return made


CLAIM = ("entry", 0, "resource")
WRONG = [
    (("resourceType",), "Patient", 400),
    (("type",), "transaction", 422),
    (("type",), "searchset", 400),
    (("entry",), [], 400),
    (("entry",), ..., 400),
    (("entry", 0), {"fullUrl": "x", "resource": {"resourceType": "Patient"}}, 400),
    (("entry", 0), {"fullUrl": "x"}, 422),
    (("entry", 0, "resource"), "x", 400),
    (("entry", 0, "request"), {"method": "POST", "url": "Claim"}, 422),
    ((*CLAIM, "use"), "claim", 422),
    ((*CLAIM, "use"), "banana", 400),
    ((*CLAIM, "status"), "entered-in-error", 422),
    ((*CLAIM, "status"), "banana", 400),
    ((*CLAIM, "patient"), ..., 400),
    ((*CLAIM, "patient"), {"reference": "Patient/nobody"}, 400),
    ((*CLAIM, "provider"), {"reference": "Practitioner/nobody"}, 400),
    ((*CLAIM, "created"), "yesterday", 400),
    ((*CLAIM, "insurance"), ..., 400),
    ((*CLAIM, "item", 0, "sequence"), 0, 400),
    ((*CLAIM, "item", 0, "sequence"), ..., 400),
    ((*CLAIM, "item", 0, "servicedPeriod"), {"start": "2026-05-04", "end": "2026-05-01"}, 422),
    ((*CLAIM, "item", 0, "productOrService"), ..., 400),
    ((*CLAIM, "item"), [{"sequence": 1, "productOrService": {"text": "x"}}] * 2, 422),
    ((*CLAIM, "banana"), 1, 400),
    ((*CLAIM, "diagnosis", 0), {"sequence": 1, "diagnosisReference": {"reference": "Condition/none"}}, 400),
    ((*CLAIM, "supportingInfo", 0, "valueReference"), {"reference": "DocumentReference/none"}, 400),
    (("entry", -1, "resource", "content", 0, "attachment", "data"), "!!!", 400),
    (("entry", -1, "resource", "content", 0, "attachment", "data"), ..., 400),
    (("entry", -1, "resource", "content"), ..., 400),
]


async def test_what_is_wrong_with_it_is_said_and_nothing_is_done(house, pas):
    before = house.run.state_hash()
    for path, value, status in WRONG:
        for operation in ("$submit", "$inquire"):
            if operation == "$inquire" and (
                "supportingInfo" in path or path[:2] == ("entry", -1) or "diagnosis" in path
            ):
                continue  # an inquiry reads none of these
            answer = await house.call("POST", f"Claim/{operation}", json=changed(pas, path, value))
            assert (answer.status, answer.json["resourceType"]) == (status, "OperationOutcome"), (path, value, answer)
            assert answer.json["issue"][0]["diagnostics"]
            pas.check(answer.json)
    assert house.run.state_hash() == before


@pytest.mark.parametrize(
    "body", [b"", b" ", b"{", b"[]", b"1", b'"x"', b"null", b"{}", b"\xff\xfe", b'{"resourceType": []}']
)
async def test_what_is_no_bundle(house, pas, body):
    for path in ("Claim/$submit", "Claim/$inquire", "Questionnaire/$questionnaire-package", "$submit-attachment"):
        answer = await house.call("POST", path, body=body, headers=pas.FHIR)
        assert (answer.status, answer.json["resourceType"]) == (400, "OperationOutcome"), (path, answer)


async def test_types_of_body(house, pas):
    body = json.dumps(pas.bundle()).encode()
    for kind, status in (
        ("application/json", 200),
        ("application/fhir+json; fhirVersion=4.0", 200),
        ("application/fhir+json; fhirVersion=5.0", 415),
        ("application/fhir+xml", 415),
        ("text/plain", 415),
    ):
        answer = await house.call("POST", "Claim/$submit", body=body, headers={"Content-Type": kind})
        assert answer.status == status, kind


async def test_limits(house, pas):
    items = [pas.item("70450", number) for number in range(1, limits.CLAIM_ITEMS + 2)]
    before = house.run.state_hash()
    answer = await house.call("POST", "Claim/$submit", json=pas.bundle(pas.claim(*items)))
    assert answer.status == 413 and str(limits.CLAIM_ITEMS) in answer.json["issue"][0]["diagnostics"]
    assert house.run.state_hash() == before
    taken = await house.submit(pas.claim(*items[:-1]))
    assert len(taken["item"]) == limits.CLAIM_ITEMS
    many = {**pas.bundle(), "entry": [*pas.bundle()["entry"], *[{"resource": {}}] * limits.BUNDLE_ENTRIES]}
    answer = await house.call("POST", "Claim/$submit", json=many)
    assert answer.status == 413 and "10,000" in answer.json["issue"][0]["diagnostics"]


async def test_what_nobody_reads_may_be_anything(house, pas):
    """Whatever stands in the resources beside the Claim, the answer is one of this API's own."""
    whole = pas.bundle(pas.claim(supportingInfo=[pas.info("QuestionnaireResponse/qr1")]), pas.response(pas.ANSWERS))
    for index in range(1, len(whole["entry"])):
        for wrong in (1, "x", [], {}, None, [[]], [1], {"a": {"b": []}}):
            for name in list(whole["entry"][index]["resource"]):
                if name in ("resourceType", "id"):
                    continue
                made = deepcopy(whole)
                made["entry"][index]["resource"][name] = wrong
                for operation in ("$submit", "$inquire"):
                    answer = await house.call("POST", f"Claim/{operation}", json=made)
                    assert answer.status in (200, 400, 422), (index, name, wrong, answer)
                    assert answer.json["resourceType"] in ("Bundle", "OperationOutcome")


async def test_two_at_once(house, pas):
    await house.submit(pas.claim(pas.item("70450")))
    updates = [
        pas.bundle(pas.claim(pas.item("70450", units=n + 2), name=f"u{n}", related=pas.related("c1"))) for n in range(6)
    ]
    answers = await asyncio.gather(*(house.call("POST", "Claim/$submit", json=one) for one in updates))
    assert {one.status for one in answers} == {200}
    [row] = await house.cases()
    assert [line["action"] for line in row["history"]].count("updated") == 6
    [found] = await house.inquire(pas.claim())
    assert found["id"] in {one.json["entry"][0]["resource"]["id"] for one in answers}
