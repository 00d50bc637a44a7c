"""Structure, cardinality, choices, codes, references: the table of `data/structure_cases.yaml`."""

from pathlib import Path

import pytest
import yaml

from sandbox.r4.validation import validate
from sandbox.r4.validation.walker import ISSUES_MAX

TABLE = yaml.safe_load((Path(__file__).parent / "data" / "structure_cases.yaml").read_text())
CASES = TABLE["cases"]


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{c['base']}" for n, c in enumerate(CASES)])
def test_case(case):
    resource = {**TABLE["bases"][case["base"]], **case.get("put", {})}
    for name in case.get("drop", ()):
        del resource[name]
    issues = validate(resource)
    assert [f"{i.code} {i.expression}" for i in issues] == case.get("issues", [])
    assert all(i.severity == "error" and i.diagnostics[-1] in ".)" for i in issues)


def test_a_choice_without_its_type_is_told_how_to_be_spelled():
    [issue] = validate({"resourceType": "Patient", "deceased": True})
    assert "deceasedBoolean, deceasedDateTime" in issue.diagnostics


def test_a_wrong_target_names_the_right_ones():
    [issue] = validate(
        {"resourceType": "Observation", "status": "final", "code": {"text": "a"}, "subject": {"reference": "Person/1"}}
    )
    assert "Device, Group, Location or Patient" in issue.diagnostics


def test_issues_are_capped():
    patient = {"resourceType": "Patient", "name": [{"x": 1}] * (ISSUES_MAX + 50)}
    assert len(validate(patient)) == ISSUES_MAX


def test_base_path_for_entries():
    [issue] = validate({"resourceType": "Patient", "gender": "x"}, at="Bundle.entry[2].resource")
    assert issue.expression == "Bundle.entry[2].resource.gender"
