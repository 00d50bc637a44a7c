import asyncio
from typing import Any

import pytest
from aiohttp import web

from sandbox.client.client import SandboxClient
from sandbox.client.errors import ConflictError, InternalServerError
from sandbox.client.session import TaskSession
from sandbox.errors import Invalid
from sandbox.rehearsal.agents import AgentFailed, FunctionAgent, IdleAgent
from sandbox.rehearsal.command import CommandAgent
from sandbox.rehearsal.runner import Options, RunResult, rehearse_once


class Notes:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def run_created(self, run: Any, task_count: int) -> None:
        self.seen.append((run.id, task_count))

    def task_started(self, name: str) -> None:
        self.seen.append(name)

    def task_ended(self, result: Any) -> None:
        self.seen.append(result.verdict)

    def run_abandoned(self, run: Any, problem: str | None) -> None:
        self.seen.append(("abandoned", run.id, problem))


async def good(task: TaskSession) -> str:
    await task.request("GET", "fhir/Patient")
    await task.request("POST", "fhir/Patient", json={"resourceType": "Patient"})
    return "done"


async def rehearse(client: SandboxClient, agent: Any, **options: Any) -> RunResult:
    if callable(agent):
        agent = FunctionAgent("test", agent)
    return await rehearse_once(client, "mock@1", agent, Options(**options), Notes())


async def test_every_task_is_solved_in_turn(fake: Any, client: SandboxClient) -> None:
    notes = Notes()
    result = await rehearse_once(client, "mock@1", FunctionAgent("test", good), Options(), notes)
    assert (result.benchmark, result.benchmark_run_id, result.agent) == ("mock@1", "br_1", "test")
    assert (result.score, result.verdict, result.is_pass) == (1.0, "pass", True)
    assert result.started_at is not None
    assert result.completed_at is not None
    assert [(task.key, task.verdict, task.calls, task.failure) for task in result.task_runs] == [
        ("alpha", "pass", 2, None),
        ("beta", "pass", 2, None),
    ]
    assert notes.seen == [("br_1", 2), "Task alpha", "pass", "Task beta", "pass"]


async def test_an_idle_agent_passes_nothing(client: SandboxClient) -> None:
    result = await rehearse(client, IdleAgent())
    assert (result.score, result.verdict, result.is_pass) == (0.0, "fail", False)
    assert [task.calls for task in result.task_runs] == [0, 0]


async def test_a_broken_agents_task_is_completed_with_what_there_is(fake: Any, client: SandboxClient) -> None:
    async def solve(task: TaskSession) -> None:
        await task.request("POST", "fhir/Patient", json={})
        raise AgentFailed("gave up", output="half")

    class Broken(FunctionAgent):
        async def solve(self, task: TaskSession) -> Any:
            return await solve(task)

    result = await rehearse(client, Broken("broken", solve))
    assert [(task.verdict, task.failure) for task in result.task_runs] == [("pass", "gave up")] * 2
    assert fake.runs[0].tasks[0].body == {"output": "half", "notes": "agent failed: gave up"}


async def test_output_that_is_not_json_is_the_agents_failure(fake: Any, client: SandboxClient) -> None:
    async def solve(task: TaskSession) -> object:
        return {1, 2}

    result = await rehearse(client, solve)
    assert "not JSON" in str(result.task_runs[0].failure)
    assert "output" not in fake.runs[0].tasks[0].body


async def test_an_agent_past_the_timeout_is_stopped(
    fake: Any, client: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.rehearsal.runner.TIMEOUT_GRACE_S", 0.0)
    fake.timeout_s = 0.05
    stopped = []

    async def solve(task: TaskSession) -> None:
        await task.request("GET", "timeout")
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(task.key)

    result = await rehearse(client, solve)
    assert stopped == ["alpha", "beta"]
    assert (result.task_runs[0].verdict, result.task_runs[0].score) == ("fail", 0.0)
    assert "the task's timeout" in str(result.task_runs[0].failure)
    assert "timed_out" in str(result.task_runs[0].failure)


async def test_a_conflict_that_is_not_the_end_is_an_error_and_cancels(fake: Any, client: SandboxClient) -> None:
    async def solve(task: TaskSession) -> None:
        fake.answers = [web.json_response({"error": {"code": "CONFLICT", "message": "busy"}}, status=409)]

    with pytest.raises(ConflictError, match="busy"):
        await rehearse(client, solve)
    assert fake.runs[0].status == "cancelled"


async def test_a_failed_scorer_is_said(fake: Any, client: SandboxClient) -> None:
    fake.scored_status = "failed"
    result = await rehearse(client, good)
    assert "ended as failed" in str(result.task_runs[0].failure)


async def test_chosen_tasks_only(fake: Any, client: SandboxClient) -> None:
    result = await rehearse(client, good, task_keys=("beta",))
    assert [task.key for task in result.task_runs] == ["beta"]
    assert (result.score, result.verdict) == (1.0, "pass")  # of what was rehearsed, not of the whole run
    assert [task.status for task in fake.runs[0].tasks] == ["cancelled", "completed"]
    assert fake.runs[0].status == "completed"


async def test_a_task_that_does_not_exist_leaves_no_run_behind(fake: Any, client: SandboxClient) -> None:
    with pytest.raises(Invalid, match=r"no task gamma, delta; it has alpha, beta"):
        await rehearse(client, good, task_keys=("gamma", "alpha", "delta"))
    assert fake.runs[0].status == "cancelled"


async def test_several_at_once_use_the_task_scoped_surfaces(fake: Any, client: SandboxClient) -> None:
    met = asyncio.Barrier(2)

    async def solve(task: TaskSession) -> str:
        await met.wait()  # passes only if both are started at the same time
        return await good(task)

    result = await rehearse(client, solve, parallel=2)
    assert result.is_pass
    paths = {request.path for request in fake.seen if "fhir" in request.path}
    assert paths == {"/v1/task-runs/tr_1_alpha/fhir/Patient", "/v1/task-runs/tr_1_beta/fhir/Patient"}


async def test_a_commands_calls_are_counted_from_the_events(fake: Any, client: SandboxClient) -> None:
    url = "$SANDBOX_URL/v1/benchmark-runs/$BENCHMARK_RUN_ID/fhir/Patient"
    command = f'curl -s -X POST -H "Authorization: Bearer $RUN_TOKEN" {url} > /dev/null; echo done'
    result = await rehearse(client, CommandAgent(command, fake.url))
    assert [(task.calls, task.verdict) for task in result.task_runs] == [(1, "pass"), (1, "pass")]


async def test_without_an_organization_key(fake: Any) -> None:
    async with SandboxClient(fake.url, solver_key="vrl_slv_local") as client:
        result = await rehearse(client, CommandAgent("echo done", fake.url), can_cancel=False, task_keys=("beta",))
        assert [task.calls for task in result.task_runs] == [None]
        with pytest.raises(Invalid):
            await rehearse(client, good, can_cancel=False, task_keys=("gamma",))


async def test_cancelling_cancels_the_run(fake: Any, client: SandboxClient) -> None:
    working = asyncio.Event()

    async def solve(task: TaskSession) -> None:
        working.set()
        await asyncio.Event().wait()

    work = asyncio.create_task(rehearse(client, solve))
    await working.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert fake.runs[0].status == "cancelled"


async def test_a_server_error_ends_the_rehearsal_and_cancels(fake: Any, client: SandboxClient) -> None:
    async def solve(task: TaskSession) -> None:
        if task.key == "beta":
            fake.answers = [web.Response(status=500, text="step 2 failed") for _ in range(3)]

    with pytest.raises(InternalServerError, match="step 2"):
        await rehearse(client, solve)
    assert fake.runs[0].status == "cancelled"


async def test_a_run_that_cannot_be_cancelled_is_said(fake: Any, client: SandboxClient) -> None:
    async def solve(task: TaskSession) -> None:
        fake.answers = [web.Response(status=500, text="broken") for _ in range(6)]

    notes = Notes()
    with pytest.raises(InternalServerError):
        await rehearse_once(client, "mock@1", FunctionAgent("x", solve), Options(), notes)
    assert notes.seen[-1] == ("abandoned", "br_1", "HTTP 500: broken")
    with pytest.raises(Invalid):
        await rehearse_once(client, "mock@1", IdleAgent(), Options(("gamma",), can_cancel=False), notes)
    assert "--api-key" in notes.seen[-1][2]
