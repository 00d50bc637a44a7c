"""Servers, runs and plain HTTP for the proofs that speak to a live server."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.testing.server import SandboxServer, running_server

SEEDS = Path(__file__).parents[2] / "seeds"


def write_benchmark(
    folder: Path,
    slug: str,
    *,
    criteria: list[Any] | None = None,
    steps: list[Any] | None = None,
    tasks: int = 1,
    concurrency: int = 1,
    **simulator: Any,
) -> Path:
    """Write a benchmark with one FHIR simulator and one task or more; return the playgrounds directory."""
    path = folder / slug / "v1" / "benchmark.json"
    path.parent.mkdir(parents=True)
    environment = {"name": "Clinic", "simulators": [{"type": "Fhir", "name": "EHR", **simulator}]}
    definition = {
        "slug": slug,
        "version": 1,
        "name": "One EHR",
        "timeout": 3600,
        "environment": environment,
        "concurrency": concurrency,
        "tasks": [
            {"key": f"task-{i}", "name": "Task", "criteria": criteria or [], "scenario": {"steps": steps or []}}
            for i in range(tasks)
        ],
    }
    path.write_text(json.dumps(definition))
    return folder


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Ehr:
    """The FHIR surface of a started task run, spoken to with nothing but urllib; `url` is its capability URL."""

    server: SandboxServer
    base: str
    token: str
    task_run_id: str
    url: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        url = path if path.startswith("http") else f"{self.base}/{path}" if path else self.base
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}", "Accept": "application/fhir+json"}
        if data is not None:
            sent["Content-Type"] = "application/fhir+json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status == 200, answer
        return answer.json

    def ids(self, path: str) -> list[str]:
        return [entry["resource"]["id"] for entry in self.get(path).get("entry", [])]

    def events(self) -> list[Any]:
        return list(self.server.sync_client.list_events(self.task_run_id))


def start(server: SandboxServer, slug: str) -> Ehr:
    """Create a run and start its only task."""
    client = server.sync_client
    run = client.create_benchmark_run(slug)
    session = client.start_task_run(run.task_runs[0].id)
    base = f"{server.url}/v1/benchmark-runs/{run.id}/fhir"
    return Ehr(server, base, session.token, session.task_run_id, session.urls["fhir"])


@dataclass(frozen=True)
class Kit:
    """What the proofs build servers with."""

    write_benchmark: Any = write_benchmark
    running_server: Any = running_server
    start: Any = start
    seeds: Path = SEEDS


@pytest.fixture(scope="session")
def kit() -> Kit:
    return Kit()


@pytest.fixture(scope="module")
def clinic_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """A server whose benchmark `one-ehr` has an EHR with the clinic dataset and nothing else."""
    folder = write_benchmark(tmp_path_factory.mktemp("playgrounds"), "one-ehr", dataset="regional-clinic")
    with running_server(playgrounds=[folder], seeds=[SEEDS]) as server:
        yield server


@pytest.fixture
def clinic(clinic_server: SandboxServer) -> Ehr:
    """The EHR of a run of one's own."""
    return start(clinic_server, "one-ehr")
