"""A started run whose agent wrote three files, and short ways to its playground."""

from dataclasses import dataclass
from typing import Any

import pytest

AGENT = "agent"


@dataclass
class World:
    """A playground over HTTP, with the organization key."""

    live: Any
    id: str

    async def get(self) -> Any:
        return await self.live.get(f"/playgrounds/{self.id}")

    async def call(self, what: str, **body: Any) -> Any:
        return await self.live.call("POST", f"/playgrounds/{self.id}/{what}", "vk_local", json=body)

    async def post(self, what: str, *, status: int = 200, **body: Any) -> Any:
        answer = await self.call(what, **body)
        assert answer.status == status, answer
        return answer.json

    async def fork(self, **body: Any) -> "World":
        return World(self.live, (await self.post("fork", status=201, **body))["id"])

    async def hash(self) -> str:
        return str((await self.get())["state_hash"])

    async def diff(self, query: str = "") -> Any:
        return await self.live.get(f"/playgrounds/{self.id}/diff{query}")

    async def events(self) -> list[Any]:
        return list((await self.live.get(f"/playgrounds/{self.id}/events?order=asc&limit=100"))["data"])

    async def root(self, kind: str) -> str:
        """The direct root of its sandbox of a type."""
        sandbox = next(s for s in (await self.get())["sandboxes"] if s["type"] == kind)
        return f"/sandboxes/{sandbox['id']}"

    async def put_file(self, name: str, content: bytes) -> Any:
        root = await self.root("Files")
        return await self.live.call("PUT", f"{root}/files/outbox/{name}", "vk_local", body=content)

    async def get_file(self, name: str) -> Any:
        root = await self.root("Files")
        return await self.live.call("GET", f"{root}/files/outbox/{name}", "vk_local")


async def write(run: Any, name: str, content: bytes = b"x") -> int:
    """Let the agent write a file; return the number of that event."""
    answer = await run.call("PUT", f"files/outbox/{name}", body=content)
    assert answer.status in (200, 201), answer
    return int((await run.events())[-1]["seq"])


@pytest.fixture
def world_of() -> Any:
    return lambda run, index=0: World(run.live, run.value["task_runs"][index]["playground_id"])


@pytest.fixture
def agent_writes() -> Any:
    return write
