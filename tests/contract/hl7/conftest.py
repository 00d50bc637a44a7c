"""An agent before an interface engine, over real HTTP."""

from dataclasses import dataclass
from typing import Any

import pytest

RAW = {"Content-Type": "application/hl7-v2"}


@dataclass(frozen=True)
class Feed:
    """One run's HL7 surface."""

    run: Any

    async def send(self, text: str) -> Any:
        """Send a message as JSON; the answer's JSON."""
        answer = await self.run.call("POST", "hl7/outbound", json={"payload": text})
        assert answer.status == 200, answer
        return answer.json

    async def send_raw(self, body: bytes, content_type: str = RAW["Content-Type"]) -> bytes:
        """Send a message as it is; the acknowledgment as it is."""
        answer = await self.run.call("POST", "hl7/outbound", body=body, headers={"Content-Type": content_type})
        assert answer.status == 200, answer
        assert answer.headers["Content-Type"].startswith(content_type.partition(";")[0])
        return bytes(answer.body)

    async def sent(self) -> Any:
        """What the engine kept, oldest first."""
        answer = await self.run.call("GET", "hl7/outbound")
        assert answer.status == 200, answer
        return answer.json


@pytest.fixture
async def feed(serve: Any) -> Any:
    async with serve() as live:
        yield Feed(await live.started())
