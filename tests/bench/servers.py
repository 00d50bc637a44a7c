"""The servers that are measured, each in a process of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

BARE = """
import sys
from aiohttp import web
held = {"body": b"", "type": "text/plain"}
async def keep(request):
    held["body"], held["type"] = await request.read(), request.headers["Content-Type"]
    return web.Response()
async def give(request):
    return web.Response(body=held["body"], headers={"Content-Type": held["type"]})
async def take(request):
    await request.read()
    return web.Response(body=held["body"], headers={"Content-Type": held["type"]})
app = web.Application(client_max_size=1 << 30)
app.router.add_put("/bytes", keep)
app.router.add_get("/bytes", give)
app.router.add_post("/bytes", take)
if sys.argv[2] == "uvloop":
    import uvloop
    loop = uvloop.new_event_loop()
else:
    loop = None
ready = lambda *_: print("ready", flush=True)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, loop=loop, print=ready)
"""

SANDBOX = """
import sys
from pathlib import Path
from sandbox.serving import run, serve, url_of
from sandbox.settings import Settings
data, seeds, playgrounds, recording, *otel = sys.argv[1:]
settings = Settings(
    port=0,
    data_dir=Path(data),
    seeds=tuple(Path(p) for p in seeds.split(",") if p),
    playgrounds=tuple(Path(p) for p in playgrounds.split(",") if p),
    is_recording=recording == "1",
    is_watching=False,
    max_active_playgrounds=100_000,
    **({"otel_endpoint": otel[0]} if otel else {}),
)
run(serve(settings, lambda runner: print("ready", url_of(settings, runner), flush=True)))
"""


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A running process, its URL, and how long it took to be ready."""

    def __init__(self, command: list[str], url: str | None, tree: Path | None = None) -> None:
        began = time.perf_counter()
        # What is imported from is where the process stands, before anything that is installed.
        environment = None if tree is None else {**os.environ, "PYTHONPATH": str(tree)}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tree, env=environment)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("ready"):
            raise RuntimeError(f"the server did not start: {command}")
        self.url = url or line.split()[1]
        self.start_s = time.perf_counter() - began

    def memory_bytes(self) -> int:
        """Return the resident memory of the process."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        row = next(line for line in text.splitlines() if line.startswith("VmRSS"))
        return int(row.split()[1]) * 1024

    def cpu_s(self) -> float:
        """Return the processor time that the process has taken, all its threads together."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        self.process.wait(30)


@contextlib.contextmanager
def bare(loop: str = "asyncio") -> Iterator[Server]:
    """Run the bare aiohttp server, on the event loop of `asyncio` or of `uvloop`."""
    port = free_port()
    server = Server([sys.executable, "-c", BARE, str(port), loop], f"http://127.0.0.1:{port}")
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def sandbox(
    data: Path,
    seeds: str = "",
    playgrounds: str = "",
    *,
    recording: bool = True,
    tree: Path | None = None,
    before: str = "",
    otel: str = "",
) -> Iterator[Server]:
    """Run a sandbox server on a data directory; of the build in `tree`, if that is given, and after a script.

    It sends spans to `otel`, if that is given.
    """
    options = [str(data), seeds, playgrounds, "1" if recording else "0", *([otel] if otel else [])]
    server = Server([sys.executable, "-c", before + SANDBOX, *options], None, tree)
    try:
        yield server
    finally:
        server.stop()
