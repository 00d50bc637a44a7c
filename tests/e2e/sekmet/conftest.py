"""The peer `sekmet-fhir`: its command in a virtual environment of its own, and its server."""

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.downloads import python_of

REQUIREMENT = "sekmet-fhir==0.1.1"
READY_S = 60


@dataclass(frozen=True)
class Sekmet:
    command: Path
    home: Path

    def configure(self, **settings: Any) -> Path:
        path = self.home / "settings.yaml"
        defaults = {"host": "127.0.0.1", "data_dir": str(self.home / "data"), "simulator": {"enabled": False}}
        path.write_text(yaml.safe_dump({**defaults, **settings}))
        return path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.command), *arguments], cwd=self.home, capture_output=True, text=True, timeout=300
        )


@pytest.fixture(scope="session")
def sekmet_command() -> Path:
    return python_of("sekmet-fhir", REQUIREMENT).with_name("sekmet")


@pytest.fixture
def sekmet(sekmet_command: Path, tmp_path: Path) -> Sekmet:
    return Sekmet(sekmet_command, tmp_path)


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/metadata", timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture
def sekmet_server(sekmet: Sekmet) -> Iterator[str]:
    """Run the server; gives its FHIR base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/fhir"
    config = sekmet.configure(port=port, base_url=url)
    with (sekmet.home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [str(sekmet.command), "serve", "--config", str(config)], cwd=sekmet.home, stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + READY_S
            while not is_ready(url):
                assert process.poll() is None, (sekmet.home / "server.log").read_text()[-2000:]
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(20)
