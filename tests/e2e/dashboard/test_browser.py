"""The dashboard in a real browser: each page in both themes and both widths, by keyboard, without scripts, live."""

import re
from html import unescape

import pytest
from playwright.sync_api import expect

from tests.e2e.dashboard.conftest import call

LOOKS = [(1280, "light"), (390, "dark"), (390, "light"), (1280, "dark")]
PAGES = (
    "runs trend run task-run ways event document state compare compare-task benchmarks benchmark benchmark-task "
    "datasets dataset playgrounds playground patients patient problems login nothing"
).split()
BYTES_MAX = 100_000


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_accessible_in_every_look(site, visit, name):
    assert set(site.pages) == set(PAGES)
    seen = visit(site.pages[name])
    page = seen.page
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, scheme)
        if (width, scheme) in LOOKS[:2]:
            assert seen.axe() == [], (width, scheme)
    assert len(page.content().encode()) <= BYTES_MAX
    assert page.title().endswith(" · sandbox") and page.locator("h1").count() == 1
    problems = [p for p in seen.problems if not (name == "nothing" and "404" in p)]
    assert problems == []


FIRST_BY_KEYBOARD = ("task-run", "runs", "playground")


@pytest.mark.parametrize(
    "name", [name if name in FIRST_BY_KEYBOARD else pytest.param(name, marks=pytest.mark.slow) for name in PAGES]
)
def test_by_keyboard_alone_everything_is_reached_and_seen(site, visit, name):
    page = visit(site.pages[name]).page
    wanted = page.evaluate(
        "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]"
        ".filter(e => e.checkVisibility() && !e.closest('svg')).length"
    )
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    reached, hidden = 0, []
    for _ in range(600):
        state = page.evaluate(
            "() => { const e = document.activeElement; if (e === document.body) return null;"
            " const s = getComputedStyle(e);"
            " const seen = e.closest('svg') || (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0);"
            " return [e.matches('a[href], button, input, select, textarea, summary') && !e.closest('svg'),"
            " Boolean(seen), e.outerHTML.slice(0, 100)]; }"
        )
        if state is None:
            break
        reached += state[0]
        if not state[1]:
            hidden.append(state[2])
        page.keyboard.press("Tab")
    assert hidden == [] and reached >= wanted


def test_a_call_is_opened_and_closed_with_enter(site, visit):
    page = visit(site.pages["task-run"]).page
    link = page.locator("a[data-open]", has_text="hl7/outbound")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("tr.detail .segment")
    assert page.url.endswith(site.pages["task-run"]) and link.get_attribute("aria-expanded") == "true"
    assert page.evaluate("document.activeElement.hasAttribute('data-open')")
    page.keyboard.press("Enter")
    page.wait_for_selector("tr.detail", state="detached")


def test_a_document_is_drawn(site, visit):
    page = visit(site.pages["document"]).page
    picture = page.locator(".body img")
    picture.scroll_into_view_if_needed()
    picture.evaluate("image => image.decode()")
    assert picture.evaluate("image => image.naturalWidth") > 100


def test_why_it_failed_is_seen_without_a_click(site, visit):
    page = visit(site.pages["task-run"]).page
    for text in ("Booked for the earliest free cardiology slot", "2026-05-11T15:20:00Z", "2026-04-24T14:20:00Z"):
        box = page.get_by_text(text).first.bounding_box()
        assert box is not None and box["y"] + box["height"] < 900, text


def test_without_scripts_all_of_it_works(site, visit):
    page = visit(site.pages["task-run"], script=False).page
    page.get_by_label("Search calls and bodies").fill("Whitfield")
    page.get_by_role("button", name="Show").click()
    assert "q=Whitfield" in page.url and page.locator("a[data-open]").count() >= 1
    page.locator("a[data-open]").first.click()
    assert re.search(r"/events/\d+$", page.url) and page.locator(".side").count() == 2
    page.get_by_role("link", name="State after this call").click()
    assert page.locator("h1").inner_text() == "What changed"
    page.get_by_role("button", name="dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark" and "/state" in page.url


def test_nothing_that_an_agent_wrote_runs(site, visit):
    for path in site.hostile:
        seen = visit(path)
        for details in seen.page.locator("summary").all()[:20]:
            if details.is_visible():
                details.click()
        assert [frame.evaluate("window.evil") for frame in seen.page.frames[:1]] == [None], path
        assert seen.page.locator("main script, main svg[onload], main img[onerror]").count() == 0, path
        assert [p for p in seen.problems if "x" in p and "Content Security" in p] == [], path


def test_every_benchmark_and_each_of_its_tasks_has_a_small_page(visit):
    page = visit("/ui/benchmarks").page

    def links(html: str) -> list[str]:
        return list(dict.fromkeys(unescape(link) for link in re.findall(r'href="(/ui/benchmarks/[^"]+)"', html)))

    waiting = links(page.content())
    assert len(waiting) > 5
    for path in waiting:
        answer = page.request.get(page.url.replace("/ui/benchmarks", path))
        assert answer.status == 200 and len(answer.body()) <= BYTES_MAX, path
        waiting += [link for link in links(answer.text()) if link not in waiting]
    assert len(waiting) > 30


def test_calls_by_other_ways_are_told(site, visit):
    page = visit(site.pages["ways"]).page
    rows = page.locator("#calls tbody tr").all_inner_texts()
    for words in (
        ("mllp", "ADT^A08, AA"),
        ("mllp", "XXX^Q99, AR"),
        ("sftp", "outbound/eligibility.x12"),
        ("mcp", "Patient"),
    ):
        assert any(all(word in row for word in words) for row in rows), (words, rows)
    page.locator("a[data-open]", has_text="PUT files/outbound/eligibility.x12").click()
    page.wait_for_selector("tr.detail .segment")
    assert page.locator("tr.detail th.segment").all_inner_texts()[:3] == ["ISA", "GS", "ST"]


def test_two_runs_are_chosen_and_put_side_by_side_by_keyboard(site, visit):
    page = visit("/ui").page
    boxes = page.locator("input[name=run]")
    for number in (0, 1):
        boxes.nth(number).focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Compare").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/compare?run=*")
    assert page.locator("h1").inner_text() == "Two runs side by side"


def test_a_runs_page_follows_its_tasks(site, visit):
    run, session = site.start()
    seen = visit(f"/ui/runs/{run.id}")
    expect(seen.page.locator("#live")).to_have_text("live")
    expect(seen.page.locator("#result")).to_contain_text("0 of 2 tasks")
    site.server.sync_client.complete_task_run(session.task_run_id)
    expect(seen.page.locator("#result")).to_contain_text("1 of 2 tasks")
    assert seen.problems == []


def test_references_lead_to_what_they_name(site, visit):
    page = visit(site.pages["patient"]).page
    page.locator(".json a:visible").first.click()
    assert "/documents?" in page.url and page.locator(".json").count() == 1


def test_calls_are_put_at_the_end_and_the_page_stays_where_it_is(site, visit):
    run, session = site.start()
    seen = visit(f"/ui/task-runs/{session.task_run_id}")
    page = seen.page
    expect(page.locator("#live")).to_have_text("live")
    for _ in range(40):
        call(site, session, "GET", "fhir/Patient?_count=1")
    expect(page.locator("#live")).to_have_text(re.compile("live, 40 new"))
    page.evaluate("window.scrollTo(0, 200)")
    before = page.evaluate("window.scrollY")
    call(site, session, "GET", "fhir/Patient/maria-chen")
    page.get_by_text("GET fhir/Patient/maria-chen").wait_for()
    assert page.evaluate("window.scrollY") == before == 200
    assert page.locator("#calls tbody tr").last.inner_text().count("maria-chen") == 1
    page.locator("a[data-open]", has_text="maria-chen").click()
    page.wait_for_selector("tr.detail .json")
    site.server.sync_client.complete_task_run(session.task_run_id)
    page.get_by_text("the task run is over").wait_for()
    page.locator("#result .verdict.fail, #result .verdict.partial").first.wait_for()
    assert page.locator("tr.detail").count() == 1 and seen.problems == []
    assert run.id
