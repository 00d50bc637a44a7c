"""A server over real HTTP with one started task run on all four surfaces, kept for all examples of a test."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from sandbox.api.context import RUNS, SHELF
from sandbox.app import create_app, create_registry
from sandbox.record import restore
from sandbox.runs.registry import Registry
from sandbox.settings import Settings

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
        from sandbox.api.context import READER

        benchmark = self.app[SHELF].library.find("fuzz@1")
        branch, _ = await restore.fold_playground(self.app[READER], self.playground_id, benchmark.seed)
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
    runner = web.AppRunner(create_app(settings, registry=registry), access_log=None)
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
