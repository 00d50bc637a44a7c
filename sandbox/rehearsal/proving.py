"""The commands `prove`: every rule of `proofs.py` on the benchmarks named, one exit status for all; and `worth`.

Only options are read here; the work is imported when the command runs, so that `--help` is quick.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sandbox.rehearsal.commands import (
    BENCHMARKS,
    DATA_DIR,
    PLAYGROUNDS,
    SEEDS,
    TASKS,
    StartServer,
    consoles,
    errors_shown,
    own_server,
)
from sandbox.settings import DEFAULT_DATA_DIR, Settings

EXIT_ERROR: Final = 2

if TYPE_CHECKING:
    from sandbox.runs.registry import Registry


def register(app: typer.Typer, start_server: StartServer, create_registry: "Callable[[], Registry]") -> None:
    """Add the commands; `start_server` runs a server for as long as it is entered and gives its URL."""

    @app.command()
    def prove(
        benchmarks: BENCHMARKS,
        task: TASKS = None,
        playgrounds: PLAYGROUNDS = None,
        seeds: SEEDS = None,
        data_dir: DATA_DIR = DEFAULT_DATA_DIR,
        mutate: Annotated[
            bool, typer.Option("--mutate", help="Also play mutants of the solution: 95 of 100 must not pass.")
        ] = False,
        write: Annotated[
            bool,
            typer.Option("--write", help="Keep what is measured, and the state that the solution leaves, as files."),
        ] = False,
    ) -> None:
        """Prove benchmarks: solution and alternative score 1.0, near miss, idle and nonsense do not pass."""
        from sandbox.rehearsal.campaign import Campaign, default_keys, run_campaign
        from sandbox.rehearsal.prover import Prover
        from sandbox.rehearsal.runner import Options

        settings = own_server(data_dir, playgrounds, seeds)
        out, err = consoles()
        with errors_shown(err):
            api_key, solver_key = default_keys(None, settings)
            campaign = Campaign(
                benchmarks=tuple(benchmarks),
                agent="solution",
                options=Options(task_keys=tuple(task or ())),
                settings=settings,
                api_key=api_key,
                solver_key=solver_key,
            )
            status = 0
            if write:
                from sandbox.rehearsal.recording import write_states

                status = run_campaign(campaign, start_server, out, err, write_states)
            prover = Prover(create_registry)
            if status == 0:
                status = run_campaign(campaign, start_server, out, err, prover.prove_all)
            if mutate and status != EXIT_ERROR:
                # On a server of its own that is forgotten: hundreds of runs that nobody wants to find among theirs.
                with TemporaryDirectory(prefix="sandbox-mutants-") as folder:
                    apart = replace(campaign, settings=replace(campaign.settings, data_dir=Path(folder)))
                    status = max(status, run_campaign(apart, start_server, out, err, prover.prove_mutants))
            if write and status != EXIT_ERROR:
                prover.write(out)
        raise typer.Exit(status)

    @app.command()
    def worth(
        benchmarks: Annotated[
            list[str] | None,
            typer.Argument(help="Slugs of benchmarks; all of them where none is given.", metavar="SLUG..."),
        ] = None,
        playgrounds: PLAYGROUNDS = None,
        seeds: SEEDS = None,
    ) -> None:
        """Print what prove --write has kept of each task: what idleness, nonsense and mistakes earn."""
        from sandbox.definitions.library import load_library
        from sandbox.errors import NotFound
        from sandbox.rehearsal.worth import find_worth, to_markdown

        settings = Settings(playgrounds=tuple(playgrounds or ()), seeds=tuple(seeds or ()))
        _, err = consoles()
        with errors_shown(err):
            library = load_library(settings.playground_dirs, settings.seed_dirs, create_registry())
            known = {slug for slug, _ in library.benchmarks}
            if unknown := [slug for slug in benchmarks or () if slug not in known]:
                raise NotFound(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(sorted(known))}.")
            typer.echo(to_markdown(find_worth(library, benchmarks or ())))
