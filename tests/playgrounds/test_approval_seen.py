"""An approval is seen by whatever door, a request, a list, a status, called or on a page; not before it is there."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.testing.server import SandboxServer, running_server
from tests.alone import only
from tests.portal_site import PlainBrowser, Portal

SCAN = "467a4a8d6a3b3efb28f45be074f0afd7dd9cf849e5be86edc551084b79c2e912"
MEMBER, REQUEST, TRACKING = "CPH445560129", "req_brandon_1", "TN4400000377"
STATUS = f"member_id={MEMBER}&birth_date=1994-07-07"
PAGES = [
    f"requests/{REQUEST}",
    f"requests/{REQUEST}/confirmation",
    "requests",
    "home",
    f"status?{STATUS}",
    f"status?tracking_number={TRACKING}",
]
CALLS = [f"prior-auths/{REQUEST}", "prior-auths", f"status?{STATUS}"]
LABEL = "The prescription stayed on hold until the plan had approved"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with running_server(playgrounds=[only(tmp_path_factory.mktemp("alone"), "pharmacy-epa@1")]) as made:
        yield made


@pytest.fixture
def task(server: SandboxServer) -> "Task":
    return Task(server)


class Task:
    """The paper that the plan waits for is handed in; what is left is the wait and the release."""

    def __init__(self, server: SandboxServer) -> None:
        self.client = server.sync_client
        run = self.client.create_benchmark_run("pharmacy-epa@1", tasks=["wanted-paper"])
        session = self.client.start_task_run(run.task_runs[0].id)
        held = next(one["credentials"] for one in session.sandboxes if one["type"] == "Payer")
        self.portal = Portal(server, session.token, session.task_run_id, held, run.id)
        self.root = f"{server.url}/v1/benchmark-runs/{run.id}"
        self.bearer = {"Authorization": f"Bearer {session.token}"}
        scans = Path(__file__).parents[2] / "seeds" / "tidewater-clinic" / "files"
        found = next(path for path in scans.rglob("*.pdf") if hashlib.sha256(path.read_bytes()).hexdigest() == SCAN)
        browser = self.browser()
        page = browser.get(f"{self.portal.url}requests/{REQUEST}/information")
        file = ("files", found.name, "application/pdf", found.read_bytes())
        answers = {"clinical_answers.condition": "asthma", "clinical_answers.eosinophils": "420"}
        said = {**answers, "notes": "Prescription RX-260506-03."}
        assert browser.fill(page, said, files=[file]).status == 200

    def browser(self) -> PlainBrowser:
        """A browser that has logged in; the session before it may have ended."""
        made = PlainBrowser()
        made.log_in(self.portal)
        return made

    def release(self) -> None:
        url = f"{self.root}/fhir/MedicationRequest/leah-brandon-dupilumab"
        chart = PlainBrowser().send("GET", url, **self.bearer).text.replace('"on-hold"', '"active"')
        kind = {"Content-Type": "application/fhir+json"}
        assert PlainBrowser().send("PUT", url, chart.encode(), **self.bearer, **kind).status == 200

    def score(self) -> float:
        output = {"decision": "approved", "auth_number": "PA1234567890", "valid_to": None, "remarks": ""}
        done = self.client.complete_task_run(self.portal.task_run_id, output=output)
        [check] = [check for check in done.checks if check.label == LABEL]
        return check.score


def wait(task: Task) -> None:
    """Let the decision come, and then the number."""
    for _ in range(2):
        task.portal.advance(3600)


@pytest.mark.parametrize("page", PAGES)
def test_it_is_seen_on_a_page(task, page):
    wait(task)
    shown = task.browser().get(f"{task.portal.url}{page}")
    assert re.search(r"PA(?!2000000)\d{10}", shown.text), shown.seen
    task.release()
    task.browser().get(f"{task.portal.url}requests/{REQUEST}")  # a look afterwards is no harm
    assert task.score() == 1.0


@pytest.mark.parametrize("call", CALLS)
def test_it_is_seen_by_a_call(task, call):
    wait(task)
    task.portal.rest("GET", call)
    task.release()
    task.portal.rest("GET", f"prior-auths/{REQUEST}")
    assert task.score() == 1.0


@pytest.mark.parametrize("page", PAGES)
def test_what_is_seen_afterwards_does_not_count(task, page):
    task.browser().get(f"{task.portal.url}{page}")  # it is not approved yet
    task.release()
    wait(task)
    task.browser().get(f"{task.portal.url}{page}")
    task.release()
    assert task.score() == 0.0


def test_who_looks_nowhere_saw_nothing(task):
    wait(task)
    task.release()
    assert task.score() == 0.0
