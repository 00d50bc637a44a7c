"""Character sets from a list, and numbers of headers, parameters, parts and fields with a limit, on every surface."""

import json

import pytest

from sandbox import limits

FORM = "application/x-www-form-urlencoded"


def _multipart(parts):
    body = b"".join(b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % n for n in range(parts))
    return body + b"--x--\r\n"


@pytest.fixture
async def bodies(guard):
    """(path, token, content type, body) of a route of every kind that takes text, with a body that it could read."""
    root, token = f"/v1/benchmark-runs/{guard.run.id}", guard.run.token
    fhir, hl7 = b'{"resourceType": "Basic", "code": {"text": "x"}}', b"MSH|^~\\&|A|B|C|D|20260423||ADT^A08|1|P|2.5\r"
    (organization,) = (await guard.live.get("/api/v1/org"))["results"]
    (project,) = (await guard.live.get(f"/api/v1/org/{organization['id']}/project"))["results"]
    tasks = f"/api/v1/org/{organization['id']}/project/{project['id']}/task"
    return [
        (f"{root}/fhir/Basic", token, "application/fhir+json", fhir),
        (f"{root}/fhir/Patient/_search", token, FORM, b"family=a"),
        (f"{root}/fhir/token", "", FORM, b"grant_type=client_credentials"),
        (f"{root}/hl7/outbound", token, "text/plain", hl7),
        (f"{root}/hl7/outbound", token, "application/json", json.dumps({"payload": hl7.decode()}).encode()),
        (f"{root}/portal/prior-auths", token, "application/json", b"{}"),
        (f"{root}/portal/login", "", "application/json", b"{}"),
        ("/v1/benchmark-runs", "vrl_slv_local", "application/json", b'{"benchmark": "none"}'),
        (tasks, "vk_local", "application/json", b"{}"),
        ("/oauth2/token", "", FORM, b"grant_type=client_credentials"),
    ]


async def _post(guard, path, token, content_type, body):
    lines = [f"Content-Type: {content_type}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return await guard.raw("POST", path, *lines, body=body)


@pytest.mark.parametrize("charset", ["klingon", "punycode", "utf-7", "idna", "unicode_escape", "zip", "rot13"])
async def test_a_body_in_what_is_no_character_set_is_refused(guard, bodies, charset):
    before = await guard.state()
    for path, token, content_type, body in bodies:
        status, _, said = await _post(guard, path, token, f"{content_type}; charset={charset}", body)
        assert status in (400, 415) and charset.encode() in said, (path, status, said)
        status, _, said = await _post(guard, path, token, f"{content_type}; charset=UTF-8", body)
        assert status != 415 and b"character set" not in said, (path, status, said)
    state, seq = await guard.state()
    assert state == before[0] or seq > before[1]  # what was sent in UTF-8 may have been stored


async def test_the_name_of_a_part_in_what_is_no_character_set_is_refused(guard):
    path, kind = (
        f"/v1/benchmark-runs/{guard.run.id}/portal/prior-auths/x/attachments",
        "multipart/form-data; boundary=x",
    )
    for charset in (b"utf-7", b"punycode", b"klingon", b"\x00"):
        head = b'Content-Disposition: form-data; name="f"; filename*=' + charset + b"''a.txt"
        body = b"--x\r\n" + head + b"\r\n\r\nhi\r\n--x--\r\n"
        status, _, said = await _post(guard, path, guard.run.token, kind, body)
        assert status == 400 and b"character set" in said, (charset, said)


@pytest.mark.parametrize(("count", "is_read"), [(limits.HEADERS, True), (limits.HEADERS + 1, False)])
async def test_a_head_has_so_many_fields_and_no_more(guard, count, is_read):
    own = 3  # Connection, Host, Authorization
    lines = [f"X-{n}: 1" for n in range(count - own)]
    path = f"/v1/benchmark-runs/{guard.run.id}/fhir/Patient/ana"
    status, _, said = await guard.raw("GET", path, f"Authorization: Bearer {guard.run.token}", *lines)
    assert (status == 200) is is_read and status in (200, 400), said


@pytest.mark.parametrize(("count", "is_read"), [(limits.FORM_FIELDS, True), (limits.FORM_FIELDS + 1, False)])
async def test_a_query_has_so_many_parameters_and_no_more(guard, count, is_read):
    root, token = f"/v1/benchmark-runs/{guard.run.id}", guard.run.token
    before = await guard.state()
    for path, key in (
        (f"{root}/fhir/Patient", token),
        (f"{root}/files/inbox", token),
        (f"{root}/hl7/inbox", token),
        (f"{root}/portal/patients", token),
        ("/benchmarks", "vk_local"),
        ("/api/v1/org", "vk_local"),
    ):
        query = "&".join(["a"] * count)
        status, _, said = await guard.raw("GET", f"{path}?{query}", f"Authorization: Bearer {key}")
        assert status < 500 and (f"more than {limits.FORM_FIELDS} parameters".encode() in said) is not is_read, said
        assert is_read or status == 400
    assert is_read or await guard.state() == before


@pytest.mark.parametrize(("count", "is_read"), [(limits.FORM_PARTS, True), (limits.FORM_PARTS + 1, False)])
async def test_a_form_has_so_many_parts_and_no_more(guard, count, is_read):
    path = f"/v1/benchmark-runs/{guard.run.id}/portal/prior-auths/x/attachments"
    kind = "multipart/form-data; boundary=x"
    status, _, said = await _post(guard, path, guard.run.token, kind, _multipart(count))
    assert (status == 413) is not is_read, said


async def test_of_many_wrong_fields_the_first_thousand_are_told(live):
    run = await live.started()
    wrong = {"patient_member_id": "W1", "attachments": [{"a": n} for n in range(1_500)]}
    answer = await run.call("POST", "portal/prior-auths", json=wrong)
    assert answer.status == 400
    details = answer.json["error"]["details"]
    assert details["body"] == ["4,500 fields are wrong; these are the first 1,000."]
    assert sum(map(len, details.values())) == 1_001 and "attachments.0.filename" in details
