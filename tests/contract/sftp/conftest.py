"""A started file drop, and clients of its SFTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

CLIENT_S = 60


@dataclass
class Drop:
    """One file drop: the run, and what its credentials say."""

    live: Any
    run: Any
    credentials: dict[str, Any]
    at: int = 0

    @property
    def host(self) -> str:
        return str(self.credentials["sftp_host"])

    @property
    def port(self) -> int:
        return int(self.credentials["sftp_port"])

    @property
    def address(self) -> str:
        return f"{self.credentials['username']}@{self.host}"

    @property
    def branch(self) -> Any:
        return self.live.playground(self.run.tasks[self.at]).branch

    def connect(self, **more: Any) -> Any:
        options = {
            "username": self.credentials["username"],
            "password": self.credentials["password"],
            "known_hosts": asyncssh.import_known_hosts(f"[{self.host}]:{self.port} {self.credentials['host_key']}\n"),
            "config": None,
            "client_keys": None,
            "agent_path": None,
        }
        return asyncssh.connect(self.host, self.port, **(options | more))

    @asynccontextmanager
    async def sftp(self, **more: Any) -> AsyncIterator[asyncssh.SFTPClient]:
        async with self.connect(**more) as connection, connection.start_sftp_client() as client:
            yield client

    async def events(self) -> list[Any]:
        return [e for e in await self.run.events(self.at) if e["actor"] == "agent"]

    async def seen(self) -> list[tuple[str, str, str, int]]:
        """Type, method, path and status of every event of the agent's."""
        return [
            (e["type"], e["request"]["method"], e["request"]["path"], e["response"]["status"])
            for e in await self.events()
        ]

    async def content(self, path: str) -> bytes | None:
        answer = await self.run.call("GET", f"files/{path}", at=self.at)
        return answer.body if answer.status == 200 else None


@dataclass
class OpenSsh:
    """OpenSSH's own `sftp` and `scp`, told one file drop's password."""

    folder: Path
    drop: Drop

    async def __call__(self, program: str, *arguments: str, batch: str = "") -> tuple[int, str, str]:
        """Run a program; return exit status, stdout and stderr."""
        known_hosts, ask = self.folder / "known_hosts", self.folder / "ask"
        known_hosts.write_text(f"[{self.drop.host}]:{self.drop.port} {self.drop.credentials['host_key']}\n")
        ask.write_text(f"#!/bin/sh\necho '{self.drop.credentials['password']}'\n")
        ask.chmod(0o700)
        options = [
            *("-F", "/dev/null", "-p" if program == "ssh" else "-P", str(self.drop.port)),
            *("-o", f"UserKnownHostsFile={known_hosts}", "-o", "StrictHostKeyChecking=yes"),
            *("-o", "BatchMode=no", "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1", "-q"),
        ]
        process = await asyncio.create_subprocess_exec(
            program,
            *options,
            *arguments,
            cwd=self.folder,
            env={
                "PATH": "/usr/bin:/bin",
                "SSH_ASKPASS": str(ask),
                "SSH_ASKPASS_REQUIRE": "force",
                "HOME": "/nonexistent",
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(batch.encode()), CLIENT_S)
        return process.returncode or 0, out.decode(), err.decode()

    async def sftp(self, *commands: str) -> tuple[int, str, str]:
        """Run commands one after the other; the first that fails ends it, unless it begins with `-`."""
        batch = self.folder / "batch"
        batch.write_text("".join(f"{command}\n" for command in commands))
        return await self("sftp", "-b", str(batch), self.drop.address)


def files_of(value: Any, task_run_id: str) -> Any:
    """The file drop's element among a run's sandboxes."""
    return next(s for s in value["sandboxes"] if s["type"] == "Files" and s["task_run_id"] == task_run_id)


@pytest.fixture
def drop_of() -> Callable[..., Any]:
    """`await drop_of(live)`: the file drop of a new run that is started."""

    async def make(live: Any, reference: str = "clinic@1", **more: Any) -> Drop:
        run = await live.started(reference, **more)
        return Drop(live, run, files_of(run.value, run.tasks[0])["credentials"])

    return make


@pytest.fixture
async def drop(serve: Any, drop_of: Any) -> AsyncIterator[Drop]:
    async with serve() as live:
        yield await drop_of(live)


@pytest.fixture
def openssh(drop: Drop, tmp_path: Path) -> OpenSsh:
    folder = tmp_path / "client"
    folder.mkdir()
    return OpenSsh(folder, drop)
