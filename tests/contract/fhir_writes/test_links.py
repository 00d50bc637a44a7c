"""Links of a transaction: what becomes one, whatever brings it, and to which version."""

import base64
import json

import pytest

URN = "urn:uuid:00000000-0000-4000-8000-00000000000{}"
PATIENT = {"resourceType": "Patient", "name": [{"family": "Chen"}]}
WEIGHT = {"resourceType": "Observation", "status": "final", "code": {"text": "weight"}}
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"


def of(reference, **more):
    return {**WEIGHT, "subject": {"reference": reference}, **more}


def held(kind, value):
    return {
        "resourceType": "Binary",
        "contentType": kind,
        "data": base64.b64encode(json.dumps(value).encode()).decode(),
    }


def fhirpath(kind, path, **value):
    parts = [{"name": "type", "valueCode": kind}, {"name": "path", "valueString": path}, {"name": "value", **value}]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}


def patches_of(reference):
    """Every form of a patch that sets the subject of an Observation."""
    return {
        "json": held(JSON_PATCH, [{"op": "add", "path": "/subject", "value": {"reference": reference}}]),
        "json, a part": held(JSON_PATCH, [
            {"op": "add", "path": "/subject", "value": {"reference": "Patient/ana"}},
            {"op": "replace", "path": "/subject/reference", "value": reference},
        ]),
        "merge": held(MERGE_PATCH, {"subject": {"reference": reference}}),
        "fhirpath": fhirpath("replace", "Observation.subject", valueReference={"reference": reference}),
        "fhirpath, as a string": fhirpath("replace", "Observation.subject.reference", valueString=reference),
    }  # fmt: skip


FORMS = list(patches_of(""))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", ["Observation/o{}", "Observation?_id=o{}"])
async def test_a_patch_brings_links_as_any_resource_does(fhir, form, target):
    for n, url in enumerate([URN.format(1), "urn:uuid:patient", "urn:x:a", "http://other.test/fhir/Patient/t"]):
        await fhir.put({**of("Patient/ana"), "id": f"o{n}"})
        patch = fhir.entry("PATCH", target.format(n), patches_of(url)[form])
        _, patient = await fhir.done(patch, fhir.entry("POST", "Patient", PATIENT, url))
        assert (await fhir.get(f"Observation/o{n}"))["subject"] == {"reference": patient}, url


@pytest.mark.parametrize("form", FORMS)
async def test_a_patch_may_bring_a_conditional_reference(fhir, form):
    await fhir.put({**of("Patient/ana"), "id": "o"})
    new = {**PATIENT, "identifier": [{"value": "new"}]}
    patch = patches_of("Patient?identifier=new")[form]
    _, patient = await fhir.done(fhir.entry("PATCH", "Observation/o", patch), fhir.entry("POST", "Patient", new))
    value = await fhir.get("Observation/o")
    assert value["subject"] == {"reference": patient} and value["meta"]["versionId"] == "2"
    failed = await fhir.bundle(fhir.entry("PATCH", "Observation/o", patches_of("Patient?identifier=none")[form]))
    assert failed.status == 412 and "entry 0" in failed.body.decode()


@pytest.mark.parametrize("form", FORMS)
async def test_a_patch_in_a_batch_must_not_name_a_neighbour(fhir, form):
    await fhir.put({**of("Patient/ana"), "id": "o"})
    rows = [
        fhir.entry("POST", "Patient", PATIENT, URN.format(1)),
        fhir.entry("PATCH", "Observation/o", patches_of(URN.format(1))[form]),
    ]
    answer = await fhir.bundle(*rows, kind="batch")
    assert [e["response"]["status"][:3] for e in answer.json["entry"]] == ["201", "400"]
    assert "need a transaction" in answer.body.decode()
    assert (await fhir.get("Observation/o"))["subject"] == {"reference": "Patient/ana"}


async def test_what_a_patch_leaves_alone_is_not_part_of_the_bundle(fhir):
    """The stored reference is to this server's Patient/ana; the Bundle's entry of that URL is another patient."""
    await fhir.put({**of("Patient/ana"), "id": "o"})
    patch = held(JSON_PATCH, [{"op": "replace", "path": "/status", "value": "amended"}])
    await fhir.done(
        fhir.entry("POST", "Patient", PATIENT, f"{fhir.base}/Patient/ana"), fhir.entry("PATCH", "Observation/o", patch)
    )
    value = await fhir.get("Observation/o")
    assert (value["status"], value["subject"]) == ("amended", {"reference": "Patient/ana"})


async def test_a_patch_looks_at_the_version_and_at_what_else_is_written(fhir):
    await fhir.put({**of("Patient/ana"), "id": "o"})
    patch = patches_of(URN.format(1))["json"]
    before = fhir.run.state_hash()
    for rows, status in [
        ([fhir.entry("PATCH", "Observation/o", patch, ifMatch='W/"9"')], 412),
        ([fhir.entry("PATCH", "Observation/o", patch), fhir.entry("DELETE", "Observation/o")], 400),
        ([fhir.entry("PATCH", "Observation/o", patch), fhir.entry("PATCH", "Observation?_id=o", patch)], 400),
        ([fhir.entry("PATCH", "Observation/none", patch)], 404),
        ([fhir.entry("PATCH", "Observation?_id=none", patch)], 404),
        ([fhir.entry("PATCH", "Observation/o", held(JSON_PATCH, [{"op": "remove", "path": "/status"}]))], 400),
        ([fhir.entry("PATCH", "Observation/o", patches_of("nonsense")["json"])], 400),
    ]:
        answer = await fhir.bundle(fhir.entry("POST", "Patient", PATIENT, URN.format(1)), *rows)
        assert answer.status == status and "Bundle.entry[" in answer.body.decode(), answer
    assert fhir.run.state_hash() == before


async def test_uris_point_and_identifiers_of_any_kind_do_not(fhir):
    uuid = URN.format(1)
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": "aGk="}
    report = {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": {"coding": [{"system": uuid, "code": "x"}]},
        "identifier": [{"system": uuid, "value": uuid}],
        "presentedForm": [{"contentType": "text/plain", "url": uuid}],
        "extension": [
            {"url": "urn:a", "valueUuid": uuid},
            {"url": "urn:b", "valueOid": "urn:oid:1.2.3"},
            {"url": "urn:c", "valueUri": uuid},
            {"url": "urn:d", "valueUrl": uuid},
            {"url": "urn:e", "valueCanonical": uuid},
            {"url": "urn:f", "valueString": uuid},
            {"url": uuid, "valueBoolean": True},
        ],
    }
    rows = [fhir.entry("POST", "Binary", binary, uuid), fhir.entry("POST", "Binary", binary, "urn:oid:1.2.3")]
    first, _, stored = await fhir.done(*rows, fhir.entry("POST", "DiagnosticReport", report))
    value = await fhir.get(stored)
    assert value["code"] == report["code"] and value["identifier"] == report["identifier"]
    assert value["presentedForm"][0]["url"] == first
    values = [next(v for k, v in e.items() if k.startswith("value")) for e in value["extension"]]
    assert values == [uuid, "urn:oid:1.2.3", first, first, uuid, uuid, True]
    assert value["extension"][6]["url"] == uuid


async def test_a_bundle_in_a_bundle_keeps_its_own_links(fhir):
    inner = [{"fullUrl": URN.format(1), "resource": PATIENT}, {"fullUrl": URN.format(2), "resource": of(URN.format(1))},
             {"fullUrl": URN.format(3), "resource": of(URN.format(4))}]  # fmt: skip
    kept = {"resourceType": "Bundle", "type": "collection", "entry": inner}
    rows = [fhir.entry("POST", "Patient", PATIENT, URN.format(n)) for n in (1, 4)]
    _, fourth, stored = await fhir.done(*rows, fhir.entry("POST", "Bundle", kept))
    value = await fhir.get(stored)
    assert [e["fullUrl"] for e in value["entry"]] == [URN.format(n) for n in (1, 2, 3)]
    subjects = [e["resource"].get("subject", {}).get("reference") for e in value["entry"]]
    assert subjects == [None, URN.format(1), fourth]


@pytest.mark.parametrize("base", ["http://other.test/fhir", "{ours}"])
async def test_a_version_specific_reference_stays_specific(fhir, base):
    base = base.format(ours=fhir.base)
    there = f"{base}/Patient/t1"
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{there}/_history/9">x</a></div>'
    note = of(
        f"{there}/_history/9",
        focus=[{"reference": "Patient/t1/_history/2"}, {"reference": there}],
        extension=[{"url": "urn:x", "valueUri": f"{there}/_history/9"}],
        text={"status": "generated", "div": div},
    )
    patient, stored = await fhir.done(
        fhir.entry("POST", "Patient", PATIENT, there), fhir.entry("POST", "Observation", note, f"{base}/Observation/t2")
    )
    value = await fhir.get(stored)
    now = f"{patient}/_history/1"
    assert value["subject"]["reference"] == now
    assert [f["reference"] for f in value["focus"]] == [now, patient]
    assert value["extension"][0]["valueUri"] == now
    assert f'href="{now}"' in value["text"]["div"]
    assert (await fhir.get(now))["id"] == patient.partition("/")[2]


async def test_the_version_is_that_after_the_transaction(fhir):
    there = "http://other.test/fhir/"
    for _ in range(2):
        await fhir.put({**PATIENT, "id": "put", "identifier": [{"value": "put"}]})
    await fhir.put({**PATIENT, "id": "found", "identifier": [{"value": "found"}]})
    await fhir.put({**PATIENT, "id": "patched"})
    await fhir.put({**PATIENT, "id": "gone"})
    await fhir.run.call("DELETE", "fhir/Patient/gone")
    patch = held(MERGE_PATCH, {"active": True})
    names = ["put", "found", "patched", "gone", "read"]
    group = {"resourceType": "Group", "type": "person", "actual": True,
             "member": [{"entity": {"reference": f"{there}Patient/{n}/_history/7"}} for n in names]}  # fmt: skip
    *_, stored = await fhir.done(
        fhir.entry("PUT", "Patient?identifier=put", PATIENT, f"{there}Patient/put"),
        fhir.entry("POST", "Patient", PATIENT, f"{there}Patient/found", ifNoneExist="identifier=found"),
        fhir.entry("PATCH", "Patient/patched", patch, f"{there}Patient/patched"),
        fhir.entry("PUT", "Patient/gone", {**PATIENT, "id": "gone"}, f"{there}Patient/gone"),
        fhir.entry("GET", "Patient/ana", full_url=f"{there}Patient/read"),
        fhir.entry("POST", "Group", group),
    )
    found = [m["entity"]["reference"] for m in (await fhir.get(stored))["member"]]
    expected = ["put/_history/3", "found/_history/1", "patched/_history/2", "gone/_history/3", "ana/_history/1"]
    assert found == [f"Patient/{e}" for e in expected]
    for reference in found:
        await fhir.get(reference)


async def test_an_older_version_of_what_keeps_its_url_means_what_it_says(fhir):
    await fhir.put({**PATIENT, "id": "a"})
    *_, stored = await fhir.done(
        fhir.entry("PUT", "Patient/a", {**PATIENT, "id": "a"}, f"{fhir.base}/Patient/a"),
        fhir.entry("POST", "Observation", of("Patient/a/_history/1", focus=[{"reference": "Patient/a"}])),
    )
    value = await fhir.get(stored)
    assert value["subject"]["reference"] == "Patient/a/_history/1" and value["focus"] == [{"reference": "Patient/a"}]


async def test_a_version_that_never_was_is_the_one_this_transaction_writes(fhir):
    await fhir.put({**PATIENT, "id": "a"})
    here = f"{fhir.base}/Patient/a"
    note = of(
        "Patient/a/_history/9", focus=[{"reference": f"{here}/_history/draft"}, {"reference": "Patient/a/_history/1"}]
    )
    *_, stored = await fhir.done(
        fhir.entry("PUT", "Patient/a", {**PATIENT, "id": "a"}, here), fhir.entry("POST", "Observation", note)
    )
    value = await fhir.get(stored)
    assert value["subject"]["reference"] == "Patient/a/_history/2"
    assert [f["reference"] for f in value["focus"]] == ["Patient/a/_history/2", "Patient/a/_history/1"]
    assert (await fhir.get("Patient/a/_history/2"))["id"] == "a"
