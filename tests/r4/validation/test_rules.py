"""Every invariant of the table is broken once, and kept once by the same value put right."""

from pathlib import Path

import pytest
import yaml

from sandbox.r4.validation.rules import RULES, SAME, WALKED
from sandbox.r4.validation.structures import structure
from sandbox.r4.validation.walker import Walk

INVARIANTS = yaml.safe_load((Path(__file__).parent / "data" / "invariants.yaml").read_text())
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


def test_every_invariant_of_r4_is_checked():
    """All that R4 marks as errors, no more and no less; sqty-1 is the profile's that SimpleQuantity is."""
    tabled = {rule.key for rules in RULES.values() for rule in rules}
    assert tabled & (WALKED | set(SAME)) == set() and set(SAME.values()) <= tabled
    assert (tabled | WALKED | set(SAME)) - {"sqty-1"} == set(INVARIANTS["errors"].split())


def test_there_are_as_many_invariants_as_the_documentation_says():
    errors, warnings = (len(INVARIANTS[name].split()) for name in ("errors", "warnings"))
    page = (Path(__file__).parents[3] / "docs" / "surfaces" / "fhir.md").read_text()
    assert f"all {errors} of R4's invariants" in page and f"the {warnings} that" in page


def test_every_rule_stands_on_a_structure_that_exists():
    from sandbox.r4.model import definitions

    known = {*definitions()["structures"], "SimpleQuantity"}
    assert set(RULES) - known == set()
