"""The simulator as the app sees it."""

from sandbox.r4.validation.structures import structure
from sandbox.wire.authorization import BEARER_CHALLENGE


def test_its_names(ehr):
    simulator = ehr.simulator
    assert (simulator.type, simulator.surface, simulator.endpoints) == ("Fhir", "fhir", {"fhir": "fhir"})
    assert {r.event_type for r in simulator.routes} == {"fhir_request"}
    assert [r.path for r in simulator.routes if not r.is_upstream] == ["fhir/smart-client"]
    assert {name for name in simulator.actions if "." not in name} == {"put_fhir", "delete_fhir"}


def test_warm_up_leaves_nothing_to_compile(ehr):
    structure.cache_clear()
    ehr.simulator.warm_up()
    before = structure.cache_info().misses
    structure("Patient")
    assert structure.cache_info().misses == before


def test_seeds_are_inspected_by_a_second_opinion(ehr, make_dataset):
    good = {"resourceType": "Patient", "id": "a", "birthDate": "2020-01-01"}
    assert ehr.simulator.inspect_seed(make_dataset({"fhir/a.json": good})) == []
    bad = {**good, "birthDate": "2020-02-31"}
    assert len(ehr.simulator.inspect_seed(make_dataset({"fhir/a.json": bad}))) == 1


def test_errors_without_a_request(ehr):
    from sandbox.errors import Conflict, Unauthorized

    response = ehr.simulator.render_error(Conflict("No task run is started."), None)
    assert (response.status, response.content_type) == (409, "application/fhir+json")
    assert ehr.simulator.render_error(Unauthorized("x"), None).headers["WWW-Authenticate"] == BEARER_CHALLENGE
