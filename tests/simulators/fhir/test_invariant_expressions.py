"""R4's invariants, written by hand for speed, give what R4's own expressions for them give on the engine."""

import json
from pathlib import Path

import pytest
import yaml

from sandbox.fhirpath import Context, Node, compile_expression
from sandbox.r4.validation.rules import RULES, SAME, WALKED

DATA = Path(__file__).parents[2] / "r4" / "validation" / "data"
EXPRESSIONS = json.loads((DATA / "invariant_expressions.json").read_text())
ROWS = yaml.safe_load((DATA / "rules.yaml").read_text())

# Where below the structure of our rule R4's constraint stands.
PLACES = {
    "eld-3": "max",
    "org-2": "address",
    "org-3": "telecom",
    "ras-1": "probability",
    "sdf-8": "snapshot",
    "sdf-8a": "differential",
    "sdf-10": "element",
}
# What R4's expression does not say, though its text does; our rules follow the text.
SLIPS = {
    "eld-11": "select(…).exists() is true of any list, false values or not",
    "eld-19": "matches() looks for a part of the path",
    "ppc-2": "the system is called 'something'",
    "ppc-3": "the system is called 'something'",
    "ppc-4": "the system is called 'something'",
    "ppc-5": "the system is called 'something'",
    "que-7": "an answer is a FHIR.boolean, never a System.Boolean",
    "inv-1": "three different invariants have this key",
}
# The periods that may be in order and may not: the expression is empty, and we let them stand.
UNKNOWN = [{"start": "2020-02", "end": "2020-02-01"}]


def holds(expression, name, place, value):
    """Whether R4's expression is true of every element it stands on; `as` is applied to several there."""
    context = Context(resolve=lambda url: {"resourceType": url.partition("/_history")[0].split("/")[-2], "id": "1"})
    start = Node(value, name)
    elements = compile_expression(place, name).evaluate(start, context) if place else [start]
    several = expression.replace(".as(", ".ofType(")
    results = [compile_expression(several, e.type, is_strict=False).evaluate(e, context) for e in elements]
    return all(result == [True] for result in results)


@pytest.mark.parametrize(("key", "name", "bad", "good"), ROWS, ids=[f"{n}-{r[0]}-{r[1]}" for n, r in enumerate(ROWS)])
def test_r4s_own_expression_agrees(key, name, bad, good):
    if key in SLIPS or key not in EXPRESSIONS:
        return
    [expression] = EXPRESSIONS[key]
    assert not holds(expression, name, PLACES.get(key), bad)
    assert holds(expression, name, PLACES.get(key), good) or good in UNKNOWN


def test_the_slips_are_slips():
    """Each of them gives another result than our rule for one of its rows."""
    wrong = set()
    for key, name, bad, good in ROWS:
        for expression in EXPRESSIONS[key] if key in SLIPS else ():
            if holds(expression, name, None, bad) or not holds(expression, name, None, good):
                wrong.add(key)
    assert wrong == set(SLIPS)


def test_every_invariant_has_an_expression():
    keys = {rule.key for rules in RULES.values() for rule in rules}
    assert keys - set(EXPRESSIONS) == {"sqty-1"}  # a profile's
    assert set(EXPRESSIONS) - keys == (WALKED | set(SAME)) & set(EXPRESSIONS)
    for rows in EXPRESSIONS.values():
        for expression in rows:
            compile_expression(expression, is_strict=False)
