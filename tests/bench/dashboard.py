"""What looking costs: a page of a long task run, its first paint in a browser, and viewers while an agent works."""

import asyncio
import contextlib
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp

from tests.bench import data, servers
from tests.bench.load import drive, request_bytes
from tests.bench.targets import BESIDE_VIEWERS, FIRST_PAINT, TIMELINE, VIEWER_LAG, Scores

EVENTS = 10_000
VIEWERS = 50
ROUNDS = 20
CALLS = 2_000
Say = Callable[[str, str], None]


async def bench_dashboard(session: aiohttp.ClientSession, home: Path, scores: Scores, start: object, say: Say) -> None:
    """Measure the pages of a task run of 10,000 events, and 50 viewers of one that goes on."""
    seeds, playgrounds = data.write_clinic(home / "dashboard", resources=0, tasks=2)
    with servers.sandbox(home / "dashboard-data", seeds, playgrounds) as server:
        root, token, task_runs = await start(session, server.url, "bench")  # type: ignore[operator]
        call = request_bytes("GET", f"{root}/fhir/Patient?_count=1", token)
        await drive(server.url, [call], count=EVENTS, connections=16)
        await _pages(session, server.url, task_runs[0], scores, say)
        await _first_paint(server.url, task_runs[0], scores, say)
        root, token, task_runs = await start(session, server.url, "bench")  # type: ignore[operator]
        call = request_bytes("GET", f"{root}/fhir/Patient?_count=1", token)
        await _viewers(server.url, call, task_runs[0], scores, say)


async def _pages(session: aiohttp.ClientSession, url: str, task_run: str, scores: Scores, say: Say) -> None:
    page = f"{url}/ui/task-runs/{task_run}"
    searched = (
        ("first page", ""),
        ("last page", "?after=9900"),
        ("filtered", "?changed=true"),
        ("searched", "?q=nobody"),
    )
    for name, query in searched:
        times, size = [], 0
        for _ in range(ROUNDS):
            began = time.perf_counter()
            async with session.get(page + query) as answer:
                assert answer.status == 200
                size = len(await answer.read())
            times.append((time.perf_counter() - began) * 1000)
        median = statistics.median(times)
        say(f"dashboard: task run of {EVENTS:,} events, {name}", f"{median:.1f} ms   ({size:,} bytes)")
        if name in ("first page", "last page"):
            scores.note(TIMELINE, median)


async def _first_paint(url: str, task_run: str, scores: Scores, say: Say) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        say("dashboard: first paint", "no browser is installed")
        return
    from playwright.async_api import async_playwright

    script = """new Promise(done => new PerformanceObserver(list => {
        const paint = list.getEntriesByName('first-contentful-paint')[0];
        if (paint) done(paint.startTime);
    }).observe({type: 'paint', buffered: true}))"""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        times: dict[str, list[float]] = {"/ui/login": [], f"/ui/task-runs/{task_run}": []}
        for _ in range(ROUNDS):
            for path, found in times.items():
                page = await browser.new_page()
                await page.goto(url + path)
                found.append(await page.evaluate(script))
                await page.close()
        await browser.close()
    least, ours = (statistics.median(found) for found in times.values())
    say("dashboard: first paint of that page in Chromium", f"{ours:.0f} ms   (of a page with one form {least:.0f} ms)")
    scores.note(FIRST_PAINT, ours, f"a page with one form: {least:.0f} ms")


async def _viewers(url: str, call: bytes, task_run: str, scores: Scores, say: Say) -> None:
    """Let an agent work alone, then before 50 viewers; then see how far they are behind it."""
    alone = await drive(url, [call], count=CALLS, connections=1)
    jar = aiohttp.CookieJar(unsafe=True)
    connector = aiohttp.TCPConnector(limit=VIEWERS + 4)
    async with aiohttp.ClientSession(cookie_jar=jar, connector=connector) as http:
        async with http.get(f"{url}/ui") as answer:
            assert answer.status == 200
        seen = [0] * VIEWERS
        looking = [asyncio.create_task(_look(http, url, task_run, i, seen)) for i in range(VIEWERS)]
        while min(seen) == 0:
            await asyncio.sleep(0.05)
        watched = await drive(url, [call], count=CALLS, connections=1)
        done = time.perf_counter()
        total = 2 * CALLS
        while min(seen) < total and time.perf_counter() - done < 30:
            await asyncio.sleep(0.01)
        lag = time.perf_counter() - done
        for task in looking:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*looking)
    ratio = watched.quantile(0.5) / alone.quantile(0.5)
    say(
        f"dashboard: an agent's call beside {VIEWERS} viewers, p50 / alone",
        f"{ratio:.2f}   ({watched.quantile(0.5) * 1000:.2f} of {alone.quantile(0.5) * 1000:.2f} ms; "
        f"p99 {watched.quantile(0.99) * 1000:.1f} of {alone.quantile(0.99) * 1000:.1f} ms)",
    )
    scores.note(BESIDE_VIEWERS, ratio)
    say("dashboard: all viewers have seen the last call after", f"{lag:.2f} s")
    scores.note(VIEWER_LAG, lag)


async def _look(http: aiohttp.ClientSession, url: str, task_run: str, number: int, seen: list[int]) -> None:
    """Follow a timeline, loading it again where it says that the page has enough, as a person would."""
    position = 0
    while True:
        path = f"{url}/ui/task-runs/{task_run}/live?after={position}"
        async with http.get(path, timeout=aiohttp.ClientTimeout(total=None)) as answer:
            assert answer.status == 200
            async for line in answer.content:
                if line.startswith(b"id: "):
                    position = seen[number] = int(line[4:])
