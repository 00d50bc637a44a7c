"""FHIRPath: compiling and evaluating beside fhirpathpy; what search indexing and `sandbox check` cost."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fhirpathpy
import orjson
from fhirpathpy.models import models

from sandbox import jsonio
from sandbox.clock import SystemClock
from sandbox.fhirpath import Context, _compiled, compile_expression
from sandbox.garbage import no_collection
from sandbox.playground.branch import Branch
from sandbox.playground.playground import NullRecorder, Playground, Sandbox
from sandbox.simulators.fhir.search import SearchRequest, search
from sandbox.simulators.fhir.search.terms.definitions import parameters_of
from sandbox.simulators.fhir.search.types import search_type_of
from tests.bench import data
from tests.bench.peers import say
from tests.bench.search import BASE, seed_of

EXPRESSIONS = [
    "name.where(use = 'official').given.first()",
    "Patient.name.given",
    "telecom.where(system = 'phone').value",
    "birthDate < @2000-01-01",
    "identifier.where(system = 'urn:mrn').value = '1'",
    "name.exists(family.startsWith('C')) and active",
    "address.line.count() > 0",
    "(name.family | name.given).distinct().count()",
]
CRITERIA = 1_136
TASKS = 300
ROUNDS = 7


def least(run: Callable[[], Any], times: int = 1) -> float:
    """Return the least time of one call, in seconds, over rounds of several."""
    best = float("inf")
    with no_collection():
        for _ in range(ROUNDS):
            began = time.perf_counter()
            for _ in range(times):
                run()
            best = min(best, (time.perf_counter() - began) / times)
    return best


def bench_expressions() -> None:
    """Compile and evaluate, each expression by both engines."""
    text = jsonio.dump(data.patient(1))
    patient, plain = jsonio.parse(text), orjson.loads(text)
    compiling, evaluating = [], []
    for expression in EXPRESSIONS:
        ours = least(lambda e=expression: (_compiled.cache_clear(), compile_expression(e, "Patient")))  # type: ignore[misc]
        theirs = least(lambda e=expression: fhirpathpy.compile(e, models["r4"]))  # type: ignore[misc]
        compiling.append((ours, theirs))
        run, other = compile_expression(expression, "Patient"), fhirpathpy.compile(expression, models["r4"])
        ours = least(lambda run=run: run.evaluate(patient, Context()), 200)  # type: ignore[misc]
        theirs = least(lambda run=other: run(plain), 200)  # type: ignore[misc]
        evaluating.append((ours, theirs))
    for what, rows in (("compile", compiling), ("evaluate", evaluating)):
        mine, other = (statistics.median(row[side] for row in rows) * 1e6 for side in (0, 1))
        ratios = sorted(b / a for a, b in rows)
        value = f"{mine:.1f} µs, fhirpathpy {other:.1f} µs: {ratios[0]:.0f} to {ratios[-1]:.0f} times faster"
        say(f"FHIRPath, {what} an expression, median of {len(rows)}", value)


def bench_indexing() -> None:
    """Read a resource by every search parameter of its type."""
    for kind, resource in (("Patient", data.patient(1)), ("Observation", data.observation(1, 10))):
        known = [p for p in parameters_of(kind).values() if not p.code.startswith("_")]
        plain = orjson.loads(jsonio.dump(resource))

        def index(known: list[Any] = known, plain: Any = plain) -> None:
            for parameter in known:
                found = search_type_of(parameter)
                found.new_index(parameter, "").load([("1", found.read(parameter, "", plain))])

        say(f"FHIR search, index one {kind} ({len(known)} parameters)", f"{least(index, 20) * 1e3:.3f} ms")


def bench_first_search(resources: int = 100_000) -> None:
    """The first search of a parameter on a large seed, which makes its index."""
    seed = seed_of(resources)
    sandbox = Sandbox("sb_1", "sim_1", "Fhir", "EHR", "fhir", {}, {})
    for query in ("code=x", "patient=x", "date=1999", "value-quantity=5555", "component-code=x"):
        best = float("inf")
        for _ in range(3):
            for collection in seed.collections.values():
                collection.caches.clear()
            branch = Branch(seed)
            tx = Playground("pg", "bench", None, branch, (sandbox,), SystemClock(), NullRecorder()).look(sandbox)
            name, _, value = query.partition("=")
            began = time.perf_counter()
            search(tx, SearchRequest("Observation", ((name, value),), BASE))
            best = min(best, time.perf_counter() - began)
        say(
            f"FHIR search, the first Observation?{query.partition('=')[0]}, {resources:,} resources",
            f"{best * 1e3:,.0f} ms",
        )


def write_benchmark(home: Path) -> tuple[Path, Path]:
    """Write a benchmark of 300 tasks and 1,136 criteria, all different; return playgrounds and seeds."""
    shapes = [
        ("Patient", "name.where(use = 'official').family = 'F{n}' and birthDate < @2000-01-01"),
        ("Patient", "telecom.where(system = 'phone' and value.endsWith('{n}')).exists()"),
        ("Observation", "value.ofType(Quantity).value = {n}.8 and value.unit = 'mmol/L'"),
        ("Observation", "component.where(code.text = 'c{n}').value.exists() or status = 'final'"),
    ]
    tasks: list[dict[str, Any]] = [{"key": f"t{n}", "name": f"T{n}", "criteria": []} for n in range(TASKS)]
    for number in range(CRITERIA):
        kind, shape = shapes[number % len(shapes)]
        assertion = {
            "assert": "fhir-resource-state",
            "resource_type": kind,
            "search": {"_id": f"r{number}"},
            "fhirpath": shape.replace("{n}", str(number)),
        }
        tasks[number % TASKS]["criteria"].append({"label": f"c{number}", "assertion": assertion})
    environment = {"name": "Clinic", "simulators": [{"type": "Fhir", "name": "EHR", "dataset": "one"}]}
    definition = {"slug": "many", "version": 1, "name": "Many criteria", "environment": environment, "tasks": tasks}
    path = home / "playgrounds" / "many" / "v1" / "benchmark.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(definition, indent=1))
    seed = home / "seeds" / "one" / "fhir" / "patients.ndjson"
    seed.parent.mkdir(parents=True)
    seed.write_text('{"resourceType":"Patient","id":"a"}\n')
    return home / "playgrounds", home / "seeds"


def bench_check(home: Path) -> None:
    """`sandbox check` of a benchmark of 1,136 criteria, as a process of its own: CPU time."""
    playgrounds, seeds = write_benchmark(home / "check")
    command = [sys.executable, "-m", "sandbox", "check", str(playgrounds), "--seeds", str(seeds)]
    best = float("inf")
    for _ in range(3):
        before = os.times()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        best = min(best, after.children_user + after.children_system - before.children_user - before.children_system)
    say(f"sandbox check, {TASKS} tasks with {CRITERIA:,} FHIRPath criteria", f"{best:.2f} s of CPU")


async def bench_fhirpath(home: Path) -> None:
    """Print all of it."""
    bench_expressions()
    bench_indexing()
    bench_check(home)
    bench_first_search()
