"""What every client must have achieved: the facts it reports, held against what the server says to plain HTTP."""

import asyncio
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.downloads import npm_folder, tool

HERE = Path(__file__).parent
CLIENT_S = 60
PAGE = 50
SYSTEM = "urn:clients"

PATIENT = {
    "resourceType": "Patient",
    "identifier": [{"system": SYSTEM, "value": "created"}],
    "name": [{"family": "Ångström", "given": ["Zoë"]}],
    "gender": "female",
    "birthDate": "1980-02-29",
}
CONDITIONAL = {
    "resourceType": "Patient",
    "identifier": [{"system": SYSTEM, "value": "conditional"}],
    "name": [{"family": "Once"}],
}
TRANSACTION = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {
            "fullUrl": "urn:uuid:6f6b9a52-5f0c-4b8e-9d8a-0d3c6f4f7a10",
            "resource": {"resourceType": "Patient", "name": [{"family": "Transacted"}]},
            "request": {"method": "POST", "url": "Patient"},
        },
        {
            "fullUrl": "urn:uuid:6f6b9a52-5f0c-4b8e-9d8a-0d3c6f4f7a11",
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"text": "weight"},
                "subject": {"reference": "urn:uuid:6f6b9a52-5f0c-4b8e-9d8a-0d3c6f4f7a10"},
            },
            "request": {"method": "POST", "url": "Observation"},
        },
    ],
}


def without(resource: Any, *names: str) -> Any:
    return {name: value for name, value in resource.items() if name not in names}


def check(ehr: Any, facts: Any) -> None:
    """Hold a client's facts against the server. What a client has no call for is absent from its facts."""
    created = facts["created"]
    assert created["meta"]["versionId"] == "1"
    assert without(created, "id", "meta") == PATIENT
    assert facts["read"] == created
    assert facts["found"] == [created["id"]]

    made = {location.split("/")[-3] for location in facts.get("transaction", ())}
    everything = [row for row in ehr.ids("Observation?_count=1000&_elements=id") if row not in made]
    assert len(everything) > 3 * PAGE
    assert len(set(facts["paged"])) == len(facts["paged"])
    assert facts["paged"] == everything

    assert facts["updated"]["meta"]["versionId"] == "2"
    assert without(facts["updated"], "meta") == {**without(created, "meta"), "active": True}

    first, second = facts["conditional"]
    assert first == second
    assert ehr.ids(f"Patient?identifier={SYSTEM}|conditional") == [first]

    patched = facts["patched"]
    assert patched["meta"]["versionId"] == "3"
    assert without(patched, "meta") == {**without(facts["updated"], "meta"), "birthDate": "1980-03-01"}
    assert facts["history"] == ["3", "2", "1"]
    assert without(ehr.get(f"Patient/{created['id']}/_history/2"), "meta") == without(facts["updated"], "meta")

    if "transaction" in facts:
        patient, observation = (location.split("/")[-3] for location in facts["transaction"])
        assert ehr.get(f"Observation/{observation}")["subject"]["reference"] == f"Patient/{patient}"

    assert facts["deleted"] == created["id"]
    assert ehr.call("GET", f"Patient/{created['id']}").status == 410
    assert "favourite-colour" in facts["refused"]

    statuses = [event.response["status"] for event in ehr.events() if event.type == "fhir_request"]
    assert ehr.url.split("/")[-2] not in repr([event.raw for event in ehr.events()])
    assert len(statuses) > 15
    assert {status for status in statuses if status >= 400} <= {400, 404, 410}


@dataclass(frozen=True)
class Clients:
    check: Any = check
    page: int = PAGE
    system: str = SYSTEM

    @property
    def patient(self) -> Any:
        return json.loads(json.dumps(PATIENT))

    @property
    def conditional(self) -> Any:
        return json.loads(json.dumps(CONDITIONAL))

    @property
    def transaction(self) -> Any:
        return json.loads(json.dumps(TRANSACTION))


@pytest.fixture(scope="session")
def clients() -> Clients:
    return Clients()


@dataclass(frozen=True)
class Way:
    """A base URL, and the token that goes with it: empty where the URL is all there is."""

    base: str
    token: str

    @property
    def authorization(self) -> str | None:
        return f"Bearer {self.token}" if self.token else None


@pytest.fixture(params=["run token", "capability URL"])
def way(request: pytest.FixtureRequest, clinic: Any) -> Way:
    """Both ways to the EHR of a run of one's own."""
    return Way(clinic.base, clinic.token) if request.param == "run token" else Way(clinic.url, "")


@pytest.fixture(scope="session")
def npm_clients() -> Path:
    """The folder with the npm packages; installed once, by whoever comes first."""
    return npm_folder(HERE / "package.json")


@pytest.fixture
def run_node(npm_clients: Path, tmp_path: Path) -> Any:
    """Run one of the scripts beside this file and return the facts that it prints."""

    async def run(script: str, base: str, token: str, **more: Any) -> Any:
        for name in ("facts.mjs", script):
            shutil.copy(HERE / name, tmp_path / name)
        (tmp_path / "node_modules").symlink_to(npm_clients / "node_modules")
        given = {"base": base, "token": token, "page": PAGE, "system": SYSTEM}
        given |= {"patient": PATIENT, "conditional": CONDITIONAL, "transaction": TRANSACTION, **more}
        (tmp_path / "given.json").write_text(json.dumps(given))
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        process = await asyncio.create_subprocess_exec(
            tool("node"),
            str(tmp_path / script),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        async with asyncio.timeout(CLIENT_S):
            out, err = await process.communicate()
        assert process.returncode == 0, err.decode()[-4000:]
        return json.loads(out.decode().splitlines()[-1])

    return run
