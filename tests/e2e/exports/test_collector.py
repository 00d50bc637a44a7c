"""Spans as a collector that nobody here wrote takes them and gives them back: Phoenix, of PyPI, on this machine."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.downloads import python_of

PHOENIX = "arize-phoenix==20.26.1"
START_S = 120
WAIT_S = 30

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def until(look: Any, seconds: float) -> Any:
    """Poll until something is there; bounded."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except (urllib.error.URLError, ConnectionError, ValueError):
            pass
        time.sleep(0.2)
    raise AssertionError(f"nothing within {seconds} s")


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    python = python_of("phoenix", PHOENIX)
    port = free_port()
    environment = {
        **os.environ,
        "PHOENIX_WORKING_DIR": str(tmp_path_factory.mktemp("phoenix")),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([python.with_name("phoenix"), "serve"], env=environment, **quiet)  # type: ignore[call-overload]
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: get(f"{url}/v1/projects")["data"], START_S)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def sandbox(here: Path, url: str, *args: str) -> str:
    environment = {**os.environ, "SANDBOX_OTEL_ENDPOINT": url, "SANDBOX_OTEL_BODIES": "on"}
    command = [sys.executable, "-m", "sandbox", *args]
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_task_run_is_read_back(phoenix: str, tmp_path: Path) -> None:
    sandbox(tmp_path, phoenix, "rehearse", "mock@1", "--task", "next-appointment")

    def read() -> Any:
        found = get(f"{phoenix}/v1/projects/default/spans?limit=100")["data"]
        return found if any(span["name"].startswith("task_run ") for span in found) else None

    spans = until(read, WAIT_S)
    (root,) = (span for span in spans if span["name"] == "task_run mock@1/next-appointment")
    assert root["parent_id"] is None
    assert root["attributes"]["sandbox.verdict"] == "pass"
    assert {event["name"] for event in root["events"]} == {"gen_ai.evaluation.result"}
    calls = [span for span in spans if span["name"].startswith("execute_tool ")]
    assert len(calls) >= 2
    for call in calls:
        assert call["span_kind"] == "TOOL"  # what Phoenix makes of `execute_tool`
        assert call["parent_id"] == root["context"]["span_id"]
        assert call["context"]["trace_id"] == root["context"]["trace_id"]
        assert call["attributes"]["tool.name"] == "fhir_request"
        assert json.loads(call["attributes"]["output.value"])["resourceType"]

    said = sandbox(tmp_path, phoenix, "export", "latest", "--format", "otlp")
    assert f"{len(spans)} spans sent" in said
    again = get(f"{phoenix}/v1/projects/default/spans?limit=100")["data"]
    assert {span["context"]["span_id"] for span in again} == {span["context"]["span_id"] for span in spans}
