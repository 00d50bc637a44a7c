"""A payer's portal to look at with a browser: definitions, a server, and a browser of plain HTTP that keeps a cookie.

For the tests of the pages over HTTP and in Chromium, for their pictures and for the bench.
"""

import html
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sandbox.testing.server import SandboxServer, running_server

START = "2026-04-23T09:00:00Z"
NPI, UNKNOWN_TO_PAYER = "1234567893", "1679576722"
EVIL = "<script>window.evil=1</script>\"'><img src=x onerror=window.evil=1>"
_COVERAGE = {"status": "active", "start": "2026-01-01"}


def member(number: str, first: str, last: str, born: str, **more: Any) -> dict[str, Any]:
    """Write a member of the payer."""
    given = {"member_id": number, "first_name": first, "last_name": last, "birth_date": born, "gender": "female"}
    return {**given, "plan": "Gold PPO", "coverage": dict(_COVERAGE), **more}


PORTAL: dict[str, Any] = {
    "patients": [
        member("M1001", "Ana", "Reyes", "1970-01-01"),
        member("M1002", "Ana", "Reyes-Lund", "1982-05-09"),
        member("M2001", "Walter", "Okafor", "1957-11-30", plan="Evermore HMO 20"),
        member("M3001", "June", "Abel", "1990-02-02", coverage={"status": "inactive", "start": "2020-01-01"}),
    ],
    "providers": [
        {"npi": NPI, "name": "Elena Rivera, MD", "specialty": "Orthopedic Surgery", "organization": "Regional Clinic"},
        {"npi": UNKNOWN_TO_PAYER, "name": "Paul Ibsen, DO", "credentialed": False},
    ],
    "formulary": [{"drug": "Adalimumab 40 mg/0.4 mL", "tier": 5, "pa_required": True, "ndc": "00074-0243-02"}],
    "questions": [
        {
            "procedure_code": "72148",
            "description": "MRI lumbar spine without contrast",
            "questions": [
                {
                    "id": "red_flags",
                    "text": "Which red flags are present?",
                    "type": "choice",
                    "options": ["none", "cancer", "trauma"],
                },
                {
                    "id": "cancer_site",
                    "text": "Where is the primary tumor?",
                    "type": "text",
                    "when": [{"question": "red_flags", "equals": "cancer"}],
                },
                {
                    "id": "weeks",
                    "text": "Weeks of conservative therapy?",
                    "type": "number",
                    "when": [{"question": "red_flags", "equals": "none"}],
                    "stop": {"max": 0, "message": "Therapy comes first."},
                },
                {"id": "deficit", "text": "Is there a progressive neurological deficit?", "type": "boolean"},
                {"id": "last_visit", "text": "When was the last visit?", "type": "date", "required": False},
            ],
        },
        {"procedure_code": "73721", "description": "MRI knee", "pa_required": True},
        {"procedure_code": "71046", "description": "Chest X-ray", "pa_required": False},
        {"procedure_code": "70551", "description": "MRI brain"},
        {"procedure_code": "97110", "description": "Therapeutic exercise"},
        {"procedure_code": "72141", "description": "MRI cervical spine"},
    ],
}
CONFIG: dict[str, Any] = {
    "authorization_number": {"given_with": "approval"},
    "attachments": {"max_count": 3, "max_bytes": 20_000, "content_types": ["application/pdf", "text/plain"]},
    "other_payers": [
        {"procedure_code": "70551", "plan": "Evermore HMO 20", "payer": "Northlight Imaging", "message": "Elsewhere."}
    ],
    "status_without_login": True,
    "offers": ["edit", "withdraw", "resubmit", "appeal", "external_review", "peer_to_peer"],
    "appeals": {"within_days": 180},
    "peer_to_peer": {"slots_after_seconds": [3600, 7200], "turns": ["Why is this necessary?", "What was tried?"]},
    "determinations": [
        {
            "procedure_code": "72148",
            "path": [
                {
                    "status": "need_more_info",
                    "reason": "Send the notes.",
                    "documents": ["Physical therapy notes"],
                    "questions": ["deficit"],
                    "due_seconds": 1_209_600,
                },
                {"status": "approved", "reason": "Meets criteria.", "units": 1, "valid_days": 60},
            ],
        },
        {
            "procedure_code": "73721",
            "status": "denied",
            "reason": "Six weeks of therapy are not documented.",
            "code": "MN-12",
            "appeal": {"mentions": ["locked knee"], "reason": "Overturned on appeal.", "valid_days": 60},
            "external_review": {"outcome": "overturned"},
            "peer_to_peer": {"mentions": ["locked"], "reason": "Agreed in the call.", "valid_days": 60},
            "resubmission": {"status": "approved", "reason": "Meets criteria now."},
        },
        {"procedure_code": "97110", "status": "approved", "units": 6, "valid_days": 90},
    ],
}


def write_site(
    folder: Path,
    *,
    tasks: int = 1,
    name: str = "Meridian Imaging",
    seed: Any = None,
    plan: Any = None,
    beside: Sequence[Any] = (),
    criteria: Sequence[Any] = (),
    **config: Any,
) -> tuple[Path, Path]:
    """Write a benchmark `portal` whose payer is configured so and begins with this seed; return the directories of
    playgrounds and seeds. `beside` are simulators that its environment has as well.
    """
    benchmark = folder / "playgrounds" / "portal" / "v1" / "benchmark.json"
    benchmark.parent.mkdir(parents=True)
    payer = {"type": "Payer", "name": name, "dataset": "portal", "config": {**CONFIG, **config}}
    definition = {
        "slug": "portal",
        "version": 1,
        "name": "A portal",
        "timeout": 36_000,
        "concurrency": tasks,
        "environment": {
            "name": "Clinic",
            "clock": START,
            "simulators": [payer, {"type": "Files", "name": "Drop", "dataset": "portal"}, *beside],
        },
        "tasks": [
            {"key": f"task-{i}", "name": "Task", "criteria": list(criteria), "scenario": {"steps": []}}
            for i in range(tasks)
        ],
    }
    benchmark.write_text(json.dumps(definition))
    dataset = folder / "seeds" / "portal"
    (dataset / "files" / "inbox").mkdir(parents=True)
    (dataset / "files" / "inbox" / "referral.txt").write_text("Please see Ana Reyes.\n")
    (dataset / "portal.yaml").write_text(json.dumps(seed or PORTAL))
    if plan is not None:
        (dataset / "payer.yaml").write_text(json.dumps(plan))
    return folder / "playgrounds", folder / "seeds"


@contextmanager
def running_portal(**config: Any) -> Iterator[SandboxServer]:
    """Run a server with such a benchmark."""
    with TemporaryDirectory() as folder:
        playgrounds, seeds = write_site(Path(folder), **config)
        with running_server(playgrounds=[playgrounds], seeds=[seeds]) as server:
            yield server


@dataclass
class Portal:
    """The portal of a started task run, as the agent is told of it."""

    server: SandboxServer
    token: str
    task_run_id: str
    held: dict[str, Any]
    run_id: str

    @property
    def url(self) -> str:
        return str(self.held["portal_url"])

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """Call the REST with the run token."""
        return self._call(method, f"{self.held['api_url']}/{path}", body)

    def advance(self, seconds: float) -> None:
        """Move the playground's clock."""
        self._call("POST", f"{self.held['api_url'].rpartition('/')[0]}/clock/advance", {"seconds": seconds})

    def _call(self, method: str, url: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def code(self) -> str:
        """Read the one-time code that came last into the sandbox's files."""
        url, headers = f"{self.held['api_url'].rpartition('/')[0]}/files", {"Authorization": f"Bearer {self.token}"}
        listed = PlainBrowser().send("GET", f"{url}/inbox", **headers)
        path = max(f["path"] for f in json.loads(listed.body) if "notices" in f["path"])
        found = re.search(r"\b(\d{6})\b", PlainBrowser().send("GET", f"{url}/{path}", **headers).text)
        assert found is not None
        return found[1]

    def events(self) -> list[Any]:
        return list(self.server.sync_client.list_events(self.task_run_id))

    def requests(self) -> list[Any]:
        return list(self.rest("GET", "prior-auths?status=submitted")["data"])


def start_portal(server: SandboxServer, index: int = 0) -> Portal:
    """Create a run and start one of its task runs."""
    client = server.sync_client
    run = client.create_benchmark_run("portal@1")
    session = client.start_task_run(run.task_runs[index].id)
    held = next(s["credentials"] for s in session.sandboxes if s["type"] == "Payer")
    return Portal(server, session.token, session.task_run_id, held, run.id)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass
class Answer:
    """A page as it came."""

    url: str
    status: int
    headers: Any
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def seen(self) -> str:
        """The text of the page, tags left out."""
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.text)))

    def hidden(self, name: str) -> str:
        """The value of a hidden field."""
        found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', self.text)
        assert found is not None, (self.url, name, self.text)
        return html.unescape(found[1])


@dataclass
class PlainBrowser:
    """What a browser does of HTTP, and nothing else: addresses, forms, redirections, one cookie."""

    cookie: str = ""
    visited: list[str] = field(default_factory=list)
    _opener: Any = field(default_factory=lambda: urllib.request.build_opener(_Stay()))

    def send(self, method: str, url: str, data: bytes | None = None, /, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent.setdefault("Cookie", self.cookie)
        request = urllib.request.Request(url, data, sent, method=method)
        try:
            with self._opener.open(request, timeout=60) as response:
                answer = Answer(url, response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                answer = Answer(url, error.code, error.headers, error.read())
        given = answer.headers.get("Set-Cookie")
        if given is not None:
            self.cookie = "" if "Max-Age=0" in given else given.partition(";")[0]
        return answer

    def get(self, url: str, **headers: str) -> Answer:
        """Open a page, following redirections."""
        answer = self.send("GET", url, **headers)
        while answer.status == 303:
            answer = self.send("GET", urllib.parse.urljoin(answer.url, answer.headers["Location"]))
        return answer

    def post(self, url: str, fields: dict[str, Any], *, files: Any = (), follow: bool = True, **headers: str) -> Answer:
        """Send a form as it is."""
        if files:
            body, kind = multipart(fields, files)
        else:
            body, kind = urllib.parse.urlencode(fields, doseq=True).encode(), "application/x-www-form-urlencoded"
        answer = self.send("POST", url, body, **{"Content-Type": kind, **headers})
        if follow and answer.status == 303:
            return self.get(urllib.parse.urljoin(answer.url, answer.headers["Location"]))
        return answer

    def fill(self, page: Answer, fields: dict[str, Any], *, files: Any = (), **more: Any) -> Answer:
        """Send the form of a page, with what it hides."""
        hidden = dict(
            re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text.partition("<main")[2])
        )
        return self.post(page.url, {**hidden, **fields}, files=files, **more)

    def log_in(self, portal: Portal, **changes: str) -> Answer:
        """Log in by the form."""
        fields = {"username": portal.held["username"], "password": portal.held["password"], **changes}
        return self.post(f"{portal.url}login", fields)


def multipart(fields: dict[str, Any], files: Any) -> tuple[bytes, str]:
    """Write a form with files; each is the field's name, the file's name, its type and content."""
    pieces = [
        f'--x1x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, filename, kind, content in files:
        head = f'--x1x\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        pieces.append(f"{head}Content-Type: {kind}\r\n\r\n".encode() + content + b"\r\n")
    return b"".join([*pieces, b"--x1x--\r\n"]), "multipart/form-data; boundary=x1x"


def write_request(browser: PlainBrowser, portal: Portal, code: str = "97110", member_id: str = "M1001") -> Answer:
    """Write a request from the member to the review; return the review."""
    page = browser.get(f"{portal.url}new?member_id={member_id}")
    page = browser.fill(page, {"patient_member_id": member_id, "go": "next"})
    page = browser.fill(page, {"provider_npi": NPI, "go": "next"})
    page = browser.fill(page, {"procedure_code": code, "diagnosis_codes": "M54.16", "go": "next"})
    if code == "72148":
        page = browser.fill(
            page, {"clinical_answers.red_flags": "none", "clinical_answers.deficit": "no", "go": "next"}
        )
        page = browser.fill(
            page,
            {
                "clinical_answers.red_flags": "none",
                "clinical_answers.deficit": "no",
                "clinical_answers.weeks": "8",
                "go": "next",
            },
        )
    else:
        page = browser.fill(page, {"go": "next"})
    return browser.fill(page, {"notes": "Six weeks of therapy.", "go": "next"})


def evil_in(text: str) -> list[Any]:
    """Return what of a page would run, or is an element that no page of ours has."""
    found: list[Any] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: Any) -> None:
            on = [name for name, _ in attributes if name.startswith("on") or name == "style"]
            if tag in ("script", "img", "svg", "style", "iframe") or on:
                found.append((tag, attributes))

    Reader().feed(text)
    return found
