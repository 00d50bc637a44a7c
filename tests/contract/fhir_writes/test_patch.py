"""Patches leave nothing empty, whatever their form."""

import base64
import json

import pytest

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
CHART = {
    "resourceType": "Patient",
    "id": "p",
    "name": [{"id": "n", "family": "Chen"}, {"given": ["Ana", "Li"], "_given": [None, {"id": "g"}]}],
    "telecom": [{"system": "phone"}],
    "contact": [{"name": {"family": "Wong"}}],
    "active": True,
    "_birthDate": {"extension": [{"url": "urn:x", "valueCode": "unknown"}]},
}


def delete(*paths):
    rows = []
    for path in paths:
        parts = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": path}]
        rows.append({"name": "operation", "part": parts})
    return {"resourceType": "Parameters", "parameter": rows}


def removed(*pointers):
    return [{"op": "remove", "path": pointer} for pointer in pointers]


MAIL = {"system": "email", "value": "a@x.test"}
LI = [{"given": ["Ana", "Li"], "_given": [None, {"id": "g"}]}]
EMPTIED = [
    (delete("Patient.telecom[0]"), {"telecom": None}),
    (delete("Patient.telecom[0].system"), {"telecom": None}),
    (delete("Patient.name[0].family"), {"name": LI}),
    (delete("Patient.contact.name.family"), {"contact": None}),
    (delete("Patient.name[1].given[0]", "Patient.name[1].given[0]"), {"name": [{"id": "n", "family": "Chen"}]}),
    (delete("Patient.name[1].given[1]"), {"name": [{"id": "n", "family": "Chen"}, {"given": ["Ana"]}]}),
    (removed("/telecom/0"), {"telecom": None}),
    (removed("/telecom/0/system"), {"telecom": None}),
    (removed("/contact/0/name/family"), {"contact": None}),
    (removed("/name/0/family"), {"name": LI}),
    (removed("/_birthDate/extension/0"), {"_birthDate": None}),
    ([{"op": "replace", "path": "/telecom", "value": []}], {"telecom": None}),
    ([{"op": "replace", "path": "/name/0", "value": {}}], {"name": LI}),
    (
        [*removed("/telecom/0"), {"op": "add", "path": "/telecom/-", "value": MAIL}],
        {"telecom": [MAIL]},
    ),
    ({"telecom": []}, {"telecom": None}),
    ({"telecom": [{}]}, {"telecom": None}),
    ({"telecom": [{"period": {"extension": []}}]}, {"telecom": None}),
    ({"maritalStatus": {"coding": []}}, {}),
    ({"name": [{"given": []}, *LI]}, {"name": LI}),
    ({"_birthDate": {"extension": None}}, {"_birthDate": None}),
]


@pytest.mark.parametrize(("patch", "change"), EMPTIED, ids=range(len(EMPTIED)))
async def test_a_patch_takes_what_it_empties_along(fhir, patch, change):
    is_fhirpath = isinstance(patch, dict) and patch.get("resourceType") == "Parameters"
    kind = "application/fhir+json" if is_fhirpath else JSON_PATCH if isinstance(patch, list) else MERGE_PATCH
    data = base64.b64encode(json.dumps(patch).encode()).decode()
    resource = patch if is_fhirpath else {"resourceType": "Binary", "contentType": kind, "data": data}
    for way in ("alone", "batch", "transaction"):
        await fhir.put({**CHART, "id": way})
        if way == "alone":
            answer = await fhir.call("PATCH", f"Patient/{way}", patch, Content_Type=kind)
            assert answer.status == 200, answer
        else:
            await fhir.done(fhir.entry("PATCH", f"Patient/{way}", resource), kind=way)
        stored = await fhir.get(f"Patient/{way}")
        expected = {k: v for k, v in {**CHART, **change, "id": way}.items() if v is not None}
        assert {k: v for k, v in stored.items() if k != "meta"} == expected, way


@pytest.mark.parametrize(
    ("patch", "kind"),
    [
        (delete("Observation.status"), "application/fhir+json"),
        (delete("Observation.code.text"), "application/fhir+json"),
        (removed("/code/text"), JSON_PATCH),
        ({"code": {"text": None}}, MERGE_PATCH),
        ({"code": {}, "status": None}, MERGE_PATCH),
    ],
)
async def test_what_is_required_cannot_be_emptied(fhir, patch, kind):
    await fhir.put({"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"}})
    before = fhir.run.state_hash()
    answer = await fhir.call("PATCH", "Observation/o", patch, Content_Type=kind)
    if kind == MERGE_PATCH and patch.get("code") == {}:  # an empty object merges nothing
        assert "status" in fhir.said(answer)
    else:
        assert "is required" in fhir.said(answer)
    assert answer.status == 400 and fhir.run.state_hash() == before


async def test_other_writes_still_refuse_what_is_empty(fhir):
    for part in ({"telecom": []}, {"name": [{}]}, {"maritalStatus": {}}):
        assert (await fhir.call("PUT", "Patient/q", {"resourceType": "Patient", "id": "q", **part})).status == 400
