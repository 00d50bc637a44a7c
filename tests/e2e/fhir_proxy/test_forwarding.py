"""A proxy before a second sandbox server: same paths, same answers, other base."""

import pytest

PATIENT = {"resourceType": "Patient", "identifier": [{"system": "urn:p", "value": "1"}], "name": [{"family": "Ng"}]}


@pytest.fixture
def proxy(proxies, clinic, upstream_of):
    return proxies.start(**upstream_of(clinic))


def test_create_read_update_delete(proxy, clinic):
    created = proxy.call("POST", "Patient", PATIENT)
    assert created.status == 201
    location = created.headers["Location"]
    assert location.startswith(proxy.base + "/Patient/")
    assert created.headers["ETag"] == 'W/"1"'
    reference = "/".join(location.removeprefix(proxy.base + "/").split("/")[:2])
    assert clinic.get(reference) == proxy.get(reference) == created.json
    changed = {**created.json, "active": True}
    assert proxy.call("PUT", reference, changed, If_Match='W/"1"').status == 200
    assert proxy.call("PUT", reference, changed, If_Match='W/"1"').status == 412
    not_modified = proxy.call("GET", reference, If_None_Match='W/"2"')
    assert (not_modified.status, not_modified.body) == (304, b"")
    patch = b'[{"op": "remove", "path": "/active"}]'
    assert "active" not in proxy.call("PATCH", reference, patch, Content_Type="application/json-patch+json").json
    versions = proxy.get(f"{reference}/_history")
    assert [e["resource"]["meta"]["versionId"] for e in versions["entry"]] == ["3", "2", "1"]
    assert all(e["fullUrl"].startswith(proxy.base) for e in versions["entry"])
    assert proxy.call("HEAD", reference).status == 200
    assert proxy.call("DELETE", reference).status == 204
    assert proxy.call("GET", reference).status == clinic.call("GET", reference).status == 410


def test_paging_stays_on_the_proxy(proxy, clinic):
    page, seen = proxy.get("Observation?_count=100&_sort=-date"), []
    while True:
        assert {link["url"].startswith(proxy.base) for link in page["link"]} == {True}
        assert all(entry["fullUrl"].startswith(proxy.base) for entry in page["entry"])
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        if not following:
            break
        page = proxy.get(following[0])
    assert seen == clinic.ids("Observation?_count=1000&_sort=-date")


def test_references_move_both_ways(proxy, clinic):
    patient = clinic.ids("Patient?_count=1")[0]
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": f"{proxy.base}/Patient/{patient}"},
    }
    made = proxy.call("POST", "Observation", observation).json
    assert made["subject"]["reference"] == f"{proxy.base}/Patient/{patient}"
    assert clinic.get(f"Observation/{made['id']}")["subject"]["reference"] == f"{clinic.base}/Patient/{patient}"
    assert made["id"] in proxy.ids(f"Observation?subject={proxy.base}/Patient/{patient}&_count=1000")


def test_everything_else_goes_through(proxy, clinic):
    statement = proxy.get("metadata")
    assert statement["implementation"]["url"] == proxy.base
    form = proxy.call(
        "POST", "Patient/_search", b"family=chen&gender=female", Content_Type="application/x-www-form-urlencoded"
    )
    assert form.status == 200
    assert [e["resource"]["id"] for e in form.json["entry"]] == clinic.ids("Patient?family=chen&gender=female")
    patient = clinic.ids("Patient?_count=1")[0]
    assert len(proxy.ids(f"Patient/{patient}/$everything")) == len(clinic.ids(f"Patient/{patient}/$everything"))
    entry = {"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}
    done = proxy.call("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry, entry]})
    assert done.status == 200
    assert all(e["response"]["location"].startswith((proxy.base, "Patient/")) for e in done.json["entry"])
    once = [proxy.call("POST", "Patient", PATIENT, If_None_Exist="identifier=urn:p|9").status for _ in range(2)]
    assert once == [201, 201]  # nothing has that identifier
    several = proxy.call("POST", "Patient", PATIENT, If_None_Exist="identifier=urn:p|1")
    assert several.status == 412
    assert several.json["issue"][0]["code"] == "multiple-matches"


def test_decimals_are_kept_to_the_digit(proxy):
    body = b'{"resourceType":"Basic","code":{"text":"x"},"extension":[{"url":"urn:x","valueDecimal":4.100}]}'
    made = proxy.call("POST", "Basic", body)
    assert b"4.100" in proxy.call("GET", f"Basic/{made.json['id']}").body


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/pdf", b"\x00\x01%PDF"),
        ("application/xml", b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>"),
        ("application/fhir+json", b'{"resourceType": "Patient",  "active": true}'),
        ("application/json", b"{"),
    ],
)
def test_binary_content(proxy, media, body):
    made = proxy.call("POST", "Binary", body, Content_Type=media)
    assert made.status == 201
    content = proxy.call("GET", f"Binary/{made.json['id']}", Accept="*/*")
    assert (content.headers["Content-Type"], content.body) == (media, body)
    assert proxy.get(f"Binary/{made.json['id']}")["contentType"] == media


def test_every_call_is_recorded_once(proxy):
    made = proxy.call("POST", "Patient", PATIENT).json
    proxy.get(f"Patient/{made['id']}")
    assert proxy.call("GET", "Patient?nmae=x").status == 400
    events = [e for e in proxy.events() if e.type == "fhir_request"]
    assert [(e.request["method"], e.response["status"]) for e in events] == [("POST", 201), ("GET", 200), ("GET", 400)]
    assert not any(e.changes for e in events)


def test_the_caller_is_not_the_upstreams_business(proxies, fake):
    fake.says(200, {"resourceType": "Patient", "id": "1"}, **{"Set-Cookie": "a=b", "Server": "x"})
    proxy = proxies.start(upstream=fake.url + "/", headers={"X-Api-Key": "secret"})
    answer = proxy.call("GET", "Patient/1?_format=json&_elements=name%20x", X_Other="1", Prefer="handling=lenient")
    assert answer.status == 200
    [(method, path, headers, _)] = fake.seen
    assert (method, path) == ("GET", "/base/Patient/1?_elements=name+x")
    assert headers["x-api-key"] == "secret"
    assert headers["prefer"] == "handling=lenient"
    assert "authorization" not in headers
    assert "x-other" not in headers
    assert "Set-Cookie" not in answer.headers


def test_xml_is_refused_here(proxies, fake):
    proxy = proxies.start(upstream=fake.url)
    assert proxy.call("GET", "Patient/1", Accept="application/fhir+xml").status == 406
    assert proxy.call("POST", "Patient", b"<Patient/>", Content_Type="application/fhir+xml").status == 415
    assert proxy.call("POST", "Patient", b"{").status == 400
    assert fake.seen == []
