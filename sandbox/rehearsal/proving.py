"""The command `prove`: every rule of `proofs.py` on the benchmarks named, and one exit status for all of them.

Only options are read here; the work is imported when the command runs, so that `--help` is quick.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from sandbox.errors import Invalid
from sandbox.rehearsal.commands import (
    BENCHMARKS,
    DATA_DIR,
    MESS,
    PLAYGROUNDS,
    SEEDS,
    TASKS,
    StartServer,
    consoles,
    errors_shown,
    own_server,
)
from sandbox.settings import DEFAULT_DATA_DIR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from sandbox.rehearsal.campaign import Campaign
    from sandbox.rehearsal.proofs import Proof


def register(app: typer.Typer, start_server: StartServer) -> None:
    """Add the command; `start_server` runs a server for as long as it is entered and gives its URL."""

    @app.command()
    def prove(
        benchmarks: BENCHMARKS,
        task: TASKS = None,
        mess: MESS = None,
        playgrounds: PLAYGROUNDS = None,
        seeds: SEEDS = None,
        data_dir: DATA_DIR = DEFAULT_DATA_DIR,
        write: Annotated[
            bool, typer.Option("--write", help="First record the state that the solution leaves, where criteria ask.")
        ] = False,
    ) -> None:
        """Prove benchmarks: solution and alternative score 1.0, near miss and idle pass nothing."""
        from sandbox.rehearsal.campaign import Campaign, default_keys, run_campaign
        from sandbox.rehearsal.runner import Options

        settings = own_server(data_dir, playgrounds, seeds)
        out, err = consoles()
        with errors_shown(err):
            api_key, solver_key = default_keys(None, settings)
            campaign = Campaign(
                benchmarks=tuple(benchmarks),
                agent="solution",
                options=Options(task_keys=tuple(task or ()), mess=mess),
                settings=settings,
                api_key=api_key,
                solver_key=solver_key,
            )
            status = 0
            if write and mess is not None:
                raise Invalid("--write records the state of the data as the benchmark has it; leave --mess out.")
            if write:
                from sandbox.rehearsal.recording import write_states

                status = run_campaign(campaign, start_server, out, err, write_states)
            if status == 0:
                status = run_campaign(campaign, start_server, out, err, prove_all)
        raise typer.Exit(status)


async def prove_all(campaign: "Campaign", out: "Console", err: "Console") -> int:
    """Prove every benchmark of a campaign, whose agent is not asked, and return the exit status."""
    from sandbox.client.client import SandboxClient
    from sandbox.client.errors import APIConnectionError, ClientError
    from sandbox.rehearsal.campaign import EXIT_ERROR, EXIT_NOT_PASSED, EXIT_PASSED, resolve
    from sandbox.rehearsal.progress import ProgressBar
    from sandbox.rehearsal.proofs import RULES, prove

    assert campaign.url is not None
    roots, options = campaign.settings.playground_dirs, campaign.options
    status = EXIT_PASSED
    async with SandboxClient(campaign.url, solver_key=campaign.solver_key, api_key=campaign.api_key) as client:
        for reference in await resolve(client, campaign.benchmarks, roots):
            try:
                with ProgressBar(err) as progress:
                    proofs = [await prove(client, reference, rule, roots, options, progress) for rule in RULES]
            except APIConnectionError:
                raise
            except ClientError as error:
                status = EXIT_ERROR
                err.print(f"{reference}: {error}", style="red", markup=False, highlight=False)
                continue
            print_proofs(out, reference, proofs)
            if not all(proof.holds for proof in proofs):
                status = max(status, EXIT_NOT_PASSED)
    return status


def print_proofs(console: "Console", reference: str, proofs: "Sequence[Proof]") -> None:
    """Print one line for each rule, and under it every task that breaks it."""
    from rich.markup import escape

    holding = all(proof.holds for proof in proofs)
    console.print(f"[bold]{escape(reference)}[/bold] {'is proven' if holding else 'is not proven'}", highlight=False)
    for proof in proofs:
        if proof.result is None and proof.holds:
            mark, told = "[dim]-[/dim]", "none beside the benchmark"
        else:
            mark = "[green]✓[/green]" if proof.holds else "[red]✗[/red]"
            told = proof.rule.demand
        run_id = f"  [dim]{proof.result.benchmark_run_id}[/dim]" if proof.result is not None else ""
        console.print(f"  {mark} {proof.rule.agent:<11} {told}{run_id}", highlight=False)
        for fault in proof.faults:
            for line in fault.splitlines():
                console.print(f"      {line}", highlight=False, markup=False, soft_wrap=True)
