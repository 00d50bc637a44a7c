"""Generated requests at every surface and at the API.

Whatever is sent: never a 500, an error has the surface's own form, and a refused request leaves the
playground's state as it was. At the end the state on disk is the state in memory.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from yarl import URL

from sandbox.api.context import READER, RUNS, SHELF
from sandbox.app import create_app
from sandbox.builtin import create_registry
from sandbox.record import restore
from sandbox.runs.registry import Registry
from sandbox.serving import Runner
from sandbox.settings import Settings

FUZZ = settings(
    max_examples=120,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
ORU = (
    "MSH|^~\\&|LAB|HOSP|EHR|CLINIC|20260423083000||ORU^R01|IN1|P|2.5\rPID|1||P1^^^MRN||Reyes^Ana||19700101|F\r"
    "OBR|1|||718-7^Hemoglobin^LN\rOBX|1|NM|718-7^Hemoglobin^LN||13.2|g/dL|||||F\r"
)
MEMBER = {
    "member_id": "M1",
    "first_name": "Ana",
    "last_name": "Reyes",
    "birth_date": "1970-01-01",
    "gender": "female",
    "plan": "Gold",
    "coverage": {"status": "active", "start": "2026-01-01"},
}
FILES = {
    "fhir/Patient.ndjson": json.dumps({"resourceType": "Patient", "id": "ana", "name": [{"family": "Reyes"}]}),
    "hl7/01.hl7": ORU,
    "files/inbox/a.txt": "hello",
    "portal.yaml": json.dumps({"patients": [MEMBER], "providers": [{"npi": "1234567893", "name": "Dr. Rivera"}]}),
}
SIMULATORS = [{"type": t, "name": t, "dataset": "small"} for t in ("Fhir", "Hl7", "Files", "Payer")]
BENCHMARK = {
    "slug": "fuzz",
    "version": 1,
    "name": "Fuzz",
    "timeout": 100_000,
    "environment": {"name": "Clinic", "simulators": SIMULATORS},
    "tasks": [{"key": "a", "name": "A"}, {"key": "b", "name": "B"}],
}


@dataclass(frozen=True)
class Target:
    """What is thrown at."""

    app: web.Application
    http: aiohttp.ClientSession
    url: str
    run_id: str
    token: str
    task_run_id: str
    playground_id: str
    ids: dict[str, str]

    async def send(self, method: str, path: str, **more: Any) -> tuple[int, Any, bytes]:
        """Send a request; the path goes as it is."""
        url = URL(self.url + path, encoded=True)
        async with self.http.request(method, url, skip_auto_headers=["Content-Type"], **more) as response:
            return response.status, response.headers, await response.read()

    def state_hash(self) -> str:
        task_run = self.app[RUNS].active_task_run(self.task_run_id)
        assert task_run is not None and task_run.playground is not None
        return task_run.playground.branch.state_hash()

    async def folded_hash(self) -> str:
        """The state hash by folding what is on disk."""
        benchmark = self.app[SHELF].library.find("fuzz@1")
        branch = (await restore.fold_playground(self.app[READER], self.playground_id, benchmark.seed)).branch
        return branch.state_hash()


@pytest.fixture(scope="session")
def registry() -> Registry:
    return create_registry()


@pytest.fixture
async def target(tmp_path: Path, registry: Registry) -> AsyncIterator[Target]:
    for path, content in FILES.items():
        file = tmp_path / "seeds" / "small" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, newline="")
    file = tmp_path / "playgrounds" / "fuzz" / "v1" / "benchmark.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(BENCHMARK))
    settings = Settings(
        port=0,
        data_dir=tmp_path / "data",
        playgrounds=(tmp_path / "playgrounds",),
        seeds=(tmp_path / "seeds",),
        is_watching=False,
    )
    runner = Runner(create_app(settings, registry=registry), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            headers = {"Authorization": "Bearer vrl_slv_local"}
            async with http.post(f"{url}/v1/benchmark-runs", json={"benchmark": "fuzz"}, headers=headers) as response:
                run = await response.json()
            token, task_run = run["bearer_token"], run["task_runs"][0]
            headers = {"Authorization": f"Bearer {token}"}
            async with http.post(url + task_run["start_url"], headers=headers) as response:
                assert response.status == 200
            run_id = run["benchmark_run_id"]
            async with http.get(f"{url}/v1/benchmark-runs/{run_id}/hl7/inbox", headers=headers) as response:
                message = (await response.json())[0]["id"]
            draft = {"patient_member_id": "M1", "draft": True}
            path = f"{url}/v1/benchmark-runs/{run_id}/portal/prior-auths"
            async with http.post(path, json=draft, headers=headers) as response:
                auth = (await response.json())["request_id"]
            ids = {
                "run": run_id,
                "task": task_run["id"],
                "other": run["task_runs"][1]["id"],
                "message": message,
                "sandbox": run["sandboxes"][0]["id"],
                "auth": auth,
            }
            yield Target(runner.app, http, url, run_id, token, task_run["id"], task_run["playground_id"], ids)
    finally:
        await runner.cleanup()


def assert_error(surface: str, target: Any, request: Any, status: int, headers: Any, body: bytes) -> None:
    """A refusal has a request id and the surface's own form."""
    where = (request, status, body[:500])
    assert re.fullmatch(r"req_\w{20,}", headers["X-Request-Id"]), where
    if request[0] == "HEAD":
        assert body == b"", where
    elif headers.get("Content-Type", "").startswith("application/fhir+json"):
        assert surface in ("fhir", "api"), where
        value = json.loads(body)
        assert value["resourceType"] == "OperationOutcome" and value["issue"], where
    elif request[1].startswith(("oauth2", "api/v1", "org", "whoami")):  # an API with a form of its own
        value = json.loads(body)
        assert value.get("error") or value.get("detail"), where
    elif surface == "fhir":
        value = json.loads(body)  # a token request is refused as OAuth says (RFC 6749, 5.2)
        assert "token" in request[1] and value["error"], where
    else:
        error = json.loads(body)["error"]
        assert error["message"] and error["code"] and error["request_id"] == headers["X-Request-Id"], where


async def throw(target: Any, surface: str, root: str, token: str, request: Any) -> None:
    method, path, query, headers, body = request
    for name, value in target.ids.items():
        path = path.replace(name.upper(), value)
    before = target.state_hash()
    url = f"{root}/{path}" + (f"?{query}" if query else "")
    if surface == "api" and (
        "stream" in url or re.search(f"{target.task_run_id}/(complete|cancel)|{target.run_id}/(complete|cancel)", url)
    ):
        return  # one never ends while the task run goes on, the others end it
    headers = {**headers, "Authorization": f"Bearer {token}"}
    status, answered, content = await target.send(method, url, headers=headers, data=body or None)
    where = (method, url, headers, body, status, content[:500])
    assert status < 500, where
    assert re.fullmatch(r"req_\w{20,}", answered["X-Request-Id"]), where
    if status >= 400:
        assert_error(surface, target, request, status, answered, content)
        if not url.partition("?")[0].endswith("/portal/login"):  # a failed login is an attempt that counts
            assert target.state_hash() == before, where
    elif method in ("GET", "HEAD") and surface not in ("portal", "api"):  # a read may settle a determination
        assert target.state_hash() == before, where


async def settle(target: Any) -> None:
    """Nothing broke inside, and what is on disk is what is in memory."""
    assert await target.folded_hash() == target.state_hash()
    status, _, body = await target.send("GET", "/readyz")
    assert status == 200, body


async def examples(strategy: st.SearchStrategy[Any], act: Callable[[Any], Awaitable[None]], *more: Any) -> None:
    """Run hypothesis on a thread of its own; each example runs on this loop, where the server is."""
    loop = asyncio.get_running_loop()

    def go(value: Any) -> None:
        asyncio.run_coroutine_threadsafe(act(value), loop).result(30)

    test = FUZZ(given(value=strategy)(go))
    for value in more:
        test = example(value=value)(test)
    await asyncio.to_thread(test)


@pytest.mark.parametrize("surface", ["fhir", "hl7", "files", "portal"])
async def test_surfaces(target, surface, requests_to):
    async def act(request: Any) -> None:
        await throw(target, surface, f"/v1/benchmark-runs/{target.run_id}/{surface}", target.token, request)

    await examples(
        requests_to(surface),
        act,
        ("POST", "", "", {"Content-Type": "application/json"}, b"{}"),
        ("GET", "%00", "%00=%00", {"Range": "bytes=0-"}, b""),
        ("PUT", "%ff", "", {"Content-Type": "\xff"}, b"\x00"),
    )
    await settle(target)


async def test_api(target, requests_to):
    async def act(value: Any) -> None:
        request, token = value
        await throw(target, "api", "", target.token if token == "RUN" else token, request)

    await examples(
        st.tuples(
            requests_to("api"),
            st.sampled_from(["vk_local", "vk_local", "vk_local", "vrl_slv_local", "RUN", "nonsense"]),
        ),
        act,
    )
    await settle(target)
