"""`sandbox prove --write`: the state of the solution is recorded, and the proof then compares with it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sandbox.cli import app

SOLUTION = """
async def write(task, names):
    for name in names:
        patient = {"resourceType": "Patient", "name": [{"family": name}]}
        made = (await task.request("POST", "fhir/Patient", json=patient)).raise_for_status().json()
        note = f"{name} is {made['id']}".encode()
        (await task.request("PUT", f"files/outbox/{name}.txt", data=note)).raise_for_status()


async def solve(task):
    await write(task, NAMES)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    criteria = [{"label": "as solved", "assertion": {"assert": "state-equals-solution"}}]
    definition = {
        "slug": "twins",
        "version": 1,
        "name": "Twins",
        "environment": {
            "name": "Ward",
            "simulators": [{"type": "Fhir", "name": "EHR"}, {"type": "Files", "name": "Drop"}],
        },
        "tasks": [{"key": "both", "name": "Both", "criteria": criteria}],
    }
    folder = tmp_path / "playgrounds/twins/v1"
    folder.mkdir(parents=True)
    (folder / "benchmark.json").write_text(json.dumps(definition))
    (folder / "solution.py").write_text(SOLUTION.replace("NAMES", "['Ana', 'Ben']"))
    other = "from .solution import write\n\n\nasync def solve(task):\n    await write(task, NAMES)\n"
    (folder / "alternative.py").write_text(other.replace("NAMES", "['Ben', 'Ana']"))
    (folder / "near_miss.py").write_text(other.replace("NAMES", "['Ana', 'Bob']"))
    (tmp_path / "seeds").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("SANDBOX_API_KEY", "SANDBOX_SOLVER_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def sandbox(*args: Any) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*map(str, args), "--seeds", "seeds"], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def prove(*more: Any) -> tuple[int, str]:
    return sandbox("prove", "twins", "--playgrounds", "playgrounds", "--data-dir", "data", *more)


def test_it_is_recorded_then_proves_and_grows_stale_with_its_solution(home: Path) -> None:
    folder = home / "playgrounds/twins/v1"
    status, printed = prove("--write")
    assert status == 0, printed
    assert "solution_state.json: the state of 1 task\n" in printed and "twins@1 is proven" in printed
    kept = json.loads((folder / "solution_state.json").read_text())["tasks"]["both"]
    assert [change["collection"] for change in kept["changes"]] == ["fhir/Patient"] * 2 + ["files/tree"] * 2
    assert sandbox("check", "playgrounds")[0] == 0

    before = (folder / "solution_state.json").read_bytes()
    (folder / "solution.py").write_text("async def solve(task):\n    raise ValueError('no')\n")
    for name in [name for name in sys.modules if name.startswith("sandbox_agents")]:
        del sys.modules[name]  # as in a new process
    status, printed = sandbox("check", "playgrounds")
    assert status == 1 and "is of another solution; make it again with sandbox prove --write" in printed
    status, printed = prove("--write")
    assert status == 1 and "twins@1 both: the solution failed: " in printed, printed
    assert (folder / "solution_state.json").read_bytes() == before
