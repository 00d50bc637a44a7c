"""The page of the payer's case: its picture, its configuration and its seed are what the code has."""

import re
from pathlib import Path

import yaml

from sandbox.definitions.datasets import Dataset
from sandbox.payer import seed
from sandbox.payer.config import PayerConfig
from sandbox.payer.picture import picture

PAGE = (Path(__file__).parents[2] / "docs" / "surfaces" / "payer.md").read_text()
PORTAL = (Path(__file__).parents[2] / "docs" / "surfaces" / "portal.md").read_text()


def block(text, start):
    found = re.search(rf"```yaml\n({start}.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_picture_is_that_of_the_table():
    assert f"```text\n{picture()}```" in PAGE


def test_every_key_of_the_configuration_is_shown():
    config = yaml.safe_load(block(PAGE, "config:"))["config"]
    shown = PayerConfig.model_validate(config).model_fields_set
    assert shown | {"portal", "default_determination"} == set(PayerConfig.model_fields)


def test_the_documented_denial_of_the_seed_loads():
    portal = block(PORTAL, "patients:").partition("prior_auths:")[0]
    found = seed.load(Dataset("clinic", {"portal.yaml": (portal + block(PAGE, "prior_auths:")).encode()}))
    [document] = found.collections["portal/prior_auth_requests"].values()
    assert document.value["state"] == "denied"
    assert document.value["denial"]["appeal_until"] == "2026-08-30T09:00:00.000Z"


def test_the_documented_seed_loads():
    files = {"portal.yaml": block(PORTAL, "patients:").encode(), "payer.yaml": block(PAGE, "coverages:").encode()}
    found = seed.load(Dataset("clinic", files))
    counts = {name: len(rows) for name, rows in found.collections.items()}
    assert {name: counts[f"portal/{name}"] for name in seed.PLAN_COLLECTIONS} == {
        "coverages": 1,
        "benefits": 1,
        "accumulators": 2,
        "claims": 1,
    }
