"""A required criterion that failed, as every report of it tells it: on a real server, by the real commands."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.testing.server import running_server

CRITERIA = [
    {"label": "The dose is right", "weight": 1, "required": True, "assertion": {"path": "dose", "expected": 5}},
    {"label": "The letter is polite", "weight": 19, "assertion": {"path": "polite", "expected": True}},
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    criteria = [{**c, "assertion": {"assert": "agent-output", "fields": [c["assertion"]]}} for c in CRITERIA]
    definition = {
        "slug": "dosing",
        "version": 1,
        "name": "Dosing",
        "environment": {"name": "Ward", "simulators": [{"type": "Files", "name": "Drop"}]},
        "tasks": [{"key": key, "name": key, "criteria": criteria} for key in ("first", "second")],
    }
    folder = tmp_path / "playgrounds/dosing/v1"
    folder.mkdir(parents=True)
    (folder / "benchmark.json").write_text(json.dumps(definition))
    (tmp_path / "seeds").mkdir()
    (folder / "solution.py").write_text("async def solve(task):\n    return {'dose': 50, 'polite': True}\n")
    monkeypatch.chdir(tmp_path)
    for name in ("SANDBOX_API_KEY", "SANDBOX_SOLVER_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def sandbox(*args: Any) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "160"})
    return result.exit_code, result.output


def rehearse(*more: Any) -> tuple[int, str]:
    where = ("--playgrounds", "playgrounds", "--seeds", "seeds", "--data-dir", "data", "--json", "report.json")
    return sandbox("rehearse", "dosing", *where, *more)


@pytest.mark.parametrize("selected", [(), ("--task", "second")], ids=["all", "a selection"])
def test_rehearse_show_and_report(home: Path, selected: tuple[str, ...]) -> None:
    status, printed = rehearse(*selected)
    assert status == 1 and "✗ The dose is right (weight 1, required)" in printed, printed
    report = json.loads((home / "report.json").read_text())
    assert (report["score"], report["verdict"]) == (0.95, "partial")
    for task in report["task_runs"]:
        assert (task["verdict"], task["failed_required"]) == ("partial", ["The dose is right"])
        assert [check["required"] for check in task["checks"]] == [True, False]
    _, printed = sandbox("show", "latest", "--data-dir", "data")
    assert "✗ The dose is right (required)" in printed and "✓ The letter is polite\n" in printed, printed


def test_the_client_tells_it(home: Path) -> None:
    with running_server(data_dir=home / "data", playgrounds=[home / "playgrounds"], seeds=[home / "seeds"]) as server:
        client = server.sync_client
        run = client.create_benchmark_run("dosing")
        task = client.start_task_run(run.task_runs[0].id)
        result = client.complete_task_run(task.task_run_id, output={"dose": 50, "polite": True})
        assert (result.verdict, result.score, result.failed_required) == ("partial", 0.95, ("The dose is right",))
        assert not result.is_pass and [check.required for check in result.checks] == [True, False]
        first, second = result.explain().splitlines()[:2]
        assert first.endswith("partial 0.95, 1 of 2 checks failed, 1 of them required")
        assert second == "  ✗ The dose is right (weight 1, required)"
        stored = client.get_task_run(task.task_run_id)
        assert stored.failed_required == ("The dose is right",)
        assert [c.required for c in stored.criterion_runs] == [True, False]
