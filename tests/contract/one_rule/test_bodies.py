"""Bodies, over HTTP: JSON and forms are read alike by every surface that takes them."""

import json

import pytest


@pytest.mark.parametrize("kind", ["application/json", "application/problem+json", "application/octet-stream", None])
async def test_json_is_taken_under_the_same_types(live, kit, project, kind):
    run = await live.started()
    headers = {"Content-Type": kind} if kind else {}
    body = json.dumps(kit.prior_auth).encode()
    assert (await run.call("POST", "portal/prior-auths", body=body, headers=headers)).status == 201
    for path, value in (
        ("/benchmark-runs", {"benchmark_id": "x"}),
        (f"{project}/api_key", {"name": "k"}),
    ):
        answer = await live.call("POST", path, kit.api_key, body=json.dumps(value).encode(), headers=headers)
        assert answer.status != 415, (path, answer)


@pytest.mark.parametrize("kind", ["text/csv", "application/xml", "application/x-www-form-urlencoded"])
async def test_what_is_not_json_is_taken_nowhere(live, kit, project, kind):
    run = await live.started()
    headers = {"Content-Type": kind}
    body = json.dumps(kit.prior_auth).encode()
    assert (await run.call("POST", "portal/prior-auths", body=body, headers=headers)).status == 415
    for path in ("/benchmark-runs", project.rpartition("/")[0]):
        assert (await live.call("POST", path, kit.api_key, body=body, headers=headers)).status == 415


async def test_a_misspelt_field_is_answered_alike_by_every_body(live, kit):
    run = await live.started()
    sent = [
        await live.call("POST", "/v1/benchmark-runs", kit.solver_key, json={"benchmrk": "clinic@1"}),
        await run.call("POST", "portal/prior-auths", json={**kit.prior_auth, "nots": "x"}),
        await run.call("POST", "portal/login", json={"usrname": "x", "password": "y"}),
        await run.call("POST", "hl7/outbound", json={"paylod": "x"}),
    ]
    found = [
        [said for field, said in answer.error["details"].items() if "Required field" not in said] for answer in sent
    ]
    right = ("benchmark", "notes", "username", "payload")
    assert [answer.status for answer in sent] == [400] * 4
    assert found == [[[f'Unknown field; did you mean "{name}"?']] for name in right]


def form(*parts: tuple[str, bytes]) -> bytes:
    body = b"".join(b"--b\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    return body + b"--b--\r\n"


MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
FILE = 'Content-Disposition: form-data; name="task_file"; filename="a.txt"'
INPUT = ('Content-Disposition: form-data; name="task_input"', b"{}")


@pytest.fixture
async def takers(live, run_path):
    """What sends the parts of a form to each surface that takes files in one."""
    run = await live.started()
    draft = {"patient_member_id": "M1", "draft": True}

    async def send(*parts):
        auth = (await run.call("POST", "portal/prior-auths", json=draft)).json["request_id"]
        attached = await run.call(
            "POST", f"portal/prior-auths/{auth}/attachments", body=form(*parts), headers=MULTIPART
        )
        ran = await live.call(
            "POST",
            run_path,
            "vk_local",
            body=form(INPUT, *parts),
            headers=MULTIPART,
        )
        size = attached.json["attachments"][0]["size"] if attached.status == 201 else None
        of_run = ran.json["files"][0]["size_bytes"] if ran.status == 200 else None
        return (attached.status, size), (ran.status, of_run)

    return send


@pytest.mark.parametrize(
    ("encoding", "content"),
    [("base64", b"aGVs\r\nbG8="), ("quoted-printable", b"h=65llo"), ("Binary", b"hello"), ("7bit", b"hello")],
)
async def test_a_part_of_a_form_is_decoded_alike(takers, encoding, content):
    head = f"{FILE}\r\nContent-Transfer-Encoding: {encoding}"
    assert await takers((head, content)) == ((201, 5), (200, 5))


@pytest.mark.parametrize("encoding", ["base64", "x-uuencode"])
async def test_a_part_that_is_not_what_it_says_is_refused_alike(takers, encoding):
    head = f"{FILE}\r\nContent-Transfer-Encoding: {encoding}"
    assert await takers((head, b"!!")) == ((400, None), (400, None))


async def test_a_part_without_a_name_is_refused_alike(takers):
    assert await takers(('Content-Disposition: form-data; filename="a.txt"', b"x")) == ((400, None), (400, None))
