"""A sender on a socket before an interface engine's own port, over real TCP."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

VT, FS, CR = b"\x0b", b"\x1c", b"\r"
WAIT_S = 20
ORU = (
    "MSH|^~\\&|LAB|HOSP|EHR|CLINIC|20260423083000||ORU^R01^ORU_R01|{control}|P|2.5{more}\r"
    "PID|1||P1^^^MRN||Reyes^Ana||19700101|F\r"
    "OBR|1|||718-7^Hemoglobin^LN\rOBX|1|NM|718-7^Hemoglobin^LN||13.2|g/dL|||||F\r"
)


def framed(text: str | bytes) -> bytes:
    return VT + (text.encode() if isinstance(text, str) else text) + FS + CR


@dataclass
class Sender:
    """One connection; answers are read frame by frame, and what stands between them is kept apart."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> str:
        async with asyncio.timeout(WAIT_S):
            data = await self.reader.readuntil(FS + CR)
        assert data.startswith(VT), data
        assert data.endswith(CR + FS + CR), data
        assert len(data) < 4096
        return data[1:-2].decode()

    async def send(self, text: str | bytes) -> str:
        await self.write(framed(text))
        return await self.answer()

    async def rest(self) -> bytes:
        async with asyncio.timeout(WAIT_S):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@dataclass
class Wire:
    """A started run with an interface engine, and the connections to it."""

    live: Any
    run: Any
    sandbox: Any
    open: list[Sender]

    @property
    def credentials(self) -> Any:
        return self.sandbox["credentials"]

    async def connect(self, port: int | None = None) -> Sender:
        host = self.credentials["mllp_host"]
        sender = Sender(*await asyncio.open_connection(host, port or self.credentials["mllp_port"]))
        self.open.append(sender)
        return sender

    async def sent(self) -> Any:
        """What the engine kept, oldest first, all pages."""
        found, after = [], ""
        while True:
            answer = await self.run.call("GET", f"hl7/outbound?limit=100{after}")
            assert answer.status == 200, answer
            found += answer.json
            if "next" not in answer.headers.get("Link", ""):
                return found
            after = f"&after={answer.json[-1]['id']}"

    async def events(self, kind: str = "hl7_outbound") -> Any:
        return [event for event in await self.run.events() if event["type"] == kind]

    def oru(self, control: str, more: str = "") -> str:
        return ORU.format(control=control, more=more)


def msa(ack: str) -> list[str]:
    """MSA-1 and MSA-2 of an acknowledgment."""
    return next(line.split("|")[1:3] for line in ack.split("\r") if line.startswith("MSA"))


@pytest.fixture
def wired() -> Any:
    """`async with`-less: `await wired(live)` starts a run and gives its wire; connections are closed at the end."""
    return _wire


async def _wire(live: Any, run: Any = None, index: int = 0, **more: Any) -> Wire:
    if run is None:
        run = await live.run(**more)
    started = await run.start(index)
    sandbox = next(s for s in started["sandboxes"] if s["type"] == "Hl7")
    return Wire(live, run, sandbox, [])


@pytest.fixture
async def wire(live: Any) -> Any:
    made = await _wire(live)
    yield made
    for sender in made.open:
        await sender.close()


@pytest.fixture(scope="session")
def mllp() -> Callable[..., Any]:
    return framed


@pytest.fixture(scope="session")
def told() -> Callable[[str], list[str]]:
    return msa
