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
from sandbox.fhirpath import Context, _compiled, compile_expression
from sandbox.garbage import no_collection
from sandbox.simulators.fhir.search.terms.definitions import parameters_of
from sandbox.simulators.fhir.search.types import search_type_of
from tests.bench import data
from tests.bench.earlier import ROOT, earlier_build
from tests.bench.peers import say
from tests.bench.targets import (
    CHECK,
    COMPILE,
    EVALUATE,
    FIRST_SEARCH,
    INDEX_OBSERVATION,
    INDEX_PATIENT,
    Scores,
)

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
            began = time.process_time()
            for _ in range(times):
                run()
            best = min(best, (time.process_time() - began) / times)
    return best


def bench_expressions(scores: Scores) -> None:
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
        if what == "compile":
            scores.note(COMPILE, mine)
        else:
            scores.note(EVALUATE, ratios[0], f"the least of {len(rows)} expressions")


def bench_indexing(scores: Scores) -> None:
    """Read a resource by every search parameter of its type."""
    rows = (("Patient", data.patient(1), INDEX_PATIENT), ("Observation", data.observation(1, 10), INDEX_OBSERVATION))
    for kind, resource, target in rows:
        known = [p for p in parameters_of(kind).values() if not p.code.startswith("_")]
        plain = orjson.loads(jsonio.dump(resource))

        def index(known: list[Any] = known, plain: Any = plain) -> None:
            for parameter in known:
                found = search_type_of(parameter)
                found.new_index(parameter, "").load([("1", found.read(parameter, "", plain))])

        spent = least(index, 20) * 1e3
        say(f"FHIR search, index one {kind} ({len(known)} parameters)", f"{spent:.3f} ms")
        scores.note(target, spent)


def of_build(tree: Path, *command: str) -> tuple[float, str]:
    """Run Python on a build in a process of its own; return its CPU time, in seconds, and what it printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tree), str(ROOT)))}
    before = os.times()
    done = subprocess.run(
        [sys.executable, *command], cwd=tree, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return spent, done.stdout


def bench_first_search(tree: Path, scores: Scores, resources: int = 100_000) -> None:
    """The first search of a parameter, which makes its index, by this build and by the earlier one."""
    script = str(Path(__file__).with_name("first_search.py"))
    rounds = [[json.loads(of_build(place, script, str(resources))[1]) for place in (ROOT, tree)] for _ in range(2)]
    mine, earlier = ({name: min(row[side][name] for row in rounds) for name in rounds[0][0]} for side in (0, 1))
    for name, seconds in mine.items():
        ratio = earlier[name] / seconds
        value = f"{seconds * 1e3:,.0f} ms, the earlier build {earlier[name] * 1e3:,.0f} ms"
        say(f"FHIR search, the first by {name}, {resources:,} resources", f"{value}: {ratio:.1f} times faster")
        scores.note(FIRST_SEARCH, ratio, name)


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


def bench_check(home: Path, tree: Path, scores: Scores) -> None:
    """`sandbox check` of a benchmark of 1,136 criteria, a process of its own, by this build and by the earlier one."""
    playgrounds, seeds = write_benchmark(home / "check")
    command = ("-m", "sandbox", "check", str(playgrounds), "--seeds", str(seeds))
    mine, earlier = (min(of_build(place, *command)[0] for _ in range(3)) for place in (ROOT, tree))
    value = f"{mine:.2f} s of CPU, the earlier build {earlier:.2f} s"
    say(f"sandbox check, {TASKS} tasks with {CRITERIA:,} FHIRPath criteria", value)
    scores.note(CHECK, earlier / mine)


async def bench_fhirpath(home: Path, scores: Scores) -> None:
    """Print all of it."""
    bench_expressions(scores)
    bench_indexing(scores)
    with earlier_build(home) as tree:
        bench_check(home, tree, scores)
        bench_first_search(tree, scores)
