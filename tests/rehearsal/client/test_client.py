import asyncio
import inspect
from typing import Any

import pytest
from aiohttp import web

from sandbox.client import reading
from sandbox.client.client import SandboxClient
from sandbox.client.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    ClientError,
    ConflictError,
    InternalServerError,
    InvalidAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ValidationError,
    error_of,
)
from sandbox.client.models import Axis
from sandbox.client.session import TaskSession
from sandbox.client.sync import SandboxClientSync, TaskSessionSync


async def test_a_run_from_create_to_complete(fake: Any, client: SandboxClient) -> None:
    run = await client.create_benchmark_run("mock@1", scored=True, agent="me")
    assert (run.id, str(run.benchmark), run.scored, run.agent) == ("br_1", "mock@1", True, "me")
    assert run.task_run("beta").id == run.task_run("tr_1_beta").id == "tr_1_beta"
    with pytest.raises(KeyError, match="alpha"):
        run.task_run("gamma")

    task = await client.start_task_run("tr_1_alpha")
    assert (task.key, task.name, task.task_item) == ("alpha", "Task alpha", {"instruction": "Do alpha."})
    assert task.base_url == f"{fake.url}/v1/benchmark-runs/br_1"
    assert (await task.request("POST", "fhir/Patient", json={"resourceType": "Patient"})).status == 201
    assert task.calls == 1

    done = await client.complete_task_run("tr_1_alpha", output={"ok": 1}, notes="did it")
    assert (done.verdict, done.score) == ("pass", 1.0)
    assert done.axes["correctness"] == Axis(1.0, 2)
    assert [(check.label, check.passed, check.weight) for check in done.checks] == [
        ("Patient is on file", True, 2),
        ("Answer was given", True, 1),
    ]
    assert fake.runs[0].tasks[0].body == {"output": {"ok": 1}, "notes": "did it"}
    with pytest.raises(RuntimeError, match="ended"):
        await task.request("GET", "fhir/Patient")


async def test_fields_the_client_does_not_know_are_kept(client: SandboxClient) -> None:
    run = await client.create_benchmark_run("mock@1")
    assert run.raw["new_field"] == "kept"
    assert run.sandboxes[0].credentials == {"client_secret": "s3cret"}


async def test_secrets_do_not_show_in_repr(client: SandboxClient) -> None:
    run = await client.create_benchmark_run("mock@1")
    assert run.bearer_token == "vrl_run_secret"
    task = await client.start_task_run("tr_1_alpha")
    for shown in (repr(run), repr(task), repr(client)):
        assert "secret" not in shown
        assert "vrl_slv_local" not in shown


async def test_a_run_is_read_with_its_token_or_with_the_organization_key(fake: Any, client: SandboxClient) -> None:
    await client.create_benchmark_run("mock@1")
    await client.get_benchmark_run("br_1")
    async with SandboxClient(fake.url, api_key="vk_local") as other:
        assert (await other.get_benchmark_run("br_1")).id == "br_1"
    assert [request.path for request in fake.seen[-2:]] == ["/v1/benchmark-runs/br_1", "/benchmark-runs/br_1"]


async def test_a_missing_key_is_said_before_anything_is_sent(fake: Any) -> None:
    async with SandboxClient(fake.url) as nobody:
        for call, said in (
            (nobody.create_benchmark_run("mock@1"), "solver key"),
            (nobody.list_benchmarks(), "organization key"),
            (nobody.start_task_run("tr_1_alpha"), "run token"),
        ):
            with pytest.raises(ClientError, match=said):
                await call
    assert fake.seen == []


async def test_tokens_can_be_given(fake: Any, client: SandboxClient) -> None:
    run = await client.create_benchmark_run("mock@1")
    async with SandboxClient(fake.url) as stranger:
        task = await stranger.start_task_run("tr_1_alpha", token=run.bearer_token)
        assert (await task.request("GET", "fhir/Patient")).ok
        done = await stranger.complete_task_run("tr_1_alpha", token=run.bearer_token)
        assert done.verdict == "fail"


async def test_lists_are_read_to_their_end(fake: Any, client: SandboxClient) -> None:
    await client.create_benchmark_run("mock@1")
    task = await client.start_task_run("tr_1_alpha")
    for _ in range(205):
        await task.request("GET", "fhir/Patient")
    assert len(await client.list_events("tr_1_alpha")) == 206
    assert len(await client.list_events("tr_1_alpha", limit=101)) == 101
    assert len(await client.list_events("tr_1_alpha", limit=100)) == 100
    assert await client.list_events("tr_1_alpha", limit=0) == []
    events = await client.list_events("tr_1_alpha", limit=2)
    assert [event.type for event in events] == ["scenario_step", "fhir_request"]
    assert fake.seen[-1].query["limit"] == "2"


async def test_a_list_that_does_not_advance_is_not_read_for_ever(fake: Any, client: SandboxClient) -> None:
    page = {"data": [{"id": "bench_1", "name": "a"}], "next_cursor": "same"}
    fake.answers = [web.json_response(page) for _ in range(3)]
    with pytest.raises(InvalidAnswerError, match="advance"):
        await client.list_benchmarks()


async def test_everything_of_the_organization_can_be_read(client: SandboxClient) -> None:
    await client.create_benchmark_run("mock@1")
    task = await client.start_task_run("tr_1_alpha")
    await task.request("POST", "fhir/Patient", json={})
    await client.complete_task_run("tr_1_alpha")
    assert [b.reference for b in await client.list_benchmarks()] == ["mock@1", "mock@2", "other@1"]
    assert [run.id for run in await client.list_benchmark_runs(benchmark_id="bench_mock_1")] == ["br_1"]
    assert [run.id for run in await client.list_task_runs("br_1")] == ["tr_1_beta", "tr_1_alpha"]
    assert (await client.get_task_run("tr_1_alpha")).snapshot is not None
    (criterion_run,) = await client.list_criterion_runs("tr_1_alpha")
    assert (criterion_run.passed, criterion_run.completed_at is not None) == (True, True)
    assert (await client.cancel_task_run("tr_1_beta")).status == "cancelled"


async def test_ids_cannot_leave_their_place_in_the_path(fake: Any, client: SandboxClient) -> None:
    with pytest.raises(NotFoundError):
        await client.get_benchmark_run("br_1/../../benchmarks?x#y")
    assert fake.seen[-1].raw_path == "/benchmark-runs/br_1%2F..%2F..%2Fbenchmarks%3Fx%23y"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ValidationError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (405, ValidationError),
        (409, ConflictError),
        (413, ValidationError),
        (422, ValidationError),
        (429, RateLimitError),
        (500, InternalServerError),
        (503, InternalServerError),
        (599, InternalServerError),
    ],
)
def test_every_status_has_its_error(status: int, kind: type[ClientError]) -> None:
    error = error_of(status, {}, b"{}")
    assert type(error) is kind
    assert (error.status, str(error)) == (status, f"HTTP {status}")


def test_an_error_carries_all_that_the_server_said() -> None:
    body = b'{"error": {"code": "VALIDATION_ERROR", "message": "No.", "details": {"seed": ["x"]}, "request_id": "r"}}'
    error = error_of(400, {"X-Request-Id": "other"}, body)
    assert (error.code, error.message, error.details, error.request_id) == (
        "VALIDATION_ERROR",
        "No.",
        {"seed": ["x"]},
        "r",
    )
    assert str(error) == "No. (request_id: r)"


@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b"\xff\xfe", b"[]", b'"x"', b'{"error": "text"}'])
def test_an_error_that_is_not_ours_is_an_error_all_the_same(body: bytes) -> None:
    error = error_of(502, {"X-Request-Id": "r"}, body)
    assert (error.status, error.request_id) == (502, "r")


def test_an_operation_outcome_is_understood() -> None:
    body = b'{"resourceType": "OperationOutcome", "issue": [{"code": "invalid", "diagnostics": "no such parameter"}]}'
    error = error_of(400, {}, body)
    assert (error.code, str(error)) == ("invalid", "no such parameter")


async def test_reading_is_repeated_after_a_server_error(fake: Any, client: Any) -> None:
    fake.answers = [web.Response(status=503), web.Response(status=500)]
    assert len(await client.list_benchmarks()) == 3
    assert len(client.waits) == 2
    assert 0.4 <= client.waits[0] <= 0.6
    assert 0.8 <= client.waits[1] <= 1.2


async def test_two_retries_and_no_more(fake: Any, client: Any) -> None:
    fake.answers = [web.Response(status=503) for _ in range(3)]
    with pytest.raises(InternalServerError):
        await client.list_benchmarks()
    assert (len(fake.seen), len(client.waits)) == (3, 2)


async def test_a_lost_connection_is_tried_again(fake: Any, client: Any) -> None:
    # aiohttp itself repeats a GET once on a connection that was kept alive; this one is fresh.
    fake.answers = [None]
    assert len(await client.list_benchmarks()) == 3


async def test_creating_a_run_is_not_repeated_when_it_may_have_happened(fake: Any, client: Any) -> None:
    for answer in (web.Response(status=503), None):
        fake.seen.clear()
        fake.answers = [answer]
        with pytest.raises(ClientError):
            await client.create_benchmark_run("mock@1")
        assert len(fake.seen) == 1
    assert client.waits == []


async def test_retry_after_is_honoured_even_for_creating(fake: Any, client: Any) -> None:
    fake.answers = [web.Response(status=429, headers={"Retry-After": "7"})]
    assert (await client.create_benchmark_run("mock@1")).id == "br_1"
    assert client.waits == [7]


async def test_a_rate_limit_that_stays_is_an_error_with_the_time_to_wait(fake: Any, client: Any) -> None:
    fake.answers = [web.Response(status=429, headers={"Retry-After": "60"}) for _ in range(3)]
    with pytest.raises(RateLimitError) as caught:
        await client.list_benchmarks()
    assert caught.value.retry_after == 60


async def test_completing_is_repeated(fake: Any, client: Any) -> None:
    await client.create_benchmark_run("mock@1")
    await client.start_task_run("tr_1_alpha")
    fake.answers = [web.Response(status=502)]
    assert (await client.complete_task_run("tr_1_alpha")).verdict == "fail"


async def test_nobody_there(unused_tcp_port: int) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with SandboxClient(url, solver_key="x", sleep=note) as client:
        with pytest.raises(APIConnectionError, match=str(unused_tcp_port)):
            await client.create_benchmark_run("mock@1")
    assert len(waits) == 2  # refused means not done, so even this is tried again


async def test_a_timeout_is_not_repeated(fake: Any) -> None:
    async with SandboxClient(fake.url, solver_key="vrl_slv_local", timeout_s=0.05) as client:
        run = await client.create_benchmark_run("mock@1")
        task = await client.start_task_run(run.task_runs[0].id)
        before = len(fake.seen)
        with pytest.raises(APITimeoutError, match=r"0\.05 s"):
            await task.request("GET", "hang")
        assert len(fake.seen) == before + 1


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "ftp://host", "/relative"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        SandboxClient(url)


async def test_answers_that_are_not_the_api(fake: Any, client: Any) -> None:
    for answer in (
        web.Response(text="hello"),
        web.json_response([]),
        web.json_response({"scored": True}),
        web.json_response({"benchmark_run_id": "br_1", "started_at": "yesterday"}),
        web.json_response({"benchmark_run_id": "br_1", "task_runs": ["x"]}),
        web.json_response({"benchmark_run_id": "br_1", "started_at": 7}),
    ):
        fake.answers = [answer]
        with pytest.raises(InvalidAnswerError):
            await client.create_benchmark_run("mock@1")
    for value in ({}, {"data": "x"}, {"data": ["x"]}):
        fake.answers = [web.json_response(value)]
        with pytest.raises(InvalidAnswerError):
            await client.list_benchmarks()
    with pytest.raises(InvalidAnswerError, match="'at'"):
        reading.read_event({"id": "evt_1"})


def _shape(function: Any) -> list[tuple[str, Any, Any]]:
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters]


@pytest.mark.parametrize(
    ("asynchronous", "blocking", "own"),
    [(SandboxClient, SandboxClientSync, set()), (TaskSession, TaskSessionSync, set())],
)
def test_the_twins_have_the_same_methods(asynchronous: type, blocking: type, own: set[str]) -> None:
    names = {name for name, value in vars(asynchronous).items() if inspect.isfunction(value) and name[0] != "_"}
    assert names
    for name in names - own:
        assert _shape(getattr(asynchronous, name)) == _shape(getattr(blocking, name)), name


def test_the_blocking_client_does_the_same(threaded_fake: Any) -> None:
    with SandboxClientSync(threaded_fake.url, solver_key="vrl_slv_local", api_key="vk_local") as client:
        assert client.url == threaded_fake.url
        run = client.create_benchmark_run("mock@1", agent="me")
        task = client.start_task_run(run.task_runs[0].id)
        assert task.request("POST", "fhir/Patient", json={"a": 1}).json()["body"] == '{"a":1}'
        assert (task.calls, task.is_closed, task.key) == (1, False, "alpha")
        assert "alpha" in repr(task)
        done = client.complete_task_run(task.task_run_id, output="done")
        assert (done.verdict, task.is_closed) == ("pass", True)
        assert [b.slug for b in client.list_benchmarks(limit=1)] == ["mock"]
        assert client.get_benchmark_run(run.id).status == "active"
        assert [r.id for r in client.list_benchmark_runs()] == [run.id]
        assert len(client.list_task_runs(run.id)) == 2
        assert client.get_task_run(task.task_run_id).verdict == "pass"
        assert len(client.list_events(task.task_run_id)) == 2
        assert len(client.list_criterion_runs(task.task_run_id)) == 1
        client.cancel_task_run(run.task_runs[1].id)
        with pytest.raises(ConflictError):
            client.cancel_benchmark_run(run.id)
        for missing in (client.get_benchmark, client.get_task, client.get_criterion_run, client.get_sandbox):
            with pytest.raises(NotFoundError):
                missing("nothing")
        for missing in (client.list_tasks, client.list_sandbox_events):
            with pytest.raises(NotFoundError):
                missing("nothing")
        unstarted = client.create_benchmark_run("mock@1")
        session = client.start_task_run(unstarted.task_runs[0].id, is_task_scoped=True)
        session.close()
        with pytest.raises(RuntimeError, match="ended"):
            session.request("GET", "fhir/Patient")


async def test_the_blocking_client_works_inside_a_running_loop(threaded_fake: Any) -> None:
    assert asyncio.get_running_loop().is_running()
    with SandboxClientSync(threaded_fake.url, solver_key="vrl_slv_local") as client:
        assert client.create_benchmark_run("mock@1").id == "br_1"
    client.close()  # twice is as good as once
