"""A person who looks up coverage and appeals a claim, by names and roles alone, in a browser without scripts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from sandbox.testing.server import SandboxServer
from tests.e2e.portal_pages.conftest import log_in, visiting
from tests.pharmacy_site import running_pharmacy
from tests.portal_site import EVIL, start_portal


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with running_pharmacy(portal="radmd") as made:
        yield made


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_what_a_member_is_covered_for(page):
    page.get_by_role("link", name="Eligibility").click()
    page.get_by_label("Name").fill("reyes")
    page.get_by_label("Birth date").fill("1982-13-40")
    button(page, "Search")
    expect(page.get_by_role("alert")).to_contain_text("YYYY-MM-DD")
    page.get_by_label("Birth date").fill("1970-01-01")
    button(page, "Search")
    page.get_by_role("region", name="Members").get_by_role("link", name="M1001").click()
    heading(page, "Ana Reyes")
    expect(page.get_by_role("status")).to_have_text("Covered on 2026-04-23.")
    page.get_by_label("Date of service").fill("2026-02-01")
    page.get_by_label("Service type").select_option("88")
    button(page, "Check")
    coverages = page.get_by_role("region", name="Coverages")
    expect(coverages.get_by_role("row", name=re.compile("Silver Rx"))).to_contain_text("Not begun")
    expect(coverages.get_by_role("row", name=re.compile("Gold PPO"))).to_contain_text("In force")
    expect(page.get_by_role("region", name="Benefits").get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("region", name="Deductibles and limits")).to_contain_text("$179.50")
    page.get_by_role("link", name="New request for this member").click()
    heading(page, "Member")
    expect(page.get_by_role("radio", name=re.compile("Ana Reyes"))).to_be_visible()


def test_nothing_on_file_is_an_answer(page, portal):
    page.get_by_role("link", name="Eligibility").click()
    page.get_by_label("Member id").fill("NOBODY")
    button(page, "Search")
    expect(page.get_by_role("status")).to_have_text("No member is on file like that.")
    page.get_by_role("link", name="Claims").click()
    page.get_by_label("Status").select_option("pended")
    button(page, "Filter")
    expect(page.get_by_role("status")).to_have_text("No claim is on file like that.")
    page.get_by_role("link", name="Appeals").click()
    expect(page.get_by_role("status")).to_have_text("No appeal is on file.")
    page.goto(f"{portal.url}eligibility/NOBODY")
    page.get_by_role("link", name="Look the member up").click()
    heading(page, "Eligibility")


def test_a_denied_claim_is_appealed(page, portal):
    page.get_by_role("link", name="Claims").click()
    page.get_by_label("Status").select_option("partially_paid")
    button(page, "Filter")
    page.get_by_role("link", name="CLM-7").click()
    heading(page, "Claim CLM-7")
    expect(page.get_by_role("region", name="Lines")).to_contain_text("CO-197 $900.00")
    expect(page.get_by_role("main")).to_contain_text("can be appealed until 2026-08-11 23:59 UTC")
    page.get_by_role("link", name="Appeal this claim").click()
    button(page, "File the appeal")
    expect(page.get_by_role("alert")).to_contain_text("Required: say why the decision is wrong.")
    page.get_by_label("Rationale").fill("The authorization was on file.")
    page.get_by_label("Records").set_input_files(
        [{"name": "big.pdf", "mimeType": "application/pdf", "buffer": b"x" * 20_001}]
    )
    button(page, "File the appeal")
    expect(page.get_by_role("alert")).to_contain_text("big.pdf has 20001 bytes; this payer takes 20000 a file.")
    expect(page.get_by_label("Rationale")).to_have_value("The authorization was on file.")
    page.get_by_label("Records").set_input_files(
        [{"name": "auth.txt", "mimeType": "text/plain", "buffer": b"On file."}]
    )
    page.get_by_role("button", name="File the appeal").dblclick()
    heading(page, "Appeal of a claim")
    expect(page.get_by_role("main")).to_contain_text("Under review")
    expect(page.get_by_role("link", name="auth.txt")).to_be_visible()
    [appeal] = portal.rest("GET", "appeals")["data"]
    assert [item["filename"] for item in appeal["attachments"]] == ["auth.txt"]
    portal.advance(601)
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("Overturned")
    page.get_by_role("link", name="CLM-7").click()
    expect(page.get_by_role("region", name="Appeals of this claim")).to_contain_text("Overturned")


def test_script_in_every_field_is_text(chromium, portal):
    with visiting(chromium, portal, java_script_enabled=True) as page:
        log_in(page, portal)
        for place, labels in (
            ("Eligibility", ("Member id", "Name", "Birth date")),
            ("Claims", ("Member id", "Provider", "Service from", "Service to")),
            ("Appeals", ("Request", "Claim number")),
        ):
            page.get_by_role("link", name=place, exact=True).click()
            for label in labels:
                page.get_by_role("textbox", name=label).fill(EVIL)
            page.get_by_role("main").get_by_role("button").click()
            expect(page.get_by_role("textbox", name=labels[0])).to_have_value(EVIL)
        page.goto(f"{portal.url}claims/CLM-7/appeal")
        page.get_by_label("Rationale").fill(EVIL)
        button(page, "File the appeal")
        expect(page.get_by_role("main")).to_contain_text(EVIL)
        assert page.evaluate("window.evil") is None


def test_the_cookie_of_another_sandbox_opens_nothing(chromium, server, portal):
    other = start_portal(server)
    with visiting(chromium, portal) as page:
        log_in(page, portal)
        [cookie] = page.context.cookies()
        page.context.add_cookies([{**cookie, "path": cookie["path"].replace(portal.run_id, other.run_id)}])
        for path in ("eligibility/M1001", "claims/CLM-7", "appeals"):
            page.goto(f"{other.url}{path}")
            heading(page, "Log in")
