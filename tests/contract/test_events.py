"""Events: every interaction is one, in order, whole, and without secrets."""

import asyncio
import base64
import json
import sqlite3

import pytest

from sandbox import limits


@pytest.fixture
async def run(live):
    return await live.started()


async def test_every_interaction_is_one_event(run, kit):
    calls = [
        ("GET", "files/inbox", {}, "file_list", 200),
        ("GET", "files/inbox/referral.txt", {}, "file_read", 200),
        ("GET", "files/none", {}, "file_read", 404),
        ("HEAD", "files/inbox/referral.txt", {}, "file_read", 200),
        ("PUT", "files/outbox/a.txt", {"body": b"1"}, "file_write", 201),
        ("POST", "files/outbox/a.txt?move_to=outbox/b.txt", {}, "file_move", 200),
        ("DELETE", "files/outbox/b.txt", {}, "file_delete", 204),
        ("GET", "hl7/inbox", {}, "hl7_inbox_read", 200),
        ("POST", "hl7/outbound", {"json": {"payload": kit.adt}}, "hl7_outbound", 200),
        ("POST", "hl7/outbound", {"json": {"payload": "x"}}, "hl7_outbound", 200),
        ("POST", "hl7/outbound", {"body": b"{"}, "hl7_outbound", 400),
        ("POST", "portal/login", {"json": {"username": "a", "password": "b"}}, "portal_login", 401),
        ("POST", "portal/prior-auths", {"json": kit.prior_auth}, "portal_request", 201),
        ("GET", "portal/patients?name=Reyes", {}, "portal_request", 200),
        ("POST", "fhir/Patient", {"json": {"resourceType": "Patient"}}, "fhir_request", 201),
        ("GET", "fhir/Patient?family=Reyes", {}, "fhir_request", 200),
        ("GET", "fhir/Patient/none", {}, "fhir_request", 404),
        ("GET", "fhir/metadata", {}, "fhir_request", 200),
    ]
    begin = len(await run.events())
    answers = []
    for method, path, more, _, status in calls:
        answers.append(await run.call(method, path, **more))
        assert answers[-1].status == status, (path, answers[-1])
    events = (await run.events())[begin:]
    assert [e["type"] for e in events] == [c[3] for c in calls]
    for (method, path, _, _, status), event, answer in zip(calls, events, answers, strict=True):
        assert (event["request"]["method"], event["response"]["status"]) == (method, status)
        plain, _, query = path.partition("?")
        assert (event["request"]["path"], event["request"]["query"] or "") == (plain, query)
        if status == 200 and method == "GET" and "json" in answer.headers["Content-Type"]:
            assert event["response"]["body"] == answer.json
        changed = method in ("PUT", "POST", "DELETE") and (status < 400 or "login" in path)
        assert bool(event["changes"]) == changed, (path, event["changes"])
    assert [e["seq"] for e in await run.events()] == list(range(1, begin + len(calls) + 1))
    assert events[2]["response"]["body"]["error"]["code"] == "NOT_FOUND"


async def test_what_never_reached_a_playground_is_no_event(live, run, kit):
    before = await run.events()
    for method, path, token in [
        ("GET", f"/v1/benchmark-runs/{run.id}/files/inbox", None),
        ("GET", f"/v1/benchmark-runs/{run.id}/files/inbox", kit.api_key),
        ("PATCH", f"/v1/benchmark-runs/{run.id}/files/inbox", run.token),
        ("GET", f"/v1/benchmark-runs/{run.id}/nonsense", run.token),
    ]:
        assert (await live.call(method, path, token)).status >= 400
    assert await run.events() == before


async def test_direct_calls_are_events_too(live, run, kit):
    files = next(s["id"] for s in run.value["sandboxes"] if s["type"] == "Files" and s["task_run_id"] == run.tasks[0])
    assert (await live.call("PUT", f"/sandboxes/{files}/files/a.txt", kit.api_key, body=b"1")).status == 201
    last = (await run.events())[-1]
    assert (last["type"], last["sandbox_id"], last["request"]["path"]) == ("file_write", files, "files/a.txt")
    assert (await live.get(f"/sandboxes/{files}/events"))["data"] == [last]


async def test_order_under_concurrency(run):
    calls = [run.call("PUT", f"files/f{n}.txt", body=b"x") for n in range(60)]
    answers = await asyncio.gather(*calls, *(run.call("GET", "hl7/inbox") for _ in range(20)))
    assert {a.status for a in answers} == {200, 201}
    events = await run.events()
    assert [e["seq"] for e in events] == list(range(1, 83))
    assert sorted(e["at"] for e in events) == [e["at"] for e in events]
    assert len({e["id"] for e in events}) == 82
    assert {e["request"]["path"] for e in events if e["type"] == "file_write"} == {f"files/f{n}.txt" for n in range(60)}


@pytest.mark.parametrize("over", [0, 1])
async def test_bodies_over_the_limit_are_blobs_and_come_back(live, run, disk, over):
    content = b"a" * (limits.INLINE_BODY_BYTES + over)
    assert (await run.call("PUT", "files/outbox/a.txt", body=content)).status == 201
    assert (await run.call("GET", "files/outbox/a.txt")).body == content
    written, read = (await run.events())[-2:]
    assert written["request"]["body"] == read["response"]["body"] == content.decode()
    with sqlite3.connect(disk.data / "sandbox.sqlite3") as connection:
        shas = connection.execute("SELECT request_sha, response_sha FROM events WHERE type LIKE 'file_%'").fetchall()
    assert [bool(r or s) for r, s in shas] == [bool(over)] * 2


async def test_json_over_the_limit_comes_back_as_json(run):
    text = "x" * limits.INLINE_BODY_BYTES
    patient = {"resourceType": "Patient", "name": [{"family": text}]}
    assert (await run.call("POST", "fhir/Patient", json=patient)).status == 201
    event = (await run.events())[-1]
    assert event["request"]["body"] == patient
    assert event["response"]["body"]["name"] == [{"family": text}]


async def test_very_large_bodies_are_named_not_shown(run):
    content = b"a" * (limits.MIB + 1)
    await run.call("PUT", "files/outbox/a.txt", body=content)
    shown = (await run.events())[-1]["request"]["body"]
    assert set(shown) == {"sha256", "size"} and shown["size"] == len(content)


async def test_binary_and_odd_bodies(run):
    content = bytes(range(256))
    await run.call("PUT", "files/outbox/a.bin", body=content)
    await run.call("GET", "files/outbox/a.bin")
    written, read = (await run.events())[-2:]
    for body in (written["request"]["body"], read["response"]["body"]):
        assert base64.b64decode(body["base64"]) == content and body["size"] == 256
    assert (await run.call("POST", "hl7/outbound", body=b'{"payload": "\xff"}')).status == 400
    assert (await run.events())[-1]["type"] == "hl7_outbound"


async def test_headers_are_kept_in_part(run):
    headers = {
        "User-Agent": "agent/1",
        "Prefer": "return=minimal",
        "X-Secret": "s3cr3t",
        "Cookie": "portal_session=abc",
        "Content-Type": "application/fhir+json",
    }
    await run.call("POST", "fhir/Patient", body=b'{"resourceType":"Patient"}', headers=headers)
    event = (await run.events())[-1]
    assert (
        event["request"]["headers"].items()
        >= {
            "user-agent": "agent/1",
            "prefer": "return=minimal",
            "content-type": "application/fhir+json",
        }.items()
    )
    assert set(event["request"]["headers"]) <= {"user-agent", "prefer", "content-type", "accept"}
    assert "location" in event["response"]["headers"]


async def test_secrets_never_appear(live, run, disk, kit):
    """Not in events, not in the database's events, not in the log of the run."""
    credentials = {s["type"]: s["credentials"] for s in run.value["sandboxes"] if s["task_run_id"] == run.tasks[0]}
    portal, fhir = credentials["Payer"], credentials["Fhir"]
    login = {"username": portal["username"], "password": portal["password"]}
    secrets = [run.token, kit.api_key + '"', kit.solver_key, portal["password"], fhir["client_secret"]]

    entered = await run.call("POST", "portal/login", json=login)
    assert entered.status == 200
    session = entered.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    assert len(session) >= 32
    secrets.append(session)
    await run.call("GET", "portal/patients", headers={"Cookie": f"portal_session={session}"})
    wrong = {"username": portal["username"], "password": "nearly-" + portal["password"]}
    assert (await run.call("POST", "portal/login", json=wrong)).status == 401
    broken = json.dumps(login)[:-1]
    assert (await run.call("POST", "portal/login", body=broken.encode())).status == 400
    deep = json.dumps({**login, "x": "DEEP"}).replace('"DEEP"', "[" * 100 + "]" * 100)
    assert (await run.call("POST", "portal/login", body=deep.encode())).status in (400, 413)
    for body in ([login], {"login": login}, {"username": "x", "password": {"is": portal["password"]}}):
        assert (await run.call("POST", "portal/login", json=body)).status == 400

    form = f"grant_type=client_credentials&client_id={fhir['client_id']}&client_secret={fhir['client_secret']}"
    fhir_sandbox = next(
        s["id"] for s in run.value["sandboxes"] if s["type"] == "Fhir" and s["task_run_id"] == run.tasks[0]
    )
    basic = base64.b64encode(f"{fhir['client_id']}:{fhir['client_secret']}".encode()).decode()
    secrets.append(basic)
    for headers, body in [
        ({"Content-Type": "application/x-www-form-urlencoded"}, form),
        (
            {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {basic}"},
            "grant_type=client_credentials",
        ),
    ]:
        answer = await live.call("POST", f"/sandboxes/{fhir_sandbox}/fhir/token", headers=headers, body=body.encode())
        if answer.status == 200:
            secrets.append(answer.json["access_token"])
    answer = await run.call(
        "POST", "fhir/token", body=form.encode(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    if answer.status == 200:
        secrets.append(answer.json["access_token"])
    assert len(secrets) > 7, "no SMART token was issued"

    events = await run.events()
    text = json.dumps(events)
    for secret in secrets:
        assert secret not in text, secret
    await run.complete()
    await live.stop()
    with sqlite3.connect(disk.data / "sandbox.sqlite3") as connection:
        rows = connection.execute("SELECT * FROM events").fetchall()
        blobs = connection.execute("SELECT body FROM blobs").fetchall()
    stored = repr(rows) + repr(blobs)
    for secret in secrets:
        assert secret not in stored, secret
    assert "[redacted]" in stored
