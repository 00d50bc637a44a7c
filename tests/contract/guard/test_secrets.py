"""What opens a door is in no log and, but for where it must be, in no record, whatever was done or broke."""

import base64
import signal
import sqlite3
import subprocess
import sys
from urllib.parse import quote, urlencode

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from sandbox import logs
from sandbox.settings import Settings

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ORG = "/api/v1/org/{org}/project/{project}"


async def drive(live, run, adt):
    """Use every door and every credential, rightly and wrongly; return the secrets, by what they are."""
    held = {s["type"]: s["credentials"] for s in run.value["sandboxes"] if s["task_run_id"] == run.tasks[0]}
    fhir, portal, hl7 = held["Fhir"], held["Payer"], held["Hl7"]
    secrets = {
        "organization key": "vk_of_this_test_1",
        "solver key": "vrl_slv_of_this_test_1",
        "run token": run.token,
        "client secret": fhir["client_secret"],
        "payer's client secret": portal["client_secret"],
        "portal password": portal["password"],
    }

    def path(url):
        return URL(url).raw_path

    async def ask(form, **headers):
        return await live.call("POST", path(fhir["token_url"]), body=urlencode(form), headers={**FORM, **headers})

    basic = base64.b64encode(f"{fhir['client_id']}:{fhir['client_secret']}".encode()).decode()
    secrets["basic credentials"] = basic
    grant = {"grant_type": "client_credentials"}
    token = await ask(grant, Authorization=f"Basic {basic}")
    assert token.status == 200, token
    secrets["SMART access token"] = token.json["access_token"]
    inform = {**grant, "client_id": fhir["client_id"], "client_secret": fhir["client_secret"]}
    assert (await ask(inform)).status == 200
    assert (await ask({**inform, "client_secret": "vrl_cs_wrong_but_near"})).status == 401
    secrets["wrong client secret"] = "vrl_cs_wrong_but_near"
    form = {**grant, "client_id": portal["client_id"], "client_secret": portal["client_secret"]}
    payers = await live.call("POST", path(portal["token_url"]), body=urlencode(form), headers=FORM)
    assert payers.status == 200, payers
    secrets["payer's access token"] = payers.json["access_token"]
    entered = await live.call(
        "POST",
        path(portal["api_url"]) + "/login",
        json={"username": portal["username"], "password": portal["password"]},
    )
    assert entered.status == 200, entered
    cookie = entered.headers["Set-Cookie"].partition(";")[0]
    secrets["portal session"] = cookie.partition("=")[2].strip('"')
    for body in (
        {"username": portal["username"], "password": "hunter2-hunter2"},
        {"username": portal["username"], "password": {"nested": "hunter2-hunter2"}},
    ):
        await live.call("POST", path(portal["api_url"]) + "/login", json=body)
    secrets["a wrong password"] = "hunter2-hunter2"
    await live.call("GET", path(portal["api_url"]) + "/patients", headers={"Cookie": cookie})
    await live.call("GET", path(fhir["fhir_base_url"]) + "/Patient/ana", secrets["SMART access token"])
    adt = adt.replace("|C|D|", f"|{hl7['receiving_application']}|{hl7['receiving_facility']}|")
    await run.call("POST", "hl7/outbound", json={"payload": adt})
    await run.call("PUT", "files/outbox/a.txt", body=b"1")
    await run.call("POST", "portal/prior-auths", json={})
    project = ORG.format(
        org=(await live.get("/api/v1/org", secrets["organization key"]))["results"][0]["id"],
        project="{project}",
    )
    org = project.split("/project/")[0]
    project = f"{org}/project/" + (await live.get(f"{org}/project", secrets["organization key"]))["results"][0]["id"]
    key = await live.call("POST", f"{project}/api_key", secrets["organization key"], json={"name": "x"})
    secrets["task API key"] = key.json["key"]
    client = await live.call("POST", f"{project}/oauth_client", secrets["organization key"], json={"name": "x"})
    secrets["OAuth client secret"] = client.json["client_secret"]
    pair = base64.b64encode(f"{client.json['client_id']}:{client.json['client_secret']}".encode()).decode()
    given = await live.call(
        "POST",
        "/oauth2/token",
        body="grant_type=client_credentials",
        headers={**FORM, "Authorization": f"Basic {pair}"},
    )
    secrets["OAuth access token"] = given.json["access_token"]
    secrets["capability secret"] = await through_the_capability_url(live, run, adt)
    for secret in list(secrets.values()):  # where they do not belong
        for where in ("/v1/benchmark-runs", "/whoami", "/sandboxes", f"/v1/benchmark-runs/{run.id}/files/inbox"):
            await live.call("GET", where, secret)
            await live.call("POST", where, secret, body=b"{", headers={"Content-Type": "application/json"})
    return secrets


async def through_the_capability_url(live, run, adt):
    """Do everything that could leave a trace of the secret: absolute URLs, failures, what is not there."""
    urls = (await live.get(f"/v1/benchmark-runs/{run.id}", run.token))["task_runs"][0]["urls"]
    root = URL(urls["fhir"]).raw_path.removesuffix("/fhir")
    fhir = {"Content-Type": "application/fhir+json"}
    patient = f"{urls['fhir']}/Patient/ana"
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"{urls['fhir']}/Observation/o9",
                "resource": {**observation, "id": "o9", "subject": {"reference": patient}},
                "request": {"method": "PUT", "url": "Observation/o9"},
            }
        ],
    }
    patch = [{"op": "add", "path": "/link", "value": [{"other": {"reference": patient}, "type": "seealso"}]}]
    answers = [
        await live.call("GET", f"{root}/fhir/Patient?_count=1", None, headers={"Referer": f"{patient}?x"}),
        await live.call("GET", f"{root}/fhir/Observation?subject={quote(patient, safe='')}", None),
        await live.call("GET", f"{root}/fhir/metadata", None),
        await live.call("POST", f"{root}/fhir", None, json=bundle, headers=fhir),
        await live.call(
            "PATCH",
            f"{root}/fhir/Patient/ana",
            None,
            json=patch,
            headers={"Content-Type": "application/json-patch+json"},
        ),
        await live.call(
            "POST",
            f"{root}/fhir/Observation",
            None,
            json={**observation, "subject": {"reference": patient}},
            headers={**fhir, "If-None-Exist": f"subject={patient}"},
        ),
        await live.call("PUT", f"{root}/files/outbox/b.txt", None, body=b"1", headers={"User-Agent": urls["files"]}),
        await live.call("GET", f"{root}/files/?recursive=true", None),
        await live.call("GET", f"{root}/portal", None),
        await live.call("POST", f"{root}/portal/prior-auths", None, json={"notes": patient}),
        await live.call("POST", f"{root}/hl7/outbound", None, json={"payload": adt.replace("Smith", patient)}),
        await live.call("POST", f"{root}/clock/advance", None, json={"seconds": 1, "to": urls["clock"]}),
        await live.call("GET", f"{root}/nothing/here", None),
        await live.call("GET", f"/%74/{root.rpartition('/')[2]}/nothing/here", None),
        await live.call("GET", f"{root}/files/inbox", None),  # breaks
    ]
    statuses = [answer.status for answer in answers]
    assert statuses == [200, 200, 200, 200, 200, 200, 201, 200, 200, 400, 200, 400, 404, 404, 500], answers
    for row in (await live.get(f"/task-runs/{run.tasks[0]}/events?order=asc&limit=100", "vk_of_this_test_1"))["data"]:
        assert root not in str(row)
    return root.rpartition("/")[2]


@pytest.fixture
def process(disk):
    """`sandbox serve` with keys of its own and a definition that breaks where it is called."""
    places = ["--data-dir", disk.data, "--playgrounds", disk.playgrounds, "--seeds", disk.seeds]
    started = subprocess.Popen(
        [sys.executable, "-c", BREAKING, "serve", "--port", "0", "--access-log", *map(str, places)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            "PATH": "/usr/bin:/bin",
            "SANDBOX_API_KEY": "vk_of_this_test_1",
            "SANDBOX_SOLVER_KEY": "vrl_slv_of_this_test_1",
            "UPSTREAM_TOKEN": "s3cr3t-of-the-upstream",
        },
    )
    yield started
    if started.poll() is None:
        started.kill()
        started.communicate(timeout=30)


# The server, but listing files breaks, with everything the request holds in the error's own message.
BREAKING = """
import os
from sandbox.simulators.files import routes

def broken(tx, request):
    password = request.headers.get("authorization")
    raise RuntimeError(f"{request.headers} {request.body!r} {password} {tx.sandbox} {os.environ['UPSTREAM_TOKEN']}")

routes.list_inbox = broken
from sandbox.cli import main
main()
"""


async def test_after_everything_was_done_and_broke(process, disk, kit):
    url = next(line.split()[-1] for line in process.stdout if line.startswith("sandbox ready at "))
    async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as http:
        live = kit.live(web.Application(), Settings(), url, http, None)
        value = await live.post(
            "/v1/benchmark-runs", "vrl_slv_of_this_test_1", status=201, json={"benchmark": "clinic@1", "seed": 1}
        )
        run = kit.run(
            live, value, value["benchmark_run_id"], value["bearer_token"], [t["id"] for t in value["task_runs"]]
        )
        await run.start()
        secrets = await drive(live, run, kit.adt.format(control="C1", family="Smith"))
        broke = await run.call("GET", "files/inbox")
        assert broke.status == 500, broke
        await run.complete(output={"answer": 42})
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "unexpected error" in log and "RuntimeError" in log and "***" in log
    assert "locals" not in log
    for what, secret in {**secrets, "upstream": "s3cr3t-of-the-upstream"}.items():
        assert secret not in log, (what, log[max(0, log.find(secret) - 200) :][:400])
    assert_record_is_clean(disk, secrets)


KEPT = {"client secret": ("sandboxes", "secrets"), "portal password": ("sandboxes", "secrets")}


def assert_record_is_clean(disk, secrets):
    with sqlite3.connect(disk.data / "sandbox.sqlite3") as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = connection.execute(f"SELECT * FROM {table}")
            columns = [column[0] for column in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    raw = value if isinstance(value, bytes) else str(value).encode()
                    for what, secret in secrets.items():
                        if KEPT.get(what) != (table, column):
                            assert secret.encode() not in raw, (what, table, column, raw[:300])


# -- in a process of somebody else's ---------------------------------------------------------------


async def test_an_unexpected_error_shows_no_values(guard, monkeypatch, capsys):
    def broken(*_):
        secret_local = f"a local value {guard.run.token}"
        raise RuntimeError(secret_local[:13])

    monkeypatch.setattr("sandbox.simulators.files.state.find_file", broken)
    answer = await guard.run.call("GET", "files/outbox/a.txt")
    assert answer.status == 500
    said = capsys.readouterr()
    text = said.out + said.err
    assert "RuntimeError: a local value" in text and "in broken" in text
    assert guard.run.token not in text and "locals" not in text


def test_what_looks_like_a_secret():
    for text, clean in (
        ("GET /t/abcdefghijklmnopqrst/fhir", "GET /t/***/fhir"),
        ("{'authorization': 'Bearer abcd', 'x': 1}", "{'***, 'x': 1}"),
        ('{"password": "a b\\"c", "b": 1}', '{"***c", "b": 1}'),
        ("Cookie: portal_session=01.abc; a=b", "***; a=b"),
        ("token eyJhbGciOiJI.eyJzdWIi.c2ln", "token ***"),
        ("password=hunter2&x=1", "***&x=1"),
        ("nothing here: Patient/ana, br_01M8, key of a map", "nothing here: Patient/ana, br_01M8, key of a map"),
    ):
        assert logs.redact(text, {}) == clean
