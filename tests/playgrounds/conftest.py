"""The clinic dataset and the benchmarks, read from disk once."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.definitions.templates import expand
from sandbox.definitions.yamlio import load_located

ROOT = Path(__file__).parents[2]


def read_benchmark(path: Path) -> Any:
    """Return a definition with what its tasks share in its place."""
    return expand(load_located(path.read_text(encoding="utf-8"), path.name), path.name).value


def read_tasks() -> dict[str, dict[str, Any]]:
    """Return every task of every benchmark by `slug@version/key`."""
    found = {}
    for path in sorted((ROOT / "playgrounds").glob("*/v*/benchmark.yaml")):
        benchmark = read_benchmark(path)
        for task in benchmark["tasks"]:
            found[f"{benchmark['slug']}@{benchmark['version']}/{task['key']}"] = task
    return found


@dataclass(frozen=True)
class Clinic:
    """The dataset's folder, its resources by reference, and the portal's rows."""

    folder: Path
    resources: dict[str, dict[str, Any]]
    lines: int
    portal: dict[str, list[dict[str, Any]]]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in self.resources.values() if row["resourceType"] == kind]


@pytest.fixture(scope="session")
def clinic() -> Clinic:
    folder = ROOT / "seeds" / "regional-clinic"
    rows = [
        json.loads(line)
        for path in sorted((folder / "fhir").glob("*.ndjson"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    resources = {f"{row['resourceType']}/{row['id']}": row for row in rows}
    portal = yaml.safe_load((folder / "portal.yaml").read_text(encoding="utf-8"))
    return Clinic(folder, resources, len(rows), portal)


@pytest.fixture(scope="session")
def playgrounds() -> Path:
    return ROOT / "playgrounds"


@pytest.fixture(scope="session")
def tasks() -> dict[str, dict[str, Any]]:
    """Every task of every benchmark by `slug@version/key`."""
    return read_tasks()
