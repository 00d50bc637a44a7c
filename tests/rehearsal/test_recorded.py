"""With the real server: rehearse, then read the record back from the server and from the directory."""

import json
import sqlite3
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.errors import NotFound
from sandbox.record.database import FILE_NAME, SCHEMA_VERSION, DatabaseError
from sandbox.rehearsal.directory import open_directory
from sandbox.rehearsal.records import RunRecord, ServerRecords, read_run
from sandbox.testing.server import running_server


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory, with no keys in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("SANDBOX_API_KEY", "SANDBOX_SOLVER_KEY", "SANDBOX_STRICT", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def sandbox(*args: str) -> Any:
    return CliRunner().invoke(app, args)


def test_rehearse_then_look_back(here: Path) -> None:
    """The empty state, a run that passes, one that does not, and both in the record."""
    assert "Make one:\n\n  sandbox rehearse mock@1" in sandbox("runs").stdout
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
