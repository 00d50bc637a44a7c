"""Batch and transaction Bundles."""

import pytest

from sandbox import limits
from sandbox.errors import Invalid
from sandbox.simulators.fhir import state

BASE = "http://ehr.test/v1/benchmark-runs/br_1/fhir"
URN = "urn:uuid:00000000-0000-4000-8000-00000000000{}"


def entry(method, url, resource=None, full_url=None, **more):
    row = {"request": {"method": method, "url": url, **more}}
    if resource is not None:
        row["resource"] = resource
    if full_url is not None:
        row["fullUrl"] = full_url
    return row


def observation(subject, **more):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "w"},
        "subject": {"reference": subject},
        **more,
    }


def statuses(reply):
    return [e["response"]["status"][:3] for e in reply.entries]


def written(ehr, reply, index):
    return ehr.get(reply.entries[index]["response"]["location"].partition("/fhir/")[2]).json


def test_a_transaction_links_its_entries(ehr, patient):
    reply = ehr.transaction(
        entry("POST", "Observation", observation(URN.format(1))),
        entry("POST", "Patient", patient, URN.format(1)),
    )
    assert reply.status == 200 and reply.json["type"] == "transaction-response"
    assert statuses(reply) == ["201", "201"]
    subject = written(ehr, reply, 0)["subject"]["reference"]
    assert subject == f"Patient/{written(ehr, reply, 1)['id']}"
    response = reply.entries[0]["response"]
    assert response["etag"] == 'W/"1"' and response["lastModified"] and response["location"].startswith(BASE)
    assert len(ehr.recorder.events) == 3


def test_every_kind_of_link_is_rewritten(ehr, patient):
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><a href="{0}">x</a><a href=\'#top\'>y</a></div>'
    resource = {
        **observation(URN.format(1)),
        "text": {"status": "generated", "div": div.format(URN.format(1))},
        "extension": [{"url": "urn:x", "valueUri": URN.format(1)}, {"url": "urn:y", "valueString": URN.format(1)}],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": URN.format(1)}],
        "performer": [{"reference": "#org"}],
        "contained": [{"resourceType": "Organization", "id": "org", "name": "X"}],
        "focus": [{"reference": "http://other.test/fhir/Patient/temp"}, {"reference": "Patient/temp"}],
    }
    reply = ehr.transaction(
        entry("POST", "Patient", patient, URN.format(1)),
        entry("POST", "Patient", patient, "http://other.test/fhir/Patient/temp"),
        entry("POST", "Observation", resource, "http://other.test/fhir/Observation/o"),
    )
    first, second = (f"Patient/{written(ehr, reply, n)['id']}" for n in (0, 1))
    value = written(ehr, reply, 2)
    assert value["subject"]["reference"] == first
    assert f'href="{first}"' in value["text"]["div"] and "'#top'" in value["text"]["div"]
    assert value["extension"][0]["valueUri"] == first
    assert value["extension"][1]["valueString"] == URN.format(1)
    assert value["identifier"][0]["value"] == URN.format(1)
    assert value["performer"] == [{"reference": "#org"}]
    assert [f["reference"] for f in value["focus"]] == [second, second]


def test_relative_references_of_another_server_are_not_ours(ehr, patient):
    reply = ehr.transaction(
        entry("POST", "Patient", patient, "http://other.test/fhir/Patient/temp"),
        entry("POST", "Observation", observation("Patient/temp"), URN.format(2)),
    )
    assert written(ehr, reply, 1)["subject"]["reference"] == "Patient/temp"


def test_versions_stay_where_the_identity_stays(ehr, patient):
    reply = ehr.transaction(
        entry("PUT", "Patient/a", {**patient, "id": "a"}, f"{BASE}/Patient/a"),
        entry("POST", "Observation", observation("Patient/a/_history/1"), URN.format(2)),
    )
    assert written(ehr, reply, 1)["subject"]["reference"] == "Patient/a/_history/1"


def test_processing_order(ehr, patient):
    """DELETE, POST, PUT, GET, whatever the order in the Bundle; answers stand in the Bundle's order."""
    ehr.put("Patient/a", {**patient, "id": "a"})
    mrn = [{"system": "urn:mrn", "value": "BCB1"}]
    reply = ehr.transaction(
        entry("GET", "Patient?identifier=urn:mrn|BCB1"),
        entry("PUT", "Patient/c", {**patient, "id": "c", "identifier": mrn}),
        entry("POST", "Patient", patient, ifNoneExist="identifier=urn:mrn|BCB1"),
        entry("DELETE", "Patient/a"),
    )
    assert statuses(reply) == ["200", "201", "201", "204"]
    assert reply.entries[0]["resource"]["total"] == 2
    assert ehr.get("Patient/a").status == 410


def test_conditional_create_and_references_to_it(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    reply = ehr.transaction(
        entry("POST", "Patient", patient, URN.format(1), ifNoneExist="identifier=urn:mrn|BCB1"),
        entry("POST", "Observation", observation(URN.format(1))),
    )
    assert statuses(reply) == ["200", "201"]
    assert written(ehr, reply, 1)["subject"]["reference"] == "Patient/a"
    assert ehr.branch.count("fhir/Patient") == 1


def test_conditional_update_and_references_to_it(ehr, patient):
    reply = ehr.transaction(
        entry("PUT", "Patient?identifier=urn:mrn|BCB1", patient, URN.format(1)),
        entry("POST", "Observation", observation(URN.format(1))),
    )
    assert statuses(reply) == ["201", "201"]
    assert written(ehr, reply, 1)["subject"]["reference"] == f"Patient/{written(ehr, reply, 0)['id']}"


def test_conditional_references(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    reply = ehr.transaction(
        entry("POST", "Observation", observation("Patient?identifier=urn:mrn|BCB1")),
        entry("POST", "Observation", observation("Patient?identifier=urn:mrn|NEW")),
        entry("POST", "Patient", {**patient, "identifier": [{"system": "urn:mrn", "value": "NEW"}]}),
    )
    assert statuses(reply) == ["201", "201", "201"]
    assert written(ehr, reply, 0)["subject"]["reference"] == "Patient/a"
    assert written(ehr, reply, 1)["subject"]["reference"] == f"Patient/{written(ehr, reply, 2)['id']}"
    assert written(ehr, reply, 0)["meta"]["versionId"] == "1"


@pytest.mark.parametrize(
    "reference", ["Patient?identifier=none", "Patient?family=Chen", "Patient?nonsense=1", "Patient?x"]
)
def test_conditional_references_must_match_one(ehr, patient, reference):
    for name in ("a", "b"):
        ehr.put(f"Patient/{name}", {**patient, "id": name})
    before = ehr.state_hash()
    reply = ehr.transaction(
        entry("POST", "Patient", patient), entry("POST", "Observation", observation(reference), URN.format(2))
    )
    assert reply.status in (400, 412)
    assert f"entry 1 ({URN.format(2)})" in reply.text
    assert ehr.state_hash() == before


FAILING = [
    (entry("GET", "Patient/none"), 404),
    (entry("PUT", "Patient/a", {"resourceType": "Patient", "id": "a"}, ifMatch='W/"9"'), 412),
    (entry("PUT", "Patient/a", {"resourceType": "Patient", "id": "b"}), 400),
    (entry("PUT", "Patient/a", {"resourceType": "Patient"}), 400),
    (entry("POST", "Patient", {"resourceType": "Patient", "gender": "x"}), 400),
    (entry("POST", "Patient", {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}), 400),
    (entry("POST", "Patient", {"resourceType": "Patient", "active": True}, ifNoneExist="family=Chen"), 412),
    (entry("POST", "Patient", {"resourceType": "Patient", "active": True}, ifNoneExist="foo=1"), 400),
    (entry("PUT", "Patient?family=Chen", {"resourceType": "Patient", "active": True}), 412),
    (entry("DELETE", "Patient/a", ifMatch='W/"7"'), 412),
    (entry("DELETE", "Patient"), 412),
    (entry("POST", "Patient"), 400),
    (entry("PUT", "Patient/a"), 400),
    (entry("POST", "Foo", {"resourceType": "Patient", "active": True}), 404),
    (entry("GET", "Foo"), 404),
    (entry("GET", "Patient?nonsense=1"), 400),
    (entry("GET", "Patient/1/2/3/4/5"), 404),
    (entry("POST", "/", {"resourceType": "Bundle", "type": "batch"}), 400),
    (entry("PUT", "metadata", {"resourceType": "Patient", "active": True}), 405),
    (entry("PATCH", "Patient/a", {"resourceType": "Patient", "id": "a"}), 400),
    (entry("GET", "http://other.test/fhir/Patient/1"), 400),
    (entry("GET", "Patient/$nope"), 400),
    (entry("PATCH", "Patient/none", {"resourceType": "Parameters"}), 404),
    (entry("DELETE", "Patient?_include=Patient:link"), 400),
    (entry("GET", ".well-known/smart-configuration"), 400),
    (entry("DELETE", "http://other.test/fhir/Patient/a"), 400),
    (entry("GET", BASE + "Patient/a"), 400),
]


@pytest.fixture
def chens(ehr, patient):
    for name in ("a", "b", "c"):
        ehr.put(f"Patient/{name}", {**patient, "id": name})
    return ehr


@pytest.mark.parametrize(("bad", "status"), FAILING, ids=range(len(FAILING)))
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_failing_transaction_changes_nothing_and_names_the_entry(chens, patient, bad, status, place):
    good = [entry("POST", "Patient", patient), entry("DELETE", "Patient/b")]
    good.insert(place, {**bad, "fullUrl": URN.format(7)} if "resource" in bad else bad)
    before = chens.state_hash()
    reply = chens.transaction(*good)
    assert reply.status == status, reply.body
    assert any((e or "").startswith(f"Bundle.entry[{place}]") or f"entry {place}" in d for _, _, e, d in reply.issues)
    assert chens.state_hash() == before
    assert chens.recorder.events[-1].changes == ()


@pytest.mark.parametrize(("bad", "status"), FAILING, ids=range(len(FAILING)))
def test_a_batch_undoes_only_what_failed(chens, patient, bad, status):
    reply = chens.transaction(entry("POST", "Patient", patient), bad, entry("DELETE", "Patient/b"), kind="batch")
    assert reply.status == 200 and reply.json["type"] == "batch-response"
    assert statuses(reply) == ["201", str(status), "204"]
    outcome = reply.entries[1]["response"]["outcome"]
    assert outcome["resourceType"] == "OperationOutcome" and outcome["issue"][0]["diagnostics"]
    assert chens.get("Patient/b").status == 410
    assert chens.branch.count("fhir/Patient") == 3


def test_a_batch_entry_that_fails_late_is_undone(chens, patient, monkeypatch):
    store = state.store

    def late(*args):
        store(*args)
        raise Invalid("Too late.")

    monkeypatch.setattr(state, "store", late)
    reply = chens.transaction(entry("POST", "Patient", patient), entry("DELETE", "Patient/b"), kind="batch")
    assert statuses(reply) == ["400", "204"]
    assert chens.branch.count("fhir/Patient") == 2


def test_all_problems_of_a_transaction_at_once(ehr):
    bad = {"resourceType": "Patient", "gender": "x"}
    reply = ehr.transaction(entry("POST", "Patient", bad), entry("POST", "Patient", {**bad, "nick": 1}))
    assert [e for _, _, e, _ in reply.issues] == [
        "Bundle.entry[0].resource.gender",
        "Bundle.entry[1].resource.gender",
        "Bundle.entry[1].resource.nick",
    ]


@pytest.mark.parametrize(
    "entries",
    [
        lambda p: [entry("PUT", "Patient/a", p), entry("PUT", "Patient/a", p, URN.format(3))],
        lambda p: [entry("PUT", "Patient/a", p), entry("DELETE", "Patient/a")],
        lambda p: [entry("DELETE", "Patient/a"), entry("DELETE", "Patient?_id=a")],
        lambda p: [entry("PUT", "Patient/a", p), entry("PUT", "Patient?_id=a", p)],
        lambda p: [
            entry("PUT", "Patient/a", p),
            entry("PATCH", "Patient/a", {"resourceType": "Parameters"}),
        ],
    ],
    ids=range(5),
)
def test_no_resource_is_written_twice(ehr, patient, entries):
    mine = {**patient, "id": "a"}
    ehr.put("Patient/a", mine)
    before = ehr.state_hash()
    reply = ehr.transaction(*entries(mine))
    assert (reply.status, reply.codes) == (400, ["duplicate"])
    assert ehr.state_hash() == before


@pytest.mark.parametrize(
    "entries",
    [
        lambda p: [entry("POST", "Patient", p, URN.format(i), ifNoneExist="identifier=d") for i in (1, 2)],
        lambda p: [entry("PUT", "Patient?identifier=d", p, URN.format(i)) for i in (1, 2)],
        lambda p: [
            entry("POST", "Patient", p, URN.format(1), ifNoneExist="identifier=d&family=Chen"),
            entry("POST", "Patient", p, URN.format(2), ifNoneExist="family=Chen&identifier=d"),
        ],
        lambda p: [
            entry("POST", "Patient", p, URN.format(1)),
            entry("POST", "Patient", p, URN.format(2), ifNoneExist="identifier=d"),
        ],
    ],
    ids=range(4),
)
def test_a_condition_that_another_entry_comes_to_meet(ehr, patient, entries):
    rows = entries({**patient, "identifier": [{"value": "d"}]})
    before = ehr.state_hash()
    reply = ehr.transaction(*rows, entry("POST", "Observation", observation(URN.format(2))))
    assert reply.status in (400, 412) and reply.codes == ["duplicate"]
    assert "entry 1" in reply.text
    assert ehr.state_hash() == before


def test_a_condition_that_is_met_may_come_twice(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    rows = [entry("POST", "Patient", patient, URN.format(i), ifNoneExist="family=Chen") for i in (1, 2)]
    reply = ehr.transaction(*rows, entry("POST", "Observation", observation(URN.format(2))))
    assert statuses(reply) == ["200", "200", "201"]
    assert written(ehr, reply, 2)["subject"] == {"reference": "Patient/a"}


@pytest.mark.parametrize(
    "full_url", ["Patient/a", "a", "Patient/a?x=urn:a:b", f"{BASE}/Patient/b", "http://x.test/fhir/Person/a"]
)
def test_full_urls_are_absolute_and_agree_with_the_id(ehr, patient, full_url):
    before = ehr.state_hash()
    reply = ehr.transaction(entry("PUT", "Patient/a", {**patient, "id": "a"}, full_url))
    assert (reply.status, [e for _, _, e, _ in reply.issues]) == (400, ["Bundle.entry[0].fullUrl"])
    assert ehr.state_hash() == before


@pytest.mark.parametrize(
    "full_url", [URN.format(1), f"{BASE}/Patient/a", "http://x.test/Patient/a", "urn:oid:1.2.3", "urn:uuid:patient"]
)
def test_full_urls_that_may_be(ehr, patient, full_url):
    assert ehr.transaction(entry("PUT", "Patient/a", {**patient, "id": "a"}, full_url)).status == 200


def test_the_url_of_another_server_is_named(ehr, patient):
    reply = ehr.transaction(entry("POST", "http://other.test/fhir/Patient", patient))
    assert (reply.status, [e for _, _, e, _ in reply.issues]) == (400, ["Bundle.entry[0].request.url"])
    assert "not below" in reply.text


def test_the_same_full_url_twice(ehr, patient):
    reply = ehr.transaction(
        entry("POST", "Patient", patient, URN.format(1)), entry("POST", "Patient", patient, URN.format(1))
    )
    assert reply.status == 422 and "bdl-7" in reply.text


def test_batch_entries_must_not_refer_to_each_other(ehr, patient):
    reply = ehr.transaction(
        entry("POST", "Patient", patient, URN.format(1)),
        entry("POST", "Observation", observation(URN.format(1))),
        kind="batch",
    )
    assert statuses(reply) == ["201", "400"]


def test_reads_searches_and_operations_in_a_batch(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    reply = ehr.transaction(
        entry("GET", "Patient/a"),
        entry("GET", f"{BASE}/Patient/a"),
        entry("GET", "/Patient/a"),
        entry("GET", "Patient/a", ifNoneMatch='W/"1"'),
        entry("GET", "Patient?identifier=urn:mrn%7CBCB1"),
        entry("GET", "Patient/a/_history"),
        entry("GET", "Patient/a/_history/1"),
        entry("GET", "Patient/a/$everything"),
        entry("GET", "metadata"),
        entry("HEAD", "Patient/a"),
        entry("GET", "Patient/a?_elements=gender"),
        entry("POST", "Patient/_search?family=chen"),
        entry("POST", "Patient/$validate", {"resourceType": "Patient", "active": True}),
        kind="batch",
    )
    assert statuses(reply) == ["200", "200", "200", "304"] + ["200"] * 9
    kinds = [e.get("resource", {}).get("resourceType") for e in reply.entries]
    assert kinds == ["Patient"] * 3 + [None, "Bundle", "Bundle", "Patient", "Bundle", "CapabilityStatement", None] + [
        "Patient",
        "Bundle",
        "OperationOutcome",
    ]
    assert reply.entries[0]["fullUrl"] == f"{BASE}/Patient/a"
    assert "name" not in reply.entries[10]["resource"]


@pytest.mark.parametrize(
    ("prefer", "has_resource"), [("return=representation", True), ("return=minimal", False), (None, False)]
)
def test_prefer(ehr, patient, prefer, has_resource):
    headers = {"Prefer": prefer} if prefer else {}
    reply = ehr.transaction(entry("POST", "Patient", patient), **headers)
    assert ("resource" in reply.entries[0]) == has_resource


def test_responses_are_valid_fhir(chens, patient):
    from sandbox.r4.validation import validate

    reply = chens.transaction(
        entry("POST", "Patient", patient), entry("GET", "Patient/a"), entry("GET", "Patient/none"), kind="batch",
        Prefer="return=representation",
    )  # fmt: skip
    assert validate(reply.json) == []


def test_empty_bundles(ehr):
    for kind in ("batch", "transaction"):
        reply = ehr.post("", {"resourceType": "Bundle", "type": kind})
        assert (reply.status, reply.json) == (200, {"resourceType": "Bundle", "type": kind + "-response"})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"resourceType": "Bundle", "type": "collection"}, 400),
        ({"resourceType": "Bundle"}, 400),
        ({"resourceType": "Patient"}, 400),
        ([], 400),
        ("x", 400),
        (None, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": {}}, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": [None]}, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": ["x"]}, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": []}, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": [{}]}, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "FLY", "url": "x"}}]}, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET"}}]}, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": [{"resource": {"resourceType": "Patient"}}]}, 422),
        ({"resourceType": "Bundle", "type": "batch", "total": 1}, 422),
    ],
    ids=range(15),
)
def test_what_is_no_bundle_to_process(ehr, body, status):
    import json

    before = ehr.state_hash()
    reply = ehr.post("", json.dumps(body))
    assert reply.status == status
    assert ehr.state_hash() == before


@pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413)])
def test_the_number_of_entries(ehr, extra, status):
    rows = [entry("GET", "Patient/none")] * (limits.BUNDLE_ENTRIES + extra)
    reply = ehr.transaction(*rows, kind="batch")
    assert reply.status == status
    if status == 413:
        assert str(limits.BUNDLE_ENTRIES) in reply.text


def test_a_stored_bundle_is_not_processed(ehr, patient):
    body = {"resourceType": "Bundle", "type": "transaction", "entry": [entry("POST", "Patient", patient)]}
    assert ehr.post("Bundle", body).status == 201
    assert ehr.branch.count("fhir/Patient") == 0
