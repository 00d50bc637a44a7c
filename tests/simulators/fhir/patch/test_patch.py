"""PATCH by JSON Patch, merge patch and FHIRPath Patch."""

import base64
import json

import pytest

JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"


@pytest.fixture
def chen(ehr):
    ehr.put(
        "Patient/a",
        b'{"resourceType":"Patient","id":"a","name":[{"use":"official","family":"Chen","given":["Maria","Li"]},'
        b'{"use":"maiden","family":"Wong"}],"gender":"female","telecom":[{"system":"phone","value":"1"},'
        b'{"system":"email","value":"m@x.test"}],"extension":[{"url":"urn:score","valueDecimal":4.10}],'
        b'"active":true,"multipleBirthInteger":1}',
    )
    ehr.put("Observation/o", {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "w"},
                              "valueQuantity": {"value": 1}})  # fmt: skip
    return ehr


def op(kind, **parts):
    rows = [{"name": "type", "valueCode": kind}]
    for name, value in parts.items():
        if name in ("path", "name"):
            rows.append({"name": name, "valueString": value})
        elif name in ("index", "source", "destination"):
            rows.append({"name": name, "valueInteger": value})
        else:
            rows.append({"name": "value", **value})
    return {"name": "operation", "part": rows}


def fhirpath(*operations):
    return {"resourceType": "Parameters", "parameter": list(operations)}


def test_json_patch(chen):
    body = [
        {"op": "test", "path": "/gender", "value": "female"},
        {"op": "replace", "path": "/gender", "value": "other"},
        {"op": "add", "path": "/name/0/given/-", "value": "X"},
        {"op": "remove", "path": "/name/1"},
        {"op": "copy", "from": "/telecom/0", "path": "/telecom/-"},
        {"op": "move", "from": "/telecom/1", "path": "/telecom/0"},
    ]
    reply = chen.patch("Patient/a", body, Content_Type=JSON_PATCH)
    assert (reply.status, reply.headers["ETag"]) == (200, 'W/"2"')
    value = reply.json
    assert value["gender"] == "other" and value["name"] == [
        {"use": "official", "family": "Chen", "given": ["Maria", "Li", "X"]}
    ]
    assert [t["system"] for t in value["telecom"]] == ["email", "phone", "phone"]
    assert b"4.10" in reply.body
    assert chen.get("Patient/a/_history/1").json["gender"] == "female"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([{"op": "test", "path": "/gender", "value": "male"}], 422),
        ([{"op": "test", "path": "/nothing", "value": "male"}], 422),
        ([{"op": "test", "path": "/active", "value": 1}], 422),
        ([{"op": "test", "path": "/multipleBirthInteger", "value": True}], 422),
        ([{"op": "test", "path": "/multipleBirthInteger", "value": "1"}], 422),
        ([{"op": "test", "path": "/extension/0/valueDecimal", "value": 4.2}], 422),
        ([{"op": "test", "path": "/name/0/given", "value": ["Maria"]}], 422),
        (b'[{"op":"test","path":"/extension/0/valueDecimal","value":4.1000000000000000001}]', 422),
        ([{"op": "test", "path": "/gender"}], 400),
        ([{"op": "test", "path": "/name/x", "value": 1}], 422),
        ([{"op": ["test"], "path": "/gender", "value": 1}], 400),
        ([{"op": "add", "path": "/gender/x", "value": 1}], 400),
        ([{"op": "remove", "path": "/name/-"}], 400),
        ([{"op": "move", "from": 5, "path": "/gender"}], 400),
        ([{"op": "remove", "path": "/nothing"}], 400),
        ([{"op": "replace", "path": "/nothing", "value": 1}], 400),
        ([{"op": "add", "path": "/name/9", "value": {}}], 400),
        ([{"op": "fly", "path": "/gender"}], 400),
        ([{"op": "add", "path": "/gender"}], 400),
        ([{"op": "add", "path": 5, "value": 1}], 400),
        ([{"op": "add", "value": 1}], 400),
        (["x"], 400),
        ({"op": "add"}, 400),
        ([{"op": "replace", "path": "/id", "value": "b"}], 400),
        ([{"op": "replace", "path": "/resourceType", "value": "Person"}], 400),
        ([{"op": "replace", "path": "/gender", "value": "x"}], 400),
        ([{"op": "add", "path": "/nick", "value": "x"}], 400),
        ([{"op": "remove", "path": ""}], 400),
        ([{"op": "replace", "path": "", "value": 5}], 400),
        ([{"op": "move", "from": "/nothing", "path": "/gender"}], 400),
        ([{"op": "move", "path": "/gender"}], 400),
    ],
)
def test_bad_json_patches_change_nothing(chen, body, status):
    before = chen.state_hash()
    reply = chen.patch("Patient/a", body, Content_Type=JSON_PATCH)
    assert reply.status == status
    assert reply.issues
    assert "class" not in reply.text and "indices" not in reply.text, "told in JSON's words"
    assert chen.state_hash() == before


def test_the_version_is_looked_at_before_the_patch(chen):
    body = [{"op": "remove", "path": "/nothing"}]
    assert chen.patch("Patient/a", body, Content_Type=JSON_PATCH, If_Match='W/"9"').status == 412


def test_a_failing_operation_is_named(chen):
    right = {"op": "test", "path": "/extension/0/valueDecimal", "value": 4.1}
    for wrong in ({"op": "remove", "path": "/nick"}, {"op": "test", "path": "/active", "value": False}):
        reply = chen.patch("Patient/a", [right, wrong], Content_Type=JSON_PATCH)
        assert f'Operation 1 of the JSON Patch ({wrong["op"]} "{wrong["path"]}")' in reply.text


@pytest.mark.parametrize("kind", [MERGE, "application/fhir+json", "application/json"])
def test_merge_patch(chen, kind):
    reply = chen.patch(
        "Patient/a", {"gender": None, "birthDate": "1980", "maritalStatus": {"text": "M"}}, Content_Type=kind
    )
    assert reply.status == 200
    assert "gender" not in reply.json and reply.json["birthDate"] == "1980"
    reply = chen.patch("Patient/a", {"maritalStatus": {"coding": [{"code": "M"}]}}, Content_Type=kind)
    assert reply.json["maritalStatus"] == {"text": "M", "coding": [{"code": "M"}]}


def test_a_merge_patch_may_carry_the_resource_type_and_id(chen):
    body = {"resourceType": "Patient", "id": "a", "active": True}
    assert chen.patch("Patient/a", body, Content_Type=MERGE).json["active"] is True
    assert chen.patch("Patient/a", {"id": "b"}, Content_Type=MERGE).status == 400
    assert chen.patch("Patient/a", {"id": None}, Content_Type=MERGE).status == 400
    assert chen.patch("Patient/a", {"resourceType": "Person"}, Content_Type=MERGE).status == 400
    assert chen.patch("Patient/a", {"meta": 5}, Content_Type=MERGE).status == 400
    assert chen.patch("Patient/a", [], Content_Type=MERGE).status == 400


FHIRPATH = [
    (op("add", path="Patient", name="birthDate", value={"valueDate": "1980"}), lambda p: p["birthDate"] == "1980"),
    (
        op("add", path="Patient.name[0]", name="given", value={"valueString": "X"}),
        lambda p: p["name"][0]["given"][2] == "X",
    ),
    (op("add", path="Patient", name="deceased", value={"valueBoolean": True}), lambda p: p["deceasedBoolean"] is True),
    (
        op("add", path="Patient", name="contact", value={"part": [{"name": "name", "valueHumanName": {"text": "N"}}]}),
        lambda p: p["contact"] == [{"name": {"text": "N"}}],
    ),
    (
        op(
            "add",
            path="Patient",
            name="contact",
            value={
                "part": [
                    {"name": "name", "valueHumanName": {"text": "N"}},
                    {"name": "gender", "valueCode": "male"},
                    {"name": "telecom", "valueContactPoint": {"system": "phone", "value": "1"}},
                ]
            },
        ),
        lambda p: p["contact"][0]["telecom"] == [{"system": "phone", "value": "1"}],
    ),
    (
        op(
            "add",
            path="Patient",
            name="extension",
            value={"part": [{"name": "url", "valueUri": "urn:x"}, {"name": "value", "valueString": "a"}]},
        ),
        lambda p: p["extension"][1] == {"url": "urn:x", "valueString": "a"},
    ),
    (
        op("insert", path="Patient.name[0].given", index=0, value={"valueString": "X"}),
        lambda p: p["name"][0]["given"][0] == "X",
    ),
    (
        op("insert", path="Patient.name[0].given", index=2, value={"valueString": "X"}),
        lambda p: p["name"][0]["given"][2] == "X",
    ),
    (
        op("insert", path="Patient.identifier", index=0, value={"valueIdentifier": {"value": "1"}}),
        lambda p: len(p["identifier"]) == 1,
    ),
    (op("delete", path="Patient.gender"), lambda p: "gender" not in p),
    (op("delete", path="Patient.birthDate"), lambda p: True),
    (op("delete", path="Patient.name[1]"), lambda p: len(p["name"]) == 1),
    (op("delete", path="Patient.name.where(use = 'maiden')"), lambda p: len(p["name"]) == 1),
    (op("delete", path="Patient.name.where(use = 'maiden').family"), lambda p: p["name"][1] == {"use": "maiden"}),
    (op("delete", path="Patient.extension('urn:score')"), lambda p: "extension" not in p),
    (op("delete", path="name.last()"), lambda p: len(p["name"]) == 1),
    (op("replace", path="Patient.gender", value={"valueCode": "other"}), lambda p: p["gender"] == "other"),
    (
        op("replace", path="Patient.name.first().family", value={"valueString": "X"}),
        lambda p: p["name"][0]["family"] == "X",
    ),
    (
        op("replace", path="Patient.name[0].given[1]", value={"valueString": "X"}),
        lambda p: p["name"][0]["given"] == ["Maria", "X"],
    ),
    (
        op("replace", path="Patient.telecom.where(system='phone' and value='1').value", value={"valueString": "2"}),
        lambda p: p["telecom"][0]["value"] == "2",
    ),
    (
        op("replace", path="Patient.extension.where(url='urn:score').value", value={"valueString": "high"}),
        lambda p: p["extension"] == [{"url": "urn:score", "valueString": "high"}],
    ),
    (
        op("move", path="Patient.name[0].given", source=1, destination=0),
        lambda p: p["name"][0]["given"] == ["Li", "Maria"],
    ),
    (op("move", path="Patient.name", source=0, destination=1), lambda p: p["name"][0]["use"] == "maiden"),
]


@pytest.mark.parametrize(("operation", "check"), FHIRPATH, ids=range(len(FHIRPATH)))
def test_fhirpath_patch(chen, operation, check):
    reply = chen.patch("Patient/a", fhirpath(operation))
    assert reply.status == 200, reply.body
    assert check(reply.json)
    assert chen.get("Patient/a/_history/1").json["gender"] == "female"


def test_fhirpath_patch_changes_the_type_of_a_choice(chen):
    reply = chen.patch(
        "Observation/o", fhirpath(op("replace", path="Observation.value", value={"valueString": "heavy"}))
    )
    assert reply.json["valueString"] == "heavy" and "valueQuantity" not in reply.json


def test_operations_apply_in_order(chen):
    body = fhirpath(
        op("delete", path="Patient.name[0]"),
        op("replace", path="Patient.name[0].family", value={"valueString": "X"}),
    )
    assert chen.patch("Patient/a", body).json["name"] == [{"use": "maiden", "family": "X"}]


BAD = [
    op("add", path="Patient", name="nick", value={"valueString": "x"}),
    op("add", path="Patient.gender", name="id", value={"valueString": "x"}),
    op("add", path="Patient.name", name="given", value={"valueString": "x"}),
    op("add", path="Patient", name="gender", value={"valueCode": "male"}),
    op("add", path="Patient.photo", name="url", value={"valueUrl": "x"}),
    op("add", path="Patient", name="deceased", value={"valueString": "x"}),
    op("insert", path="Patient.name[0].given", index=3, value={"valueString": "X"}),
    op("insert", path="Patient.gender", index=0, value={"valueString": "X"}),
    op("insert", path="Patient.nick", index=0, value={"valueString": "X"}),
    op("insert", path="Patient", index=0, value={"valueString": "X"}),
    op("delete", path="Patient.name"),
    op("delete", path="Patient"),
    op("delete", path="Patient.nick"),
    op("replace", path="Patient.birthDate", value={"valueDate": "1980"}),
    op("replace", path="Patient.name.family", value={"valueString": "x"}),
    op("replace", path="Patient", value={"valueString": "x"}),
    op("replace", path="Patient.gender", value={"valueCode": "x"}),
    op("move", path="Patient.name", source=0, destination=2),
    op("move", path="Patient.name", source=5, destination=0),
    op("move", path="Patient.gender", source=0, destination=0),
    op("fly", path="Patient.name"),
    op("add", path="Patient", name="active"),
    op("delete"),
    op("delete", path="Patient.name["),
    op("delete", path="Patient.name.where(use = 'maiden'"),
    op("delete", path="Patient.name.where(]]])"),
    op("delete", path="Patient.name.repeat(family)"),
    op("delete", path="Patient.name.single()"),
    op("delete", path="!!"),
    op("replace", path=f"Patient.name[{'9' * 5000}].family", value={"valueString": "X"}),
    op("add", path="Patient", name="birthDate", value={"part": [{"name": "x", "valueString": "X"}]}),
    {"name": "operatoin", "part": []},
    {"name": "operation", "valueString": "x"},
]


@pytest.fixture
def noted(ehr):
    """A patient with an extension on the second of three given names, and on a birth date that is not known."""
    unknown = {"extension": [{"url": "urn:u", "valueCode": "unknown"}]}
    name = {"given": ["a", "b", "c"], "_given": [None, {"id": "note"}, None]}
    ehr.put("Patient/n", {"resourceType": "Patient", "id": "n", "name": [name], "_birthDate": unknown})
    return ehr


GIVEN = "Patient.name[0].given"
BESIDE = [
    (op("insert", path=GIVEN, index=0, value={"valueString": "x"}), ["x", "a", "b", "c"], [None, None, "note", None]),
    (op("insert", path=GIVEN, index=3, value={"valueString": "x"}), ["a", "b", "c", "x"], [None, "note", None, None]),
    (op("move", path=GIVEN, source=0, destination=2), ["b", "c", "a"], ["note", None, None]),
    (op("move", path=GIVEN, source=1, destination=0), ["b", "a", "c"], ["note", None, None]),
    (op("delete", path=GIVEN + "[0]"), ["b", "c"], ["note", None]),
    (op("delete", path=GIVEN + "[1]"), ["a", "c"], []),
    (op("replace", path=GIVEN + "[0]", value={"valueString": "x"}), ["x", "b", "c"], [None, "note", None]),
    (op("replace", path=GIVEN + "[1]", value={"valueString": "x"}), ["a", "x", "c"], []),
    (op("add", path="Patient.name[0]", name="given", value={"valueString": "x"}), ["a", "b", "c", "x"],
     [None, "note", None, None]),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "given", "beside"), BESIDE, ids=range(len(BESIDE)))
def test_ids_and_extensions_stay_with_their_primitives(noted, operation, given, beside):
    reply = noted.patch("Patient/n", fhirpath(operation))
    assert reply.status == 200, reply.body
    name = reply.json["name"][0]
    assert name["given"] == given
    assert [item and item["id"] for item in name.get("_given", [])] == beside


def test_a_primitive_without_a_value_has_a_place(noted):
    assert noted.patch("Patient/n", fhirpath(op("add", path="Patient", name="birthDate",
                                                value={"valueDate": "1980"}))).status == 400  # fmt: skip
    value = {"valueDate": "1980"}
    reply = noted.patch("Patient/n", fhirpath(op("replace", path="Patient.birthDate", value=value)))
    assert reply.json["birthDate"] == "1980" and "_birthDate" not in reply.json
    noted.patch("Patient/n", {"birthDate": None, "_birthDate": {"extension": [{"url": "urn:u", "valueCode": "x"}]}})
    assert "_birthDate" not in noted.patch("Patient/n", fhirpath(op("delete", path="Patient.birthDate"))).json


def test_a_patch_may_add_a_reference_to_what_is_contained(chen):
    clinic = {"resource": {"resourceType": "Organization", "id": "o", "name": "Clinic"}}
    reference = {"valueReference": {"reference": "#o"}}
    link = op("add", path="Patient", name="managingOrganization", value=reference)
    both = fhirpath(op("add", path="Patient", name="contained", value=clinic), link)
    assert chen.patch("Patient/a", fhirpath(link)).status == 422
    assert chen.patch("Patient/a", both).json["managingOrganization"] == {"reference": "#o"}


@pytest.mark.parametrize("operation", BAD, ids=range(len(BAD)))
def test_bad_fhirpath_patches_change_nothing(chen, operation):
    before = chen.state_hash()
    reply = chen.patch("Patient/a", fhirpath(op("delete", path="Patient.telecom[0]"), operation))
    assert reply.status in (400, 422), reply.body
    assert reply.text
    assert chen.state_hash() == before


@pytest.mark.parametrize(
    ("source", "target", "number"),
    [
        ("/name", "/name/-", 40),
        ("/extension", "/extension/0/extension", 70),
        ("/extension", "/extension/0/extension", 1000),
    ],
)
def test_a_patch_cannot_grow_without_end(chen, source, target, number):
    body = [{"op": "copy", "from": source, "path": target}] * number
    before = chen.state_hash()
    assert chen.patch("Patient/a", body, Content_Type=JSON_PATCH).status == 413
    assert chen.state_hash() == before


@pytest.mark.parametrize(("number", "status"), [(1000, 200), (1001, 413)])
def test_the_number_of_operations(chen, number, status):
    body = [{"op": "test", "path": "/gender", "value": "female"}] * number
    assert chen.patch("Patient/a", body, Content_Type=JSON_PATCH).status == status


def test_patches_of_other_kinds_are_refused(chen):
    assert chen.patch("Patient/a", b"<x/>", Content_Type="application/xml-patch+xml").status == 415
    assert chen.patch("Patient/a", b"", Content_Type=JSON_PATCH).status == 400
    assert chen.patch("Patient/a", b"{", Content_Type=MERGE).status == 400
    assert chen.patch("Patient/a", {"resourceType": "Parameters", "parameter": [{"nam": 1}]}).status == 400


def test_patch_of_nothing(chen):
    body = [{"op": "remove", "path": "/gender"}]
    assert chen.patch("Patient/none", body, Content_Type=JSON_PATCH).status == 404
    chen.delete("Patient/a")
    assert chen.patch("Patient/a", body, Content_Type=JSON_PATCH).status == 410


def test_patch_is_version_aware(chen):
    body = [{"op": "remove", "path": "/gender"}]
    assert chen.patch("Patient/a", body, Content_Type=JSON_PATCH, If_Match='W/"2"').status == 412
    assert chen.patch("Patient/a", body, Content_Type=JSON_PATCH, If_Match='W/"1"').status == 200


def test_conditional_patch(chen, patient):
    body = [{"op": "add", "path": "/active", "value": True}]
    assert chen.patch("Patient?family=Chen", body, Content_Type=JSON_PATCH).json["active"] is True
    assert chen.patch("Patient?family=None", body, Content_Type=JSON_PATCH).status == 404
    chen.put("Patient/b", {**patient, "id": "b"})
    assert chen.patch("Patient?family=Chen", body, Content_Type=JSON_PATCH).status == 412
    assert chen.patch("Patient", body, Content_Type=JSON_PATCH).status == 412


def test_a_patch_in_a_bundle(chen):
    patch = json.dumps([{"op": "replace", "path": "/gender", "value": "male"}]).encode()
    binary = {"resourceType": "Binary", "contentType": JSON_PATCH, "data": base64.b64encode(patch).decode()}
    reply = chen.transaction({"resource": binary, "request": {"method": "PATCH", "url": "Patient/a"}})
    assert reply.entries[0]["response"]["status"] == "200 OK"
    assert chen.get("Patient/a").json["gender"] == "male"
    body = fhirpath(op("replace", path="Patient.gender", value={"valueCode": "other"}))
    reply = chen.transaction({"resource": body, "request": {"method": "PATCH", "url": "Patient?family=Chen"}})
    assert reply.entries[0]["response"]["status"] == "200 OK"
    assert chen.get("Patient/a").json["gender"] == "other"
