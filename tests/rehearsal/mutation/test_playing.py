"""Ids of a recording and of a replay, and which mutants of a script are played."""

from collections import Counter

from sandbox.definitions.models import TaskDefinition
from sandbox.playground.branch import Branch, Seed
from sandbox.rehearsal.mutation.mutants import MUTANTS_MAX, Ground, make_mutants
from sandbox.rehearsal.mutation.playing import Renaming, encode
from sandbox.rehearsal.mutation.script import Script, Step
from sandbox.simulators.fhir.leaves import FhirForm
from sandbox.simulators.leaves import Sent

OLD, NEW, OTHER = "01M8QDCZVQ36FS0R91H4JEV5HV", "01M8QDCZXNKWA2ZTHYMPH6XKW6", "01M8QDCZVZWHVRQCNS6K5Y1Z0M"


def step(path, body, method="POST", writes=(("fhir/X", "x"),), headers=None):
    return Step(Sent(method, path, None, {}, body), "fhir_request", 200, None, headers or {}, writes)


def test_ids_stand_for_those_in_the_same_place():
    ids = Renaming((r"PA\d{10}",))
    ids.learn({"id": OLD, "auth": "PA0000000001", "n": [{"x": f"a/{OLD}"}]}, {"id": NEW, "auth": "PA0000000002"})
    assert ids.applied({f"Patient/{OLD}": [f"{OLD} as PA0000000001", 5]}) == {
        f"Patient/{NEW}": [f"{NEW} as PA0000000002", 5]
    }
    ids.learn_text(OLD, OTHER)  # sent twice: what was answered first counts
    assert ids.text(OLD) == NEW
    assert ids.text(OTHER) == OTHER


def test_versions_stand_for_those_of_the_same_path():
    ids = Renaming(())
    ids.learn_headers(step("fhir/X/1", None, headers={"etag": 'W/"2"'}), {"etag": 'W/"3"'})
    assert (ids.version("fhir/X/1", 'W/"2"'), ids.version("fhir/X/2", 'W/"2"')) == ('W/"3"', 'W/"2"')


def test_bytes_are_sent_as_they_were():
    recorded = {"base64": "JVBERi0=", "size": 5}  # as the record shows what is neither text nor JSON
    assert encode(recorded, step("portal/prior-auths/req_1/attachments", recorded).sent) == b"%PDF-"


def ground(task=None):
    return Ground(task or TaskDefinition(key="t", name="T"), Branch(Seed()), (), {"fhir": FhirForm()}, {})


def observation(number):
    coding = [{"system": "http://loinc.org", "code": f"{number}-3"}]
    value = {"value": number, "unit": "mg", "code": "mg"}
    return {"resourceType": "Observation", "status": "final", "code": {"coding": coding}, "valueQuantity": value}


def test_a_large_task_is_sampled_evenly_and_always_alike():
    script = Script("t", tuple(step("fhir/Observation", observation(n)) for n in range(100, 112)), {"n": 1})
    mutants = make_mutants(script, ground())
    assert len(mutants) == MUTANTS_MAX
    assert [mutant.told for mutant in mutants] == [mutant.told for mutant in make_mutants(script, ground())]
    assert {mutant.step for mutant in mutants} == {*range(12), None}
    mistakes = Counter(mutant.mistake for mutant in mutants)
    assert set(mistakes) == {"value", "unit", "code", "left out", "doubled", "output"}
    assert max(mistakes.values()) - min(n for mistake, n in mistakes.items() if mistake != "output") <= 1


def test_no_mutant_is_the_solution_or_another_mutant():
    script = Script("t", (step("fhir/Observation", observation(5)),), {"n": 1})
    mutants = make_mutants(script, ground())
    scripts = [str(mutant.script) for mutant in mutants]
    assert len(set(scripts)) == len(scripts) and str(script) not in scripts


def test_a_remark_counts_where_a_criterion_names_it():
    body = {**observation(5), "note": [{"text": "Repeated on 12 May."}]}
    script = Script("t", (step("fhir/Observation", body),), None)

    def places(criteria):
        task = TaskDefinition.model_validate({"key": "t", "name": "T", "criteria": criteria})
        return {mutant.place.path for mutant in make_mutants(script, ground(task))}

    looks = {"assert": "fhir-resource-state", "resource_type": "Observation", "fields": []}
    names = {**looks, "fields": [{"path": "note.0.text", "exists": True}]}
    elsewhere = {**names, "resource_type": "Patient"}
    assert "note.0.text" not in places([{"label": "a", "assertion": looks}, {"label": "b", "assertion": elsewhere}])
    assert "note.0.text" in places([{"label": "a", "assertion": {"any_of": [looks, names]}}])
