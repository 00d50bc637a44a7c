"""An archive in a viewer that nobody here wrote: PerfCascade, of npm, in a real browser."""

import json
import shutil
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from sandbox.testing.server import running_server
from tests.e2e.downloads import npm_folder

VIEWER = Path(__file__).parent / "har_viewer" / "package.json"
PATHS = ("fhir/Patient?_count=2", "fhir/Patient/maria-chen", "fhir/Patient/nobody", "fhir/metadata")
DRAW = """har => {
    document.body.appendChild(perfCascade.fromHar(har.log));
    return document.querySelectorAll(".row-item").length;
}"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


async def test_a_viewer_draws_a_row_for_each_call(tmp_path: Path) -> None:
    file = tmp_path / "run.har"
    with running_server() as server:
        client = server.sync_client
        run = client.create_benchmark_run("mock@2")
        task = client.start_task_run(run.task_runs[0].id)
        for path in PATHS:
            task.request("GET", path)
        client.complete_task_run(task.task_run_id)
        client.export_benchmark_run(run.id, "har", file)
    viewer = npm_folder(VIEWER) / "node_modules" / "perf-cascade" / "dist"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.set_content("<!doctype html><title>HAR</title>")
        await page.add_script_tag(path=viewer / "perf-cascade.min.js")
        assert await page.evaluate(DRAW, json.loads(file.read_text())) == len(PATHS)
        drawn = await page.locator(".row-item").all_text_contents()
        assert all(path.split("?")[0] in text for path, text in zip(PATHS, drawn, strict=True)), drawn
        assert problems == []
        await browser.close()
