"""Members made messy: the memberships that the charts have as old cards, and nothing else."""

from pathlib import Path

import pytest

from sandbox.definitions.datasets import Dataset
from sandbox.definitions.mess import Mess
from sandbox.payer import models
from sandbox.simulators.fhir import FhirSimulator
from sandbox.simulators.portal import PayerSimulator

CLINIC = Path(__file__).parents[3] / "seeds" / "regional-clinic"


def messy(simulator, level, seed=0):
    tidy = simulator.load_seed(Dataset.read(CLINIC), {})
    return tidy, simulator.mess(tidy, Mess(level, seed, frozenset()))


def test_the_first_level_leaves_members_alone():
    tidy, made = messy(PayerSimulator(), 1)
    assert made is tidy


@pytest.mark.parametrize("level", [2, 3])
def test_former_memberships_are_those_of_the_charts(level):
    tidy, made = messy(PayerSimulator(), level)
    rows = {key: d.value for key, d in made.collections["portal/patients"].items()}
    before = tidy.collections["portal/patients"]
    former = {key: row for key, row in rows.items() if key not in before}
    assert len(former) > 10
    for key, row in former.items():
        assert models.Patient.model_validate(row).member_id == key
        assert row["coverage"]["status"] == "inactive"
        assert row["coverage"]["end"] < "2026"
    assert {key: rows[key] for key in before} == {key: d.value for key, d in before.items()}
    charts, at_level = messy(FhirSimulator(), level)
    cards = {key: d.value["subscriberId"] for key, d in at_level.collections["fhir/Coverage"].items()}
    own = {cards[key] for key in charts.collections["fhir/Coverage"]}
    for member_id in own & set(before):
        old = Mess(level, 0, frozenset()).renumber(member_id, "former")
        assert (old in former) == (old in cards.values()), member_id
    for name in made.collections:
        assert name == "portal/patients" or made.collections[name] is tidy.collections[name]


def test_the_same_seed_the_same_members():
    one, again, other = (messy(PayerSimulator(), 2, seed)[1].hash_sum for seed in (0, 0, 1))
    assert one == again != other
