"""`sandbox prove`: what each agent must do, said by lines and by the exit status."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from sandbox.builtin import create_registry
from sandbox.rehearsal import commands, proving
from sandbox.settings import Settings

Prove = Callable[..., Result]

RIGHT = """
async def solve(task):
    await task.request("POST", "fhir/Patient", json={"resourceType": "Patient"})
    return "done"
"""
HALF = "async def solve(task):\n    return 'done'\n"
BROKEN = "async def solve(task):\n    raise ValueError('no idea')\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of mock@1, with agents that behave."""
    made = tmp_path / "playgrounds" / "mock" / "v1"
    made.mkdir(parents=True)
    (made / "solution.py").write_text(RIGHT)
    (made / "near_miss.py").write_text(HALF)
    return made


@pytest.fixture
def prove(threaded_fake: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prove:
    """The command line, with the fake in the place of the own server."""
    monkeypatch.chdir(tmp_path)
    for name in ("SANDBOX_API_KEY", "SANDBOX_SOLVER_KEY", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    @asynccontextmanager
    async def start(settings: Settings) -> AsyncIterator[str]:
        yield threaded_fake.url

    app = typer.Typer()
    commands.register(app, start)
    proving.register(app, start, create_registry)
    return lambda *args: CliRunner().invoke(app, ["prove", *args, "--playgrounds", str(folder.parents[1])])


def test_four_agents_that_behave(prove: Prove, folder: Path, threaded_fake: Any) -> None:
    (folder / "alternative.py").write_text(RIGHT)
    result = prove("mock@1")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "mock@1 is proven" in result.stdout
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:]] == [
        ["✓", "solution"],
        ["✓", "alternative"],
        ["✓", "near-miss"],
        ["✓", "idle"],
    ]
    assert [run.agent for run in threaded_fake.runs] == ["solution", "alternative", "near-miss", "idle"]


def test_an_alternative_may_be_missing_and_is_said_to_be(prove: Prove) -> None:
    result = prove("mock@1")
    assert result.exit_code == 0
    assert "- alternative none beside the benchmark" in result.stdout


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("solution.py", HALF, "alpha: scored 0.333"),
        ("solution.py", BROKEN, "alpha: the agent failed: ValueError: no idea"),
        ("alternative.py", HALF, "with failed: Patient is on file"),
        ("near_miss.py", RIGHT, "beta: passed with 1.0"),
        ("near_miss.py", BROKEN, "the agent failed, which is no near miss: ValueError: no idea"),
    ],
)
def test_an_agent_that_does_not_behave(prove: Prove, folder: Path, name: str, code: str, said: str) -> None:
    (folder / name).write_text(code)
    result = prove("mock@1")
    assert result.exit_code == 1
    assert "mock@1 is not proven" in result.stdout
    assert said in result.stdout
    assert sum("✗" in line for line in result.stdout.splitlines()) == 1


def test_an_idle_agent_that_passes(prove: Prove, threaded_fake: Any) -> None:
    threaded_fake.is_lax = True
    result = prove("mock@1", "--task", "alpha")
    assert result.exit_code == 1
    assert "✗ idle" in result.stdout and "alpha: passed with 1.0" in result.stdout
    assert "beta" not in result.stdout


@pytest.mark.parametrize("name", ["solution.py", "near_miss.py"])
def test_a_benchmark_without_its_agents_is_not_proven(prove: Prove, folder: Path, name: str) -> None:
    (folder / name).unlink()
    result = prove("mock@1")
    assert result.exit_code == 1
    assert f"there is no {name} beside the benchmark" in result.stdout


def test_what_cannot_be_done_is_status_2(prove: Prove, folder: Path, threaded_fake: Any) -> None:
    assert "There is no benchmark nothing@1" in prove("nothing@1").stderr
    (folder / "solution.py").write_text("import no_such_module_anywhere")
    result = prove("mock@1")
    assert (result.exit_code, "cannot be loaded" in result.stderr) == (2, True)


def test_a_benchmark_whose_scenario_breaks_does_not_hide_the_others(
    prove: Prove, folder: Path, threaded_fake: Any
) -> None:
    threaded_fake.references = [("mock", "1"), ("other", "1")]
    threaded_fake.broken_runs = {"br_1"}
    result = prove("all")
    assert result.exit_code == 2
    assert "mock@1: step 2 failed" in result.stderr
    assert "other@1 is not proven" in result.stdout
