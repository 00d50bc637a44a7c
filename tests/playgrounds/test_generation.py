"""Committed data is what its scripts make, to the byte."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAXES = sorted((ROOT / "playgrounds" / "fax-referral").glob("v*"))
MESSAGES = sorted((ROOT / "playgrounds" / "lab-result-routing").glob("v*"))


def run(script: Path, target: Path) -> None:
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "4711"}
    subprocess.run([sys.executable, str(script), str(target)], check=True, capture_output=True, env=environment)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("script", "committed"),
    [
        *((folder / "make_faxes.py", folder / "faxes") for folder in FAXES),
        *((folder / "make_messages.py", folder / "messages") for folder in MESSAGES),
    ],
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_scenario_files_are_made_by_their_script(script: Path, committed: Path, tmp_path: Path) -> None:
    run(script, tmp_path)
    assert contents(tmp_path) == contents(committed)
    assert contents(tmp_path)


# What each dataset's script writes; the rest of the folder is by hand.
MADE = {
    "imaging-center": ("fhir/", "files/", "portal.yaml", "payer.yaml"),
    "regional-clinic": ("fhir/", "files/", "portal.yaml"),
    "tidewater-clinic": ("fhir/", "files/scans/"),
}


@pytest.mark.parametrize("dataset", MADE)
def test_a_dataset_is_made_by_its_script(dataset: str, tmp_path: Path) -> None:
    folder = ROOT / "seeds" / dataset
    run(folder / "generate.py", tmp_path)
    made = contents(tmp_path)
    assert made == {path: content for path, content in contents(folder).items() if path.startswith(MADE[dataset])}
    assert len(made) > 10, made.keys()
