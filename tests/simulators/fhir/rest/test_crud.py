"""create, read, vread, update, update-as-create, delete, and what goes wrong with them."""

import json
import re

import pytest

from sandbox import jsonio, limits

BASE = "http://ehr.test/v1/benchmark-runs/br_1/fhir"


def test_create_answers_the_resource_and_where_it_is(ehr, patient):
    reply = ehr.post("Patient", {**patient, "id": "mine"})
    assert reply.status == 201
    value = reply.json
    assert value["id"] != "mine" and re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", value["id"])
    assert value["meta"] == {"versionId": "1", "lastUpdated": "2026-04-23T09:00:00.000Z"}
    assert reply.headers["Location"] == f"{BASE}/Patient/{value['id']}/_history/1"
    assert reply.headers["ETag"] == 'W/"1"'
    assert reply.headers["Last-Modified"] == "Thu, 23 Apr 2026 09:00:00 GMT"
    assert reply.content_type == "application/fhir+json"
    assert ehr.recorder.events[-1].type == "fhir_request"


def test_the_clients_json_is_kept_to_the_digit_and_in_order(ehr):
    body = (
        b'{"code":{"text":"x"},"resourceType":"Observation","valueQuantity":{"value":4.10,"unit":"kg"},"meta":'
        b'{"profile":["urn:p"],"versionId":"77","tag":[{"code":"t"}]},"status":"final","component":[{"code":{"text":"y"},'
        b'"valueQuantity":{"value":1e3}},{"code":{"text":"z"},"valueQuantity":{"value":12345678901234567890.123}}]}'
    )
    reply = ehr.post("Observation", body)
    assert reply.status == 201
    text = ehr.get(f"Observation/{reply.id}").body.decode()
    assert '"value":4.10,' in text and '"value":1e3}' in text and '"value":12345678901234567890.123}' in text
    assert list(json.loads(text)) == ["resourceType", "id", "meta", "code", "valueQuantity", "status", "component"]
    assert json.loads(text)["meta"] == {
        "versionId": "1",
        "lastUpdated": "2026-04-23T09:00:00.000Z",
        "profile": ["urn:p"],
        "tag": [{"code": "t"}],
    }


def test_read_serves_the_stored_bytes(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    document = ehr.branch.get_document("fhir/Patient", "a")
    reply = ehr.get("Patient/a")
    assert reply.body is document.json


def test_the_short_way_of_a_read_answers_as_the_long_one(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    short, long = ehr.get("Patient/a"), ehr.get("Patient/a?_format=json")
    assert (short.status, short.body, short.headers, short.content_type) == (
        long.status,
        long.body,
        long.headers,
        long.content_type,
    )


def test_bookkeeping_is_not_readable(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    ehr.delete("Patient/a")
    form = b"grant_type=client_credentials"
    ehr.call("POST", "token", form, {"content-type": "application/x-www-form-urlencoded"})
    for collection in ehr.branch.collections("fhir/_"):
        for key, _ in ehr.branch.documents(collection):
            reply = ehr.get(f"{collection.removeprefix('fhir/')}/{key}")
            assert reply.status == 404


def test_versions_go_on_counting_after_a_deletion(ehr, patient):
    mine = {**patient, "id": "a"}
    assert ehr.put("Patient/a", mine).status == 201
    assert ehr.put("Patient/a", mine).headers["ETag"] == 'W/"2"'
    assert ehr.delete("Patient/a").headers["ETag"] == 'W/"3"'
    again = ehr.put("Patient/a", mine)
    assert (again.status, again.headers["ETag"], again.json["meta"]["versionId"]) == (201, 'W/"4"', "4")


def test_vread(ehr, patient):
    mine = {**patient, "id": "a"}
    ehr.put("Patient/a", mine)
    ehr.put("Patient/a", {**mine, "gender": "male"})
    ehr.delete("Patient/a")
    assert ehr.get("Patient/a/_history/1").json["gender"] == "female"
    second = ehr.get("Patient/a/_history/2")
    assert second.json["gender"] == "male" and second.headers["ETag"] == 'W/"2"'
    assert ehr.get("Patient/a/_history/3").status == 410
    for version in ("4", "0", "x", "-1", "1.0", "99999999999999999999"):
        reply = ehr.get(f"Patient/a/_history/{version}")
        assert (reply.status, reply.codes) == (404, ["not-found"])


@pytest.mark.parametrize("version", ["0", "01", "%D9%A1", "x", "-1", "9" * 5000])
def test_vread_of_what_is_no_version(ehr, patient, version):
    ehr.put("Patient/a", {**patient, "id": "a"})
    reply = ehr.get(f"Patient/a/_history/{version}")
    assert (reply.status, reply.codes) == (404, ["not-found"])


def test_vread_of_a_seeded_version(make_ehr, seeded, patient):
    ehr = make_ehr(seeded({**patient, "id": "a"}))
    ehr.put("Patient/a", {**patient, "id": "a", "gender": "male"})
    assert ehr.get("Patient/a/_history/1").json["gender"] == "female"
    assert ehr.get("Patient/a/_history/2").json["gender"] == "male"
    ehr.delete("Patient/a")
    assert ehr.get("Patient/a/_history/1").json["gender"] == "female"


def test_deleted_is_gone_and_never_was_is_not_found(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    reply = ehr.delete("Patient/a")
    assert (reply.status, reply.body, reply.content_type) == (204, b"", None)
    gone = ehr.get("Patient/a")
    assert (gone.status, gone.codes, gone.headers["ETag"]) == (410, ["deleted"], 'W/"2"')
    never = ehr.get("Patient/b")
    assert (never.status, never.codes) == (404, ["not-found"])
    assert "Patient/b" in never.text


def test_delete_is_idempotent(ehr, patient):
    assert ehr.delete("Patient/none").status == 204
    ehr.put("Patient/a", {**patient, "id": "a"})
    ehr.delete("Patient/a")
    before = ehr.state_hash()
    assert ehr.delete("Patient/a").status == 204
    assert ehr.state_hash() == before


@pytest.mark.parametrize("body_id", [None, "b"])
def test_update_needs_the_id_of_the_url(ehr, patient, body_id):
    body = {**patient, "id": body_id} if body_id else patient
    reply = ehr.put("Patient/a", body)
    assert reply.status == 400
    assert reply.issues[0][2] == "Patient.id"
    assert ehr.get("Patient/a").status == 404


def test_update_refuses_an_id_that_is_none(ehr, patient):
    reply = ehr.put("Patient/a_b", {**patient, "id": "a_b"})
    assert (reply.status, reply.issues[0][2]) == (400, "Patient.id")


@pytest.mark.parametrize(
    ("header", "status"),
    [('W/"1"', 200), ('"1"', 200), ("*", 200), ('W/"2"', 412), ('W/"x"', 412), ('W/"2", W/"1"', 200)],
)
def test_version_aware_update(ehr, patient, header, status):
    ehr.put("Patient/a", {**patient, "id": "a"})
    reply = ehr.put("Patient/a", {**patient, "id": "a", "active": True}, If_Match=header)
    assert reply.status == status
    assert ("active" in ehr.get("Patient/a").json) == (status == 200)
    if status == 412:
        assert reply.headers["ETag"] == 'W/"1"'


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("header", ["", 'W/"1', '"1', 'W/"1"x', 'w/"1"', '"1",', "a b"])
def test_what_is_no_entity_tag_is_refused(ehr, patient, name, header):
    ehr.put("Patient/a", {**patient, "id": "a"})
    reply = ehr.call("PUT", "Patient/a", {**patient, "id": "a"}, {name: header})
    assert (reply.status, reply.codes) == (400, ["value"])
    assert name in reply.text
    assert ehr.get("Patient/a", If_None_Match=header).status == 200, "a read may ignore it"


@pytest.mark.parametrize(("header", "status"), [('W/"1"', 412), ('"2", W/"1"', 412), ('W/"2"', 200)])
def test_update_unless_it_is_a_version(ehr, patient, header, status):
    ehr.put("Patient/a", {**patient, "id": "a"})
    assert ehr.put("Patient/a", {**patient, "id": "a"}, If_None_Match=header).status == status


def test_if_match_on_nothing(ehr, patient):
    assert ehr.put("Patient/a", {**patient, "id": "a"}, If_Match='W/"1"').status == 412
    assert ehr.delete("Patient/a", If_Match='W/"1"').status == 412
    assert ehr.branch.count("fhir/Patient") == 0


def test_version_aware_delete(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    assert ehr.delete("Patient/a", If_Match='W/"9"').status == 412
    assert ehr.delete("Patient/a", If_Match='W/"1"').status == 204


def test_update_only_if_there_is_none(ehr, patient):
    mine = {**patient, "id": "a"}
    assert ehr.put("Patient/a", mine, If_None_Match="*").status == 201
    assert ehr.put("Patient/a", mine, If_None_Match="*").status == 412


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_None_Match": 'W/"1"'}, 304),
        ({"If_None_Match": 'W/"2"'}, 200),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": 'W/"5", W/"1"'}, 304),
        ({"If_Modified_Since": "Thu, 23 Apr 2026 09:00:00 GMT"}, 304),
        ({"If_Modified_Since": "Thu, 23 Apr 2026 08:59:59 GMT"}, 200),
        ({"If_Modified_Since": "not a date"}, 200),
        ({"If_None_Match": 'W/"2"', "If_Modified_Since": "Thu, 23 Apr 2027 09:00:00 GMT"}, 200),
    ],
)
def test_conditional_read(ehr, patient, headers, status):
    ehr.put("Patient/a", {**patient, "id": "a"})
    reply = ehr.get("Patient/a", **headers)
    assert reply.status == status
    assert reply.headers["ETag"] == 'W/"1"'
    assert (reply.body == b"") == (status == 304)


@pytest.mark.parametrize(
    ("prefer", "check"),
    [
        ("return=minimal", lambda r: r.body == b"" and r.content_type is None),
        ("return=representation", lambda r: r.json["resourceType"] == "Patient"),
        ("return=OperationOutcome", lambda r: r.json["resourceType"] == "OperationOutcome"),
        ('return="minimal"', lambda r: r.body == b""),
        ("respond-async, return=minimal", lambda r: r.body == b""),
        ("return=nonsense", lambda r: r.json["resourceType"] == "Patient"),
        ("return=minimal, return=representation", lambda r: r.body == b""),
        ("return = minimal", lambda r: r.body == b""),
    ],
)
def test_prefer(ehr, patient, prefer, check):
    reply = ehr.post("Patient", patient, Prefer=prefer)
    assert reply.status == 201
    assert reply.headers["Location"]
    assert check(reply)


def test_a_conditional_read_counts_in_whole_seconds(ehr, patient):
    ehr.clock.advance(0.5)
    ehr.put("Patient/a", {**patient, "id": "a"})
    date = ehr.get("Patient/a").headers["Last-Modified"]
    assert ehr.get("Patient/a", If_Modified_Since=date).status == 304


def test_prefer_outcome_of_a_delete(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    reply = ehr.delete("Patient/a", Prefer="return=OperationOutcome")
    assert (reply.status, reply.issues[0][:2]) == (200, ("information", "informational"))


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "Foo", 404),
        ("GET", "Foo/1", 404),
        ("POST", "Foo", 404),
        ("PUT", "Foo/1", 404),
        ("DELETE", "Foo/1", 404),
        ("PATCH", "Foo/1", 404),
        ("GET", "patient/1", 404),
        ("GET", "Foo/_history", 404),
        ("GET", "Patient/1/Foo", 404),
        ("GET", "Patient/1/2/3/4", 404),
        ("GET", "_nothing", 404),
        ("GET", "Patient/_nothing", 404),
        ("GET", "Patient/1/_nothing", 404),
        ("POST", "Patient/1", 405),
        ("PUT", "metadata", 405),
        ("DELETE", "", 405),
        ("PUT", "", 405),
        ("POST", "Patient/1/_history", 405),
        ("DELETE", "Patient/1/_history/1", 405),
        ("OPTIONS", "Patient", 405),
        ("GET", "token", 405),
        ("POST", ".well-known/smart-configuration", 405),
        ("TRACE", "Patient/1", 405),
    ],
)
def test_what_is_not_there(ehr, method, url, status):
    reply = ehr.call(method, url)
    assert reply.status == status
    assert len(reply.issues) == 1
    if status == 405:
        assert reply.headers["Allow"]
        assert reply.codes == ["not-supported"]


def test_unknown_types_are_named(ehr):
    assert '"Pateint"' in ehr.get("Pateint/1").text


def test_head(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    assert ehr.call("HEAD", "Patient/a").status == 200
    assert ehr.call("HEAD", "Patient/b").status == 404


BROKEN = [
    (b"", "required"),
    (b"   ", "required"),
    (b"{", "structure"),
    (b"not json", "structure"),
    (b"[]", "structure"),
    (b"null", "structure"),
    (b'"Patient"', "structure"),
    (b"5", "structure"),
    (b'{"resourceType":"Patient","resourceType":"Patient"}', "structure"),
    (b'{"resourceType":"Patient","active":NaN}', "structure"),
    (b'\xff\xfe{"resourceType":"Patient"}', "structure"),
    (b'{"resourceType":"Patient","id":"\\ud800"}', "structure"),
    (b'{"resourceType":"Observation"}', "invalid"),
    (b"{}", "required"),
    (b'{"resourceType":5}', "invalid"),
]


@pytest.mark.parametrize(("body", "code"), BROKEN, ids=[repr(b)[:40] for b, _ in BROKEN])
def test_broken_bodies(ehr, body, code):
    before = ehr.state_hash()
    for reply in (ehr.post("Patient", body), ehr.put("Patient/a", body)):
        assert reply.status == 400
        assert reply.codes[0] == code
    assert ehr.state_hash() == before


def test_too_deep(ehr):
    body = b'{"resourceType":"Patient","extension":' + b'[{"extension":' * limits.JSON_DEPTH + b"[]"
    body += b"}]" * limits.JSON_DEPTH + b"}"
    assert (ehr.post("Patient", body).status, ehr.post("Patient", body).codes) == (413, ["too-costly"])


def test_invalid_resources_are_refused_with_all_problems(ehr):
    reply = ehr.post("Patient", {"resourceType": "Patient", "gender": "banana", "birthDate": "x", "nick": 1})
    assert reply.status == 400
    assert [(c, e) for _, c, e, _ in reply.issues] == [
        ("code-invalid", "Patient.gender"),
        ("value", "Patient.birthDate"),
        ("structure", "Patient.nick"),
    ]


def test_rules_of_the_resource_are_unprocessable(ehr):
    body = {"resourceType": "Patient", "contact": [{"gender": "male"}]}
    assert (ehr.post("Patient", body).status, ehr.post("Patient", body).codes) == (422, ["invariant"])


@pytest.mark.parametrize(
    "kind", ["application/fhir+xml", "text/plain", "application/octet-stream", "multipart/form-data"]
)
def test_other_media_are_not_read(ehr, kind):
    reply = ehr.post("Patient", b"<Patient/>", Content_Type=kind)
    assert (reply.status, reply.codes) == (415, ["not-supported"])
    assert kind in reply.text


@pytest.mark.parametrize(
    "kind", ["application/fhir+json", "application/json", "application/fhir+json; charset=utf-8", "text/json", ""]
)
def test_json_by_any_name(ehr, patient, kind):
    headers = {"content-type": kind} if kind else {"content-type": ""}
    assert ehr.call("POST", "Patient", jsonio.dump(patient), headers).status == 201


@pytest.mark.parametrize(
    ("accept", "status", "kind"),
    [
        ("application/fhir+json", 200, "application/fhir+json"),
        ("application/json", 200, "application/json"),
        ("*/*", 200, "application/fhir+json"),
        ("application/*;q=0.5", 200, "application/fhir+json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", 200, "application/fhir+json"),
        ("application/fhir+xml, application/fhir+json;q=0.9", 200, "application/fhir+json"),
        ("application/fhir+json; fhirVersion=4.0", 200, "application/fhir+json"),
        ("application/fhir+json; fhirVersion=3.0", 406, None),
        ("application/fhir+xml", 406, None),
        ("text/html", 406, None),
        ("application/json;q=0", 406, None),
    ],
)
def test_accept(ehr, patient, accept, status, kind):
    ehr.put("Patient/a", {**patient, "id": "a"})
    reply = ehr.get("Patient/a", Accept=accept)
    assert reply.status == status
    if kind:
        assert reply.content_type == kind
    else:
        assert reply.codes == ["not-supported"]


@pytest.mark.parametrize(
    ("wanted", "status"),
    [("json", 200), ("application/fhir+json", 200), ("application/json", 200), ("xml", 406), ("ttl", 406), ("", 406)],
)
def test_format_wins_over_accept(ehr, patient, wanted, status):
    ehr.put("Patient/a", {**patient, "id": "a"})
    from urllib.parse import quote

    reply = ehr.get(f"Patient/a?_format={quote(wanted)}", Accept="application/fhir+xml")
    assert reply.status == status


def test_pretty(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    assert b'\n  "id": "a"' in ehr.get("Patient/a?_pretty=true").body
    assert b"\n" not in ehr.get("Patient/a?_pretty=false").body
    assert ehr.get("Patient/a?_pretty=yes").status == 400


def test_parts_of_a_resource(ehr, patient):
    ehr.put("Patient/a", {**patient, "id": "a"})
    part = ehr.get("Patient/a?_elements=gender").json
    assert set(part) == {"resourceType", "id", "meta", "gender"}
    assert part["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert "name" in ehr.get("Patient/a?_summary=true").json
    assert ehr.get("Patient/a?_summary=false").body == ehr.get("Patient/a").body
    for query in ("_summary=count", "_summary=x", "_elements=foo", "name=chen", "_count=1"):
        reply = ehr.get(f"Patient/a?{query}")
        assert reply.status == 400, query
        assert reply.issues[0][2] == "http." + query.partition("=")[0]
    assert ehr.get("Patient/a?name=chen", Prefer="handling=lenient").status == 200


def test_a_failed_call_changes_nothing_and_is_recorded(ehr, patient):
    before = ehr.state_hash()
    ehr.post("Patient", {**patient, "gender": "x"})
    assert ehr.state_hash() == before
    event = ehr.recorder.events[-1]
    assert (event.response.status, event.changes) == (400, ())


def test_a_create_writes_one_document(ehr, patient):
    ehr.post("Patient", patient)
    assert [(c.collection, c.op) for c in ehr.recorder.events[-1].changes] == [("fhir/Patient", "put")]


def test_conditions_of_an_update_leave_the_seed_alone(make_ehr, seeded, patient):
    seed = seeded({**patient, "id": "a"})
    first, second = make_ehr(seed), make_ehr(seed)
    first.put("Patient/a", {**patient, "id": "a", "gender": "male"})
    assert second.get("Patient/a").json["gender"] == "female"


@pytest.mark.parametrize(
    "kind",
    [
        "application/fhir+json; charset=latin1",
        "application/json;charset=utf-16",
        "application/fhir+json; fhirVersion=3.0",
        "application/fhir+json; fhirVersion=5.0",
    ],
)
def test_other_character_sets_and_versions_are_not_read(ehr, patient, kind):
    for url in ("Patient", "Patient/$validate"):
        assert ehr.post(url, patient, Content_Type=kind).status == 415


@pytest.mark.parametrize(
    "kind",
    ["application/fhir+json; charset=UTF-8", 'application/json; charset="utf-8"', "application/json; fhirVersion=4.0"],
)
def test_parameters_of_the_content_type_that_are_read(ehr, patient, kind):
    assert ehr.post("Patient", patient, Content_Type=kind).status == 201


@pytest.mark.parametrize(
    "number", ["-0", "-0.0", "1e2", "1E+2", "0.10000000000000000001", "1e400", "9" * 25, "1" * 5000, "1.10"]
)
def test_numbers_are_kept_to_the_digit(ehr, number):
    extension = f'[{{"url":"urn:x","valueDecimal":{number}}}]'
    body = f'{{"resourceType":"Basic","code":{{"text":"x"}},"extension":{extension}}}'
    reply = ehr.post("Basic", body)
    assert reply.status == 201
    patched = ehr.patch(f"Basic/{reply.id}", {"language": "en"})
    for text in (reply.body, ehr.get(f"Basic/{reply.id}").body, patched.body):
        assert f'"valueDecimal":{number}}}'.encode() in text


@pytest.mark.parametrize(("query", "status"), [("name=%FF", 400), ("name=%C3%AB", 200), ("name=%25zz", 200)])
def test_parameters_are_utf8(ehr, query, status):
    assert ehr.get(f"Patient?{query}").status == status


@pytest.mark.parametrize(
    ("method", "url"), [("PUT", "Patient/a"), ("PATCH", "Patient/a"), ("DELETE", "Patient/a"), ("POST", "")]
)
def test_writes_have_no_parameters(ehr, patient, method, url):
    ehr.put("Patient/a", {**patient, "id": "a"})
    body = {"resourceType": "Bundle", "type": "batch"} if not url else {**patient, "id": "a"}
    before = ehr.state_hash()
    reply = ehr.call(method, f"{url}?identifier=none", body)
    assert (reply.status, [(c, e) for _, c, e, _ in reply.issues]) == (400, [("not-supported", "http.identifier")])
    assert ehr.state_hash() == before
    assert ehr.call(method, f"{url}?identifier=none", body, {"prefer": "handling=lenient"}).status < 300
    assert ehr.call(method, f"{url}?_format=json&_pretty=true", body).status < 300
