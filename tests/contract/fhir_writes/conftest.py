"""The FHIR surface of a run, written to over HTTP."""

import json
from typing import Any

import pytest

FHIR_JSON = "application/fhir+json"


class Fhir:
    """The FHIR surface of a run whose first task is started."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.base = f"{run.live.url}/v1/benchmark-runs/{run.id}/fhir"

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send bytes as they are, anything else as FHIR in JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body, sent = json.dumps(body).encode(), {"Content-Type": FHIR_JSON, **sent}
        return await self.run.call(method, f"fhir/{path}" if path else "fhir", body=body, headers=sent)

    async def get(self, path: str) -> Any:
        """Read what must be there."""
        answer = await self.call("GET", path)
        assert answer.status == 200, answer
        return answer.json

    async def put(self, *resources: Any) -> None:
        """Store resources under their ids."""
        for resource in resources:
            answer = await self.call("PUT", f"{resource['resourceType']}/{resource['id']}", resource)
            assert answer.status in (200, 201), answer

    async def bundle(self, *rows: Any, kind: str = "transaction") -> Any:
        return await self.call("POST", "", {"resourceType": "Bundle", "type": kind, "entry": list(rows)})

    async def done(self, *rows: Any, kind: str = "transaction") -> list[str]:
        """Carry out a Bundle that succeeds; return where each entry was stored, without versions."""
        answer = await self.bundle(*rows, kind=kind)
        assert answer.status == 200, answer
        places = [e["response"].get("location", "") for e in answer.json["entry"]]
        return [place.removeprefix(self.base + "/").partition("/_history/")[0] for place in places]

    @staticmethod
    def entry(method: str, url: str, resource: Any = None, full_url: str | None = None, **more: Any) -> Any:
        """An entry of a Bundle to process."""
        row: dict[str, Any] = {"request": {"method": method, "url": url, **more}}
        if resource is not None:
            row["resource"] = resource
        if full_url is not None:
            row["fullUrl"] = full_url
        return row

    @staticmethod
    def said(answer: Any) -> str:
        """The first diagnostics of an OperationOutcome."""
        assert answer.json["resourceType"] == "OperationOutcome", answer
        return str(answer.json["issue"][0]["diagnostics"])


@pytest.fixture
async def fhir(live: Any) -> Fhir:
    return Fhir(await live.started())
