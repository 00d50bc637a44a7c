"""One task for a harness: started and completed by two commands, at a server that runs already."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.alone import only
from tests.own_ports import OWN_PORTS

SANDBOX = Path(sys.executable).with_name("sandbox")
HIDDEN = ("SANDBOX_", "BENCHMARK_", "TASK_", "RUN_")
PLAIN = {k: v for k, v in os.environ.items() if not k.startswith(HIDDEN)} | OWN_PORTS


@pytest.fixture
def harness(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """`sandbox(…)` runs the command line in a directory whose record a server has."""
    playgrounds = only(tmp_path_factory.mktemp("alone"), "mock@1")

    def sandbox(*args: str, stdin: str = "", **env: str) -> Any:
        command = [str(SANDBOX), *args]
        return subprocess.run(
            command, cwd=tmp_path, env=PLAIN | env, input=stdin, capture_output=True, text=True, timeout=60
        )

    server = subprocess.Popen(
        [str(SANDBOX), "serve", "--port", "0", "--ready-file", "ready.json", "--playgrounds", str(playgrounds)],
        cwd=tmp_path,
        env=PLAIN,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        first = server.stdout.readline()
        assert first.startswith("sandbox ready at"), first
        yield SimpleNamespace(sandbox=sandbox, folder=tmp_path, url=first.split()[-1])
    finally:
        server.terminate()
        server.communicate(timeout=20)


def call(url: str, token: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def variables(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_a_task_is_started_worked_on_and_rewarded(harness: Any) -> None:
    started = harness.sandbox("task", "start", "mock@1", "next-appointment", "--env", "task.env", "--agent", "me")
    assert started.returncode == 0, started.stderr
    told = json.loads(started.stdout)
    assert told["key"] == "next-appointment" and told["task_item"]["instruction"]

    file = harness.folder / "task.env"
    assert file.stat().st_mode & 0o777 == 0o600
    env = variables(file)
    assert (env["SANDBOX_URL"], env["TASK_RUN_ID"]) == (harness.url, told["task_run_id"])
    run = call(f"{harness.url}/v1/benchmark-runs/{env['BENCHMARK_RUN_ID']}", env["RUN_TOKEN"])
    assert [t["key"] for t in run["task_runs"]] == ["next-appointment"] and run["agent"] == "me"
    root = f"{harness.url}/v1/benchmark-runs/{env['BENCHMARK_RUN_ID']}"
    found = call(f"{root}/fhir/Patient?family=Chen&given=Maria", env["RUN_TOKEN"])
    assert found["total"] > 0
    assert (env["FHIR_URL"], env["CLOCK_URL"]) == (told["urls"]["fhir"], told["urls"]["clock"])
    with urllib.request.urlopen(f"{env['FHIR_URL']}/Patient?family=Chen&given=Maria") as response:
        assert json.load(response)["total"] == found["total"]

    (harness.folder / "answer.json").write_text('{"date": "2000-01-01", "clinician": "Nobody"}')
    args = ("task", "complete", "--env", "task.env", "--output", "answer.json", "--reward-file", "reward.txt")
    done = harness.sandbox(*args)
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert value["status"] == "completed"
    reward = (harness.folder / "reward.txt").read_text()
    assert re.fullmatch(r"[01](\.\d+)?\n", reward) and float(reward) == value["score"]
    again = harness.sandbox(*args)
    assert (again.returncode, (harness.folder / "reward.txt").read_text()) == (0, reward)
    recorded = call(f"{harness.url}/task-runs/{env['TASK_RUN_ID']}", "vk_local")
    assert recorded["output"] == {"date": "2000-01-01", "clinician": "Nobody"}


def test_the_environment_and_stdin_will_do(harness: Any) -> None:
    assert (
        harness.sandbox("task", "start", "mock", "next-appointment", "--env", "e", "--url", harness.url).returncode == 0
    )
    env = variables(harness.folder / "e")
    done = harness.sandbox("task", "complete", "--output", "-", "--reward-file", "r", stdin="no idea\n", **env)
    assert done.returncode == 0, done.stderr
    assert call(f"{harness.url}/task-runs/{env['TASK_RUN_ID']}", "vk_local")["output"] == "no idea"


def test_a_task_run_without_a_score_has_no_reward(harness: Any) -> None:
    assert harness.sandbox("task", "start", "mock@1", "next-appointment", "--env", "e").returncode == 0
    env = variables(harness.folder / "e")
    cancel = urllib.request.Request(
        f"{harness.url}/v1/benchmark-runs/{env['BENCHMARK_RUN_ID']}/cancel",
        method="POST",
        headers={"Authorization": "Bearer vrl_slv_local"},
    )
    urllib.request.urlopen(cancel).close()
    (harness.folder / "r").write_text("1\n")
    done = harness.sandbox("task", "complete", "--env", "e", "--reward-file", "r")
    assert done.returncode == 2 and "cancelled and has no score" in done.stderr
    assert not (harness.folder / "r").exists()


def test_a_reward_that_cannot_be_written_is_said_while_the_task_goes_on(harness: Any) -> None:
    assert harness.sandbox("task", "start", "mock@1", "next-appointment", "--env", "e").returncode == 0
    done = harness.sandbox("task", "complete", "--env", "e", "--reward-file", "none/r")
    assert done.returncode == 2 and "no directory none" in done.stderr
    env = variables(harness.folder / "e")
    run = call(f"{harness.url}/v1/benchmark-runs/{env['BENCHMARK_RUN_ID']}", env["RUN_TOKEN"])
    assert [t["phase"] for t in run["task_runs"]] == ["started"]


def test_what_is_wrong_is_said_and_leaves_nothing_behind(harness: Any) -> None:
    for args, said in (
        (("task", "start", "mock@1", "next-apointment", "--env", "e"), 'did you mean "next-appointment"'),
        (("task", "start", "mick@1", "next-appointment", "--env", "e"), "no benchmark mick@1"),
        (("task", "start", "mock@1", "next-appointment", "--env", "none/e"), "no directory none"),
        (("task", "start", "mock@1", "next-appointment", "--env", "e", "--data-dir", "other"), "No server has"),
        (("task", "start", "mock@1", "next-appointment", "--env", "e", "--solver-key", "vrl_slv_x"), "key"),
        (("task", "complete", "--env", "e"), "e cannot be used"),
        (("task", "complete"), "RUN_TOKEN is not in the environment"),
    ):
        result = harness.sandbox(*args)
        assert result.returncode == 2 and said in result.stderr, (args, result)
    assert not (harness.folder / "e").exists()
    assert call(f"{harness.url}/benchmark-runs", "vk_local")["data"] == []


def test_a_run_that_cannot_be_handed_over_is_cancelled(harness: Any) -> None:
    (harness.folder / "e").mkdir()
    result = harness.sandbox("task", "start", "mock@1", "next-appointment", "--env", "e")
    assert result.returncode == 2
    (run,) = call(f"{harness.url}/benchmark-runs", "vk_local")["data"]
    assert run["status"] == "cancelled"
