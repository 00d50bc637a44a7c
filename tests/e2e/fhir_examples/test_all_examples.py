"""Every resource of the official example set: stored as it is, found by its values, refused only for a real defect."""

from collections import Counter
from pathlib import Path

import pytest

from sandbox import jsonio
from tests.e2e.fhir_examples.examples import report, search_by_every_value, searches_of

CONFORMANCE = Path(__file__).parents[3] / "docs" / "fhir-conformance.md"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_put_and_get(empty, examples, refused, put_and_get):
    assert len(examples) == 5306
    for example in examples:
        if example.name not in refused:
            put_and_get(empty, example.resource)


def test_what_is_refused_is_named(empty, examples, refused):
    by_name = {example.name: example for example in examples}
    assert refused.keys() <= by_name.keys()
    for name, row in refused.items():
        example = by_name[name]
        answer = empty.call("PUT", f"{example.type}/{example.id}", jsonio.dump(example.resource))
        assert answer.status == row.get("status", 400), name
        issues = answer.json["issue"]
        assert "at" not in row or any(row["at"] in issue.get("expression", ()) for issue in issues), (name, issues)


def test_search_by_every_value(examples):
    searches = searches_of(examples)
    assert [s for s in searches if not s.is_right] == []
    assert len(searches) > 7000
    assert len({(s.type, s.code) for s in searches}) > 1300
    assert report(examples, searches) in CONFORMANCE.read_text()


def test_the_comparison_can_fail(examples, parameters, refused):
    """Resources that the store lacks are noticed: by each search that should have found them, and by no other."""
    resources = [e.resource for e in examples if e.type == "Observation" and e.name not in refused]
    absent = frozenset({"Observation/blood-pressure"})
    wrong = [s for s in search_by_every_value(resources, parameters, absent) if not s.is_right]
    assert Counter(s.code for s in wrong).keys() >= {"code", "date", "subject", "combo-code-value-quantity", "_id"}
    assert all(s.expected - s.found == {"blood-pressure"} for s in wrong)
