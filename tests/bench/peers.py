"""The FHIR surface beside two peers: `sekmet-fhir` and Medplum's router on its in-memory repository.

All three hold the same resources and answer the same requests over HTTP on this machine, one after the other in every
round. Ours checks the run token, validates, and commits each call to disk before it answers; the peers' own logs are
off. How often a peer is asked depends on how long it takes: about `ROUND_S` of work in every round, at least one
request; what takes longer than `SLOW_S` is asked once and not in every round.
"""

import contextlib
import json
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import aiohttp
import yaml

from tests.bench import data, servers
from tests.bench.load import drive, request_bytes
from tests.e2e.downloads import npm_folder, python_of, tool

ROUNDS = 5
ROUND_S = 1.0
SLOW_S = 5.0
COUNT_MAX = 2000
CONNECTIONS = 16
SIZES = (1_000, 50_000)
TARGETS = 100
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


@dataclass(frozen=True)
class Peer:
    """A server under load: its FHIR base and the token that it wants."""

    name: str
    base: str
    token: str = ""


@dataclass(frozen=True)
class Operation:
    """What is measured: requests as path (and body), and the statuses that are right."""

    name: str
    paths: tuple[str, ...]
    bodies: tuple[bytes, ...] = ()
    status: int = 200
    is_search: bool = True

    def requests(self, peer: Peer) -> list[bytes]:
        """Return the requests as they go over the wire to a peer."""
        if not self.bodies:
            return [request_bytes("GET", f"{peer.base}/{path}", peer.token) for path in self.paths]
        url = f"{peer.base}/{self.paths[0]}"
        return [request_bytes("POST", url, peer.token, body, "application/fhir+json") for body in self.bodies]


def operations(resources: int) -> list[Operation]:
    """Return what is measured on a store of so many resources; targets are spread over all of it."""
    patients = max(1, resources // 10)
    chosen = [data.patient(i * patients // TARGETS) for i in range(min(TARGETS, patients))]
    loinc = quote("http://loinc.org|2823-3", safe="")
    new = [{k: v for k, v in data.patient(resources + i).items() if k != "id"} for i in range(TARGETS)]
    return [
        Operation("read", tuple(f"Patient/{p['id']}" for p in chosen), is_search=False),
        Operation("search by identifier", tuple(f"Patient?identifier={p['identifier'][0]['value']}" for p in chosen)),
        Operation("search by family name", tuple(f"Patient?family={p['name'][0]['family']}" for p in chosen)),
        Operation(
            "search by patient, code and date",
            tuple(f"Observation?patient=Patient/{p['id']}&code={loinc}&date=ge2026-03-01" for p in chosen),
        ),
        Operation("create", ("Patient",), tuple(json.dumps(row).encode() for row in new), 201, is_search=False),
    ]


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


async def check_answers(session: aiohttp.ClientSession, peers: Sequence[Peer], operation: Operation) -> None:
    """Make sure that all answer the same: a search that finds nothing would be measured for nothing."""
    found = {}
    for peer in peers:
        headers = {"Authorization": f"Bearer {peer.token}"} if peer.token else {}
        async with session.get(f"{peer.base}/{operation.paths[-1]}", headers=headers) as answer:
            value = await answer.json(content_type=None)
            assert answer.status == 200, (peer.name, value)
        found[peer.name] = sorted(e["resource"]["id"] for e in value.get("entry", ())) or value.get("id")
    assert len({str(ids) for ids in found.values()}) == 1 and found["ours"], (operation.name, found)


async def rates(peers: Sequence[Peer], operation: Operation) -> dict[str, float]:
    """Return answers per second by peer: medians over rounds in which each has its turn."""
    counts: dict[str, int] = {}
    measured: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for peer in peers:
        requests = operation.requests(peer)
        first = await drive(peer.base, [requests[len(requests) // 2]], count=1, connections=1)
        counts[peer.name] = max(1, min(COUNT_MAX, int(first.rate * ROUND_S)))
        if first.seconds > SLOW_S:
            measured[peer.name].append(first.rate)
            counts[peer.name] = 0
    for _ in range(ROUNDS):
        for peer in peers:
            count = counts[peer.name]
            if count == 0:
                continue
            result = await drive(peer.base, operation.requests(peer), count=count, connections=min(CONNECTIONS, count))
            assert result.statuses == {operation.status}, (peer.name, operation.name, result.statuses)
            measured[peer.name].append(result.rate)
    return {name: statistics.median(values) for name, values in measured.items()}


def say(name: str, value: str) -> None:
    print(f"{name:<64} {value}", flush=True)


async def bench_peers(session: aiohttp.ClientSession, home: Path, sizes: Sequence[int] = SIZES) -> None:
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
            await load_by_transactions(session, other.url, files)
            base, token = await start_run(session, ours.url)
            peers = [
                Peer("ours", base, token),
                Peer("medplum", router.url),
                Peer("sekmet", other.url),
            ]
            for operation in operations(size):
                if not operation.bodies:
                    await check_answers(session, peers, operation)
                found = await rates(peers, operation)
                mine = found.pop("ours")
                shown = ", ".join(f"{mine / rate:.1f} times {name} ({rate:,.4g})" for name, rate in found.items())
                say(f"FHIR {operation.name}, {size:,} resources", f"{shown}   ours {mine:,.0f} per second")


async def bench_seed(session: aiohttp.ClientSession, home: Path, resources: int = 100_000) -> None:
    """Print what so many resources cost as a seed: loading, memory, the first search and the next ones."""
    place = home / f"seed{resources}"
    seeds, playgrounds = data.write_clinic(place, resources=resources, tasks=1)
    small = data.write_clinic(home / "seed-small", resources=10, tasks=1)
    with servers.sandbox(home / "seed-small-data", *small) as server:
        empty_s, empty_bytes = server.start_s, server.memory_bytes()
    with servers.sandbox(place / "data", seeds, playgrounds) as server:
        say(f"loading a seed of {resources:,} resources", f"{server.start_s - empty_s:.1f} s more than an empty start")
        grown = server.memory_bytes() - empty_bytes
        say("memory of the seed", f"{grown / 2**20:,.0f} MiB, {grown / resources / 1024:.2f} KiB a resource")
        base, token = await start_run(session, server.url)
        peer = Peer("ours", base, token)
        for operation in operations(resources):
            if not operation.is_search:
                continue
            url = f"{base}/{operation.paths[0]}"
            began = time.perf_counter()
            async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
                await answer.read()
                assert answer.status == 200
            first = time.perf_counter() - began
            later = await drive(base, operation.requests(peer), count=500, connections=1)
            typical = statistics.median(later.delays)
            say(f"{operation.name}: first, then each", f"{first * 1000:,.0f} ms, {typical * 1000:.2f} ms")
        grown = server.memory_bytes() - empty_bytes
        say("memory with the indexes of these searches", f"{grown / 2**20:,.0f} MiB")
