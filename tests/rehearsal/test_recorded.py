"""With the real server: rehearse, then read the record back from the server and from the directory."""

import json
import os
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.errors import NotFound
from sandbox.record.database import FILE_NAME, SCHEMA_VERSION, DatabaseError, connect
from sandbox.rehearsal.directory import open_directory
from sandbox.rehearsal.records import RunRecord, ServerRecords, read_run
from sandbox.testing.server import running_server
from tests.alone import have_only


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory, with no keys in the environment and two benchmarks built in."""
    have_only(monkeypatch, tmp_path_factory.mktemp("alone"), "mock@1", "mock@2")
    monkeypatch.chdir(tmp_path)
    for name in ("SANDBOX_API_KEY", "SANDBOX_SOLVER_KEY", "SANDBOX_STRICT", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def sandbox(*args: str) -> Any:
    return CliRunner().invoke(app, args)


def test_rehearse_then_look_back(here: Path) -> None:
    """The empty state, a run that passes, one that does not, and both in the record."""
    assert "Make one:\n\n  sandbox rehearse mock@2" in sandbox("runs").stdout
    assert json.loads(sandbox("runs", "--json").stdout) == []
    nothing = sandbox("show", "latest")
    assert (nothing.exit_code, "Make a first run" in nothing.stderr) == (2, True)

    result = sandbox("rehearse", "mock@1", "--json", "-")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)  # and nothing else, no log line either
    assert (report["score"], report["verdict"]) == (1.0, "pass")
    assert [task["calls"] for task in report["task_runs"]] == [2, 3]

    result = sandbox("rehearse", "mock@1", "--agent", "near-miss", "--task", "new-phone-number")
    assert result.exit_code == 1
    assert "Nobody else's record was touched" in result.stdout

    listed = json.loads(sandbox("runs", "--json").stdout)
    assert [run["agent"] for run in listed] == ["near-miss", "solution"]
    assert "token_hash" not in listed[0]
    assert "2/2" in sandbox("runs").stdout
    shown = sandbox("show", "latest").stdout
    assert "next-appointment · cancelled" in shown
    assert "✗ Nobody else's record was touched" in shown
    assert "PUT fhir/Patient/maria-chen-2" in shown
    assert "There is no run br_0" in sandbox("show", "br_0").stderr


def test_a_rehearsal_at_a_level_of_mess_says_so_wherever_it_is_shown(here: Path) -> None:
    """The table, the report, and the record as the directory has it."""
    result = sandbox("rehearse", "mock@1", "--mess", "2", "--json", "report.json")
    assert result.exit_code == 0, result.output
    assert "mock@1 · solution · mess 2" in result.stdout
    assert json.loads(Path("report.json").read_text())["mess"] == 2
    assert "· mess 2" in sandbox("show", "latest").stdout
    tidy = sandbox("rehearse", "mock@1", "--json", "-")
    assert json.loads(tidy.stdout)["mess"] == 0
    assert "mess" not in sandbox("show", "latest").stdout
    assert [run["mess"] for run in json.loads(sandbox("runs", "--json").stdout)] == [0, 2]
    refused = sandbox("rehearse", "mock@1", "--mess", "4")
    assert (refused.exit_code, "--mess" in refused.stderr) == (2, True)


def test_an_agent_that_blocks_its_loop_does_not_block_the_server(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(task: Any) -> int:
        request = urllib.request.Request(f"{task.base_url}/fhir/Patient?_count=1")
        request.add_header("Authorization", f"Bearer {task.token}")
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)

    async def solve(task: Any) -> int:
        return fetch(task)

    monkeypatch.setattr("sandbox.rehearsal.tests_agent", solve, raising=False)
    result = sandbox("rehearse", "mock@1", "--agent", "sandbox.rehearsal:tests_agent", "--json", "-")
    assert result.exit_code == 1
    found = json.loads(sandbox("show", "latest", "--json").stdout)
    assert [task["output"] for task in found["task_runs"]] == [200, 200]


def test_several_at_once_on_the_real_server(here: Path) -> None:
    assert sandbox("rehearse", "mock@1", "--parallel", "2").exit_code == 0
    result = sandbox("rehearse", "mock@1", "--scored", "--agent", "idle", "--json", "-")
    checks = json.loads(result.stdout)["task_runs"][0]["checks"]
    assert checks
    assert all("details" not in check and "evidence" not in check for check in checks)


def essence(record: RunRecord) -> Any:
    run = record.run
    return {
        "run": (run.id, str(run.benchmark), run.agent, run.status, run.phase, run.verdict, run.score),
        "times": (run.started_at, run.completed_at),
        "tasks": [
            {
                "task": (t.task_run.id, t.task_run.key, t.task_run.name, t.task_run.status, t.task_run.verdict),
                "score": (t.task_run.score, t.task_run.axes),
                "criteria": [
                    (c.id, c.label, c.axis, c.weight, c.passed, c.score, c.details, c.evidence)
                    for c in sorted(t.criterion_runs, key=lambda c: c.id)
                ],
                "events": [(e.seq, e.type, e.request, e.response, e.changes) for e in t.events],
            }
            for t in record.tasks
        ],
    }


async def test_the_directory_says_what_the_server_says(tmp_path: Path) -> None:
    with running_server(data_dir=tmp_path) as server:
        run = await server.client.create_benchmark_run("mock@1", agent="me")
        task = await server.client.start_task_run(run.task_run("next-appointment").id)
        await task.request("GET", "fhir/Patient", params={"family": "Okafor", "_count": 1})
        await task.request("GET", "fhir/Nothing")
        await server.client.complete_task_run(task.task_run_id, output={"date": "2026-05-13"})
        told = await read_run(ServerRecords(server.client), run.id)
        listed = await ServerRecords(server.client).list_benchmark_runs()
        # While the server uses it …
        async with open_directory(tmp_path) as records:
            assert essence(await read_run(records, run.id)) == essence(told)
            assert [r.task_runs for r in await records.list_benchmark_runs()] == [
                r.task_runs for r in await records.list_benchmark_runs(limit=5)
            ]
    assert told.tasks[0].task_run.key == "new-phone-number"  # the benchmark's order
    assert len(told.tasks[1].events) >= 3
    assert [r.id for r in listed] == [run.id]
    # … and when it is gone; the run it left is still going on.
    async with open_directory(tmp_path) as records:
        record = await read_run(records, "latest", ["next-appointment"])
        assert [len(t.events) for t in record.tasks] == [len(told.tasks[1].events)]
        with pytest.raises(NotFound):
            await records.get_benchmark_run("br_0")
        assert await records.list_task_runs("br_0") == []


@pytest.mark.parametrize(("version", "advice"), [(SCHEMA_VERSION + 1, "upgrade"), (0, "sandbox serve")])
async def test_a_record_of_another_version_is_refused(tmp_path: Path, version: int, advice: str) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(DatabaseError, match=advice):
        async with open_directory(tmp_path):
            pass


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database at all, but long enough to have a header " * 10)
    with pytest.raises(DatabaseError, match="cannot be read"):
        async with open_directory(tmp_path):
            pass


async def test_an_empty_directory_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="sandbox rehearse"):
        async with open_directory(tmp_path / "missing"):
            pass


def recorded(here: Path) -> Path:
    assert sandbox("rehearse", "mock@1").exit_code == 0
    return here / ".sandbox" / FILE_NAME


LOOKING = [("runs",), ("show", "latest"), ("show", "latest", "--bodies"), ("show", "latest", "--json")]


@pytest.mark.parametrize("args", LOOKING, ids=" ".join)
def test_a_damaged_record_is_said_in_a_sentence(here: Path, args: tuple[str, ...]) -> None:
    file = recorded(here)
    with file.open("r+b") as content:
        content.seek(4096)
        content.write(bytes(file.stat().st_size - 4096))
    result = sandbox(*args)
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit)
    assert result.stderr.startswith(f"error: {Path('.sandbox') / FILE_NAME} is damaged: ")
    assert '".recover"' in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE definitions SET body = '{'",
        "UPDATE definitions SET body = CAST(x'ff7b' AS TEXT)",
        "UPDATE benchmark_runs SET created_at = 'yesterday', started_at = 'yesterday'",
        "UPDATE criterion_runs SET evidence = '{'",
        "UPDATE event_rows SET changes = '[1]'",
    ],
)
def test_rows_that_do_not_hold_what_was_written_are_damage_too(here: Path, change: str) -> None:
    connection = sqlite3.connect(recorded(here))
    assert connection.execute(change).rowcount > 0
    connection.commit()
    connection.close()
    result = sandbox("show", "latest")
    assert result.exit_code == 2 and "is damaged: " in result.stderr and isinstance(result.exception, SystemExit)


def test_a_record_on_a_read_only_medium_is_read(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(here)
    before = sorted((path.name, path.stat().st_mtime_ns) for path in (here / ".sandbox").iterdir())
    # As os.access answers there, to root as well.
    monkeypatch.setattr("sandbox.rehearsal.directory.os.access", lambda path, mode: mode != os.W_OK)
    seen = []
    monkeypatch.setattr("sandbox.rehearsal.directory.connect", watching(seen))
    assert "2/2" in sandbox("runs").stdout and "new-phone-number" in sandbox("show", "latest").stdout
    assert seen == [True, True]
    assert sorted((path.name, path.stat().st_mtime_ns) for path in (here / ".sandbox").iterdir()) == before
    (here / ".sandbox" / f"{FILE_NAME}-wal").touch()  # a server has it open
    sandbox("runs")
    assert seen[2:] == [False]


def watching(seen: list[bool]) -> Any:
    async def watched(file: Path, **options: Any) -> Any:
        seen.append(options["is_immutable"])
        return await connect(file, **options)

    return watched


@pytest.mark.parametrize("name", ["SQLITE_READONLY", "SQLITE_CANTOPEN"])
def test_a_record_that_cannot_be_read_where_it_is_says_what_to_do(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def refuse(file: Path, **options: Any) -> Any:
        error = sqlite3.OperationalError("attempt to write a readonly database")
        error.sqlite_errorcode = getattr(sqlite3, name)
        raise error

    recorded(here)
    monkeypatch.setattr("sandbox.rehearsal.directory.connect", refuse)
    result = sandbox("runs")
    assert result.exit_code == 2 and "readonly database. Where its directory is read-only" in result.stderr


def test_a_record_that_may_not_be_opened_is_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(here)

    def refuse(self: Path, *args: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    result = sandbox("show", "latest")
    assert result.exit_code == 2 and "may not be read: Permission denied." in result.stderr


def test_the_rehearsal_is_in_the_record_of_the_server_that_runs(here: Path) -> None:
    """A server of the command line, which others may use; the rehearsal goes through its HTTP API."""
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1]
        try:
            result = sandbox("rehearse", "mock@1", "--json", "-")
            assert result.exit_code == 0, result.output
            run_id = json.loads(result.stdout)["benchmark_run_id"]
            assert f"{url} (process {server.pid}) records in .sandbox" in result.stderr
            for args in (("runs",), ("runs", "--url", url)):
                assert run_id in sandbox(*args).stdout
            second = sandbox("serve", "--port", "0")
            assert second.exit_code == 1 and f"process {server.pid}, {url}" in second.stderr
        finally:
            server.terminate()
            server.communicate(timeout=60)
    assert run_id in sandbox("runs").stdout


def test_what_is_piped_is_not_wrapped(here: Path) -> None:
    agent = 'curl -s -o /dev/null -H "Authorization: Bearer $RUN_TOKEN" ' + (
        f'"$SANDBOX_URL/v1/task-runs/$TASK_RUN_ID/fhir/Patient?family={"x" * 300}"'
    )
    assert sandbox("rehearse", "mock@1", "--agent", agent).exit_code == 1
    shown = sandbox("show", "latest").stdout
    assert f"GET fhir/Patient?family={'x' * 300}" in shown
    listed = sandbox("runs").stdout.splitlines()
    assert len(listed) == 2 and f"{agent[:199]}…" in listed[1]
