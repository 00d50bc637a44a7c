"""Whose a resource is, where `$everything` decides what goes along with a record."""

import pytest

ENCOUNTER = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}}


def to(reference, **more):
    return {"reference": reference, **more}


def observation(name, **more):
    return {"resourceType": "Observation", "id": name, "status": "final", "code": {"text": "x"}, **more}


def included(reply):
    assert reply.status == 200, reply.body
    return {e["fullUrl"].rpartition("/fhir/")[2] for e in reply.entries if e["search"]["mode"] == "include"}


@pytest.fixture
def chart(make_ehr, seeded):
    """A patient with a report of one result, which the test chooses; and what else there is."""

    def make(result, *others, **report):
        held = {
            "resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": {"text": "x"},
            "subject": to("Patient/a"), "encounter": to("Encounter/e"), "result": [to(f"Observation/{result['id']}")],
        }  # fmt: skip
        patients = [{"resourceType": "Patient", "id": i} for i in ("a", "b")]
        encounters = [
            {**ENCOUNTER, "id": "e", "subject": to("Patient/a")},
            {**ENCOUNTER, "id": "earlier", "subject": to("Patient/a")},
            {**ENCOUNTER, "id": "theirs", "subject": to("Patient/b")},
        ]
        return make_ehr(seeded(*patients, *encounters, {**held, **report}, result, *others))

    return make


@pytest.mark.parametrize(
    ("more", "goes_along"),
    [
        ({}, True),
        ({"subject": {"display": "Ana"}}, True),
        ({"subject": to("Group/g")}, True),
        ({"subject": to("Device/d"), "performer": [{"identifier": {"value": "lab"}}]}, True),
        ({"performer": [to("Patient/b")]}, False),
        ({"subject": to("Patient/b")}, False),
        ({"subject": to("Patient/gone")}, False),
        ({"subject": to("http://elsewhere.org/fhir/Patient/a")}, False),
        ({"subject": to("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0")}, False),
        ({"subject": {"identifier": {"system": "urn:mrn", "value": "1"}}}, False),
        ({"subject": {"identifier": {"value": "1"}, "type": "Group"}}, True),
        ({"subject": {"type": "Patient", "display": "Ben"}}, False),
        ({"subject": to("#p"), "contained": [{"resourceType": "Patient", "id": "p"}]}, False),
    ],
)
def test_a_result_goes_along_unless_it_is_somebodys(chart, more, goes_along):
    ehr = chart(observation("o", **more))
    assert ("Observation/o" in included(ehr.get("Patient/a/$everything"))) is goes_along
    assert ("Observation/o" in included(ehr.get("Encounter/e/$everything"))) is goes_along


@pytest.mark.parametrize(
    ("more", "goes_along"),
    [
        ({"subject": to("Patient/a")}, True),
        ({"subject": to("Patient/a"), "encounter": to("Encounter/earlier")}, False),
        ({"encounter": to("Encounter/theirs")}, False),
        ({"subject": to("Patient/b")}, False),
    ],
)
def test_an_encounter_takes_its_patients_but_not_another_encounters(chart, more, goes_along):
    ehr = chart(observation("o", **more))
    assert ("Observation/o" in included(ehr.get("Encounter/e/$everything"))) is goes_along


def test_an_encounter_without_a_patient_takes_nobodys(chart):
    ehr = chart(observation("o", subject=to("Patient/a")))
    ehr.put("Encounter/e", {**ENCOUNTER, "id": "e"})
    assert included(ehr.get("Encounter/e/$everything")) == set()


def test_of_all_patients_nothing_is_anothers(chart):
    ehr = chart(observation("o", subject=to("Patient/b")), observation("nobodys"))
    assert included(ehr.get("Patient/$everything")) == set()
    found = {e["fullUrl"].rpartition("/fhir/")[2] for e in ehr.get("Patient/$everything").entries}
    assert {"Observation/o", "Patient/a", "Patient/b"} <= found and "Observation/nobodys" not in found


@pytest.mark.parametrize(
    ("context", "goes_along"),
    [
        (None, True),
        (to("Patient/a"), True),
        (to("Patient/b"), False),
        (to("Observation/theirs"), False),
        (to("Observation/o"), True),
    ],
)
@pytest.mark.parametrize("url", ["Binary/x", "{base}/Binary/x", "Binary/x/_history/1"])
def test_an_attachment_has_the_access_of_its_security_context(chart, context, goes_along, url):
    held = {"resourceType": "Binary", "id": "x", "contentType": "text/plain", "data": "aGk="}
    if context is not None:
        held["securityContext"] = context
    form = [{"url": url.format(base="http://ehr.test/v1/benchmark-runs/br_1/fhir")}]
    theirs = observation("theirs", subject=to("Patient/b"))
    ehr = chart(observation("o"), theirs, held, presentedForm=form)
    assert ("Binary/x" in included(ehr.get("Patient/a/$everything"))) is goes_along


def test_an_attachment_elsewhere_is_not_taken_for_one_here(chart):
    held = {"resourceType": "Binary", "id": "x", "contentType": "text/plain", "data": "aGk="}
    form = [{"url": "http://elsewhere.org/fhir/Binary/x"}]
    assert included(chart(observation("o"), held, presentedForm=form).get("Patient/a/$everything")) == {"Observation/o"}


def test_what_goes_along_in_turn(chart):
    ehr = chart(
        observation("o", hasMember=[to("Observation/p"), to("Observation/theirs")], specimen=to("Specimen/s")),
        observation("p", derivedFrom=[to("Observation/o")]),
        observation("theirs", subject=to("Patient/b"), hasMember=[to("Observation/behind")]),
        observation("behind"),
        {"resourceType": "Specimen", "id": "s", "collection": {"collector": to("Practitioner/doc")}},
        {"resourceType": "Practitioner", "id": "doc"},
    )
    assert included(ehr.get("Patient/a/$everything")) == {
        "Observation/o", "Observation/p", "Specimen/s", "Practitioner/doc",
    }  # fmt: skip
