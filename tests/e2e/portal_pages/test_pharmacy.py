"""A person at the pharmacy's portal, by names and roles alone, in a browser without scripts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from sandbox.testing.server import SandboxServer
from tests.e2e.portal_pages.conftest import IDLE_S, enter, log_in, visiting
from tests.e2e.portal_pages.pharmacy_tour import LIKE_RADMD, make_pharmacy_tour
from tests.e2e.portal_pages.test_accessibility import ALL, CONTRAST, findings
from tests.pharmacy_site import running_pharmacy
from tests.portal_site import EVIL, start_portal


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with running_pharmacy() as made:
        yield made


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def choose(page: Page, question: str, choice: str) -> None:
    page.get_by_role("radiogroup", name=re.compile(question)).get_by_role("radio", name=choice, exact=True).check()


def begin(page: Page, drug: str = "adalimumab") -> None:
    """Come to the diagnosis of a new request."""
    page.get_by_role("link", name="New request").first.click()
    heading(page, "Patient")
    page.get_by_label("Name").fill("reyes")
    page.get_by_label("Birth date").fill("1970-01-01")
    button(page, "Search")
    page.get_by_role("radio", name=re.compile("Ana Reyes, born 1970-01-01")).check()
    button(page, "Save and continue")
    heading(page, "Drug")
    page.get_by_label("Drug name, NDC or HCPCS code").fill(drug)
    button(page, "Search")
    page.get_by_role("radio", name=re.compile(drug, re.IGNORECASE)).check()
    button(page, "Save and continue")
    heading(page, "Diagnosis and quantity")


def answer(page: Page, methotrexate: str = "Yes") -> None:
    choose(page, "What is the drug for", "psoriasis")
    choose(page, "Was methotrexate tried", methotrexate)
    page.get_by_label("tuberculosis test").fill("2026-04-01")
    button(page, "Save and continue")


def test_a_whole_request(page, portal):
    begin(page)
    expect(page.get_by_text("quantity limit: 2 pens / 28 days")).to_be_visible()
    page.get_by_label("Diagnosis codes").fill("L40.0")
    page.get_by_label("Quantity").fill("2")
    button(page, "Save and continue")
    heading(page, "Prescriber")
    page.get_by_role("radio", name=re.compile("Elena Rivera")).check()
    button(page, "Save and continue")
    heading(page, "Plan questions")
    answer(page)
    page.get_by_label("For how many weeks?").fill("12")
    button(page, "Save and continue")
    heading(page, "Notes and records")
    expect(page.get_by_text("At most 3 files a request")).to_be_visible()
    page.get_by_label("Clinical notes").fill("Twelve weeks of methotrexate.")
    page.get_by_label("Add records").set_input_files(
        [{"name": "labs.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 labs"}]
    )
    button(page, "Save and continue")
    heading(page, "Review")
    for text in ("Adalimumab", "L40.0", "Twelve weeks", "labs.pdf", "Elena Rivera, MD", "Was methotrexate tried?"):
        expect(page.get_by_role("main")).to_contain_text(text)
    review = page.url
    button(page, "Send to plan")
    heading(page, "Request received")
    page.goto(review)  # and from there once more
    expect(page.get_by_role("status")).to_contain_text("it was not sent again")
    page.get_by_role("link", name="Answer the payer").click()
    expect(page.get_by_role("region", name="The payer asks for")).to_contain_text("Chart notes")
    page.get_by_label("Records").set_input_files(
        [{"name": "chart.txt", "mimeType": "text/plain", "buffer": b"Chart notes."}]
    )
    button(page, "Send to the payer")
    expect(page.get_by_role("status")).to_have_text("Your answer was sent to the payer.")
    expect(page.get_by_role("main")).to_contain_text("Meets criteria.")
    [row] = [r for r in portal.requests() if r["patient_member_id"] == "M1001"]
    assert (row["state"], row["units"], row["clinical_answers"]["weeks"]) == ("approved", 2, 12)


def test_what_is_wrong_is_said_beside_its_field(page):
    begin(page)
    page.get_by_label("Diagnosis codes").fill("nonsense")
    page.get_by_label("Quantity").fill("2")
    button(page, "Save and continue")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("is not an ICD-10-CM code")
    field = page.get_by_label("Diagnosis codes")
    expect(field).to_have_value("nonsense")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Quantity")).to_have_value("2")
    alert.get_by_role("link", name=re.compile("Diagnosis codes")).click()
    expect(field).to_be_focused()
    page.get_by_role("link", name="2. Drug").click()
    page.get_by_label("Drug name, NDC or HCPCS code").fill("methotrexate")
    button(page, "Search")
    page.get_by_role("radio", name=re.compile("Methotrexate")).check()
    button(page, "Save and continue")
    expect(page.get_by_role("alert")).to_contain_text("needs no authorization; nothing was sent")
    page.get_by_label("Drug name, NDC or HCPCS code").fill("rimegepant")
    button(page, "Search")
    page.get_by_role("radio", name=re.compile("Rimegepant")).check()
    button(page, "Save and continue")
    expect(page.get_by_role("alert")).to_contain_text("Send it to Northlight Rx.")


def test_the_back_button_and_a_double_submit(page, portal):
    begin(page, "nusinersen")
    page.get_by_label("Diagnosis codes").fill("G12.0")
    button(page, "Save and continue")
    page.get_by_role("radio", name=re.compile("Elena Rivera")).check()
    button(page, "Save and continue")
    button(page, "Save and continue")
    page.get_by_label("Clinical notes").fill("First writing.")
    button(page, "Save and continue")
    heading(page, "Review")
    page.go_back()
    heading(page, "Notes and records")
    page.get_by_label("Clinical notes").fill("Second writing.")
    button(page, "Save and continue")
    expect(page.get_by_role("main")).to_contain_text("Second writing.")
    page.get_by_role("button", name="Send to plan").dblclick()
    heading(page, "Request received")
    page.go_back()
    if page.get_by_role("button", name="Send to plan").count():
        button(page, "Send to plan")
    page.goto(f"{portal.url}home")
    rows = [r for r in portal.requests() if r["patient_member_id"] == "M1001"]
    assert len(rows) == 1 and rows[0]["notes"] == "Second writing."
    assert not [r for r in portal.rest("GET", "prior-auths?status=draft")["data"] if r["patient_member_id"] == "M1001"]


def test_a_draft_is_gone_on_with_after_the_session_ended(chromium):
    with running_pharmacy(sessions={"idle_seconds": IDLE_S}) as server:
        portal = start_portal(server)
        with visiting(chromium, portal) as page:
            log_in(page, portal)
            begin(page)
            page.get_by_label("Diagnosis codes").fill("M06.9")
            portal.advance(IDLE_S + 1)
            button(page, "Save and continue")
            expect(page.get_by_role("status")).to_contain_text("Drafts are kept")
            enter(page, portal)
            heading(page, "Diagnosis and quantity")
            page.goto(f"{portal.url}home")
            page.get_by_role("link", name="Go on with it").click()
            heading(page, "Diagnosis and quantity")


def open_by_key(page: Page, key: str, last_name: str, birth_date: str) -> None:
    page.get_by_role("link", name="Open by key").click()
    page.get_by_label("Key").fill(key)
    page.get_by_label("Patient's last name").fill(last_name)
    page.get_by_label("Patient's birth date").fill(birth_date)
    button(page, "Open")


def test_a_request_by_its_key(page):
    told = set()
    for given in (
        ("KEY0000", "Reyes-Lund", "1982-05-09"),
        ("KEY7QX2", "Reyes", "1982-05-09"),
        ("KEY7QX2", "Reyes-Lund", "1982-05-08"),
    ):
        open_by_key(page, *given)
        told.add(page.get_by_role("alert").inner_text())
    assert len(told) == 1 and "No request has this key" in told.pop()
    open_by_key(page, "key7qx2", "reyes-lund", "1982-05-09")
    heading(page, "Diagnosis and quantity")
    expect(page.get_by_role("main")).to_contain_text("Etanercept")


def test_the_dashboard_leads_to_what_is_to_be_done(page):
    heading(page, "Dashboard")
    waiting = page.get_by_role("region", name="Determinations that need your action")
    expect(waiting).to_contain_text("Pended")
    waiting.get_by_role("link", name=re.compile("Answer the payer")).click()
    heading(page, "Answer the payer")
    page.get_by_label("tuberculosis test").fill("2026-04-02")
    button(page, "Send to the payer")
    expect(page.get_by_role("status")).to_have_text("Your answer was sent to the payer.")
    page.get_by_role("link", name="Dashboard").click()
    page.get_by_role("link", name=re.compile("Go on with the draft for Reyes-Lund")).click()
    heading(page, "Diagnosis and quantity")


def test_script_in_every_field_is_text(chromium, portal):
    with visiting(chromium, portal, java_script_enabled=True) as page:
        log_in(page, portal)
        open_by_key(page, EVIL, EVIL, EVIL)
        expect(page.get_by_label("Key")).to_have_value(EVIL)
        begin(page, "nusinersen")
        page.get_by_label("Diagnosis codes").fill(EVIL)
        page.get_by_label("Quantity").fill(EVIL)
        button(page, "Save and continue")
        page.get_by_label("Diagnosis codes").fill("G12.0")
        page.get_by_label("Quantity").fill("")
        button(page, "Save and continue")
        page.get_by_role("radio", name=re.compile("Elena Rivera")).check()
        button(page, "Save and continue")
        button(page, "Save and continue")
        page.get_by_label("Clinical notes").fill(EVIL)
        button(page, "Save and continue")
        expect(page.get_by_role("main")).to_contain_text(EVIL)
        button(page, "Send to plan")
        page.get_by_role("link", name="See the request").click()
        expect(page.get_by_role("main")).to_contain_text(EVIL)
        page.get_by_role("link", name="Formulary").click()
        page.get_by_label("Drug name, NDC or HCPCS code").fill(EVIL)
        button(page, "Search")
        expect(page.get_by_role("status")).to_contain_text("no such drug")
        assert page.evaluate("window.evil") is None


def test_the_cookie_of_another_sandbox_opens_nothing(chromium, server, portal):
    other = start_portal(server)
    with visiting(chromium, portal) as page:
        log_in(page, portal)
        [cookie] = page.context.cookies()
        path = cookie["path"].replace(portal.run_id, other.run_id)
        page.context.add_cookies([{**cookie, "path": path}])
        page.goto(f"{other.url}key")
        heading(page, "Log in")


def test_every_page_for_who_cannot_see_it(chromium, server, axe):
    """What stands on a page that looks as one of the other skin does was looked at there; its width is its own."""
    portal = start_portal(server)
    tour = make_pharmacy_tour(portal)
    seen = {}
    with visiting(chromium, portal, java_script_enabled=True) as page:
        log_in(page, portal)
        for name, path, press in tour.paths():
            page.set_viewport_size({"width": 1280, "height": 900})
            page.emulate_media(color_scheme="light")
            page.goto(portal.url + path)
            if press:
                button(page, press)
                page.get_by_role("alert").wait_for()
            assert page.locator("h1").count() == 1 and page.get_by_role("main").count() == 1, name
            assert "nothing here" not in page.title().lower(), name
            seen[name] = [] if name in LIKE_RADMD else findings(page, axe, ALL)
            page.set_viewport_size({"width": 390, "height": 900})
            page.emulate_media(color_scheme="dark")
            seen[name] += findings(page, axe, CONTRAST)
    assert {name: bad for name, bad in seen.items() if bad} == {}
