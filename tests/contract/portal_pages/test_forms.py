"""Forms of the pages: where they came from, what they may hold, how often they are sent, what is written into them."""

import html
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from sandbox import limits
from tests.portal_site import EVIL, NPI, PlainBrowser, evil_in, multipart, start_portal, write_request

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def review(portal, browser):
    return write_request(browser, portal)


@pytest.mark.parametrize("token", [None, "", "0" * 64, "é", "other"])
def test_a_form_that_did_not_come_from_the_session(server, portal, browser, review, token):
    if token == "other":  # of another session of the same user
        second = PlainBrowser()
        second.log_in(portal)
        token = second.get(f"{portal.url}home").hidden("csrf")
        assert token != review.hidden("csrf")
    answer = browser.post(review.url, {} if token is None else {"csrf": token})
    assert answer.status == 403 and "was not sent from a page of your session" in answer.seen
    assert answer.headers["Content-Type"].startswith("text/html") and not portal.requests()
    event = portal.events()[-2]  # the last is the look of `requests`
    assert (event.type, event.response["status"]) == ("portal_page", 403)
    assert browser.fill(review, {}).status == 200


def test_the_token_of_another_sandbox_and_its_cookie(server, portal, browser, review):
    other = start_portal(server)
    stranger = PlainBrowser()
    stranger.log_in(other)
    token = stranger.get(f"{other.url}home").hidden("csrf")
    before = len(portal.events())
    for cookie in (stranger.cookie, "portal_session=x.y", "portal_session=", browser.cookie + "x"):
        answer = PlainBrowser(cookie).post(review.url, {"csrf": review.hidden("csrf")})
        assert answer.status == 401 and "Log in" in answer.seen
        assert PlainBrowser(cookie).get(f"{portal.url}home").status == 401
    assert browser.post(review.url, {"csrf": token}).status == 403
    assert len(portal.events()) == before + 1  # strangers leave no trace
    both = PlainBrowser(f"{stranger.cookie}; {browser.cookie}")  # a browser may send several of one name
    assert both.get(f"{portal.url}home").status == 200


def test_a_page_of_elsewhere_may_not_send_a_form(portal, browser, review):
    answer = browser.post(review.url, {"csrf": review.hidden("csrf")}, Origin="https://evil.example")
    assert answer.status == 403 and not portal.requests()
    same = review.url.partition("/v1/")[0]
    assert browser.post(review.url, {"csrf": review.hidden("csrf")}, Origin=same).status == 200


def test_a_request_that_is_sent_twice_is_one(portal, browser, review):
    first = browser.fill(review, {}, follow=False)
    second = browser.fill(review, {}, follow=False)
    assert (first.status, second.status) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    [row] = portal.requests()
    assert [line["action"] for line in row["history"]].count("submitted") == 1
    back = browser.get(review.url)
    assert back.url.endswith(f"requests/{row['request_id']}?done=already") and "was sent before" in back.seen


def test_a_member_that_is_chosen_twice_begins_one_draft(portal, browser):
    page = browser.get(f"{portal.url}new?name=reyes&birth_date=1970-01-01")
    assert page.text.count('type="radio"') == 1
    first = browser.fill(page, {"patient_member_id": "M1001"})
    assert browser.fill(page, {"patient_member_id": "M1001"}).url == first.url
    browser.fill(first, {"provider_npi": NPI})
    assert browser.fill(page, {"patient_member_id": "M1001"}).url == first.url
    assert browser.fill(page, {"patient_member_id": "M1002"}).url == first.url  # another member of the same draft
    [draft] = portal.rest("GET", "prior-auths?status=draft")["data"]
    assert (draft["patient_member_id"], draft["provider_npi"]) == ("M1002", NPI)
    assert browser.fill(page, {"patient_member_id": "M1001", "begin": "beginreq_1.x"}).status == 422
    other = browser.fill(browser.get(page.url), {"patient_member_id": "M1001"})
    assert other.url != first.url and len(portal.rest("GET", "prior-auths?status=draft")["data"]) == 2


def test_two_begin_for_one_member_at_once(portal, browser):
    pages = [browser.get(f"{portal.url}new?member_id=M1001") for _ in range(2)]
    assert len({browser.fill(page, {"patient_member_id": "M1001"}).url for page in pages}) == 2


@pytest.mark.parametrize("path", ["withdraw", "appeal", "peer-to-peer", "resubmit"])
def test_what_follows_a_denial_is_done_once_however_often_it_is_sent(portal, browser, path):
    code = "97110" if path == "withdraw" else "73721"
    browser.fill(write_request(browser, portal, code), {})
    [row] = portal.requests()
    url = f"{portal.url}requests/{row['request_id']}"
    page = browser.get(f"{url}/{path}")
    given = {"withdraw": {"reason": "x"}, "appeal": {"rationale": "A locked knee."}, "resubmit": {"notes": "More."}}
    sent = [browser.fill(page, given.get(path, {"contact": "Dr. A"}), follow=False) for _ in range(2)]
    assert [answer.status for answer in sent] == [303, 303], sent[1].seen
    assert sent[0].headers["Location"] == sent[1].headers["Location"]
    actions = [line["action"] for line in portal.requests()[0]["history"]]
    action = {"withdraw": "withdrawn", "appeal": "appealed", "resubmit": "resubmitted"}
    assert actions.count(action.get(path, "peer_to_peer_requested")) == 1


def test_files_that_are_sent_twice_are_attached_once(portal, browser):
    page = _records(portal, browser)
    file = ("files", "notes.txt", "text/plain", b"Six weeks.")
    for _ in range(2):
        assert browser.fill(page, {"notes": "n", "go": "upload"}, files=[file]).status == 200
    [draft] = portal.rest("GET", "prior-auths?status=draft")["data"]
    assert [item["filename"] for item in draft["attachments"]] == ["notes.txt"]
    again = browser.get(page.url)
    browser.fill(again, {"notes": "n", "go": "upload"}, files=[file])  # a second time on purpose
    [draft] = portal.rest("GET", "prior-auths?status=draft")["data"]
    assert len(draft["attachments"]) == 2
    browser.fill(browser.get(page.url), {"notes": "n", "go": "clear"})
    assert portal.rest("GET", f"prior-auths/{draft['request_id']}")["attachments"] == []


def _records(portal, browser):
    review = write_request(browser, portal)
    return browser.get(review.url.replace("/review", "/records"))


@pytest.mark.parametrize(
    ("file", "status", "told"),
    [
        (("a.pdf", "application/pdf", b"x" * 20_001), 413, "20001 bytes; this payer takes 20000 a file"),
        (("a.exe", "application/x-msdownload", b"MZ"), 415, "this payer takes application/pdf, text/plain"),
        (("a.pdf", "application/pdf", b""), 422, "The file is empty"),
        (("../a.pdf", "application/pdf", b"x"), 422, "Must be a plain file name"),
        (("a" * 300 + ".pdf", "application/pdf", b"x"), 422, "Longer than 255 characters"),
    ],
)
def test_each_limit_of_an_attachment_is_told_before_and_named_after(portal, browser, file, status, told):
    page = _records(portal, browser)
    assert "At most 3 files a request, each at most 20,000 bytes, of type application/pdf, text/plain." in page.seen
    answer = browser.fill(page, {"notes": "Kept notes.", "go": "upload"}, files=[("files", *file)])
    assert answer.status == status and told in answer.seen, answer.seen
    assert "Kept notes." in answer.text and 'role="alert"' in answer.text
    [draft] = portal.rest("GET", "prior-auths?status=draft")["data"]
    assert draft["attachments"] == [] and draft["notes"] == "Six weeks of therapy."  # nothing half-done


def test_too_many_attachments(portal, browser):
    page = _records(portal, browser)
    files = [("files", f"{n}.txt", "text/plain", b"x") for n in range(4)]
    answer = browser.fill(page, {"notes": "", "go": "upload"}, files=files)
    assert answer.status == 413 and "takes at most 3 attachments" in answer.seen
    assert browser.fill(page, {"notes": "", "go": "upload"}, files=files[:3]).status == 200


def test_forms_that_are_none(portal, browser, review):
    token = review.hidden("csrf")
    for kind, body, status in (
        ("application/json", b"{}", 415),
        ("text/plain", b"x", 415),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=x", b"--x", 400),
        (FORM, b"csrf=%ff", 400),
        (FORM, b"&a=1" * (limits.FORM_FIELDS + 1), 400),
        (FORM, f"csrf={token}&a=1".encode(), 422),
        (FORM, f"csrf={token}&go=next&go=later".encode(), 422),
        (FORM, b"csrf=" + b"x" * limits.REQUEST_BODY_BYTES, 413),
    ):
        answer = browser.send("POST", review.url, body, Content_Type=kind)
        assert answer.status == status, (kind, body[:40], answer.seen)
        assert answer.headers["Content-Type"].startswith("text/html") and "<h1>" in answer.text
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        refused = browser.send(method, review.url, b"")
        assert refused.status == 405 and refused.headers["Allow"] == "GET, HEAD, POST", method
    assert not portal.requests()


def test_unknown_fields_of_a_query(portal, browser):
    wrong = ("home?x=1", "requests?nonsense=1", "requests?state=nonsense", "status?member_id=1", "new?birth_date=x")
    for path in wrong:
        answer = browser.get(f"{portal.url}{path}")
        assert answer.status in (400, 422) and 'role="alert"' in answer.text, path
    for path in ("requests?cursor=x", "requirements?procedure_code=x"):
        assert browser.get(f"{portal.url}{path}").status in (400, 422), path
    assert browser.get(f"{portal.url}requests?state=&patient_member_id=&procedure_code=").status == 200


def test_script_in_every_field_is_text(server):
    portal, browser = start_portal(server), PlainBrowser()
    browser.log_in(portal)
    names = ("member_id", "name", "birth_date", "patient_member_id", "procedure_code", "tracking_number", EVIL)
    pages = [
        browser.send("GET", f"{portal.url}{path}?{_quoted(name)}={_quoted(EVIL)}")
        for path in ("new", "requests", "status", "requirements")
        for name in names
    ]
    pages.append(PlainBrowser().post(f"{portal.url}login", {"username": EVIL, "password": EVIL, "next": EVIL}))
    pages.append(browser.get(f"{portal.url}public-status?tracking_number={_quoted(EVIL)}"))
    review = write_request(browser, portal, "72148")
    base = review.url.removesuffix("review")
    for step, fields in (
        ("provider", {"provider_npi": EVIL}),
        ("exam", {"procedure_code": EVIL, "diagnosis_codes": EVIL, "units": EVIL}),
        ("questions", {"clinical_answers.red_flags": EVIL, "clinical_answers.last_visit": EVIL}),
        ("records", {"notes": EVIL}),
    ):
        page = browser.get(base + step)
        pages += [page, browser.fill(page, {**fields, "go": "next"}), browser.fill(page, {**fields, EVIL: EVIL})]
    records = browser.get(base + "records")
    name = "<img src=x onerror=alert(1)>.txt".replace("/", "")
    pages.append(browser.fill(records, {"notes": EVIL}, files=[("files", name, "text/plain", EVIL.encode())]))
    pages.append(browser.fill(browser.get(review.url), {}))
    [row] = portal.requests()
    url = f"{portal.url}requests/{row['request_id']}"
    for path in ("", "/information", "/attachments", "/withdraw"):
        pages.append(browser.get(url + path))
    pages.append(browser.fill(pages[-1], {"reason": EVIL}))
    pages.append(browser.get(f"{portal.url}{_quoted(EVIL)}"))
    pages.append(browser.get(f"{portal.url}requests/{_quoted(EVIL)}"))
    for page in pages:
        assert evil_in(page.text) == [], page.url
    assert any(html.escape(EVIL, quote=False)[:20] in page.text for page in pages)
    seen = portal.rest("GET", f"prior-auths/{row['request_id']}")
    assert seen["notes"] == EVIL and seen["attachments"][0]["filename"] == name
    file = browser.get(f"{url}/attachments/{seen['attachments'][0]['id']}")
    assert file.body == EVIL.encode() and file.headers["Content-Disposition"].startswith("attachment")


def _quoted(text):
    return quote(text, safe="")


def test_two_browsers_send_the_same_draft_at_once(portal, browser, review):
    def send(_):
        return PlainBrowser(browser.cookie).fill(review, {}, follow=False)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert {a.status for a in answers} == {303} and len({a.headers["Location"] for a in answers}) == 1
    assert len(portal.requests()) == 1


def test_each_view_and_each_form_is_one_event(portal, browser):
    before = len(portal.events())
    browser.get(f"{portal.url}home")
    page = browser.get(f"{portal.url}new?member_id=M1001")
    browser.fill(page, {"patient_member_id": "M1001"}, follow=False)
    browser.send("GET", f"{portal.url}static/portal.css")
    browser.send("HEAD", f"{portal.url}requests")
    browser.get(f"{portal.url}requests/nothing")
    found = portal.events()[before:]
    assert [(e.type, e.request["method"], e.request["path"], e.response["status"]) for e in found] == [
        ("portal_page", "GET", "portal/web/home", 200),
        ("portal_page", "GET", "portal/web/new", 200),
        ("portal_page", "POST", "portal/web/new", 303),
        ("portal_page", "HEAD", "portal/web/requests", 200),
        ("portal_page", "GET", "portal/web/requests/nothing", 404),
    ]
    assert {e.via for e in found} == {"browser"}
    assert [bool(e.changes) for e in found] == [False, False, True, False, False]


def test_a_multipart_form_of_fields_alone(portal, browser):
    page = browser.get(f"{portal.url}new?member_id=M1001")
    body, kind = multipart({"csrf": page.hidden("csrf"), "patient_member_id": "M1001"}, ())
    assert browser.send("POST", page.url, body, Content_Type=kind).status == 303
