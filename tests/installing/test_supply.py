"""What an installation is made of: dependencies without known advisories, data with its licence."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parents[2]
OURS = {".py", ".sql", ".html", ".typed", ".md", ".j2", ".css", ".js", ".yaml"}


@pytest.fixture(scope="module")
def floors():
    spec = importlib.util.spec_from_file_location("floors", ROOT / ".ci" / "floors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def project(*dependencies, **optional):
    return {"project": {"name": "x", "dependencies": list(dependencies), "optional-dependencies": optional}}


@pytest.mark.parametrize(
    ("dependencies", "pins", "clean", "said"),
    [
        (["a>=2"], {"a": "2.1"}, {"a": "2"}, None),
        (["a"], {"a": "2.1"}, {}, "a has no lower bound"),
        (["a>=1"], {"a": "2.1"}, {"a": "2"}, "a may be older than 2"),
        (["a>=2"], {"a": "1.9"}, {}, "a is pinned to 1.9, which a>=2 does not allow"),
        (["a>=2"], {}, {}, "a is not pinned"),
        (["a>=2"], {"a": "3", "b": "1"}, {"b": "2"}, "b of floors.txt is no dependency"),
        (["a>=2", "B_x>=1"], {"a": "3", "b-x": "1"}, {"b-x": "2"}, "take 2"),
    ],
)
def test_what_is_noticed(floors, dependencies, pins, clean, said):
    def versions(table):
        return {name: Version(text) for name, text in table.items()}

    found = floors.problems(project(*dependencies), versions(pins), versions(clean))
    assert (found == []) if said is None else any(said in problem for problem in found), found


def test_the_project_itself():
    subprocess.run([sys.executable, ROOT / ".ci" / "floors.py"], check=True)
    assert "floors.py" in re.search(r"(?ms)^check:.*?^$", (ROOT / "Makefile").read_text())[0]


def test_data_files_have_their_licence_beside_them():
    tracked = subprocess.run(
        ["git", "ls-files", "sandbox"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    folders = {Path(line).parent for line in tracked.splitlines() if Path(line).suffix not in OURS}
    assert len(folders) >= 3
    for folder in folders:
        text = (ROOT / folder / "LICENSE.md").read_text()
        assert "CC0 1.0" in text or "UCUM" in text, folder
