"""`sandbox worth`: what was kept of each task, and a dash for what was not measured or is of another definition."""

import json
from pathlib import Path

from typer.testing import CliRunner

from sandbox.builtin import create_registry
from sandbox.cli import app
from sandbox.definitions import baselines
from sandbox.definitions.library import load_library


def define(folder: Path, label: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    criteria = [{"label": label, "assertion": {"assert": "agent-output", "fields": [{"path": "", "expected": 1}]}}]
    tasks = [{"key": key, "name": key, "criteria": criteria} for key in ("one", "two")]
    definition = {"slug": "demo", "version": 1, "name": "Demo", "environment": {"name": "E"}, "tasks": tasks}
    definition["environment"]["simulators"] = [{"type": "Fhir", "name": "EHR"}]  # type: ignore[index]
    (folder / "benchmark.json").write_text(json.dumps(definition))


def worth(home: Path, *slugs: str) -> tuple[int, str]:
    (home / "seeds").mkdir(exist_ok=True)
    options = ("--playgrounds", str(home / "playgrounds"), "--seeds", str(home / "seeds"))
    result = CliRunner().invoke(app, ["worth", *slugs, *options])
    return result.exit_code, result.output


def test_what_was_kept_is_shown_until_the_definition_changes(tmp_path: Path) -> None:
    folder = tmp_path / "playgrounds/demo/v1"
    define(folder, "said")
    assert worth(tmp_path)[1].splitlines()[2:] == ["| `demo@1` one | - | - | - |", "| `demo@1` two | - | - | - |"]
    benchmark = load_library([tmp_path / "playgrounds"], [tmp_path / "seeds"], create_registry()).find("demo")
    first, second = (
        baselines.stamp_of(folder, benchmark.definition, task, benchmark.dataset_hashes)
        for task in benchmark.definition.tasks
    )
    measured = {"idle": {"score": 0.0}, "nonsense": {"score": 0.25}, "mutants": {"killed": 9, "played": 10}}
    baselines.write(folder, {"one": {**first, **measured}, "two": {**second, "idle": {"score": 0.05}}})
    baselines.write(folder, {"one": {**first, "idle": {"score": 0.01}}})  # what is not measured again stays
    rows = worth(tmp_path, "demo")[1].splitlines()[2:]
    assert rows == ["| `demo@1` one | 0.01 | 0.25 | 9 of 10 |", "| `demo@1` two | 0.05 | - | - |"]
    define(folder, "said otherwise")
    assert worth(tmp_path)[1].splitlines()[2] == "| `demo@1` one | - | - | - |"


def test_a_benchmark_that_is_not_there(tmp_path: Path) -> None:
    define(tmp_path / "playgrounds/demo/v1", "said")
    status, printed = worth(tmp_path, "dmeo")
    assert status == 2 and "There is no benchmark dmeo. There are: demo." in printed
