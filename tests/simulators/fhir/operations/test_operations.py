"""$everything, $validate, $lastn, $document, $meta, $meta-add, $meta-delete."""

import json

import pytest

from sandbox import limits
from sandbox.r4.validation import validate
from sandbox.simulators.fhir.operations import OPERATIONS

CORE = "http://hl7.org/fhir/StructureDefinition"
LONG = [{"request": {"method": "GET", "url": "Patient"}}] * (limits.BUNDLE_ENTRIES + 1)


def names(reply, mode=None):
    rows = [e for e in reply.entries if mode is None or e["search"]["mode"] == mode]
    return [e["fullUrl"].rpartition("/fhir/")[2] for e in rows]


def observation(name, subject="Patient/a", code="8302-2", **more):
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": subject},
        **more,
    }


@pytest.fixture
def chart(make_ehr, seeded, patient):
    """Two patients, an encounter, and what hangs on them; a part of it seeded, a part written later."""
    seed = seeded(
        {**patient, "id": "a"},
        {**patient, "id": "b"},
        {"resourceType": "Practitioner", "id": "doc"},
        {"resourceType": "Organization", "id": "org", "name": "Clinic"},
        {"resourceType": "Organization", "id": "other", "name": "Elsewhere"},
        {
            "resourceType": "PractitionerRole",
            "id": "role",
            "practitioner": {"reference": "Practitioner/doc"},
            "organization": {"reference": "Organization/org"},
        },
        {
            "resourceType": "Encounter",
            "id": "e",
            "status": "finished",
            "class": {"code": "AMB"},
            "subject": {"reference": "Patient/a"},
            "period": {"start": "2026-02-01", "end": "2026-02-03"},
            "participant": [{"individual": {"reference": "PractitionerRole/role"}}],
        },
        observation("h1", effectiveDateTime="2026-01-01", encounter={"reference": "Encounter/e"}),
        observation("h2", effectiveDateTime="2026-03-01"),
        observation("hb", "Patient/b", effectiveDateTime="2026-03-01"),
    )
    ehr = make_ehr(seed)
    ehr.put("Observation/w1", observation("w1", code="29463-7", effectiveDateTime="2026-02-01T10:00:00Z"))
    ehr.put("Observation/w2", observation("w2", code="29463-7", effectivePeriod={"start": "2026-02-02"}))
    return ehr


def test_everything_of_a_patient(chart):
    reply = chart.get("Patient/a/$everything")
    assert reply.json["type"] == "searchset" and reply.json["total"] == 6
    assert set(names(reply, "match")) == {
        "Patient/a", "Encounter/e", "Observation/h1", "Observation/h2", "Observation/w1", "Observation/w2",
    }  # fmt: skip
    assert set(names(reply, "include")) == {"PractitionerRole/role", "Practitioner/doc", "Organization/org"}
    assert names(reply)[0] == "Patient/a"
    assert validate(reply.json) == []


def test_everything_of_all_patients(chart):
    found = names(chart.get("Patient/$everything"), "match")
    assert {"Patient/a", "Patient/b", "Observation/hb"} <= set(found)
    assert len(found) == len(set(found))


def test_everything_of_an_encounter(chart):
    found = chart.get("Encounter/e/$everything")
    assert set(names(found, "match")) == {"Encounter/e", "Observation/h1"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("_type=Observation", {"Observation/h1", "Observation/h2", "Observation/w1", "Observation/w2"}),
        ("_type=Encounter,Practitioner", {"Encounter/e", "Practitioner/doc"}),
        ("_type=Patient&_type=Encounter", {"Patient/a", "Encounter/e"}),
        ("start=2026-02-03&_type=Observation", {"Observation/h2", "Observation/w2"}),
        ("end=2026-01-31&_type=Observation,Encounter", {"Observation/h1"}),
        ("start=2026-02-01&end=2026-02-01&_type=Observation,Encounter", {"Observation/w1", "Encounter/e"}),
        ("_since=2026-04-01T00:00:00Z", {"Observation/w1", "Observation/w2"}),
    ],
)
def test_everything_narrowed(chart, query, expected):
    assert set(names(chart.get(f"Patient/a/$everything?{query}"))) == expected


def test_everything_at_the_edge_of_the_time_asked_for(chart):
    chart.put("Observation/day", observation("day", effectiveDateTime="2030-03-01"))
    chart.put("Observation/moment", observation("moment", effectiveInstant="2030-03-02T00:00:00Z"))
    found = names(chart.get("Patient/a/$everything?_type=Observation&start=2030-03-02"))
    assert "Observation/moment" in found and "Observation/day" not in found
    assert "Observation/day" in names(chart.get("Patient/a/$everything?_type=Observation&start=2030-03-01"))


def test_everything_by_post(chart):
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "_type", "valueCode": "Encounter"}, {"name": "_count", "valueInteger": 5}],
    }
    assert names(chart.post("Patient/a/$everything", body)) == ["Encounter/e"]


def test_everything_in_pages_stable_under_writes(chart):
    whole = names(chart.get("Patient/a/$everything"))
    found, url = [], "Patient/a/$everything?_count=2"
    while url:
        reply = chart.get(url)
        assert len(reply.entries) <= 2
        found += names(reply)
        chart.post("Observation", observation("x"))
        links = {link["relation"]: link["url"] for link in reply.json["link"]}
        url = links.get("next", "").partition("/fhir/")[2]
    assert found == whole


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("Patient/none/$everything", 404),
        ("Encounter/$everything", 400),
        ("Observation/h1/$everything", 400),
        ("$everything", 400),
        ("Patient/a/$everything?foo=1", 400),
        ("Patient/a/$everything?_type=Foo", 400),
        ("Patient/a/$everything?start=x", 400),
        ("Patient/a/$everything?_count=1&_count=2", 400),
        ("Patient/a/$everything?start=2020&start=2021", 400),
        ("Patient/a/$everything?_count=x", 400),
        ("Patient/none/$everything?_count=1", 404),
        ("Patient/a/$everything?_since=2026-13", 400),
        ("Patient/a/$everything?_getpages=x", 400),
        ("Patient/a/$everything?_getpages=_live", 400),
        ("Patient/a/$nope", 400),
        ("Foo/a/$everything", 404),
        ("Patient/$lastn", 400),
        ("Observation/h1/$lastn", 400),
        ("Patient/a/$document", 400),
    ],
)
def test_bad_calls(chart, url, status):
    reply = chart.get(url)
    assert reply.status == status
    assert reply.text


def test_a_page_belongs_to_its_result(chart):
    reply = chart.get("Patient/a/$everything?_count=2")
    link = next(x["url"] for x in reply.json["link"] if x["relation"] == "next").partition("$everything")[2]
    assert chart.get(f"Patient/b/$everything{link}").status == 400
    assert chart.get(f"Patient{link}").status == 400


def test_everything_of_a_deleted_patient(chart):
    chart.delete("Patient/b")
    assert chart.get("Patient/b/$everything").status == 410


def test_lastn(chart):
    reply = chart.get("Observation/$lastn?patient=Patient/a&category=vital-signs")
    assert reply.json["total"] == 0
    by_code = chart.get("Observation/$lastn?patient=a&code=http://loinc.org|8302-2,http://loinc.org|29463-7")
    assert set(names(by_code)) == {"Observation/h2", "Observation/w2"}
    two = chart.get("Observation/$lastn?subject=Patient/a&code=8302-2,29463-7&max=2")
    assert names(two)[:2] == ["Observation/h2", "Observation/h1"] and len(names(two)) == 4
    assert names(chart.get(f"Observation/$lastn?patient=a&category:missing=true&max={'9' * 5000}")) == names(two)
    older = chart.get("Observation/$lastn?patient=a&code=8302-2&date=lt2026-02-01")
    assert names(older) == ["Observation/h1"]
    assert validate(two.json) == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "patient=a",
        "code=x",
        "patient=a&code=x&max=0",
        "patient=a&code=x&max=x",
        "patient=a&code=x&max=1.5",
        "patient=a&code=x&max=1&max=2",
        "patient=a&code=x&foo=1",
        "patient=a&code=x&_count=1",
        "patient=a&code=x&_include=Observation:subject",
        "patient=a&code=x&_sort=date",
    ],
)
def test_bad_lastn(chart, query):
    assert chart.get(f"Observation/$lastn?{query}").status == 400


def test_observations_of_the_same_time_come_together(chart):
    for name, moment in (("h5", "2026-05-05"), ("h6", "2026-05-05"), ("h7", "2026-05-04")):
        chart.put(f"Observation/{name}", observation(name, effectiveDateTime=moment))
    for name in ("u1", "u2"):  # without a time, of which it cannot be said that they are the same
        chart.put(f"Observation/{name}", observation(name, code="9-9"))
    found = names(chart.get("Observation/$lastn?patient=a&code=8302-2"))
    assert set(found) == {"Observation/h5", "Observation/h6"}
    assert len(names(chart.get("Observation/$lastn?patient=a&code=8302-2&max=2"))) == 2
    assert len(names(chart.get("Observation/$lastn?patient=a&code=8302-2&max=3"))) == 3
    assert len(names(chart.get("Observation/$lastn?patient=a&code=9-9"))) == 1


def test_the_time_of_an_observation_may_be_a_timing(chart):
    chart.put("Observation/t1", observation("t1", effectiveTiming={"event": ["2026-06-01", "2026-08-01"]}))
    chart.put("Observation/t2", observation("t2", effectiveDateTime="2026-07-01"))
    assert names(chart.get("Observation/$lastn?patient=a&code=8302-2")) == ["Observation/t1"]


def test_observations_that_share_a_code_are_one_group(chart):
    both = [{"system": "http://loinc.org", "code": "8302-2"}, {"system": "local", "code": "height"}]
    chart.put("Observation/h3", {**observation("h3", effectiveDateTime="2026-03-05"), "code": {"coding": both}})
    local = {**observation("h4", effectiveDateTime="2026-03-06"), "code": {"coding": [both[1]]}}
    chart.put("Observation/h4", local)
    assert names(chart.get("Observation/$lastn?patient=a&code=8302-2,height")) == ["Observation/h4"]


def test_validate_what_is_right(chart, patient):
    for body in (patient, {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": patient}]}):
        reply = chart.post("Patient/$validate", body)
        assert (reply.status, reply.issues) == (200, [("information", "informational", None, "All OK")])


def test_validate_what_is_wrong(chart):
    wrong = {"resourceType": "Patient", "gender": "x", "nick": 1}
    for body in (wrong, {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": wrong}]}):
        reply = chart.post("Patient/$validate", body)
        assert reply.status == 200
        assert [e for _, _, e, _ in reply.issues] == ["Patient.gender", "Patient.nick"]


def test_validate_changes_nothing(chart, patient):
    before = chart.state_hash()
    chart.post("Patient/$validate", patient)
    chart.post("Patient/a/$validate?mode=delete")
    assert chart.state_hash() == before


@pytest.mark.parametrize(
    ("url", "body", "codes"),
    [
        ("Patient/a/$validate", None, ["informational"]),
        ("Patient/a/$validate?mode=update", {"resourceType": "Patient", "id": "a"}, ["informational"]),
        ("Patient/a/$validate?mode=update", {"resourceType": "Patient", "id": "b"}, ["invalid"]),
        ("Patient/$validate?mode=create", {"resourceType": "Patient", "active": True}, ["informational"]),
        ("Patient/a/$validate?mode=delete", None, ["informational"]),
        ("Patient/none/$validate?mode=delete", None, ["not-found"]),
        ("Patient/$validate", {"resourceType": "Person", "active": True}, ["invalid"]),
        ("Patient/$validate", {"resourceType": "Pateint"}, ["invalid", "value"]),
        (f"Patient/$validate?profile={CORE}/Patient", {"resourceType": "Patient", "active": True}, ["informational"]),
        ("Patient/$validate?profile=http://x.test/p", {"resourceType": "Patient", "active": True}, ["not-supported"]),
        ("Parameters/$validate", {"resourceType": "Parameters", "parameter": [{"name": "a"}]}, ["invariant"]),
        ("Patient/$validate?mode=update", {"resourceType": "Patient", "active": True}, ["required"]),
        (f"Patient/$validate?mode=profile&profile={CORE}/Patient", {"resourceType": "Patient"}, ["informational"]),
        ("Bundle/$validate", {"resourceType": "Bundle", "type": "batch", "entry": LONG}, ["too-costly"]),
        ("Bundle/$validate", {"resourceType": "Bundle", "type": "batch", "entry": 5}, ["structure"]),
    ],
    ids=range(15),
)  # fmt: skip
def test_modes_of_validate(chart, url, body, codes):
    reply = chart.post(url, body) if body else chart.call("POST", url)
    assert (reply.status, reply.codes) == (200, codes)


@pytest.mark.parametrize(
    ("url", "body", "status"),
    [
        ("Patient/$validate", b"", 400),
        ("Patient/$validate", b"{", 400),
        ("Patient/$validate", b"[]", 400),
        ("Patient/$validate?mode=fly", b'{"resourceType":"Patient"}', 400),
        ("Patient/$validate?foo=1", b'{"resourceType":"Patient"}', 400),
        ("Patient/$validate?mode=delete", b"", 400),
        ("Patient/none/$validate", b"", 404),
        ("Patient/$validate", b'{"resourceType":"Parameters","parameter":5}', 400),
        ("Foo/$validate", b"{}", 404),
        ("Patient/$validate?mode=profile", b'{"resourceType":"Patient"}', 400),
    ],
    ids=range(10),
)
def test_bad_questions_to_validate(chart, url, body, status):
    assert chart.post(url, body).status == status


def meta(**lists):
    return {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": lists}]}


def tags(reply):
    return [t["code"] for t in reply.json["parameter"][0]["valueMeta"].get("tag", [])]


def test_meta_add_and_delete(chart):
    red, blue = {"system": "urn:c", "code": "red"}, {"system": "urn:c", "code": "blue"}
    assert tags(chart.post("Patient/a/$meta-add", meta(tag=[red, blue]))) == ["red", "blue"]
    assert chart.get("Patient/a").headers["ETag"] == 'W/"2"'
    assert tags(chart.post("Patient/a/$meta-add", meta(tag=[red]))) == ["red", "blue"]
    assert chart.get("Patient/a").headers["ETag"] == 'W/"2"'
    assert [e["id"] for e in [r["resource"] for r in chart.get("Patient?_tag=urn:c|red").entries]] == ["a"]
    chart.post("Patient/b/$meta-add", meta(tag=[blue], profile=["urn:p"], security=[{"code": "R"}]))
    assert tags(chart.get("Patient/$meta")) == ["red", "blue"]
    system = chart.get("$meta").json["parameter"][0]["valueMeta"]
    assert system["profile"] == ["urn:p"] and system["security"] == [{"code": "R"}]
    assert tags(chart.post("Patient/a/$meta-delete", meta(tag=[red, blue]))) == []
    assert "tag" not in chart.get("Patient/a").json["meta"]
    assert tags(chart.get("Patient/b/$meta")) == ["blue"]


def test_meta_of_nothing(ehr):
    assert ehr.get("Patient/$meta").json == {"resourceType": "Parameters"}
    assert ehr.get("Patient/x/$meta").status == 404
    assert ehr.post("Patient/x/$meta-add", meta(tag=[{"code": "a"}])).status == 404


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("GET", None, 405),
        ("POST", None, 400),
        ("POST", {"resourceType": "Parameters"}, 400),
        ("POST", {"resourceType": "Patient", "active": True}, 400),
        ("POST", {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueString": "x"}]}, 400),
        ("POST", {"resourceType": "Parameters", "parameter": [{"name": "foo", "valueString": "x"}]}, 400),
        ("POST", {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tagg": []}}]}, 400),
    ],
)
def test_bad_meta_add(chart, method, body, status):
    before = chart.state_hash()
    assert chart.call(method, "Patient/a/$meta-add", json.dumps(body) if body else None).status == status
    assert chart.state_hash() == before


@pytest.fixture
def composition(chart):
    body = {
        "resourceType": "Composition",
        "id": "c",
        "status": "final",
        "type": {"text": "summary"},
        "date": "2026-04-01",
        "title": "Summary",
        "subject": {"reference": "Patient/a"},
        "author": [{"reference": "Practitioner/doc"}],
        "section": [
            {"title": "S", "entry": [{"reference": "Observation/h1"}, {"reference": "http://x.test/Observation/z"}]}
        ],
    }
    assert chart.put("Composition/c", body).status == 201
    return chart


def test_document(composition):
    reply = composition.get("Composition/c/$document")
    assert reply.json["type"] == "document"
    found = [e["fullUrl"].rpartition("/fhir/")[2] for e in reply.entries]
    assert found == ["Composition/c", "Patient/a", "Practitioner/doc", "Observation/h1"]
    assert validate(reply.json) == []
    assert composition.branch.count("fhir/Bundle") == 0
    for name in ("c", "Composition/c", "http://ehr.test/v1/benchmark-runs/br_1/fhir/Composition/c"):
        assert composition.get(f"Composition/$document?id={name}").json["entry"] == reply.json["entry"]


def test_document_kept(composition):
    reply = composition.post(
        "Composition/c/$document",
        {"resourceType": "Parameters", "parameter": [{"name": "persist", "valueBoolean": True}]},
    )
    assert reply.status == 200
    assert composition.get(f"Bundle/{reply.id}").json["type"] == "document"
    assert reply.headers["Location"].endswith(f"Bundle/{reply.id}")


def test_bad_documents(composition):
    assert composition.get("Composition/none/$document").status == 404
    assert composition.get("Composition/$document").status == 400
    assert composition.get("Composition/c/$document?graph=x").status == 400
    assert composition.get("Composition/c/$document?persist=maybe").status == 400
    assert composition.get("Composition/$document?id=http://x.test/Composition/c").codes == ["not-supported"]
    composition.delete("Observation/h1")
    reply = composition.get("Composition/c/$document")
    assert (reply.status, "Observation/h1" in reply.text) == (422, True)


def test_the_table_of_operations():
    assert set(OPERATIONS) == {"everything", "validate", "lastn", "document", "meta", "meta-add", "meta-delete"}


@pytest.mark.parametrize("query", ["Patient/a/$everything?_count=", "Patient/_history?_count=", "_history?_remaining="])
def test_numbers_past_all_reading(chart, query):
    assert chart.get(query + "9" * 5000).status == 200
    reply = chart.get(query + "x" * 5000)
    assert reply.status == 400 and len(reply.text) < 300
