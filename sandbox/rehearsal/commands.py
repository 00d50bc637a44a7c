"""The commands `rehearse`, `runs` and `show`, for the command line to register.

Only options are read here; the work is imported when a command runs, so that `--help` is quick.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from sandbox.definitions.mess import MESSIEST, TIDY
from sandbox.settings import DEFAULT_DATA_DIR, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

    from rich.console import Console

    from sandbox.rehearsal.records import RunRecords

# Wide enough for any line: what is piped is read by programs, which an id over two lines would mislead.
_UNWRAPPED: Final = 1 << 20

StartServer: TypeAlias = Callable[[Settings], AbstractAsyncContextManager[str]]

URL = Annotated[
    str | None, typer.Option("--url", help="Ask the server there instead.", metavar="URL", show_default=False)
]
API_KEY = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        help="The organization key of that server.",
        envvar="SANDBOX_API_KEY",
        metavar="KEY",
        show_envvar=True,
    ),
]
DATA_DIR = Annotated[Path, typer.Option("--data-dir", help="Where runs are recorded.", metavar="DIR")]
PLAYGROUNDS = Annotated[
    list[Path] | None, typer.Option("--playgrounds", help="Where benchmarks and their agents are.", metavar="DIR")
]
SEEDS = Annotated[list[Path] | None, typer.Option("--seeds", help="Where datasets are.", metavar="DIR")]
BENCHMARKS = Annotated[
    list[str], typer.Argument(help="slug@version, slug (its latest), or all.", metavar="BENCHMARK...")
]
MESS = Annotated[
    int | None,
    typer.Option(
        "--mess",
        min=TIDY,
        max=MESSIEST,
        help="How messy the data is; default: as the benchmark says.",
        metavar="LEVEL",
        show_default=False,
    ),
]
TASKS = Annotated[list[str] | None, typer.Option("--task", help="Only this task; may be given again.", metavar="KEY")]


def own_server(data_dir: Path, playgrounds: list[Path] | None, seeds: list[Path] | None) -> Settings:
    """Return the settings of a server of this command's own, which is heard only when something is wrong."""
    from sandbox.logs import set_level

    set_level("warning")
    return replace(
        Settings.from_environment(),
        port=0,
        sftp_port=0,
        data_dir=data_dir,
        playgrounds=tuple(playgrounds or ()),
        seeds=tuple(seeds or ()),
        is_watching=False,
    )


def register(app: typer.Typer, start_server: StartServer) -> None:
    """Add the commands; `start_server` runs a server for as long as it is entered and gives its URL."""

    @app.command()
    def rehearse(
        benchmarks: BENCHMARKS,
        agent: Annotated[
            str,
            typer.Option(
                "--agent",
                "-a",
                help='solution, near-miss, alternative, idle, module:function, or "any shell command".',
                metavar="AGENT",
            ),
        ] = "solution",
        task: TASKS = None,
        trials: Annotated[int, typer.Option("--trials", min=1, help="How many runs of each.", metavar="N")] = 1,
        parallel: Annotated[
            int, typer.Option("--parallel", min=1, help="How many tasks of a run at a time.", metavar="N")
        ] = 1,
        scored: Annotated[bool, typer.Option("--scored", help="Withhold details from the agent.")] = False,
        seed: Annotated[
            int | None, typer.Option("--seed", help="Make runs repeatable; trials count up from it.", metavar="N")
        ] = None,
        mess: MESS = None,
        json: Annotated[
            Path | None, typer.Option("--json", help="Write the report there; - is stdout.", metavar="FILE")
        ] = None,
        url: URL = None,
        solver_key: Annotated[
            str | None,
            typer.Option(
                "--solver-key", help="The solver key of that server.", envvar="SANDBOX_SOLVER_KEY", metavar="KEY"
            ),
        ] = None,
        api_key: API_KEY = None,
        playgrounds: PLAYGROUNDS = None,
        seeds: SEEDS = None,
        data_dir: DATA_DIR = DEFAULT_DATA_DIR,
    ) -> None:
        """Run benchmarks with an agent and show how it did."""
        from sandbox.rehearsal.campaign import Campaign, default_keys, run_campaign
        from sandbox.rehearsal.runner import Options

        settings = own_server(data_dir, playgrounds, seeds)
        out, err = consoles(is_stdout_taken=json == Path("-"))
        with errors_shown(err):
            found_api_key, found_solver_key = default_keys(url, settings)
            campaign = Campaign(
                benchmarks=tuple(benchmarks),
                agent=agent,
                options=Options(
                    task_keys=tuple(task or ()),
                    scored=scored,
                    seed=seed,
                    mess=mess,
                    parallel=parallel,
                    can_cancel=(api_key or found_api_key) is not None,
                ),
                settings=settings,
                trials=trials,
                url=url,
                api_key=api_key or found_api_key,
                solver_key=solver_key or found_solver_key,
                json_file=json,
            )
            status = run_campaign(campaign, start_server, out, err)
        raise typer.Exit(status)

    @app.command()
    def runs(
        limit: Annotated[int, typer.Option("--limit", min=1, help="How many, newest first.", metavar="N")] = 20,
        json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
        data_dir: DATA_DIR = DEFAULT_DATA_DIR,
        url: URL = None,
        api_key: API_KEY = None,
    ) -> None:
        """List the recorded runs, newest first."""

        async def work(out: "Console") -> None:
            from sandbox.client.models import BenchmarkRun
            from sandbox.errors import NotFound
            from sandbox.rehearsal.show import print_runs

            found: list[BenchmarkRun] = []
            try:
                async with _open(data_dir, url, api_key) as records:
                    found = await records.list_benchmark_runs(limit=limit)
            except NotFound:
                pass  # the directory holds no record yet, which is an answer, not an error
            if json:
                _print_json([{k: v for k, v in run.raw.items() if k != "bearer_token"} for run in found])
            else:
                print_runs(out, found, f"at {url}" if url else f"in {data_dir}")

        _run(work)

    @app.command()
    def show(
        run: Annotated[str, typer.Argument(help="The run's id, or latest.", metavar="RUN")],
        task: TASKS = None,
        bodies: Annotated[bool, typer.Option("--bodies", help="Show what was sent with each call.")] = False,
        json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
        data_dir: DATA_DIR = DEFAULT_DATA_DIR,
        playgrounds: PLAYGROUNDS = None,
        url: URL = None,
        api_key: API_KEY = None,
    ) -> None:
        """Show one run: what was judged, with the evidence, and what the agent did."""

        async def work(out: "Console") -> None:
            from sandbox.rehearsal.records import read_run
            from sandbox.rehearsal.show import print_run, run_to_json

            async with _open(data_dir, url, api_key, playgrounds) as records:
                record = await read_run(records, run, task or ())
            if json:
                _print_json(run_to_json(record))
            else:
                print_run(out, record, has_bodies=bodies)

        _run(work)


def consoles(*, is_stdout_taken: bool = False) -> "tuple[Console, Console]":
    """Return where results and where remarks go; away from a terminal nothing is wrapped."""
    import os

    from rich.console import Console

    out, err = Console(stderr=is_stdout_taken), Console(stderr=True)
    for console in (out, err):
        if not console.is_terminal and "COLUMNS" not in os.environ:
            console.width = _UNWRAPPED
    return out, err


@asynccontextmanager
async def _open(
    data_dir: Path, url: str | None, api_key: str | None, playgrounds: list[Path] | None = None
) -> "AsyncIterator[RunRecords]":
    if url is None:
        from sandbox.rehearsal.directory import open_directory

        settings = Settings(playgrounds=tuple(playgrounds or ()))
        async with open_directory(data_dir, settings.playground_dirs) as records:
            yield records
        return
    from sandbox.client.client import SandboxClient
    from sandbox.rehearsal.campaign import default_keys
    from sandbox.rehearsal.records import ServerRecords

    found_key, _ = default_keys(url, Settings.from_environment())
    async with SandboxClient(url, api_key=api_key or found_key) as client:
        yield ServerRecords(client)


def _run(work: "Callable[[Console], Coroutine[None, None, None]]") -> None:
    out, _ = consoles()
    run_shown(lambda: work(out))


def run_shown(work: "Callable[[], Coroutine[None, None, None]]") -> None:
    """Run what a command does; what can go wrong is a line and exit status 2."""
    _, err = consoles()
    with errors_shown(err):
        asyncio.run(work())


@contextmanager
def errors_shown(err: "Console") -> "Iterator[None]":
    """Turn what can go wrong into a line and exit status 2."""
    from sandbox.client.errors import ClientError
    from sandbox.definitions.problems import DefinitionError
    from sandbox.errors import SandboxError
    from sandbox.record.database import DatabaseError

    try:
        yield
    except (SandboxError, ClientError, DatabaseError, DefinitionError) as error:
        said = str(error)
    except BrokenPipeError:
        raise  # whoever read the output has read enough
    except OSError as error:  # a directory or file that may not be used, whoever asked for it
        said = f"{error.filename} cannot be used: {error.strerror}." if error.filename else str(error)
    else:
        return
    err.print(f"error: {said}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(2) from None


def _print_json(value: object) -> None:
    from sandbox import jsonio

    typer.echo(jsonio.dump_pretty(value).decode())
