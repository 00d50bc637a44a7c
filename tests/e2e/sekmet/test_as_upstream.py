"""Our proxy before `sekmet-fhir`, a server that shares no code with ours."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

CRITERION = {
    "label": "registered",
    "assertion": {
        "assert": "fhir-resource-state",
        "resource_type": "Patient",
        "search": {"identifier": "urn:p|0"},
        "fields": [{"path": "name.0.family", "expected": "Ng"}],
        "count": {"max": 1},
    },
}


def patient(number):
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:p", "value": str(number)}],
        "name": [{"family": "Ng"}],
    }


@pytest.fixture
def start(kit, sekmet_server, tmp_path):
    """Start a proxy before the peer; `isolation` as given."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def run(isolation, count=1):
            config = {"upstream": sekmet_server, "isolation": isolation}
            home = kit.write_benchmark(tmp_path / isolation, "proxy", config=config, criteria=[CRITERION])
            server = stack.enter_context(kit.running_server(playgrounds=[home], seeds=[kit.seeds]))
            return [kit.start(server, "proxy") for _ in range(count)]

        yield run


def all_pages(ehr, url):
    found, page = [], ehr.get(url)
    while True:
        assert {link["url"].startswith(ehr.base) for link in page["link"]} == {True}
        found += [entry["resource"]["id"] for entry in page.get("entry", [])]
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        if not following:
            return found
        page = ehr.get(following[0])


def test_plain(start):
    [ehr] = start("none")
    created = ehr.call("POST", "Patient", patient(0))
    assert created.status == 201
    assert created.headers["Location"].startswith(ehr.base + "/Patient/")
    path = f"Patient/{created.json['id']}"
    assert ehr.get(path)["name"][0]["family"] == "Ng"
    assert ehr.call("PUT", path, {**created.json, "active": True}).json["meta"]["versionId"] == "2"
    assert ehr.call("POST", "Patient", patient(0), If_None_Exist="identifier=urn:p|0").status == 200
    assert len(ehr.get(f"{path}/_history")["entry"]) == 2
    made = [ehr.call("POST", "Patient", patient(n)).json["id"] for n in range(1, 8)]
    assert sorted(all_pages(ehr, "Patient?family=ng&_count=3")) == sorted([created.json["id"], *made])
    entry = {"resource": patient(9), "request": {"method": "POST", "url": "Patient"}}
    done = ehr.call("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert done.json["entry"][0]["response"]["status"].startswith("201")
    assert ehr.call("GET", "Patient/none").status == 404
    assert ehr.call("DELETE", f"Patient/{made[0]}").status in (200, 204)
    assert ehr.call("GET", f"Patient/{made[0]}").status == 410
    result = ehr.server.sync_client.complete_task_run(ehr.task_run_id)
    assert result.score == 1.0, result.checks


def test_isolated(start):
    ours, theirs = start("tag", 2)
    made = ours.call("POST", "Patient", patient(0)).json
    path = f"Patient/{made['id']}"
    assert ours.ids("Patient?family=ng") == [made["id"]]
    assert theirs.ids("Patient?family=ng") == []
    assert theirs.call("GET", path).status == 404
    assert theirs.call("DELETE", path).status == 404
    assert theirs.call("PUT", path, {**patient(0), "id": made["id"]}).status == 409
    assert theirs.call("POST", "Patient", patient(0), If_None_Exist="identifier=urn:p|0").status == 201
    scores = [e.server.sync_client.complete_task_run(e.task_run_id).score for e in (ours, theirs)]
    assert scores == [1.0, 1.0]
