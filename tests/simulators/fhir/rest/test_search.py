"""The wire of a search: by GET, by POST, in a compartment, at the system. What it finds is tested in `search/`."""

import pytest

from sandbox.simulators.fhir import routes

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def chart(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    ehr.put("Patient/b", {**patient, "id": "b", "gender": "male"})
    for name, subject in (("o", "a"), ("p", "b")):
        body = {"resourceType": "Observation", "id": name, "status": "final", "code": {"text": "w"}}
        ehr.put(f"Observation/{name}", {**body, "subject": {"reference": f"Patient/{subject}"}})
    return ehr


def names(reply):
    assert reply.status == 200, reply.body
    return [e["fullUrl"].rpartition("/fhir/")[2] for e in reply.entries]


def test_by_get_and_by_post(chart):
    found = ["Patient/b"]
    assert names(chart.get("Patient?gender=male")) == found
    assert names(chart.post("Patient/_search", b"gender=male", Content_Type=FORM)) == found
    assert names(chart.post("Patient/_search?gender=male", b"", Content_Type=FORM)) == found
    assert names(chart.post("Patient/_search?gender=male", b"family=chen", Content_Type=FORM)) == found
    assert names(chart.post("Patient/_search?gender=male")) == found
    assert names(chart.get("Patient/_search?gender=male")) == found
    assert names(chart.get("Patient?gender=male&_format=json&_pretty=true")) == found


def test_in_a_compartment(chart):
    assert names(chart.get("Patient/a/Observation")) == ["Observation/o"]
    assert names(chart.get("Patient/a/Observation?status=amended")) == []
    assert names(chart.post("Patient/a/Observation/_search", b"status=final", Content_Type=FORM)) == ["Observation/o"]
    assert "Observation/o" in names(chart.get("Patient/a/*"))
    assert "Observation/p" not in names(chart.get("Patient/a/*"))


def test_at_the_system(chart):
    assert set(names(chart.get("?_type=Patient,Observation"))) == {
        "Patient/a",
        "Patient/b",
        "Observation/o",
        "Observation/p",
    }
    assert names(chart.post("_search", b"_type=Observation&_id=o", Content_Type=FORM)) == ["Observation/o"]
    assert names(chart.get("?_id=o,b")) == ["Observation/o", "Patient/b"]
    assert names(chart.post("_search", b"_id=b", Content_Type=FORM)) == ["Patient/b"]


@pytest.mark.parametrize(
    ("method", "url", "body", "kind", "status"),
    [
        ("GET", "Patient?gendr=male", None, None, 400),
        ("GET", "Patient/a/Foo", None, None, 404),
        ("GET", "Organization/a/Patient", None, None, 400),
        ("POST", "Patient/_search", b"\xff=1", FORM, 400),
        ("GET", "Patient?family=%FF", None, None, 400),
        ("GET", "Patient?%ED%A0%80=x", None, None, 400),
        ("POST", "Patient/_search", b'{"gender":"male"}', "application/json", 415),
        ("POST", "Patient/_search", b"gender=male", "text/plain", 415),
        ("POST", "Patient/_search", b"&".join([b"_id=a"] * 1001), FORM, 400),
        ("PUT", "Patient/_search", None, None, 405),
        ("GET", "Foo?name=x", None, None, 404),
        ("GET", "Patient?_format=xml", None, None, 406),
    ],
)
def test_what_is_refused(chart, method, url, body, kind, status):
    headers = {"content-type": kind} if kind else {}
    reply = chart.call(method, url, body, headers)
    assert reply.status == status
    assert reply.text


def test_lenient_handling(chart):
    reply = chart.get("Patient?gendr=male", Prefer="handling=lenient")
    assert reply.status == 200
    assert reply.entries[0]["search"]["mode"] == "outcome"


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("Patient?gender=male", {}),
        ("Patient?gender=male&_sort=birthdate&_count=1&_summary=true", {"Accept": "application/json"}),
        ("Patient?_revinclude=Observation:subject", {"Accept": "application/fhir+json; fhirVersion=4.0"}),
        ("Patient?favourite-colour=red", {}),
        ("Patient?favourite-colour=red&gender=male", {"Prefer": "handling=lenient"}),
        ("Patient?gender=male", {"Accept": "text/html"}),
        ("Patient?gender=male&_format=xml", {}),
        ("Patient?gender=male&_pretty=maybe", {}),
        ("Patient?gender=male&_count=0&_totalMethod=count", {}),
        ("Pacient?gender=male", {}),
        ("Patient?", {}),
    ],
    ids=range(11),
)
def test_the_short_way_answers_as_the_long_one_does(chart, monkeypatch, query, headers):
    short = chart.get(query, **headers)
    monkeypatch.setattr(routes, "plain_search", lambda tx, request: None)
    long = chart.get(query, **headers)
    assert (short.status, short.body, short.headers) == (long.status, long.body, long.headers)
