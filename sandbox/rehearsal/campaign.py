"""Several benchmarks, several trials, one agent: what `sandbox rehearse` does from start to exit status.

Everything a person asked wrongly is an `Invalid` before the first run is created. Without a URL the
rehearsal runs where its data directory is: at the server that has it, else at one of our own, on a
thread of its own, since an agent that blocks its event loop must not block the server it is waiting for.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from rich.console import Console
from yarl import URL

from sandbox import jsonio, keys
from sandbox.client.client import SandboxClient
from sandbox.client.errors import APIConnectionError, AuthenticationError, ClientError
from sandbox.client.threads import LoopThread
from sandbox.errors import Invalid
from sandbox.record.lock import DirectoryInUse, Owner, owner_of
from sandbox.rehearsal import agents
from sandbox.rehearsal.agents import REFERENCE_FILES, Agent, IdleAgent
from sandbox.rehearsal.command import CommandAgent
from sandbox.rehearsal.progress import ProgressBar
from sandbox.rehearsal.report import print_result, print_summary, report_of
from sandbox.rehearsal.runner import Options, RunResult, rehearse_once
from sandbox.rehearsal.spelling import refuse_misspelt
from sandbox.settings import Settings

ALL: Final = "all"
EXIT_PASSED, EXIT_NOT_PASSED, EXIT_ERROR, EXIT_INTERRUPTED, EXIT_TERMINATED = 0, 1, 2, 130, 143

_LOOK_S: Final = 0.1

StartServer: TypeAlias = Callable[[Settings], AbstractAsyncContextManager[str]]
Work: TypeAlias = "Callable[[Campaign, Console, Console], Coroutine[Any, Any, int]]"


@dataclass(frozen=True, slots=True)
class Campaign:
    """What was asked for. `settings` are those of a server of our own; `url` names another."""

    benchmarks: tuple[str, ...]
    agent: str
    options: Options
    settings: Settings
    trials: int = 1
    url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    solver_key: str | None = field(default=None, repr=False)
    json_file: Path | None = None

    @property
    def is_one_run(self) -> bool:
        """Whether the report is one object rather than a list."""
        return len(self.benchmarks) == 1 and self.benchmarks[0] != ALL and self.trials == 1


def run_campaign(
    campaign: Campaign, start_server: StartServer, out: Console, err: Console, work: "Work | None" = None
) -> int:
    """Rehearse, or do other `work` with a campaign that has its server, and return the exit status.

    0: every task passed. 1: some task did not. 2: some benchmark could not be run to its end. 130,
    143: interrupted by SIGINT or SIGTERM, after the run was cancelled. Raises `SandboxError`,
    `ClientError` and `DatabaseError` for what could not be done at all.
    """
    try:
        if campaign.json_file is not None and not campaign.json_file.parent.is_dir():
            raise Invalid(f"{campaign.json_file} cannot be written: there is no directory {campaign.json_file.parent}.")
        with contextlib.ExitStack() as stack:
            if campaign.url is None:
                campaign = stack.enter_context(_server(campaign, start_server, err))
            return asyncio.run(_until_signalled((work or _rehearse)(campaign, out, err), err))
    except AuthenticationError as error:
        raise Invalid(
            f"{campaign.url} takes other keys: {error.message} Give them with --api-key and --solver-key, "
            "or as SANDBOX_API_KEY and SANDBOX_SOLVER_KEY."
        ) from None
    except KeyboardInterrupt:
        err.print("interrupted", style="yellow")
        return EXIT_INTERRUPTED


@contextlib.contextmanager
def _server(campaign: Campaign, start_server: StartServer, err: Console) -> Iterator[Campaign]:
    """Find the server that the data directory belongs to, or start one of our own on it."""
    data_dir, is_told = campaign.settings.data_dir, False
    while True:
        owner = owner_of(data_dir)
        if owner is not None and owner.is_lasting and owner.url is not None:
            err.print(
                f"note: {owner.url} (process {owner.pid}) records in {data_dir}, so the rehearsal runs there.",
                style="dim",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
            yield join(campaign, owner)
            return
        if owner is None:
            with contextlib.ExitStack() as stack:
                try:
                    url = stack.enter_context(_own_server(campaign.settings, start_server))
                except DirectoryInUse:
                    continue  # somebody was quicker
                yield replace(campaign, url=url)
            return
        if not is_told:
            err.print(
                f"waiting: process {owner.pid or 'unknown'} has {data_dir} for a rehearsal or a test, or is just "
                "starting; another --data-dir would not wait.",
                style="dim",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
            is_told = True
        time.sleep(_LOOK_S)


@contextlib.contextmanager
def _own_server(settings: Settings, start_server: StartServer) -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        thread = stack.enter_context(LoopThread("sandbox-server"))
        server = start_server(settings)
        url = thread.run(server.__aenter__())
        stack.callback(lambda: thread.run(server.__aexit__(None, None, None)))
        yield url


def join(campaign: Campaign, owner: Owner) -> Campaign:
    """Return the campaign as it is run at the server that has its data directory.

    Raises `Invalid` when that server does not have what was asked for.
    """
    assert owner.url is not None
    settings = campaign.settings
    for asked, served, option in (
        (settings.playgrounds, owner.playgrounds, "--playgrounds"),
        (settings.seeds, owner.seeds, "--seeds"),
    ):
        if asked and tuple(path.resolve() for path in asked) != served:
            shown = ", ".join(map(str, served))
            raise Invalid(
                f"The server at {owner.url} (process {owner.pid}) has {settings.data_dir} and takes {option} from "
                f"{shown}. Leave {option} out to rehearse there, or give this rehearsal another --data-dir."
            )
    if settings.is_strict and not owner.is_strict:
        raise Invalid(
            f"The server at {owner.url} (process {owner.pid}) has {settings.data_dir} and is not strict. "
            "Leave SANDBOX_STRICT out to rehearse there, or give this rehearsal another --data-dir."
        )
    return replace(
        campaign, url=owner.url, settings=replace(settings, playgrounds=owner.playgrounds, seeds=owner.seeds)
    )


async def _until_signalled(work: Coroutine[Any, Any, int], err: Console) -> int:
    """Await the work; SIGTERM cancels it as Ctrl-C does, but has its own exit status."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    is_terminated = False

    def terminate() -> None:
        nonlocal is_terminated
        is_terminated = True
        task.cancel()

    with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):  # not on the main thread, or no signals
        loop.add_signal_handler(signal.SIGTERM, terminate)
    try:
        return await task
    except asyncio.CancelledError:
        if not is_terminated:
            raise
        err.print("terminated", style="yellow")
        return EXIT_TERMINATED
    finally:
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.remove_signal_handler(signal.SIGTERM)


async def _rehearse(campaign: Campaign, out: Console, err: Console) -> int:
    assert campaign.url is not None
    client = SandboxClient(campaign.url, solver_key=campaign.solver_key, api_key=campaign.api_key)
    async with client:
        roots = campaign.settings.playground_dirs
        references = await resolve(client if campaign.api_key else None, campaign.benchmarks, roots)
        chosen = [(reference, find_agent(campaign, reference, roots)) for reference in references]
        skipped = [reference for reference, agent in chosen if agent is None]
        if skipped:
            err.print(f"no {campaign.agent} agent: {', '.join(skipped)}", style="dim", highlight=False)
        results: list[RunResult] = []
        is_broken = False
        with ProgressBar(err) as progress:
            for reference, agent in chosen:
                for trial in range(campaign.trials if agent else 0):
                    assert agent is not None
                    seed = campaign.options.seed
                    options = campaign.options if seed is None else replace(campaign.options, seed=seed + trial)
                    try:
                        result = await rehearse_once(client, reference, agent, options, progress)
                    except APIConnectionError:
                        raise
                    except ClientError as error:
                        is_broken = True
                        err.print(f"{reference}: {error}", style="red", markup=False, highlight=False)
                        break
                    results.append(result)
                    print_result(out, result)
    if len(results) > 1:
        print_summary(out, results)
    if not results and not is_broken:
        raise Invalid(f"Nothing to rehearse: no benchmark has the agent {campaign.agent}.")
    if campaign.json_file is not None:
        write_report(campaign, results)
    if is_broken:
        return EXIT_ERROR
    return EXIT_PASSED if all(result.is_pass for result in results) else EXIT_NOT_PASSED


def write_report(campaign: Campaign, results: Sequence[RunResult]) -> None:
    """Write the JSON report: one object for one run asked for, else a list; `-` is standard output."""
    reports = [report_of(result) for result in results]
    value = reports[0] if campaign.is_one_run and reports else reports
    text = jsonio.dump_pretty(value) + b"\n"
    if campaign.json_file == Path("-"):
        print(text.decode(), end="")  # noqa: T201 -- it is the output
    elif campaign.json_file is not None:
        try:
            campaign.json_file.write_bytes(text)
        except OSError as error:
            raise Invalid(f"{campaign.json_file} cannot be written: {error.strerror}.") from None


async def resolve(client: SandboxClient | None, names: Sequence[str], roots: Sequence[Path]) -> list[str]:
    """Return the `slug@version` of every benchmark named; `all` is all there are, a slug its latest.

    They are looked up at the server, or on disk where there is no key to ask it. Raises `Invalid`.
    """
    if client is not None:
        known = [b.reference for b in await client.list_benchmarks() if b.reference is not None]
    else:
        known = [f"{f.parent.name}@{f.name[1:]}" for root in roots for f in root.glob("*/v*") if f.name[1:].isdecimal()]
    known = sorted(set(known), key=_by_version)
    references: list[str] = []
    for name in names:
        if name == ALL:
            references += known
        elif "@" in name:
            # Without a key the server may know more than the disk shows.
            if name not in known and client is not None:
                raise Invalid(_unknown(name, known))
            references.append(name)
        elif versions := [reference for reference in known if reference.partition("@")[0] == name]:
            references.append(versions[-1])
        else:
            raise Invalid(_unknown(name, known))
    if not references:
        raise Invalid("There is no benchmark to rehearse. Benchmarks are playgrounds/<slug>/v<version>/benchmark.yaml.")
    return list(dict.fromkeys(references))


def _by_version(reference: str) -> tuple[str, int]:
    slug, _, version = reference.partition("@")
    return slug, int(version) if version.isdecimal() else 0


def _unknown(name: str, known: Sequence[str]) -> str:
    return f"There is no benchmark {name}. There are: {', '.join(known) or 'none'}."


def find_agent(campaign: Campaign, reference: str, roots: Sequence[Path]) -> Agent | None:
    """Return the agent for one benchmark; None for a benchmark without an alternative among `all`.

    Raises `Invalid` for an agent that cannot be loaded.
    """
    spec = campaign.agent
    if spec == IdleAgent.name:
        return IdleAgent()
    if spec in REFERENCE_FILES:
        slug, _, version = reference.partition("@")
        file = agents.find_reference(tuple(roots), slug, version, spec)
        if file is not None:
            return agents.load_reference(spec, file)
        if spec == "alternative" and ALL in campaign.benchmarks:
            return None
        looked = ", ".join(str(root / slug / f"v{version}") for root in roots)
        raise Invalid(
            f"{reference} has no {REFERENCE_FILES[spec]} in {looked}. Give --playgrounds, or another --agent."
        )
    if agents.is_function_spec(spec):
        return agents.load_function(spec)
    if not spec.strip():
        raise Invalid("--agent is empty; give solution, near-miss, idle, a shell command or module:function.")
    assert campaign.url is not None
    refuse_misspelt(spec, (IdleAgent.name, *REFERENCE_FILES))
    return CommandAgent(spec, campaign.url)


def default_keys(url: str | None, settings: Settings) -> tuple[str | None, str | None]:
    """Return the organization key and the solver key to use where none were given.

    The well-known keys are only ever sent to this machine. Raises `Invalid` for a URL that is none.
    """
    is_local = url is None or keys.is_loopback(_host_of(url))
    return (
        settings.api_key or (keys.LOCAL_API_KEY if is_local else None),
        settings.solver_key or (keys.LOCAL_SOLVER_KEY if is_local else None),
    )


def _host_of(text: str) -> str:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise Invalid(f"{text!r} is not the URL of a server; it looks like http://127.0.0.1:8787")
    return url.host
