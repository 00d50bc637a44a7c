"""A person at the radiology portal, by names and roles alone, in a browser without scripts."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.portal_pages.conftest import IDLE_S, enter, log_in, visiting
from tests.portal_site import Portal, start_portal

EVIL = "<script>window.evil=1</script><img src=x onerror=window.evil=1>"


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def begin(page: Page, code: str = "72148") -> None:
    """Come to the clinical questions of a new request."""
    page.get_by_role("link", name="New request").first.click()
    heading(page, "Member")
    page.get_by_label("Name").fill("reyes")
    page.get_by_label("Birth date").fill("1970-01-01")
    button(page, "Search")
    page.get_by_role("radio", name=re.compile("Ana Reyes, born 1970-01-01")).check()
    button(page, "Save and continue")
    heading(page, "Ordering provider")
    page.get_by_label("Name").fill("rivera")
    button(page, "Search")
    page.get_by_role("radio", name=re.compile("Elena Rivera")).check()
    button(page, "Save and continue")
    heading(page, "Exam")
    page.get_by_label("Procedure code").fill(code)
    page.get_by_label("Diagnosis codes").fill("M54.16, M51.26")
    button(page, "Save and continue")
    heading(page, "Clinical questions")


def answer(page: Page) -> None:
    page.get_by_role("radiogroup", name="Which red flags are present?").get_by_role("radio", name="none").check()
    page.get_by_role("radiogroup", name=re.compile("neurological deficit")).get_by_role("radio", name="No").check()
    button(page, "Save and continue")
    page.get_by_label("Weeks of conservative therapy?").fill("8")
    button(page, "Save and continue")
    heading(page, "Notes and records")


def send(page: Page, code: str) -> None:
    """Send a request without questions."""
    begin(page, code)
    button(page, "Save and continue")
    page.get_by_label("Clinical notes").fill("Six weeks of therapy.")
    button(page, "Save and continue")
    button(page, "Submit to the payer")
    heading(page, "Request received")


def test_a_whole_request(page, portal):
    begin(page)
    answer(page)
    page.get_by_label("Clinical notes").fill("Six weeks of therapy.")
    page.get_by_label("Add records").set_input_files(
        [{"name": "pt.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 notes"}]
    )
    button(page, "Save and continue")
    heading(page, "Review")
    for text in ("M54.16, M51.26", "Six weeks of therapy.", "pt.pdf", "Elena Rivera, MD"):
        expect(page.get_by_role("main")).to_contain_text(text)
    button(page, "Submit to the payer")
    heading(page, "Request received")
    [row] = portal.requests()
    expect(page.get_by_role("main")).to_contain_text(row["tracking_number"])
    assert row["clinical_answers"] == {"red_flags": "none", "weeks": 8, "deficit": False}
    page.get_by_role("link", name="See the request").click()
    page.get_by_role("link", name="Answer the payer").click()
    heading(page, "Answer the payer")
    expect(page.get_by_role("region", name="The payer asks for")).to_contain_text("Physical therapy notes")
    page.get_by_label("Records").set_input_files(
        [{"name": "therapy.txt", "mimeType": "text/plain", "buffer": b"Eight weeks."}]
    )
    button(page, "Send to the payer")
    expect(page.get_by_role("status")).to_have_text("Your answer was sent to the payer.")
    expect(page.get_by_role("main")).to_contain_text(portal.requests()[0]["auth_number"])


def test_wrong_password_and_way_back(chromium, portal):
    with visiting(chromium, portal) as page:
        page.goto(f"{portal.url}requests")
        expect(page.get_by_role("status")).to_have_text("Log in to see this page.")
        enter(page, portal, "nonsense")
        expect(page.get_by_role("alert")).to_contain_text("The user name or the password is wrong.")
        expect(page.get_by_label("User name")).to_have_attribute("aria-invalid", "true")
        enter(page, portal)
        heading(page, "Requests")  # where it wanted to go
        button(page, "Log out")
        expect(page.get_by_role("status")).to_have_text("You are logged out.")
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_have_text("Log in")


def test_what_is_wrong_is_said_beside_its_field(page):
    begin(page, "72148")
    page.go_back()
    page.get_by_label("Procedure code").fill("7")
    page.get_by_label("Diagnosis codes").fill("nonsense")
    button(page, "Save and continue")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text('"7" is not a CPT or HCPCS code')
    field = page.get_by_label("Diagnosis codes")
    expect(field).to_have_value("nonsense")
    expect(field).to_have_attribute("aria-invalid", "true")
    described = field.get_attribute("aria-describedby")
    expect(page.locator(f"#{described.split()[-1]}")).to_contain_text("is not an ICD-10-CM code")
    alert.get_by_role("link", name=re.compile("Diagnosis codes")).click()
    expect(field).to_be_focused()
    expect(page).to_have_title(re.compile("^Error: "))


def test_the_back_button_and_a_second_click(page, portal):
    send(page, "97110")
    page.go_back()
    expect(page.get_by_role("status")).to_contain_text("was sent before")
    assert len(portal.requests()) == 1
    begin(page, "97110")
    button(page, "Save and continue")
    heading(page, "Notes and records")
    page.go_back()
    page.go_back()
    heading(page, "Exam")
    page.get_by_label("Units").fill("4")
    button(page, "Save and continue")
    button(page, "Save and continue")
    button(page, "Save and continue")
    heading(page, "Review")
    page.get_by_role("button", name="Submit to the payer").dblclick()
    heading(page, "Request received")
    rows = portal.requests()
    assert len(rows) == 2 and rows[0]["units"] == 4


def test_an_appeal_of_a_denial(page, portal):
    send(page, "73721")
    page.get_by_role("link", name="See the request").click()
    expect(page.get_by_role("main")).to_contain_text("Six weeks of therapy are not documented.")
    page.get_by_role("link", name="Appeal", exact=True).click()
    button(page, "Send")
    expect(page.get_by_role("alert")).to_contain_text("Required: say why the decision is wrong.")
    page.get_by_label("Rationale").fill("There is a locked knee.")
    button(page, "Send")
    expect(page.get_by_role("status")).to_have_text("The appeal is filed.")
    assert portal.requests()[0]["state"] == "appeal_overturned"


def test_a_peer_to_peer_call(page, portal):
    send(page, "73721")
    page.get_by_role("link", name="See the request").click()
    page.get_by_role("link", name="Request a peer-to-peer call").click()
    page.get_by_label("Clinician to be called").fill("Dr. Rivera")
    button(page, "Request the call")
    button(page, "Choose this slot")
    expect(page.get_by_role("alert")).to_contain_text("Choose a slot.")
    page.get_by_role("radiogroup", name="Slot").get_by_role("radio").first.check()
    button(page, "Choose this slot")
    expect(page.get_by_role("status").filter(has_text="The call begins at")).to_be_visible()
    portal.advance(3601)
    page.reload()
    for words in ("The knee is locked.", "Six weeks of therapy."):
        page.get_by_label("What you say").fill(words)
        button(page, "Say it")
    expect(page.get_by_role("list").filter(has_text="What was tried?")).to_contain_text("The knee is locked.")
    expect(page.get_by_role("main")).to_contain_text("Overturned")


def test_each_limit_of_an_attachment(page):
    begin(page, "97110")
    button(page, "Save and continue")
    files = page.get_by_label("Add records")
    described = page.locator(f"#{files.get_attribute('aria-describedby')}")
    expect(described).to_contain_text("At most 3 files a request, each at most 20,000 bytes")
    for name, kind, content, told in (
        ("big.pdf", "application/pdf", b"x" * 20_001, "this payer takes 20000 a file"),
        ("a.exe", "application/x-msdownload", b"MZ", "this payer takes application/pdf, text/plain"),
    ):
        files.set_input_files([{"name": name, "mimeType": kind, "buffer": content}])
        button(page, "Upload and stay here")
        expect(page.get_by_role("alert")).to_contain_text(told)
    four = [{"name": f"{n}.txt", "mimeType": "text/plain", "buffer": b"x"} for n in range(4)]
    files.set_input_files(four)
    button(page, "Upload and stay here")
    expect(page.get_by_role("alert")).to_contain_text("takes at most 3 attachments")
    files.set_input_files(four[:2])
    button(page, "Upload and stay here")
    expect(page.get_by_role("link", name="1.txt")).to_be_visible()


def test_the_end_of_a_session_and_a_one_time_code(chromium, timed_server):
    portal = start_portal(timed_server)
    with visiting(chromium, portal) as page:
        log_in(page, portal)
        give_code(page, portal)
        begin(page)
        portal.advance(IDLE_S + 1)
        button(page, "Save and continue")
        expect(page.get_by_role("status")).to_have_text("The session ended after 900 s without use. Drafts are kept.")
        enter(page, portal)
        give_code(page, portal)
        heading(page, "Clinical questions")  # where it ended
        answer(page)


def give_code(page: Page, portal: Portal) -> None:
    heading(page, "One-time code")
    page.get_by_label("One-time code").fill("x")
    button(page, "Continue")
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    page.get_by_label("One-time code").fill(portal.code())
    button(page, "Continue")


def test_another_sandboxs_cookie(chromium, server, portal):
    other = start_portal(server)
    with visiting(chromium, other) as page:
        log_in(page, other)
        [cookie] = page.context.cookies()
        page.context.add_cookies([{**cookie, "path": portal.url.partition(portal.server.url)[2].removesuffix("web/")}])
        page.goto(f"{portal.url}home")
        heading(page, "Log in")


def test_script_in_every_field(chromium, portal):
    with visiting(chromium, portal, java_script_enabled=True) as page:
        page.goto(portal.url)
        page.get_by_label("User name").fill(EVIL)
        page.get_by_label("Password").fill(EVIL)
        button(page, "Log in")
        assert page.evaluate("window.evil") is None
        enter(page, portal)
        begin(page)
        page.go_back()
        for label in ("Procedure code", "Diagnosis codes", "Units"):
            page.get_by_label(label).fill(EVIL)
        button(page, "Save and continue")
        assert page.evaluate("window.evil") is None
        page.goto(page.url.replace("exam", "questions"))
        answer(page)
        page.get_by_label("Clinical notes").fill(EVIL)
        name = {"name": "<img src=x onerror=evil>.txt", "mimeType": "text/plain", "buffer": EVIL.encode()}
        page.get_by_label("Add records").set_input_files([name])
        button(page, "Save and continue")
        expect(page.get_by_role("main")).to_contain_text(EVIL)
        button(page, "Submit to the payer")
        page.get_by_role("link", name="See the request").click()
        expect(page.get_by_role("main")).to_contain_text(EVIL)
        page.goto(f"{portal.url}requests?patient_member_id={EVIL}")
        assert page.evaluate("window.evil") is None and page.locator("main img, main script").count() == 0
