"""The wheel, built from this checkout and unpacked: what an installation elsewhere has."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.own_ports import OWN_PORTS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel is unpacked."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


Python = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def python(site: Path, tmp_path: Path) -> Python:
    """Run this Python in an empty directory with the unpacked wheel before this checkout."""
    hidden = ("SANDBOX_", "PYTEST_", "COV_", "COLUMNS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)} | OWN_PORTS

    def run(*arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
            **more,
        )

    return run
