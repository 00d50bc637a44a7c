"""A secret appears nowhere: not in the database, a log, an event, a page or an export, whatever an agent does with it.

A server in a process of its own, which logs all that it can, and an agent that works by its capability URLs, by tools,
by its token and by mistake, and names its URLs wherever it may. Then everything that is left is searched.
"""

import asyncio
import json
import os
import re
import signal
import sys
from html import unescape
from urllib.parse import quote, unquote, urljoin

import aiohttp
import pytest

from tests.contract.doors.conftest import basic

FHIR = {"Content-Type": "application/fhir+json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MCP = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
ORGANIZATION = {"Authorization": "Bearer vk_local"}
PAGES_MAX = 90


@pytest.fixture
async def server(disk, tmp_path):
    """A server as `sandbox serve` runs it; gives its URL, and how it is stopped and what it logged."""
    arguments = ["--port", "0", "--data-dir", str(disk.data), "--access-log", "--log-level", "debug"]
    arguments += ["--playgrounds", str(disk.playgrounds), "--seeds", str(disk.seeds)]
    log = (tmp_path / "log").open("w+b")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "serve", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=log, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    url = (await process.stdout.readline()).decode().split()[-1]

    async def stop():
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.communicate()
        log.seek(0)
        return log.read()

    yield url, stop
    await stop()
    log.close()


class Agent:
    """One started task run, and every way to send to it."""

    def __init__(self, http, url, run, started):
        self.http, self.url, self.run, self.started = http, url, run, started
        self.urls = started["urls"]
        self.root = self.urls["fhir"].removesuffix("/fhir")
        self.secret = self.root.rpartition("/")[2]
        self.token = run["bearer_token"]
        self.own = f"{url}/v1/task-runs/{started['task_run_id']}"

    async def send(self, method, url, body=None, **headers):
        data = body if body is None or isinstance(body, bytes | str) else json.dumps(body)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, url, data=data, headers=sent) as answer:
            return answer.status, await answer.read()

    async def tool(self, url, name, arguments, **headers):
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        status, body = await self.send("POST", url, call, **MCP, **headers)
        assert status == 200, body
        return json.loads(body)["result"]


async def work(agent, kit):
    """Do all that an agent does, and all that it should not, with its URLs in every place."""
    send, urls, bearer = agent.send, agent.urls, {"Authorization": f"Bearer {agent.token}"}
    patient, held = f"{urls['fhir']}/Patient/ana", {s["type"]: s["credentials"] for s in agent.started["sandboxes"]}
    named = {"Referer": patient, "User-Agent": f"agent ({agent.root})"}

    def observation(reference):
        return {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": f"as in {reference}"},
            "subject": {"reference": reference},
        }

    # By the URLs alone, and by the token with the URLs in what is sent.
    for root, more in ((agent.root, named), (agent.own, {**bearer, **named})):
        assert (await send("GET", f"{root}/fhir/Patient/ana", **more))[0] == 200
        assert (await send("GET", f"{root}/fhir/Patient?favourite={quote(patient)}", **more))[0] == 400
        made = await send("POST", f"{root}/fhir/Observation", observation(patient), **FHIR, **more)
        assert made[0] == 201, made
        assert (await send("GET", f"{root}/fhir/Observation?subject={quote(patient, safe='')}", **more))[0] == 200
        form = f"subject={quote(patient, safe='')}"
        assert (await send("POST", f"{root}/fhir/Observation/_search", form, **FORM, **more))[0] == 200
        condition = {"If_None_Exist": f"subject={patient}"}
        assert (await send("POST", f"{root}/fhir/Observation", observation(patient), **FHIR, **more, **condition))[
            0
        ] in (200, 412)
        escaped = json.dumps(observation(patient)).replace("/", "\\/")
        assert (await send("POST", f"{root}/fhir/Observation", escaped, **FHIR, **more))[0] == 201
        assert (await send("POST", f"{root}/fhir/Observation", b'{"x": "' + patient.encode(), **FHIR, **more))[0] == 400
        entry = {"request": {"method": "GET", "url": patient}}
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
        assert (await send("POST", f"{root}/fhir", bundle, **FHIR, **more))[0] == 200
        assert (await send("PUT", f"{root}/files/outbox/a.txt", b"1", **more))[0] in (200, 201)
        assert (await send("GET", f"{root}/files/inbox", **more))[0] == 200
        prior_auth = {**kit.prior_auth, "notes": f"see {patient}"}
        assert (await send("POST", f"{root}/portal/prior-auths", prior_auth, **MCP, **more))[0] == 201
        note = {"payload": kit.adt.format(control="C1", family="Smith") + f"\rNTE|1||{patient}"}
        assert (await send("POST", f"{root}/hl7/outbound", note, **MCP, **more))[0] == 200
        assert (await send("POST", f"{root}/clock/advance", {"seconds": 1}, **MCP, **more))[0] == 200
        assert (await send("POST", f"{root}/clock/advance", {"to": patient}, **MCP, **more))[0] == 400
        # By tools.
        mcp = f"{root}/mcp"
        created = await agent.tool(mcp, "fhir_create", {"resource": observation(patient)}, **more)
        assert not created["isError"], created
        assert (await agent.tool(mcp, "fhir_read", {"reference": patient}, **more))["isError"]
        assert (await agent.tool(mcp, f"tool_{agent.root}", {}, **more))["isError"]
    # With a sandbox's own credentials, below the secret and on the direct path.
    smart, login = held["Fhir"], held["Payer"]
    for client, door in (
        (smart, f"{urls['fhir']}/token"),
        (smart, smart["token_url"]),
        (login, f"{urls['portal']}/fhir/token"),
        (login, login["token_url"]),
    ):
        for secret in (client["client_secret"], "wrong"):
            given = {"Authorization": basic(client["client_id"], secret)}
            status, body = await send("POST", door, "grant_type=client_credentials", **FORM, **given)
            assert status == (401 if secret == "wrong" else 200)
        token = {"Authorization": f"Bearer {(json.loads(body).get('access_token', 'none'))}"}
        await send("POST", f"{urls['fhir']}/Observation", observation(patient), **FHIR, **token)
        await send("POST", f"{urls['portal']}/fhir/Claim/$submit", observation(patient), **FHIR, **token)
    for password in (login["password"], agent.secret):
        user = {"username": login["username"], "password": password}
        assert (await send("POST", f"{urls['portal']}/login", user, **MCP))[0] in (200, 401)
    # By mistake.
    for method, path in (
        ("GET", ""),
        ("GET", "/nothing"),
        ("PATCH", "/files/inbox"),
        ("GET", "/%00"),
    ):
        assert (await send(method, agent.root + path))[0] >= 400
    assert (await send("GET", f"{agent.url}/t/{agent.secret}x/fhir/Patient"))[0] == 404
    assert (await send("GET", f"{agent.url}/benchmarks?cursor={agent.secret}", **ORGANIZATION))[0] == 400
    assert (await send("GET", f"{agent.url}/benchmarks", Authorization=f"Bearer {agent.secret}"))[0] == 401
    return {agent.token, smart["client_secret"], login["client_secret"], login["password"]}


async def exports_of(agent, run):
    """Everything that a run can be exported as."""
    found = {}
    for form in ("html", "jsonl", "har", "junit"):
        url = f"{agent.url}/benchmark-runs/{run}/export?format={form}"
        status, found[form] = await agent.send("GET", url, **ORGANIZATION)
        assert status == 200, (form, found[form])
    return found


async def pages_of(agent):
    """The dashboard's pages about the run, and what the internal API tells of it."""
    status, _ = await agent.send("POST", f"{agent.url}/ui/login", "key=vk_local", **FORM)
    assert status in (200, 303)
    ids = [agent.run["benchmark_run_id"], agent.started["task_run_id"], agent.run["task_runs"][0]["playground_id"]]
    kinds = ("runs", "task-runs", "playgrounds")
    found, waiting = {}, [f"{agent.url}/ui/{kind}/{key}" for kind, key in zip(kinds, ids, strict=True)]
    while waiting and len(found) < PAGES_MAX:
        url = waiting.pop(0)
        if url in found:
            continue
        status, body = await agent.send("GET", url, Accept="text/html")
        found[url] = body
        assert status < 500, (url, body)
        for link in re.findall(r'(?:href|src|action|hx-get|data-url)="([^"]+)"', body.decode(errors="replace")):
            target = urljoin(url, unescape(link)).partition("#")[0]
            if target.startswith(f"{agent.url}/ui/") and any(key in target for key in ids) and "/live" not in target:
                waiting.append(target)
    task = agent.started["task_run_id"]
    for path in (f"task-runs/{task}", f"task-runs/{task}/events", f"task-runs/{task}/changes"):
        found[path] = (await agent.send("GET", f"{agent.url}/{path}?limit=100", **ORGANIZATION))[1]
    found["metrics"] = (await agent.send("GET", f"{agent.url}/metrics", **ORGANIZATION))[1]
    return found


def holding(secret, texts):
    """Where a secret is, however a URL spells it."""
    found = {name: unquote(body.decode("latin-1")) for name, body in texts.items()}
    return [
        (name, *re.findall(f".{{0,80}}{secret}.{{0,20}}", body)[:3]) for name, body in found.items() if secret in body
    ]


async def test_no_secret_is_kept_or_told(server, disk, kit):
    url, stop = server
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        created = {"benchmark": "clinic", "seed": 5, "tasks": ["refer"]}
        async with http.post(
            f"{url}/v1/benchmark-runs", json=created, headers={"Authorization": "Bearer vrl_slv_local"}
        ) as answer:
            run = await answer.json()
        async with http.post(
            url + run["task_runs"][0]["start_url"], headers={"Authorization": f"Bearer {run['bearer_token']}"}
        ) as answer:
            agent = Agent(http, url, run, await answer.json())
        secrets = await work(agent, kit)
        while_it_runs = await exports_of(agent, run["benchmark_run_id"]) | await pages_of(agent)
        done = await agent.tool(
            agent.urls["mcp"],
            "task_complete",
            {"output": {"made": f"{agent.urls['fhir']}/Patient/1", "size": 4.10}, "notes": f"See {agent.root}/files."},
        )
        assert not done["isError"], done
        told = json.loads(
            (await agent.send("GET", f"{url}/task-runs/{agent.started['task_run_id']}", **ORGANIZATION))[1]
        )
        assert told["output"] == {"made": f"{agent.own}/fhir/Patient/1", "size": 4.1}
        assert told["notes"] == f"See {agent.own}/files."
        afterwards = await exports_of(agent, run["benchmark_run_id"]) | await pages_of(agent)
    log = await stop()
    assert len(while_it_runs) > 60 and len(afterwards["jsonl"]) > 20_000
    assert log.count(b"/t/***/") > 20 and b"GET /t/***/fhir/Patient/ana 200 " in log
    files = {str(p.relative_to(disk.data)): p.read_bytes() for p in disk.data.rglob("*") if p.is_file()}
    assert any(len(body) > 50_000 for body in files.values())
    for texts in (while_it_runs, afterwards, files, {"log": log}):
        found = holding(agent.secret, texts)
        assert not found, found
    for secret in secrets:  # the password is shown where credentials are
        assert holding(secret, {"log": log, **{name: while_it_runs[name] for name in ("html", "jsonl", "har")}}) == []
