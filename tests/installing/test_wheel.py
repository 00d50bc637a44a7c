"""What works from the wheel alone, away from the checkout."""

import zipfile
from configparser import ConfigParser
from pathlib import Path
from typing import Any


def test_the_wheel_has_the_commands_the_types_and_the_benchmarks(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (points,) = [name for name in names if name.endswith(".dist-info/entry_points.txt")]
        entry_points = ConfigParser()
        entry_points.read_string(archive.read(points).decode())
    assert entry_points["console_scripts"]["sandbox"] == "sandbox.cli:main"
    assert entry_points["pytest11"]["sandbox"] == "playground_sandbox_pytest"
    assert {
        "sandbox/py.typed",
        "sandbox/record/schema.sql",
        "sandbox/dashboard/templates/base.html",
        "sandbox/dashboard/static/dashboard.css",
    } <= set(names)
    assert "sandbox/_data/playgrounds/mock/v1/benchmark.yaml" in names
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"sandbox", "playground_sandbox_pytest.py"}


def test_what_is_run_is_the_wheel(python: Any, site: Path) -> None:
    found = python("-c", "import sandbox, playground_sandbox_pytest as p; print(sandbox.__file__, p.__file__)")
    assert found.stdout.split() == [str(site / "sandbox/__init__.py"), str(site / "playground_sandbox_pytest.py")]


def test_the_built_in_benchmarks_are_there_wherever_it_is_called(python: Any) -> None:
    checked = python("-m", "sandbox", "check")
    assert checked.returncode == 0 and "16 benchmarks" in checked.stdout, checked
    rehearsed = python("-m", "sandbox", "rehearse", "mock@1")
    assert rehearsed.returncode == 0 and "2 of 2 tasks passed" in rehearsed.stdout, rehearsed
