import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from sandbox.record.database import DatabaseError
from sandbox.record.lock import DirectoryInUse, DirectoryLock, Owner
from sandbox.rehearsal.commands import register
from sandbox.settings import Settings

Run = Callable[..., Result]

SOLUTION = """
async def solve(task):
    await task.request("POST", "fhir/Patient", json={"resourceType": "Patient"})
    return "done"
"""
NEAR_MISS = "async def solve(task):\n    return 'done'\n"


@pytest.fixture
def playgrounds(tmp_path: Path) -> Path:
    """Reference agents for everything the fake serves; only mock@1 has an alternative."""
    for reference in ("mock/v1", "mock/v2", "other/v1"):
        folder = tmp_path / "playgrounds" / reference
        folder.mkdir(parents=True)
        (folder / "solution.py").write_text(SOLUTION)
        (folder / "near_miss.py").write_text(NEAR_MISS)
    (tmp_path / "playgrounds/mock/v1/alternative.py").write_text(SOLUTION)
    return tmp_path / "playgrounds"


@pytest.fixture
def settings_seen() -> list[Settings]:
    return []


@pytest.fixture
def sandbox(
    threaded_fake: Any,
    playgrounds: Path,
    settings_seen: list[Settings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """The command line, with the fake in the place of the own server."""
    monkeypatch.chdir(tmp_path)
    for name in ("SANDBOX_API_KEY", "SANDBOX_SOLVER_KEY", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    @asynccontextmanager
    async def start(settings: Settings) -> AsyncIterator[str]:
        settings_seen.append(settings)
        yield threaded_fake.url

    app = typer.Typer()
    register(app, start)

    def run(*args: str) -> Result:
        options = ["--playgrounds", str(playgrounds)] if args[0] == "rehearse" else []
        return CliRunner().invoke(app, [*args, *options])

    return run


def test_the_solution_is_the_default_and_passes(sandbox: Run, threaded_fake: Any, tmp_path: Path) -> None:
    result = sandbox("rehearse", "mock@1", "--json", "report.json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "2 of 2 tasks passed" in result.stdout
    assert "correctness 1.00, communication 1.00" in result.stdout
    report = json.loads((tmp_path / "report.json").read_bytes())
    assert list(report) == [
        "benchmark",
        "benchmark_run_id",
        "agent",
        "score",
        "verdict",
        "started_at",
        "completed_at",
        "figures",
        "task_runs",
    ]
    assert (report["benchmark"], report["agent"], report["verdict"]) == ("mock@1", "solution", "pass")
    assert report["started_at"] == "2026-04-20T17:00:00.000Z"
    task = report["task_runs"][0]
    assert list(task) == [
        *("id", "key", "name", "verdict", "score", "axes", "failed_required", "checks"),
        *("tags", "baseline", "calls", "duration_s"),
    ]
    figures = report["figures"]
    assert [figures[name] for name in ("tasks", "passed", "pass_rate", "score", "idle")] == [2, 2, 1.0, 1.0, None]
    assert figures["axes"]["correctness"] == {
        "tasks": 2,
        "passed": 2,
        "pass_rate": 1.0,
        "score": 1.0,
        "idle": None,
        "nonsense": None,
    }
    assert (task["key"], task["calls"]) == ("alpha", 1)
    assert task["axes"] == {
        "correctness": {"score": 1.0, "weight": 2},
        "communication": {"score": 1.0, "weight": 1},
    }
    assert [check["label"] for check in task["checks"]] == ["Patient is on file", "Answer was given"]
    assert threaded_fake.runs[0].agent == "solution"


def test_failing_checks_are_shown_under_the_table(sandbox: Run) -> None:
    result = sandbox("rehearse", "mock@1", "-a", "near-miss", "--task", "beta")
    assert result.exit_code == 1
    after = result.stdout.partition("└")[2]
    assert "✗ Patient is on file (correctness, weight 2)" in after
    assert "found no Patient at all" in after
    assert "Answer was given" not in after
    assert "0 of 1 tasks passed" in after


def test_several_trials_are_a_list_and_a_summary(sandbox: Run, threaded_fake: Any) -> None:
    result = sandbox("rehearse", "mock@1", "other", "--trials", "2", "--seed", "7", "--json", "-")
    assert result.exit_code == 0
    reports = json.loads(result.stdout)  # the tables go to stderr
    assert [report["benchmark"] for report in reports] == ["mock@1", "mock@1", "other@1", "other@1"]
    assert "summary" in result.stderr
    assert len(threaded_fake.runs) == 4


def test_all_is_every_version_of_everything(sandbox: Run, threaded_fake: Any) -> None:
    result = sandbox("rehearse", "all", "--json", "-")
    assert [report["benchmark"] for report in json.loads(result.stdout)] == ["mock@1", "mock@2", "other@1"]


def test_all_is_a_list_even_of_one(sandbox: Run, threaded_fake: Any) -> None:
    threaded_fake.references = [("mock", "1")]
    assert len(json.loads(sandbox("rehearse", "all", "--json", "-").stdout)) == 1


def test_a_slug_is_its_latest_version(sandbox: Run, threaded_fake: Any) -> None:
    threaded_fake.references = [("mock", "10"), ("mock", "9"), ("other", "1")]
    result = sandbox("rehearse", "mock", "-a", "idle")
    assert result.exit_code == 1
    assert "mock@10 · idle" in result.stdout


def test_only_some_benchmarks_have_an_alternative(sandbox: Run) -> None:
    result = sandbox("rehearse", "all", "-a", "alternative", "--json", "-")
    assert result.exit_code == 0
    assert [report["benchmark"] for report in json.loads(result.stdout)] == ["mock@1"]
    assert "no alternative agent: mock@2, other@1" in result.stderr


def test_a_command_as_agent(sandbox: Run) -> None:
    result = sandbox("rehearse", "mock@1", "--agent", "echo '{\"a\": 1}'; echo broken >&2; exit 7")
    assert result.exit_code == 1
    assert "the command exited with status 7" in result.stdout
    assert "broken" in result.stdout


def test_a_function_as_agent(sandbox: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agent_for_the_test.py").write_text(SOLUTION)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert sandbox("rehearse", "mock@1", "--agent", "agent_for_the_test:solve").exit_code == 0
    del sys.modules["agent_for_the_test"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nothing@1"], "There is no benchmark nothing@1. There are: mock@1, mock@2, other@1."),
        (["nothing"], "There is no benchmark nothing."),
        (["mock@1", "--task", "gamma"], "no task gamma; it has alpha, beta"),
        (["mock@2", "-a", "alternative"], "mock@2 has no alternative.py"),
        (["mock@1", "-a", "no_such_module:solve"], "cannot be loaded"),
        (["mock@1", "-a", " "], "--agent is empty"),
        (["mock@1", "-a", "solutoin"], "There is no command solutoin to run as the agent. Did you mean solution?"),
        (["mock@1", "-a", "no-such-command --fast"], "There is no command no-such-command"),
        (["mock@1", "-a", "KEY=1 no-such-command"], "There is no command no-such-command"),
        (["mock@1", "-a", "python agnet.py"], "there is no file agnet.py"),
        (["mock@1", "-a", "sh 'my agnet.sh'"], "there is no file my agnet.sh"),
        (["mock@1", "-a", "echo 'unclosed"], "is no shell command"),
        (["mock@1", "-a", "true && no-such-command"], "cannot be run: true && no-such-command"),
        (["mock@1", "-a", "sh -c 'exec ./playgrounds'"], "cannot be run"),
        (["mock@1", "--json", "no/such/dir/x.json"], "no directory no/such/dir"),
        (["mock@1", "--json", "playgrounds"], "cannot be written"),
        (["mock@1", "--url", "localhost"], "not the URL of a server"),
        (["mock@1", "--url", "http://["], "not the URL of a server"),
        (["mock@1", "--trials", "0"], "--trials"),
        (["mock@1", "--parallel", "0"], "--parallel"),
        ([], "Missing argument"),
    ],
)
def test_what_is_asked_wrongly_is_said_with_status_2(sandbox: Run, args: list[str], said: str) -> None:
    result = sandbox("rehearse", *args)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("agent", ["solutoin", "python agnet.py", "true; no-such-command"])
def test_a_misspelt_agent_leaves_no_score(sandbox: Run, threaded_fake: Any, agent: str) -> None:
    result = sandbox("rehearse", "mock@1", "--agent", agent)
    assert (result.exit_code, result.stdout) == (2, "")
    assert all(run.status == "cancelled" for run in threaded_fake.runs)


def test_nothing_to_rehearse(sandbox: Run, threaded_fake: Any) -> None:
    threaded_fake.references = []
    assert "There is no benchmark to rehearse" in sandbox("rehearse", "all").stderr
    threaded_fake.references = [("other", "1")]
    result = sandbox("rehearse", "all", "-a", "alternative")
    assert (result.exit_code, "Nothing to rehearse" in result.stderr) == (2, True)


def test_a_broken_benchmark_does_not_keep_the_others_from_being_rehearsed(sandbox: Run, threaded_fake: Any) -> None:
    threaded_fake.broken_runs = {"br_1"}
    result = sandbox("rehearse", "all", "--json", "-")
    assert result.exit_code == 2
    assert [report["benchmark"] for report in json.loads(result.stdout)] == ["mock@2", "other@1"]
    assert "mock@1: step 2 failed" in result.stderr
    assert "br_1 was cancelled" in result.stderr


def test_another_server(sandbox: Run, threaded_fake: Any, settings_seen: list[Settings]) -> None:
    assert sandbox("rehearse", "mock@1", "--url", threaded_fake.url + "/").exit_code == 0
    assert settings_seen == []
    result = sandbox("rehearse", "mock@1", "--url", threaded_fake.url, "--api-key", "vk_wrong")
    assert (result.exit_code, "No or wrong credentials" in result.stderr) == (2, True)
    assert "--api-key and --solver-key" in result.stderr


def test_nobody_at_the_url(sandbox: Run, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.client.transport.retry_delay_s", lambda *_: 0.0)
    result = sandbox("rehearse", "mock@1", "--url", f"http://127.0.0.1:{unused_tcp_port}")
    assert (result.exit_code, "Cannot connect" in result.stderr) == (2, True)


def test_the_own_server_records_in_the_data_directory(
    sandbox: Run, settings_seen: list[Settings], tmp_path: Path
) -> None:
    assert sandbox("rehearse", "mock@1", "--data-dir", "kept", "--seeds", "s").exit_code == 0
    (settings,) = settings_seen
    assert (settings.data_dir, settings.seeds, settings.port) == (Path("kept"), (Path("s"),), 0)


def owner(fake: Any, playgrounds: Path) -> Owner:
    return Owner(4711, fake.url, is_lasting=True, playgrounds=(playgrounds,))


def test_beside_a_running_server_the_rehearsal_is_recorded_there(
    sandbox: Run, threaded_fake: Any, playgrounds: Path, settings_seen: list[Settings], tmp_path: Path
) -> None:
    lock = DirectoryLock(tmp_path / ".sandbox")
    lock.announce(owner(threaded_fake, playgrounds))
    try:
        result = sandbox("rehearse", "mock@1", "--json", "-")
    finally:
        lock.release()
    assert result.exit_code == 0, result.output
    assert settings_seen == [] and len(threaded_fake.runs) == 1
    assert json.loads(result.stdout)["benchmark_run_id"] == "br_1"
    assert f"{threaded_fake.url} (process 4711) records in .sandbox" in result.stderr


def test_the_servers_own_benchmarks_are_found_without_being_named(
    threaded_fake: Any, playgrounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    register(app, lambda _: pytest.fail("no server of its own is needed"))
    lock = DirectoryLock(tmp_path / ".sandbox")
    lock.announce(owner(threaded_fake, playgrounds))
    try:
        result = CliRunner().invoke(app, ["rehearse", "mock@1"])
    finally:
        lock.release()
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("of_server", "environment", "said"),
    [
        ({"playgrounds": (Path("/elsewhere"),)}, {}, "takes --playgrounds from /elsewhere"),
        ({}, {"SANDBOX_STRICT": "1"}, "is not strict"),
    ],
)
def test_a_server_that_has_other_things_than_asked_for_is_not_used(
    sandbox: Run,
    threaded_fake: Any,
    playgrounds: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    of_server: dict[str, Any],
    environment: dict[str, str],
    said: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    lock = DirectoryLock(tmp_path / ".sandbox")
    lock.announce(replace(owner(threaded_fake, playgrounds), **of_server))
    try:
        result = sandbox("rehearse", "mock@1")
    finally:
        lock.release()
    assert result.exit_code == 2 and said in result.stderr and "--data-dir" in result.stderr
    assert threaded_fake.runs == []


@pytest.mark.parametrize("other", [{"is_lasting": False}, {"url": None}])
def test_another_rehearsal_is_waited_for(
    sandbox: Run,
    threaded_fake: Any,
    playgrounds: Path,
    settings_seen: list[Settings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    other: dict[str, Any],
) -> None:
    lock = DirectoryLock(tmp_path / ".sandbox")
    lock.announce(replace(owner(threaded_fake, playgrounds), **other))
    monkeypatch.setattr("sandbox.rehearsal.campaign.time.sleep", lambda _: lock.release())
    result = sandbox("rehearse", "mock@1")
    assert result.exit_code == 0, result.output
    assert "waiting: process 4711 has .sandbox" in result.stderr
    assert [settings.data_dir for settings in settings_seen] == [Path(".sandbox")]


def test_who_was_quicker_is_waited_for(
    threaded_fake: Any, playgrounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    started = []

    @asynccontextmanager
    async def start(settings: Settings) -> AsyncIterator[str]:
        started.append(settings)
        if len(started) == 1:
            raise DirectoryInUse(settings.data_dir, Owner(1))
        yield threaded_fake.url

    app = typer.Typer()
    register(app, start)
    result = CliRunner().invoke(app, ["rehearse", "mock@1", "--playgrounds", str(playgrounds)])
    assert (result.exit_code, len(started)) == (0, 2), result.output


def test_a_data_directory_that_is_none_is_said(sandbox: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert sandbox("runs", "--data-dir", "file").exit_code == 0  # nothing is recorded there, which is an answer
    result = sandbox("show", "latest", "--data-dir", "file")
    assert result.exit_code == 2 and "Traceback" not in result.output


def test_a_server_that_does_not_start(playgrounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def start(settings: Settings) -> AsyncIterator[str]:
        raise DatabaseError("the record is from a newer version")
        yield ""

    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    register(app, start)
    result = CliRunner().invoke(app, ["rehearse", "mock@1"])
    assert (result.exit_code, "newer version" in result.stderr) == (2, True)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_the_run_and_ends_the_agent(
    threaded_fake: Any, tmp_path: Path, is_gone: Any, number: signal.Signals, status: int
) -> None:
    fifo = tmp_path / "agent"
    os.mkfifo(fifo)
    command = [sys.executable, "-m", "sandbox", "rehearse", "mock@1", "--url", threaded_fake.url]
    process = subprocess.Popen(
        [*command, "--agent", f"echo $$ > {fifo}; sleep 600"], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        pid = int(fifo.read_text())  # the agent works now
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == status
    assert b"br_1 was cancelled" in stderr
    assert b"Traceback" not in stderr
    assert threaded_fake.runs[0].status == "cancelled"
    assert is_gone(pid)


def test_runs_of_a_server(sandbox: Run, threaded_fake: Any) -> None:
    assert "No run has been recorded" in sandbox("runs", "--url", threaded_fake.url).stdout
    assert sandbox("rehearse", "mock@1", "--trials", "3").exit_code == 0
    result = sandbox("runs", "--url", threaded_fake.url, "--limit", "2")
    assert result.exit_code == 0
    assert "br_1 " not in result.stdout
    assert "br_3 " in result.stdout
    assert "2/2" in result.stdout
    assert "9.0 s" in result.stdout
    listed = json.loads(sandbox("runs", "--url", threaded_fake.url, "--json").stdout)
    assert [run["benchmark_run_id"] for run in listed] == ["br_3", "br_2", "br_1"]


def test_show_a_run_of_a_server(sandbox: Run, threaded_fake: Any) -> None:
    assert sandbox("rehearse", "mock@1", "-a", "echo done").exit_code == 1
    assert sandbox("rehearse", "mock@1").exit_code == 0
    shown = sandbox("show", "br_1", "--url", threaded_fake.url, "--task", "alpha").stdout
    assert "alpha" in shown
    assert "beta" not in shown
    assert "✗ Patient is on file" in shown
    assert 'status: expected "active", found null' in shown
    shown = sandbox("show", "latest", "--url", threaded_fake.url).stdout
    assert shown.index("alpha") < shown.index("beta")
    assert "✓ Patient is on file" in shown
    assert "POST fhir/Patient" in shown
    assert "fhir/Patient/1" in shown
    value = json.loads(sandbox("show", "br_2", "--url", threaded_fake.url, "--json").stdout)
    assert [len(task["events"]) for task in value["task_runs"]] == [2, 2]
    assert "bearer_token" not in value


def test_show_what_is_not_there(sandbox: Run, threaded_fake: Any) -> None:
    for args, said in (
        (["br_9"], "There is no run br_9"),
        (["latest"], "Make one: sandbox rehearse mock@1"),
    ):
        result = sandbox("show", *args, "--url", threaded_fake.url)
        assert (result.exit_code, said in result.stderr) == (2, True)
    assert sandbox("rehearse", "mock@1").exit_code == 0
    result = sandbox("show", "br_1", "--url", threaded_fake.url, "--task", "gamma")
    assert "no task gamma; it has alpha, beta" in result.stderr
