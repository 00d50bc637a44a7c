"""A started run with an EHR, and what its agent asks to be told of."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sandbox.subscriptions import queue

FHIR_JSON = "application/fhir+json"
OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
    "subject": {"reference": "Patient/ana"},
}


class Subscriber:
    """The FHIR surface as an agent writes to it."""

    def __init__(self, run: Any) -> None:
        self.run = run

    async def call(self, method: str, path: str, body: Any = None, kind: str = FHIR_JSON, **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent["Content-Type"] = kind
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.run.call(method, f"fhir/{path}" if path else "fhir", body=data, headers=sent)

    async def ask(self, endpoint: str, criteria: str = "Observation?code=4548-4", **more: Any) -> str:
        """Create a Subscription; return its id."""
        answer = await self.call("POST", "Subscription", subscription(endpoint, criteria, **more))
        assert answer.status == 201, answer
        assert answer.json["status"] == "requested"
        return str(answer.json["id"])

    async def observe(self, **more: Any) -> Any:
        answer = await self.call("POST", "Observation", {**OBSERVATION, **more})
        assert answer.status == 201, answer
        return answer.json

    async def read(self, subscription_id: str) -> Any:
        answer = await self.call("GET", f"Subscription/{subscription_id}")
        assert answer.status == 200, answer
        return answer.json

    async def until(self, look: Callable[[], Any]) -> Any:
        """Wait for what is neither a call of the agent's nor one that moves its clock."""

        async def looked() -> Any:
            found = look()
            return await found if isinstance(found, Awaitable) else found

        return await self.run.live.until(looked)

    async def attempts(self) -> list[Any]:
        return [e["response"]["body"] for e in await self.run.events() if e["type"] == "subscription_delivery"]

    async def attempted(self, count: int) -> list[Any]:
        async def look() -> Any:
            found = await self.attempts()
            return found if len(found) >= count else None

        found: list[Any] = await self.run.live.until(look)
        return found

    async def wait(self, **body: Any) -> Any:
        answer = await self.run.call("POST", "clock/advance", json=body)
        assert answer.status == 200, answer
        return answer.json


def subscription(endpoint: Any, criteria: Any = "Observation?code=4548-4", **more: Any) -> Any:
    channel = {"type": "rest-hook", "endpoint": endpoint}
    for name in ("payload", "header", "type"):
        if name in more:
            channel[name] = more.pop(name)
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "to know",
        "criteria": criteria,
        "channel": channel,
        **more,
    }


SCHEDULE = queue.SCHEDULE


@pytest.fixture(autouse=True)
def _no_attempt_comes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, attempts come when a test moves the clock."""
    monkeypatch.setattr(queue, "SCHEDULE", tuple(100 * seconds for seconds in SCHEDULE))


@pytest.fixture
async def ehr(live: Any) -> Subscriber:
    return Subscriber(await live.started())


@pytest.fixture(scope="session")
def subscriber() -> type[Subscriber]:
    return Subscriber
