"""What sending spans costs those who are answered: the same reads with and without it, in alternation.

The collector takes what comes and does nothing with it, in a process of its own; a third server sends to one that is
away.
"""

import contextlib
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp

from tests.bench import data, servers
from tests.bench.load import drive, request_bytes
from tests.bench.peers import say, start_run

ROUNDS = 5
COUNT = 4000

SINK = """
import sys
from aiohttp import web
async def take(request):
    await request.read()
    return web.Response(content_type="application/x-protobuf")
app = web.Application(client_max_size=1 << 30)
app.router.add_post("/v1/traces", take)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=lambda *_: print("ready", flush=True))
"""


@contextlib.contextmanager
def sink() -> Iterator[str]:
    """Run the collector and give its URL."""
    port = servers.free_port()
    server = servers.Server([sys.executable, "-c", SINK, str(port)], f"http://127.0.0.1:{port}")
    try:
        yield server.url
    finally:
        server.stop()


async def bench_spans(session: aiohttp.ClientSession, home: Path) -> None:
    """Print rates and delays of recorded reads with spans off, sent, and lost, for one connection and for many."""
    seeds, playgrounds = data.write_clinic(home / "fhir", resources=0, tasks=2)
    away = f"http://127.0.0.1:{servers.free_port()}"
    with (
        sink() as url,
        servers.sandbox(home / "spans-off", seeds, playgrounds) as off,
        servers.sandbox(home / "spans-on", seeds, playgrounds, otel=url) as on,
        servers.sandbox(home / "spans-away", seeds, playgrounds, otel=away) as lost,
    ):
        named = {"off": off, "sent": on, "collector away": lost}
        for connections, count in ((1, COUNT // 2), (32, COUNT)):
            rates: dict[str, list[float]] = {name: [] for name in named}
            p50: dict[str, list[float]] = {name: [] for name in named}
            p99: dict[str, list[float]] = {name: [] for name in named}
            calls = {}
            for name, server in named.items():
                base, token = await start_run(session, server.url)
                calls[name] = request_bytes("GET", f"{base}/Patient?_count=1", token)
            for number in range(ROUNDS + 1):
                for name, server in named.items():
                    result = await drive(server.url, [calls[name]], count=count, connections=connections)
                    assert result.statuses == {200}
                    if number > 0:  # the first one is to warm up
                        rates[name].append(result.rate)
                        p50[name].append(result.quantile(0.5) * 1000)
                        p99[name].append(result.quantile(0.99) * 1000)
            for name in named:
                ratio = statistics.median(a / b for a, b in zip(rates[name], rates["off"], strict=True))
                value = f"{ratio:.2f}   ({statistics.median(rates[name]):,.0f} per second, p50 "
                value += f"{statistics.median(p50[name]):.2f} ms, p99 {statistics.median(p99[name]):.2f} ms)"
                say(f"spans {name} / off, FHIR read, connections: {connections}", value)
        for name in ("sent", "collector away"):
            async with session.get(f"{named[name].url}/metrics") as answer:
                text = await answer.text()
            counts = re.findall(r"(?m)^sandbox_spans_(sent|lost)_total (\S+)", text)
            say(f"spans, {name}", ", ".join(f"{kind} {float(count):,.0f}" for kind, count in counts))
