"""Binary: content of any type goes in and comes back to the byte."""

import base64
import json

import pytest

CDA = '<?xml version="1.0" encoding="ISO-8859-1"?>\r\n<ClinicalDocument xmlns="urn:hl7-org:v3">Zoë</ClinicalDocument>\n'
CONTENTS = [
    ("application/xml", CDA.encode("iso-8859-1")),
    ("text/xml; charset=iso-8859-1", CDA.encode("iso-8859-1")),
    ("application/fhir+xml", b'<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>'),
    ("application/hl7-v3+xml", CDA.encode()),
    ("application/fhir+json", b'{"resourceType": "Patient",  "active": true}\n'),
    ("application/json", b'{"a": 1.50, "a": NaN}'),
    ("application/json; charset=utf-16", '{"a": 1}'.encode("utf-16")),
    ("application/json", b"[" * 100 + b"]" * 100),
    ("application/pdf", b"%PDF-1.4\r\n\x00\xff"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'),
    ("application/x-www-form-urlencoded", b"a=b&c"),
    ("application/octet-stream", b"\x00"),
    ("application/dicom", bytes(range(256)) * 400),
    ("application/json", b'{"a": "' + b"x" * 100_000 + b'"}'),
]


@pytest.mark.parametrize(("media", "content"), CONTENTS, ids=range(len(CONTENTS)))
async def test_a_binary_is_given_back_to_the_byte_with_its_type(fhir, media, content):
    made = await fhir.call("POST", "Binary", content, Content_Type=media)
    assert (made.status, made.json["resourceType"], made.json["contentType"]) == (201, "Binary", media)
    put = await fhir.call("PUT", "Binary/mine", content, Content_Type=media, X_Security_Context="Patient/ana")
    assert (put.status, put.json["id"]) == (201, "mine")
    for name in (made.json["id"], "mine"):
        back = await fhir.call("GET", f"Binary/{name}")
        assert (back.status, back.headers["Content-Type"], back.body) == (200, media, content)
        resource = await fhir.call("GET", f"Binary/{name}", Accept="application/fhir+json")
        assert resource.headers["Content-Type"] == "application/fhir+json"
        assert base64.b64decode(resource.json["data"]) == content
    assert (await fhir.call("GET", "Binary/mine")).headers["X-Security-Context"] == "Patient/ana"


async def test_content_is_written_under_a_condition_too(fhir):
    condition = {"If_None_Exist": "_id=none"}
    assert (await fhir.call("POST", "Binary", b"x", Content_Type="text/plain", **condition)).status == 201
    await fhir.call("PUT", "Binary/b", b"x", Content_Type="text/plain")
    assert (await fhir.call("PUT", "Binary?_id=b", b"y", Content_Type="text/plain")).status == 200
    assert (await fhir.call("GET", "Binary/b")).body == b"y"


@pytest.mark.parametrize("media", ["application/fhir+json", "application/json", None])
async def test_a_body_that_is_a_binary_resource_is_read_as_that(fhir, media):
    headers = {"Content_Type": media} if media else {}
    body = {"resourceType": "Binary", "contentType": "text/plain", "data": "aGVsbG8="}
    made = await fhir.call("POST", "Binary", json.dumps(body).encode(), **headers)
    assert made.status == 201
    assert (await fhir.call("GET", f"Binary/{made.json['id']}")).body == b"hello"
    wrong = {**body, "data": "!" * 50_000}
    assert (await fhir.call("POST", "Binary", json.dumps(wrong).encode(), **headers)).status == 400


@pytest.mark.parametrize(
    ("media", "body", "status"),
    [
        ("text/plain", b"", 400),
        ("application/fhir+json", b"", 400),
        (None, b"%PDF", 400),
        ("nonsense/", b"x", 400),
        ("application/fhir+json", b'{"resourceType": "Binary", "contentType": "text/plain", "data": "aGk=",}', 400),
        ("application/fhir+json; fhirVersion=3.0", b'{"resourceType": "Binary", "contentType": "a/b"}', 415),
        ("application/fhir+xml", b'<?xml version="1.0"?>\n<!-- x --><Binary xmlns="http://hl7.org/fhir"/>', 406),
        ("application/xml", b'<f:Binary xmlns:f="http://hl7.org/fhir"></f:Binary>', 406),
    ],
    ids=range(8),
)
async def test_what_binary_refuses(fhir, media, body, status):
    headers = {"Content_Type": media} if media else {}
    answer = await fhir.call("POST", "Binary", body, **headers)
    assert answer.status == status and fhir.said(answer)
