"""The FHIR surface beside two peers: `sekmet-fhir` and Medplum's router on its in-memory repository.

All three hold the same resources and answer the same requests over HTTP on this machine, one after the other in every
round, after a time to warm up. Before an operation is measured, its answers are compared: the same resources from all.
Ours checks the run token, validates, and commits each call to disk before it answers; `sekmet-fhir` validates and keeps
its data in SQLite, its traffic log is off; Medplum's repository keeps everything in memory and validates nothing.

How often a server is asked depends on how long it takes: about `ROUND_S` of work in every round. What takes longer than
`SLOW_S` is asked once and not in every round, and what is not answered within `WAIT_S` is given up. Beside each rate
stands the processor time that the server took for one answer, which other work on the machine changes little.
"""

import contextlib
import json
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml

from tests.bench import data, servers
from tests.bench.load import drive
from tests.bench.operations import Operation, Peer, operations
from tests.bench.targets import CREATE_MEDPLUM, READ_MEDPLUM, Scores
from tests.e2e.downloads import npm_folder, python_of, tool

ROUNDS = 5
ROUND_S = 1.0
WARM_S = 1.0
SLOW_S = 5.0
WAIT_S = 300.0
SECOND_S = 0.5
COUNT_MAX = 5000
CONNECTIONS = 16
SIZES = (1_000, 50_000)
ENTRIES = 250
SOLVER = {"Authorization": "Bearer vrl_slv_local"}

SEKMET = """
import sys
import uvicorn
from sekmet.config import load_settings
from sekmet.main import create_app
settings = load_settings(sys.argv[1])
class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print("ready", settings.base_url, flush=True)
options = {"host": "127.0.0.1", "port": settings.port, "log_level": "error", "access_log": False}
Server(uvicorn.Config(create_app(settings), **options)).run()
"""


@contextlib.contextmanager
def medplum(home: Path, files: Sequence[Path]) -> Iterator[servers.Server]:
    """Run Medplum's router with these resources loaded."""
    folder = home / "router"
    folder.mkdir()
    here = Path(__file__).parent / "fhir_router"
    shutil.copy(here / "server.mjs", folder)
    (folder / "node_modules").symlink_to(npm_folder(here / "package.json") / "node_modules")
    command = [tool("node"), "--max-old-space-size=4096", str(folder / "server.mjs"), *map(str, files)]
    server = servers.Server(command, None)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def sekmet(home: Path) -> Iterator[servers.Server]:
    """Run an empty `sekmet-fhir`; its traffic log is off."""
    port = servers.free_port()
    folder = home / "sekmet"
    folder.mkdir()
    settings = {
        "base_url": f"http://127.0.0.1:{port}/fhir",
        "port": port,
        "data_dir": str(folder),
        "log_inbound": False,
        "simulator": {"enabled": False},
    }
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(settings))
    server = servers.Server([str(python_of("sekmet-fhir", "sekmet-fhir==0.1.1")), "-c", SEKMET, str(path)], None)
    try:
        yield server
    finally:
        server.stop()


async def load_by_transactions(session: aiohttp.ClientSession, base: str, files: Sequence[Path]) -> None:
    """Put the resources of these files into a server, some hundred in a transaction."""
    rows = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    for start in range(0, len(rows), ENTRIES):
        entries = [
            {"resource": row, "request": {"method": "PUT", "url": f"{row['resourceType']}/{row['id']}"}}
            for row in rows[start : start + ENTRIES]
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        async with session.post(base, json=bundle, headers={"Content-Type": "application/fhir+json"}) as answer:
            assert answer.status == 200, await answer.text()


async def start_run(session: aiohttp.ClientSession, url: str) -> tuple[str, str]:
    """Create a run and start its first task; return the FHIR base and the token."""
    async with session.post(f"{url}/v1/benchmark-runs", json={"benchmark": "bench"}, headers=SOLVER) as answer:
        run = await answer.json()
    token = run["bearer_token"]
    start = f"{url}/v1/task-runs/{run['task_runs'][0]['id']}/start"
    async with session.post(start, headers={"Authorization": f"Bearer {token}"}) as answer:
        assert answer.status == 200, await answer.text()
    return f"{url}/v1/benchmark-runs/{run['benchmark_run_id']}/fhir", token


@dataclass
class Measured:
    """What an operation showed of one server: answers per second, by round, and processor time an answer."""

    server: servers.Server
    peer: Peer
    first_s: float = 0.0
    rates: list[float] = field(default_factory=list)
    count: int = 0
    cpu_s: list[float] = field(default_factory=list)

    @property
    def is_given_up(self) -> bool:
        """Whether there was no answer in time."""
        return self.first_s >= WAIT_S


async def answer_of(session: aiohttp.ClientSession, peer: Peer, path: str) -> object:
    """Return what a server answers: a resource, or the ids on a page and the total; None when it takes too long."""
    headers = {"Authorization": f"Bearer {peer.token}"} if peer.token else {}
    try:
        async with session.get(
            f"{peer.base}/{path}", headers=headers, timeout=aiohttp.ClientTimeout(total=WAIT_S)
        ) as answer:
            value = await answer.json(content_type=None)
            assert answer.status == 200, (peer.name, value)
    except TimeoutError:
        return None
    if value["resourceType"] != "Bundle":
        return {name: item for name, item in value.items() if name != "meta"}
    ids = sorted(entry["resource"]["id"] for entry in value.get("entry", ()))
    assert ids, (peer.name, path, "finds nothing and would be measured for nothing")
    assert value.get("total", len(ids)) == len(ids), (peer.name, path, "does not fit on a page")
    return ids


async def timed_answer(session: aiohttp.ClientSession, peer: Peer, path: str) -> tuple[object, float]:
    """Return what a server answers and how long it took."""
    began = time.perf_counter()
    answer = await answer_of(session, peer, path)
    return answer, time.perf_counter() - began


async def compare_answers(session: aiohttp.ClientSession, measured: Sequence[Measured], operation: Operation) -> None:
    """Make sure that all answer the same to all targets; who is slow even the second time is asked for one only."""
    for number, path in enumerate(operation.paths[::-1]):
        found = {}
        for row in measured:
            if number and row.first_s > SECOND_S:
                continue
            answer, took_s = await timed_answer(session, row.peer, path)
            if number == 0 and SECOND_S < took_s < SLOW_S:  # it may have made an index
                answer, took_s = await timed_answer(session, row.peer, path)
            row.first_s = took_s if number == 0 else row.first_s
            if answer is not None:
                found[row.peer.name] = answer
        assert len({json.dumps(answer, sort_keys=True) for answer in found.values()}) == 1, (
            operation.name,
            path,
            found,
        )


async def measure(measured: Sequence[Measured], operation: Operation) -> None:
    """Fill in what the rounds show, in each of which every server has its turn."""
    for row in measured:
        if row.first_s > SLOW_S:
            row.rates.append(1 / row.first_s)
            continue
        requests, began, rate = operation.requests(row.peer), time.perf_counter(), 0.0
        while time.perf_counter() - began < WARM_S:
            count = max(1, min(COUNT_MAX, int(rate * WARM_S)))
            rate = (await drive(row.peer.base, requests, count=count, connections=min(CONNECTIONS, count))).rate
        row.count = max(1, min(COUNT_MAX, int(rate * ROUND_S)))
    for _ in range(ROUNDS):
        for row in measured:
            if row.count == 0:
                continue
            before, connections = row.server.cpu_s(), min(CONNECTIONS, row.count)
            result = await drive(row.peer.base, operation.requests(row.peer), count=row.count, connections=connections)
            assert result.statuses == {operation.status}, (row.peer.name, operation.name, result.statuses)
            row.rates.append(result.rate)
            row.cpu_s.append((row.server.cpu_s() - before) / row.count)


def shown(ours: Measured, other: Measured) -> str:
    """Write how many times as fast as another server ours is: the median of the rounds."""
    if other.is_given_up:
        return f"{other.peer.name} gave no answer in {WAIT_S:.0f} s"
    if other.count == 0:
        ratio = statistics.median(ours.rates) / other.rates[0]
        return f"{ratio:,.0f} times {other.peer.name} ({1 / other.rates[0]:.1f} s an answer, asked once)"
    ratio = statistics.median(a / b for a, b in zip(ours.rates, other.rates, strict=True))
    rate, cpu_ms = statistics.median(other.rates), statistics.median(other.cpu_s) * 1000
    return f"{ratio:.1f} times {other.peer.name} ({rate:,.4g}, {cpu_ms:.2f} ms)"


def say(name: str, value: str) -> None:
    print(f"{name:<64} {value}", flush=True)


async def bench_peers(session: aiohttp.ClientSession, home: Path, scores: Scores, sizes: Sequence[int] = SIZES) -> None:
    """Print how many times as fast as each peer the FHIR surface is, for every operation and size."""
    for size in sizes:
        place = home / f"peers{size}"
        seeds, playgrounds = data.write_clinic(place, resources=size, tasks=1)
        files = sorted(Path(seeds).glob("data/fhir/*.ndjson"), reverse=True)  # patients first
        with (
            servers.sandbox(place / "data", seeds, playgrounds) as ours,
            medplum(place, files) as router,
            sekmet(place) as other,
        ):
            began = time.perf_counter()
            await load_by_transactions(session, other.url, files)
            loaded = f"ours {ours.start_s:.1f} s, medplum {router.start_s:.1f} s"
            say(f"loading {size:,} resources", f"{loaded}, sekmet {time.perf_counter() - began:.1f} s")
            for operation in operations(size):
                # A task run has a limited number of events, so each operation gets one of its own.
                peers = [
                    (ours, Peer("ours", *await start_run(session, ours.url))),
                    (router, Peer("medplum", router.url)),
                    (other, Peer("sekmet", other.url)),
                ]
                measured = [Measured(*pair) for pair in peers]
                if not operation.bodies:
                    await compare_answers(session, measured, operation)
                await measure(measured, operation)
                mine, *others = measured
                if operation.name in ("read", "create"):
                    ratio = statistics.median(a / b for a, b in zip(mine.rates, others[0].rates, strict=True))
                    scores.note(READ_MEDPLUM if operation.name == "read" else CREATE_MEDPLUM, ratio)
                rate, cpu_ms = statistics.median(mine.rates), statistics.median(mine.cpu_s) * 1000
                say(
                    f"FHIR {operation.name}, {size:,} resources",
                    ", ".join(shown(mine, row) for row in others) + f"   ours {rate:,.0f} per second, {cpu_ms:.2f} ms",
                )
