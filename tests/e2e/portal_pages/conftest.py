"""The portal's pages in a real browser: portals to log in to, and the system's Chromium."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from sandbox.testing.server import SandboxServer
from tests.e2e.dashboard.conftest import running_chromium
from tests.e2e.downloads import npm_folder
from tests.portal_site import PlainBrowser, Portal, running_portal, start_portal, write_request

HERE = Path(__file__).parent
IDLE_S = 900


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with running_portal() as made:
        yield made


@pytest.fixture(scope="module")
def timed_server() -> Iterator[SandboxServer]:
    """One whose sessions end, and that sends one-time codes."""
    with running_portal(sessions={"idle_seconds": IDLE_S, "one_time_code": True}) as made:
        yield made


@pytest.fixture
def portal(server: SandboxServer) -> Portal:
    return start_portal(server)


@contextmanager
def visiting(chromium: Browser, portal: Portal, **more: Any) -> Iterator[Page]:
    """A person's browser, without a script where not said otherwise; what it complains of or fetches from elsewhere
    fails."""
    context: BrowserContext = chromium.new_context(**{"java_script_enabled": False, **more})
    page, problems = context.new_page(), []
    page.on("console", lambda m: problems.append(m.text) if _is_complaint(m) else None)
    page.on("request", lambda r: problems.append(r.url) if not r.url.startswith((portal.server.url, "data:")) else None)
    page.set_default_timeout(10_000)
    yield page
    context.close()
    assert not problems, problems


def _is_complaint(message: Any) -> bool:
    # A page that says no has a status that says no, which the browser notes.
    return message.type in ("error", "warning") and "the server responded with a status of" not in message.text


@pytest.fixture
def page(chromium: Browser, portal: Portal) -> Iterator[Page]:
    """A browser on the first page of who has logged in."""
    with visiting(chromium, portal) as made:
        log_in(made, portal)
        yield made


def log_in(page: Page, portal: Portal, password: str | None = None) -> None:
    """Log in by the form, from where the browser is sent."""
    page.goto(portal.url)
    enter(page, portal, password)


def enter(page: Page, portal: Portal, password: str | None = None) -> None:
    """Fill the log-in form in."""
    page.get_by_label("User name").fill(portal.held["username"])
    page.get_by_label("Password").fill(password or portal.held["password"])
    page.get_by_role("button", name="Log in").click()


@dataclass
class Tour:
    """Every page of a portal: how to get there, and which button shows what is wrong with an empty form."""

    portal: Portal
    pages: dict[str, str]
    wrong: dict[str, tuple[str, str]]

    def paths(self) -> Iterator[tuple[str, str, str]]:
        """Name, path and button of each page."""
        yield from ((name, path, "") for name, path in self.pages.items())
        yield from ((name, path, button) for name, (path, button) in self.wrong.items())


def make_tour(portal: Portal) -> Tour:
    """Make cases in every state that has a page of its own, and name the pages."""
    browser = PlainBrowser()
    browser.log_in(portal)

    def sent(code: str, member_id: str = "M1001") -> str:
        browser.fill(write_request(browser, portal, code, member_id), {})
        return f"requests/{portal.requests()[0]['request_id']}"

    def act(path: str, fields: dict[str, Any]) -> None:
        browser.fill(browser.get(portal.url + path), fields)

    waiting, denied, approved = sent("72148"), sent("73721"), sent("97110")
    pending, appealed, called = sent("72141"), sent("73721", "M1002"), sent("73721")
    act(f"{appealed}/appeal", {"rationale": "It hurts."})
    act(f"{called}/peer-to-peer", {"contact": "Dr. Rivera", "phone": "555-0100"})
    held = sent("73721", "M1002")
    act(f"{held}/peer-to-peer", {"contact": "Dr. Rivera"})
    offered = browser.get(f"{portal.url}{held}/peer-to-peer")
    browser.post(offered.url, {"csrf": offered.hidden("csrf"), "do": "slot", "slot": "1"})
    portal.advance(3601)
    act(f"{held}/peer-to-peer", {"text": "The knee does not bend."})
    review = write_request(browser, portal, "72148", "M1002").url.removeprefix(portal.url)
    draft = review.removesuffix("review")
    pages = {
        "home": "home",
        "member": "new?name=reyes",
        "provider": f"{draft}provider",
        "exam": f"{draft}exam",
        "questions": f"{draft}questions",
        "records": f"{draft}records",
        "review": review,
        "confirmation": f"{waiting}/confirmation",
        "requests": "requests",
        "request-waiting": waiting,
        "request-denied": denied,
        "request-approved": approved,
        "request-appealed": appealed,
        "information": f"{waiting}/information",
        "attachments": f"{waiting}/attachments",
        "edit": f"{pending}/edit",
        "withdraw": f"{pending}/withdraw",
        "resubmit": f"{denied}/resubmit",
        "appeal": f"{denied}/appeal",
        "external-review": f"{appealed}/external-review",
        "call-request": f"{denied}/peer-to-peer",
        "call-slots": f"{called}/peer-to-peer",
        "call": f"{held}/peer-to-peer",
        "status": "status?member_id=M1001&birth_date=1970-01-01",
        "requirements": "requirements?procedure_code=72148",
        "account": "account",
        "nothing": "nothing",
        "refused": f"{approved}/appeal",
    }
    wrong = {
        "exam-wrong": (f"{draft}exam?", "Save and continue"),
        "information-wrong": (f"{waiting}/information", "Send to the payer"),
        "appeal-wrong": (f"{denied}/appeal", "Send"),
        "attachments-wrong": (f"{waiting}/attachments", "Upload"),
    }
    wrong["exam-wrong"] = (_empty_draft(portal, browser), "Save and continue")
    return Tour(portal, pages, wrong)


def _empty_draft(portal: Portal, browser: PlainBrowser) -> str:
    page = browser.fill(browser.get(f"{portal.url}new?member_id=M1001"), {"patient_member_id": "M1001"})
    return page.url.removeprefix(portal.url).replace("provider", "exam")


OUTSIDE = {"login": "login", "code": "login/code?sent=files", "public-status": "public-status?tracking_number=TN1"}


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, as npm has it."""
    return (npm_folder(HERE / "package.json") / "node_modules" / "axe-core" / "axe.min.js").read_text()
