"""The dashboard in a real browser: a server with recorded runs, and the system's Chromium."""

import io
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_playwright_python
import paramiko
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from sandbox.testing.server import SandboxServer, running_server

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
EVIL = "<script>window.evil=1</script><img src=x onerror=window.evil=1><svg onload=window.evil=1>"
MESSAGE = (
    "MSH|^~\\&|SCHED|MAPLEST|RCEHR|REGMED|20260423090000||{kind}|M-1|P|2.5\rEVN|A08|20260423090000\r"
    "PID|1||RC-100203^^^REGMED^MR||Whitfield^Harold||19510617|M\rPV1|1|O\r"
)
X12 = (
    f"ISA*00*{'':10}*00*{'':10}*ZZ*{'REGMED':15}*ZZ*{'PAYER':15}*260423*0900*^*00501*000000001*0*T*:~"
    "GS*HS*REGMED*PAYER*20260423*0900*1*X*005010X279A1~ST*270*0001*005010X279A1~BHT*0022*13*1*20260423*0900~"
    "HL*1**20*1~NM1*PR*2*PAYER*****PI*12345~SE*5*0001~GE*1*1~IEA*1*000000001~"
)
MCP_HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
PATIENT = {"resourceType": "Patient", "name": [{"family": EVIL, "text": EVIL}], "birthDate": "1970-01-01"}


@dataclass
class Site:
    """A server, and the addresses of its pages by name."""

    server: SandboxServer
    pages: dict[str, str] = field(default_factory=dict)
    hostile: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url

    def start(self) -> tuple[Any, Any]:
        """Start a task run; return its id and what an agent calls with."""
        client = self.server.sync_client
        run = client.create_benchmark_run("mock@1")
        return run, client.start_task_run(run.task_runs[0].id)


ONE_TASK = ("fax-referral@1", "--task", "existing-patient")


def rehearse(url: str, agent: str, *what: str) -> None:
    """Let an agent of a benchmark's own work."""
    command = [sys.executable, "-m", "sandbox", "rehearse", *what, "--agent", agent, "--url", url]
    subprocess.run(command, capture_output=True, check=False, timeout=100)


def call(site: Site, session: Any, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """Call a surface of a started task run as its agent."""
    import urllib.request

    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Authorization": f"Bearer {session.token}", "Content-Type": "application/json", **headers}
    url = f"{site.url}/v1/task-runs/{session.task_run_id}/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, data, sent, method=method), timeout=30) as answer:
        return answer.status


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run the system's Chromium."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        raise RuntimeError(f"none of {', '.join(CHROMIUM)} is installed; apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


# As long as it runs it has the thread's event loop, so it is no longer there when tests with one of their own come.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@contextmanager
def running_site(*what: str) -> Iterator[Site]:
    """Run a server with a run that failed and one that passed, and name its pages."""
    with running_server() as server:
        made = Site(server)
        for agent in ("near-miss", "solution"):
            rehearse(server.url, agent, *what)
        client = server.sync_client
        runs = {r.agent: client.get_benchmark_run(r.id) for r in client.list_benchmark_runs()}
        miss, good = runs["near-miss"], runs["solution"]
        failed, passed = miss.task_runs[0], good.task_runs[0]
        for _ in range(3):
            _answer(client, "front desk")
        playground = f"/ui/playgrounds/{client.get_task_run(failed.id).playground_id}"
        events = list(client.list_events(failed.id))
        seqs = {event.type: event.seq for event in events}
        drawn = next(e.seq for e in events if e.type == "file_read" and ".pdf" in str(e.request))
        made.pages = {
            "runs": "/ui",
            "trend": "/ui?agent=front+desk",
            "run": f"/ui/runs/{miss.id}",
            "task-run": f"/ui/task-runs/{failed.id}",
            "event": f"{playground}/events/{seqs['hl7_outbound']}",
            "document": f"{playground}/events/{drawn}",
            "state": f"{playground}/state",
            "compare": f"/ui/compare?a={miss.id}&b={good.id}",
            "compare-task": f"/ui/compare?a={failed.id}&b={passed.id}",
            "benchmarks": "/ui/benchmarks",
            "benchmark": "/ui/benchmarks/mock@2",
            "benchmark-task": "/ui/benchmarks/fax-referral@2?task=existing-patient",
            "ways": f"/ui/task-runs/{_by_other_ways(server)}",
            "datasets": "/ui/datasets",
            "dataset": "/ui/datasets/regional-clinic",
            "playgrounds": "/ui/playgrounds",
            "playground": playground,
            "patients": f"{playground}/documents?c=fhir%2FPatient",
            "patient": f"{playground}/documents?c=fhir%2FPatient&k=harold-whitfield",
            "problems": "/ui/problems",
            "login": "/ui/login",
            "nothing": "/ui/nothing",
        }
        yield made


def _by_other_ways(server: SandboxServer) -> str:
    """Start a task run, come to it by MLLP, SFTP and tools, and return its id."""
    import urllib.request

    client = server.sync_client
    run = client.create_benchmark_run("fax-referral@2", agent="interfaces")
    session = client.start_task_run(run.task_runs[0].id)
    where = {s["type"]: s["credentials"] for s in session.sandboxes}
    for kind in ("ADT^A08", "ADT^A08", "XXX^Q99"):
        with socket.create_connection((where["Hl7"]["mllp_host"], where["Hl7"]["mllp_port"]), 20) as wire:
            wire.sendall(b"\x0b" + MESSAGE.format(kind=kind).encode() + b"\x1c\r")
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                answer += wire.recv(4096)
    files = where["Files"]
    with paramiko.Transport((files["sftp_host"], files["sftp_port"])) as transport:
        transport.connect(username=files["username"], password=files["password"])
        with paramiko.SFTPClient.from_transport(transport) as sftp:  # type: ignore[union-attr]
            sftp.listdir("inbox/referrals")
            sftp.putfo(io.BytesIO(X12.encode()), "outbound/eligibility.x12")
    tools = (("fhir_search", {"type": "Patient", "params": {"name": "Whitfield"}}), ("files_list", {"path": "inbox"}))
    for number, (name, arguments) in enumerate(tools):
        asked = {
            "jsonrpc": "2.0",
            "id": number,
            "method": "tools/call",
            "params": {"name": name, "arguments": arguments},
        }
        headers = {"Authorization": f"Bearer {session.token}", "Content-Type": "application/json", **MCP_HEADERS}
        url = f"{server.url}/v1/task-runs/{session.task_run_id}/mcp"
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(asked).encode(), headers), timeout=30).close()
    return str(session.task_run_id)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A server with a run that failed, one that passed, and one whose agent writes markup wherever it can."""
    with running_site(*ONE_TASK) as made:
        _be_hostile(made)
        yield made


def _answer(client: Any, agent: str) -> None:
    """Let an agent do nothing but say that it is done."""
    run = client.create_benchmark_run("mock@1", agent=agent)
    for task_run in run.task_runs:
        session = client.start_task_run(task_run.id)
        client.complete_task_run(session.task_run_id)


def _be_hostile(site: Site) -> None:
    client = site.server.sync_client
    run = client.create_benchmark_run("mock@1", agent=EVIL)
    session = client.start_task_run(run.task_runs[0].id)
    call(site, session, "POST", "fhir/Patient", PATIENT, **{"User-Agent": re.sub(r"\s", " ", EVIL)})
    page = {"resourceType": "Binary", "contentType": "text/html", "data": "PHNjcmlwdD53aW5kb3cuZXZpbD0xPC9zY3JpcHQ+"}
    call(site, session, "POST", "fhir/Binary", page)
    call(site, session, "GET", "fhir/Patient?name=%3Cscript%3Ewindow.evil=1%3C/script%3E")
    client.complete_task_run(session.task_run_id, output={EVIL: EVIL}, notes=EVIL)
    base = f"/ui/playgrounds/{client.get_task_run(session.task_run_id).playground_id}"
    site.hostile = ["/ui", f"/ui/runs/{run.id}", f"/ui/task-runs/{session.task_run_id}", f"{base}/state"]
    site.hostile += [f"{base}/events/{event.seq}" for event in client.list_events(session.task_run_id)]
    site.hostile += [f"{base}/documents?c=fhir%2FPatient&q=", f"{base}/documents?c=fhir%2FBinary"]


@dataclass
class Visit:
    """A page in a browser, and what went wrong in it."""

    page: Page
    problems: list[str]

    def axe(self) -> list[str]:
        """Return what axe-core finds that is serious or worse; the page's policy does not apply to it."""
        if not self.page.evaluate("Boolean(window.axe)"):
            self.page.evaluate(AXE)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{v['id']}: {v['help']}: {[n['html'][:120] for n in v['nodes'][:3]]}"
            for v in found["violations"]
            if v["impact"] in ("serious", "critical")
        ]


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Any]:
    """`visit(path, width=…, scheme=…, script=…)`: open a page as a new person does."""
    contexts = []

    def open_page(path: str, *, width: int = 1280, scheme: Any = "light", script: bool = True) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        contexts.append(context)
        page, problems = context.new_page(), []
        page.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda r: problems.append(r.url) if not r.url.startswith((site.url, "data:")) else None)
        page.goto(site.url + path)
        return Visit(page, problems)

    yield open_page
    for context in contexts:
        context.close()
