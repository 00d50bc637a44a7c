"""How FHIR is asked for and sent over HTTP: `Accept`, `Content-Type`, `_format`, `Prefer`, `Content-Encoding`."""

import gzip
import json
from urllib.parse import quote

import pytest


@pytest.fixture
async def ehr(live):
    return await live.started()


@pytest.mark.parametrize(
    "accept",
    [
        "application/fhir+json; fhirVersion=3.0, application/fhir+json; fhirVersion=4.0",
        'application/fhir+json; fhirVersion="4.0"',
        'application/fhir+json;FHIRVERSION = "4.0";q=0.5',
        "application/fhir+json; fhirVersion=3.0, */*;q=0.1",
        'application/fhir+xml; x="a,b;c", application/fhir+json',
        "application/fhir+json; charset=utf-8",
    ],
)
async def test_any_acceptable_member_will_do(ehr, accept):
    answer = await ehr.call("GET", "fhir/Patient/ana", headers={"Accept": accept})
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"].startswith("application/fhir+json")


@pytest.mark.parametrize(
    "accept",
    [
        "application/fhir+json; fhirVersion=3.0",
        'application/fhir+json; fhirVersion="3.0", application/json; fhirVersion=5.0',
        "application/fhir+json;q=0",
        'text/html; x="application/fhir+json, application/json"',
        "*/*;q=0",
    ],
)
async def test_what_is_not_acceptable(ehr, accept):
    answer = await ehr.call("GET", "fhir/Patient/ana", headers={"Accept": accept})
    assert answer.status == 406, answer


async def test_the_more_specific_member_decides(ehr):
    for accept, kind in (
        ("application/fhir+json;q=0, */*", "application/json"),
        ("application/json;q=0.1, application/*;q=0.9", "application/fhir+json"),
        ("application/json, application/fhir+json;q=0.9", "application/json"),
    ):
        answer = await ehr.call("GET", "fhir/Patient/ana", headers={"Accept": accept})
        assert answer.headers["Content-Type"].partition(";")[0] == kind, accept


async def test_headers_on_several_lines_are_one_list(ehr):
    run = f"/v1/benchmark-runs/{ehr.id}/fhir"
    sent = [("Authorization", f"Bearer {ehr.token}")]
    split = [("Accept", "application/fhir+json"), ("Accept", "text/html")]
    async with ehr.live.http.get(f"{ehr.live.url}{run}/Patient/ana", headers=[*sent, *split]) as answer:
        assert answer.status == 200
    preferred = [("Prefer", "handling=lenient"), ("Prefer", "return=minimal")]
    async with ehr.live.http.get(f"{ehr.live.url}{run}/Patient?x=1", headers=[*sent, *preferred]) as answer:
        assert answer.status == 200, await answer.text()


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ("application/fhir+json; fhirVersion=4.0", 200),
        ('application/fhir+json;fhirVersion="4.0"', 200),
        ("application/fhir+json; fhirVersion=3.0", 406),
    ],
)
async def test_a_format_has_a_version_too(ehr, wanted, status):
    answer = await ehr.call("GET", f"fhir/Patient/ana?_format={quote(wanted)}")
    assert answer.status == status, answer


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ('application/fhir+json; charset="UTF-8"; fhirVersion="4.0"', 201),
        ('application/fhir+json; fhirversion = "3.0"', 415),
        ('application/fhir+json; note="a;charset=latin1"', 201),
        ("application/fhir+json; charset=iso-8859-1", 415),
    ],
)
async def test_the_type_of_a_body(ehr, kind, status):
    body = json.dumps({"resourceType": "Patient"}).encode()
    assert (await ehr.call("POST", "fhir/Patient", body=body, headers={"Content-Type": kind})).status == status


@pytest.mark.parametrize(
    ("prefer", "status", "size"),
    [
        ('return="minimal"', 201, 0),
        ('note="x, return=representation"; y, return=minimal', 201, 0),
        ("respond-async, return=minimal; wait=5", 201, 0),
        ("RETURN=minimal", 201, 0),
    ],
)
async def test_what_is_preferred(ehr, prefer, status, size):
    answer = await ehr.call("POST", "fhir/Patient", json={"resourceType": "Patient"}, headers={"Prefer": prefer})
    assert (answer.status, len(answer.body)) == (status, size)


@pytest.mark.parametrize("coding", ["x-gzip", "X-GZip", "gzip", "identity, gzip", "x-gzip, identity"])
async def test_x_gzip_is_gzip(ehr, coding):
    body = gzip.compress(json.dumps({"resourceType": "Patient", "gender": "male"}).encode())
    headers = {"Content-Type": "application/fhir+json", "Content-Encoding": coding}
    answer = await ehr.call("POST", "fhir/Patient", body=body, headers=headers)
    assert answer.status == 201 and answer.json["gender"] == "male"


async def test_a_body_that_is_no_x_gzip(ehr):
    whole = gzip.compress(json.dumps({"resourceType": "Patient"}).encode())
    headers = {"Content-Type": "application/fhir+json", "Content-Encoding": "x-gzip"}
    for body in (b"{}", whole[:-4], whole + b"more"):
        answer = await ehr.call("POST", "fhir/Patient", body=body, headers=headers)
        assert answer.status == 400, (body, answer)


async def test_x_gzip_has_the_limit_of_a_body(ehr):
    bomb = gzip.compress(b" " * (16 * 1024 * 1024 + 1))
    headers = {"Content-Type": "application/fhir+json", "Content-Encoding": "x-gzip"}
    answer = await ehr.call("POST", "fhir/Patient", body=bomb, headers=headers)
    assert answer.status == 413 and answer.json["resourceType"] == "OperationOutcome"
