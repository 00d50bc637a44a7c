"""The commands `task start` and `task complete`: one task of a benchmark for a harness that runs agents by itself.

The first leaves in a file what an agent needs, the second takes it from there and leaves the reward in another. Both
call a server that runs already.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sandbox.rehearsal.commands import DATA_DIR, MESS, run_shown
from sandbox.settings import DEFAULT_DATA_DIR, Settings

if TYPE_CHECKING:
    from sandbox.client.client import SandboxClient

VARIABLES: Final = ("SANDBOX_URL", "BENCHMARK_RUN_ID", "TASK_RUN_ID", "RUN_TOKEN")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    task = typer.Typer(name="task", help="One task for a harness: start it, complete it.", no_args_is_help=True)
    app.add_typer(task)

    @task.command()
    def start(
        benchmark: Annotated[str, typer.Argument(help="slug@version, or slug (its latest).", metavar="BENCHMARK")],
        key: Annotated[str, typer.Argument(help="The task's key.", metavar="KEY")],
        env: Annotated[Path, typer.Option("--env", help="Write what the agent needs there.", metavar="FILE")],
        agent: Annotated[str | None, typer.Option("--agent", help="What to call the agent.", metavar="NAME")] = None,
        scored: Annotated[bool, typer.Option("--scored", help="Withhold details from the agent.")] = False,
        seed: Annotated[int | None, typer.Option("--seed", help="Make the run repeatable.", metavar="N")] = None,
        mess: MESS = None,
        url: Annotated[
            str | None,
            typer.Option("--url", help="The server; default: the one that has the data directory.", metavar="URL"),
        ] = None,
        solver_key: Annotated[
            str | None,
            typer.Option(
                "--solver-key", help="The solver key of that server.", envvar="SANDBOX_SOLVER_KEY", metavar="KEY"
            ),
        ] = None,
        data_dir: DATA_DIR = DEFAULT_DATA_DIR,
    ) -> None:
        """Make a run of one task and start it; print what the server answered."""

        async def work() -> None:
            from sandbox.client.client import SandboxClient
            from sandbox.rehearsal.campaign import default_keys

            server = url or _server_of(data_dir)
            _, known = default_keys(server, Settings.from_environment())
            _check_folder(env)
            async with SandboxClient(server, solver_key=solver_key or known) as client:
                options = {"agent": agent, "scored": scored, "seed": seed, "mess": mess}
                _print(await _start(client, benchmark, key, env, options))

        run_shown(work)

    @task.command()
    def complete(
        env: Annotated[
            Path | None,
            typer.Option("--env", help="What `task start` wrote; default: the environment.", metavar="FILE"),
        ] = None,
        output: Annotated[
            Path | None,
            typer.Option("--output", help="The agent's answer, JSON or text; - is stdin.", metavar="FILE"),
        ] = None,
        reward_file: Annotated[
            Path | None, typer.Option("--reward-file", help="Write the score there, 0 to 1.", metavar="FILE")
        ] = None,
    ) -> None:
        """Complete the task, print its verdict and checks, and write the reward."""

        async def work() -> None:
            from sandbox.client.client import SandboxClient

            values = _read_variables(env)
            answer = _read_answer(output)
            if reward_file is not None:
                _check_folder(reward_file)
                reward_file.unlink(missing_ok=True)  # whatever comes of this, it is not an earlier task's reward
            async with SandboxClient(values["SANDBOX_URL"]) as client:
                ended = await _complete(client, values, answer)
            _print(ended)
            score = _score_of(ended)
            if reward_file is not None:
                reward_file.write_text(f"{score:g}\n", encoding="utf-8")

        run_shown(work)


def _server_of(data_dir: Path) -> str:
    from sandbox.errors import Invalid
    from sandbox.record.lock import owner_of

    owner = owner_of(data_dir)
    if owner is None or owner.url is None:
        raise Invalid(f"No server has the data directory {data_dir}. Start one (sandbox serve), or name it with --url.")
    return owner.url


async def _start(
    client: "SandboxClient", benchmark: str, key: str, env: Path, options: Mapping[str, Any]
) -> Mapping[str, Any]:
    from sandbox.private_file import write_private
    from sandbox.rehearsal.command import url_variables

    run = await client.create_benchmark_run(benchmark, tasks=[key], **options)
    try:
        session = await client.start_task_run(run.task_run(key).id)
        values = (client.url, session.benchmark_run_id, session.task_run_id, session.token)
        variables = {**dict(zip(VARIABLES, values, strict=True)), **url_variables(session.urls)}
        lines = [f"{name}={value}\n" for name, value in variables.items()]
        write_private(env, "".join(lines).encode())
    except BaseException:
        await client.cancel_benchmark_run(run.id)  # nobody could go on with it
        raise
    return session.started


async def _complete(client: "SandboxClient", values: Mapping[str, str], answer: Any) -> Mapping[str, Any]:
    """Complete the task run; of one that ended by itself, return how."""
    from sandbox.client.errors import ConflictError

    try:
        done = await client.complete_task_run(values["TASK_RUN_ID"], output=answer, token=values["RUN_TOKEN"])
    except ConflictError:
        run = await client.get_benchmark_run(values["BENCHMARK_RUN_ID"], token=values["RUN_TOKEN"])
        ended = run.task_run(values["TASK_RUN_ID"])
        if ended.phase != "completed":
            raise
        return ended.raw
    return done.raw


def _score_of(ended: Mapping[str, Any]) -> float:
    from sandbox.errors import Invalid

    score = ended.get("score")
    if not isinstance(score, int | float):
        raise Invalid(f"The task run is {ended.get('status')} and has no score, so there is no reward.")
    return float(score)


def _read_variables(file: Path | None) -> Mapping[str, str]:
    from sandbox.errors import Invalid

    where = "the environment" if file is None else str(file)
    if file is None:
        found: Mapping[str, str] = os.environ
    else:
        pairs = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines())
        found = {name.strip(): value.strip() for name, mark, value in pairs if mark}
    missing = [name for name in VARIABLES if not found.get(name)]
    if missing:
        raise Invalid(f"{', '.join(missing)} is not in {where}; `sandbox task start … --env FILE` writes it.")
    return found


def _read_answer(file: Path | None) -> Any:
    import sys

    from sandbox.rehearsal.command import parse_output

    if file is None:
        return None
    return parse_output(sys.stdin.buffer.read() if file == Path("-") else file.read_bytes())


def _check_folder(file: Path) -> None:
    from sandbox.errors import Invalid

    if not file.parent.is_dir():
        raise Invalid(f"{file} cannot be written: there is no directory {file.parent}.")


def _print(value: Mapping[str, Any]) -> None:
    from sandbox import jsonio

    typer.echo(jsonio.dump_pretty(dict(value)).decode())
