"""FHIR writes over HTTP: conditions, Binary, patches, and what is refused because it would never happen."""

import base64
import json
from typing import Any

import pytest

FHIR_JSON = {"Content-Type": "application/fhir+json"}
CDA = '<?xml version="1.0" encoding="ISO-8859-1"?>\r\n<ClinicalDocument xmlns="urn:hl7-org:v3">Zoë</ClinicalDocument>\n'


class Fhir:
    """The FHIR surface of a run whose first task is started."""

    def __init__(self, run):
        self.run = run

    async def call(self, method, path, body: Any = None, **headers: str):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body, sent = json.dumps(body).encode(), {**FHIR_JSON, **sent}
        return await self.run.call(method, f"fhir/{path}" if path else "fhir", body=body, headers=sent)

    async def made(self, *resources):
        for resource in resources:
            answer = await self.call("PUT", f"{resource['resourceType']}/{resource['id']}", resource)
            assert answer.status == 201, answer

    async def bundle(self, *rows, kind="transaction", **headers):
        return await self.call("POST", "", {"resourceType": "Bundle", "type": kind, "entry": list(rows)}, **headers)


@pytest.fixture
async def fhir(live):
    return Fhir(await live.started())


def entry(method, url, resource=None, full_url=None, **more):
    row = {"request": {"method": method, "url": url, **more}}
    if resource is not None:
        row["resource"] = resource
    if full_url is not None:
        row["fullUrl"] = full_url
    return row


def diagnostics(answer):
    assert answer.json["resourceType"] == "OperationOutcome", answer
    return answer.json["issue"][0]["diagnostics"]


def observation(name, code="1234-5"):
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "meta": {"tag": [{"code": "t"}]},
    }


# -- what is absolute is decided by the scheme ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_an_entry_whose_query_holds_a_url(fhir, kind):
    await fhir.made(observation("o"), observation("p", "9-9"), observation("q", "8-8"))
    code = "Observation?code=http://loinc.org|"
    patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
        {"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": "Observation.status"},
        {"name": "value", "valueCode": "amended"}]}]}  # fmt: skip
    new = {k: v for k, v in observation("x", "8-8").items() if k != "id"}
    answer = await fhir.bundle(
        entry("GET", code + "1234-5"),
        entry("PATCH", code + "1234-5", patch),
        entry("PUT", code + "8-8", {**new, "status": "corrected"}),
        entry("DELETE", code + "9-9"),
        entry("POST", "Observation", new, ifNoneExist="code=http://loinc.org|8-8"),
        kind=kind,
    )
    assert answer.status == 200, answer
    assert [e["response"]["status"][:3] for e in answer.json["entry"]] == ["200", "200", "200", "204", "200"]
    assert answer.json["entry"][0]["resource"]["total"] == 1
    states = [(await fhir.call("GET", f"Observation/{i}")) for i in "opq"]
    assert [s.status for s in states] == [200, 410, 200]
    assert [states[0].json["status"], states[2].json["status"]] == ["amended", "corrected"]


@pytest.mark.parametrize("url", ["http://other.test/fhir/Patient?x=1", "//other.test/fhir/Patient", "urn:uuid:a"])
async def test_an_entry_that_is_elsewhere_is_still_refused(fhir, url):
    answer = await fhir.bundle(entry("GET", url))
    assert answer.status == 400 and "not below this server's base" in diagnostics(answer)


@pytest.mark.parametrize("form", ["{}", "?{}", "Patient?{}", "/Patient?{}", "{base}/Patient?{}"])
async def test_a_condition_may_hold_a_question_mark(fhir, form):
    value = "http://x?a"
    person = {"resourceType": "Patient", "identifier": [{"system": value, "value": "1"}]}
    base = f"{fhir.run.live.url}/v1/benchmark-runs/{fhir.run.id}/fhir"
    condition = form.format(f"identifier={value}|1", base=base)
    answers = [await fhir.call("POST", "Patient", person, If_None_Exist=condition) for _ in range(2)]
    assert [a.status for a in answers] == [201, 200], answers
    assert answers[0].json["id"] == answers[1].json["id"]


async def test_a_condition_on_another_server_is_refused(fhir):
    answer = await fhir.call(
        "POST", "Patient", {"resourceType": "Patient"}, If_None_Exist="http://other.test/fhir/Patient?family=X"
    )
    assert answer.status == 400 and "not below" in diagnostics(answer)


# -- a write has no result to shape -----------------------------------------------------------------------------

SHAPING = ["_count=2", "_include=Observation:subject", "_sort=date", "_summary=true", "_elements=id", "_total=none",
           "_revinclude=Provenance:target", "_contained=false", "_include:iterate=*"]  # fmt: skip
WRITES = [
    ("DELETE", "Observation?_tag=t&{}", None, {}),
    ("PUT", "Observation?_id=a&{}", observation("a"), {}),
    ("PATCH", "Observation?_id=a&{}", {"status": "amended"}, {}),
    ("POST", "Observation?_tag=none&{}", observation("z"), {}),
    ("POST", "Observation?{}", observation("z"), {}),
    ("POST", "Observation", observation("z"), {"If_None_Exist": "_tag=none&{}"}),
]


@pytest.mark.parametrize("shaping", SHAPING)
async def test_conditional_writes_refuse_what_shapes_a_result(fhir, shaping):
    await fhir.made(*map(observation, "abc"))
    before = fhir.run.state_hash()
    name = shaping.partition("=")[0]
    for method, url, body, headers in WRITES:
        headers = {key: value.format(shaping) for key, value in headers.items()}
        for more in ({}, {"Prefer": "handling=lenient"}):
            answer = await fhir.call(method, url.format(shaping), body, **headers, **more)
            assert answer.status == 400, (method, url, answer)
            assert f'"{name}"' in diagnostics(answer) and answer.json["issue"][0]["expression"] == [f"http.{name}"]
    for kind in ("batch", "transaction"):
        for method, url, body, headers in WRITES:
            if method == "PATCH":
                continue
            row = entry(method, url.format(shaping), body)
            if headers:
                row["request"]["ifNoneExist"] = headers["If_None_Exist"].format(shaping)
            answer = await fhir.bundle(row, kind=kind)
            text = answer.body.decode()
            assert f'\\"{name}\\"' in text and ('"400 ' in text or answer.status == 400), (kind, method, url, answer)
    assert fhir.run.state_hash() == before


async def test_how_the_answer_is_written_may_be_asked_of_a_conditional_write(fhir):
    await fhir.made(observation("a"))
    answer = await fhir.call("DELETE", "Observation?_tag=t&_format=json&_pretty=true")
    assert answer.status == 204
    answer = await fhir.call("POST", "Observation?_format=json&_pretty=true", observation("z"))
    assert answer.status == 201 and b"\n" in answer.body


# -- Binary -----------------------------------------------------------------------------------------------------

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
    assert answer.status == status and diagnostics(answer)
