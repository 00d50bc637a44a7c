"""What the pages tell of runs: the list, a run, why a task run went as it did, two runs side by side."""

import json
import re

import pytest

from sandbox.api.context import SHELF, WRITER
from sandbox.definitions.problems import DefinitionError, Problem


async def finished(live, *, agent="a", works=True, **more):
    run = await live.started(agent=agent, **more)
    if works:
        await run.do_everything()
    await run.complete(0)
    await run.start(1)
    await run.complete(1, output={"answer": 42 if works else 41}, notes="looked it up")
    return run


async def test_without_runs_the_list_says_how_to_make_one(browser):
    page = await browser.see("/ui")
    assert page.status == 200 and "sandbox rehearse clinic@1 --url http://127.0.0.1" in page.plain


async def test_the_list_has_a_row_a_run_and_filters_in_the_url(live, browser):
    good, bad = await finished(live, agent="good"), await finished(live, agent="bad", works=False)
    page = await browser.see("/ui")
    assert page.plain.index(bad.id) < page.plain.index(good.id)
    assert 'aria-label="2 pass"' in page.text and "<title>answer: fail 0.00</title>" in page.text
    for query, shown in (("agent=good", [good]), ("state=pass", [good]), ("benchmark=clinic", [good, bad])):
        page = await browser.see(f"/ui?{query}")
        assert [run for run in (good, bad) if run.id in page.text] == shown, query
    assert "No run is like that" in (await browser.see("/ui?agent=nobody")).plain
    wrong = await browser.see("/ui?state=green")
    assert wrong.status == 400 and "state is one of pass, partial, fail" in wrong.plain


async def test_the_trend_of_an_agents_scores_is_a_picture_with_links(live, browser):
    runs = [await finished(live, agent="a & b", works=works) for works in (False, True)]
    page = await browser.see("/ui?agent=a+%26+b")
    trend = re.search(r'<svg class="trend".*?</svg>', page.text, re.S)[0]
    assert re.findall(r'href="/ui/runs/([^"]+)"', trend) == [run.id for run in runs] and "polyline" in trend
    assert 'class="trend"' not in (await browser.see("/ui")).text


async def test_runs_come_in_pages(live, browser):
    runs = [await live.run() for _ in range(3)]
    page = await browser.see("/ui?limit=2")
    [older] = page.hrefs("cursor=")
    assert runs[0].id not in page.text
    page = await browser.see(older)
    assert runs[0].id in page.text and runs[1].id not in page.text


async def test_a_task_run_says_why_it_failed_before_anything_else(live, browser):
    run = await finished(live, works=False)
    page = await browser.see(f"/ui/runs/{run.id}")
    assert "Task refer" in page.plain and "prior authorization submitted and 3 more" in page.plain
    page = await browser.see(f"/ui/task-runs/{run.tasks[1]}")
    text = page.plain
    assert "the answer" in text and "Expected Found answer 42 41" in text
    assert text.index("Expected Found") < text.index("Instruction") < text.index("Timeline")
    assert "looked it up" in text and '"answer"' not in text and "answer 41" in text


async def test_details_and_evidence_are_shown_of_a_scored_run(live, browser):
    run = await finished(live, works=False, scored=True)
    assert "Expected Found answer 42 41" in (await browser.see(f"/ui/task-runs/{run.tasks[1]}")).plain


async def test_the_timeline_has_every_call_and_opens_each(live, browser):
    run = await finished(live)
    page = await browser.see(f"/ui/task-runs/{run.tasks[0]}")
    for call in ("POST portal/prior-auths", "POST hl7/outbound", "PUT files/outbox/note.txt", "POST fhir/Patient"):
        assert call in page.plain
    assert "scenario" in page.plain and "1 changed" in page.plain
    opened = {}
    for href in page.hrefs(r"/events/\d+$"):
        event = await browser.see(href)
        assert event.status == 200
        opened[re.search(r"<h1[^>]*>(.*?)</h1>", event.text)[1]] = event
        part = await browser.see(f"{href}?part=1")
        assert part.status == 200 and "<html" not in part.text
    hl7 = opened["POST hl7/outbound"].text
    assert re.search(r'<th scope="row" class="segment">PID</th>.*?<sup>5</sup>Smith\^John', hl7, re.S)
    patient = opened["POST fhir/Patient"]
    assert "family" in patient.text and "added fhir/Patient/" in patient.plain


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("surface=hl7", ["POST hl7/outbound"]),
        ("changed=true&surface=fhir", ["POST fhir/Patient"]),
        ("q=SMITH", ["POST hl7/outbound", "POST fhir/Patient"]),
        ("q=prior-auths", ["POST portal/prior-auths"]),
        ("q=nowhere", []),
    ],
)
async def test_the_timeline_is_filtered_and_searched(live, browser, query, shown):
    run = await live.started()
    await run.do_everything()
    page = await browser.see(f"/ui/task-runs/{run.tasks[0]}?{query}")
    table = re.search(r"<tbody>(.*?)</tbody>", page.text.partition('id="calls"')[2], re.S)[1]
    assert re.findall(r"data-open>(.*?)</a>", table) == shown


async def test_the_state_is_shown_as_any_event_left_it(live, browser):
    run = await finished(live)
    task_run = await live.get(f"/task-runs/{run.tasks[0]}")
    base = f"/ui/playgrounds/{task_run['playground_id']}"
    events = await run.events(0)
    patient = next(e for e in events if (e["request"] or {}).get("path") == "fhir/Patient")
    [key] = [c["key"] for c in patient["changes"] if c["collection"] == "fhir/Patient"]
    before = await browser.see(f"{base}/state?at={patient['seq'] - 1}")
    after = await browser.see(f"{base}/state?at={patient['seq']}")
    only = await browser.see(f"{base}/state?from={patient['seq'] - 1}&at={patient['seq']}")
    assert key not in before.text and key in after.text and key in only.text
    assert "files/tree/outbox/note.txt" not in only.text
    assert (await browser.see(f"{base}/documents?c=fhir/Patient&k={key}&at={patient['seq']}")).status == 200
    gone = await browser.see(f"{base}/documents?c=fhir/Patient&k={key}&at={patient['seq'] - 1}")
    assert gone.status == 404 and "There is no fhir/Patient" in gone.plain
    assert (await browser.see(f"{base}/state?at=999")).status == 404
    assert (await browser.see(f"{base}/state?at=x")).status == 400


async def test_two_runs_are_put_side_by_side(live, browser):
    good, bad = await finished(live, agent="good"), await finished(live, agent="bad", works=False)
    page = await browser.see(f"/ui/compare?a={bad.id}&b={good.id}")
    flips = page.plain.partition("Criteria that flipped")[2].partition("Tasks")[0]
    assert all(label in flips for label in ("the answer", "note written", "patient registered"))
    page = await browser.see(f"/ui/compare?a={bad.tasks[0]}&b={good.tasks[0]}")
    assert "After 0 calls in common" in page.plain and "no more calls" in page.plain
    assert "fhir/Patient/" in page.plain.partition("B: good")[2]
    again = await finished(live, agent="again")
    page = await browser.see(f"/ui/compare?a={again.tasks[0]}&b={good.tasks[0]}")
    assert "They never do: 4 calls, all the same" in page.plain
    assert (await browser.see("/ui/compare?a=x")).status == 400
    assert (await browser.see(f"/ui/compare?a=br_none&b={good.id}")).status == 404


async def test_two_runs_are_chosen_in_the_list(live, browser):
    older, newer = await finished(live, agent="older"), await finished(live, agent="newer", works=False)
    page = await browser.see("/ui")
    assert re.findall(r'type="checkbox" form="compare" name="run" value="([^"]+)"', page.text) == [newer.id, older.id]
    page = await browser.see(f"/ui/compare?run={newer.id}&run={older.id}")
    assert page.plain.index("A clinic@1 older") < page.plain.index("B clinic@1 newer")
    for chosen in ("", f"?run={newer.id}", f"?run={newer.id}&run={older.id}&run={newer.id}"):
        page = await browser.see(f"/ui/compare{chosen}")
        assert page.status == 400 and "Choose two runs to compare" in page.plain


async def test_what_breaks_in_the_server_is_a_page_too(live, browser, monkeypatch):
    async def broken(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr("sandbox.dashboard.listing.choices", broken)
    page = await browser.see("/ui")
    assert page.status == 500 and "Something broke in the server" in page.plain and "secret" not in page.text
    assert page.headers["X-Request-Id"] in page.plain and "<h1>Internal Server Error</h1>" in page.text


async def test_a_difference_of_many_long_documents_is_a_small_page(live, browser):
    run = await live.started()
    text = {"status": "generated", "div": f"<div xmlns='http://www.w3.org/1999/xhtml'>{'long ' * 800}</div>"}
    one = {"resource": {"resourceType": "Patient", "text": text}, "request": {"method": "POST", "url": "Patient"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [one] * 150}
    assert (await run.call("POST", "fhir", json=bundle)).status == 200
    event = (await run.events())[-1]
    base = f"/ui/playgrounds/{event['playground_id']}"
    for path in (f"{base}/state", f"{base}/events/{event['seq']}", f"/ui/compare?a={run.tasks[0]}&b={run.tasks[0]}"):
        page = await browser.see(path)
        assert page.status == 200 and len(page.text) < 100_000, path
    page = await browser.see(f"{base}/state")
    assert "150 added" in page.plain and re.search(r"and \d+ more documents", page.plain)


async def test_a_task_run_whose_agent_writes_much_everywhere_is_a_small_page(live, browser):
    run = await live.started()
    for number in range(100):
        await run.call("GET", "fhir/Patient?" + "&".join([f"name=<b>'{number}"] * 12))
    await run.complete(output={"a": ["<b>" * 30] * 1_000}, notes="<&>" * 3_000)
    page = await browser.see(f"/ui/task-runs/{run.tasks[0]}")
    assert page.status == 200 and page.text.count("<tr id=") == 100 and len(page.text) < 100_000
    assert "(9,000 characters)" in page.plain and "more values are not shown" in page.plain


async def test_definitions_and_what_does_not_load(live, browser):
    page = await browser.see("/ui/benchmarks")
    assert "Small clinic" in page.plain
    page = await browser.see("/ui/benchmarks/clinic@1")
    assert "portal-state-match" in page.plain and "Refer Ana Reyes." in page.plain
    page = await browser.see(page.hrefs("task=")[0])
    assert page.status == 200 and "Assertion" in page.plain
    assert (await browser.see("/ui/benchmarks/clinic@1?task=none")).status == 404
    assert "small" in (await browser.see("/ui/datasets")).plain
    page = await browser.see("/ui/datasets/small")
    assert "files/inbox/referral.txt" in page.plain
    page = await browser.see("/ui/datasets/small?file=files/inbox/referral.txt")
    assert "Please see Ana Reyes." in page.plain
    assert (await browser.see("/ui/datasets/small?file=../../etc/passwd")).status == 404
    assert (await browser.see("/ui/datasets/none")).status == 404
    assert "All definitions on disk are loaded" in (await browser.see("/ui/problems")).plain
    live.app[SHELF].refuse(DefinitionError([Problem("clinic/v1/benchmark.yaml", 12, "tasks.0.kez", "unknown key")]))
    page = await browser.see("/ui/problems")
    assert "clinic/v1/benchmark.yaml 12 tasks.0.kez unknown key" in page.plain
    assert "Definitions on disk do not load" in (await browser.see("/ui")).plain


async def test_an_unknown_page_says_so(browser):
    for path in ("/ui/nothing", "/ui/runs/br_none", "/ui/task-runs/tr_none", "/ui/playgrounds/pg_none"):
        page = await browser.see(path)
        assert page.status == 404 and "<h1>Not Found</h1>" in page.text, path


async def test_pages_are_small_and_hold_nothing_from_elsewhere(live, browser):
    run = await finished(live, works=False)
    task_run = await live.get(f"/task-runs/{run.tasks[0]}")
    paths = ["/ui", f"/ui/runs/{run.id}", f"/ui/task-runs/{run.tasks[0]}", "/ui/benchmarks", "/ui/benchmarks/clinic@1"]
    paths += ["/ui/datasets", "/ui/playgrounds", f"/ui/playgrounds/{task_run['playground_id']}", "/ui/problems"]
    for path in paths:
        page = await browser.see(path)
        assert page.status == 200 and len(page.text) < 100_000, path
        assert page.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", page.text), path
        linked = re.findall(r'(?:src|href|action)="([^"]*)"', page.text)
        assert all(link.startswith(("/ui", "#", "data:,")) for link in linked), path


async def test_files_are_shown_with_what_is_in_them(live, browser):
    run = await live.started()
    body = json.dumps({"a": [1, {"b": "<i>x</i>"}]}).encode()
    assert (await run.call("PUT", "files/outbox/data.json", body=body)).status == 201
    task_run = await live.get(f"/task-runs/{run.tasks[0]}")
    base = f"/ui/playgrounds/{task_run['playground_id']}"
    page = await browser.see(f"{base}/documents?c=files/tree")
    [href] = page.hrefs("data.json")
    page = await browser.see(href)
    assert "&lt;i&gt;x&lt;/i&gt;" in page.text
    [content] = page.hrefs("/content")
    raw = await browser.see(content)
    assert raw.text.encode() == body and "sandbox" in raw.headers["Content-Security-Policy"]
    assert (await browser.see(f"{base}/documents?c=files/_content")).status == 404


async def test_a_long_body_is_shown_by_its_beginning(live, browser):
    run = await live.started()
    body = b'{"a": "' + "ü".encode() * 300_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    assert (await run.call("PUT", "files/outbox/long.json", body=body, headers=headers)).status == 201
    event = (await run.events())[-1]
    base = f"/ui/playgrounds/{event['playground_id']}"
    page = await browser.see(f"{base}/events/{event['seq']}")
    assert f"(cut here, of {len(body):,} bytes)" in page.plain and len(page.text) < 100_000
    raw = await browser.see(f"{base}/events/{event['seq']}/request")
    assert raw.text.encode() == body
    page = await browser.see(f"{base}/documents?c=files/tree&k=outbox/long.json")
    assert page.status == 200 and "cut here" in page.plain
    page = await browser.see(f"/ui/task-runs/{run.tasks[0]}?q=%C3%BC%C3%BC%C3%BC")
    assert "PUT files/outbox/long.json" in page.plain


async def test_what_was_pruned_is_said_and_its_scores_are_shown(live, browser):
    run = await finished(live, works=False)
    playground = (await live.get(f"/task-runs/{run.tasks[1]}"))["playground_id"]
    await live.app[WRITER].write([("UPDATE benchmark_runs SET pruned_at = '2026-05-01T00:00:00.000Z'", ())])
    page = await browser.see(f"/ui/task-runs/{run.tasks[1]}")
    assert page.status == 200 and "were pruned at 2026-05-01" in page.plain and "answer 42 41" in page.plain
    assert "were pruned at" in (await browser.see(f"/ui/playgrounds/{playground}")).plain
    assert (await browser.see(f"/ui/playgrounds/{playground}/state")).status == 410
    page = await browser.see(f"/ui/compare?a={run.tasks[1]}&b={run.tasks[1]}")
    assert page.status == 200 and "were pruned at" in page.plain


async def test_the_root_with_a_slash_is_the_list(browser):
    assert (await browser.see("/ui/")).url == "/ui"
