"""Binary: raw content in and out."""

import pytest

PDF = b"%PDF-1.4\x00\xff binary"


def test_raw_content_becomes_a_binary(ehr):
    reply = ehr.post("Binary", PDF, Content_Type="application/pdf")
    assert reply.status == 201
    assert reply.json["contentType"] == "application/pdf"
    back = ehr.get(f"Binary/{reply.id}")
    assert (back.body, back.content_type, back.headers["ETag"]) == (PDF, "application/pdf", 'W/"1"')
    assert ehr.get(f"Binary/{reply.id}/_history/1").body == PDF


def test_put_of_raw_content(ehr):
    assert ehr.put("Binary/b", b"a,b", Content_Type="text/csv; charset=utf-8").status == 201
    back = ehr.get("Binary/b", Accept="text/csv")
    assert (back.body, back.content_type) == (b"a,b", "text/csv; charset=utf-8")


@pytest.mark.parametrize(
    ("headers", "query"),
    [({"Accept": "application/fhir+json"}, ""), ({"Accept": "application/json"}, ""), ({}, "?_format=json")],
)
def test_as_a_resource(ehr, headers, query):
    ehr.put("Binary/b", b"hello", Content_Type="text/plain")
    assert ehr.get(f"Binary/b{query}", **headers).json["data"] == "aGVsbG8="


@pytest.mark.parametrize("accept", ["", "*/*", "text/*", "text/plain", "image/png, */*"])
def test_as_content(ehr, accept):
    ehr.put("Binary/b", b"hello", Content_Type="text/plain")
    assert ehr.get("Binary/b", Accept=accept).body == b"hello"


def test_content_that_is_not_accepted(ehr):
    ehr.put("Binary/b", b"hello", Content_Type="text/plain")
    assert ehr.get("Binary/b", Accept="image/png").status == 406


def test_a_binary_sent_as_a_resource(ehr):
    body = {"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "aGVs bG8="}
    assert ehr.put("Binary/b", body).status == 201
    assert ehr.get("Binary/b").body == b"hello"
    assert ehr.put("Binary/c", {**body, "id": "c", "data": "aGVsbG8"}).status == 400
    empty = {"resourceType": "Binary", "id": "d", "contentType": "text/plain"}
    assert ehr.put("Binary/d", empty).status == 201
    assert ehr.get("Binary/d").body == b""


def test_security_context(ehr):
    ehr.put("Binary/b", b"x", Content_Type="text/plain", X_Security_Context="Patient/1")
    assert ehr.get("Binary/b").headers["X-Security-Context"] == "Patient/1"
    assert ehr.put("Binary/c", b"x", Content_Type="text/plain", X_Security_Context="nonsense").status == 400


def test_what_is_refused(ehr):
    assert ehr.post("Binary", b"", Content_Type="text/plain").status == 400
    xml = b'<Binary xmlns="http://hl7.org/fhir"/>'
    assert ehr.post("Binary", xml, Content_Type="application/fhir+xml").status == 406
    assert ehr.post("Patient", b"x", Content_Type="text/plain").status == 415
    assert ehr.post("Binary", b"x", Content_Type="bad type/").status == 400
    assert ehr.get("Binary/none").status == 404
    assert ehr.get("Binary/none", Accept="image/png").status == 404


def test_searches_on_binary_are_searches(ehr):
    ehr.put("Binary/b", b"hello", Content_Type="text/plain")
    assert ehr.get("Binary?_id=b").json["total"] == 1


def test_not_modified(ehr):
    ehr.put("Binary/b", b"hello", Content_Type="text/plain")
    assert ehr.get("Binary/b", If_None_Match='W/"1"').status == 304
