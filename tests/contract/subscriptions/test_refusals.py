"""What is not served is refused by name, and never stored."""

from urllib.parse import urlencode

import pytest

from tests.contract.subscriptions.conftest import FHIR_JSON, subscription
from tests.contract.subscriptions.hooks import hooked

URL = "http://127.0.0.1:9/hook"


@pytest.mark.parametrize(
    ("more", "status", "where", "named"),
    [
        ({"type": "websocket"}, 422, "channel.type", "websocket"),
        ({"type": "email"}, 422, "channel.type", "email"),
        ({"type": "sms"}, 422, "channel.type", "sms"),
        ({"type": "message"}, 422, "channel.type", "message"),
        ({"endpoint": None}, 422, "channel.endpoint", "endpoint"),
        ({"endpoint": "mailto:a@example.org"}, 422, "channel.endpoint", "http"),
        ({"endpoint": "http://"}, 422, "channel.endpoint", "http"),
        ({"endpoint": "http://127.0.0.1:99999/"}, 422, "channel.endpoint", "http"),
        ({"endpoint": "http://127.0.0.1/a#b"}, 422, "channel.endpoint", "fragment"),
        ({"endpoint": "http://me:secret@127.0.0.1/"}, 422, "channel.endpoint", "user name"),
        ({"endpoint": "http://example.org/"}, 422, "channel.endpoint", "SANDBOX_OUTBOUND_HOSTS"),
        ({"endpoint": "http://169.254.169.254/latest"}, 422, "channel.endpoint", "SANDBOX_OUTBOUND_HOSTS"),
        ({"endpoint": "http://0.0.0.0/"}, 422, "channel.endpoint", "SANDBOX_OUTBOUND_HOSTS"),
        ({"endpoint": "http://127.1/"}, 422, "channel.endpoint", "SANDBOX_OUTBOUND_HOSTS"),
        ({"endpoint": "http://2130706433/"}, 422, "channel.endpoint", "SANDBOX_OUTBOUND_HOSTS"),
        ({"endpoint": "http://[::ffff:10.0.0.1]/"}, 422, "channel.endpoint", "SANDBOX_OUTBOUND_HOSTS"),
        ({"endpoint": "http://127.0.0.1.example.org/"}, 422, "channel.endpoint", "SANDBOX_OUTBOUND_HOSTS"),
        ({"endpoint": "http://127.0.0.1/" + "a" * 2_000}, 422, "channel.endpoint", "2,000"),
        ({"payload": "application/fhir+xml"}, 422, "channel.payload", "application/fhir+xml"),
        ({"payload": "text/plain"}, 422, "channel.payload", "text/plain"),
        ({"header": ["Host: example.org"]}, 422, "channel.header", "Host"),
        ({"header": ["Content-Length: 5"]}, 422, "channel.header", "Content-Length"),
        ({"header": ["connection: close"]}, 422, "channel.header", "connection"),
        ({"header": ["no colon"]}, 422, "channel.header", "Name: value"),
        ({"header": ["A: b\r\nHost: c"]}, 422, "channel.header", "Name: value"),
        ({"header": ["A: é"]}, 422, "channel.header", "Name: value"),
        ({"header": ["A: 1", "a: 2"]}, 422, "channel.header", "twice"),
        ({"end": "2026-04-23T08:00:00Z"}, 422, "end", "over already"),
        ({"criteria": "Observation?no-such=1"}, 400, "criteria", "no-such"),
        ({"criteria": "Observation?code:above=1"}, 400, "criteria", "above"),
        ({"criteria": "Observation?date=yesterday"}, 400, "criteria", "yesterday"),
        ({"criteria": "Observation?_count=5"}, 400, "criteria", "_count"),
        ({"criteria": "Observation?_sort=date"}, 400, "criteria", "_sort"),
        ({"criteria": "Observation?code=%ff"}, 400, "criteria", "UTF-8"),
        ({"criteria": "Banana?code=1"}, 400, "criteria", "Banana"),
        ({"criteria": "/Observation?code=1"}, 422, "criteria", "search"),
        ({"criteria": "http://example.org/topics/admission"}, 422, "criteria", "topics"),
        ({"criteria": "Subscription?status=active"}, 422, "criteria", "Subscription"),
    ],
)
async def test_a_subscription_that_cannot_be_served_is_refused(ehr, more, status, where, named):
    body = subscription(more.pop("endpoint", URL), **more)
    if body["channel"]["endpoint"] is None:
        del body["channel"]["endpoint"]
    before = ehr.run.state_hash()
    answer = await ehr.call("POST", "Subscription", body)
    assert answer.status == status, answer
    (issue,) = answer.json["issue"]
    assert issue["expression"] == [f"Subscription.{where}"] and named in issue["diagnostics"]
    assert ehr.run.state_hash() == before
    told = await ehr.call("POST", "Subscription/$validate", body)
    assert told.status == 200 and named in told.json["issue"][0]["diagnostics"]
    entry = {"resource": body, "request": {"method": "POST", "url": "Subscription"}}
    whole = await ehr.call("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert whole.json["issue"][0]["expression"] == [f"Bundle.entry[0].resource.{where}"]


async def test_a_reason_is_needed(ehr):
    body = subscription(URL)
    del body["reason"]
    assert (await ehr.call("POST", "Subscription", body)).status == 400


@pytest.mark.parametrize("status", ["active", "error"])
async def test_what_only_the_server_sets_counts_as_asking(ehr, status):
    answer = await ehr.call("POST", "Subscription", subscription(URL, status=status, error="old"))
    assert answer.status == 201 and answer.json["status"] == "requested" and "error" not in answer.json


async def test_there_are_so_many_at_most(ehr, monkeypatch):
    monkeypatch.setattr("sandbox.limits.SUBSCRIPTIONS", 2)
    first = await ehr.ask(URL)
    await ehr.ask(URL)
    answer = await ehr.call("POST", "Subscription", subscription(URL))
    assert answer.status == 422 and "limit" in answer.json["issue"][0]["diagnostics"]
    again = await ehr.call("PUT", f"Subscription/{first}", {**subscription(URL), "id": first})
    assert again.status == 200
    assert (await ehr.call("POST", "Subscription", subscription(URL, status="off"))).status == 201
    await ehr.call("DELETE", f"Subscription/{first}")
    await ehr.ask(URL)


async def test_more_than_can_wait_is_an_error_of_the_subscription(ehr, monkeypatch):
    monkeypatch.setattr("sandbox.limits.NOTIFICATIONS", 2)
    key = await ehr.ask(URL)
    for _ in range(3):
        await ehr.observe()
    stored = await ehr.read(key)
    assert stored["status"] == "error" and "wait" in stored["error"]


async def test_hosts_of_the_settings_are_allowed(serve, subscriber):
    async with serve(outbound_hosts=("hooks.example.org", "10.0.0.5")) as live:
        ehr = subscriber(await live.started())
        await ehr.ask("https://Hooks.Example.org/in")
        await ehr.ask("http://10.0.0.5/in")
        assert (await ehr.call("POST", "Subscription", subscription("http://example.org/"))).status == 422


async def test_a_name_that_leads_elsewhere_is_not_connected_to(ehr, monkeypatch):
    """Who asked for localhost does not get to what the name was made to lead to."""
    async with hooked() as hook:

        async def resolve(self, host, port=0, family=0):
            return [{"hostname": host, "host": "10.1.2.3", "port": port, "family": 2, "proto": 0, "flags": 0}]

        monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", resolve)
        await ehr.ask(hook.url.replace("127.0.0.1", "localhost"))
        await ehr.observe()
        (told,) = await ehr.attempted(1)
        assert "SANDBOX_OUTBOUND_HOSTS" in told["error"] and told["status"] is None


async def test_a_step_of_the_scenario_reaches_no_further(serve, disk, kit, subscriber):
    """Its host is looked at when it is called."""
    step = {"action": "put_fhir", "resource": {**subscription("http://198.51.100.1/"), "id": "s"}}
    disk.benchmark(kit.benchmark("clinic", kit.task("a", kit.says(1), scenario={"steps": [step]})))
    async with serve() as live:
        ehr = subscriber(await live.started())
        await ehr.observe()
        (told,) = await ehr.attempted(1)
        assert "SANDBOX_OUTBOUND_HOSTS" in told["error"]


async def token_of(ehr, scope):
    """Log in as the sandbox's own SMART client."""
    sandboxes = (await ehr.run.get())["sandboxes"]
    held = next(s["credentials"] for s in sandboxes if s["type"] == "Fhir" and s["task_run_id"] == ehr.run.tasks[0])
    form = {"grant_type": "client_credentials", "scope": scope}
    form |= {"client_id": held["client_id"], "client_secret": held["client_secret"]}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await ehr.run.live.call(
        "POST", held["token_url"].removeprefix(ehr.run.live.url), body=urlencode(form), headers=headers
    )
    assert answer.status == 200, answer
    return answer.json["access_token"]


@pytest.mark.parametrize(
    ("criteria", "status"),
    [
        ("Observation?code=1", 201),
        ("Patient", 403),
        ("Observation?subject:Patient.family=Reyes", 403),
        ("Observation?_has:Provenance:target:recorded=2026", 403),
    ],
)
async def test_a_token_is_told_of_what_it_may_read(ehr, criteria, status):
    ehr.run.token = await token_of(ehr, "system/Subscription.write system/Observation.read")
    body = subscription(URL, criteria)
    before = ehr.run.state_hash()
    assert (await ehr.call("POST", "Subscription", body)).status == status
    whole = {"resourceType": "Bundle", "type": "batch"}
    entry = {"resource": body, "request": {"method": "POST", "url": "Subscription"}}
    assert (await ehr.call("POST", "", {**whole, "entry": [entry]})).status == (200 if status == 201 else 403)
    if status == 403:
        assert ehr.run.state_hash() == before
    off = {**subscription(URL, "Observation?code=1", status="off"), "id": "s", "reason": criteria}
    assert (await ehr.call("PUT", "Subscription/s", off)).status == 201
    patch = [
        {"op": "copy", "from": "/reason", "path": "/criteria"},
        {"op": "add", "path": "/status", "value": "active"},
    ]
    answer = await ehr.call("PATCH", "Subscription/s", patch, "application/json-patch+json")
    assert answer.status == (200 if status == 201 else 403)


async def test_strict_mode_delivers_too(serve, subscriber):
    async with serve(is_strict=True) as live, hooked() as hook:
        ehr = subscriber(await live.started())
        await ehr.ask(hook.url)
        await ehr.observe()
        await ehr.until(lambda: hook.got)


async def test_loopback_has_three_names(ehr):
    async with hooked() as hook:
        for host in ("127.0.0.1", "localhost", "LOCALHOST"):
            await ehr.ask(f"http://{host}:{hook.port}/{host}", payload=FHIR_JSON)
        await ehr.observe()
        await ehr.attempted(3)
        assert len(hook.got) == 3
        answer = await ehr.call("POST", "Subscription", subscription("http://[::1]:9/"))
        assert answer.status == 201
