"""Search alone, without HTTP and recording: what one costs in the simulator, on a small seed and on a large one."""

import time
from urllib.parse import parse_qsl

from sandbox import jsonio
from sandbox.clock import SystemClock
from sandbox.playground.branch import Branch, Document, Seed, SeedCollection
from sandbox.playground.playground import Interaction, NullRecorder, Playground, Sandbox
from sandbox.simulators.fhir.search import SearchRequest, search
from sandbox.simulators.fhir.search.query.store import Store
from tests.bench import data
from tests.bench.operations import operations
from tests.bench.peers import say

BASE = "http://127.0.0.1:8787/v1/benchmark-runs/br_01M817FNHZS3YYXX44R0836WC7/fhir"
SIZES = (1_000, 50_000)
BATCHES = 200
BATCH = 20


def seed_of(resources: int) -> Seed:
    """Return a seed with the resources of the benchmarks."""
    patients = resources // 10
    rows = {
        "fhir/Patient": [data.patient(i) for i in range(patients)],
        "fhir/Observation": [data.observation(i, patients) for i in range(resources - patients)],
    }
    return Seed(
        {
            name: SeedCollection({row["id"]: Document(json=jsonio.dump_to_keep(row)) for row in values})
            for name, values in rows.items()
        }
    )


async def bench_search() -> None:
    """Print, for each kind of search, the least time of one that is new, and of one that was asked before.

    The very first makes its indexes.

    On the main thread, as searches are answered there.
    """
    for size in SIZES:
        sandbox = Sandbox("sb_1", "sim_1", "Fhir", "EHR", "fhir", {}, {})
        branch = Branch(seed_of(size))
        playground = Playground("pg_1", "bench", None, branch, (sandbox,), SystemClock(), NullRecorder())
        tx = playground.look(sandbox)
        chained = tuple(f"Observation?subject:Patient.identifier=MRN{i:07d}" for i in range(BATCH))
        kinds = [(o.name, o.paths) for o in operations(size) if o.is_search] + [("search by a chain", chained)]
        for name, paths in kinds:
            requests = []
            for path in paths[:BATCH]:
                kind, _, query = path.partition("?")
                requests.append(SearchRequest(kind, tuple(parse_qsl(query)), BASE))
            began = time.perf_counter()
            search(tx, requests[0])
            first, plans = time.perf_counter() - began, Store.of(branch).plans
            new = again = 1.0
            for _ in range(BATCHES):
                plans.clear()
                new = min(new, _each(tx, requests))
                again = min(again, _each(tx, requests))
            value = f"{new * 1e6:.0f} µs, asked again {again * 1e6:.0f} µs; the very first {first * 1000:,.0f} ms"
            say(f"FHIR {name} alone, {size:,} resources", value)


def _each(tx: Interaction, requests: list[SearchRequest]) -> float:
    began = time.perf_counter()
    for request in requests:
        search(tx, request)
    return (time.perf_counter() - began) / len(requests)
