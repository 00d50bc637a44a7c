"""The command line. Imports lazily, so that `--help` is quick."""

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sandbox import __version__
from sandbox.garbage import no_collection
from sandbox.mcp import command as mcp
from sandbox.rehearsal import commands, exporting, one_task, proving
from sandbox.settings import DEFAULT_DATA_DIR, DEFAULT_PORT, SettingError, Settings, base_url

if TYPE_CHECKING:
    from aiohttp import web

    from sandbox.record.export.formats import Format
    from sandbox.runs.registry import Registry

app = typer.Typer(
    name="sandbox",
    help="A hospital on a laptop for AI agents: simulated healthcare systems, recorded and scored.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class LogLevel(StrEnum):
    """From which level on log lines are written."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sandbox {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = DEFAULT_PORT,
    sftp_port: Annotated[
        int | None,
        typer.Option(
            "--sftp-port",
            min=0,
            max=65535,
            help="Port of SFTP; 0 takes a free one. Default: 2222, or a free one where that is taken.",
            show_default=False,
        ),
    ] = None,
    data_dir: Annotated[Path, typer.Option("--data-dir", help="Where everything is recorded.")] = DEFAULT_DATA_DIR,
    playgrounds: Annotated[
        list[Path] | None, typer.Option("--playgrounds", help="Benchmarks, instead of the built-in ones.")
    ] = None,
    seeds: Annotated[list[Path] | None, typer.Option("--seeds", help="Datasets, instead of the built-in ones.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Only what the hosted service has wired.")] = False,
    url_base: Annotated[
        str | None, typer.Option("--url-base", help="The address clients use, when it is another one.")
    ] = None,
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", help="Write log lines of this level and above.")
    ] = LogLevel.info,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Go on with what is there of a record that is not whole.")
    ] = False,
    access_log: Annotated[bool, typer.Option("--access-log", help="Write a log line for every request.")] = False,
    ready_file: Annotated[
        Path | None,
        typer.Option("--ready-file", help="Write URL, keys and process id there as JSON while requests are accepted."),
    ] = None,
) -> None:
    """Start the server."""
    from dataclasses import replace

    from sandbox.definitions.problems import DefinitionError
    from sandbox.logs import set_level, take_libraries_in
    from sandbox.record.database import DatabaseError
    from sandbox.serving import ListenError, run
    from sandbox.serving import serve as served
    from sandbox.simulators.wires import WireError

    set_level(log_level)
    take_libraries_in()
    found = Settings.from_environment()
    settings = replace(
        found,
        host=host,
        port=port,
        sftp_port=found.sftp_port if sftp_port is None else sftp_port,
        data_dir=data_dir,
        playgrounds=tuple(playgrounds or ()),
        seeds=tuple(seeds or ()),
        is_strict=strict or found.is_strict,
        url_base=base_url("--url-base", url_base),
        is_loss_accepted=accept_loss,
        is_access_logged=access_log,
    )
    _refuse_public_local_keys(settings)
    try:
        run(served(settings, lambda runner: _announce(settings, runner), ready=ready_file))
    except DefinitionError as error:
        _fail("The definitions cannot be loaded:", *(f"  {p}" for p in error.problems))
    except (DatabaseError, ListenError, WireError) as error:
        _fail(str(error))
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}" if error.filename else str(error)
        _fail(f"The data directory {data_dir} cannot be used ({reason}). Choose another with --data-dir.")


def _refuse_public_local_keys(settings: Settings) -> None:
    from sandbox import keys

    well_known = {keys.LOCAL_API_KEY, keys.LOCAL_SOLVER_KEY}
    if not keys.is_loopback(settings.host) and {settings.api_key, settings.solver_key} & well_known:
        _fail(
            f"{settings.host} can be reached from other machines, so the well-known keys are refused. "
            "Set SANDBOX_API_KEY and SANDBOX_SOLVER_KEY to secrets of your own, or leave them out to have some made."
        )
    for name, key, prefix in (
        ("SANDBOX_API_KEY", settings.api_key, keys.ORGANIZATION_PREFIX),
        ("SANDBOX_SOLVER_KEY", settings.solver_key, keys.SOLVER_PREFIX),
    ):
        if key is not None and not key.startswith(prefix):
            _fail(f"{name} must begin with {prefix}.")


def _announce(settings: Settings, runner: "web.AppRunner") -> None:
    from sandbox.api.context import SHELF
    from sandbox.app import START_KEYS
    from sandbox.llm_tasks.tasks.entities import ORGANIZATION_ID, PROJECT_ID
    from sandbox.serving import url_of

    url = url_of(settings, runner)
    found, library = runner.app[START_KEYS], runner.app[SHELF].library
    hidden = "(as made at the first start)"
    lines = [
        f"sandbox ready at {url}",
        "",
        f"  organization key  {found.api_key or hidden}",
        f"  solver key        {found.solver_key or hidden}",
        f"  data directory    {settings.data_dir}",
        f"  mode              {'strict' if settings.is_strict else 'extended'}",
        f"  LLM tasks         {url}/api/v1, organization {ORGANIZATION_ID}",
        f"                    project {PROJECT_ID}",
        "",
        "  benchmarks",
    ]
    definitions = [benchmark.definition for benchmark in library.benchmarks.values()]
    for definition in definitions:
        count = len(definition.tasks)
        tasks = "task" if count == 1 else "tasks"
        note = ", superseded" if library.is_superseded(definition.slug, definition.version) else ""
        lines.append(f"    {definition.reference:<24} {count:>3} {tasks:<5}   {definition.name}{note}")
    if not library.benchmarks:
        lines.append("    none; add a directory <slug>/v1/benchmark.yaml")
    newest = [d.reference for d in definitions if not library.is_superseded(d.slug, d.version)]
    first = next((reference for reference in newest if reference.startswith("mock@")), next(iter(newest), None))
    if first is not None:
        # A variable is for the shell to fill in, which it does within double quotes only.
        bearer = (
            f"'Authorization: Bearer {found.solver_key}'" if found.solver_key else '"Authorization: Bearer $SOLVER_KEY"'
        )
        lines += [
            "",
            "  try",
            f"    curl -s {url}/v1/benchmark-runs -H {bearer} \\",
            f"      -H 'Content-Type: application/json' -d '{{\"benchmark\": \"{first}\"}}'",
        ]
    typer.echo("\n".join(lines))
    sys.stdout.flush()


@app.command()
def check(
    path: Annotated[
        Path | None, typer.Argument(help="A directory of benchmarks, or one benchmark's; default: the built-in ones.")
    ] = None,
    seeds: Annotated[list[Path] | None, typer.Option("--seeds", help="Datasets, instead of the built-in ones.")] = None,
) -> None:
    """Check definitions and seeds without starting a server."""
    with no_collection():  # it ends with its answer, and what it makes is no garbage before
        from sandbox.checking import check_definitions

        report = check_definitions(path, tuple(seeds or ()))
    for problem in report.problems:
        typer.echo(problem, err=True)
    for warning in report.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(report.summary)
    if report.problems:
        raise typer.Exit(1)


@app.command()
def verify(
    data_dir: Annotated[Path, typer.Option("--data-dir", help="Where everything is recorded.")] = DEFAULT_DATA_DIR,
) -> None:
    """Read all of a record again: that nothing is missing or changed, and every playground's state hash."""
    import asyncio

    from sandbox.errors import SandboxError
    from sandbox.record.database import DatabaseError
    from sandbox.upkeep import verify_record

    try:
        problems = asyncio.run(verify_record(data_dir, typer.echo))
    except (DatabaseError, SandboxError) as error:
        _fail(str(error))
    if problems:
        _fail(*problems, f"{len(problems)} problem{'' if len(problems) == 1 else 's'}.")
    typer.echo("The record is whole.")


@app.command()
def prune(
    older_than: Annotated[str, typer.Option("--older-than", help="Runs that were over so long ago: 30d, 12h, 0d.")],
    keep_published: Annotated[bool, typer.Option("--keep-published", help="Leave published runs alone.")] = False,
    data_dir: Annotated[Path, typer.Option("--data-dir", help="Where everything is recorded.")] = DEFAULT_DATA_DIR,
) -> None:
    """Remove what old runs did and LLM task runs hold; scores and figures stay. The server has to be stopped."""
    from sandbox.errors import SandboxError
    from sandbox.record.database import DatabaseError
    from sandbox.settings import age
    from sandbox.upkeep import prune_directory

    try:
        wanted = age("--older-than", older_than)
        done = prune_directory(data_dir, older_than=wanted, keep_published=keep_published)
    except (DatabaseError, SandboxError) as error:
        _fail(str(error))
    typer.echo(
        f"{done.runs} run{'' if done.runs == 1 else 's'} pruned, {done.events} events, "
        f"{done.llm_runs} LLM task run{'' if done.llm_runs == 1 else 's'}; "
        f"the database had {done.size_before:,} bytes and has {done.size_after:,}."
    )


def _fail(*lines: str) -> NoReturn:
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(1)


def _create_registry() -> "Registry":
    from sandbox.builtin import create_registry

    return create_registry()


@asynccontextmanager
async def _start_server(settings: Settings) -> AsyncIterator[str]:
    from sandbox.serving import serving_url

    async with serving_url(settings) as url:
        yield url


def _html_format() -> "Format":
    from sandbox.builtin import create_registry
    from sandbox.dashboard.page_file import html_format

    return html_format(create_registry())


commands.register(app, _start_server)
one_task.register(app)
mcp.register(app)
exporting.register(app, _html_format)
proving.register(app, _start_server, _create_registry)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except SettingError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
    finally:
        gc.freeze()  # the process ends here; looking for garbage once more would only take time
