"""The hospital scenarios that `sekmet-fhir` ships, run by its own command against our surface."""

import json
import socket
from pathlib import Path

import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

EXPECTED = yaml.safe_load((Path(__file__).parent / "scenarios.yaml").read_text())


def test_every_scenario(kit, sekmet, tmp_path):
    home = kit.write_benchmark(tmp_path / "playgrounds", "empty-ehr")
    with kit.running_server(playgrounds=[home], seeds=[kit.seeds]) as server:
        ehr = kit.start(server, "empty-ehr")
        peer = {"base_url": ehr.base, "auth": {"type": "bearer", "token": ehr.token}}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        own = f"http://127.0.0.1:{port}"  # its own server, which is notified
        config = sekmet.configure(port=port, base_url=f"{own}/fhir", public_url=own, peers={"sandbox": peer})
        options = [
            "--peer",
            "sandbox",
            "--config",
            str(config),
            "--serve",
            "--report-dir",
            str(tmp_path / "reports"),
        ]
        sekmet.run("scenario", "run", "all", *options)
        [report] = (tmp_path / "reports").rglob("results.json")
        results = {Path(row["file"]).stem: row for row in json.loads(report.read_text())}
        assert max(e.response["status"] for e in ehr.events() if e.response) < 500
    assert results.keys() == EXPECTED.keys()
    for name, wanted in EXPECTED.items():
        steps = results[name]["steps"]
        assert results[name]["status"] == wanted["status"], (name, steps)
        if wanted["status"] == "failed":
            assert next(s["name"] for s in steps if s["status"] != "passed") == wanted["fails_at"]
        else:
            assert sum(s["status"] == "skipped" for s in steps) == wanted.get("skipped", 0), (name, steps)
        assert wanted["status"] == "passed" or wanted["because"]
