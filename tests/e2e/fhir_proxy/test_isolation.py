"""`isolation: tag`: two task runs on one upstream, each with what is its own."""

import pytest

FORM = "application/x-www-form-urlencoded"


def patient(value="1", **more):
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:p", "value": value}],
        "name": [{"family": "Quillfeather"}],
        **more,
    }


@pytest.fixture
def pair(proxies, clinic, upstream_of, kit):
    server = proxies.server(**upstream_of(clinic), isolation="tag")
    return kit.start(server, "proxy"), kit.start(server, "proxy")


def tags(resource):
    return [tag["code"] for tag in resource["meta"]["tag"]]


def test_what_others_have_is_not_there(pair, clinic):
    ours, theirs = pair
    assert ours.get("Patient")["total"] == 0  # the upstream's own data carries no tag
    made = ours.call("POST", "Patient", patient()).json
    path = f"Patient/{made['id']}"
    assert ours.ids("Patient?family=quillfeather") == [made["id"]] == clinic.ids("Patient?family=quillfeather")
    assert theirs.ids("Patient?family=quillfeather") == []
    assert theirs.get("Patient?family=quillfeather&_summary=count")["total"] == 0
    for url in (path, f"{path}/_history/1", f"{path}/_history", f"{path}/$everything"):
        assert ours.call("GET", url).status == 200
        assert theirs.call("GET", url).status == 404, url
    assert made["id"] not in theirs.ids("Patient/_history?_count=1000")
    assert made["id"] in ours.ids("Patient/_history?_count=1000")
    assert clinic.get(path)["meta"]["tag"] == made["meta"]["tag"]
    assert len(tags(made)) == 1


def test_what_others_have_cannot_be_changed(pair, clinic):
    ours, theirs = pair
    made = ours.call("POST", "Patient", patient()).json
    path = f"Patient/{made['id']}"
    assert theirs.call("DELETE", path).status == 404
    assert theirs.call("PUT", path, patient(id=made["id"], active=False)).status == 409
    patch = b'[{"op": "add", "path": "/active", "value": false}]'
    assert theirs.call("PATCH", path, patch, Content_Type="application/json-patch+json").status == 404
    assert theirs.call("PUT", "Patient/maria-chen", patient(id="maria-chen")).status == 409
    assert theirs.call("DELETE", "Patient?identifier=urn:p|1").status < 300  # nothing of theirs matches
    assert clinic.get(path)["meta"]["versionId"] == "1"
    assert clinic.get("Patient/maria-chen")["meta"]["versionId"] == "1"
    assert ours.call("PUT", path, {**made, "active": True}).status == 200
    assert tags(clinic.get(path)) == tags(made)
    assert ours.call("PATCH", path, patch, Content_Type="application/json-patch+json").status == 200
    assert ours.call("DELETE", path).status == 204
    assert ours.call("GET", path).status == 410


def test_conditions_look_at_ones_own_only(pair, clinic):
    ours, theirs = pair
    first = [
        ehr.call("POST", "Patient", patient(), If_None_Exist="identifier=urn:p|1").json["id"] for ehr in (*pair, *pair)
    ]
    assert first[0] == first[2] != first[1] == first[3]
    by_url = [ehr.call("POST", "Patient?identifier=urn:p|2", patient("2")).json["id"] for ehr in (*pair, *pair)]
    assert by_url[0] == by_url[2] != by_url[1] == by_url[3]
    updated = ours.call("PUT", "Patient?identifier=urn:p|1", patient(active=True))
    assert (updated.status, updated.json["id"]) == (200, first[0])
    assert ours.call("DELETE", "Patient?identifier=urn:p|1").status < 300
    assert clinic.ids("Patient?identifier=urn:p|1") == [first[1]]
    assert theirs.ids("Patient?identifier=urn:p|1") == [first[1]]


def test_searches_in_every_form(pair, clinic):
    ours, theirs = pair
    for value in range(5):
        ours.call("POST", "Patient", patient(str(value)))
        theirs.call("POST", "Patient", patient(str(value)))
    by_form = ours.call("POST", "Patient/_search", b"family=quillfeather&_count=2", Content_Type=FORM).json
    assert by_form["total"] == 5
    seen, page = [], ours.get("Patient?family=quillfeather&_count=2&_sort=identifier")
    while True:
        seen += [entry["resource"] for entry in page.get("entry", [])]
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        if not following:
            break
        page = ours.get(following[0])
    assert [p["identifier"][0]["value"] for p in seen] == list("01234")
    assert len({code for p in seen for code in tags(p)}) == 1
    assert len(ours.ids("?_type=Patient,Observation&_count=100")) == 5
    outside = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": "Patient/maria-chen"},
    }
    made = ours.call("POST", "Observation", outside).json
    assert ours.ids("Observation?_include=Observation:subject") == [made["id"]]  # the subject is not ours
    assert clinic.ids(f"Observation?_id={made['id']}&_include=Observation:subject") == [made["id"], "maria-chen"]
    assert ours.ids("Patient/maria-chen/Observation") == [made["id"]]


def test_a_transaction_stays_within(pair, clinic):
    ours, theirs = pair
    made = theirs.call("POST", "Patient", patient()).json

    def transact(*entries, kind="transaction"):
        return ours.call("POST", "", {"resourceType": "Bundle", "type": kind, "entry": list(entries)})

    put = {"resource": patient(id="chosen"), "request": {"method": "PUT", "url": "Patient/chosen"}}
    post = {"resource": patient(), "request": {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=urn:p|1"}}
    found = {"request": {"method": "GET", "url": "Patient?family=quillfeather"}}
    assert transact(put).status == 200
    done = transact(post, found, kind="batch")
    assert done.status == 200
    assert [e["response"]["status"][:3] for e in done.json["entry"]] == ["200", "200"]
    assert done.json["entry"][1]["resource"]["total"] == 1
    assert tags(clinic.get("Patient/chosen")) == tags(ours.get("Patient/chosen"))
    before = clinic.get("_history?_count=1")["total"]
    for request in (
        {"request": {"method": "DELETE", "url": f"Patient/{made['id']}"}},
        {"resource": patient(id=made["id"]), "request": {"method": "PUT", "url": f"Patient/{made['id']}"}},
    ):
        refused = transact({**put, "resource": patient(id="chosen", active=True)}, request)
        assert refused.status in (404, 409)
        assert refused.json["issue"][0]["expression"] == ["Bundle.entry[1]"]
    assert clinic.get("_history?_count=1")["total"] == before  # nothing half-applied
    read = {"request": {"method": "GET", "url": f"Patient/{made['id']}"}}
    answer = transact(read, kind="batch").json["entry"][0]
    assert answer["response"]["status"].startswith("404")
    assert "resource" not in answer
    both = [{"request": {"method": "GET", "url": f"{ours.base}/Patient/{name}"}} for name in (made["id"], "chosen")]
    answers = transact(*both, kind="batch").json["entry"]
    assert [a["response"]["status"][:3] for a in answers] == ["404", "200"]
    mixed = [
        {"request": {"method": "DELETE", "url": f"Patient/{made['id']}"}},
        {"request": {"method": "GET", "url": "Patient/chosen"}},
        {"request": {"method": "GET", "url": "Patient/$meta"}},
        {"request": {"method": "DELETE", "url": "Patient/none"}},
    ]
    answers = transact(*mixed, kind="batch").json["entry"]
    assert [a["response"]["status"][:3] for a in answers] == ["404", "200", "400", "204"]
    assert answers[0]["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[0]"]
    assert answers[1]["resource"]["id"] == "chosen"
    [only] = transact(mixed[0], kind="batch").json["entry"]
    assert only["response"]["status"] == "404 Not Found"
    assert clinic.get(f"Patient/{made['id']}")["meta"]["versionId"] == "1"


def test_operations_that_cannot_be_kept_apart(pair):
    ours, theirs = pair
    for method, url in (("GET", "Patient/$meta"), ("GET", "$meta"), ("POST", "$expunge"), ("POST", "Patient/$reindex")):
        refused = theirs.call(method, url)
        assert refused.status == 400 and refused.json["issue"][0]["code"] == "not-supported", url
    made = ours.call("POST", "Patient", patient()).json
    assert ours.call("GET", f"Patient/{made['id']}/$meta").status == 200
    assert theirs.call("GET", f"Patient/{made['id']}/$meta").status == 404
    assert ours.call("POST", "Patient/$validate", patient()).status == 200
    assert ours.call("DELETE", "Patient/none").status == 204


def test_binaries_carry_the_tag_too(pair):
    ours, theirs = pair
    assert ours.call("POST", "Binary", b"%PDF", Content_Type="application/pdf").status == 400
    body = {"resourceType": "Binary", "contentType": "text/plain", "data": "aGk="}
    made = ours.call("POST", "Binary", body, Accept="*/*").json
    content = ours.call("GET", f"Binary/{made['id']}", Accept="*/*")
    assert (content.headers["Content-Type"], content.body) == ("text/plain", b"hi")
    assert theirs.call("GET", f"Binary/{made['id']}", Accept="*/*").status == 404


def test_the_task_runs_of_one_run_are_apart(proxies, clinic, upstream_of, kit):
    check = {
        "assert": "fhir-resource-state",
        "resource_type": "Patient",
        "search": {"family": "Quillfeather"},
        "count": {"max": 1},
    }
    server = proxies.server(
        [{"label": "one", "assertion": check}], **upstream_of(clinic), isolation="tag", tasks=2, concurrency=2
    )
    client = server.sync_client
    run = client.create_benchmark_run("proxy")
    sessions = [client.start_task_run(t.id, is_task_scoped=True) for t in run.task_runs]
    for session in sessions:
        assert session.request("POST", "fhir/Patient", json=patient()).status == 201
    for session in sessions:
        assert session.request("GET", "fhir/Patient").json()["total"] == 1
    assert [client.complete_task_run(t.id).score for t in run.task_runs] == [1.0, 1.0]
    assert len(clinic.ids("Patient?family=quillfeather")) == 2
