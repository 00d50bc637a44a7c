"""The first search of a parameter on a large seed, which makes its index, by the build on the path; prints JSON."""

import json
import sys
import time

from sandbox.clock import SystemClock
from sandbox.playground.branch import Branch
from sandbox.playground.playground import NullRecorder, Playground, Sandbox
from sandbox.simulators.fhir.search import SearchRequest, search
from tests.bench.search import BASE, seed_of

QUERIES = ("code=x", "patient=x", "date=1999", "value-quantity=5555", "code-value-quantity=x$5555", "component-code=x")


def first_searches(resources: int, rounds: int = 3) -> dict[str, float]:
    """Return the least time of each, in seconds of CPU, which others on the machine disturb less."""
    seed = seed_of(resources)
    sandbox = Sandbox("sb_1", "sim_1", "Fhir", "EHR", "fhir", {}, {})
    found = {}
    for query in QUERIES:
        best = float("inf")
        for _ in range(rounds):
            for collection in seed.collections.values():
                collection.caches.clear()
            playground = Playground("pg", "bench", None, Branch(seed), (sandbox,), SystemClock(), NullRecorder())
            tx = playground.look(sandbox)
            name, _, value = query.partition("=")
            began = time.process_time()
            search(tx, SearchRequest("Observation", ((name, value),), BASE))
            best = min(best, time.process_time() - began)
        found[name] = best
    return found


if __name__ == "__main__":
    print(json.dumps(first_searches(int(sys.argv[1]))))
