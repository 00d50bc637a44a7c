"""The pytest plugin in projects of other people, some of which have a package `sandbox` of their own."""

from pathlib import Path
from typing import Any

import pytest

USES_OWN = "from sandbox import answer\n\n\ndef test_it():\n    assert answer == 42\n"
USES_OURS = """
def test_it(sandbox_server):
    assert sandbox_server.sync_client.list_benchmark_runs() == []
"""
IMPORTS_NOTHING = """
import sys


def test_it(request):
    assert not [name for name in sys.modules if name.split(".")[0] == "sandbox"]
    assert request.config.getini("sandbox_strict") is False
"""
STEPS_ASIDE = "playground-sandbox: no fixtures here, since "
OTHER_PLUGINS = "aiohttp asyncio cacheprovider hypothesispytest randomly schemathesis xdist xdist.looponfail".split()
STRICT = ("-W", "error", "--strict-markers", "--strict-config", *(f"-pno:{name}" for name in OTHER_PLUGINS))


def lay_out(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


OWN = {
    "package": {"sandbox/__init__.py": "answer = 42"},
    "module": {"sandbox.py": "answer = 42"},
    "src": {"src/sandbox/__init__.py": "answer = 42", "pytest.ini": "[pytest]\npythonpath = src\n"},
    "pythonpath": {"lib/sandbox/__init__.py": "answer = 42", "pytest.ini": "[pytest]\npythonpath = lib\n"},
    "conftest": {"sandbox/__init__.py": "answer = 42", "conftest.py": ""},
}


# The command `pytest` does not look into the directory it is called in, `python -m pytest` does.
@pytest.mark.parametrize(
    ("files", "started"),
    [
        (OWN["package"], "-m"),
        (OWN["module"], "-m"),
        (OWN["src"], "-Pm"),
        (OWN["pythonpath"], "-Pm"),
        (OWN["conftest"], "-Pm"),
    ],
    ids=OWN,
)
def test_beside_a_package_of_that_name_the_plugin_steps_aside(
    python: Any, tmp_path: Path, files: dict[str, str], started: str
) -> None:
    lay_out(tmp_path, {**files, "test_it.py": USES_OWN})
    result = python(started, "pytest", *STRICT)
    assert result.returncode == 0, result.stdout + result.stderr
    said = [line for line in result.stdout.splitlines() if line.startswith(STEPS_ASIDE)]
    own = next(name for name in files if "sandbox" in name)
    assert said == [f"{STEPS_ASIDE}{tmp_path / own} is another package sandbox"]


def test_who_steps_aside_leaves_no_fixture(python: Any, tmp_path: Path) -> None:
    lay_out(tmp_path, {"sandbox.py": "", "test_it.py": USES_OURS})
    assert "fixture 'sandbox_server' not found" in python("-m", "pytest", *STRICT).stdout


def test_a_package_below_the_root_that_only_tests_find_is_left_alone(python: Any, tmp_path: Path) -> None:
    """The plugin cannot know of it; it works because the plugin imports nothing of that name."""
    lay_out(tmp_path, {"service/sandbox/__init__.py": "answer = 42", "service/conftest.py": ""})
    lay_out(tmp_path, {"service/test_it.py": USES_OWN})
    result = python("-Pm", "pytest", *STRICT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("files", [{}, {"sandbox/notes.txt": "no package"}], ids=["nothing", "folder"])
def test_elsewhere_the_fixtures_are_there_and_nothing_is_imported_until_one_is_used(
    python: Any, tmp_path: Path, files: dict[str, str]
) -> None:
    lay_out(tmp_path, {**files, "test_a.py": IMPORTS_NOTHING, "test_b.py": USES_OURS})
    result = python("-m", "pytest", *STRICT, "-o", "sandbox_strict=false")
    assert result.returncode == 0 and "2 passed" in result.stdout, result.stdout + result.stderr
    assert STEPS_ASIDE not in result.stdout
