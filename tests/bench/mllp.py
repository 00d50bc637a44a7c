"""MLLP: round trips of a 20-segment ORU, recorded, beside a server of python-hl7's and an echo of the frame.

All three are processes of their own and are driven in alternation by the same client, over 1 connection and over 20, a
message at a time on each. The server of python-hl7 parses what comes and answers AA, whatever it is; the echo finds the
end of the frame and sends it back, on asyncio's own loop. The memory is what 1,000 connections that say nothing add.
"""

import asyncio
import contextlib
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import yaml

from tests.bench import servers
from tests.bench.targets import MLLP_ECHO, MLLP_ECHO_TOGETHER, MLLP_PEER, MLLP_PEER_TOGETHER, Scores, Target
from tests.e2e.downloads import python_of

ROUNDS = 5
COUNTS = {1: 500, 20: 2000}
IDLE = 1000
SOLVER = {"Authorization": "Bearer vrl_slv_local"}
END = b"\x1c\r"
PEER = """
import asyncio, sys
from hl7.mllp import start_hl7_server
async def take(reader, writer):
    try:
        while True:
            message = await reader.readmessage()
            writer.writemessage(message.create_ack())
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()
async def main():
    server = await start_hl7_server(take, host="127.0.0.1", port=int(sys.argv[1]), encoding="utf-8")
    print("ready", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
ECHO = """
import asyncio, sys
class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.held = transport, b""
    def data_received(self, data):
        self.held += data
        while (end := self.held.find(b"\\x1c\\r")) >= 0:
            self.transport.write(self.held[: end + 2])
            self.held = self.held[end + 2 :]
async def main():
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", int(sys.argv[1]))
    print("ready", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
LINE = (
    "OBX|{n}|NM|718-7^Hemoglobin [Mass/volume] in Blood^LN||13.{n}|g/dL^g/dL^UCUM|12.0-16.0|N|||F|||20260423081500+0000"
)
MESSAGE = "\r".join(
    [
        "MSH|^~\\&|LAB|HOSP|EHR|CLINIC|20260423083000+0000||ORU^R01^ORU_R01|C-1|P|2.5.1",
        "PID|1||RC-100201^^^REGMED^MR||CHEN^MARIA||19840312|F|||12 Elm Street^^Riverton^OH^44199||330-555-0124",
        "PV1|1|I|4W^401^A||||1999991015^MARSH^HELEN",
        "ORC|RE|ORD-260422-211|LL26112-0417|||||||||1999991015^MARSH^HELEN",
        "OBR|1|ORD-260422-211|LL26112-0417|58410-2^CBC panel^LN|||20260423081500+0000"
        + "|" * 15
        + "20260423083000+0000||HM|F",
        *(LINE.format(n=n) for n in range(1, 16)),
        "",
    ]
)
FRAME = b"\x0b" + MESSAGE.encode() + END


class _Client(asyncio.Protocol):
    """Sends the next message when the one before is answered, as long as there are any left to send."""

    def __init__(self, left: list[int], is_over: asyncio.Future[None]) -> None:
        self._left = left
        self._is_over = is_over
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def begin(self) -> None:
        if self._left[0]:
            self._left[0] -= 1
            self._transport.write(FRAME)
        elif not self._is_over.done():
            self._is_over.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._held += data
        if self._held.endswith(END):
            assert b"|AR|" not in self._held and b"|AE|" not in self._held, self._held
            self._held = b""
            self.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_over.done():
            self._is_over.set_exception(ConnectionError("the server ended the connection"))

    def close(self) -> None:
        self._transport.close()


async def _drive(port: int, connections: int, count: int) -> float:
    """Return round trips a second."""
    loop = asyncio.get_running_loop()
    left, clients = [count], []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: _Client(left, loop.create_future()), "127.0.0.1", port
        )  # fmt: skip
        clients.append(client)
    began = time.perf_counter()
    for client in clients:
        client.begin()
    await asyncio.gather(*(client._is_over for client in clients))
    took = time.perf_counter() - began
    for client in clients:
        client.close()
    return count / took


async def bench_mllp(session: aiohttp.ClientSession, home: Path, scores: Scores) -> None:
    """Print round trips a second on all three, their ratios, and what idle connections take."""
    folder = home / "mllp"
    python = str(python_of("bench_hl7", "hl7==0.4.5"))
    with _sandbox(folder) as server, _other(python, PEER) as peer, _other(sys.executable, ECHO) as echo:
        ports = {"sandbox": await _started(session, server.url), "python-hl7": peer, "echo": echo}
        for connections, count in COUNTS.items():
            rates: dict[str, list[float]] = {name: [] for name in ports}
            for _ in range(ROUNDS):
                for name, port in ports.items():
                    rates[name].append(await _drive(port, connections, count))
            for name, found in rates.items():
                title = f"MLLP round trips, 20-segment ORU, {connections} connections, {name}"
                print(f"{title:<64} {statistics.median(found):.0f} /s", flush=True)
            for other, target in _targets(connections):
                pairs = zip(rates["sandbox"], rates[other], strict=True)
                ratio = statistics.median(mine / theirs for mine, theirs in pairs)
                print(f"{f'MLLP, {connections} connections, sandbox / {other}':<64} {ratio:.2f}", flush=True)
                scores.note(target, ratio)
        await _idle(server, ports["sandbox"])


def _targets(connections: int) -> list[tuple[str, Target]]:
    if connections == 1:
        return [("python-hl7", MLLP_PEER), ("echo", MLLP_ECHO)]
    return [("python-hl7", MLLP_PEER_TOGETHER), ("echo", MLLP_ECHO_TOGETHER)]


async def _idle(server: servers.Server, port: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    before = server.memory_bytes()
    open_now = [await asyncio.open_connection("127.0.0.1", port) for _ in range(IDLE)]
    _, writer = open_now[-1]
    writer.write(FRAME)
    await open_now[-1][0].readuntil(END)  # all before it are accepted
    after = server.memory_bytes()
    title = f"memory of {IDLE} idle MLLP connections"
    print(f"{title:<64} {(after - before) / 2**20:.1f} MiB, {(after - before) / IDLE / 2**10:.1f} KiB each", flush=True)
    for _, writer in open_now:
        writer.close()


async def _started(session: aiohttp.ClientSession, url: str) -> int:
    async with session.post(f"{url}/v1/benchmark-runs", json={"benchmark": "feed"}, headers=SOLVER) as answer:
        run = await answer.json()
    headers = {"Authorization": f"Bearer {run['bearer_token']}"}
    async with session.post(f"{url}{run['task_runs'][0]['start_url']}", headers=headers) as answer:
        started = await answer.json()
    return int(started["sandboxes"][0]["credentials"]["mllp_port"])


@contextlib.contextmanager
def _sandbox(folder: Path) -> Iterator[servers.Server]:
    playground = folder / "playgrounds" / "feed" / "v1"
    playground.mkdir(parents=True)
    (folder / "seeds").mkdir()
    definition = {
        "slug": "feed",
        "version": 1,
        "name": "A feed",
        "timeout": 3600,
        "environment": {"name": "Feed", "simulators": [{"type": "Hl7", "name": "Engine"}]},
        "tasks": [{"key": "send", "name": "Send messages"}],
    }
    (playground / "benchmark.yaml").write_text(yaml.safe_dump(definition))
    with servers.sandbox(folder / "data", str(folder / "seeds"), str(folder / "playgrounds")) as server:
        yield server


@contextlib.contextmanager
def _other(python: str, program: str) -> Iterator[int]:
    """Run another server on a free port."""
    port = servers.free_port()
    process = subprocess.Popen([python, "-c", program, str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield port
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
