"""A timeline in a real browser while an agent works."""

import re

from playwright.sync_api import expect

from tests.e2e.dashboard.conftest import call


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
