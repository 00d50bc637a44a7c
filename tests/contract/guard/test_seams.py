"""Strings from heads and bodies are checked where they come in: odd bytes are a 4xx, and nothing is half applied."""

import asyncio
import gzip
import json
import zlib

import pytest

# Bytes that are no UTF-8, halves of what could be, and what a parser of a header trips over.
VALUES = [
    b"\xff",
    b"caf\xe9 \xff\xfe",
    b"\xed\xa0\x80",
    b"[",
    b'"',
    b";;;",
    b",,,",
    b'a/b; charset="\xff"',
    b"*/*;q=\xff",
]
OF_HEADER = {
    "Authorization": [
        b"Bearer \xff",
        b"Basic \xff",
        b"Basic /////w==",
        b"Basic x",
        b"Bearer a.\xff.c",
        b"Basic \xc3\xa9",
    ],
    "Content-Type": [
        b"multipart/form-data; boundary=\xff",
        b"multipart/form-data",
        b"application/json; charset=klingon",
    ],
    "Content-Encoding": [b"gzip", b"deflate", b"br", b"zstd", b"gzip, gzip"],
    "Accept": [],
    "Accept-Charset": [],
    "Prefer": [],
    "If-Match": [b'W/"\xff"'],
    "If-None-Match": [],
    "If-Modified-Since": [],
    "If-None-Exist": [b"identifier=\xff"],
    "If-Range": [],
    "Range": [b"bytes=\xff"],
    "Cookie": [b"portal_session=\xff"],
    "Origin": [],
    "X-Security-Context": [],
    "Last-Event-ID": [],
    "User-Agent": [],
    "Expect": [b"\xd9\xa1", b"200-ok"],
    "Access-Control-Request-Headers": [],
    "X-Request-Id": [],
}
PARTS = [
    b'Content-Disposition: form-data; name="file"; filename="\xff"',
    b'Content-Disposition: form-data; name="\xff"',
    b"Content-Disposition: form-data; name*=utf-8''%ff",
    b"Content-Disposition: form-data; name=\"task_files\"; filename*=klingon''%ff",
    b"\xff: x",
    b'Content-Disposition: form-data; name="task_files"; filename="a"\r\nContent-Type: \xff',
    b'Content-Disposition: form-data; name="task_input"\r\nContent-Type: text/plain; charset=\xff',
    b'Content-Disposition: form-data; name="task_input"\r\nContent-Encoding: gzip',
    b'Content-Disposition: form-data; name="task_input"\r\nContent-Transfer-Encoding: \xff',
    b'Content-Disposition: form-data; name="task_input"\r\nContent-Length: x',
    b'Content-Disposition: form-data; name="grant_type"\r\nContent-Type: text/plain; charset=\xff',
    b'Content-Disposition: form-data; name="grant_type"\r\nContent-Encoding: gzip',
]


@pytest.fixture
async def routes(guard):
    """(method, path, token) of one route of every kind."""
    live, run = guard.live, guard.run
    root, token = f"/v1/benchmark-runs/{run.id}", run.token
    (organization,) = (await live.get("/api/v1/org"))["results"]
    org = f"/api/v1/org/{organization['id']}"
    (project,) = (await live.get(f"{org}/project"))["results"]
    model = (await live.get(f"{org}/project/{project['id']}/model"))[0]["id"]
    made = {
        "name": "t",
        "enabled": True,
        "system_prompt": "s",
        "user_prompt": "{x}",
        "llm_model_id": model,
        "output_format": {"a": "str"},
    }
    task = await live.post(f"{org}/project/{project['id']}/task", json=made)
    return [
        ("GET", f"{root}/fhir/Patient/ana", token),
        ("POST", f"{root}/fhir/Patient/_search", token),
        ("PUT", f"{root}/fhir/Patient/ana", token),
        ("PATCH", f"{root}/fhir/Patient/ana", token),
        ("POST", f"{root}/fhir/token", ""),
        ("GET", f"{root}/fhir/metadata", ""),
        ("GET", f"{root}/files/inbox/referral.txt", token),
        ("POST", f"{root}/files/none.txt", token),
        ("POST", f"{root}/hl7/outbound", token),
        ("POST", f"{root}/portal/prior-auths", token),
        ("POST", f"{root}/portal/login", ""),
        ("GET", f"{root}/portal/patients", ""),
        ("POST", "/v1/benchmark-runs", "vrl_slv_local"),
        ("GET", "/sandboxes", "vk_local"),
        ("GET", "/whoami", "vk_local"),
        ("POST", f"{org}/project/{project['id']}/task/{task['id']}/run", "vk_local"),
        ("POST", "/oauth2/token", ""),
        ("GET", "/nowhere", ""),
        ("OPTIONS", f"{root}/fhir", ""),
    ]


async def expect_no_500(guard, method, path, token, header, value, body=b"{}"):
    lines = [header.encode() + b": " + value]
    if token and header != "Authorization":
        lines.append(b"Authorization: Bearer " + token.encode())
    status, headers, content = await guard.raw(method, path, *lines, body=body)
    where = (method, path, header, value, body, status, content[:300])
    assert status < 500, where
    assert headers["x-request-id"], where
    if status >= 400 and method != "HEAD":
        json.loads(content)
    return status


@pytest.mark.parametrize("header", OF_HEADER)
async def test_odd_bytes_in_a_header(guard, routes, header):
    for method, path, token in routes:
        await asyncio.gather(
            *(expect_no_500(guard, method, path, token, header, v) for v in [*VALUES, *OF_HEADER[header]])
        )


async def test_odd_bytes_in_a_part(guard, routes):
    for method, path, token in routes:
        if method in ("GET", "OPTIONS"):
            continue
        bodies = [
            b"--x\r\n" + part + b"\r\n\r\n" + inner + b"\r\n--x--\r\n"
            for part in PARTS
            for inner in (b"{}", b"\xff", b"")
        ]
        kind = b"multipart/form-data; boundary=x"
        await asyncio.gather(*(expect_no_500(guard, method, path, token, "Content-Type", kind, b) for b in bodies))


async def test_a_broken_content_encoding(guard, routes):
    broken = [gzip.compress(b"{}")[:-3], gzip.compress(b"{}") + b"x", zlib.compress(b"{}")[:-1], b"{}", b"\x1f\x8b\x08"]
    before = await guard.state()
    for method, path, token in routes:
        if method != "GET":
            for coding in (b"gzip", b"deflate", b"x-gzip", b"br"):
                await asyncio.gather(
                    *(expect_no_500(guard, method, path, token, "Content-Encoding", coding, b) for b in broken)
                )
        assert (await guard.state())[0] == before[0], (method, path)


# -- in bodies -----------------------------------------------------------------------------------

FHIR = {"Content-Type": "application/fhir+json"}


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain\rX: y",
        "text/plain\nX",
        "text/plain; a\rX: y",
        "text/plain; a\nX",
        "text/plain;\r\n a=b",
        "é/plain",
        "a/b c",
    ],
)
async def test_a_binary_of_no_media_type(guard, kind):
    before = guard.run.state_hash()
    body = json.dumps({"resourceType": "Binary", "contentType": kind, "data": "aGk="})
    made = await guard.run.call("POST", "fhir/Binary", body=body, headers=FHIR)
    assert made.status in (400, 422), made
    assert guard.run.state_hash() == before


async def test_a_security_context_that_is_no_header(guard):
    for reference in ("Patient/ana\rX: y", "Patient/ana\nSet-Cookie: a=b"):
        body = {
            "resourceType": "Binary",
            "contentType": "text/plain",
            "data": "aGk=",
            "securityContext": {"reference": reference},
        }
        made = await guard.run.call("PUT", "fhir/Binary/b", body=json.dumps(body), headers=FHIR)
        if made.status < 300:
            read = await guard.run.call("GET", "fhir/Binary/b", headers={"Accept": "*/*"})
            assert read.status == 200 and "Set-Cookie" not in read.headers and "X" not in read.headers


@pytest.mark.parametrize("odd", [[], {}, None, 1, True, [[]], "", "Patient", "a\rb"])
async def test_a_contained_resource_of_an_odd_type(guard, odd):
    before = guard.run.state_hash()
    held = {"resourceType": odd, "id": "o"}
    for body in (
        {"resourceType": "Patient", "contained": [held], "managingOrganization": {"reference": "#o"}},
        {"resourceType": "Patient", "contained": held, "managingOrganization": {"reference": "#o"}},
        {"resourceType": odd, "contained": [held]},
    ):
        for path in ("fhir/Patient", "fhir/Patient/$validate"):
            answer = await guard.run.call("POST", path, body=json.dumps(body), headers=FHIR)
            assert answer.status < 500, answer
            assert path.endswith("$validate") or answer.status >= 400, answer
    assert guard.run.state_hash() == before


async def test_a_long_fhirpath(guard):
    long = " or ".join(["Patient.birthDate = '1970-01-01'"] * 5_000)
    for expression in (long, "Patient" + ".name" * 5_000, "(" * 5_000 + "1" + ")" * 5_000, "1" + "+1" * 5_000):
        parts = [
            {"name": "type", "valueCode": "replace"},
            {"name": "path", "valueString": expression},
            {"name": "value", "valueDate": "1970-01-02"},
        ]
        body = json.dumps({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]})
        before = guard.run.state_hash()
        answer = await guard.run.call("PATCH", "fhir/Patient/ana", body=body, headers=FHIR)
        assert 400 <= answer.status < 500, answer
        assert guard.run.state_hash() == before
