"""What goes wrong upstream is an OperationOutcome here: 502, 504, or the upstream's own refusal."""

import pytest

from sandbox.definitions.problems import DefinitionError


def refusal(answer, status):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].startswith("application/fhir+json")
    assert answer.json["resourceType"] == "OperationOutcome"
    return answer.json["issue"][0]["diagnostics"]


def test_nobody_listens(proxies):
    proxy = proxies.start(upstream="http://127.0.0.1:1/fhir")
    text = refusal(proxy.call("GET", "Patient/1"), 502)
    assert "127.0.0.1:1" in text
    [event] = [e for e in proxy.events() if e.type == "fhir_request"]
    assert event.response["status"] == 502


def test_no_answer_in_time(proxies, fake):
    def wait(request):
        fake.held.wait(30)
        return 200, {}, b"{}"

    fake.answer = wait
    proxy = proxies.start(upstream=fake.url, timeout_s=0.05)
    assert "0.05 s" in refusal(proxy.call("GET", "Patient/1"), 504)


@pytest.mark.parametrize(
    ("status", "body", "kind", "wanted", "said"),
    [
        (500, {"issue": [{"diagnostics": "disk full"}]}, "application/json", 502, "disk full"),
        (503, b"<h1>busy</h1>", "text/html", 502, "busy"),
        (401, b"", "text/plain", 502, "config.headers"),
        (403, b"no", "text/plain", 502, "config.headers"),
        (200, b"<html>Sign in</html>", "text/html", 502, "text/html"),
        (200, b'{"resourceType": "Pat', "application/fhir+json", 502, "broken JSON"),
        (200, b'{"a": 1, "a": 2}', "application/fhir+json", 502, "twice"),
        (400, b"bad", "text/plain", 400, "bad"),
        (404, b"", "text/plain", 404, None),
        (429, b"slow down", "text/plain", 429, "slow down"),
    ],
)  # fmt: skip
def test_what_the_upstream_answers(proxies, fake, status, body, kind, wanted, said):
    fake.says(status, body, kind)
    proxy = proxies.start(upstream=fake.url)
    answer = proxy.call("GET", "Patient/1")
    if said is None:
        assert (answer.status, answer.body) == (wanted, b"")
    else:
        assert said in refusal(answer, wanted)


def test_a_redirect_is_not_followed(proxies, fake):
    fake.says(302, b"", "text/html", Location="http://elsewhere.test/fhir/Patient/1")
    proxy = proxies.start(upstream=fake.url)
    assert "elsewhere.test" in refusal(proxy.call("GET", "Patient/1"), 502)


def test_a_refusal_of_the_upstream_comes_through_as_it_is(proxies, clinic, upstream_of):
    proxy = proxies.start(**upstream_of(clinic))
    assert proxy.call("GET", "Patient?nmae=x").json == clinic.call("GET", "Patient?nmae=x").json
    assert refusal(proxy.call("GET", "Patient/none"), 404)
    assert refusal(proxy.call("POST", "Patient", {"resourceType": "Patient", "gender": "banana"}), 400)


def test_wrong_credentials(proxies, clinic, upstream_of, monkeypatch):
    config = upstream_of(clinic)
    proxy = proxies.start(**config)
    monkeypatch.setenv("PROXY_TEST_UPSTREAM_TOKEN", "vrl_run_wrong")
    text = refusal(proxy.call("GET", "Patient/1"), 502)
    assert "credentials" in text
    assert clinic.token not in text
    monkeypatch.delenv("PROXY_TEST_UPSTREAM_TOKEN")
    assert "PROXY_TEST_UPSTREAM_TOKEN" in refusal(proxy.call("GET", "Patient/1"), 502)


def test_what_a_caller_sends_is_not_read_as_a_variable(proxies, fake, monkeypatch):
    monkeypatch.setenv("SECRET", "hidden")
    fake.says(200, {"resourceType": "Patient", "id": "1"})
    proxy = proxies.start(upstream=fake.url)
    proxy.call("GET", "Patient/1", Prefer="${SECRET}")
    assert fake.seen[0][2]["prefer"] == "${SECRET}"


def test_paths_stay_below_the_base(proxies, fake):
    fake.says(404, b"", "text/plain")
    proxy = proxies.start(upstream=fake.url)
    for path in ("..%2F..%2Fadmin", "Patient/%2E%2E/%2E%2E/x", "Patient/a%3Fb", "Patient/a%23b"):
        proxy.call("GET", path)
    for _, path, _, _ in fake.seen:
        assert path.startswith("/base/"), path
        assert "/../" not in path
        assert "?" not in path


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"upstream": "ftp://x/fhir"}, "base URL"),
        ({"upstream": "http://"}, "base URL"),
        ({"upstream": "http://x:99999/fhir"}, "base URL"),
        ({"upstream": "http://user:pass@x/fhir"}, "without query or credentials"),
        ({"upstream": "http://x/fhir?a=b"}, "without query or credentials"),
        ({"upstream": "http://x", "isolation": "some"}, "tag"),
        ({"upstream": "http://x", "timeout_s": 0}, "greater than 0"),
        ({"upstream": "http://x", "timeout_s": 301}, "less than or equal to 300"),
        ({"upstream": "http://x", "headers": {"Host": "y"}}, "set by the proxy itself"),
        ({"upstream": "http://x", "headers": {"A\nB": "y"}}, "name of a header"),
        ({"upstream": "http://x", "headers": {"A": "y\r\nB: c"}}, "control characters"),
        ({"isolation": "tag"}, "without upstream"),
        ({"headers": {"A": "b"}}, "without upstream"),
        ({"upsteam": "http://x"}, "unknown key"),
    ],
)
def test_configurations_that_cannot_work(proxies, config, said):
    with pytest.raises(DefinitionError, match="config") as refused:
        proxies.server(**config)
    assert said in str(refused.value)


def test_a_proxy_takes_no_dataset_and_no_scenario_writes(proxies, kit, tmp_path, fake):
    home = kit.write_benchmark(tmp_path / "with-dataset", "x", config={"upstream": fake.url}, dataset="regional-clinic")
    with (
        pytest.raises(DefinitionError, match="takes no dataset"),
        kit.running_server(playgrounds=[home], seeds=[kit.seeds]),
    ):
        pass
    step = {"action": "put_fhir", "resource": {"resourceType": "Basic", "code": {"text": "x"}}}
    home = kit.write_benchmark(tmp_path / "with-step", "x", config={"upstream": fake.url}, steps=[step])
    server = proxies.stack.enter_context(kit.running_server(playgrounds=[home], seeds=[kit.seeds]))
    with pytest.raises(Exception, match="behind a FHIR proxy"):
        kit.start(server, "x")
    assert fake.seen == []


def test_who_may_not_call_does_not_reach_the_upstream(proxies, fake):
    proxy = proxies.start(upstream=fake.url)
    run_id = proxy.base.split("/")[-2]
    [sandbox] = proxy.server.sync_client.get_benchmark_run(run_id).raw["sandboxes"]
    direct = f"{proxy.server.url}/sandboxes/{sandbox['id']}/fhir/Patient/1"
    for url, token in ((direct, "vrl_smart_guess"), (direct, proxy.token), (f"{proxy.base}/Patient/1", "vk_local")):
        assert proxy.call("GET", url, Authorization=f"Bearer {token}").status == 401
    assert fake.seen == []
    fake.says(200, {"resourceType": "Patient", "id": "1"})
    assert proxy.call("GET", direct, Authorization="Bearer vk_local").status == 200


def test_there_is_no_final_state_behind_a_proxy(proxies, fake):
    """What is there is the upstream's, then and now: nothing is asked of it, as it could only show the present."""
    proxy = proxies.start(upstream=fake.url)
    run_id = proxy.base.split("/")[-2]
    [sandbox] = proxy.server.sync_client.get_benchmark_run(run_id).raw["sandboxes"]
    proxy.server.sync_client.complete_task_run(proxy.task_run_id)
    seen = len(fake.seen)
    direct = f"{proxy.server.url}/sandboxes/{sandbox['id']}/fhir/Patient"
    for method, url, body in (("GET", f"{direct}/1", None), ("POST", direct, {"resourceType": "Patient"})):
        answer = proxy.call(method, url, body, Authorization="Bearer vk_local")
        assert answer.status == 409
    assert len(fake.seen) == seen
