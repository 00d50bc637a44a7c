"""`smart-fetch` (a signed assertion) and `mcp-fhir` (id and secret), as published: a run's credentials are enough."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.e2e.downloads import python_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PATIENTS = 3
MCP = """
import asyncio, os, sys
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

async def main():
    server = StdioServerParameters(command=sys.executable, args=["-m", "mcp_fhir.server"], env=dict(os.environ))
    async with stdio_client(server) as (reader, writer), ClientSession(reader, writer) as session:
        await session.initialize()
        for name, arguments in (
            ("fhir_read", {"resource_type": "Patient", "resource_id": sys.argv[1]}),
            ("fhir_search", {"resource_type": "Observation", "params": {"patient": sys.argv[1]}}),
        ):
            answer = await session.call_tool(name, arguments)
            print(answer.content[0].text.replace("\\n", " "))

asyncio.run(main())
"""


def credentials_of(clinic: Any) -> tuple[str, dict[str, str]]:
    """The id of the sandbox, and what the run hands out for it."""
    headers = {"Authorization": f"Bearer {clinic.token}"}
    run = clinic.call("GET", clinic.base.removesuffix("/fhir"), **headers).json
    [sandbox] = [s for s in run["sandboxes"] if s["task_run_id"] == clinic.task_run_id]
    return sandbox["id"], sandbox["credentials"]


async def run(command: list[str], folder: Path, **environment: str) -> str:
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
    pipe = asyncio.subprocess.PIPE
    made = await asyncio.create_subprocess_exec(*command, cwd=folder, env=given, stdout=pipe, stderr=pipe)
    out, errors = await asyncio.wait_for(made.communicate(), 300)
    assert made.returncode == 0, (out[-2000:], errors[-4000:])
    return out.decode()


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
async def test_smart_fetch(clinic, tmp_path, algorithm):
    python = await asyncio.to_thread(python_of, "smart-fetch", "smart-fetch==1.0.3")
    if algorithm == "RS384":
        key, writer = rsa.generate_private_key(public_exponent=65537, key_size=2048), jwt.algorithms.RSAAlgorithm
    else:
        key, writer = ec.generate_private_key(ec.SECP384R1()), jwt.algorithms.ECAlgorithm
    sandbox, held = credentials_of(clinic)
    organization = {"Authorization": f"Bearer {clinic.server.api_key}"}
    url = f"{clinic.server.url}/sandboxes/{sandbox}/fhir/smart-client"
    public = {**json.loads(writer.to_jwk(key.public_key())), "kid": "mine", "alg": algorithm}
    private = {**json.loads(writer.to_jwk(key)), "kid": "mine", "alg": algorithm, "key_ops": ["sign"]}
    (tmp_path / "key.jwks").write_text(json.dumps({"keys": [private]}))
    none = serialization.NoEncryption()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none)
    (tmp_path / "key.pem").write_bytes(text)
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()
    patients = clinic.ids(f"Patient?_count={PATIENTS}")[:PATIENTS]
    for name, registered in (("key.jwks", {"jwks": {"keys": [public]}}), ("key.pem", {"public_key": pem})):
        assert clinic.call("POST", url, registered, **organization).status == 200
        command = [str(python.parent / "smart-fetch"), "crawl", str(tmp_path / f"of-{name}"), "--no-compression"]
        command += ["--fhir-url", held["fhir_base_url"], "--smart-client-id", held["client_id"]]
        command += ["--smart-key", str(tmp_path / name), "--type", "Patient,Observation"]
        await run([*command, "--id-list", ",".join(patients)], tmp_path)
        [found] = (tmp_path / f"of-{name}").rglob("Patient.ndjson")
        assert {json.loads(line)["id"] for line in found.read_text().splitlines()} == set(patients)
    asked = [e.request["path"] for e in clinic.events() if e.type == "fhir_request"]
    assert asked.count("fhir/token") == 2


async def test_mcp_fhir(clinic, tmp_path):
    """Its own lists of what it needs lag: it wants Python 3.12 and runs on 3.11, and needs the MCP SDK before 2."""
    needs = ("--ignore-requires-python", "mcp-fhir==1.1.1", "mcp<2")
    python = await asyncio.to_thread(python_of, "mcp-fhir", *needs)
    _, held = credentials_of(clinic)
    smart = {
        "FHIR_BASE_URL": held["fhir_base_url"],
        "SMART_ENABLED": "true",
        "SMART_CLIENT_ID": held["client_id"],
        "SMART_CLIENT_SECRET": held["client_secret"],
    }
    [patient] = clinic.ids("Patient?_count=1")[:1]
    said = await run([str(python), "-c", MCP, patient], tmp_path, **smart)
    read, found = said.splitlines()
    assert patient in read and "Patient" in read
    assert "Observation" in found or "Bundle" in found
    requests = [e for e in clinic.events() if e.type == "fhir_request"]
    assert [e.request["path"] for e in requests][-3:] == ["fhir/token", f"fhir/Patient/{patient}", "fhir/Observation"]
    assert {e.response["status"] for e in requests[-3:]} == {200}
