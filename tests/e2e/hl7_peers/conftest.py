"""A server with an interface engine and a chart system, and peers that nobody here wrote, as processes of their own."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.testing.server import running_server
from tests.e2e.downloads import npm_folder, python_of, tool

HERE = Path(__file__).parent
PEER_S = 60
PYTHON_PEERS = ("hl7==0.4.5", "hl7lw==0.1.2", "mllp-http==1.1.4", "hl7v2-fhir-bridge==0.1.0")

ORU = (
    "MSH|^~\\&|LAB|HOSP|EHR|CLINIC|20260423083000+0000||ORU^R01^ORU_R01|{control}|P|2.5\r"
    "PID|1||P1^^^HOSP^MR||{name}||19700101|F\r"
    "OBR|1|ORD1^CPOE|F1^LAB|718-7^Hemoglobin^LN|||20260423080000+0000|||||||||||||||20260423082500+0000||HM|F\r"
    "OBX|1|NM|718-7^Hemoglobin^LN||13.2|g/dL^g/dL^UCUM|12-16|N|||F\r"
)


def oru(control: str, name: str = "Reyes^Ana") -> str:
    return ORU.format(control=control, name=name)


def admission(control: str) -> str:
    return (
        f"MSH|^~\\&|ADT|HOSP|EHR|CLINIC|20260423080000+0000||ADT^A01^ADT_A01|{control}|P|2.5\rEVN|A01|20260423080000\r"
        "PID|1||P1^^^HOSP^MR||Reyes^Ana||19700101|F\rPV1|1|I|4W^401^A|||||||||||||||||V1\r"
    )


ONCE = {"delivery": {"attempts": 1, "timeout_seconds": 60}}
PATIENT = {"mrn": "P-7", "family": "Reyes", "given": "Ana", "birth_date": "1970-01-01", "sex": "F"}
PATHWAY = [
    {"admit": {"patient": PATIENT, "location": "4W^401^A", "attending": "1999991015^Marsh^Helen"}},
    {"order": {"test": "24627-2^CT Chest^LN", "number": "O1"}},
    {"result": {"filler": "F1", "values": [{"code": "59776-5^Findings^LN", "value": "Nodule."}]}},
    {"result": {"values": [{"code": "59776-5^Findings^LN", "value": "No nodule."}]}, "corrected": True},
    {"transfer": {"location": "ICU^2^B"}},
]


@dataclass
class Peer:
    """A peer that listens: its port, and the control ids of what came to it so far."""

    port: int
    came: list[str]


@dataclass
class Feed:
    """A started run: its session, and what is known of its engine."""

    server: Any
    session: Any

    @property
    def engine(self) -> Any:
        return next(s["credentials"] for s in self.session.sandboxes if s["type"] == "Hl7")

    async def get(self, path: str) -> Any:
        return (await self.session.request("GET", path)).raise_for_status().json()

    async def name(self, port: int) -> None:
        named = {"host": "127.0.0.1", "port": port}
        (await self.session.request("PUT", "hl7/listener", json=named)).raise_for_status()

    async def settled(self) -> Any:
        """The inbox, once nothing in it is pending."""
        async with asyncio.timeout(PEER_S):
            while True:
                rows = await self.get("hl7/inbox")
                if all(row["delivery"]["state"] != "pending" for row in rows):
                    return rows
                await asyncio.sleep(0.05)


def write_feed(folder: Path, slug: str, scenario: Any) -> None:
    path = folder / slug / "v1" / "benchmark.json"
    path.parent.mkdir(parents=True)
    simulators = [{"type": "Hl7", "name": "Engine", "config": ONCE}, {"type": "Fhir", "name": "EHR"}]
    definition = {
        "slug": slug,
        "version": 1,
        "name": "A feed",
        "timeout": 3600,
        "environment": {"name": "Clinic", "clock": "2026-04-23T09:00:00Z", "simulators": simulators},
        "tasks": [{"key": "t", "name": "Task", "criteria": [], "scenario": scenario}],
    }
    path.write_text(json.dumps(definition))


@pytest.fixture(scope="module")
def peers_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("playgrounds")
    steps = [
        {"action": "post_hl7_inbox", "payload": payload}
        for payload in (admission("L-1"), oru("L-2"), oru("L-3", "Núñez^José"), oru("L-4"))
    ]
    write_feed(folder, "feed", {"steps": steps})
    write_feed(folder, "pathway", {"pathway": PATHWAY})
    with running_server(playgrounds=[folder], seeds=[]) as server:
        yield server


@pytest.fixture
async def feed(peers_server: Any, request: pytest.FixtureRequest) -> Feed:
    """A run of one's own, started; its benchmark is `feed`, unless a test asks for another."""
    client = peers_server.client
    run = await client.create_benchmark_run(getattr(request, "param", "feed"))
    return Feed(peers_server, await client.start_task_run(run.task_runs[0].id))


@pytest.fixture(scope="session")
def npm_peers() -> Path:
    """The folder with the npm packages; installed once, by whoever comes first."""
    return npm_folder(HERE / "package.json")


@pytest.fixture(scope="session")
def python_peers() -> Path:
    """The interpreter that has the packages of PyPI."""
    return python_of("hl7_peers", *PYTHON_PEERS)


@pytest.fixture
def peer(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """`peer(name, given)` starts one of the peers and gives its process."""

    async def start(script: str, name: str, given: Any, **environment: str) -> Any:
        shutil.copy(HERE / script, tmp_path / script)
        (tmp_path / "given.json").write_text(json.dumps(given))
        if script.endswith(".mjs"):
            packages = request.getfixturevalue("npm_peers") / "node_modules"
            if not (tmp_path / "node_modules").exists():
                (tmp_path / "node_modules").symlink_to(packages)
            program = tool("node")
        else:
            program = str(request.getfixturevalue("python_peers"))
        return await asyncio.create_subprocess_exec(
            program,
            str(tmp_path / script),
            name,
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environment},
        )

    return start


@pytest.fixture
def sends(peer: Any) -> Any:
    """Let a peer send messages to an address; returns what was acknowledged."""

    async def run(script: str, name: str, at: tuple[str, int], messages: list[str]) -> Any:
        process = await peer(script, name, {"host": at[0], "port": at[1], "messages": messages})
        async with asyncio.timeout(PEER_S):
            out, err = await process.communicate()
        assert process.returncode == 0, err.decode()[-4000:]
        return json.loads(out.decode().splitlines()[-1])

    return run


@pytest.fixture
def listens(peer: Any) -> Any:
    """`async with listens(script, name) as found`: a peer that listens."""

    @asynccontextmanager
    async def run(script: str, name: str, given: Any = None, **environment: str) -> AsyncIterator[Peer]:
        process = await peer(script, name, given or {}, **environment)
        found = Peer(0, [])

        async def read() -> None:
            while line := await process.stdout.readline():
                found.came.append(json.loads(line))

        try:
            async with asyncio.timeout(PEER_S):
                line = await process.stdout.readline()
            assert line, (await process.stderr.read()).decode()[-4000:]
            found.port = json.loads(line)["port"]
            async with asyncio.timeout(PEER_S):  # one says its port a moment before it listens
                while True:
                    try:
                        _, writer = await asyncio.open_connection("127.0.0.1", found.port)
                        break
                    except OSError:
                        await asyncio.sleep(0.02)
            writer.close()
            reading = asyncio.create_task(read())
            yield found
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
        await reading

    return run
