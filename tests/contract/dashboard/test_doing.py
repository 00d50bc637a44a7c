"""What is done to a playground by hand: requests, the clock, forks, returns; and what may not be done."""

import json
import re

import pytest

from sandbox.api.context import RUNS, WRITER


async def playground(live, run, at=0):
    return f"/ui/playgrounds/{(await live.get(f'/task-runs/{run.tasks[at]}'))['playground_id']}"


async def test_a_request_by_hand_goes_the_way_of_every_request(live, browser):
    run = await live.started()
    base = await playground(live, run)
    body = json.dumps({"resourceType": "Patient", "name": [{"family": "Hand"}]})
    page = await browser.do(
        f"{base}/send", method="POST", path="fhir/Patient", content_type="application/fhir+json", body=body
    )
    assert re.fullmatch(rf"{base}/events/\d+", page.url) and "201" in page.plain and "by hand" in page.plain
    assert "family" in page.text and "Hand" in page.text
    page = await browser.do(f"{base}/send", method="GET", path="fhir/Patient?family=Hand")
    assert "looked at" in page.plain and "total: 1" in page.plain.replace("total 1", "total: 1")
    event = (await run.events())[-2]
    assert event["actor"] == "organization" and event["request"]["path"] == "fhir/Patient"
    # What a route refuses is an answer like any other.
    page = await browser.do(f"{base}/send", method="POST", path="fhir/Patient", body="{")
    assert page.status == 200 and "OperationOutcome" in page.text
    page = await browser.do(f"{base}/send", method="POST", path="hl7/outbound", body="MSH|", content_type="text/plain")
    assert page.status == 200 and re.search(r"/events/\d+$", page.url)


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"path": "nowhere/x"}, 400, "fhir, hl7, files, portal"),
        ({"path": ""}, 400, "fhir, hl7, files, portal"),
        ({"path": "portal/nowhere/at/all"}, 404, "No route of this surface"),
        ({"path": "hl7/inbox", "method": "DELETE"}, 405, "DELETE is not served there; GET"),
        ({"path": "fhir/Patient", "method": "TRACE"}, 400, "method is one of"),
    ],
)
async def test_what_reaches_no_route_is_refused(live, browser, fields, status, said):
    run = await live.started()
    base = await playground(live, run)
    before = len(await run.events())
    page = await browser.do(f"{base}/send", **fields)
    assert page.status == status and said in page.plain, page.plain
    assert len(await run.events()) == before


async def test_the_clock_is_moved(live, browser):
    run = await live.started()
    base = await playground(live, run)
    page = await browser.do(f"{base}/clock", seconds="3600")
    assert page.status == 200 and page.url == base
    assert (await run.events())[-1]["type"] == "clock_advanced"
    for wrong, status in (("-1", 422), ("x", 400), ("", 400), ("nan", 422), ("inf", 422)):
        assert (await browser.do(f"{base}/clock", seconds=wrong)).status in (400, status), wrong


async def test_a_fork_goes_on_by_itself(live, browser):
    run = await live.started()
    await run.do_everything()
    base, seq = await playground(live, run), len(await run.events())
    page = await browser.do(f"{base}/fork", at=str(seq))
    fork = page.url
    assert page.status == 200 and fork != base and f"event {seq}" in page.plain and "Tear down" in page.plain
    answer = await browser.do(f"{fork}/send", method="DELETE", path="files/outbox/note.txt")
    assert answer.status == 200 and "note.txt" not in (await browser.see(f"{fork}/documents?c=files/tree")).text
    assert "note.txt" in (await browser.see(f"{base}/documents?c=files/tree")).text
    page = await browser.see(fork)
    assert "DELETE files/outbox/note.txt" in page.plain
    page = await browser.do(f"{fork}/teardown")
    assert page.url == fork and "It is over" in page.plain
    assert (await browser.do(f"{base}/fork", at="999")).status == 404


async def test_a_playground_returns_to_an_event(live, browser):
    run = await live.started()
    base, seq = await playground(live, run), len(await run.events())
    await run.do_everything()
    page = await browser.do(f"{base}/restore", at=str(seq))
    assert page.status == 200 and "note.txt" not in (await browser.see(f"{base}/documents?c=files/tree")).text
    assert (await browser.do(f"{base}/restore")).status == 400


async def test_what_is_over_is_looked_at_and_not_changed(live, browser):
    run = await live.started()
    await run.do_everything()
    await run.complete()
    base = await playground(live, run)
    page = await browser.do(f"{base}/send", method="GET", path="fhir/Patient?family=Smith")
    assert page.status == 200 and "Smith" in page.text
    for path, fields in (("clock", {"seconds": "1"}), ("restore", {"at": "1"})):
        page = await browser.do(f"{base}/{path}", **fields)
        assert page.status == 409 and "torn down" in page.plain


async def test_a_run_is_cancelled(live, browser):
    run = await live.started()
    page = await browser.do(f"/ui/runs/{run.id}/cancel")
    assert page.url == f"/ui/runs/{run.id}" and "cancelled" in page.plain
    assert (await run.get())["status"] == "cancelled"
    assert (await browser.do(f"/ui/runs/{run.id}/cancel")).status == 409


async def test_nobody_elses_things_are_there(live, browser):
    run = await live.started()
    base = await playground(live, run)
    run_row = live.app[RUNS].active[run.id]
    organization_id, run_row.organization_id = run_row.organization_id, "org_other"
    await live.app[WRITER].write([("UPDATE playgrounds SET organization_id = 'org_other'", ())])
    try:
        for path in (f"/ui/runs/{run.id}", f"/ui/task-runs/{run.tasks[0]}", base, f"{base}/state", f"{base}/events/1"):
            assert (await browser.see(path)).status == 404, path
        for path in (f"/ui/runs/{run.id}/cancel", f"{base}/send", f"{base}/fork", f"{base}/clock"):
            assert (await browser.do(path, path="fhir/Patient", seconds="1")).status == 404, path
        assert (await browser.see(f"/ui/compare?a={run.id}&b={run.id}")).status == 404
    finally:
        run_row.organization_id = organization_id
