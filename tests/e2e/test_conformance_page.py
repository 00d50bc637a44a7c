"""docs/fhir-conformance.md says what the data files of the proofs say."""

import json
import re
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "fhir-conformance.md").read_text()


def test_every_example_that_is_refused_is_named_with_its_reason():
    rows = yaml.safe_load((HERE / "fhir_examples" / "rejected.yaml").read_text())
    assert set(re.findall(r"`([\w.-]+\.json)`", PAGE)) == set(rows)
    for name, row in rows.items():
        line = next(line for line in PAGE.splitlines() if f"`{name}`" in line)
        assert row.get("status") == 413 or line.endswith(f"| {row['reason']} |"), name


def test_every_scenario_has_its_result():
    rows = yaml.safe_load((HERE / "sekmet" / "scenarios.yaml").read_text())
    shown = dict(re.findall(r"(?m)^\| `(\w+)` \| (passed|skipped|failed) \|", PAGE))
    assert shown == {name: row["status"] for name, row in rows.items()}
    for name, row in rows.items():
        line = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}`"))
        assert row.get("because", "") in line


@pytest.mark.parametrize("folder", ["fhir_clients", "fhir_examples"])
def test_the_versions_are_those_that_are_installed(folder):
    package = json.loads((HERE / folder / "package.json").read_text())
    for name, version in package["dependencies"].items():
        assert re.fullmatch(r"[\d.]+", version)  # pinned
        assert re.search(rf"`{re.escape(name)}(@{re.escape(version)}`|`[^|]*\| {re.escape(version)} \|)", PAGE), name
