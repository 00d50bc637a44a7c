"""A page under a name of its own that leads to this machine: the server answers to its own names alone."""

import pytest

from sandbox.settings import SettingError, Settings

OURS = [
    b"localhost",
    b"LOCALHOST:8787",
    b"localhost.",
    b"127.0.0.1",
    b"127.0.0.1:1",
    b"127.8.9.1",
    b"[::1]:80",
    b"[::1]",
]
FOREIGN = [
    b"evil.example",
    b"evil.example:8787",
    b"localhost.evil.example",
    b"127.0.0.1.evil.example",
    b"10.0.0.5",
    b"0.0.0.0",
    b"[2001:db8::1]:80",
    b"x",
    b"2130706433",
]
BROKEN = [b"[", b"[::1", b"a b", "ä.example".encode(), b"\xff", b"localhost:x", b"localhost@evil.example", b"a/b", b""]


@pytest.fixture
def paths(guard):
    """One path of every surface on every mount, and of every API, with whether it takes a POST."""
    root = f"/v1/benchmark-runs/{guard.run.id}"
    task = f"/v1/task-runs/{guard.run.tasks[0]}"
    fhir = guard.sandbox_id("Fhir")
    return [
        f"{root}/fhir/Patient",
        f"{task}/fhir/Patient",
        f"/sandboxes/{fhir}/fhir/Patient",
        f"/services/{fhir}/fhir/metadata",
        f"{root}/fhir/.well-known/smart-configuration",
        f"{root}/fhir/token",
        f"{root}/hl7/inbox",
        f"{root}/files/inbox",
        f"{root}/portal/prior-auths",
        f"{root}/portal/login",
        "/v1/benchmark-runs",
        "/benchmark-runs",
        "/readyz",
        "/healthz",
        "/api/v1/whoami",
        "/whoami",
        "/oauth2/token",
        "/nowhere",
    ]


@pytest.mark.parametrize("host", OURS)
async def test_names_of_this_machine(guard, host):
    assert (await guard.raw("GET", "/readyz", host=host))[0] == 200
    token = f"Authorization: Bearer {guard.run.token}"
    path = f"/v1/benchmark-runs/{guard.run.id}/fhir/Patient/ana"
    assert (await guard.raw("GET", path, token, host=host))[0] == 200


@pytest.mark.parametrize(("hosts", "status"), [(FOREIGN, 421), (BROKEN, 400)])
async def test_any_other_name_is_refused_everywhere(guard, paths, hosts, status):
    before = await guard.state()
    for host in hosts:
        for path in paths if host in (FOREIGN[0], BROKEN[0], BROKEN[3]) else paths[:1]:
            for method in ("GET", "POST", "OPTIONS"):
                got = await guard.raw(method, path, "Authorization: Bearer vk_local", body=b"{}", host=host)
                assert got[0] == status, (host, method, path, got)
                assert got[1]["x-request-id"].startswith("req_")
                assert not [name for name in got[1] if name.startswith("access-control")]
    assert await guard.state() == before


async def test_the_refusal_says_what_to_do_in_the_surfaces_form(guard):
    plain = await guard.raw("GET", "/readyz", host=b"evil.example")
    assert plain[0] == 421 and b'"MISDIRECTED_REQUEST"' in plain[2] and b"SANDBOX_ALLOWED_HOSTS" in plain[2]
    fhir = await guard.raw("GET", f"/v1/benchmark-runs/{guard.run.id}/fhir/Patient", host=b"evil.example")
    assert fhir[1]["content-type"] == "application/fhir+json" and b"OperationOutcome" in fhir[2]
    tasks = await guard.raw("GET", "/api/v1/whoami", host=b"evil.example")
    assert tasks[0] == 421 and b'"detail"' in tasks[2]


async def test_a_write_under_a_foreign_name_changes_nothing(guard):
    before = await guard.state()
    root, token = f"/v1/benchmark-runs/{guard.run.id}", f"Authorization: Bearer {guard.run.token}"
    for host in (b"evil.example", "ä.example".encode(), b"[", None):
        got = await guard.raw("PUT", f"{root}/files/a.txt", token, body=b"1", host=host)
        assert got[0] in (400, 421), (host, got)
    twice = await guard.raw("PUT", f"{root}/files/a.txt", token, "Host: localhost", body=b"1")
    assert twice[0] == 400, twice
    absolute = await guard.raw("PUT", f"http://evil.example{root}/files/a.txt", token, body=b"1")
    assert absolute[0] == 421, absolute
    assert await guard.state() == before
    absolute = await guard.raw("PUT", f"http://localhost{root}/files/a.txt", token, body=b"1")
    assert absolute[0] == 201, absolute


async def test_plain_calls_on_one_connection(guard):
    """The quickest way to a simulated system knows the names, too, whichever comes first."""
    path, token = f"/v1/benchmark-runs/{guard.run.id}/fhir/Patient/ana", guard.run.token
    before = await guard.state()
    async with guard.line() as line:
        for host, status in (("evil.example", 421), ("localhost", 200), ("evil.example", 421), ("[", 400)):
            line.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            assert (await line.answer())[0] == status, host
        line.write(
            f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nContent-Length: 2\r\n"
            f"Authorization: Bearer {token}\r\n\r\n{{}}".encode()
        )
        assert (await line.answer())[0] == 403
    assert await guard.state() == (before[0], before[1] + 1)


async def test_http_1_0_needs_no_host(guard, plug):
    async with plug(guard.live) as line:
        line.write(b"GET /readyz HTTP/1.0\r\n\r\n")
        assert (await line.answer())[0] == 200


@pytest.mark.parametrize(
    ("settings", "taken", "refused"),
    [
        ({"host": "10.0.0.5", "is_strict": True}, [b"10.0.0.5:8787", b"localhost"], [b"10.0.0.6", b"evil.example"]),
        ({"host": "::"}, [b"10.0.0.6", b"[2001:db8::1]:80", b"localhost"], [b"evil.example"]),
        ({"host": "0.0.0.0"}, [b"192.168.7.7", b"[fe80::1]"], [b"evil.example", b"sandbox"]),
        ({"host": "ehr.lan", "is_strict": True}, [b"EHR.lan:1"], [b"other.lan"]),
        ({"url_base": "https://sandbox.example.org/x"}, [b"sandbox.example.org", b"localhost"], [b"example.org"]),
        ({"allowed_hosts": ("sandbox", "ehr.test")}, [b"sandbox:8787", b"EHR.test"], [b"x.ehr.test", b"10.0.0.5"]),
    ],
)
async def test_names_of_the_settings(serve, guarding, settings, taken, refused):
    """Strict where the address is none of this machine's: then no port is opened on it beside HTTP."""
    async with serve(api_key="vk_own", solver_key="vrl_slv_own", **settings) as live:
        guard = guarding(live, None)
        for host in taken:
            assert (await guard.raw("GET", "/readyz", host=host))[0] == 200, host
        for host in refused:
            assert (await guard.raw("GET", "/readyz", host=host))[0] == 421, host


def test_the_setting_is_read():
    def read(text):
        return Settings.from_environment({"SANDBOX_ALLOWED_HOSTS": text}).allowed_hosts

    assert read(" Sandbox , ehr.example.org., 10.0.0.5,[::1]") == ("sandbox", "ehr.example.org", "10.0.0.5", "::1")
    assert read("") == ()
    for wrong in ("http://a", "a:80", "a b", "ä.example", "*", "*.example.org"):
        with pytest.raises(SettingError, match="SANDBOX_ALLOWED_HOSTS"):
            read(wrong)


# -- pages from elsewhere ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://", "x", ""]
)
async def test_a_page_from_elsewhere_changes_nothing(guard, paths, origin):
    before = await guard.state()
    headers = {"Origin": origin, "Content-Type": "text/plain"}
    for path in paths:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            for token in ("vk_local", guard.run.token):
                got = await guard.live.call(method, path, token, body=b"{}", headers=headers)
                assert got.status == 403, (method, path, got)
    assert b"SANDBOX_ALLOWED_ORIGINS" in got.body
    assert await guard.state() == before
    assert (await guard.run.call("GET", "fhir/Patient/ana", headers=headers)).status == 200


async def test_a_page_of_the_servers_own_may(serve, guarding):
    async with serve(
        host="0.0.0.0", api_key="vk_own", solver_key="vrl_slv_own", url_base="https://sandbox.example.org"
    ) as live:
        guard = guarding(live, None)
        bearer, kind = "Authorization: Bearer vrl_slv_own", "Content-Type: application/json"
        for host, origin, status in (
            (b"10.0.0.6:8787", "http://10.0.0.6:8787", 201),
            (b"10.0.0.6:8787", "http://10.0.0.6:8788", 403),
            (b"10.0.0.6:8787", "http://10.0.0.7:8787", 403),
            (b"10.0.0.6:8787", "https://sandbox.example.org", 201),
            (b"sandbox.example.org", "https://sandbox.example.org", 201),
            (b"10.0.0.6:8787", "http://localhost:5173", 201),
        ):
            body = b'{"benchmark": "clinic@1"}'
            got = await guard.raw("POST", "/v1/benchmark-runs", bearer, kind, f"Origin: {origin}", body=body, host=host)
            assert got[0] == status, (host, origin, got)
