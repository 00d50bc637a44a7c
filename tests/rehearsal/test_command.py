import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox import limits
from sandbox.client.client import SandboxClient
from sandbox.client.session import TaskSession
from sandbox.errors import Invalid
from sandbox.rehearsal.agents import AgentFailed
from sandbox.rehearsal.command import CommandAgent
from sandbox.rehearsal.spelling import refuse_misspelt


@pytest.fixture
async def task(client: SandboxClient) -> TaskSession:
    run = await client.create_benchmark_run("mock@1")
    return await client.start_task_run(run.task_runs[0].id)


async def test_the_environment_names_server_and_run(task: TaskSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_API_KEY", "vk_private")
    monkeypatch.setenv("SANDBOX_SOLVER_KEY", "vrl_slv_private")
    command = 'echo "$SANDBOX_URL $BENCHMARK_RUN_ID $TASK_RUN_ID $RUN_TOKEN [$SANDBOX_API_KEY$SANDBOX_SOLVER_KEY]"'
    output = await CommandAgent(command, "http://server").solve(task)
    assert output == "http://server br_1 tr_1_alpha vrl_run_secret []"


async def test_standard_input_is_the_start_response(task: TaskSession) -> None:
    output = await CommandAgent("cat", "http://server").solve(task)
    assert output == dict(task.started)


async def test_it_need_not_read_its_input(task: TaskSession) -> None:
    task.started = {**task.started, "padding": "x" * 1_000_000}
    assert await CommandAgent("echo 1", "http://server").solve(task) == 1


async def test_a_crash_keeps_what_was_said_and_shows_the_end_of_stderr(task: TaskSession) -> None:
    command = "echo '{\"booked\": true}'; for i in $(seq 30); do echo line $i >&2; done; exit 3"
    with pytest.raises(AgentFailed) as caught:
        await CommandAgent(command, "http://server").solve(task)
    lines = str(caught.value).splitlines()
    assert (lines[0], lines[1], lines[-1]) == ("the command exited with status 3", "line 11", "line 30")
    assert caught.value.output == {"booked": True}


async def test_a_signal_is_named(task: TaskSession) -> None:
    with pytest.raises(AgentFailed, match="SIGABRT"):
        await CommandAgent("kill -ABRT $$", "http://server").solve(task)


@pytest.mark.parametrize("command", ["no-such-command-here", "true; no-such-command-here", "/"])
async def test_what_the_shell_cannot_run_is_no_answer(task: TaskSession, command: str) -> None:
    with pytest.raises(Invalid, match="cannot be run"):
        await CommandAgent(command, "http://server").solve(task)


@pytest.mark.parametrize(
    "command",
    [
        "cat",
        "KEY=1 cat",
        "cd / && ls",
        "if true; then cat; fi",
        "(cat)",
        "$HOME/agent",
        "~/agent",
        "python3 -m agent",
        "sh -c 'cat x'",
        f"{sys.executable} {__file__}",
        "cd elsewhere && python3 agent.py",
        ". ./environment && agent",
        "node agent",
    ],
)
def test_what_may_well_be_run_is_not_refused(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "node").write_text("")
    (tmp_path / "node").chmod(0o755)
    refuse_misspelt(command, ["solution"])


async def test_output_has_a_limit(task: TaskSession) -> None:
    size = limits.REQUEST_BODY_BYTES
    assert len(await CommandAgent(f"head -c {size} /dev/zero | tr '\\0' x", "").solve(task)) == size
    with pytest.raises(AgentFailed, match=str(size)):
        await CommandAgent(f"head -c {size + 1} /dev/zero | tr '\\0' x", "").solve(task)


async def test_what_it_leaves_in_the_background_is_ended(task: TaskSession, is_gone: Any) -> None:
    pid = await CommandAgent("sleep 600 & echo $!", "").solve(task)
    assert is_gone(pid)


async def test_what_has_left_the_group_does_not_hold_the_answer_back(
    task: TaskSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.rehearsal.command.GRACE_S", 0.05)
    output = await CommandAgent("setsid sleep 600 & echo $!", "").solve(task)
    os.kill(output, signal.SIGKILL)


@pytest.mark.parametrize("shell", ["", "trap '' TERM; "])
async def test_cancelling_ends_the_whole_group(
    task: TaskSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_gone: Any, shell: str
) -> None:
    monkeypatch.setattr("sandbox.rehearsal.command.GRACE_S", 0.05)
    fifo = tmp_path / "pids"
    os.mkfifo(fifo)
    # The child is a second process of the group; both stay until they are ended.
    agent = CommandAgent(f"{shell}sleep 600 & echo $$ $! > {fifo}; wait; wait; sleep 600", "")
    work = asyncio.create_task(agent.solve(task))
    text = await asyncio.to_thread(fifo.read_text)
    leader, child = text.split()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert is_gone(int(leader))
    assert is_gone(int(child))


async def test_its_calls_are_its_own(fake: Any, task: TaskSession) -> None:
    url = f"{fake.url}/v1/benchmark-runs/$BENCHMARK_RUN_ID/fhir/Patient"
    command = f'curl -s -X POST -H "Authorization: Bearer $RUN_TOKEN" "{url}"'
    assert (await CommandAgent(command, fake.url).solve(task))["method"] == "POST"
    assert task.calls == 0
