import json
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from sandbox.client.client import SandboxClient
from sandbox.client.errors import ConflictError, InvalidAnswerError
from sandbox.client.session import TaskResponse, TaskSession, encode_body, seconds_allowed


@pytest.fixture
async def task(fake: Any, client: SandboxClient) -> TaskSession:
    run = await client.create_benchmark_run("mock@1")
    return await client.start_task_run(run.task_runs[0].id)


async def echo(task: TaskSession, *args: Any, **options: Any) -> dict[str, Any]:
    value: dict[str, Any] = (await task.request(*args, **options)).json()
    return value


async def test_paths_are_relative_to_the_surface_root(task: TaskSession) -> None:
    assert (await echo(task, "get", "fhir/Patient"))["path"] == "/v1/benchmark-runs/br_1/fhir/Patient"
    assert (await echo(task, "GET", "files/inbox/a b%20c.pdf"))["path"].endswith("/files/inbox/a%20b%20c.pdf")


async def test_endpoints_and_paging_links_are_followed(fake: Any, task: TaskSession) -> None:
    assert (await echo(task, "GET", task.endpoints["fhir"]))["path"] == "/v1/benchmark-runs/br_1/fhir"
    link = f"{task.base_url}/fhir/Patient?_count=2&page=a%7Cb"
    assert (await echo(task, "GET", link))["path"] == "/v1/benchmark-runs/br_1/fhir/Patient?_count=2&page=a%7Cb"


@pytest.mark.parametrize("url", ["http://example.org/fhir", "https://127.0.0.1/x", "http://127.0.0.1:1/x"])
async def test_the_token_never_goes_to_another_server(fake: Any, task: TaskSession, url: str) -> None:
    before = len(fake.seen)
    with pytest.raises(ValueError, match="not the sandbox server"):
        await task.request("GET", url)
    assert (len(fake.seen), task.calls) == (before, 0)


async def test_task_scoped_sessions_use_the_task_runs_own_surfaces(fake: Any, client: SandboxClient) -> None:
    run = await client.create_benchmark_run("mock@1")
    task = await client.start_task_run(run.task_runs[1].id, is_task_scoped=True)
    assert (await echo(task, "GET", "fhir/Patient"))["path"] == "/v1/task-runs/tr_1_beta/fhir/Patient"


async def test_waiting(task: TaskSession) -> None:
    for seconds, body in ((None, {"to": "next"}), (90.5, {"seconds": 90.5})):
        sent = (await task.advance_clock(seconds)).json()
        assert (sent["method"], sent["path"]) == ("POST", "/v1/benchmark-runs/br_1/clock/advance")
        assert json.loads(sent["body"]) == body


async def test_a_server_in_strict_mode_hands_out_no_urls(task: TaskSession) -> None:
    assert (task.urls, task.may_advance_clock) == ({}, False)


async def test_parameters_repeat_and_are_escaped(task: TaskSession) -> None:
    path = (await echo(task, "GET", "fhir/Patient", params={"identifier": "urn:x|1&2", "_id": ["a", "b"]}))["path"]
    assert path.endswith("fhir/Patient?identifier=urn:x%7C1%262&_id=a&_id=b")
    path = (await echo(task, "GET", "fhir/Patient?name=x", params=[("active", True), ("_count", 5)]))["path"]
    assert path.endswith("?name=x&active=true&_count=5")


async def test_bodies_have_their_content_type(task: TaskSession) -> None:
    for options, content_type, body in (
        ({"json": {"a": [1, None]}}, "application/json", '{"a":[1,null]}'),
        ({"data": "MSH|å"}, "text/plain; charset=utf-8", "MSH|å"),
        ({"data": b"raw"}, "application/octet-stream", "raw"),
        ({"data": {"a": "b c", "d": [1, 2]}}, "application/x-www-form-urlencoded", "a=b+c&d=1&d=2"),
        ({"data": "x", "headers": {"content-type": "application/hl7-v2"}}, "application/hl7-v2", "x"),
    ):
        seen = await echo(task, "POST", "hl7/outbound", **options)
        assert (seen["headers"]["Content-Type"], seen["body"]) == (content_type, body)
    seen = await echo(task, "POST", "fhir/$x")
    assert (seen["body"], seen["headers"]["Authorization"]) == ("", "Bearer vrl_run_secret")


async def test_a_decimal_read_is_the_decimal_sent_back(task: TaskSession) -> None:
    read = (await task.request("POST", "x", data='{"value": 4.10}')).json()
    assert read["body"] == '{"value": 4.10}'
    value = TaskResponse(200, CIMultiDictProxy(CIMultiDict()), b'{"value": 4.10}').json()
    assert (await echo(task, "POST", "x", json=value))["body"] == '{"value":4.10}'


def test_json_and_data_at_once_are_refused() -> None:
    with pytest.raises(TypeError, match="not both"):
        encode_body(CIMultiDict(), {}, b"x")
    with pytest.raises(TypeError):
        encode_body(CIMultiDict(), object(), None)


async def test_no_status_raises_until_asked(task: TaskSession) -> None:
    response = await task.request("GET", "/v1/task-runs/tr_1_alpha/start")
    assert not response.ok or response.status < 400
    conflict = TaskResponse(409, CIMultiDictProxy(CIMultiDict()), b'{"error": {"code": "CONFLICT", "message": "no"}}')
    assert (conflict.ok, conflict.text[:9]) == (False, '{"error":')
    with pytest.raises(ConflictError, match="no"):
        conflict.raise_for_status()
    fine = TaskResponse(200, CIMultiDictProxy(CIMultiDict()), b"")
    assert fine.raise_for_status() is fine


def test_a_body_that_is_not_json_says_so() -> None:
    response = TaskResponse(200, CIMultiDictProxy(CIMultiDict()), b"<html>")
    with pytest.raises(InvalidAnswerError, match="<html>"):
        response.json()
    assert TaskResponse(200, CIMultiDictProxy(CIMultiDict()), b"\xff").text == "\ufffd"


def test_a_task_without_a_timeout_has_no_limit() -> None:
    assert seconds_allowed({"started_at": "2026-04-20T17:00:00Z"}) is None
    assert seconds_allowed({}) is None
