"""The check reference: every check, every field, and every example is what the server accepts."""

import re
from pathlib import Path

import pytest
import yaml

from sandbox import jsonio
from sandbox.builtin import create_registry
from sandbox.definitions.assertions import Approximation, CountRange, FieldExpectation
from sandbox.playground.branch import Branch, Seed
from sandbox.scoring.checks.interaction import InteractionMatcher
from sandbox.scoring.engine import run_criterion
from sandbox.scoring.parsing import UnsupportedAssertion, leaves_of, parse_assertion
from sandbox.scoring.scores import Criterion, wire_score
from sandbox.simulators.base import View

PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
EXAMPLES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
ASSERTIONS = [
    assertion
    for example in EXAMPLES
    for whole in ([c["assertion"] for c in example["criteria"]] if "criteria" in example else [example])
    for _, assertion in leaves_of(whole)
]


@pytest.fixture(scope="module")
def checks():
    return create_registry().checks


def section_of(name):
    return PAGE.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("assertion", ASSERTIONS, ids=lambda assertion: assertion["assert"])
def test_every_example_is_accepted(checks, assertion):
    parsed = parse_assertion(checks, assertion, {"id": "maria-chen"})
    assert not isinstance(parsed, UnsupportedAssertion), parsed


def test_every_check_has_its_section_with_every_field_and_an_example(checks):
    for name, check in checks.items():
        section = section_of(name)
        is_marked = section.strip().startswith("**Extension.**")
        assert is_marked is not check.is_upstream, name
        for field, info in check.model.model_fields.items():
            written = info.alias or field
            assert written == "assert" or f"`{written}" in section, f"{name}: {written}"
        assert name in {assertion["assert"] for assertion in ASSERTIONS}
        assert f"| [`{name}`](#{name}) |" in PAGE


@pytest.mark.parametrize("model", [FieldExpectation, CountRange, Approximation, InteractionMatcher])
def test_every_part_of_an_expectation_is_named(model):
    for field in model.model_fields:
        assert re.search(rf"\b{field}\b", PAGE), field


def test_the_example_result_is_what_comes_out(checks):
    output = jsonio.parse(re.search(r"For the output `(.*?)` the assertion", PAGE).group(1))
    shown = jsonio.parse(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL).group(1))
    branch = Branch(Seed())
    (assertion,) = [a for a in ASSERTIONS if a["assert"] == "agent-output" and "contains" in a]
    result = run_criterion(Criterion("c", "l", 1, None, assertion), View(branch, branch, (), (), output, None), checks)
    assert {"details": result.details, "evidence": result.evidence} == shown
    assert f"`passed: {str(result.passed).lower()}`, `score: {wire_score(result.score)}`" in PAGE
