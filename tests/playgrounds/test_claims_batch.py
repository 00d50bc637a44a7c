"""The tasks of claims-batch over real SFTP and by other ways: right ones pass, wrong ones fail for their mistake."""

import asyncio
import importlib.util
import posixpath
import stat
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from sandbox.rehearsal.agents import FunctionAgent
from sandbox.rehearsal.runner import Options, TaskResult, rehearse_once
from sandbox.testing.client import SandboxClient
from tests.alone import serving_only
from tests.playgrounds.test_near_misses import Unwatched

FOLDER = Path(__file__).parents[2] / "playgrounds" / "claims-batch" / "v1"


def load_solution() -> Any:
    spec = importlib.util.spec_from_file_location("claims_batch_solution", FOLDER / "solution.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for their annotations
    spec.loader.exec_module(module)
    return module


solution = load_solution()


class SftpDrop:
    """The file exchange as the solution knows it, by paramiko. Files are put under another name and renamed."""

    def __init__(self, sftp: paramiko.SFTPClient) -> None:
        self.sftp = sftp

    async def list(self, folder: str) -> list[str]:
        return await asyncio.to_thread(lambda: sorted(self._walk(folder)))

    def _walk(self, folder: str) -> Iterator[str]:
        try:
            entries = self.sftp.listdir_attr(folder)
        except FileNotFoundError:
            return
        for entry in entries:
            path = f"{folder}/{entry.filename}"
            if stat.S_ISDIR(entry.st_mode or 0):
                yield from self._walk(path)
            else:
                yield path

    async def read(self, path: str) -> str:
        def read() -> str:
            with self.sftp.open(path) as file:
                return file.read().decode()

        return await asyncio.to_thread(read)

    async def write(self, path: str, text: str) -> None:
        def write() -> None:
            self._make_folder(posixpath.dirname(path))
            with self.sftp.open(f"{path}.part", "w") as file:
                file.write(text)
            self.sftp.rename(f"{path}.part", path)

        await asyncio.to_thread(write)

    async def move(self, path: str, target: str) -> None:
        def move() -> None:
            self._make_folder(posixpath.dirname(target))
            self.sftp.rename(path, target)

        await asyncio.to_thread(move)

    def _make_folder(self, path: str) -> None:
        try:
            self.sftp.stat(path)
        except FileNotFoundError:
            self._make_folder(posixpath.dirname(path))
            self.sftp.mkdir(path)


async def over_sftp(task: Any) -> None:
    held = next(s for s in task.sandboxes if s["type"] == "Files")["credentials"]

    def connect() -> paramiko.SFTPClient:
        transport = paramiko.Transport((held["sftp_host"], held["sftp_port"]))
        transport.connect(username=held["username"], password=held["password"])
        sftp = paramiko.SFTPClient.from_transport(transport)
        assert sftp is not None
        return sftp

    sftp = await asyncio.to_thread(connect)
    try:
        await solution.WAYS[task.key](solution.Desk(task, SftpDrop(sftp)))
    finally:
        await asyncio.to_thread(sftp.get_channel().get_transport().close)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[SandboxClient]:
    async with serving_only(tmp_path, "claims-batch@1", sftp_port=0) as connected:
        yield connected


async def played(client: SandboxClient, solve: Callable[[Any], Any], *keys: str) -> tuple[TaskResult, ...]:
    agent = FunctionAgent("claims", solve)
    result = await rehearse_once(client, "claims-batch@1", agent, Options(task_keys=keys), Unwatched())
    return tuple(result.task_runs)


async def test_every_task_is_solved_over_sftp(client: SandboxClient) -> None:
    tasks = await played(client, over_sftp)
    assert {task.key: task.score for task in tasks} == dict.fromkeys(solution.WAYS, 1.0)
    for task in tasks:
        events = [event for event in await client.list_events(task.id) if event.actor == "agent"]
        assert {e.via for e in events if (e.request or {}).get("path", "").startswith("files/")} == {"sftp"}


class Spreadsheet(solution.Drop):  # type: ignore[misc, name-defined]
    """Writes as a spreadsheet does: CR LF, quotes, a byte order mark."""

    async def write(self, path: str, text: str) -> None:
        rows = [",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()]
        await super().write(path, "\ufeff" + "\r\n".join(rows) + "\r\n")


class HalfDesk(solution.Desk):  # type: ignore[misc, name-defined]
    """Takes a batch as soon as its control file is there."""

    async def whole(self, name: str) -> Any:
        if f"{solution.INBOX}/{name}.ctl" not in await self.drop.list(solution.INBOX):
            return None
        (control,) = solution.read_rows(await self.drop.read(f"{solution.INBOX}/{name}.ctl"))
        claims = solution.read_rows(await self.drop.read(f"{solution.INBOX}/{name}.csv"))
        return solution.Batch(name, control["batch"], list(claims[0]), claims)


class TrustingDesk(solution.Desk):  # type: ignore[misc, name-defined]
    """Believes that who is insured is who is named."""

    async def find_fault(self, claim: Any) -> str:
        return ""


class ForgetfulDesk(solution.Desk):  # type: ignore[misc, name-defined]
    """Knows the batches that were here before, and not their claims."""

    async def earlier(self) -> dict[str, list[str]]:
        return {}


COLLECTED = "Evergreen Mutual collected its claims of EGW-0423 at two o'clock, each as it came and no other"

NEW_CLAIMS = "LHP is given its claims of HFH-0423 that are new, each as it came and no other"
NOTHING_ELSE = "Nothing else on the file exchange or in the charts was touched"


def given(payer: str, batch: str) -> str:
    return f"{payer} is given its claims of {batch}, each as it came and no other"


WAYS: dict[str, tuple[Any, Any, dict[str, set[str]]]] = {
    "as a spreadsheet writes": (solution.Desk, Spreadsheet, {key: set() for key in solution.WAYS}),
    "half a batch": (
        HalfDesk,
        solution.Drop,
        {"half-written": set(), "by-the-clock": {COLLECTED, given("SAR", "EGW-0423")}},
    ),
    "without a look at the chart": (
        TrustingDesk,
        solution.Drop,
        {
            "half-written": {"NIM-0423 is acknowledged, claim by claim", NOTHING_ELSE},
            "by-the-clock": set(),
            "sent-twice": {NEW_CLAIMS},
        },
    ),
    "claims again": (ForgetfulDesk, solution.Drop, {"sent-twice": {NEW_CLAIMS}}),
}


async def test_other_ways_pass_or_fail_for_what_is_wrong(client: SandboxClient) -> None:
    for way, (desk, drop, failed) in WAYS.items():

        async def solve(task: Any, desk: Any = desk, drop: Any = drop) -> None:
            await solution.WAYS[task.key](desk(task, drop(task)))

        for task in await played(client, solve, *failed):
            seen = {c.label for c in task.checks if not c.passed and "requires_unmet" not in (c.evidence or {})}
            assert seen == failed[task.key], f"{way}: {task.explain()}"
            assert task.is_pass == (not seen)
