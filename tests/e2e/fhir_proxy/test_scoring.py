"""Checks on a proxied EHR: asked upstream when the task run is completed, recorded, scored again without it."""

import pytest

PATIENT = {"resourceType": "Patient", "identifier": [{"system": "urn:p", "value": "1"}], "name": [{"family": "Ng"}]}


def criterion(label, **assertion):
    return {
        "label": label,
        "assertion": {"assert": "fhir-resource-state", "resource_type": "Patient", **assertion},
    }


CRITERIA = [
    criterion("registered", search={"identifier": "urn:p|1"}, fields=[{"path": "name.0.family", "expected": "Ng"}]),
    criterion("once", search={"identifier": "urn:p|1"}, count={"min": 1, "max": 1}),
    criterion("fhirpath", search={"identifier": "urn:p|1"}, fhirpath="name.family = 'Ng'"),
    criterion("all women", search={"gender": "female"}, count={"min": 20}),
    criterion("nobody", search={"family": "Nobody"}, absent=True),
]


@pytest.fixture
def complete():
    def run(proxy):
        return proxy.server.sync_client.complete_task_run(proxy.task_run_id)

    return run


def test_checks_search_upstream(proxies, clinic, upstream_of, complete):
    proxy = proxies.start(CRITERIA, **upstream_of(clinic))
    assert proxy.call("POST", "Patient", PATIENT).status == 201
    result = complete(proxy)
    assert [(c.label, c.passed) for c in result.checks] == [(row["label"], True) for row in CRITERIA]
    assert result.score == 1.0
    women = len(clinic.ids("Patient?gender=female&_count=1000"))
    assert result.checks[3].evidence["total"] == women
    asked = [e for e in proxy.events() if e.request and e.request["method"] == "SCENARIO"]
    assert len(asked) == 3  # one for each search, not for each criterion


def test_what_is_wrong_upstream_fails_the_check(proxies, clinic, upstream_of, complete):
    proxy = proxies.start(CRITERIA, **upstream_of(clinic))
    for _ in range(2):
        proxy.call("POST", "Patient", {**PATIENT, "name": [{"family": "Chen"}]})
    result = complete(proxy)
    assert [c.passed for c in result.checks] == [False, False, False, True, True]


def test_an_upstream_that_is_gone_is_said(proxies, fake, complete):
    proxy = proxies.start(CRITERIA[:1], upstream=fake.url)
    fake.says(503, b"down", "text/plain")
    result = complete(proxy)
    assert (result.score, result.verdict) == (0, "fail")
    assert "503" in result.checks[0].details
    assert "down" in result.checks[0].details


def test_scoring_again_needs_no_upstream(proxies, clinic, upstream_of, complete, monkeypatch):
    proxy = proxies.start(CRITERIA, **upstream_of(clinic))
    proxy.call("POST", "Patient", PATIENT)
    complete(proxy)
    monkeypatch.delenv("PROXY_TEST_UPSTREAM_TOKEN")
    import json
    import urllib.request

    url = f"{proxy.server.url}/task-runs/{proxy.task_run_id}/rescore"
    again = urllib.request.Request(url, b"{}", {"Authorization": "Bearer vk_local", "Content-Type": "application/json"})
    with urllib.request.urlopen(again) as answer:
        assert json.load(answer)["score"] == 1.0
