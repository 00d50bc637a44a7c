"""`GET /`: what a person or a program that came by is told."""

import os
import re
from dataclasses import replace

import aiohttp
import pytest

from sandbox.record.lock import Owner, owner_of
from sandbox.serving import serving_url
from sandbox.settings import Settings

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/html;q=0.5, application/json"])
async def test_a_program_is_told_in_json(live, accept):
    answer = await live.call("GET", "/", headers={} if accept is None else {"Accept": accept})
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Vary"] == "Accept, Origin" and answer.headers["X-Request-Id"]
    assert answer.json["name"] == "sandbox" and answer.json["mode"] == "extended"
    assert answer.json["benchmarks"] == ["clinic@1"]
    assert live.url in answer.json["first_run"] and '"Authorization: Bearer $SOLVER_KEY"' in answer.json["first_run"]


@pytest.mark.parametrize("accept", [BROWSER, "text/html", "text/*", "TEXT/HTML; level=1"])
async def test_a_browser_is_shown_the_dashboard(live, accept):
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{live.url}/", headers={"Accept": accept}, allow_redirects=False) as sent,
    ):
        assert sent.status == 303 and sent.headers["Location"] == "/ui" and sent.headers["Vary"] == "Accept, Origin"
    answer = await live.call("GET", "/", headers={"Accept": accept})
    text = answer.body.decode()
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<h1>Runs</h1>" in text and "sandbox rehearse clinic@1" in text
    assert not re.search(r"<script>|<style|style=|(?:src|href)=\"(?!/ui|#|data:,)", text), "nothing from elsewhere"


async def test_every_path_it_names_is_served(live):
    where = (await live.call("GET", "/")).json["where"].values()
    routes = {(r.method, r.resource.canonical) for r in live.app.router.routes()}
    named = [found for text in where for found in re.findall(r"(GET|POST) (/[\w/-]*)", text)]
    assert len(named) >= 6
    assert set(named) <= routes


async def test_it_names_no_key(live, kit):
    for accept in ("text/html", "application/json"):
        body = (await live.call("GET", "/", headers={"Accept": accept})).body.decode()
        assert kit.api_key not in body and kit.solver_key not in body


async def test_a_head_and_another_method(live):
    assert (await live.call("HEAD", "/")).status == 200
    refused = await live.call("POST", "/")
    assert refused.status == 405 and refused.headers["Allow"] == "GET, HEAD"


async def test_without_benchmarks_it_says_how_to_add_one(serve, tmp_path):
    (tmp_path / "none").mkdir()
    async with serve(playgrounds=(tmp_path / "none",)) as live:
        assert (await live.call("GET", "/")).json["first_run"] is None


async def test_a_server_on_all_addresses_names_one_that_this_machine_reaches(disk):
    settings = Settings(
        host="0.0.0.0",
        port=0,
        data_dir=disk.data,
        playgrounds=(disk.playgrounds,),
        seeds=(disk.seeds,),
        is_watching=False,
    )
    async with (
        serving_url(settings) as url,
        aiohttp.ClientSession() as session,
        session.get(f"{url}/healthz") as answer,
    ):
        assert url.startswith("http://127.0.0.1:") and answer.status == 200
        assert owner_of(disk.data) == Owner(os.getpid(), url, False, False, (disk.playgrounds,), (disk.seeds,))
    async with serving_url(replace(settings, url_base="https://x.example")) as url:
        assert url == "https://x.example"
        found = owner_of(disk.data)
        assert found is not None and (found.url or "").startswith("http://127.0.0.1:")
    assert owner_of(disk.data) is None
