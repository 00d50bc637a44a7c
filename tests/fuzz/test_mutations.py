"""Mutated requests, very many: no 5xx, no hang, no traceback, and memory that does not grow.

`make prove` sends 50,000, `make prove MUTATIONS=1000000` as many as it says. The server is a process of its own. After
every round its runs are ended and new ones are begun, so whatever still grows is kept by the server for nobody.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.fuzz.mutations import Mutator
from tests.fuzz.test_fuzz_http import BENCHMARK, FILES

MUTATIONS = int(os.environ.get("MUTATIONS") or 50_000)
ROUND = 10_000
CONNECTIONS = 8
HANG_S = 60
GROWTH_BYTES = 64 << 20  # what the memory may differ by between rounds, once it is warm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(12 * 3600)]


class Server:
    """`sandbox serve` with its log in a file."""

    def __init__(self, home: Path) -> None:
        for path, content in FILES.items():
            file = home / "seeds" / "small" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, newline="")
        file = home / "playgrounds" / "fuzz" / "v1" / "benchmark.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(BENCHMARK))
        places = [f"--{name}={home / name}" for name in ("playgrounds", "seeds")]
        self.data, self.log = home / "data", home / "log"
        command = [sys.executable, "-m", "sandbox", "serve", "--port=0", f"--data-dir={self.data}", *places]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        ready = next(line for line in self.process.stdout if line.startswith("sandbox ready at "))
        self.url = ready.removeprefix("sandbox ready at ").strip()
        self.host, _, self.port = self.url.removeprefix("http://").partition(":")

    def memory_bytes(self) -> int:
        rows = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(row for row in rows if row.startswith("VmRSS")).split()[1]) * 1024

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)
        return self.process.returncode


class Worker:
    """One connection that sends mutations of one run's requests, one after the other."""

    def __init__(self, server: Server, token: str, mutate: Mutator) -> None:
        self.server, self.token, self.mutate = server, token, mutate
        self.statuses: dict[int, int] = {}
        self.bad: list[object] = []
        self.line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, count: int) -> None:
        """Send so many."""
        try:
            await self._send(count)
        finally:
            self._close()

    async def _send(self, count: int) -> None:
        for _ in range(count):
            sent = self.mutate()
            if "/complete" in sent.target or "/cancel" in sent.target or "stream" in sent.target:
                continue
            token = self.token if sent.surface != "api" or sent.target.startswith("/v1/") else "vk_local"
            head = [f"{sent.method} {sent.target} HTTP/1.1".encode(), b"Host: localhost"]
            head += [f"Authorization: Bearer {token}".encode(), b"Content-Length: %d" % len(sent.body), *sent.lines]
            try:
                async with asyncio.timeout(HANG_S):
                    if self.line is None:
                        self.line = await asyncio.open_connection(self.server.host, int(self.server.port))
                    self.line[1].write(b"\r\n".join(head) + b"\r\n\r\n" + sent.body)
                    status, is_open, said = await _read(self.line[0], sent.method)
            except TimeoutError:
                self.bad.append(("hang", sent))
                status, is_open, said = 0, False, b""
            except (ConnectionError, asyncio.IncompleteReadError):
                status, is_open, said = -1, False, b""  # a request that is no HTTP may cost its connection
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if status >= 500:
                self.bad.append((status, said, sent))
            if not is_open:
                self._close()

    def _close(self) -> None:
        if self.line is not None:
            self.line[1].close()
            self.line = None


async def _read(reader: asyncio.StreamReader, method: str) -> tuple[int, bool, bytes]:
    """Read an answer; return its status, whether the connection stays open, and the body if its length was told."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    if status == 100:
        return await _read(reader, method)
    if b"transfer-encoding: chunked" in head:
        return status, False, b""
    found = head.partition(b"content-length: ")[2]
    said = b""
    if found and method != "HEAD" and status not in (204, 304):
        said = await reader.readexactly(int(found.split(b"\r\n", 1)[0]))
    return status, b"connection: close" not in head, said


async def _begin(http: aiohttp.ClientSession, server: Server, seed: int) -> tuple[Worker, str]:
    async def call(method: str, path: str, token: str, **more: object) -> dict:
        headers = {"Authorization": f"Bearer {token}"}
        async with http.request(method, server.url + path, headers=headers, **more) as answer:
            assert answer.status in (200, 201), await answer.text()
            return await answer.json()

    run = await call("POST", "/v1/benchmark-runs", "vrl_slv_local", json={"benchmark": "fuzz"})
    token, (first, other) = run["bearer_token"], run["task_runs"]
    await call("POST", first["start_url"], token)
    root = f"/v1/benchmark-runs/{run['benchmark_run_id']}"
    message = (await call("GET", f"{root}/hl7/inbox", token))[0]["id"]
    draft = {"patient_member_id": "M1", "draft": True}
    auth = (await call("POST", f"{root}/portal/prior-auths", token, json=draft))["request_id"]
    ids = {
        "RUN": run["benchmark_run_id"], "TASK": first["id"], "OTHER": other["id"], "MESSAGE": message,
        "SANDBOX": run["sandboxes"][0]["id"], "AUTH": auth,
    }  # fmt: skip
    roots = {surface: f"{root}/{surface}" for surface in ("fhir", "hl7", "files", "portal")} | {"api": ""}
    return Worker(server, token, Mutator(seed, roots, ids)), run["benchmark_run_id"]


async def _end_all(http: aiohttp.ClientSession, server: Server) -> None:
    """End every run that is active, as a mutated request may have begun some."""
    headers = {"Authorization": "Bearer vk_local"}
    while True:
        async with http.get(f"{server.url}/benchmark-runs?limit=100", headers=headers) as answer:
            active = [run["id"] for run in (await answer.json())["data"] if run["status"] == "active"]
        if not active:
            return
        for run_id in active:
            async with http.post(f"{server.url}/benchmark-runs/{run_id}/cancel", headers=headers) as answer:
                await answer.read()


async def test_mutated_requests(tmp_path: Path) -> None:
    server = await asyncio.to_thread(Server, tmp_path)
    statuses: dict[int, int] = {}
    memory: list[int] = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with aiohttp.ClientSession() as http:
            for number in range(-(-MUTATIONS // ROUND)):
                seeds = [number * CONNECTIONS + n for n in range(CONNECTIONS)]
                workers = [(await _begin(http, server, seed))[0] for seed in seeds]
                await asyncio.gather(*(worker.send(ROUND // CONNECTIONS) for worker in workers))
                for worker in workers:
                    assert not worker.bad, worker.bad[:3]
                    for status, count in worker.statuses.items():
                        statuses[status] = statuses.get(status, 0) + count
                await _end_all(http, server)
                memory.append(server.memory_bytes())
                print(f"{sum(statuses.values())} sent, {memory[-1] >> 20} MiB, {loop.time() - began:.0f} s", flush=True)
            async with http.get(f"{server.url}/readyz") as answer:
                assert answer.status == 200
    finally:
        code = await asyncio.to_thread(server.stop)
    log = server.log.read_text(errors="replace")
    assert code == 0 and "Traceback" not in log, log[-3000:]
    assert not [status for status in statuses if status >= 500 or status == 0], statuses
    assert sum(count for status, count in statuses.items() if 200 <= status < 300) > sum(statuses.values()) // 10
    warm = memory[len(memory) // 4 :]
    assert max(warm) - min(warm) <= GROWTH_BYTES, [value >> 20 for value in memory]
    command = [sys.executable, "-m", "sandbox", "verify", "--data-dir", str(server.data)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert done.returncode == 0 and "The record is whole." in done.stdout, done.stdout[-2000:]
    print(
        f"{sum(statuses.values())} mutated requests, 0 x 5xx, 0 hangs, 0 tracebacks; {dict(sorted(statuses.items()))}"
    )
