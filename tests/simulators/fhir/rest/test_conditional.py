"""Conditional create, update and delete."""

import pytest


@pytest.fixture
def clinic(ehr, patient):
    for name in ("a", "b", "c"):
        identifier = [{"system": "urn:mrn", "value": name}]
        ehr.put(f"Patient/{name}", {**patient, "id": name, "identifier": identifier})
    return ehr


def count(ehr):
    return ehr.branch.count("fhir/Patient")


def test_create_only_if_there_is_none(clinic, patient):
    new = {**patient, "identifier": [{"system": "urn:mrn", "value": "d"}]}
    first = clinic.post("Patient", new, If_None_Exist="identifier=urn:mrn|d")
    assert first.status == 201
    second = clinic.post("Patient", new, If_None_Exist="identifier=urn:mrn|d")
    assert (second.status, second.id) == (200, first.id)
    assert second.headers["Location"] == first.headers["Location"]
    assert count(clinic) == 4


@pytest.mark.parametrize(
    "condition", ["?identifier=urn:mrn|a", "Patient?identifier=urn:mrn|a", "identifier=urn%3Amrn%7Ca"]
)
def test_conditions_come_in_several_forms(clinic, patient, condition):
    assert clinic.post("Patient", patient, If_None_Exist=condition).status == 200


def test_create_refuses_several_matches(clinic, patient):
    reply = clinic.post("Patient", patient, If_None_Exist="family=Chen")
    assert (reply.status, reply.codes) == (412, ["multiple-matches"])
    assert count(clinic) == 3


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("nonsense=1", 400),
        ("", 412),
        ("_format=json", 412),
        ("_include=Patient:link", 400),
        ("birthdate=x", 400),
        ("identifier", 400),
        ("Observation?identifier=urn:mrn|a", 400),
    ],
)
def test_create_refuses_what_it_cannot_honour(clinic, patient, condition, status):
    reply = clinic.post("Patient", patient, If_None_Exist=condition)
    assert reply.status == status
    assert count(clinic) == 3


def test_an_invalid_resource_is_refused_whatever_the_condition(clinic):
    reply = clinic.post("Patient", {"resourceType": "Patient", "gender": "x"}, If_None_Exist="identifier=urn:mrn|a")
    assert reply.status == 400


def test_update_of_the_match(clinic, patient):
    reply = clinic.put("Patient?identifier=urn:mrn|a", {**patient, "gender": "male"})
    assert (reply.status, reply.id, reply.headers["ETag"]) == (200, "a", 'W/"2"')


def test_update_of_the_match_with_its_own_id(clinic, patient):
    body = {**patient, "id": "a", "identifier": [{"system": "urn:mrn", "value": "a"}]}
    assert clinic.put("Patient?identifier=urn:mrn|a", body).status == 200
    other = {**body, "id": "b"}
    assert clinic.put("Patient?identifier=urn:mrn|a", other).status == 400


def test_update_without_a_match_creates(clinic, patient):
    first = clinic.put("Patient?identifier=urn:mrn|z", patient)
    assert first.status == 201
    named = clinic.put("Patient?identifier=urn:mrn|y", {**patient, "id": "mine"})
    assert (named.status, named.id) == (201, "mine")
    taken = clinic.put("Patient?identifier=urn:mrn|x", {**patient, "id": "b"})
    assert (taken.status, taken.codes) == (409, ["duplicate"])


def test_update_refuses_several_matches_and_no_criteria(clinic, patient):
    assert clinic.put("Patient?family=Chen", patient).status == 412
    assert clinic.put("Patient", patient).status == 412
    assert clinic.put("Patient?_format=json", patient).status == 412
    assert clinic.put("Patient?foo=1", patient).status == 400


def test_conditional_update_is_version_aware(clinic, patient):
    assert clinic.put("Patient?identifier=urn:mrn|a", patient, If_Match='W/"9"').status == 412
    assert clinic.put("Patient?identifier=urn:mrn|a", patient, If_Match='W/"1"').status == 200


def test_delete_of_one_and_of_several(clinic):
    assert clinic.delete("Patient?identifier=urn:mrn|a").status == 204
    assert clinic.get("Patient/a").status == 410
    reply = clinic.delete("Patient?family=Chen", Prefer="return=OperationOutcome")
    assert reply.status == 200
    assert "2 Patient deleted" in reply.text
    assert count(clinic) == 0


def test_delete_without_a_match(clinic):
    before = clinic.state_hash()
    assert clinic.delete("Patient?identifier=none").status == 204
    assert clinic.state_hash() == before


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("Patient", 412),
        ("Patient?_format=json", 412),
        ("Patient?foo=1", 400),
        ("Patient?_include=Patient:link", 400),
        ("Patient?_include:iterate=*", 400),
        ("Patient?_revinclude=Observation:subject", 400),
        ("Patient?_contained=false", 400),
        ("Patient?_count=1&_sort=name&_elements=id&_total=none", 400),
    ],
)
def test_delete_never_takes_everything(clinic, url, status):
    assert clinic.delete(url).status == status
    assert count(clinic) == 3
