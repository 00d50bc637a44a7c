"""The pharmacy skin over plain HTTP: dashboard, key, formulary, the steps of a request, and what follows it."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from sandbox.testing.server import SandboxServer
from tests.pharmacy_site import ANSWERS, running_pharmacy, write_medication
from tests.portal_site import EVIL, NPI, UNKNOWN_TO_PAYER, PlainBrowser, evil_in, start_portal

RIGHT = {"key": "KEY7QX2", "last_name": "Reyes-Lund", "birth_date": "1982-05-09"}


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with running_pharmacy() as made:
        yield made


@pytest.fixture
def review(portal, browser):
    return write_medication(browser, portal)


def part(page, heading):
    """The text of a page below one heading of the second level."""
    found = re.search(rf'<h2 id="{heading}">.*?(?=<h2|</main>)', page.text, re.DOTALL)
    assert found is not None, (heading, page.seen)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


def drug_page(portal, browser, search=""):
    page = browser.get(f"{portal.url}new?member_id=M1001")
    page = browser.fill(page, {"patient_member_id": "M1001"})
    assert re.search(r"/drafts/req_[^/]+/drug$", page.url)
    return browser.get(f"{page.url}?drug={quote(search)}") if search else page


def test_a_whole_request(portal, browser, review):
    assert review.url.endswith("/review") and "Send to plan" in review.seen
    for told in ("Ana Reyes", "J0139 Adalimumab", "M06.9", "Quantity 2", "Elena Rivera", "Was methotrexate tried?"):
        assert told in review.seen, told
    done = browser.fill(review, {})
    assert done.url.endswith("/confirmation") and "Request received" in done.seen and "Pended" in done.seen
    [row] = [r for r in portal.requests() if r["patient_member_id"] == "M1001"]
    assert (row["procedure_code"], row["units"], row["clinical_answers"]["weeks"]) == ("J0139", 2, 12)
    assert part(browser.get(f"{portal.url}home"), "action").count("Answer the payer") == 2
    url = f"{portal.url}requests/{row['request_id']}"
    page = browser.get(f"{url}/information")
    assert "Chart notes" in page.seen and "tuberculosis test" in page.seen
    page = browser.fill(page, {**ANSWERS, "clinical_answers.weeks": "12", "notes": "Notes."})
    assert page.url == f"{url}?done=answered" and "Approved" in page.seen and "Approved units 2 " in page.seen
    home = browser.get(f"{portal.url}home")
    number = portal.rest("GET", f"prior-auths/{row['request_id']}")["auth_number"]
    assert "Approved" in part(home, "decided") and number in part(home, "decided")


def test_a_double_submit_is_one_request(portal, browser, review):
    sent = [browser.fill(review, {}, follow=False) for _ in range(2)]
    assert {a.status for a in sent} == {303} and len({a.headers["Location"] for a in sent}) == 1
    assert len([r for r in portal.requests() if r["patient_member_id"] == "M1001"]) == 1
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda _: browser.fill(review, {}, follow=False).status, range(4)))
    assert set(sent) == {303}
    assert len([r for r in portal.requests() if r["patient_member_id"] == "M1001"]) == 1


def test_the_dashboard(portal, browser):
    home = browser.get(f"{portal.url}home")
    assert "<h1>Dashboard</h1>" in home.text
    assert "KEY7QX2" in part(home, "drafts") and "Etanercept" in part(home, "drafts")
    assert "TN0000000007" in part(home, "action") and "2026-05-04 09:00 UTC" in part(home, "action")
    assert "No request is with the plan" in part(home, "sent")
    browser.fill(write_medication(browser, portal, "J2326"), {})
    browser.fill(write_medication(browser, portal, "58406-0445-04"), {})
    home = browser.get(f"{portal.url}home")
    assert "J2326 Nusinersen" in part(home, "sent") and "Etanercept" in part(home, "action")
    assert "Appeal" in part(home, "action") and "Correct and resubmit" in part(home, "action")
    for name in ("home", "key", "new", "requests", "formulary", "status", "eligibility", "claims", "appeals"):
        page = browser.get(f"{portal.url}{name}")
        assert page.status == 200 and page.text.count('aria-current="page"') == 1, name


@pytest.mark.parametrize("key", ["KEY7QX2", "key7qx2", " KEY7QX2 "])
def test_a_draft_is_opened_by_its_key(portal, browser, key):
    page = browser.get(f"{portal.url}key")
    opened = browser.fill(page, {**RIGHT, "key": key})
    assert opened.url.endswith("/drafts/KEY7QX2/diagnosis") and opened.status == 200
    assert "Etanercept" in opened.seen


def test_a_request_is_opened_by_its_tracking_number(portal, browser):
    page = browser.get(f"{portal.url}key")
    opened = browser.fill(page, {**RIGHT, "key": "TN0000000007", "last_name": "REYES lund"})
    assert opened.url.endswith("/requests/req_pended")


def test_a_key_with_a_slash_and_a_space(portal, browser):
    page = browser.get(f"{portal.url}key")
    page = browser.fill(page, {"key": "rx/2026 7", "last_name": "okafor", "birth_date": "1957-11-30"})
    assert page.url.endswith("/drafts/RX~2F2026~207/questions") and page.status == 200
    page = browser.fill(page, {"go": "next"})
    page = browser.fill(page, {"notes": "n", "go": "upload"}, files=[("files", "a.txt", "text/plain", b"x")])
    link = re.search(r'href="\.\./\.\./(requests/[^"]+/attachments/[^"]+)"', page.text)[1]
    assert browser.get(f"{portal.url}{link}").body == b"x"
    page = browser.fill(page, {"notes": "n", "go": "next"})
    done = browser.fill(page, {})
    assert done.url.endswith("/requests/RX~2F2026~207/confirmation") and "Request received" in done.seen
    done = browser.fill(browser.get(f"{portal.url}requests/RX~2F2026~207/withdraw"), {"reason": "x"})
    assert done.url.endswith("/requests/RX~2F2026~207?done=withdrawn") and done.status == 200
    assert 'href="./requests/RX~2F2026~207"' in browser.get(f"{portal.url}home").text


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "KEY7QX3"},
        {"last_name": "Reyes"},
        {"last_name": "Lund"},
        {"birth_date": "1982-05-10"},
        {"key": "req_pended", "birth_date": "1970-01-01"},
        {"last_name": "Okafor", "birth_date": "1957-11-30"},
        {"last_name": "-"},
        {"key": "../requests/req_pended"},
        {"key": "K" * 5000},
        {"key": EVIL},
    ],
)
def test_a_wrong_combination_has_one_and_the_same_answer(portal, browser, wrong):
    page = browser.get(f"{portal.url}key")
    answer = browser.fill(page, {**RIGHT, **wrong})
    told = "No request has this key for a patient with this last name and birth date."
    assert answer.status == 422 and answer.seen.count(told) == 2 and answer.url == page.url
    left = answer.text
    for value in sorted({**RIGHT, **wrong}.values(), key=len, reverse=True):
        left = left.replace(re.sub("[<>&\"']", "", value), "")
    for leaked in ("req_pended", "Ana", "1982-05-09", "Walter", "M1002", "Etanercept"):
        assert leaked in str({**RIGHT, **wrong}.values()) or leaked not in left, leaked
    assert evil_in(answer.text) == []


def test_a_key_form_that_cannot_be_right(portal, browser):
    page = browser.get(f"{portal.url}key")
    empty = browser.fill(page, {"key": "", "last_name": "", "birth_date": ""})
    assert empty.status == 422 and empty.seen.count("Enter it.") == 6
    no_date = browser.fill(page, {**RIGHT, "birth_date": "05/09/1982"})
    assert no_date.status == 422 and "YYYY-MM-DD" in no_date.seen and 'value="05/09/1982"' in no_date.text
    assert browser.fill(page, {**RIGHT, "more": "1"}).status == 422
    assert browser.post(page.url, RIGHT).status == 403
    assert browser.get(f"{portal.url}key?key=KEY7QX2").status in (400, 422)
    assert PlainBrowser().get(page.url).status == 401


def test_a_draft_without_a_member_has_no_key(portal, browser):
    made = portal.rest("POST", "prior-auths", {"draft": True, "procedure_code": "J0139"})
    page = browser.get(f"{portal.url}key")
    assert browser.fill(page, {**RIGHT, "key": made["request_id"]}).status == 422


@pytest.mark.parametrize("search", ["adali", "40 MG", "j0139", "00074-0243-02", "00074024302"])
def test_the_formulary_is_searched_by_name_and_code(portal, browser, search):
    page = drug_page(portal, browser, search)
    assert page.status == 200 and "Adalimumab 40 mg/0.4 mL" in page.seen
    told = (
        "Tier 5",
        "An authorization is required.",
        "required: other drugs first",
        "2 pens / 28 days",
        "Methotrexate",
    )
    for text in told:
        assert text in page.seen, text
    assert 'value="J0139"' in page.text
    assert "Adalimumab" in browser.get(f"{portal.url}formulary?drug={quote(search)}").seen


def test_drugs_that_are_not_requested_here(portal, browser):
    page = drug_page(portal, browser, "methotrexate")
    assert "No authorization is required." in page.seen
    refused = browser.fill(page, {"procedure_code": "00054-4550-25"})
    assert refused.status == 422 and "needs no authorization; nothing was sent" in refused.seen
    assert "Methotrexate 2.5 mg" in refused.seen and 'checked><label for="drug-1"' in refused.text
    page = browser.get(page.url.replace("methotrexate", "rimegepant"))
    assert "A carve-out. Decided by Northlight Rx." in page.seen
    refused = browser.fill(page, {"procedure_code": "72618-3000-02"})
    assert refused.status == 422 and "A carve-out. Send it to Northlight Rx." in refused.seen
    [draft] = [r for r in portal.rest("GET", "prior-auths?status=draft")["data"] if r["patient_member_id"] == "M1001"]
    assert draft["procedure_code"] is None
    nothing = browser.get(page.url.replace("rimegepant", "nonsense"))
    assert nothing.status == 200 and "The formulary has no such drug" in nothing.seen
    assert "it cannot be requested here" in browser.get(page.url.replace("rimegepant", "ointment")).seen


def test_a_drug_that_the_formulary_does_not_list(portal, browser):
    page = drug_page(portal, browser, "00169413212")
    assert "00169-4132-12 (not in the formulary)" in page.seen and "lists do not name it" in page.seen
    onward = browser.fill(page, {"procedure_code": "00169-4132-12"})
    assert onward.url.endswith("/diagnosis")
    again = browser.get(page.url.partition("?")[0])
    assert "checked" in again.text and "(not in the formulary)" in again.seen


def test_another_drug_drops_the_answers(portal, browser, review):
    page = browser.get(review.url.replace("review", "drug") + "?drug=etanercept")
    browser.fill(page, {"procedure_code": "58406-0445-04"})
    [draft] = [r for r in portal.rest("GET", "prior-auths?status=draft")["data"] if r["patient_member_id"] == "M1001"]
    assert draft["clinical_answers"] == {} and draft["units"] == 2


def test_questions_branch(portal, browser, review):
    url = review.url.replace("review", "questions")
    page = browser.get(url)
    assert "For how many weeks?" in page.seen and "Why not?" not in page.seen
    page = browser.fill(page, {**ANSWERS, "clinical_answers.methotrexate": "no", "go": "next"})
    assert page.url == url and "Why not?" in page.seen and "For how many weeks?" not in page.seen
    missing = browser.fill(page, {**ANSWERS, "clinical_answers.methotrexate": "no", "clinical_answers.reason": ""})
    assert missing.status == 422 and "Required to submit: Why not?" in missing.seen
    assert 'aria-invalid="true"' in missing.text and 'href="#clinical_answers.reason"' in missing.text


def test_each_step_says_what_is_wrong(portal, browser):
    page = drug_page(portal, browser, "adali")
    none = browser.fill(page, {})
    assert none.status == 422 and "Choose a drug." in none.seen and 'href="#procedure_code"' in none.text
    wrong = browser.fill(page, {"procedure_code": "aspirin"})
    assert wrong.status == 422 and "11-digit National Drug Code" in wrong.seen
    page = browser.fill(page, {"procedure_code": "J0139"})
    assert "quantity limit: 2 pens / 28 days" in page.seen
    for given, told in (
        ({"diagnosis_codes": "", "units": "2"}, "Enter at least one."),
        ({"diagnosis_codes": "x", "units": "2"}, "is not an ICD-10-CM code"),
        ({"diagnosis_codes": "M06.9", "units": "many"}, "Must be a whole number"),
        ({"diagnosis_codes": "M06.9", "units": "0"}, "greater than or equal to 1"),
        ({"diagnosis_codes": "M06.9 m069", "units": ""}, "given twice"),
    ):
        answer = browser.fill(page, given)
        assert answer.status == 422 and told in answer.seen, (given, answer.seen)
        assert f'value="{given["units"]}"' in answer.text
    page = browser.fill(page, {"diagnosis_codes": "M06.9", "units": ""})
    assert page.url.endswith("/provider") and "<legend>Prescriber" in page.text
    none = browser.fill(page, {})
    assert none.status == 422 and "Choose the prescriber." in none.seen
    bad = browser.fill(page, {"provider_npi": UNKNOWN_TO_PAYER})
    assert bad.status == 422 and "not credentialed" in bad.seen
    review = browser.get(page.url.replace("provider", "review"))
    assert "Not ready to be sent" in review.seen and f'/provider">{"Required"}' in review.text
    assert browser.fill(review, {}).status == 422


def test_a_draft_is_gone_on_with_where_it_was_left(portal, browser):
    page = drug_page(portal, browser)
    draft = page.url.split("/")[-2]
    go_on = f"{portal.url}requests/{draft}/continue"
    assert browser.get(go_on).url.endswith("/drug")
    page = browser.fill(browser.get(page.url + "?drug=adali"), {"procedure_code": "J0139", "go": "later"})
    assert page.url.endswith("home?said=saved") and "The draft is saved" in page.seen
    assert browser.get(go_on).url.endswith("/diagnosis")
    browser.fill(browser.get(go_on), {"diagnosis_codes": "M06.9", "units": ""})
    assert browser.get(go_on).url.endswith("/provider")
    browser.fill(browser.get(go_on), {"provider_npi": NPI})
    assert browser.get(go_on).url.endswith("/questions")
    browser.fill(browser.get(go_on), {**ANSWERS, "go": "later"})
    assert browser.get(go_on).url.endswith("/review")


def test_a_denial_is_appealed_and_another_withdrawn_and_sent_again(portal, browser):
    browser.fill(write_medication(browser, portal, "58406-0445-04"), {})
    [row] = [r for r in portal.requests() if r["patient_member_id"] == "M1001"]
    url = f"{portal.url}requests/{row['request_id']}"
    page = browser.get(url)
    assert "Not on the preferred list." in page.seen and "NF-2" in page.seen
    done = browser.fill(browser.get(f"{url}/appeal"), {"rationale": "The patient failed adalimumab."})
    assert done.url == f"{url}?done=appealed" and "Appeal overturned" in done.seen
    listed = browser.get(f"{portal.url}appeals?status=overturned")
    assert row["request_id"] in listed.seen and "Appeal of a request" in listed.seen
    browser.fill(write_medication(browser, portal, "58406-0445-04", "M1002"), {})
    [row] = [r for r in portal.requests() if r["procedure_code"] != "J0139" and r["patient_member_id"] == "M1002"]
    url = f"{portal.url}requests/{row['request_id']}"
    done = browser.fill(browser.get(f"{url}/resubmit"), {"notes": "Failed adalimumab."})
    assert done.url == f"{url}?done=resubmitted" and "Approved" in done.seen
    done = browser.fill(browser.get(f"{url}/withdraw"), {"reason": "Not needed."})
    assert "Withdrawn" in done.seen
    assert browser.get(f"{url}/appeal").status == 409


def test_a_plan_where_saving_sends():
    with running_pharmacy(saving_submits=True) as server:
        portal, browser = start_portal(server), PlainBrowser()
        browser.log_in(portal)
        page = drug_page(portal, browser, "adali")
        assert "saving a request sends it" in page.seen and "Save request" in page.seen
        incomplete = browser.fill(page, {"procedure_code": "J0139", "go": "later"})
        assert incomplete.status == 422 and "Required to submit" in incomplete.seen
        review = write_medication(browser, portal)
        records = browser.get(review.url.replace("review", "records"))
        sent = browser.fill(records, {"notes": "n", "go": "later"})
        assert sent.url.endswith("/confirmation")


def test_a_list_of_drugs_is_cut(portal, browser):
    page = browser.get(f"{portal.url}formulary?drug=testomab")
    assert page.seen.count("Tier 2") == 50 and "10 more are not shown" in page.seen


def test_script_in_every_field_is_text(server):
    portal, browser = start_portal(server), PlainBrowser()
    browser.log_in(portal)
    names = ("drug", "patient_member_id", "said", EVIL)
    pages = [
        browser.get(f"{portal.url}{path}?{quote(name, safe='')}={quote(EVIL, safe='')}")
        for path in ("home", "key", "formulary")
        for name in names
    ]
    review = write_medication(browser, portal)
    for step, fields in (
        ("drug", {"procedure_code": EVIL}),
        ("diagnosis", {"diagnosis_codes": EVIL, "units": EVIL}),
        ("provider", {"provider_npi": EVIL}),
        ("questions", {**ANSWERS, "clinical_answers.diagnosis": EVIL}),
        ("records", {"notes": EVIL}),
    ):
        page = browser.get(review.url.replace("review", step))
        pages += [page, browser.fill(page, {**fields, "go": "next"}), browser.fill(page, {**fields, EVIL: EVIL})]
    pages.append(browser.get(f"{review.url.replace('review', 'drug')}?drug={quote(EVIL, safe='')}"))
    page = browser.get(f"{portal.url}key")
    pages.append(browser.fill(page, {"key": EVIL, "last_name": EVIL, "birth_date": EVIL}))
    pages.append(browser.get(review.url))
    pages.append(browser.fill(pages[-1], {}))
    pages.append(browser.get(f"{portal.url}home"))
    for page in pages:
        assert page.status < 500 and evil_in(page.text) == [], page.url
    assert pages[-1].status == 200 and "&lt;script&gt;" in browser.get(review.url).text


def test_the_cookie_of_another_sandbox_opens_nothing(server, portal, browser, review):
    other = start_portal(server)
    stranger = PlainBrowser(cookie=browser.cookie)
    for path in ("home", "key", "formulary", "eligibility", "claims", f"drafts/{review.url.split('/')[-2]}/drug"):
        assert stranger.get(f"{other.url}{path}").status == 401, path
    mine = PlainBrowser()
    mine.log_in(other)
    page = mine.get(f"{other.url}key")
    assert browser.post(f"{portal.url}key", {**RIGHT, "csrf": page.hidden("csrf")}).status == 403


def test_what_a_page_showed_is_in_the_record(portal, browser):
    page = drug_page(portal, browser)
    before = len(portal.events())
    for url in (f"{portal.url}home", f"{portal.url}formulary?drug=adali", f"{page.url}?drug=adali"):
        browser.get(url)
    home, formulary, drug = (event.raw["outcome"]["data"] for event in portal.events()[before:])
    assert home == portal.requests() and formulary == drug == portal.rest("GET", "formulary?drug=adali")["data"]


def test_each_view_and_each_form_is_one_event(portal, browser):
    before = len(portal.events())
    page = browser.get(f"{portal.url}key")
    browser.fill(page, {**RIGHT, "last_name": "X"}, follow=False)
    browser.get(f"{portal.url}formulary?drug=adali")
    browser.get(f"{portal.url}claims/none")
    found = portal.events()[before:]
    assert [(e.type, e.request["method"], e.request["path"], e.response["status"]) for e in found] == [
        ("portal_page", "GET", "portal/web/key", 200),
        ("portal_page", "POST", "portal/web/key", 422),
        ("portal_page", "GET", "portal/web/formulary", 200),
        ("portal_page", "GET", "portal/web/claims/none", 404),
    ]
    assert not any(e.changes for e in found)
