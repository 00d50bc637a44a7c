"""Logging in to the pages: cookies, what is told to whom, one-time codes, the end of a session, lock-out."""

import re
from urllib.parse import urlencode

import pytest

from sandbox import limits
from tests.portal_site import PlainBrowser, running_portal, start_portal, write_request

SECURE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Content-Type": "text/html; charset=utf-8",
}


def test_the_log_in_page_opens_for_everyone(server, portal):
    browser = PlainBrowser()
    roots = [portal.url, portal.held["capability_url"] + "/web/"]
    roots += [f"{server.url}/v1/task-runs/{portal.task_run_id}/portal/web/", portal.url.removesuffix("/")]
    roots += [f"{portal.url}login"]
    for url in roots:
        page = browser.get(url)
        assert page.status == 200 and "Log in" in page.seen and "Meridian Imaging" in page.seen, url
        assert not browser.cookie
        for name, value in SECURE.items():
            assert page.headers[name] == value, (url, name)
    seen = [e for e in portal.events() if e.type == "portal_page"]
    assert [e.request["path"] for e in seen] == ["portal/web/"]  # the capability URL is a credential; the rest is none


def test_the_cookie_and_nothing_else_opens_the_pages(portal):
    browser = PlainBrowser()
    refused = browser.get(f"{portal.url}home")
    assert refused.status == 401 and "Log in to see this page" in refused.seen and refused.hidden("next") == "home"
    assert refused.headers["WWW-Authenticate"]
    wrong = browser.log_in(portal, password="nonsense")
    assert wrong.status == 401 and "wrong" in wrong.seen and not browser.cookie
    assert (
        'aria-invalid="true"' in wrong.text and portal.held["username"] in wrong.text and "nonsense" not in wrong.text
    )
    entered = browser.send("POST", f"{portal.url}login", _login(portal), Content_Type=FORM)
    assert entered.status == 303 and entered.headers["Location"] == "./home"
    assert re.fullmatch(
        rf"portal_session=[\w.-]+; Path=/v1/benchmark-runs/{portal.run_id}/portal; HttpOnly; SameSite=Strict",
        entered.headers["Set-Cookie"],
    )
    assert browser.get(f"{portal.url}home").status == 200
    assert browser.get(portal.url).url.endswith("/home")  # the log-in page leads on
    assert browser.send("GET", f"{portal.held['api_url']}/patients").status == 200  # and the REST knows the session
    with_token = PlainBrowser().get(f"{portal.url}home", Authorization=f"Bearer {portal.token}")
    assert with_token.status == 401  # pages want a session


FORM = "application/x-www-form-urlencoded"


def _login(portal, **changes):
    return urlencode({"username": portal.held["username"], "password": portal.held["password"], **changes}).encode()


def test_every_root_serves_the_whole_portal(server, portal):
    sandbox_id = next(e.sandbox_id for e in [*_after_login(portal)] if e.sandbox_id)
    for root in (
        f"{server.url}/v1/task-runs/{portal.task_run_id}/portal/web/",
        f"{server.url}/sandboxes/{sandbox_id}/portal/web/",
        f"{server.url}/services/{sandbox_id}/portal/web/",
        f"{portal.held['capability_url']}/web/",
    ):
        browser = PlainBrowser()
        home = browser.post(f"{root}login", {n: portal.held[n] for n in ("username", "password")})
        assert home.status == 200 and home.url == f"{root}home", root
        listed = browser.get(f"{root}requests")
        assert listed.status == 200 and f'href="./{"static"}' in listed.text
        page = browser.get(f"{root}new?member_id=M1001")
        assert browser.fill(page, {"patient_member_id": "M1001"}).status == 200, root


def _after_login(portal):
    PlainBrowser().log_in(portal)
    return portal.events()


def test_what_a_log_in_may_lead_to(portal):
    for given, led in (
        ("requests", "requests"),
        ("//example.org", "home"),
        ("https://example.org", "home"),
        ("../../x", "home"),
        ("login", "home"),
        ("a\r\nX-Injected: 1", "home"),
    ):
        browser = PlainBrowser()
        answer = browser.post(f"{portal.url}login", {**_fields(portal), "next": given}, follow=False)
        assert answer.status == 303 and answer.headers["Location"] == f"./{led}", given
        assert "X-Injected" not in answer.headers


def _fields(portal):
    return {name: portal.held[name] for name in ("username", "password")}


def test_a_log_in_form_that_cannot_be_right(portal):
    browser = PlainBrowser()
    url = f"{portal.url}login"
    before = len(portal.events())
    empty = browser.post(url, {"username": "somebody", "password": "", "next": "requests"})
    assert empty.status == 422 and "Enter the password." in empty.seen and empty.hidden("next") == "requests"
    assert 'value="somebody"' in empty.text and browser.post(url, {"username": "", "password": ""}).status == 422
    assert browser.post(f"{url}/code", {"code": ""}).status == 422
    assert browser.post(url, {"username": "x" * 201, "password": "y"}).status == 422
    assert browser.post(url, {**_fields(portal), "more": "x"}).status == 400
    assert browser.send("POST", url, b"{}", Content_Type="application/json").status == 415
    assert browser.send("POST", url, b"username=%ff", Content_Type=FORM).status == 400
    too_large = browser.send("POST", url, b"x" * (limits.LOGIN_BODY_BYTES + 1), Content_Type=FORM)
    assert too_large.status == 413 and "<h1>Too large</h1>" in too_large.text
    assert len(portal.events()) == before  # of who has shown nothing that cannot be right, nothing is kept
    assert browser.log_in(portal).status == 200


def test_lock_out(server):
    portal = start_portal(server)
    browser = PlainBrowser()
    for _ in range(limits.LOGIN_ATTEMPTS_PER_MINUTE):
        assert browser.log_in(portal, password="x").status == 401
    locked = browser.log_in(portal)
    assert locked.status == 429 and "Too many attempts" in locked.seen and int(locked.headers["Retry-After"]) > 0
    assert locked.headers["Content-Type"].startswith("text/html")
    portal.advance(61)
    assert browser.log_in(portal).status == 200


def test_the_password_is_not_in_the_record(server, portal, browser):
    browser.log_in(portal, password="a-secret-of-mine")
    recorded = server.data_dir.glob("*.sqlite*")
    content = b"".join(file.read_bytes() for file in recorded)
    assert b"portal_login" in content
    for secret in (b"a-secret-of-mine", portal.held["password"].encode(), browser.cookie.partition("=")[2].encode()):
        assert secret not in content
    logins = [e for e in portal.events() if e.type == "portal_login"]
    assert [e.response["status"] for e in logins] == [303, 401]
    assert "redacted" in str(logins[0].request["body"]) and portal.held["username"] in str(logins[0].request["body"])


def test_logging_out(portal, browser):
    cookie = browser.cookie
    home = browser.get(f"{portal.url}home")
    out = browser.post(f"{portal.url}logout", {"csrf": home.hidden("csrf")})
    assert out.status == 200 and "You are logged out" in out.seen and not browser.cookie
    assert PlainBrowser(cookie).get(f"{portal.url}home").status == 401


def test_a_session_ends_and_the_draft_is_gone_on_with(timed_server):
    portal = start_portal(timed_server)
    browser = PlainBrowser()
    asked = browser.log_in(portal)
    assert asked.url.endswith("login/code?sent=files") and "inbox/notices" in asked.seen
    assert browser.get(f"{portal.url}home").status == 401  # the password alone opens nothing
    wrong = browser.post(f"{portal.url}login/code", {"code": "x"})
    assert wrong.status == 401 and "The code is wrong" in wrong.seen
    assert browser.post(f"{portal.url}login/code", {"code": ""}).status == 422
    code = portal.code()
    home = browser.post(f"{portal.url}login/code", {"code": code})
    assert home.status == 200 and home.url.endswith("/home")
    review = write_request(browser, portal)
    draft = review.url.split("/")[-2]
    portal.advance(901)
    ended = browser.get(review.url)
    assert ended.status == 401 and "ended after 900 s without use. Drafts are kept." in ended.seen
    assert ended.hidden("next") == f"drafts/{draft}/review"
    sent = browser.post(review.url, {"csrf": review.hidden("csrf")})
    assert sent.status == 401 and not portal.requests()
    shown = browser.get(portal.url)
    assert shown.status == 200 and "Drafts are kept" in shown.seen
    asked = browser.post(f"{portal.url}login", {**_fields(portal), "next": f"drafts/{draft}/review"})
    assert asked.hidden("next") == f"drafts/{draft}/review"
    back = browser.post(f"{portal.url}login/code", {"code": portal.code(), "next": asked.hidden("next")})
    assert back.url == review.url and back.status == 200
    assert "You were writing a request" in browser.get(f"{portal.url}home").seen
    assert browser.fill(back, {}).url.endswith("/confirmation")
    bodies = str([e.request["body"] for e in portal.events() if e.type == "portal_login"])
    assert code not in bodies and portal.code() not in bodies and "redacted" in bodies


def test_each_use_puts_the_end_off(timed_server):
    portal = start_portal(timed_server)
    browser = PlainBrowser()
    browser.log_in(portal)
    browser.post(f"{portal.url}login/code", {"code": portal.code()})
    for path in ("home", "requests", "nonsense", "requests/none"):
        portal.advance(600)
        assert browser.get(f"{portal.url}{path}").status in (200, 404), path


@pytest.mark.parametrize("index", [0, 1])
def test_the_user_name_says_which_portal_is_meant(two_tasks, index):
    server, run_id, sessions = two_tasks
    held = sessions[index]
    browser = PlainBrowser()
    root = f"{server.url}/v1/benchmark-runs/{run_id}/portal/web/"
    assert browser.get(root).status == 200
    home = browser.post(f"{root}login", {n: held[n] for n in ("username", "password")})
    assert home.status == 200 and held["username"] in home.seen
    nobody = PlainBrowser().post(f"{root}login", {"username": "x", "password": "y"})
    assert nobody.status == 401 and "Log in" in nobody.seen


@pytest.fixture(scope="module")
def two_tasks():
    with running_portal(tasks=2) as server:
        client = server.sync_client
        run = client.create_benchmark_run("portal@1")
        started = [client.start_task_run(t.id) for t in run.task_runs]
        held = [next(s["credentials"] for s in session.sandboxes if s["type"] == "Payer") for session in started]
        yield server, run.id, held


def test_a_task_run_that_is_over(server):
    portal = start_portal(server)
    browser = PlainBrowser()
    browser.log_in(portal)
    server.sync_client.complete_task_run(portal.task_run_id)
    for url in (f"{portal.url}home", f"{portal.url}requests"):
        page = browser.get(url)
        assert page.status in (401, 404, 409) and page.headers["Content-Type"].startswith("text/html")
    assert browser.log_in(portal).status in (404, 409)
