"""Every example goes in and comes out the same, by every way in; and a fold of the events gives the same state."""

import copy

from sandbox import jsonio
from sandbox.playground.branch import Branch, Seed
from sandbox.playground.events import fold


def without_meta(value):
    value = copy.deepcopy(value)
    meta = value.pop("meta", {})
    meta.pop("versionId", None)
    meta.pop("lastUpdated", None)
    if meta:
        value["meta"] = meta
    return jsonio.canonical(value)


def test_put_and_get(ehr, examples):
    for number, example in enumerate(examples):
        mine = {**example, "id": f"x{number}"}
        url = f"{example['resourceType']}/x{number}"
        reply = ehr.put(url, jsonio.dump(mine))
        assert reply.status == 201, reply.body
        back = ehr.get(url, Accept="application/fhir+json")
        assert without_meta(back.json) == without_meta(mine)


def test_one_transaction(ehr, examples):
    entries = [
        {"resource": {**e, "id": f"x{n}"}, "request": {"method": "PUT", "url": f"{e['resourceType']}/x{n}"}}
        for n, e in enumerate(examples)
    ]
    body = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    reply = ehr.post("", jsonio.dump(body))
    assert reply.status == 200, reply.body[:500]
    assert {e["response"]["status"] for e in reply.entries} == {"201 Created"}
    for number, example in enumerate(examples):
        back = ehr.get(f"{example['resourceType']}/x{number}", Accept="application/fhir+json")
        assert without_meta(back.json) == without_meta({**example, "id": f"x{number}"})


def test_a_fold_of_the_events_gives_the_same_state(ehr, patient):
    mine = {**patient, "id": "a"}
    ehr.put("Patient/a", mine)
    ehr.put("Patient/a", {**mine, "gender": "male"})
    ehr.patch("Patient/a", [{"op": "remove", "path": "/gender"}])
    ehr.delete("Patient/a")
    ehr.put("Patient/a", mine)
    ehr.transaction({"resource": patient, "request": {"method": "POST", "url": "Patient"}})
    again = fold(Branch(Seed()), ehr.recorder.events)
    assert again.state_hash() == ehr.state_hash()
    from sandbox.simulators.fhir import history

    assert history.versions(again, "Patient", "a") == history.versions(ehr.branch, "Patient", "a")
