"""Shipped tasks whose share of the portal is done with a browser alone.

The reference agent reads chart and shared drive as it does; to the payer it has no other way than the pages.
"""

import importlib.util
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from sandbox.testing.server import running_server
from tests.e2e.portal_pages.conftest import log_in, visiting
from tests.portal_site import Portal

SOLUTION = Path(__file__).parents[3] / "playgrounds" / "prior-auth-imaging" / "v2" / "solution.py"


@dataclass
class Answer:
    """What the reference agent reads of an answer."""

    ok: bool
    text: str

    def raise_for_status(self) -> "Answer":
        assert self.ok, self.text
        return self

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Task:
    """A started task as the reference agent knows it; of the portal it can call nothing."""

    root: str
    token: str
    task_item: dict[str, Any]

    async def request(self, method: str, path: str, *, params: Any = (), json: Any = None, headers: Any = ()) -> Answer:
        assert not path.startswith("portal"), path
        url = path if path.startswith("http") else f"{self.root}/{path}"
        url += f"?{urllib.parse.urlencode(dict(params))}" if params else ""
        kind = {"Content-Type": "application/fhir+json"} if json is not None else {}
        sent = {"Authorization": f"Bearer {self.token}", **kind, **dict(headers)}
        data = None if json is None else _dumped(json)
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, sent, method=method), timeout=30) as answer:
                return Answer(True, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(False, error.read().decode())


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def finished(coroutine: Any) -> Any:
    """Run a coroutine that waits for nothing: a browser driven step by step has the thread's loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


def desk_at(page: Page, chart: type, url: str) -> type:
    """Return the reference agent's desk with everything of the portal done on its pages."""

    class Desk(chart):  # type: ignore[misc,valid-type]
        async def standing_authorization(self) -> None:
            page.goto(f"{url}requests?patient_member_id={self.member}&procedure_code={self.code}")
            assert page.get_by_text("No request is like that.").count() == 1

        async def request_authorization(self) -> Any:
            page.get_by_role("link", name="New request").first.click()
            page.get_by_label("Member id").fill(self.member)
            page.get_by_role("button", name="Search").click()
            page.get_by_role("radio", name=re.compile(self.member)).check()
            _next(page)
            page.get_by_role("textbox", name="NPI").fill(self.npi)
            page.get_by_role("button", name="Search").click()
            page.get_by_role("radio", name=re.compile(self.npi)).check()
            _next(page)
            page.get_by_label("Procedure code").fill(self.code)
            page.get_by_label("Diagnosis codes").fill(", ".join(self.diagnoses))
            _next(page)
            while page.get_by_role("heading", level=1).inner_text() == "Clinical questions":
                self._answer_all()
                _next(page)
            page.get_by_label("Clinical notes").fill(f"Order {self.task.task_item['order']}.")
            _next(page)
            page.get_by_role("button", name="Submit to the payer").click()
            with page.expect_navigation():
                page.get_by_role("link", name="See the request").click()
            for _ in range(3):
                if page.get_by_role("link", name="Answer the payer").count():
                    page.get_by_role("link", name="Answer the payer").click()
                    notes = page.get_by_label("Clinical notes")
                    notes.fill(f"{notes.input_value()} {self.supplement()}")
                    with page.expect_navigation():
                        page.get_by_role("button", name="Send to the payer").click()
                page.reload()
            number = page.locator("dt:text-is('Authorization number') + dd").inner_text()
            status = page.locator("dt:text-is('Answer') + dd").inner_text().lower()
            return {"auth_number": number, "determination": {"status": status, "reason": ""}}

        def _answer_all(self) -> None:
            names = page.locator("main [name^='clinical_answers.']").evaluate_all("all => all.map(e => e.name)")
            for name in dict.fromkeys(names):
                value = self.answer(name.partition(".")[2])
                field = page.locator(f"main [name='{name}']")
                if value is None:
                    continue
                if field.first.get_attribute("type") == "radio":
                    chosen = {True: "yes", False: "no"}.get(value, value)
                    page.locator(f"main [name='{name}'][value='{chosen}']").check()
                else:
                    field.fill(str(value))

    return Desk


def _next(page: Page) -> None:
    page.get_by_role("button", name="Save and continue").click()


@pytest.mark.parametrize("key", ["lumbar-spine", "more-information", "new-insurance"])
def test_a_shipped_task_is_solved(chromium, shipped, key):
    solution = importlib.util.spec_from_file_location("reference", SOLUTION)
    reference = importlib.util.module_from_spec(solution)
    solution.loader.exec_module(reference)
    client = shipped.sync_client
    run = client.create_benchmark_run("prior-auth-imaging@2", agent="browser", tasks=[key])
    session = client.start_task_run(run.task_runs[0].id)
    held = next(s["credentials"] for s in session.sandboxes if s["type"] == "Payer")
    portal = Portal(shipped, session.token, session.task_run_id, held, run.id)
    task = Task(f"{shipped.url}/v1/benchmark-runs/{run.id}", session.token, session.task_item)
    with visiting(chromium, portal, java_script_enabled=True) as page:
        log_in(page, portal)
        output = finished(reference.solve(task, desk_at(page, reference.Chart, portal.url)))
    done = client.complete_task_run(session.task_run_id, output=output)
    assert done.score == 1.0, done
    via = {e.via for e in portal.events() if e.type.startswith("portal")}
    assert via == {"browser"}


@pytest.fixture(scope="module")
def shipped():
    with running_server() as server:
        yield server
