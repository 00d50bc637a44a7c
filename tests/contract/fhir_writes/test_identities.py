"""The fullUrl of an entry is its identity within the Bundle, whatever urn it is."""

import json

import pytest

PATIENT = {"resourceType": "Patient", "name": [{"family": "Chen"}]}


def of(reference, **more):
    value = {"resourceType": "Observation", "status": "final", "code": {"text": "weight"}}
    return {**value, "subject": {"reference": reference}, **more}


@pytest.mark.parametrize("urn", ["urn:uuid:patient", "urn:uuid:1", "urn:patient:1", "urn:oid:1.2.3", "urn:x:Ana(1)"])
async def test_any_urn_is_an_identity_within_its_bundle(fhir, urn):
    patient, stored = await fhir.done(
        fhir.entry("POST", "Patient", PATIENT, urn), fhir.entry("POST", "Observation", of(urn))
    )
    assert (await fhir.get(stored))["subject"] == {"reference": patient}
    kept = {"resourceType": "Bundle", "type": "collection",
            "entry": [{"fullUrl": urn, "resource": PATIENT}, {"fullUrl": "urn:b", "resource": of(urn)}]}  # fmt: skip
    answer = await fhir.call("POST", "Bundle", kept)
    assert answer.status == 201 and answer.json["entry"] == kept["entry"]


async def test_a_urn_that_nothing_in_the_bundle_has(fhir):
    answer = await fhir.bundle(
        fhir.entry("POST", "Patient", PATIENT, "urn:uuid:a"), fhir.entry("POST", "Observation", of("urn:uuid:b"))
    )
    assert answer.status == 400
    assert "is not the fullUrl of an entry" in answer.json["issue"][0]["diagnostics"]
    alone = await fhir.call("POST", "Observation", of("urn:uuid:a"))
    assert alone.status == 400


async def test_a_seed_takes_any_urn(serve, disk):
    bundle = {"resourceType": "Bundle", "type": "collection",
              "entry": [{"fullUrl": "urn:uuid:patient", "resource": {**PATIENT, "id": "p"}},
                        {"fullUrl": "urn:uuid:weight", "resource": {**of("urn:uuid:patient"), "id": "w"}}]}  # fmt: skip
    disk.dataset("small", {"fhir/chart.json": json.dumps(bundle).encode()})
    async with serve() as live:
        answer = await (await live.started()).call("GET", "fhir/Observation/w")
        assert answer.json["subject"] == {"reference": "Patient/p"}
