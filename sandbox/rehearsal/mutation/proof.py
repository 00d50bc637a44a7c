"""What is proven with varied recordings: the nonsense agent, and the share of mutants that criteria see."""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.client.client import SandboxClient
from sandbox.client.models import BenchmarkRun
from sandbox.client.session import TaskSession
from sandbox.definitions.load import Benchmark
from sandbox.errors import Invalid
from sandbox.rehearsal.agents import REFERENCE_FILES, load_reference
from sandbox.rehearsal.mutation.nonsense import NAME as NONSENSE
from sandbox.rehearsal.mutation.playing import ScriptAgent
from sandbox.rehearsal.mutation.trial import Laboratory, MutantsResult
from sandbox.rehearsal.runner import Options, TaskResult, rehearse_once
from sandbox.runs.registry import Registry

KILLED_MIN: Final = 0.95


class NonsenseAgent:
    """Plays each task's nonsense."""

    name = NONSENSE
    counts_calls = True

    def __init__(self, agents: Mapping[str, ScriptAgent]) -> None:
        self._agents = agents

    async def solve(self, task: TaskSession) -> Any:
        """Play the task's script."""
        return await self._agents[task.key].solve(task)


class Unobserved:
    """Nobody watches: a mutant's run is of no interest by itself."""

    def run_created(self, run: BenchmarkRun, task_count: int) -> None:
        """Say nothing."""

    def task_started(self, name: str) -> None:
        """Say nothing."""

    def task_ended(self, result: TaskResult) -> None:
        """Say nothing."""

    def run_abandoned(self, run: BenchmarkRun, problem: str | None) -> None:
        """Say nothing."""


async def set_up(client: SandboxClient, benchmark: Benchmark, registry: Registry, options: Options) -> Laboratory:
    """Play a benchmark's solution once and return what its recording is varied with.

    Raises `Invalid` where there is no solution, or where its recording cannot be played again.
    """
    directory, reference = benchmark.directory, benchmark.definition.reference
    file = None if directory is None else directory / REFERENCE_FILES["solution"]
    if file is None or not file.is_file():
        raise Invalid(f"{reference} has no {REFERENCE_FILES['solution']}, so there is nothing to vary.")
    agent = load_reference("solution", file)
    # Every task is recorded, whichever are asked for: one may borrow from another.
    whole = Options(parallel=options.parallel)
    result = await rehearse_once(client, reference, agent, whole, Unobserved())
    return await Laboratory.record(client, benchmark, registry, result)


async def play_all_mutants(laboratory: Laboratory, benchmark: Benchmark, options: Options) -> list[MutantsResult]:
    """Play the mutants of a benchmark's tasks, of those chosen where some are."""
    keys = [task.key for task in benchmark.definition.tasks if not options.task_keys or task.key in options.task_keys]
    return [await laboratory.play_mutants(key, Unobserved()) for key in keys]


def find_fault(result: MutantsResult) -> str | None:
    """Return what is wrong with a task whose criteria see too few mistakes."""
    if result.killed >= KILLED_MIN * result.played:
        return None
    return f"{result.task}: {result.killed} of {result.played} mutants do not pass; at least 95 of 100 must not"


def survivor_lines(result: MutantsResult) -> list[str]:
    """Say of each mutant that passed what its mistake is, and who should have seen it, or did and could not keep it."""
    lines = []
    for survivor in result.survivors:
        seen = "; ".join(survivor.failed)
        watching = "; ".join(survivor.witnesses) or "no criterion looks at it"
        told = f"seen by {seen}, and passes all the same" if seen else f"should be seen by: {watching}"
        lines.append(f"{survivor.mistake}: {survivor.told} ({told})")
    return lines
