"""`sandbox prove --mutate` and the nonsense agent over real HTTP: what weak criteria let pass, what is kept of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sandbox.cli import app

MRN = "urn:mrn"
PATIENTS = [
    {"id": "ana", "identifier": [{"system": MRN, "value": "RC-1"}], "name": [{"family": "Reyes", "given": ["A"]}]},
    {"id": "ben", "identifier": [{"system": MRN, "value": "RC-2"}], "name": [{"family": "Okoro", "given": ["B"]}]},
]
SOLUTION = """
async def solve(task):
    found = (await task.request("GET", "fhir/Patient", params={"identifier": "RC-1"})).json()
    patient = f"Patient/{found['entry'][0]['resource']['id']}"
    order = {
        "resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": {"reference": patient},
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]}, "note": [{"text": "As asked, 12 May."}],
    }
    made = (await task.request("POST", "fhir/ServiceRequest", json=order)).raise_for_status().json()
    page = {
        "resourceType": "Communication", "status": "completed", "subject": {"reference": patient},
        "basedOn": [{"reference": f"ServiceRequest/{made['id']}"}],
        "payload": [{"contentString": "Potassium 6.8 mmol/L"}],
    }
    (await task.request("POST", "fhir/Communication", json=page)).raise_for_status()
    return {"number": "RC-1", "decision": "ordered", "remarks": "None."}
"""
NEAR_MISS = "async def solve(task):\n    return {'number': 'RC-1', 'decision': 'ordered'}\n"
WEAK = [
    {
        "label": "Somebody has an order",
        "required": True,
        "assertion": {"assert": "fhir-resource-state", "resource_type": "ServiceRequest"},
    }
]
SAME = [{"label": "As solved", "required": True, "assertion": {"assert": "state-equals-solution"}}]
SAID = [
    {
        "label": "Reported",
        "required": True,
        "requires": ["As solved"],
        "assertion": {
            "assert": "agent-output",
            "fields": [{"path": "number", "expected": "RC-1"}, {"path": "decision", "expected": "ordered"}],
        },
    }
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    seeds = tmp_path / "seeds/ward/fhir"
    seeds.mkdir(parents=True)
    rows = [json.dumps({"resourceType": "Patient", **patient}) for patient in PATIENTS]
    (seeds / "Patient.ndjson").write_text("\n".join(rows))
    folder = tmp_path / "playgrounds/ward/v1"
    folder.mkdir(parents=True)
    (folder / "solution.py").write_text(SOLUTION)
    (folder / "near_miss.py").write_text(NEAR_MISS)
    monkeypatch.chdir(tmp_path)
    for name in ("SANDBOX_API_KEY", "SANDBOX_SOLVER_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def define(home: Path, criteria: list[dict[str, Any]], version: int = 1) -> Path:
    folder = home / f"playgrounds/ward/v{version}"
    definition = {
        "slug": "ward",
        "version": version,
        "name": "Ward",
        "environment": {"name": "Ward", "simulators": [{"type": "Fhir", "name": "EHR", "dataset": "ward"}]},
        "tasks": [
            {
                "key": "order",
                "name": "Order",
                "tags": ["orders"],
                "task_item": {"answer": {"number": "whose", "decision": 'one of "ordered", "refused"'}},
                "criteria": criteria,
            }
        ],
    }
    (folder / "benchmark.json").write_text(json.dumps(definition))
    return folder


def sandbox(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*args, "--seeds", "seeds"], env={"COLUMNS": "300"})
    return result.exit_code, result.output


def prove(*more: str) -> tuple[int, str]:
    return sandbox("prove", "ward", "--playgrounds", "playgrounds", "--data-dir", "data", *more)


def test_criteria_that_see_everything(home: Path) -> None:
    folder = define(home, SAME + SAID)
    status, printed = prove("--write", "--mutate")
    assert status == 0, printed
    entry = json.loads((folder / "baselines.json").read_text())["tasks"]["order"]
    assert (entry["idle"]["score"], entry["nonsense"]["score"]) == (0.0, 0.0)
    mutants = entry["mutants"]
    assert mutants["played"] == mutants["killed"] > 15
    assert f"{mutants['killed']} of {mutants['played']} do not pass" in printed
    # Hundreds of runs that nobody asked for are not left among a person's own.
    agents = CliRunner().invoke(app, ["runs", "--data-dir", "data", "--json"]).output
    assert {run["agent"] for run in json.loads(agents)} == {"solution", "near-miss", "idle", "nonsense"}

    status, printed = sandbox("check", "playgrounds")
    assert status == 0, printed
    define(home, SAME)
    status, printed = sandbox("check", "playgrounds")
    assert status == 1
    assert "baselines.json: order: is of another definition; make it again with sandbox prove --write" in printed


def test_criteria_that_see_little(home: Path) -> None:
    define(home, WEAK)
    status, printed = prove("--mutate")
    assert status == 1
    assert "✗ nonsense    earns at most 0.3 in a task" in printed
    assert "order: earned 1.0, more than 0.3, with: Somebody has an order" in printed
    lines = [line.strip() for line in printed.splitlines()]
    for told in (
        'code: POST ServiceRequest: status "active" → "draft" (should be seen by: Somebody has an order)',
        "other patient: POST ServiceRequest for B Okoro (should be seen by: Somebody has an order)",
        "extra write: POST ServiceRequest for B Okoro (should be seen by: Somebody has an order)",
        "doubled: POST ServiceRequest (should be seen by: Somebody has an order)",
        "not sent: POST Communication (should be seen by: no criterion looks at it)",
        'value: POST Communication: payload.0.contentString "Potassium 6.8 mmol/L" → "Potassium 0.68 mmol/L" '
        "(should be seen by: no criterion looks at it)",
        'output: decision "ordered" → "refused" (should be seen by: no criterion looks at it)',
        "output: number left out (should be seen by: no criterion looks at it)",
    ):
        assert told in lines, printed
    # A remark that nobody asks for is free, and so is when something was written down.
    assert not any("note.0" in line or "remarks" in line for line in lines)
    # Without the order there is nothing to see: that mutant does not survive.
    assert "left out: POST ServiceRequest" not in printed


def test_a_superseded_version_is_exempt(home: Path) -> None:
    define(home, WEAK)
    newest = home / "playgrounds/ward/v2"
    newest.mkdir()
    for name in ("solution.py", "near_miss.py"):
        (newest / name).write_text((newest.parent / "v1" / name).read_text())
    define(home, SAME + SAID, version=2)
    assert prove("--write")[0] == 0
    status, printed = sandbox(
        "prove", "ward@1", "--playgrounds", "playgrounds", "--data-dir", "data", "--mutate", "--write"
    )
    assert status == 0, printed
    assert "idle        passes no task" in printed
    assert "nonsense" not in printed and "mutants" not in printed
    assert not (home / "playgrounds/ward/v1/baselines.json").exists()
