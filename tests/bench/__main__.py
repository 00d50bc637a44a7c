"""`make bench`: what the server costs beside a bare aiohttp route, all in one run on one machine.

Every rate is taken in alternation with the bare route that returns the same bytes, and printed as a
ratio; absolute figures stand beside it for orientation only. The targets that were set come last, as a table.

`make bench ARGS="part part …"` runs some parts only: fhir recording inprocess hl7 create many restore llm search seed
size stall spans peers attacks dashboard sftp mcp mllp x12 portal.
The parts `recording` and `inprocess` hold this build against the one of commit 1275e35, which they check out into a
temporary directory (`git worktree`) and remove again; it runs on the packages of this build.
"""

import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.bench import data, servers
from tests.bench.attacks import bench_attacks
from tests.bench.dashboard import bench_dashboard
from tests.bench.earlier import ROOT, earlier_build
from tests.bench.fhirpath import bench_fhirpath
from tests.bench.llm import bench_llm
from tests.bench.load import drive, request_bytes
from tests.bench.many import bench_many
from tests.bench.mcp import bench_mcp
from tests.bench.mllp import bench_mllp
from tests.bench.peers import bench_peers
from tests.bench.portal import bench_portal
from tests.bench.search import bench_search
from tests.bench.seed import bench_seed
from tests.bench.sftp import bench_sftp
from tests.bench.size import bench_size
from tests.bench.spans import bench_spans
from tests.bench.stall import bench_stall
from tests.bench.targets import (
    BESIDE_HL7,
    CREATE_INSIDE,
    P99,
    READ_ALONE,
    READ_BARE,
    READ_INSIDE,
    READ_TOGETHER,
    SEARCH_BARE,
    SEQUENTIAL,
    Scores,
)
from tests.bench.x12 import bench_x12

ROUNDS = 5
COUNT = 4000
CONNECTIONS = 32
SOLVER = {"Authorization": "Bearer vrl_slv_local"}


def say(name: str, value: str) -> None:
    print(f"{name:<64} {value}", flush=True)


async def start_run(session: aiohttp.ClientSession, url: str, benchmark: str) -> tuple[str, str, list[str]]:
    """Create a run and start its first task; return the surface root, the token and the task runs."""
    async with session.post(f"{url}/v1/benchmark-runs", json={"benchmark": benchmark}, headers=SOLVER) as answer:
        run = await answer.json()
    token = run["bearer_token"]
    task_runs = [t["id"] for t in run["task_runs"]]
    async with session.post(
        f"{url}/v1/task-runs/{task_runs[0]}/start", headers={"Authorization": f"Bearer {token}"}
    ) as answer:
        assert answer.status == 200, await answer.text()
    return f"{url}/v1/benchmark-runs/{run['benchmark_run_id']}", token, task_runs


async def ratio_to_bare(
    session: aiohttp.ClientSession, bare: servers.Server, url: str, token: str
) -> tuple[float, float, float]:
    """Return (ratio, rate, bare rate): medians over rounds of GETs of the same bytes."""
    async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
        body, content_type = await answer.read(), answer.headers["Content-Type"]
        assert answer.status == 200, body
    async with session.put(f"{bare.url}/bytes", data=body, headers={"Content-Type": content_type}):
        pass
    ours, plain = request_bytes("GET", url, token), request_bytes("GET", f"{bare.url}/bytes")
    ratios, rates, bare_rates = [], [], []
    for _ in range(ROUNDS):
        theirs = await drive(bare.url, [plain], count=COUNT, connections=CONNECTIONS)
        mine = await drive(url, [ours], count=COUNT, connections=CONNECTIONS)
        assert mine.statuses == {200}
        ratios.append(mine.rate / theirs.rate)
        rates.append(mine.rate)
        bare_rates.append(theirs.rate)
    return statistics.median(ratios), statistics.median(rates), statistics.median(bare_rates)


async def bench_fhir(session: aiohttp.ClientSession, home: Path, bare: servers.Server, scores: Scores) -> None:
    """Read and one-parameter search through the run-scoped surface, recorded."""
    seeds, playgrounds = data.write_clinic(home / "fhir", resources=0, tasks=2)
    with servers.sandbox(home / "fhir-data", seeds, playgrounds) as server:
        root, token, _ = await start_run(session, server.url, "bench")
        async with session.get(f"{root}/fhir/Patient?_count=1", headers={"Authorization": f"Bearer {token}"}) as answer:
            patient = (await answer.json())["entry"][0]["resource"]
        identifier = patient["identifier"][0]["value"]
        paths = (
            ("FHIR read", f"/fhir/Patient/{patient['id']}"),
            ("FHIR search, one token parameter", f"/fhir/Patient?identifier={identifier}"),
            ("FHIR search, one string parameter", f"/fhir/Patient?family={patient['name'][0]['family']}"),
        )
        with servers.bare("uvloop") as on_uvloop:
            for name, path in paths:
                root, token, _ = await start_run(session, server.url, "bench")  # a task run's events are limited
                for peer, loop in ((bare, "asyncio"), (on_uvloop, "uvloop")):
                    ratio, rate, plain = await ratio_to_bare(session, peer, root + path, token)
                    value = f"{ratio:.2f}   ({rate:,.0f} of {plain:,.0f} per second)"
                    say(f"{name} / bare aiohttp on {loop}", value)
                    if loop == "uvloop":
                        scores.note(READ_BARE if name == "FHIR read" else SEARCH_BARE, ratio)


@dataclass
class Side:
    """One server of a comparison, what is asked of it, and what every round showed."""

    server: servers.Server
    call: bytes
    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)


async def bench_recording(session: aiohttp.ClientSession, home: Path, scores: Scores) -> None:
    """What recording costs: the same reads with and without it and by the earlier build, in alternation."""
    seeds, playgrounds = data.write_clinic(home / "fhir", resources=0, tasks=2)
    with (
        earlier_build(home) as tree,
        servers.sandbox(home / "on", seeds, playgrounds) as on,
        servers.sandbox(home / "off", seeds, playgrounds, recording=False) as off,
        servers.sandbox(home / "before", seeds, playgrounds, tree=tree) as before,
    ):
        for connections, count in ((1, COUNT // 2), (CONNECTIONS, COUNT)):
            sides = []
            for server in (on, off, before):
                root, token, _ = await start_run(session, server.url, "bench")
                headers = {"Authorization": f"Bearer {token}"}
                async with session.get(f"{root}/fhir/Patient?_count=1", headers=headers) as answer:
                    patient = (await answer.json())["entry"][0]["resource"]
                sides.append(Side(server, request_bytes("GET", f"{root}/fhir/Patient/{patient['id']}", token)))
            for number in range(ROUNDS + 1):
                for side in sides:
                    cpu_s = side.server.cpu_s()
                    result = await drive(side.server.url, [side.call], count=count, connections=connections)
                    assert result.statuses == {200}
                    if number > 0:  # the first one is to warm up
                        side.rates.append(result.rate)
                        side.p50.append(result.quantile(0.5))
                        side.p99.append(result.quantile(0.99))
                        side.cpu_s.append((side.server.cpu_s() - cpu_s) / count)
            mine, unrecorded, earlier = sides
            ratio = middle(mine.rates, unrecorded.rates)
            costs = [f"{statistics.median(side.cpu_s) * 1e6:.0f}" for side in sides]
            cpu = f"processor time an answer: on {costs[0]}, off {costs[1]}, earlier build {costs[2]} µs"
            say(f"recording on / off, FHIR read, connections: {connections}", f"{ratio:.2f}   ({cpu})")
            for name, ours, theirs in (("p50", mine.p50, earlier.p50), ("p99", mine.p99, earlier.p99)):
                value = f"{middle(ours, theirs):.2f}   ({statistics.median(ours) * 1000:.2f} ms)"
                say(f"{name} of recorded reads / earlier build, connections: {connections}", value)
            if connections == 1:
                scores.note(READ_ALONE, ratio, cpu)
                scores.note(SEQUENTIAL, middle(mine.p50, earlier.p50))
            else:
                scores.note(READ_TOGETHER, ratio, cpu)
                scores.note(P99, middle(mine.p99, earlier.p99))


def middle(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


async def bench_inside(home: Path, scores: Scores) -> None:
    """What an interaction costs in process, by this build and by the earlier one, in alternation."""
    with earlier_build(home) as tree:
        rounds = [[await inside(place) for place in (ROOT, tree)] for _ in range(ROUNDS)]
    for name in rounds[0][0]:
        mine = statistics.median(row[0][name] for row in rounds)
        ratio = middle([row[0][name] for row in rounds], [row[1][name] for row in rounds])
        kind, label, in_a_turn, what = name.split()
        value = f"{mine:.1f} µs, {ratio:.2f} of the earlier build's"
        say(f"{kind} in process, {label}, {in_a_turn} in a turn of the loop, {what}", value)
        if label == "recorded" and int(in_a_turn) > 1 and what == "processor":
            clock = statistics.median(row[0][name.replace(what, "clock")] for row in rounds)
            said = f"processor time, {ratio:.2f} of the earlier build's; {clock:.1f} µs on the clock"
            scores.note(READ_INSIDE if kind == "read" else CREATE_INSIDE, mine, said)


async def inside(tree: Path) -> dict[str, float]:
    """Measure a build in a process of its own."""
    script = Path(__file__).parent / "inprocess.py"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tree), str(ROOT)))}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), cwd=tree, env=environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, float] = json.loads(out)
    return found


async def bench_hl7(session: aiohttp.ClientSession, home: Path, bare: servers.Server, scores: Scores) -> None:
    """A 20-segment ORU, and what it does to the delay of FHIR reads beside it."""
    seeds, playgrounds = data.write_clinic(home / "fhir", resources=0, tasks=2)
    with servers.sandbox(home / "hl7", seeds, playgrounds) as server:
        root, token, _ = await start_run(session, server.url, "bench")
        payload = json.dumps({"payload": data.oru(20)}).encode()
        post = request_bytes("POST", f"{root}/hl7/outbound", token, payload)
        plain = request_bytes("POST", f"{bare.url}/bytes", body=payload)
        async with session.get(f"{root}/fhir/Patient?_count=1", headers={"Authorization": f"Bearer {token}"}) as answer:
            patient = (await answer.json())["entry"][0]["resource"]
        read = request_bytes("GET", f"{root}/fhir/Patient/{patient['id']}", token)
        await drive(root, [post], count=50, connections=1)
        ratios, rates = [], []
        for _ in range(ROUNDS):
            theirs = await drive(bare.url, [plain], count=COUNT // 4, connections=8)
            mine = await drive(root, [post], count=COUNT // 4, connections=8)
            ratios.append(mine.rate / theirs.rate)
            rates.append(mine.rate)
        say(
            "HL7 outbound of a 20-segment ORU / bare aiohttp",
            f"{statistics.median(ratios):.2f}   ({statistics.median(rates):,.0f} messages per second)",
        )
        alone, beside = [], []
        for _ in range(ROUNDS):
            alone.append((await drive(root, [read], count=500, connections=1)).quantile(0.99))
            hl7 = asyncio.create_task(drive(root, [post], count=COUNT // 4, connections=1))
            beside.append((await drive(root, [read], count=500, connections=1)).quantile(0.99))
            await hl7
        a, b = statistics.median(alone) * 1000, statistics.median(beside) * 1000
        scores.note(BESIDE_HL7, b / a)
        say("p99 of a FHIR read beside an HL7 sender / alone", f"{b / a:.2f}   ({b:.2f} ms, alone {a:.2f} ms)")


async def bench_create(session: aiohttp.ClientSession, home: Path) -> None:
    """Creating a run of 10 tasks on a small and on a large dataset; memory of idle playgrounds."""
    medians = {}
    for name, resources in (("clinic dataset", 0), ("50,000 resources", 50_000)):
        seeds, playgrounds = data.write_clinic(home / f"create{resources}", resources=resources, tasks=10)
        with servers.sandbox(home / f"create-data{resources}", seeds, playgrounds) as server:
            times, runs = [], []
            before = server.memory_bytes()
            for _ in range(30):
                began = time.perf_counter()
                async with session.post(
                    f"{server.url}/v1/benchmark-runs", json={"benchmark": "bench"}, headers=SOLVER
                ) as answer:
                    runs.append(await answer.json())
                    assert answer.status == 201
                times.append(time.perf_counter() - began)
            for run in runs:
                for task_run in run["task_runs"]:
                    headers = {"Authorization": f"Bearer {run['bearer_token']}"}
                    async with session.post(server.url + task_run["start_url"], headers=headers) as answer:
                        assert answer.status == 200
            grown = (server.memory_bytes() - before) / (30 * 10)
            medians[name] = statistics.median(times) * 1000
            say(f"creating a run of 10 tasks, {name}", f"{medians[name]:.1f} ms")
            say(f"memory per started, idle playground, {name}", f"{grown / 1024:.1f} KiB")
    small, large = medians.values()
    say("creating a run, 50,000 resources / clinic dataset", f"{large / small:.2f}")


async def bench_restore(session: aiohttp.ClientSession, home: Path) -> None:
    """Restarting with 100 playgrounds of 100 events each, beside a start with none."""
    seeds, playgrounds = data.write_clinic(home / "restore", resources=0, tasks=10)
    with servers.sandbox(home / "restore-data", seeds, playgrounds) as server:
        empty = server.start_s
        for _ in range(10):
            async with session.post(
                f"{server.url}/v1/benchmark-runs", json={"benchmark": "bench"}, headers=SOLVER
            ) as answer:
                run = await answer.json()
            token = run["bearer_token"]
            for task_run in run["task_runs"]:
                async with session.post(
                    server.url + task_run["start_url"], headers={"Authorization": f"Bearer {token}"}
                ) as answer:
                    assert answer.status == 200
                body = json.dumps({"resourceType": "Basic", "code": {"text": "x"}}).encode()
                post = request_bytes(
                    "POST", server.url + task_run["endpoints"]["fhir"] + "/Basic", token, body, "application/fhir+json"
                )
                result = await drive(server.url, [post], count=99, connections=8)
                assert result.statuses == {201}
        server.stop(signal.SIGKILL)
    with servers.sandbox(home / "restore-none", seeds, playgrounds) as server:
        empty = server.start_s
    with servers.sandbox(home / "restore-data", seeds, playgrounds) as server:
        full = server.start_s
    extra = (full - empty) * 1000
    say("restoring 100 playgrounds with 100 events each", f"{extra:.0f} ms more than an empty start ({empty:.2f} s)")


async def main() -> None:
    """Run the benchmarks that are named, or all."""
    wanted, scores = set(sys.argv[1:]), Scores()
    if wanted & {"-h", "--help"}:
        print(__doc__)
        return
    with tempfile.TemporaryDirectory() as folder, servers.bare() as bare:
        home = Path(folder)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600)) as session:
            for name, bench in (
                ("fhir", lambda: bench_fhir(session, home, bare, scores)),
                ("recording", lambda: bench_recording(session, home, scores)),
                ("inprocess", lambda: bench_inside(home, scores)),
                ("hl7", lambda: bench_hl7(session, home, bare, scores)),
                ("create", lambda: bench_create(session, home)),
                ("many", lambda: bench_many(session, home)),
                ("restore", lambda: bench_restore(session, home)),
                ("llm", lambda: bench_llm(session, home)),
                ("search", bench_search),
                ("fhirpath", lambda: bench_fhirpath(home, scores)),
                ("seed", lambda: bench_seed(session, home)),
                ("size", lambda: bench_size(session, home, scores)),
                ("stall", lambda: bench_stall(session, home)),
                ("spans", lambda: bench_spans(session, home)),
                ("attacks", lambda: bench_attacks(session, home)),
                ("dashboard", lambda: bench_dashboard(session, home, scores, start_run, say)),
                ("sftp", lambda: bench_sftp(session, home, scores)),
                ("mcp", lambda: bench_mcp(session, home, scores)),
                ("mllp", lambda: bench_mllp(session, home, scores)),
                ("x12", lambda: bench_x12(session, home)),
                ("portal", lambda: bench_portal(home)),
                ("peers", lambda: bench_peers(session, home, scores)),
            ):
                if not wanted or name in wanted:
                    await bench()
    print("", *scores.lines(), sep="\n")


if __name__ == "__main__":
    asyncio.run(main())
