"""A timeline that goes on while an agent works."""

import asyncio

import pytest

WAIT_S = 20


async def messages(browser, path, **headers):
    """Yield (id, event, data) of a stream of rows."""
    async with asyncio.timeout(WAIT_S), browser.http.get(browser.live.url + path, headers=headers) as answer:
        assert answer.status == 200, await answer.read()
        assert answer.headers["Content-Type"] == "text/event-stream"
        fields = {"data": []}
        async for line in answer.content:
            text = line.decode().rstrip("\n")
            if text:
                name, _, value = text.partition(": ")
                fields["data"].append(value) if name == "data" else fields.update({name: value})
            elif "event" in fields:
                yield fields.get("id"), fields["event"], "\n".join(fields["data"])
                fields = {"data": []}


async def test_calls_arrive_as_they_are_made_and_the_end_is_told(live, browser):
    run = await live.started()
    page = await browser.see(f"/ui/task-runs/{run.tasks[0]}")
    [path] = [p.split('"')[0] for p in page.text.replace("&amp;", "&").split('data-live="')[1:]]
    stream = messages(browser, path)
    await run.call("GET", "fhir/Patient/ana")
    seen = []
    async for number, kind, text in stream:
        seen.append(kind)
        if kind == "calls" and len(seen) == 1:
            assert "GET fhir/Patient/ana" in text and f'id="e{number}"' in text
            await run.call("PUT", "files/outbox/note.txt", body=b"x")
        elif kind == "calls":
            assert "PUT files/outbox/note.txt" in text and "1 changed" in text
            await run.complete()
        elif kind == "end":
            break
    assert seen[-1] == "end" and seen.count("calls") >= 2


async def test_the_stream_is_filtered_and_goes_on_from_where_it_was(live, browser):
    run = await live.started()
    await browser.see("/ui")
    for path in ("fhir/Patient/ana", "files/inbox", "fhir/Patient"):
        await run.call("GET", path)
    await run.complete()
    url = f"/ui/task-runs/{run.tasks[0]}/live?surface=fhir"
    found = [m async for m in messages(browser, url)]
    assert [kind for _, kind, _ in found] == ["calls", "end"]
    assert "GET fhir/Patient/ana" in found[0][2] and "files/inbox" not in found[0][2]
    assert [k async for _, k, _ in messages(browser, url, **{"Last-Event-ID": found[0][0]})] == ["end"]


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://localhost:5173"}])
@pytest.mark.parametrize("what", ["run", "task run"])
async def test_a_stream_needs_a_session_of_its_own_page(live, headers, what):
    run = await live.started()
    answer = await live.call("GET", f"/ui/task-runs/{run.tasks[0]}/live", headers=headers)
    assert answer.status in (401, 403)


async def test_many_who_look_see_the_same(live, browse):
    run = await live.started()
    browsers = [browse(live) for _ in range(10)]
    for browser in browsers:
        await browser.see("/ui")
    path = f"/ui/task-runs/{run.tasks[0]}/live"

    async def look(browser):
        return "".join([text async for _, kind, text in messages(browser, path) if kind == "calls"])

    looking = [asyncio.create_task(look(browser)) for browser in browsers]
    for _ in range(30):
        assert (await run.call("GET", "fhir/Patient/ana")).status == 200
    await run.complete()
    seen = await asyncio.gather(*looking)
    assert all(text.count("GET fhir/Patient/ana") >= 30 for text in seen) and len(set(map(len, seen))) == 1


async def test_news_of_a_run_are_told_as_its_tasks_begin_and_end(live, browser):
    run = await live.started()
    page = await browser.see(f"/ui/runs/{run.id}")
    assert "0 of 2 tasks" in page.plain
    [path] = [p.split('"')[0] for p in page.text.split('data-live="')[1:]]
    await run.complete(0)
    told = []
    async for _, kind, text in messages(browser, path):
        told.append(kind)
        if len(told) == 1:
            assert kind == "changed" and text not in path
            assert "1 of 2 tasks" in (await browser.see(f"/ui/runs/{run.id}")).plain
            assert (await browser.do(f"/ui/runs/{run.id}/cancel")).status == 200
        elif kind == "end":
            break
        assert len(told) < 4
    assert told[-1] == "end" and "data-live" not in (await browser.see(f"/ui/runs/{run.id}")).text
    async with browser.http.get(f"{live.url}/ui/runs/br_none/live") as answer:
        assert answer.status == 404
