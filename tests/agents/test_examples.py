"""The examples of agents: each does its tasks as its page shows, with a model that follows a script."""

import asyncio
import os
import re
import shutil
import signal
import sys
from contextlib import suppress

import pytest
from aiohttp.test_utils import TestServer

from sandbox.client.client import SandboxClient
from sandbox.client.threads import LoopThread
from sandbox.serving import running, url_of
from sandbox.settings import Settings
from tests.agents import model
from tests.docs.conftest import ROOT, Page, matches, steps_of

FOLDER = ROOT / "docs" / "agents"
PAGES = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "index")
LINES_MAX = 60
AGENT_S = 100
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory as the checkout is to its reader, with a server that has its data directory."""
    folder = tmp_path_factory.mktemp("agents")
    (folder / "docs").symlink_to(ROOT / "docs")
    commands = folder / "bin"
    commands.mkdir()
    for name, module in (("sandbox", "-m sandbox"), ("python", "")):
        (commands / name).write_text(f'#!/bin/sh\nexec {sys.executable} {module} "$@"\n')
        (commands / name).chmod(0o755)
    with LoopThread("examples") as thread:
        settings = Settings(port=0, data_dir=folder / ".sandbox", is_watching=False)
        serving = running(settings, is_lasting=True)
        url = url_of(settings, thread.run(serving.__aenter__()))
        yield folder, url
        thread.run(serving.__aexit__(None, None, None))


@pytest.fixture
async def environment(place):
    """What the pages say to set, leading to the scripted model, and the commands of this installation."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SANDBOX_", "PYTEST_", "COV_", "COLUMNS"))}
    async with TestServer(model.app()) as server:
        yield kept | {
            "PATH": f"{place[0] / 'bin'}{os.pathsep}{kept['PATH']}",
            "PYTHONPATH": str(ROOT),
            "OPENAI_BASE_URL": str(server.make_url("/v1")),
            "OPENAI_API_KEY": "sk-scripted",
            "MODEL": "scripted",
            "CHROMIUM": next(path for name in CHROMIUM if (path := shutil.which(name))),
        }


@pytest.mark.parametrize("name", PAGES)
async def test_the_agent_of_a_page_does_what_the_page_shows(place, environment, name):
    folder, url = place
    (step,) = steps_of(Page(FOLDER / f"{name}.md"))
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        step.block.text,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(AGENT_S):
            printed, complaint = (part.decode() for part in await process.communicate())
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, printed + complaint
    assert matches(step.printed, printed), printed + complaint
    async with SandboxClient(url, api_key="vk_local") as client:
        for task_run in await client.list_task_runs(re.search(r"br_\w+", printed)[0]):
            events = [e for e in await client.list_events(task_run.id) if e.actor == "agent"]
            assert {e.via for e in events} <= {"mcp" if name == "pydantic-ai" else "http"}


def test_each_page_has_its_file_and_each_file_is_short():
    files = {path.name: path.read_text().count("\n") for path in FOLDER.iterdir() if path.suffix != ".md"}
    index = (FOLDER / "index.md").read_text()
    for name in PAGES:
        page = (FOLDER / f"{name}.md").read_text()
        (linked,) = {link for link in re.findall(r"\]\((\w+\.\w+)\)", page) if not link.endswith(".md")}
        assert f"[{linked}]({linked})" in index and f"]({name}.md)" in index
        assert files.pop(linked) <= LINES_MAX
    assert files == {}
