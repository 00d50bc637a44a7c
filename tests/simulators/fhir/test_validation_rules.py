"""Every invariant of the table is broken once, and kept once by the same value put right."""

from pathlib import Path

import pytest
import yaml

from sandbox.simulators.fhir.validation.rules import RULES
from sandbox.simulators.fhir.validation.structures import structure
from sandbox.simulators.fhir.validation.walker import Walk

ROWS = yaml.safe_load((Path(__file__).parent / "data" / "rules.yaml").read_text())


def check(name, value):
    walk = Walk(root=value)
    walk.object(value, structure(name), name)
    return walk.issues


@pytest.mark.parametrize(("key", "name", "bad", "good"), ROWS, ids=[f"{n}-{r[0]}-{r[1]}" for n, r in enumerate(ROWS)])
def test_rule(key, name, bad, good):
    broken = [i for i in check(name, bad) if f"({key})" in i.diagnostics]
    assert [i.code for i in broken] == ["invariant"]
    assert broken[0].expression == name
    assert check(name, good) == []


def test_every_rule_has_a_case():
    covered = {(row[0], row[1]) for row in ROWS}
    known = {(rule.key, name) for name, rules in RULES.items() for rule in rules}
    missing = {
        (key, name)
        for key, name in known
        if (key, name) not in covered and not (name == "DomainResource" and (key, "Patient") in covered)
    }
    assert missing == set()


def test_there_are_as_many_rules_as_we_say():
    assert len({rule.key for rules in RULES.values() for rule in rules}) == 171


def test_every_rule_stands_on_a_structure_that_exists():
    from sandbox.simulators.fhir.validation.structures import definitions

    known = {*definitions()["structures"], "SimpleQuantity"}
    assert set(RULES) - known == set()
