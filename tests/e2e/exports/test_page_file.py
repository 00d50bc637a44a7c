"""The page to pass on, in a real browser, opened from a file: it asks for nothing and runs nothing."""

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from sandbox.testing.server import SandboxServer, running_server

CALLS = 1_000
PAGE_BYTES = 5 * 1024 * 1024
HOSTILE = "<script>document.title='run'</script><img src=http://127.0.0.1:1/x onerror=\"document.title='run'\">"
MESSAGE = "MSH|^~\\&|A|B|C|D|20260423090000||ADT^A01|1|P|2.5\rEVN|A01\rPID|1||1^^^MRN||Smith^John\rPV1|1|I\r"


def call(task: Any, method: str, path: str, **more: Any) -> None:
    task.request(method, path, **more)


@pytest.fixture(scope="module")
def served() -> Iterator[SandboxServer]:
    with running_server() as server:
        yield server


@pytest.fixture(scope="module")
def long_page(served: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a thousand calls, with large answers and hostile bodies."""
    client = served.sync_client
    run = client.create_benchmark_run("fax-referral@1", agent=HOSTILE, scored=True)
    task = client.start_task_run(run.task_runs[0].id)
    call(task, "PUT", "files/outbox/x.html", data=HOSTILE, headers={"Content-Type": "text/html"})
    call(task, "GET", "files/outbox/x.html")
    call(task, "POST", "fhir/Patient", json={"resourceType": "Patient", "name": [{"family": HOSTILE}]})
    call(task, "PUT", "files/outbox/scan.bin", data=bytes(range(256)) * 2000)
    call(task, "PUT", "files/outbox/long.txt", data="x" * 1_000_000)
    call(task, "POST", "hl7/outbound", json={"payload": MESSAGE})
    for number in range(task.calls, CALLS):
        call(task, "GET", f"fhir/Patient?_count=20&{'&'.join(['name=a'] * (number % 3))}")
    client.complete_task_run(task.task_run_id, output={"answer": HOSTILE}, notes=HOSTILE)
    file = tmp_path_factory.mktemp("page") / "run.html"
    client.export_benchmark_run(run.id, "html", file)
    client.export_benchmark_run(run.id, "har", file.with_suffix(".har"))
    return file


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found is not None, "No Chromium is on the PATH; these proofs open pages in one."
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        await opened.close()


@pytest.fixture(params=[True, False], ids=["script", "no script"])
async def page(browser: Any, long_page: Path, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    context = await browser.new_context(java_script_enabled=request.param, viewport={"width": 390, "height": 844})
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda found: asked.append(found.url))
    await page.goto(long_page.as_uri())
    yield page
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    await context.close()


def test_a_run_of_a_thousand_calls_is_a_page_that_can_be_sent(long_page: Path) -> None:
    assert 1_000_000 < long_page.stat().st_size < PAGE_BYTES


async def test_it_tells_the_run_without_a_click_and_runs_nothing(page: Page) -> None:
    assert (await page.title()).startswith("fax-referral@1, <script>")
    assert await page.locator("h1").inner_text() == "fax-referral@1"
    assert await page.locator("article").count() == 6
    first = page.locator("article").first
    assert "fail" in await first.locator(".criteria .verdict").first.inner_text()
    assert HOSTILE in await first.locator("section[aria-label='The agent\\'s answer']").inner_text()
    assert await page.locator("main script, main img, main iframe").count() == 0


async def test_calls_open_with_what_was_sent_and_answered(page: Page) -> None:
    assert await page.locator("article").first.locator(".filed > details").count() >= CALLS

    async def opened(text: str) -> Any:
        found = page.locator(".filed > details", has_text=text).first
        await found.locator("summary").first.click()
        return found

    read = await opened("GET files/outbox/x.html")
    assert HOSTILE in await read.locator("section[aria-label='Answer'] pre").inner_text()
    message = await opened("POST hl7/outbound")
    assert await message.locator("th.segment").first.inner_text() == "MSH"
    assert "1,000,000 bytes" in await (await opened("PUT files/outbox/long.txt")).inner_text()
    assert "more values are not shown" in await (await opened("GET fhir/Patient?_count=20")).inner_text()


async def test_what_changed_is_told(page: Page) -> None:
    changed = page.locator("article").first.locator("section[aria-label='What changed']")
    await changed.locator("summary").first.click()
    assert "outbox/long.txt" in await changed.inner_text()


async def test_it_does_not_scroll_sideways(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_a_browser_plays_the_har_of_the_run(browser: Any, long_page: Path, served: SandboxServer) -> None:
    """What a browser's own reader of HAR files finds for an address is what was answered there."""
    har = long_page.with_suffix(".har")
    context = await browser.new_context()
    await context.route_from_har(har, not_found="abort")
    found = re.search(rf"{served.url}/v1/task-runs/[^/]+/files/outbox/", har.read_text())
    assert found is not None
    answer = await (await context.new_page()).goto(found[0] + "x.html")
    assert answer is not None
    assert (answer.status, await answer.text()) == (200, HOSTILE)
    await context.close()
