"""Members, claims and appeals over plain HTTP, in both skins."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from sandbox.testing.server import SandboxServer
from tests.pharmacy_site import running_pharmacy
from tests.portal_site import EVIL, NPI, PlainBrowser, evil_in, start_portal

NOTE = ("files", "notes.txt", "text/plain", b"On file since March.")


@pytest.fixture(scope="module", params=["radmd", "covermymeds"])
def server(request: pytest.FixtureRequest) -> Iterator[SandboxServer]:
    with running_pharmacy(portal=request.param) as made:
        yield made


def rows_of(page):
    """The cells of a page's tables, a list a row."""
    rows = re.findall(r"<tr>(.*?)</tr>", page.text, re.DOTALL)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [[re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", cell)).strip() for cell in row] for row in cells if row]


def test_both_skins_link_to_these_pages(portal, browser):
    for path in ("eligibility", "claims", "appeals"):
        assert f'href="./{path}"' in browser.get(f"{portal.url}home").text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("member_id=m1001", ["M1001"]),
        ("name=reyes", ["M1001", "M1002"]),
        ("name=reyes&birth_date=1982-05-09", ["M1002"]),
        ("member_id=M1001&birth_date=1982-05-09", []),
        ("name=nobody", []),
    ],
)
def test_a_member_is_looked_up(portal, browser, query, found):
    page = browser.get(f"{portal.url}eligibility?{query}")
    assert page.status == 200 and [row[0] for row in rows_of(page)] == found
    assert ("No member is on file like that." in page.seen) == (not found)


def test_a_look_up_that_cannot_be_right(portal, browser):
    page = browser.get(f"{portal.url}eligibility?birth_date=1.1.70&name=ana")
    assert page.status == 422 and "YYYY-MM-DD" in page.seen and 'value="ana"' in page.text
    assert browser.get(f"{portal.url}eligibility?ssn=1").status == 422
    assert browser.get(f"{portal.url}eligibility?member_id=&name=&birth_date=").status == 200


def test_what_a_member_is_covered_for(portal, browser):
    page = browser.get(f"{portal.url}eligibility/M1001")
    assert page.status == 200 and "Covered on 2026-04-23." in page.seen
    plans = [row for row in rows_of(page) if row[0] in ("Gold PPO", "Silver Rx", "Bronze HMO")]
    assert [(row[0], row[1], row[2]) for row in plans] == [
        ("Gold PPO", "In force", "Primary"),
        ("Silver Rx", "In force", "Secondary"),
        ("Bronze HMO", "Ended", "Primary"),
    ]
    benefits = [row for row in rows_of(page) if row[0][:2] in ("88", "98")]
    assert [row[:6] for row in benefits] == [
        ["88 Pharmacy", "Gold PPO", "In", "Yes", "$35.00", "-"],
        ["98 Office visit", "Gold PPO", "Out", "Yes", "-", "40 %"],
        ["88 Pharmacy", "Silver Rx", "In", "Yes", "$12.50", "-"],
    ]
    assert benefits[1][6:] == ["Applies", "20 a year", "Not required"]
    used = [row for row in rows_of(page) if row[0] in ("Deductible", "Visits")]
    assert [row[4:7] for row in used] == [["$500.00", "$320.50", "$179.50"], ["20", "4", "16"]]


def test_a_day_and_a_service(portal, browser):
    page = browser.get(f"{portal.url}eligibility/m1001?date=2026-02-01&service_type=88")
    assert "Covered on 2026-02-01." in page.seen and "98 Office visit" not in str(rows_of(page))
    states = {row[0]: row[1] for row in rows_of(page) if row[0] in ("Silver Rx", "Gold PPO")}
    assert states == {"Gold PPO": "In force", "Silver Rx": "Not begun"}
    earlier = browser.get(f"{portal.url}eligibility/M1001?date=2023-01-01")
    assert earlier.status == 200 and "Not covered on 2023-01-01" in earlier.seen
    assert "No benefits are on file" in earlier.seen and "Nothing is counted" in earlier.seen
    wrong = browser.get(f"{portal.url}eligibility/M1001?date=tomorrow")
    assert wrong.status == 422 and "YYYY-MM-DD" in wrong.seen and 'href="#date"' in wrong.text
    other = browser.get(f"{portal.url}eligibility/M1001?service_type=ZZ")
    assert other.status == 200 and "No benefits are on file for this day and service." in other.seen
    assert '<option value="ZZ" selected' in other.text
    assert "Inactive" in browser.get(f"{portal.url}eligibility/M3001").seen


def test_nobody_is_a_page_that_leads_back(portal, browser):
    page = browser.get(f"{portal.url}eligibility/NOBODY")
    assert page.status == 404 and "There is no member" in page.seen and "Look the member up" in page.seen
    assert browser.get(f"{portal.url}claims/none").status == 404
    assert browser.get(f"{portal.url}appeals/none").status == 404


def test_an_identifier_with_a_slash_and_an_accent(portal, browser):
    listed = browser.get(f"{portal.url}eligibility?name=munoz")
    link = re.search(r'href="\./(eligibility/[^"]+)"', listed.text)[1]
    assert link == "eligibility/M4~2F1~20~C3~89"
    page = browser.get(f"{portal.url}{link}")
    assert page.status == 200 and "José Muñoz" in page.seen and "Covered on" in page.seen
    link = re.search(r'href="\./(claims/CLM~[^"]+)"', browser.get(f"{portal.url}claims").text)[1]
    claim = browser.get(f"{portal.url}{link}")
    assert claim.status == 200 and "<h1>Claim CLM/8 late</h1>" in claim.text
    assert 'href="../static' in claim.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["CLM-9", "CLM-7", "CLM-6", "CLM/8 late"]),
        ("member_id=m1001", ["CLM-7", "CLM/8 late"]),
        ("status=denied", ["CLM-6", "CLM/8 late"]),
        ("status=pended", []),
        (f"provider_npi={NPI}&service_from=2026-01-01", ["CLM-9", "CLM-7", "CLM-6"]),
        ("service_to=2025-12-31", ["CLM/8 late"]),
        ("member_id=NOBODY", []),
    ],
)
def test_claims_are_listed(portal, browser, query, found):
    page = browser.get(f"{portal.url}claims?{query}")
    assert page.status == 200 and [row[0] for row in rows_of(page)] == found
    assert ("No claim is on file like that." in page.seen) == (not found)


BACKWARDS = "service_from=2026-05-02&service_to=2026-05-01"


@pytest.mark.parametrize(
    "query", ["status=lost", "service_from=x", "service_to=2026-13-01", "x=1", "cursor=x", BACKWARDS]
)
def test_a_filter_that_cannot_be(portal, browser, query):
    page = browser.get(f"{portal.url}claims?{query}")
    assert page.status in (400, 422) and 'role="alert"' in page.text and not rows_of(page)
    if query != "x=1":
        assert browser.get(f"{portal.url}appeals?{query}").status in (400, 422)


def test_a_claim(portal, browser):
    page = browser.get(f"{portal.url}claims/clm-7")
    assert "Partially paid" in page.seen
    told = ("Ana Reyes, born 1970-01-01", "Elena Rivera, MD", "Check or payment number 88123", "Charged $1,050.25")
    for text in (*told, "Paid $90.00", "Patient owes $20.00", "can be appealed until 2026-08-11 23:59 UTC"):
        assert text in page.seen, text
    assert 'href="../requests/req_pended"' in page.text
    assert rows_of(page) == [
        ["1", "99213", "1", "Paid", "$150.25", "$110.00", "$90.00", "CO-45 $40.25 PR-3 $20.00", "none"],
        ["2", "J0139 JZ", "2", "Denied", "$900.00", "-", "$0.00", "CO-197 $900.00", "N702"],
    ]
    assert "This claim can be appealed; there is no last day." in browser.get(f"{portal.url}claims/CLM-6").seen
    late = browser.get(f"{portal.url}claims/CLM~2F8~20late")
    assert "It could be appealed until 2025-09-11T23:59:59.000Z; that is final." in late.seen
    assert "Appeal this claim" not in late.seen
    open_claim = browser.get(f"{portal.url}claims/CLM-9")
    assert "2026-04-01 to 2026-04-03" in open_claim.seen and "not yet" in open_claim.seen
    assert "Only a claim that was denied, or in part, can be appealed" in open_claim.seen


@pytest.mark.parametrize("number", ["CLM~2F8~20late", "CLM-9"])
def test_a_claim_that_cannot_be_appealed(portal, browser, number):
    page = browser.get(f"{portal.url}claims/{number}/appeal")
    assert page.status == 409 and "Go back to this claim" in page.seen
    forged = browser.get(f"{portal.url}claims/CLM-7/appeal").hidden("csrf")
    sent = browser.post(page.url, {"rationale": "Please.", "csrf": forged})
    assert sent.status == 409 and not portal.rest("GET", "appeals")["data"]


def test_an_appeal_of_a_claim(portal, browser):
    page = browser.get(f"{portal.url}claims/CLM-7/appeal")
    assert "The last day to appeal is 2026-08-11 23:59 UTC." in page.seen and "CO-197 $900.00" in page.seen
    assert "At most 3 files a request, each at most 20,000 bytes, of type application/pdf, text/plain" in page.seen
    for given, files, status, told in (
        ({"rationale": ""}, (), 422, "Required: say why the decision is wrong."),
        ({"rationale": "x" * 10_001}, (), 422, "10000"),
        ({"rationale": "y", "more": "1"}, (), 422, "more"),
        ({"rationale": "The reason."}, (("files", "a.exe", "application/x-dos", b"MZ"),), 415, "application/pdf"),
        ({"rationale": "The reason."}, (("files", "a.pdf", "application/pdf", b"x" * 20_001),), 413, "20000"),
        ({"rationale": "The reason."}, [("files", f"{n}.txt", "text/plain", b"x") for n in range(4)], 413, "at most 3"),
    ):
        refused = browser.fill(page, given, files=files)
        assert refused.status == status and told in refused.seen and "There is a problem" in refused.seen, given
        assert given["rationale"][:50] in refused.text
    assert not portal.rest("GET", "appeals")["data"]
    filed = browser.fill(page, {"rationale": "The authorization is on file."}, files=[NOTE])
    assert "/appeals/apl_" in filed.url and "The appeal is filed." in filed.seen and "Under review" in filed.seen
    assert "The authorization is on file." in filed.seen
    link = re.search(r'href="\.\./(appeals/[^"]+/attachments/[^"]+)"', filed.text)[1]
    file = browser.get(f"{portal.url}{link}")
    assert file.body == NOTE[3] and file.headers["Content-Disposition"].startswith("attachment")
    assert browser.get(f"{portal.url}{link}x").status == 404
    claim = browser.get(f"{portal.url}claims/CLM-7")
    assert "An appeal of it is under review" in claim.seen and "Appealed" in claim.seen
    assert browser.get(page.url).status == 409
    portal.advance(601)
    [row] = rows_of(browser.get(f"{portal.url}appeals?claim_number=clm-7"))
    assert row[1:5] == ["Appeal of a claim", "CLM-7", "1", "Overturned"]
    claim = browser.get(f"{portal.url}claims/CLM-7")
    assert rows_of(claim)[1][3] == "Paid" and "Appeal overturned" in claim.seen


def test_an_appeal_that_was_upheld_is_not_filed_again(portal, browser):
    form = browser.get(f"{portal.url}claims/CLM-7/appeal")
    filed = browser.fill(form, {"rationale": "Please look again."})
    portal.advance(601)
    appeal_id = filed.url.rpartition("/")[2].partition("?")[0]
    assert portal.rest("GET", f"appeals/{appeal_id}")["status"] == "upheld"
    claim = browser.get(f"{portal.url}claims/CLM-7")
    assert f"Its appeal was upheld ({appeal_id}); a claim is appealed once, that is final." in claim.seen
    assert "Appeal this claim" not in claim.seen and browser.get(form.url).status == 409
    again = browser.fill(form, {"rationale": "Once more: the authorization is on file."})
    assert again.status == 409 and "Partially paid" in browser.get(f"{portal.url}claims/CLM-7").seen
    assert len(portal.rest("GET", "appeals")["data"]) == 1


def test_an_appeal_that_is_sent_twice_is_one(portal, browser):
    page = browser.get(f"{portal.url}claims/CLM-7/appeal")
    with ThreadPoolExecutor(3) as pool:
        sent = list(pool.map(lambda _: browser.fill(page, {"rationale": "authorization"}, follow=False), range(3)))
    assert {a.status for a in sent} == {303} and len({a.headers["Location"] for a in sent}) == 1
    assert len(portal.rest("GET", "appeals")["data"]) == 1
    portal.advance(601)
    again = browser.fill(page, {"rationale": "authorization"}, follow=False)
    assert again.headers["Location"] == sent[0].headers["Location"]
    other = browser.fill(page, {"rationale": "Something else."})  # what somebody else wrote is not taken for this
    assert other.status == 409 and "only a claim that was denied" in other.seen
    for seen in ("", "-1", "99", "٣", "1e3"):
        assert browser.post(page.url, {"rationale": "x", "seen": seen, "csrf": page.hidden("csrf")}).status == 409, seen


def test_the_rest_sees_the_same(portal, browser):
    page = browser.get(f"{portal.url}claims/CLM-7/appeal")
    browser.fill(page, {"rationale": "authorization"})
    [row] = portal.rest("GET", "appeals")["data"]
    assert (row["claim_number"], row["rationale"], row["attachments"]) == ("CLM-7", "authorization", [])
    answer = portal.rest("GET", "eligibility?member_id=M1001")
    shown = browser.get(f"{portal.url}eligibility/M1001")
    assert all(row["plan"] in shown.seen for row in answer["coverages"])


def test_what_a_page_showed_is_in_the_record(portal, browser):
    before = len(portal.events())
    for path in ("eligibility?name=reyes", "eligibility/M1001", "claims?status=denied", "claims/CLM-7", "appeals"):
        browser.get(f"{portal.url}{path}")
    found, member, listed, claim, appeals = (event.raw["outcome"] for event in portal.events()[before:])
    assert [row["member_id"] for row in found["data"]] == ["M1001", "M1002"]
    assert member == portal.rest("GET", "eligibility?member_id=M1001")
    assert listed["data"] == portal.rest("GET", "claims?status=denied")["data"]
    assert claim == portal.rest("GET", "claims/CLM-7") and appeals == {"data": []}


def test_a_form_of_elsewhere_is_refused(portal, browser):
    url = f"{portal.url}claims/CLM-7/appeal"
    for token in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        assert browser.post(url, {"rationale": "x", **token}).status == 403
    assert PlainBrowser().post(url, {"rationale": "x"}).status == 401
    assert browser.send("PUT", url, b"").status == 405 and browser.post(f"{portal.url}claims", {"x": "1"}).status == 405
    assert not portal.rest("GET", "appeals")["data"]


def test_script_in_every_field_is_text(server):
    portal, browser = start_portal(server), PlainBrowser()
    browser.log_in(portal)
    evil = quote(EVIL, safe="")
    names = ("member_id", "name", "birth_date", "date", "service_type", "status", "claim_number", "done", evil)
    pages = [
        browser.get(f"{portal.url}{path}?{name}={evil}")
        for path in ("eligibility", "eligibility/M1001", "claims", "claims/CLM-7", "appeals")
        for name in names
    ]
    pages += [browser.get(f"{portal.url}{path}/{evil}") for path in ("eligibility", "claims", "appeals")]
    page = browser.get(f"{portal.url}claims/CLM-7/appeal")
    name = "<img src=x onerror=alert(1)>.txt"
    pages.append(browser.fill(page, {"rationale": EVIL, EVIL: EVIL}))
    pages.append(browser.fill(page, {"rationale": EVIL}, files=[("files", name, "text/plain", b"x")]))
    assert pages[-1].status == 200 and "&lt;script&gt;" in pages[-1].text
    pages += [browser.get(f"{portal.url}{path}") for path in ("appeals", "claims/CLM-7")]
    for page in pages:
        assert page.status < 500 and evil_in(page.text) == [], page.url


def test_after_the_log_in_the_same_page_opens(portal):
    browser = PlainBrowser()
    asked = browser.get(f"{portal.url}claims/CLM~2F8~20late")
    assert asked.status == 401 and asked.hidden("next") == "claims/CLM~2F8~20late"
    opened = browser.log_in(portal, next=asked.hidden("next"))
    assert "<h1>Claim CLM/8 late</h1>" in opened.text


def test_a_payer_without_any_of_it():
    from tests.portal_site import running_portal

    with running_portal() as server:
        portal, browser = start_portal(server), PlainBrowser()
        browser.log_in(portal)
        assert "No claim is on file." in browser.get(f"{portal.url}claims").seen
        assert "No appeal is on file." in browser.get(f"{portal.url}appeals").seen
        page = browser.get(f"{portal.url}eligibility/M1001")
        assert "Covered on" in page.seen and "Gold PPO" in page.seen and "No benefits are on file" in page.seen
