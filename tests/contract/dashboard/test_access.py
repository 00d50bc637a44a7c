"""Who may see the dashboard, what a write must show, and that what agents wrote is text wherever it stands."""

import re

import pytest

KEY = "vk_" + "k" * 32
EVIL = "<script>window.evil=1</script><img src=x onerror=window.evil=1><style>*{display:none}</style>"


async def test_on_loopback_with_the_well_known_key_a_session_is_given(live, browse):
    browser = browse(live)
    page = await browser.see("/ui")
    cookie = page.headers["Set-Cookie"]
    assert page.status == 200 and "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/ui" in cookie
    assert "Set-Cookie" not in (await browser.see("/ui")).headers
    assert "Log out" not in page.plain


@pytest.mark.parametrize("settings", [{"api_key": KEY}, {"url_base": "https://sandbox.example.org"}])
async def test_with_another_key_and_elsewhere_somebody_logs_in(serve, browse, settings):
    async with serve(**settings) as live:
        browser = browse(live)
        page = await browser.see("/ui/benchmarks?x=1")
        assert page.url == "/ui/login?next=/ui/benchmarks?x%3D1" or "Organization key" in page.plain
        assert "Small clinic" not in page.text
        for wrong in ("", "vk_wrong", "vrl_slv_local", "x" * 300):
            refused = await browser.send("/ui/login", {"key": wrong, "next": "/ui"})
            assert refused.status == 401 and "organization key" in refused.plain, wrong
        assert "That is a solver key" in (await browser.send("/ui/login", {"key": "vrl_slv_local"})).plain


async def test_a_log_in_leads_to_the_page_that_was_asked_for_and_ends_with_a_log_out(serve, browse):
    async with serve(api_key=KEY) as live:
        browser = browse(live)
        page = await browser.send("/ui/login", {"key": KEY, "next": "/ui/benchmarks"})
        assert page.url == "/ui/benchmarks" and "Small clinic" in page.plain and KEY not in page.text
        page = await browser.do("/ui/logout")
        assert page.url.startswith("/ui/login") and "Small clinic" not in (await browser.see("/ui/benchmarks")).text
        page = await browser.send("/ui/login", {"key": KEY, "next": "https://elsewhere.example/"})
        assert page.url == "/ui"


async def test_a_session_ends_with_its_time_and_its_cookie_is_not_guessed(serve, browse, kit):
    clock = kit.clock()
    async with serve(api_key=KEY, clock=clock) as live:
        browser = browse(live)
        await browser.send("/ui/login", {"key": KEY})
        assert "Small clinic" in (await browser.see("/ui/benchmarks")).text
        clock.advance(13 * 3600)
        assert "Organization key" in (await browser.see("/ui/benchmarks")).plain
        name = next(iter(browser.http.cookie_jar)).key
        assert "Organization key" in (await browse(live).see("/ui", Cookie=f"{name}=ses_guess")).plain


async def test_a_program_with_a_token_is_given_no_session(live, browse, kit):
    run = await live.run()
    for token in (run.token, kit.solver_key):
        page = await browse(live).see("/ui", Authorization=f"Bearer {token}")
        assert "Organization key" in page.plain and "Set-Cookie" not in page.headers


WRITES = (
    "theme",
    "logout",
    "runs/{run}/cancel",
    *(f"playgrounds/{{pg}}/{w}" for w in ("send", "fork", "clock", "restore")),
)


@pytest.mark.parametrize("path", [*WRITES, "playgrounds/{pg}/teardown"])
async def test_every_write_shows_its_sessions_secret(live, browse, path):
    run = await live.started()
    task_run = await live.get(f"/task-runs/{run.tasks[0]}")
    path = "/ui/" + path.format(run=run.id, pg=task_run["playground_id"])
    browser, other = browse(live), browse(live)
    assert (await browser.send(path, {"theme": "dark"})).status == 401
    secret = (await browser.see("/ui")).csrf
    for fields in ({}, {"csrf": ""}, {"csrf": "csrf_wrong"}, {"csrf": secret[:-1]}):
        assert (await browser.send(path, {"theme": "dark", **fields})).status == 403
    assert (await other.send(path, {"csrf": secret})).status == 401
    assert (await browser.send(path, {"csrf": secret}, Origin="http://localhost:5173")).status == 403
    assert (await run.get())["status"] == "active"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:5173"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
)
async def test_pages_of_other_origins_read_nothing(live, headers):
    answer = await live.call("GET", "/ui", headers=headers)
    assert answer.status == 403 and "Access-Control-Allow-Origin" not in answer.headers
    assert "Set-Cookie" not in answer.headers and b"csrf" not in answer.body


async def test_a_link_from_elsewhere_leads_here(browser):
    page = await browser.see("/ui", Sec_Fetch_Site="cross-site")
    assert page.status == 200


async def test_no_page_may_be_framed_and_none_allows_inline_script(browser):
    for path in ("/ui", "/ui/login", "/ui/nothing", "/ui/static/dashboard.js"):
        policy = (await browser.see(path)).headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy and "unsafe" not in policy
    assert (await browser.see("/ui/static/..%2Froutes.py")).status == 404


async def test_what_agents_write_is_text_in_every_field(live, browser, kit):
    run = await live.run(agent=EVIL)
    await run.start()
    await run.call("POST", "fhir/Patient", json={"resourceType": "Patient", "name": [{"family": EVIL, "text": EVIL}]})
    await run.call("PUT", "files/outbox/page.html", body=EVIL.encode(), headers={"Content-Type": "text/html"})
    await run.call("GET", "files/outbox/page.html")
    await run.call("POST", "hl7/outbound", json={"payload": kit.adt.format(control=EVIL, family=EVIL)})
    await run.call("GET", "fhir/Patient?name=%3Cscript%3Ealert(1)%3C/script%3E", headers={"User-Agent": EVIL})
    await run.call("POST", "portal/prior-auths", json={**kit.prior_auth, "notes": EVIL})
    await run.complete(output={"answer": EVIL, EVIL: [EVIL]}, notes=EVIL)
    task_run = await live.get(f"/task-runs/{run.tasks[0]}")
    base = f"/ui/playgrounds/{task_run['playground_id']}"
    paths = ["/ui", f"/ui/runs/{run.id}", f"/ui/task-runs/{run.tasks[0]}", f"{base}/state", base]
    paths += [f"/ui/task-runs/{run.tasks[0]}?q=%3Cscript%3E", f"/ui/compare?a={run.tasks[0]}&b={run.tasks[0]}"]
    paths += [f"{base}/documents?c={c}" for c in ("fhir/Patient", "hl7/outbound", "portal/prior_auth_requests")]
    paths += [f"{base}/events/{e['seq']}" for e in await run.events()]
    paths += ["/ui?agent=%3Cscript%3E", "/ui/login?next=%22%3E%3Cscript%3E", "/ui/runs/%3Cscript%3E"]
    for path in paths:
        page = await browser.see(path)
        assert not re.search(r"<script>|<script(?! src=\"/ui/static/dashboard.js[?]v=)|<img src=x|<style", page.text), (
            path
        )
    event = next(e for e in await run.events() if e["type"] == "file_read" and e["request"]["path"].endswith(".html"))
    page = await browser.see(f"{base}/events/{event['seq']}")
    assert '<iframe sandbox="" ' in page.text
    raw = await browser.see(f"{base}/events/{event['seq']}/response")
    assert raw.text == EVIL and raw.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert raw.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_theme_is_kept_and_only_a_known_one(browser):
    page = await browser.do("/ui/theme", theme="dark", back="/ui/benchmarks")
    assert page.url == "/ui/benchmarks" and '<html lang="en" data-theme="dark">' in page.text
    assert (await browser.do("/ui/theme", theme="<b>")).status == 400
    assert (await browser.do("/ui/theme", theme="auto", back="//elsewhere.example")).url == "/ui"
