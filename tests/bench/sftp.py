"""Files put by OpenSSH's `sftp` into a file drop, beside the system's own sshd and sftp-server, in alternation.

A small file is put twice: by an `sftp` that does nothing else, log-in and all, and as one of many in a session; there,
as for the large one, the time of a session that does nothing is taken away. Both servers choose among
the ciphers that the client offers, and both know the client by the same key. The contents are never the same twice.
The system's server writes files and syncs none; here every put is recorded, committed before it is acknowledged.
"""

import asyncio
import getpass
import os
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml

from tests.bench import servers
from tests.bench.targets import SFTP_IN_SESSION, SFTP_LARGE, SFTP_SMALL, Scores

ROUNDS = 5
SMALL_BYTES = 2_000
SMALL_COUNT = 500
LARGE_BYTES = 50_000_000
SOLVER = {"Authorization": "Bearer vrl_slv_local"}
SSHD = "/usr/sbin/sshd"
SFTP_SERVER = "/usr/lib/openssh/sftp-server"


@dataclass
class Place:
    """Where files are put, and what the rounds took."""

    name: str
    user: str
    port: int
    folder: str
    alone_s: list[float] = field(default_factory=list)
    small_s: list[float] = field(default_factory=list)
    large_s: list[float] = field(default_factory=list)


async def bench_sftp(session: aiohttp.ClientSession, home: Path, scores: Scores) -> None:
    """Print what a put of 2 kB and one of 50 MB take on both."""
    if not (Path(SSHD).exists() and Path(SFTP_SERVER).exists() and shutil.which("sftp")):
        print("sftp: openssh-client, openssh-server and openssh-sftp-server are needed to compare with; left out")
        return
    folder = home / "sftp"
    folder.mkdir(mode=0o700)
    for name in ("client", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    with _system(folder) as system, _sandbox(folder) as server:
        ours = await _started(session, server.url)
        for number in range(ROUNDS):
            for place in (ours, system):
                await _round(folder, place, number)
    for title, target, taken in (
        ("2 kB, log-in and all", SFTP_SMALL, lambda place: place.alone_s),
        ("2 kB, in a session", SFTP_IN_SESSION, lambda place: place.small_s),
        ("50 MB", SFTP_LARGE, lambda place: place.large_s),
    ):
        mine, theirs = statistics.median(taken(ours)), statistics.median(taken(system))
        for place, took in ((ours, mine), (system, theirs)):
            print(f"{f'put of {title}, {place.name}':<64} {took * 1000:.2f} ms", flush=True)
        ratio = statistics.median(b / a for a, b in zip(taken(ours), taken(system), strict=True))
        print(f"{f'put of {title}, sandbox / sftp-server, puts a second':<64} {ratio:.2f}", flush=True)
        scores.note(target, ratio)


async def _round(folder: Path, place: Place, number: int) -> None:
    small, large = folder / "small", folder / "large"
    small.mkdir(exist_ok=True)
    for count in range(SMALL_COUNT):
        (small / str(count)).write_bytes(os.urandom(SMALL_BYTES))
    large.write_bytes(os.urandom(LARGE_BYTES))
    nothing = await _sftp(folder, place, ["pwd"])
    alone = await _sftp(folder, place, [f"put {small}/0 {place.folder}/alone-{number}"])
    many = await _sftp(folder, place, [f"put {small}/{c} {place.folder}/{number}-{c}" for c in range(SMALL_COUNT)])
    one = await _sftp(folder, place, [f"put {large} {place.folder}/large-{number % 2}"])
    place.alone_s.append(alone)
    place.small_s.append(max(many - nothing, 1e-6) / SMALL_COUNT)
    place.large_s.append(max(one - nothing, 1e-6))


async def _sftp(folder: Path, place: Place, commands: list[str]) -> float:
    """Run a batch and return what it took."""
    batch = folder / "batch"
    batch.write_text("\n".join([*commands, ""]))
    options = ["-F", "/dev/null", "-q", "-P", str(place.port), "-i", str(folder / "client"), "-b", str(batch)]
    for option in ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes"):
        options += ["-o", option]
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        "sftp",
        *options,
        f"{place.user}@127.0.0.1",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return time.perf_counter() - began


async def _started(session: aiohttp.ClientSession, url: str) -> Place:
    async with session.post(f"{url}/v1/benchmark-runs", json={"benchmark": "drop"}, headers=SOLVER) as answer:
        run = await answer.json()
    headers = {"Authorization": f"Bearer {run['bearer_token']}"}
    async with session.post(f"{url}{run['task_runs'][0]['start_url']}", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    held = run["sandboxes"][0]["credentials"]
    return Place("sandbox", held["username"], held["sftp_port"], "outbound")


@contextmanager
def _sandbox(folder: Path) -> Iterator[servers.Server]:
    playground = folder / "playgrounds" / "drop" / "v1"
    playground.mkdir(parents=True)
    (folder / "seeds").mkdir()
    key = (folder / "client.pub").read_text()
    simulator = {"type": "Files", "name": "Drop", "config": {"authorized_keys": [key]}}
    definition = {
        "slug": "drop",
        "version": 1,
        "name": "A file drop",
        "description": "A file drop.",
        "visibility": "Public",
        "timeout": 3600,
        "environment": {"name": "Drop", "simulators": [simulator]},
        "tasks": [{"key": "put", "name": "Put files"}],
    }
    (playground / "benchmark.yaml").write_text(yaml.safe_dump(definition))
    with servers.sandbox(folder / "data", str(folder / "seeds"), str(folder / "playgrounds")) as server:
        yield server


@contextmanager
def _system(folder: Path) -> Iterator[Place]:
    """Run sshd for this user, on a free port of loopback."""
    port, target = servers.free_port(), folder / "system"
    target.mkdir()
    shutil.copy(folder / "client.pub", folder / "authorized_keys")
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\n"
        f"PidFile {folder}/sshd.pid\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nSubsystem sftp {SFTP_SERVER}\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd locks its unprivileged part in
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield Place("sftp-server", getpass.getuser(), port, str(target))
    finally:
        process.terminate()
        process.wait(10)
