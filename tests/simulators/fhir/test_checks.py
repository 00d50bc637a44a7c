"""The check `fhir-resource-state` and the scenario steps."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from sandbox.errors import NotFound
from sandbox.jsonio import ExactFloat
from sandbox.simulators.base import View
from sandbox.simulators.fhir.checks import FHIR_RESOURCE_STATE, FHIRPATH


@pytest.fixture
def run(make_ehr, seeded, patient):
    ehr = make_ehr(seeded({**patient, "id": "a"}, {**patient, "id": "b", "active": True}))
    view = View(ehr.branch, ehr.branch.fork(), (), (ehr.sandbox,), None, datetime(2026, 4, 23, tzinfo=UTC))

    def check(**assertion):
        model = FHIR_RESOURCE_STATE.model.model_validate({"assert": "fhir-resource-state", **assertion})
        return FHIR_RESOURCE_STATE.select(model, view)

    return check


def labels(selection):
    return [subject.label for subject in selection.subjects]


def test_it_is_upstreams(ehr):
    assert ehr.simulator.checks == (FHIR_RESOURCE_STATE,)
    assert FHIR_RESOURCE_STATE.is_upstream
    assert (FHIR_RESOURCE_STATE.results_key, FHIR_RESOURCE_STATE.matched_key) == ("field_results", "matched")


def test_matches_in_result_order(run):
    assert labels(run(resource_type="Patient")) == ["Patient/a", "Patient/b"]
    assert labels(run(resource_type="Patient", search={"_sort": "-_id"})) == ["Patient/b", "Patient/a"]
    assert labels(run(resource_type="Patient", search={"active": True})) == ["Patient/b"]
    assert labels(run(resource_type="Patient", search={"family": ["Chen", "x"]})) == []
    assert labels(run(resource_type="Observation")) == []


def test_the_value_is_the_resource(run):
    [subject] = run(resource_type="Patient", search={"_id": "a"}).subjects
    assert subject.value["gender"] == "female" and subject.values_at is None


def test_what_was_sought_is_said(run):
    assert run(resource_type="Patient", search={"_id": "a"}).sought == "Patient matching _id=a"
    assert run(resource_type="Patient").sought == "Patient"


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("name.family = 'Chen'", True),
        ("name.family = 'Wong'", False),
        ("name.given = 'Li'", False),
        ("deceased", None),
        ("birthDate < @2000-01-01", True),
    ],
)
def test_fhirpath_is_one_more_field_on_the_first_match(run, expression, result):
    selection = run(resource_type="Patient", fhirpath=expression)
    assert selection.subjects[0].value[FHIRPATH] == result
    assert FHIRPATH not in selection.subjects[1].value
    assert selection.evidence["fhirpath"] == {"expression": expression, "reference": "Patient/a", "result": result}


def test_fhirpath_adds_its_expectation_once():
    first = FHIR_RESOURCE_STATE.model.model_validate({"assert": "x", "resource_type": "Patient", "fhirpath": "true"})
    again = FHIR_RESOURCE_STATE.model.model_validate(first.model_dump(by_alias=True, exclude_unset=True))
    for model in (first, again):
        assert [(f.path, f.expected) for f in model.fields] == [(FHIRPATH, True)]


def test_fhirpath_that_breaks_on_the_resource_fails_the_check(run):
    broken = "name.given.combine('x').single() = 'Maria'"
    for more in ({}, {"absent": True}, {"count": {"min": 2}}):
        selection = run(resource_type="Patient", fhirpath=broken, **more)
        assert selection.problem.startswith('Patient/a: The FHIRPath "name.given.combine')
        assert "character 25: single() is called on one item, and there are 2" in selection.problem


@pytest.mark.parametrize(
    ("of", "expression", "verdict", "holding"),
    [
        ("every", "name.family = 'Chen'", True, ["Patient/a", "Patient/b"]),
        ("every", "active = true", False, ["Patient/b"]),
        ("any", "active = true", True, ["Patient/b"]),
        ("any", "active = false", False, []),
    ],
)
def test_fhirpath_of_any_or_every_match(run, of, expression, verdict, holding):
    selection = run(resource_type="Patient", fhirpath=[{"expression": expression, "of": of}])
    assert [subject.value[FHIRPATH] for subject in selection.subjects] == [[verdict], [verdict]]
    others = [label for label in ("Patient/a", "Patient/b") if label not in holding]
    shown = {"expression": expression, "of": of, "result": verdict, "true": holding, "not_true": others}
    assert selection.evidence["fhirpath"] == [shown]


def test_absent_looks_at_every_match(run):
    selection = run(resource_type="Patient", fhirpath="active = true", absent=True)
    assert [subject.value[FHIRPATH] for subject in selection.subjects] == [None, True]


@pytest.mark.parametrize(
    "assertion",
    [
        {"resource_type": "Foo"},
        {"resource_type": "patient"},
        {},
        {"resource_type": "Patient", "search": {"nonsense": "1"}},
        {"resource_type": "Patient", "search": {"birthdate": "x"}},
        {"resource_type": "Patient", "search": {"name:bad": "x"}},
        {"resource_type": "Patient", "search": "name=x"},
        {"resource_type": "Patient", "search": {"name": {"a": 1}}},
        {"resource_type": "Patient", "fields": [{"path": "a"}]},
        {"resource_type": "Patient", "fields": [{"path": 5, "expected": 1}]},
        {"resource_type": "Patient", "fields": 5},
        {"resource_type": "Patient", "fhirpath": "name.("},
        {"resource_type": "Patient", "fhirpath": "name where x"},
        {"resource_type": "Patient", "fhirpath": "1 +"},
        {"resource_type": "Patient", "fhirpath": "'abc"},
        {"resource_type": "Patient", "fhirpath": "name.hasValues()"},
        {"resource_type": "Patient", "fhirpath": "name.given"},
        {"resource_type": "Patient", "fhirpath": "%entity.id = 'x'"},
        {"resource_type": "Patient", "fhirpath": []},
        {"resource_type": "Patient", "fhirpath": ["true", ""]},
        {"resource_type": "Patient", "fhirpath": [{"expression": "true", "of": "some"}]},
        {"resource_type": "Patient", "fhirpath": ""},
        {"resource_type": "Patient", "count": {"min": -1}},
        {"resource_type": "Patient", "colour": "red"},
    ],
    ids=range(24),
)
def test_wrong_assertions_are_refused_when_they_are_loaded(assertion):
    with pytest.raises(ValidationError):
        FHIR_RESOURCE_STATE.model.model_validate({"assert": "fhir-resource-state", **assertion})


@pytest.fixture
def act(ehr):
    def run(name, **arguments):
        action = ehr.simulator.actions[name]
        model = action.model.model_validate(arguments)

        def handler(tx):
            from sandbox.playground.events import Response

            action.run(tx, model)
            return Response()

        ehr.playground.interact("scenario_step", handler)

    return run


def test_put_fhir(ehr, act, patient):
    act("put_fhir", resource={**patient, "id": "a"})
    assert ehr.get("Patient/a").status == 200
    act("put_fhir", resource={**patient, "id": "a", "gender": "male"})
    assert ehr.get("Patient/a").headers["ETag"] == 'W/"2"'
    act("put_fhir", resource=patient)
    assert ehr.branch.count("fhir/Patient") == 2


def test_delete_fhir(ehr, act, patient):
    act("put_fhir", resource={**patient, "id": "a"})
    act("delete_fhir", reference="Patient/a")
    assert ehr.get("Patient/a").status == 410
    with pytest.raises(NotFound):
        act("delete_fhir", reference="Patient/a")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("put_fhir", {}),
        ("put_fhir", {"resource": {"resourceType": "Patient", "gender": "x"}}),
        ("put_fhir", {"resource": "x"}),
        ("put_fhir", {"resource": {"resourceType": "Patient"}, "more": 1}),
        ("delete_fhir", {}),
        ("delete_fhir", {"reference": "Patient"}),
        ("delete_fhir", {"reference": "Foo/1"}),
        ("delete_fhir", {"reference": "http://x.test/fhir/Patient/1"}),
        ("delete_fhir", {"reference": "Patient/1/_history/2"}),
    ],
)
def test_wrong_steps_are_refused_when_they_are_loaded(ehr, name, arguments):
    with pytest.raises(ValidationError):
        ehr.simulator.actions[name].model.model_validate(arguments)


def test_numbers_of_a_search_keep_their_digits() -> None:
    """An entity's 4.10 is between 4.095 and 4.105, which 4.1 is not (R4, Search, number)."""
    written = {"resource_type": "Observation", "search": {"value-quantity": ExactFloat("4.10")}}
    found = FHIR_RESOURCE_STATE.model.model_validate({"assert": "fhir-resource-state", **written})
    assert found.parameters == [("value-quantity", "4.10")]
