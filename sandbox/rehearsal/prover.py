"""Proving benchmarks from start to exit status, and what is measured on the way.

`prove_all` and `prove_mutants` are work for `run_campaign`; they may be given different servers. What they measure of
tasks is kept by `write`, beside the benchmarks.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape

from sandbox.client.client import SandboxClient
from sandbox.client.errors import APIConnectionError, ClientError
from sandbox.definitions import baselines
from sandbox.definitions.library import Library, load_library
from sandbox.definitions.load import Benchmark
from sandbox.errors import Invalid, NotFound
from sandbox.rehearsal.agents import Agent, IdleAgent
from sandbox.rehearsal.campaign import EXIT_ERROR, EXIT_NOT_PASSED, EXIT_PASSED, Campaign, resolve
from sandbox.rehearsal.mutation.proof import NonsenseAgent, find_fault, play_all_mutants, set_up
from sandbox.rehearsal.mutation.trial import MutantsResult
from sandbox.rehearsal.progress import ProgressBar
from sandbox.rehearsal.proofs import NONSENSE, Proof, prove, rules_of
from sandbox.rehearsal.runner import TaskResult
from sandbox.runs.registry import Registry


class Prover:
    """The proofs of one command. Definitions are read from disk when something is to be varied, once."""

    def __init__(self, create_registry: Callable[[], Registry]) -> None:
        self._create_registry = create_registry
        self._loaded: tuple[Library, Registry] | None = None
        self._measured: dict[str, dict[str, dict[str, Any]]] = {}

    async def prove_all(self, campaign: Campaign, out: Console, err: Console) -> int:
        """Prove every benchmark of a campaign, whose agent is not asked, and return the exit status."""
        status = EXIT_PASSED
        async with _benchmarks(campaign) as (client, references, newest):
            for reference in references:
                try:
                    with ProgressBar(err) as progress:
                        proofs = [
                            await prove(
                                client,
                                reference,
                                rule,
                                campaign.settings.playground_dirs,
                                campaign.options,
                                progress,
                                lambda reference=reference: self._nonsense(client, reference, campaign),  # type: ignore[misc]
                            )
                            for rule in rules_of(is_superseded=reference not in newest)
                        ]
                except APIConnectionError:
                    raise
                except ClientError as error:
                    status = EXIT_ERROR
                    err.print(f"{reference}: {error}", style="red", markup=False, highlight=False)
                    continue
                print_proofs(out, reference, proofs)
                if reference in newest:
                    self._take(reference, proofs)
                if not all(proof.holds for proof in proofs):
                    status = max(status, EXIT_NOT_PASSED)
        return status

    async def prove_mutants(self, campaign: Campaign, out: Console, err: Console) -> int:
        """Play the mutants of every benchmark of a campaign that is no superseded version; return the exit status."""
        status = EXIT_PASSED
        async with _benchmarks(campaign) as (client, references, newest):
            for reference in references:
                if reference not in newest:
                    continue
                try:
                    benchmark, registry = self._find(reference, campaign)
                    laboratory = await set_up(client, benchmark, registry, campaign.options)
                    results = await play_all_mutants(laboratory, benchmark, campaign.options)
                except APIConnectionError:
                    raise
                except (ClientError, Invalid) as error:
                    status = EXIT_ERROR if isinstance(error, ClientError) else max(status, EXIT_NOT_PASSED)
                    err.print(f"{reference}: {error}", style="red", markup=False, highlight=False)
                    continue
                print_mutants(out, reference, results)
                for result in results:
                    self._note(reference, result.task)[baselines.MUTANTS] = _counts(result)
                if any(find_fault(result) is not None for result in results):
                    status = max(status, EXIT_NOT_PASSED)
        return status

    def write(self, out: Console) -> None:
        """Keep what was measured, of each benchmark in `baselines.json` beside it."""
        for reference, tasks in self._measured.items():
            if self._loaded is None:
                return
            benchmark = self._loaded[0].find(reference)
            directory, definition = benchmark.directory, benchmark.definition
            assert directory is not None
            stamps = {
                task.key: baselines.stamp_of(directory, definition, task, benchmark.dataset_hashes)
                for task in definition.tasks
                if task.key in tasks
            }
            baselines.write(directory, {key: {**stamp, **tasks[key]} for key, stamp in stamps.items()})
            told = f"{len(stamps)} task{'' if len(stamps) == 1 else 's'}"
            out.print(f"{directory / baselines.FILE}: the numbers of {told}", highlight=False, markup=False)

    async def _nonsense(self, client: SandboxClient, reference: str, campaign: Campaign) -> Agent:
        benchmark, registry = self._find(reference, campaign)
        laboratory = await set_up(client, benchmark, registry, campaign.options)
        return NonsenseAgent(laboratory.nonsense())

    def _find(self, reference: str, campaign: Campaign) -> tuple[Benchmark, Registry]:
        if self._loaded is None:
            registry = self._create_registry()
            settings = campaign.settings
            self._loaded = load_library(settings.playground_dirs, settings.seed_dirs, registry), registry
        library, registry = self._loaded
        try:
            return library.find(reference), registry
        except NotFound:
            looked = ", ".join(map(str, campaign.settings.playground_dirs))
            raise Invalid(f"{reference} is not in {looked}, so nothing of it can be varied.") from None

    def _note(self, reference: str, key: str) -> dict[str, Any]:
        return self._measured.setdefault(reference, {}).setdefault(key, {})

    def _take(self, reference: str, proofs: Sequence[Proof]) -> None:
        for proof in proofs:
            if proof.result is not None and proof.rule.agent in (IdleAgent.name, NONSENSE):
                for task in proof.result.task_runs:
                    self._note(reference, task.key)[proof.rule.agent] = _earned(task)


@asynccontextmanager
async def _benchmarks(campaign: Campaign) -> "AsyncIterator[tuple[SandboxClient, list[str], set[str]]]":
    """Connect, and give the benchmarks asked for and the newest version of each that there is."""
    assert campaign.url is not None
    roots = campaign.settings.playground_dirs
    async with SandboxClient(campaign.url, solver_key=campaign.solver_key, api_key=campaign.api_key) as client:
        references = await resolve(client, campaign.benchmarks, roots)
        slugs = {reference.partition("@")[0] for reference in references}
        yield client, references, set(await resolve(client, sorted(slugs), roots))


def _earned(task: TaskResult) -> dict[str, Any]:
    return {"score": task.score, "axes": {name: axis.score for name, axis in task.axes.items()}}


def _counts(result: MutantsResult) -> dict[str, int]:
    return {
        "played": result.played,
        "killed": result.killed,
        "refused": result.refused,
        "equivalent": result.equivalent,
    }


def print_proofs(console: Console, reference: str, proofs: Sequence[Proof]) -> None:
    """Print one line for each rule, and under it every task that breaks it."""
    holding = all(proof.holds for proof in proofs)
    console.print(f"[bold]{escape(reference)}[/bold] {'is proven' if holding else 'is not proven'}", highlight=False)
    for proof in proofs:
        if proof.result is None and proof.holds:
            mark, told = "[dim]-[/dim]", "none beside the benchmark"
        else:
            mark = _mark(is_good=proof.holds)
            told = proof.rule.demand
        run_id = f"  [dim]{proof.result.benchmark_run_id}[/dim]" if proof.result is not None else ""
        console.print(f"  {mark} {proof.rule.agent:<11} {told}{run_id}", highlight=False)
        _print_faults(console, proof.faults)


def print_mutants(console: Console, reference: str, results: Sequence[MutantsResult]) -> None:
    """Print how many mutants a benchmark's criteria see, and under it every task where they are too few."""
    faults = [fault for result in results if (fault := find_fault(result)) is not None]
    killed, played = sum(r.killed for r in results), sum(r.played for r in results)
    left = f"{sum(r.refused for r in results)} refused, {sum(r.equivalent for r in results)} equivalent"
    console.print(f"[bold]{escape(reference)}[/bold]", highlight=False)
    console.print(
        f"  {_mark(is_good=not faults)} {'mutants':<11} {killed} of {played} do not pass  [dim]{left}[/dim]",
        highlight=False,
    )
    _print_faults(console, faults)


def _mark(*, is_good: bool) -> str:
    return "[green]✓[/green]" if is_good else "[red]✗[/red]"


def _print_faults(console: Console, faults: Sequence[str]) -> None:
    for fault in faults:
        for line in fault.splitlines():
            console.print(f"      {line}", highlight=False, markup=False, soft_wrap=True)
