"""Tool calls over the Model Context Protocol beside the same calls over HTTP, in alternation; and the tools' length.

A tool's call is one POST to `/t/<secret>/mcp` as the protocol's older clients send it: a request, two messages that the
SDK reads and writes, and the same interaction with the same event as over HTTP. `tools/list` is counted at four
characters a token.
"""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from sandbox.builtin import create_registry
from sandbox.definitions.library import load_library
from sandbox.settings import Settings
from tests.bench import data, servers
from tests.bench.load import Result, drive
from tests.bench.targets import TOOLS_LIST, Scores
from tests.mcp.sizes import tokens_of

ROUNDS = 3
COUNT = 200
CONNECTIONS = (1, 8)
SOLVER = {"Authorization": "Bearer vrl_slv_local"}
TYPES = "Content-Type: application/json\r\nAccept: application/json, text/event-stream"


async def bench_mcp(session: aiohttp.ClientSession, home: Path, scores: Scores) -> None:
    """Print calls per second and p50 of a read and a create by both ways, and the size of each environment's tools."""
    seeds, playgrounds = data.write_clinic(home / "mcp", resources=0, tasks=2)
    with servers.sandbox(home / "mcp-data", seeds, playgrounds) as server:
        root = await _started(session, server.url)
        async with session.get(f"{root}/fhir/Patient?_count=1") as answer:
            reference = f"Patient/{(await answer.json())['entry'][0]['resource']['id']}"
        made = {"resourceType": "Basic", "code": {"text": "x"}}
        path = root.removeprefix(server.url)
        for name, over_http, by_tool in (
            (
                "read",
                _request("GET", f"{path}/fhir/{reference}"),
                _call(path, "fhir_read", {"reference": reference}),
            ),
            (
                "create",
                _request("POST", f"{path}/fhir/Basic", made),
                _call(path, "fhir_create", {"resource": made}),
            ),
        ):
            for connections in CONNECTIONS:
                rounds: list[tuple[Result, Result]] = []
                for number in range(ROUNDS + 1):
                    both = [
                        await drive(server.url, [sent], count=COUNT, connections=connections)
                        for sent in (over_http, by_tool)
                    ]
                    assert {status for each in both for status in each.statuses} <= {200, 201}
                    if number > 0:  # the first one is to warm up
                        rounds.append((both[0], both[1]))
                _say(name, connections, rounds)
    _sizes(scores)


def _say(name: str, connections: int, rounds: Sequence[tuple[Result, Result]]) -> None:
    for index, way in enumerate(("over HTTP", "by tool")):
        rate = statistics.median(each[index].rate for each in rounds)
        p50 = statistics.median(each[index].quantile(0.5) for each in rounds) * 1000
        label = f"FHIR {name} {way}, connections: {connections}"
        print(f"{label:<64} {rate:,.0f} per second, p50 {p50:.2f} ms", flush=True)
    ratio = statistics.median(tool.rate / http.rate for http, tool in rounds)
    print(f"{f'FHIR {name} by tool / over HTTP, connections: {connections}':<64} {ratio:.2f}", flush=True)


def _sizes(scores: Scores) -> None:
    registry, settings = create_registry(), Settings()
    library = load_library(settings.playground_dirs, settings.seed_dirs, registry)
    for benchmark in library.benchmarks.values():
        reference, tokens = benchmark.definition.reference, tokens_of(registry, benchmark.definition)
        print(f"{f'tools/list of {reference}':<64} {tokens:,} tokens", flush=True)
        scores.note(TOOLS_LIST, tokens)


def _call(path: str, name: str, arguments: object) -> bytes:
    params = {"name": name, "arguments": arguments}
    return _request("POST", f"{path}/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})


def _request(method: str, path: str, body: object = None) -> bytes:
    sent = b"" if body is None else json.dumps(body).encode()
    length = f"Content-Length: {len(sent)}\r\n" if sent else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{TYPES}\r\n{length}\r\n".encode() + sent


async def _started(session: aiohttp.ClientSession, url: str) -> str:
    async with session.post(f"{url}/v1/benchmark-runs", json={"benchmark": "bench"}, headers=SOLVER) as answer:
        run = await answer.json()
    headers = {"Authorization": f"Bearer {run['bearer_token']}"}
    async with session.post(f"{url}{run['task_runs'][0]['start_url']}", headers=headers) as answer:
        started = await answer.json()
    return str(started["urls"]["fhir"]).removesuffix("/fhir")
