"""A page in a browser: preflight without a token, and answers it may read, on every surface and API, errors too."""

import asyncio

import pytest

from sandbox.settings import SettingError, Settings

LOOPBACK = ["http://localhost:5173", "http://127.0.0.1", "https://[::1]:8443", "http://127.8.9.1:1"]
FOREIGN = [
    "https://example.org",
    "null",
    "http://localhost.example.org",
    "http://127.0.0.1.example.org",
    "http://10.0.0.5",
    "file://",
    "http://localhost:5173/path",
]
EXPOSED = {"ETag", "Location", "Last-Modified", "X-Request-Id", "Retry-After", "Content-Disposition"}


def asking(origin, method="POST", headers="authorization, content-type"):
    return {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}


@pytest.fixture
def paths(doors):
    """One path of every surface on every mount, and of every API; some of them lead nowhere."""
    surfaces = [
        ("Fhir", "fhir/Patient/ana"), ("Fhir", "fhir/token"), ("Fhir", "fhir"), ("Hl7", "hl7/outbound"),
        ("Files", "files/outbox/x.txt"), ("Payer", "portal/login"), ("Payer", "portal/prior-auths/x"),
    ]  # fmt: skip
    return [f"{root}/{path}" for kind, path in surfaces for root in doors.roots(kind)] + [
        "/v1/benchmark-runs",
        f"/v1/task-runs/{doors.run.tasks[0]}/start",
        "/benchmark-runs",
        "/sandboxes",
        "/readyz",
        "/api/v1/whoami",
        "/oauth2/token",
        "/nowhere",
        f"/v1/benchmark-runs/{doors.run.id}/nowhere",
    ]


async def test_preflight_needs_no_token(doors, paths):
    before = doors.run.state_hash(), len(await doors.events())
    for path in paths:
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            answer = await doors.call("OPTIONS", path, headers=asking(LOOPBACK[0], method))
            assert (answer.status, answer.body) == (204, b""), path
            assert answer.headers["Access-Control-Allow-Origin"] == LOOPBACK[0]
            assert answer.headers["Access-Control-Allow-Credentials"] == "true"
            assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")
            assert answer.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
            assert int(answer.headers["Access-Control-Max-Age"]) > 0
            assert answer.headers["Vary"] == "Origin" and answer.headers["X-Request-Id"]
    assert (doors.run.state_hash(), len(await doors.events())) == before


async def test_every_answer_can_be_read_by_the_page(doors, paths):
    for path in paths:
        for token in (None, doors.run.token, "vk_local"):
            answer = await doors.call("GET", path, token, headers={"Origin": LOOPBACK[0]})
            assert answer.headers["Access-Control-Allow-Origin"] == LOOPBACK[0], (path, answer)
            assert answer.headers["Access-Control-Allow-Credentials"] == "true"
            assert set(answer.headers["Access-Control-Expose-Headers"].split(", ")) >= EXPOSED
            assert answer.headers["Vary"] == "Origin"
    read = await doors.run.call("GET", "fhir/Patient/ana", headers={"Origin": LOOPBACK[0]})
    assert read.status == 200 and "ETag" in read.headers and "Last-Modified" in read.headers
    made = await doors.run.call("PUT", "files/a.txt", body=b"1", headers={"Origin": LOOPBACK[0]})
    assert (made.status, made.headers["Access-Control-Allow-Origin"]) == (201, LOOPBACK[0])
    head = await doors.run.call("HEAD", "files/a.txt", headers={"Origin": LOOPBACK[0]})
    assert head.headers["Access-Control-Allow-Origin"] == LOOPBACK[0]
    gone = await doors.run.call("DELETE", "files/a.txt", headers={"Origin": LOOPBACK[0]})
    assert (gone.status, gone.headers["Access-Control-Allow-Origin"]) == (204, LOOPBACK[0])


async def test_a_log_in_from_a_page(doors):
    held = doors.credentials("Payer")
    body = {"username": held["username"], "password": held["password"]}
    entered = await doors.call("POST", f"{held['api_url']}/login", json=body, headers={"Origin": LOOPBACK[0]})
    assert entered.headers["Access-Control-Allow-Credentials"] == "true" and entered.headers["Set-Cookie"]


async def test_a_stream_can_be_read_by_the_page(doors):
    url = f"{doors.live.url}/task-runs/{doors.run.tasks[0]}/events/stream"
    headers = {"Authorization": "Bearer vk_local", "Origin": LOOPBACK[0]}
    async with asyncio.timeout(10), doors.live.http.get(url, headers=headers) as stream:
        assert stream.headers["Access-Control-Allow-Origin"] == LOOPBACK[0]
        assert stream.headers["X-Request-Id"] and stream.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origin", LOOPBACK)
async def test_pages_of_this_machine(live, origin):
    assert (await live.call("OPTIONS", "/readyz", headers=asking(origin))).headers[
        "Access-Control-Allow-Origin"
    ] == origin
    assert (await live.call("GET", "/readyz", headers={"Origin": origin})).headers[
        "Access-Control-Allow-Origin"
    ] == origin


@pytest.mark.parametrize("origin", FOREIGN)
async def test_pages_from_elsewhere(doors, origin):
    fhir = f"/v1/benchmark-runs/{doors.run.id}/fhir/Patient/ana"
    for path in ("/readyz", fhir):
        refused = await doors.call("OPTIONS", path, headers=asking(origin))
        assert refused.status == 403 and b"SANDBOX_ALLOWED_ORIGINS" in refused.body
        answer = await doors.call("GET", path, doors.run.token, headers={"Origin": origin})
        assert answer.status == 200
        for sent in (refused, answer):
            assert not [name for name in sent.headers if name.lower().startswith("access-control-")], sent
            assert sent.headers["Vary"] == "Origin"
    assert refused.json["resourceType"] == "OperationOutcome"


async def test_origins_of_the_settings(serve):
    async with serve(allowed_origins=("https://ui.example.org",)) as live:
        for origin, status in (
            ("https://ui.example.org", 204),
            ("https://ui.example.org:444", 403),
            (LOOPBACK[0], 204),
        ):
            assert (await live.call("OPTIONS", "/readyz", headers=asking(origin))).status == status


async def test_what_is_no_preflight_goes_on(doors):
    plain = await doors.run.call("OPTIONS", "files/inbox")
    assert (plain.status, plain.error["code"]) == (405, "METHOD_NOT_ALLOWED")
    with_origin = await doors.run.call("OPTIONS", "files/inbox", headers={"Origin": LOOPBACK[0]})
    assert with_origin.status == 405 and with_origin.headers["Access-Control-Allow-Origin"] == LOOPBACK[0]
    plainly = await doors.run.call("GET", "fhir/Patient/ana")
    assert not [name for name in plainly.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("names", ["", "authorization,", "a b", "x-ok, ", "é", "a\tb"])
async def test_header_names_that_are_none_are_not_repeated(live, names):
    answer = await live.call("OPTIONS", "/readyz", headers=asking(LOOPBACK[0], headers=names))
    assert answer.status == 204 and answer.headers.get("Access-Control-Allow-Headers", "x-ok") == "x-ok"


async def test_the_capability_statement_says_it(doors):
    for root in doors.roots("Fhir"):
        statement = (await doors.call("GET", f"{root}/fhir/metadata")).json
        assert [rest["security"]["cors"] for rest in statement["rest"]] == [True]


def test_the_setting_is_read():
    def read(text):
        return Settings.from_environment({"SANDBOX_ALLOWED_ORIGINS": text}).allowed_origins

    assert read("") == ()
    assert read("https://UI.example.org/, http://a.test:80,https://a.test:443 ,http://[::1]:5") == (
        "https://ui.example.org", "http://a.test", "https://a.test", "http://[::1]:5",
    )  # fmt: skip
    for wrong in (
        "*",
        "ui.example.org",
        "https://ui.example.org/app",
        "https://",
        "https://a b",
        "ftp://a",
        "https://*.a",
    ):
        with pytest.raises(SettingError, match="SANDBOX_ALLOWED_ORIGINS"):
            read(wrong)
