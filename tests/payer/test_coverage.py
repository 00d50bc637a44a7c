"""Whose a coverage is: one rule, held against both datasets that name payers."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.payer.coverage import is_of_other_payer

SEEDS = Path(__file__).parents[2] / "seeds"


def _read(dataset: str, name: str) -> Any:
    return yaml.safe_load((SEEDS / dataset / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("dataset", "payer", "others"),
    [
        # a reviewer for three payers, each of whom has members here
        ("imaging-center", "Northlight", []),
        ("tidewater-clinic", "Cedar Point Health", ["COV-1021"]),
        ("tidewater-clinic", "harborline  MUTUAL", []),
    ],
)
def test_the_coverages_of_a_dataset(dataset: str, payer: str, others: list[str]) -> None:
    coverages = [{"payer": None, **row} for row in _read(dataset, "payer.yaml")["coverages"]]
    found = []
    for member in _read(dataset, "portal.yaml")["patients"]:
        own = [row for row in coverages if row["member_id"] == member["member_id"]]
        found += [row["coverage_id"] for row in own if is_of_other_payer(row, own, member, payer)]
    assert found == others
