"""What the widely used Python client `fhirpy` writes otherwise than the specification does."""

import pytest

ONCE = "Patient?identifier=urn:mrn|BCB1"


def test_a_condition_in_the_url_of_a_create(ehr, patient):
    first = ehr.post(ONCE, patient)
    assert first.status == 201
    second = ehr.post(ONCE, patient)
    assert (second.status, second.id) == (200, first.id)
    assert ehr.post("Patient?_format=json&_pretty=true", patient).status == 201  # no condition
    several = ehr.post(ONCE, patient)
    assert (several.status, several.codes) == (412, ["multiple-matches"])


def test_a_condition_in_the_url_of_an_entry(ehr, patient):
    def transact():
        answer = ehr.transaction({"resource": patient, "request": {"method": "POST", "url": ONCE}})
        assert answer.status == 200
        return answer.entries[0]["response"]

    assert transact()["status"].startswith("201")
    assert transact()["status"].startswith("200")
    assert ehr.get("Patient").json["total"] == 1


@pytest.mark.parametrize("query", ["favourite-colour=red", "identifier:below=x"])
def test_a_condition_that_cannot_be_honoured_creates_nothing(ehr, patient, query):
    before = ehr.state_hash()
    assert ehr.post(f"Patient?{query}", patient).status == 400
    assert ehr.state_hash() == before


def test_two_conditions_are_refused(ehr, patient):
    answer = ehr.post(ONCE, patient, If_None_Exist="identifier=urn:mrn|BCB1")
    assert answer.status == 400
    assert "If-None-Exist" in answer.text
    assert ehr.get("Patient").json["total"] == 0


def test_the_number_of_matches(ehr, patient):
    ehr.post("Patient", patient)
    bundle = ehr.get("Patient?gender=female&_count=0&_totalMethod=count").json
    assert bundle["total"] == 1
    assert "_totalMethod" not in bundle["link"][0]["url"]
    refused = ehr.get("Patient?_totalMethod=guess")
    assert refused.status == 400
    assert "_totalMethod" in refused.text


def test_elements_with_the_resource_type(ehr, patient):
    ehr.post("Patient", patient)
    [entry] = ehr.get("Patient?_elements=resourceType,id,gender").json["entry"]
    assert set(entry["resource"]) == {"resourceType", "id", "meta", "gender"}
    assert ehr.get("Patient?_elements=resourcetype").status == 400
