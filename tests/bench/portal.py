"""A request through the portal's pages by plain HTTP, recorded, beside the same request over the REST; and a thousand
cases that one step of the clock decides.

Both ways are driven by one client, which costs them alike. A request by the pages is the log-in's session, six steps
that are looked at and sent, and the confirmation.
"""

import asyncio
import re
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench import servers
from tests.portal_site import NPI, write_site

ROUNDS = 5
REQUESTS = 25
CASES = 1_000
SOLVER = {"Authorization": "Bearer vrl_slv_local"}
_RULE = {"procedure_code": "73721", "status": "approved", "delay_seconds": 3600}
_CSRF = re.compile(rb'name="csrf" value="(\w+)"')
_BEGIN = re.compile(rb'name="begin" value="([^"]+)"')


@dataclass
class Caller:
    """Somebody who sends requests one after the other, and how long each took."""

    session: aiohttp.ClientSession
    headers: dict[str, str]
    delays: list[float] = field(default_factory=list)

    async def send(self, method: str, url: str, status: int, **more: Any) -> tuple[bytes, str]:
        """Send one; return the answer and where it leads."""
        began = time.perf_counter()
        async with self.session.request(method, url, headers=self.headers, allow_redirects=False, **more) as answer:
            body = await answer.read()
        self.delays.append(time.perf_counter() - began)
        assert answer.status == status, (method, url, answer.status, body[:500])
        return body, answer.headers.get("Location", "")


async def bench_portal(home: Path) -> None:
    """Print both."""
    playgrounds, seeds = write_site(
        home / "portal", determinations=[_RULE], default_determination={"status": "approved"}
    )
    jar = aiohttp.DummyCookieJar()
    with servers.sandbox(home / "portal-data", str(seeds), str(playgrounds)) as server:
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            for callers in (1, 8):
                await _compare(session, server.url, callers)
            await _jump(session, server.url)


async def _compare(session: aiohttp.ClientSession, url: str, callers: int) -> None:
    paged: list[tuple[float, list[float]]] = []
    plain: list[tuple[float, list[float]]] = []
    for number in range(ROUNDS + 1):
        held, token = await _started(session, url)
        root = held["portal_url"]
        for rounds, one, headers in (
            (paged, _by_pages, {"Cookie": await _log_in(session, held)}),
            (plain, _by_rest, {"Authorization": f"Bearer {token}"}),
        ):
            made = [Caller(session, headers) for _ in range(callers)]
            began = time.perf_counter()
            await asyncio.gather(*(_repeat(one, caller, root, REQUESTS) for caller in made))
            seconds = time.perf_counter() - began
            if number > 0:  # the first one is to warm up
                rounds.append((seconds, sorted(delay for caller in made for delay in caller.delays)))
    count = REQUESTS * callers
    for name, rounds in (("pages", paged), ("REST", plain)):
        rate = statistics.median(count / seconds for seconds, _ in rounds)
        calls = statistics.median(len(delays) / seconds for seconds, delays in rounds)
        p99 = statistics.median(delays[int(0.99 * len(delays))] for _, delays in rounds) * 1000
        said = f"{rate:,.0f} a second, {calls:,.0f} calls a second, p99 of a call {p99:.1f} ms"
        print(f"{f'a prior authorization by the {name}, callers: {callers}':<64} {said}", flush=True)
    ratio = statistics.median(p / r for (p, _), (r, _) in zip(paged, plain, strict=True))
    print(f"{f'the same by the pages / by the REST, callers: {callers}':<64} {ratio:.1f} times as long", flush=True)


async def _repeat(one: Any, caller: Caller, root: str, times: int) -> None:
    for _ in range(times):
        await one(caller, root)


async def _by_pages(caller: Caller, root: str) -> None:
    page, _ = await caller.send("GET", f"{root}new?member_id=M1001", 200)
    found, begin = _CSRF.search(page), _BEGIN.search(page)
    assert found is not None and begin is not None
    token = found[1].decode()
    url, at = f"{root}new", ""
    steps: tuple[dict[str, str], ...] = (
        {"patient_member_id": "M1001", "begin": begin[1].decode()},
        {"provider_npi": NPI},
        {"procedure_code": "97110", "diagnosis_codes": "M54.16", "units": ""},
        {"shown": ""},
        {"notes": "Six weeks of therapy."},
        {},
    )
    for fields in steps:
        _, at = await caller.send("POST", url, 303, data={"csrf": token, **fields})
        url = root + at.lstrip("./")
        await caller.send("GET", url, 200)
    assert url.endswith("/confirmation")


async def _by_rest(caller: Caller, root: str) -> None:
    body = {"patient_member_id": "M1001", "provider_npi": NPI, "procedure_code": "97110", "diagnosis_codes": ["M54.16"]}
    api = root.removesuffix("/web/")
    _, at = await caller.send("POST", f"{api}/prior-auths", 201, json={**body, "notes": "Six weeks of therapy."})
    await caller.send("GET", f"{api}/prior-auths/{at.rpartition('/')[2]}", 200)


async def _jump(session: aiohttp.ClientSession, url: str) -> None:
    """Let one step of the clock decide many cases."""
    held, token = await _started(session, url)
    caller = Caller(session, {"Authorization": f"Bearer {token}"})
    body = {"patient_member_id": "M1001", "provider_npi": NPI, "procedure_code": "73721", "diagnosis_codes": ["M54.16"]}
    for _ in range(CASES):
        await caller.send("POST", f"{held['api_url']}/prior-auths", 201, json=body)
    caller.delays.clear()
    clock = held["api_url"].rpartition("/")[0] + "/clock/advance"
    await caller.send("POST", clock, 200, json={"seconds": 3601})
    listed, _ = await caller.send("GET", f"{held['api_url']}/prior-auths?determination=pending&limit=1", 200)
    assert b'"data":[]' in listed, listed
    seconds = caller.delays[0]
    said = f"{seconds * 1000:,.0f} ms, {seconds / CASES * 1e6:,.0f} µs a case"
    print(f"{f'{CASES:,} cases decided by one step of the clock, recorded':<64} {said}", flush=True)


async def _log_in(session: aiohttp.ClientSession, held: dict[str, Any]) -> str:
    fields = {"username": held["username"], "password": held["password"]}
    async with session.post(f"{held['portal_url']}login", data=fields, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()
        return answer.headers["Set-Cookie"].partition(";")[0]


async def _started(session: aiohttp.ClientSession, url: str) -> tuple[dict[str, Any], str]:
    async with session.post(f"{url}/v1/benchmark-runs", json={"benchmark": "portal"}, headers=SOLVER) as answer:
        run = await answer.json()
    headers = {"Authorization": f"Bearer {run['bearer_token']}"}
    async with session.post(f"{url}{run['task_runs'][0]['start_url']}", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        started = await answer.json()
    held = next(s["credentials"] for s in started["sandboxes"] if s["type"] == "Payer")
    return held, run["bearer_token"]
