"""A run that is looked at from outside, with the organization key on the direct paths."""

import json
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Looker:
    """Whoever grades, beside the agent."""

    run: Any
    key: str

    def sandbox(self, kind: str, index: int = 0) -> str:
        return next(
            s["id"]
            for s in self.run.value["sandboxes"]
            if s["type"] == kind and s["task_run_id"] == self.run.tasks[index]
        )

    async def call(self, method: str, kind: str, path: str, *, at: int = 0, live: Any = None, **more: Any) -> Any:
        """Call a system directly; `live` is another server on the same record."""
        root = f"/sandboxes/{self.sandbox(kind, at)}"
        return await (live or self.run.live).call(method, f"{root}/{path}", self.key, **more)

    async def everywhere(self, *, at: int = 0, live: Any = None) -> list[Any]:
        """Look at all there is, as often and in as many ways as a grader might."""
        looks: list[tuple[str, str, str, dict[str, Any]]] = [
            ("GET", "Fhir", "fhir/Patient?_sort=_id", {}),
            ("GET", "Fhir", "fhir/Patient?_count=1&_sort=_id", {}),
            ("POST", "Fhir", "fhir/Patient/_search", {"body": b"_count=1", "headers": FORM}),
            ("GET", "Fhir", "fhir/Patient/ana/_history", {}),
            ("GET", "Fhir", "fhir/Patient/nobody", {}),
            ("GET", "Fhir", "fhir/metadata", {}),
            ("GET", "Hl7", "hl7/inbox", {}),
            ("GET", "Hl7", "hl7/outbound", {}),
            ("GET", "Files", "files/?recursive=true", {}),
            ("GET", "Payer", "portal/patients", {}),
            ("GET", "Payer", "portal/prior-auths", {}),
        ]
        answers = [await self.call(method, kind, path, at=at, live=live, **more) for method, kind, path, more in looks]
        listed = answers[-1].json["data"]
        for row in listed:
            path = f"portal/prior-auths/{row['request_id']}"
            answers += [await self.call("GET", "Payer", path, at=at, live=live) for _ in range(4)]
        assert [a.status for a in answers] == [404 if a.status == 404 else 200 for a in answers], answers
        return answers

    async def events(self, *, at: int = 0) -> list[Any]:
        return list(await self.run.events(at))


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def look_at(kit):
    def make(run: Any) -> Looker:
        return Looker(run, kit.api_key)

    return make


@pytest.fixture
def with_payer(disk, kit):
    """Publish `payer@1`: the clinic, with a payer that answers as the configuration says, and these tasks."""

    def publish(config: dict[str, Any], *tasks: Any, clock: str | None = "2026-04-23T09:00:00Z") -> None:
        definition = kit.benchmark("payer", *tasks or [kit.task("a", kit.says(42))])
        definition["environment"]["clock"] = clock
        if clock is None:
            del definition["environment"]["clock"]
        definition["environment"]["simulators"][3]["config"] = config
        disk.benchmark(definition)

    return publish


@pytest.fixture
def fhir():
    """Keyword arguments that send a resource."""

    def body(resource: Any) -> dict[str, Any]:
        return {"body": json.dumps(resource).encode(), "headers": {"Content-Type": "application/fhir+json"}}

    return body
