"""Committed data is what its scripts make, to the byte."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAXES = ROOT / "playgrounds" / "fax-referral" / "v1"
MESSAGES = ROOT / "playgrounds" / "lab-result-routing" / "v1"


def run(script: Path, target: Path) -> None:
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "4711"}
    subprocess.run([sys.executable, str(script), str(target)], check=True, capture_output=True, env=environment)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("script", "committed"),
    [
        (FAXES / "make_faxes.py", FAXES / "faxes"),
        (MESSAGES / "make_messages.py", MESSAGES / "messages"),
    ],
    ids=["faxes", "messages"],
)
def test_scenario_files_are_made_by_their_script(script: Path, committed: Path, tmp_path: Path) -> None:
    run(script, tmp_path)
    assert contents(tmp_path) == contents(committed)
    assert contents(tmp_path)


def test_the_clinic_is_made_by_its_script(tmp_path: Path) -> None:
    folder = ROOT / "seeds" / "regional-clinic"
    run(folder / "generate.py", tmp_path)
    made = contents(tmp_path)
    sources = {path.name for path in folder.glob("*.py")} | {"README.md"}
    committed = {path: content for path, content in contents(folder).items() if "__pycache__" not in path}
    assert made == {path: content for path, content in committed.items() if path not in sources}
    assert len(made) > 20
