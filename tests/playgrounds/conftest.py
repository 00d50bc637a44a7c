"""The clinic dataset and the benchmarks, read from disk once."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


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
def tasks(playgrounds: Path) -> dict[str, dict[str, Any]]:
    """Every task of every benchmark by `slug/key`."""
    found = {}
    for path in sorted(playgrounds.glob("*/v*/benchmark.yaml")):
        benchmark = yaml.safe_load(path.read_text(encoding="utf-8"))
        for task in benchmark["tasks"]:
            found[f"{benchmark['slug']}/{task['key']}"] = task
    return found
