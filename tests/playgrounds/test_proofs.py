"""Every task is proven over real HTTP: its solution, another way, its near miss, idleness, nonsense, and mutants."""

from pathlib import Path

import pytest

from sandbox.builtin import create_registry
from sandbox.definitions.library import load_library
from sandbox.rehearsal.agents import load_reference
from sandbox.rehearsal.mutation.proof import NonsenseAgent, find_fault, play_all_mutants, set_up, survivor_lines
from sandbox.rehearsal.proofs import RULES, prove, rules_of
from sandbox.rehearsal.runner import Options, rehearse_once
from sandbox.settings import Settings
from tests.alone import serving_only

ROOT = Path(__file__).parents[2] / "playgrounds"
VERSIONS = sorted(path.parent for path in ROOT.glob("*/v*/benchmark.yaml"))
# What no agent can do where the shared drive is read-only, there is no MLLP and no clock, and payers take requests and
# tell nothing else, by benchmark, or by version where versions differ; the README says so.
NOT_IN_STRICT_MODE = {
    "claims-batch": {"half-written", "by-the-clock", "sent-twice", "payer-receipts"},
    "eligibility-and-claims": {
        "ended-coverage",
        "cost-estimate",
        "open-claims",
        "denied-authorized",
        "no-appeal",
        "wrong-patient",
        "who-pays-first",
    },
    "lab-result-routing": {"unknown-patient", "night-inbox"},
    "pharmacy-epa": {"step-therapy", "appeal", "wanted-paper", "another-plan"},
    "prior-auth-imaging@3": {
        "pended-for-notes",
        "two-of-three",
        "wrong-patient",
        "appeal-in-time",
        "peer-to-peer",
        "not-needed",
        "another-payer",
        "smoking-history",
        "status-calls",
    },
    "interface-feed": {
        "late-preliminary",
        "corrected-result",
        "merged-chart",
        "another-facility",
        "registry-busy",
    },
}

NEWEST = {v.parent: v for v in sorted(VERSIONS, key=lambda v: int(v.name[1:]))}

# A superseded version does not change: that its agents fare as they must is tried each time, the rest on demand.
every_benchmark = pytest.mark.parametrize(
    "folder",
    [pytest.param(f, marks=() if f in NEWEST.values() else pytest.mark.slow) for f in VERSIONS],
    ids=lambda f: f"{f.parent.name}@{f.name[1:]}",
)


class Unwatched:
    """Nobody watches."""

    def run_created(self, run, task_count): ...

    def task_started(self, name): ...

    def task_ended(self, result): ...

    def run_abandoned(self, run, problem): ...


@pytest.fixture
async def client(tmp_path, request):
    """A client of a server with the benchmark alone."""
    folder, is_strict = request.node.callspec.params["folder"], getattr(request, "param", False)
    async with serving_only(tmp_path, reference_of(folder), is_strict=is_strict) as connected:
        yield connected


def reference_of(folder):
    return f"{folder.parent.name}@{folder.name[1:]}"


@pytest.fixture(scope="session")
def library():
    registry = create_registry()
    settings = Settings()
    return load_library(settings.playground_dirs, settings.seed_dirs, registry), registry


@pytest.mark.parametrize(
    ("folder", "rule"),
    [
        pytest.param(folder, rule, id=f"{reference_of(folder)}-{rule.agent}")
        for folder in VERSIONS
        for rule in rules_of(is_superseded=folder not in NEWEST.values())
    ],
)
async def test_every_agent_fares_as_it_must(client, library, folder, rule):
    async def make_nonsense():
        definitions, registry = library
        laboratory = await set_up(client, definitions.find(reference_of(folder)), registry, Options())
        return NonsenseAgent(laboratory.nonsense())

    proof = await prove(client, reference_of(folder), rule, [ROOT], Options(), Unwatched(), make_nonsense)
    assert proof.faults == ()
    assert proof.result is not None or rule.is_optional


@pytest.mark.slow
@pytest.mark.parametrize("folder", sorted(set(NEWEST.values())), ids=lambda f: reference_of(f))
async def test_the_criteria_see_what_one_mistake_makes_of_the_solution(client, library, folder):
    definitions, registry = library
    benchmark = definitions.find(reference_of(folder))
    laboratory = await set_up(client, benchmark, registry, Options())
    results = await play_all_mutants(laboratory, benchmark, Options())
    assert [(fault, survivor_lines(r)) for r in results if (fault := find_fault(r)) is not None] == []
    assert all(result.played for result in results)


@every_benchmark
async def test_the_solution_scores_one_in_a_seeded_run_too(client, folder):
    solution, options = RULES[0], Options(seed=7)
    proof = await prove(client, reference_of(folder), solution, [ROOT], options, Unwatched())
    assert (solution.agent, proof.faults) == ("solution", ())


@every_benchmark
@pytest.mark.parametrize("client", [True], ids=["strict"], indirect=True)
async def test_strict_mode_has_every_benchmark_and_names_what_cannot_be_solved_there(client, folder):
    agent = load_reference("solution", folder / "solution.py")
    result = await rehearse_once(client, reference_of(folder), agent, Options(), Unwatched())
    unsolved = {task.key for task in result.task_runs if task.score != 1.0}
    excused = NOT_IN_STRICT_MODE.get(reference_of(folder)) or NOT_IN_STRICT_MODE.get(folder.parent.name, set())
    assert unsolved == excused
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert bool(unsolved) == ("strict mode" in readme)


def test_every_benchmark_has_its_agents_and_its_record():
    assert VERSIONS
    for folder in VERSIONS:
        for name in ("solution.py", "near_miss.py", "README.md"):
            assert (folder / name).is_file(), folder / name
