"""The vocabularies are right about what is really there: nothing that a system holds is called a mistake."""

import json
from pathlib import Path

import pytest

from sandbox.fhirpath import compile_expression
from sandbox.r4.validation.structures import resource_types
from sandbox.scoring.inspection import find_value_problem
from sandbox.simulators.fhir.path_types import path_type
from sandbox.simulators.fhir.search import parameters_of
from sandbox.simulators.hl7 import path_types as hl7
from sandbox.simulators.hl7.tables import VERSIONS, tables_of
from sandbox.simulators.hl7.trigger_events import EVENTS
from sandbox.suggest import did_you_mean, nearest
from tests.definitions.places import places

ROOT = Path(__file__).parents[2]
CHARTS = sorted((ROOT / "seeds" / "regional-clinic" / "fhir").glob("*.ndjson"))


@pytest.mark.parametrize("file", CHARTS, ids=lambda f: f.stem)
def test_every_path_and_value_of_the_charts_is_one(file):
    for line in file.read_text(encoding="utf-8").splitlines():
        resource = json.loads(line)
        for path, value in places(resource):
            assert find_value_problem(path_type(resource["resourceType"], path), value) is None, path


def test_every_structure_has_its_own_elements_and_no_other():
    for name in resource_types():
        assert path_type(name, "resourceType").codes == {name}
        with pytest.raises(Exception, match='has no "noSuchElement"'):
            path_type(name, "noSuchElement")


def test_the_expressions_of_all_search_parameters_name_elements_that_exist():
    for name in sorted(resource_types()):
        for parameter in parameters_of(name).values():
            own = [part.strip() for part in (parameter.expression or "").split("|")]
            for expression in (part for part in own if part.startswith(f"{name}.")):
                assert compile_expression(expression, name)


def test_every_place_of_the_hl7_tables_is_one():
    for version in VERSIONS:
        for segment in (name for name in tables_of(version).SEGMENTS if len(name) == 3):
            for number, components in (hl7.fields_of(version, segment) or {}).items():
                assert hl7.path_type(f"{segment}.{number}").kind == "text"
                for component in components or ():
                    assert hl7.path_type(f"{segment}.{number}.{component}").kind == "text"
    for code, events in EVENTS.items():
        assert all(hl7.find_type_problem(f"{code}^{event}") is None for event in events)
        assert all(hl7.find_event_problem(event) is None for event in events)


@pytest.mark.parametrize("word", ["", "x" * 5000, "wieght", "WEIGHT"])
def test_suggestions_are_bounded_and_the_same_whatever_the_order(word):
    names = ["weight", "label", "axis", "assertion"]
    assert nearest(word, names) == nearest(word, reversed(names)) == ("weight" if 0 < len(word) < 10 else None)
    assert did_you_mean(word, []) == ""
