"""A task run of 100,000 events: in pages, each as small and as quick to see as of a short one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from tests.bench.load import drive, request_bytes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

EVENTS = 100_000
BYTES_MAX = 100_000


def test_the_timeline_of_the_longest_task_run(site, visit):
    _, session = site.start()
    url = f"{site.url}/v1/task-runs/{session.task_run_id}/fhir/Patient/maria-chen"
    path = f"/ui/task-runs/{session.task_run_id}"
    done = len(list(site.server.sync_client.list_events(session.task_run_id)))
    call = request_bytes("GET", url, session.token)
    with ThreadPoolExecutor(1) as thread:  # this one has the browser's event loop
        work = drive(site.url, [call], count=EVENTS - done, connections=8)
        assert thread.submit(asyncio.run, work).result().statuses == {200}
    seen = visit(path)
    assert f"of {EVENTS}" in seen.page.locator("nav.pages").inner_text()
    assert len(seen.page.content().encode()) < BYTES_MAX
    seen.page.get_by_role("link", name="Last").click()
    expect(seen.page.locator("tr.head")).to_have_count(100)
    assert "after=99900" in seen.page.url and seen.page.locator("#e100000").count() == 1
    assert len(seen.page.content().encode()) < BYTES_MAX
    seen.page.goto(f"{site.url}{path}?changed=true&surface=fhir")
    seen.page.get_by_role("link", name="Look on from event 20001").click()
    expect(seen.page.locator("#no-calls")).to_contain_text("No call is like that among events 20001 to 40000")
    seen.page.goto(f"{site.url}{path}?q=nobody")
    expect(seen.page.get_by_role("link", name="Look on from event 2001")).to_have_count(1)
    assert seen.problems == []
