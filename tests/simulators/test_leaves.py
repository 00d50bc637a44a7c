"""What the values of a request are, surface by surface, and what becomes of it when one is another."""

import pytest

from sandbox.playground.branch import Branch, Seed
from sandbox.simulators.fhir.leaves import FhirForm, people
from sandbox.simulators.files.leaves import FilesForm
from sandbox.simulators.hl7.leaves import Hl7Form
from sandbox.simulators.leaves import ABSENT, Form, Person, Sent
from sandbox.simulators.portal.leaves import PortalForm
from sandbox.simulators.portal.leaves import people as members
from sandbox.simulators.x12.leaves import X12Form

RESULT = {
    "resourceType": "Observation",
    "id": "x",
    "meta": {"versionId": "1"},
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3", "display": "Potassium"}], "text": "Potassium"},
    "subject": {"reference": "Patient/ana", "display": "Ana Reyes"},
    "effectiveDateTime": "2026-04-22T13:45:00Z",
    "issued": "2026-04-23T09:00:00Z",
    "valueQuantity": {"value": 6.8, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    "note": [{"text": "Repeated."}],
}
MESSAGE = (
    "MSH|^~\\&|RCEHR|REGMED|PAGER|ONCALL|20260423||ORU^R01^ORU_R01|CRIT-1|P|2.5.1\r"
    "PID|1||RC-1^^^REGMED^MR||Reyes^Ana||19700101|F\r"
    "OBX|1|NM|2823-3^Potassium^LN||6.8|mmol/L|3.5-5.1|HH|||F\r"
    "NTE|1||Potassium 6.8, call back.\r"
)


def sent(body, path="fhir/Observation", method="POST", headers=None):
    return Sent(method, path, None, headers or {}, body)


def kinds(form, request):
    return {leaf.place: leaf.kind for leaf in form.leaves(request)}


def test_a_resource_is_told_apart_by_its_types():
    assert kinds(FhirForm(), sent(RESULT)) == {
        "status": "code",
        "code.coding.0.code": "code",
        "code.text": "prose",
        "subject.reference": "reference",
        "effectiveDateTime": "date",
        "issued": "date",
        "valueQuantity.value": "number",
        "valueQuantity.code": "unit",
        "note.0.text": "prose",
    }
    leaves = {leaf.place: leaf for leaf in FhirForm().leaves(sent(RESULT))}
    assert "preliminary" in leaves["status"].choices
    assert (leaves["issued"].is_free, leaves["effectiveDateTime"].is_free) == (True, False)
    changed = FhirForm().with_value(sent(RESULT), leaves["valueQuantity.code"], "mg/dL").body["valueQuantity"]
    assert (changed["unit"], changed["code"], changed["value"]) == ("mg/dL", "mg/dL", 6.8)


def test_each_writing_entry_of_a_bundle_can_be_left_out():
    entries = [
        {"request": {"method": "POST", "url": "Observation"}, "resource": RESULT},
        {"request": {"method": "GET", "url": "Patient/ana"}},
    ]
    request = sent({"resourceType": "Bundle", "type": "batch", "entry": entries}, "fhir")
    writes = [leaf for leaf in FhirForm().leaves(request) if leaf.kind == "write"]
    assert [leaf.place for leaf in writes] == ["entry.0"]
    assert FhirForm().with_value(request, writes[0], ABSENT).body["entry"] == entries[1:]
    assert kinds(FhirForm(), request)["entry.0.resource.valueQuantity.value"] == "number"


def test_a_json_patch_has_the_values_of_its_operations():
    request = sent([{"op": "replace", "path": "/status", "value": "amended"}], "fhir/Observation/x", "PATCH")
    assert kinds(FhirForm(), request) == {"0.value": "code"}


def test_a_message_is_told_apart_by_its_fields():
    request = sent({"payload": MESSAGE}, "hl7/outbound")
    assert kinds(Hl7Form(), request) == {
        "MSH.5.1": "identifier",
        "MSH.6.1": "identifier",
        "PID.3.1": "identifier",
        "PID.5.1": "name",
        "PID.5.2": "name",
        "PID.7.1": "date",
        "PID.8.1": "code",
        "OBX.3.1": "identifier",
        "OBX.5.1": "number",
        "OBX.6.1": "unit",
        "OBX.7.1": "message",
        "OBX.8.1": "code",
        "OBX.11.1": "code",
        "NTE.3.1": "message",
    }


def test_a_component_is_replaced_alone_and_escaped():
    request = sent({"payload": MESSAGE}, "hl7/outbound")
    leaf = next(leaf for leaf in Hl7Form().leaves(request) if leaf.place == "PID.5.1")
    changed = Hl7Form().with_value(request, leaf, "Re^yes").body["payload"]
    assert changed == MESSAGE.replace("Reyes^Ana", "Re\\S\\yes^Ana")
    assert Hl7Form().with_value(request, leaf, ABSENT).body["payload"] == MESSAGE.replace("Reyes^Ana", "^Ana")


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("files/a.csv", "number,name,reason\nRC-1,Ana Reyes,no chart\n", {"0.0": "identifier", "0.1": "name"}),
        ("files/a.json", '{"dose": 5, "remarks": "none"}', {"dose": "number", "remarks": "prose"}),
        ("files/a.txt", "Potassium 6.8", {"": "message"}),
        ("files/a.pdf", {"base64": "JVBERi0=", "size": 5}, {}),
    ],
)
def test_a_file_is_told_apart_by_what_it_is(path, body, expected):
    found = kinds(FilesForm(), sent(body, path, "PUT"))
    assert {place: kind for place, kind in found.items() if place in expected} == expected
    assert bool(found) == bool(expected)


@pytest.mark.parametrize(
    ("path", "body", "at", "changed"),
    [
        ("files/a.csv", "number,name\nRC-1,Ana\n", "0.0", "number,name\nRC-2,Ana\n"),
        ("files/a.json", '{"number": "RC-1"}', "number", '{"number":"RC-2"}'),
        ("files/a.txt", "RC-1 was set aside", "", "RC-2"),
    ],
)
def test_a_value_of_a_file_is_replaced_alone(path, body, at, changed):
    request = sent(body, path, "PUT")
    leaf = next(leaf for leaf in FilesForm().leaves(request) if leaf.place == at)
    assert FilesForm().with_value(request, leaf, "RC-2").body == changed


def test_plain_json_is_told_apart_by_shape_and_key():
    body = {"patient_member_id": "EVM1", "answers": {"weeks": 8, "deficit": False}, "notes": "Order 7.", "codes": ["a"]}
    assert kinds(Form(), sent(body, "portal/prior-auths")) == {
        "patient_member_id": "identifier",
        "answers.weeks": "number",
        "answers.deficit": "flag",
        "notes": "prose",
        "codes.0": "code",
    }


def test_people_are_those_with_a_chart_and_the_members():
    seed = Seed.of(
        {
            "fhir/Patient": {
                "ana": {
                    "resourceType": "Patient",
                    "identifier": [{"value": "RC-1"}],
                    "name": [{"family": "Reyes", "given": ["Ana"]}],
                    "birthDate": "1970-01-01",
                }
            },
            "fhir/Coverage": {
                "c": {"beneficiary": {"reference": "Patient/ana"}, "identifier": [{"value": "EVM1"}]},
            },
            "portal/patients": {"EVM1": {"member_id": "EVM1", "last_name": "Reyes", "first_name": "Ana"}},
        }
    )
    (ana,) = people(Branch(seed))
    assert (ana.reference, ana.numbers, ana.family) == ("Patient/ana", ("RC-1", "EVM1"), "Reyes")
    assert [person.numbers for person in members(Branch(seed))] == [("EVM1",)]


ANA = Person("Patient/ana", ("W1",), "Reyes", "Ana")
BEN = Person("Patient/ben", ("W2",), "Okafor", "Ben")
PAYER = Seed.of(
    {
        "portal/claims": {
            "C1": {"claim_number": "C1", "member_id": "W1", "status": "denied"},
            "C2": {"claim_number": "C2", "member_id": "W2", "status": "paid"},
            "C3": {"claim_number": "C3", "member_id": "W2", "status": "denied"},
        },
        "portal/prior_auth_requests": {
            "req_1": {
                "request_id": "req_1",
                "auth_number": None,
                "tracking_number": "TN1",
                "patient_member_id": "W1",
                "status": "submitted",
            }
        },
        "portal/drafts": {},
    }
)


@pytest.mark.parametrize(
    ("path", "owner", "of_another"),
    [
        ("portal/claims/C1/appeal", "W1", "portal/claims/C3/appeal"),
        ("portal/claims/C9/appeal", None, "portal/claims/C9/appeal"),
        ("portal/prior-auths/TN1/withdraw", "W1", "portal/prior-auths/TN1/withdraw"),  # the other has no request
        ("portal/prior-auths", None, "portal/prior-auths"),
    ],
)
def test_a_claim_and_a_request_are_a_members(path, owner, of_another):
    branch = Branch(PAYER)
    call = sent({"rationale": "It was authorized."}, path)
    assert PortalForm().owner(call, branch) == owner
    assert PortalForm().retargeted(call, branch, ANA, BEN).path == of_another
    assert PortalForm().retargeted(call, branch, BEN, ANA) == call


def test_how_a_file_is_called_is_its_senders_choice():
    call = sent({"attachments": [{"filename": "a-1.pdf", "content_type": "application/pdf"}]}, "portal/prior-auths/r")
    assert {leaf.place: leaf.is_free for leaf in PortalForm().leaves(call)} == {
        "attachments.0.filename": True,
        "attachments.0.content_type": False,
    }


def test_a_chart_that_a_clearinghouse_is_asked_about_is_somebodys():
    branch = Branch(PAYER)
    call = sent({"patient_id": "ana", "procedure_code": "95810"}, "clearinghouse/prior-auth")
    assert X12Form().owner(call, branch) == "Patient/ana"
    assert X12Form().retargeted(call, branch, ANA, BEN).body == {"patient_id": "ben", "procedure_code": "95810"}
    assert X12Form().retargeted(call, branch, BEN, ANA) == call
    raw = sent("ISA*00*", "clearinghouse/transactions")
    assert (X12Form().owner(raw, branch), X12Form().retargeted(raw, branch, ANA, BEN)) == (None, raw)
