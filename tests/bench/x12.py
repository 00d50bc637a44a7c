"""278 over HTTP, raw, recorded: requests that open a case and inquiries after one, beside a plain split of the bytes.

The split is in process and does nothing with what it finds: it is what reading an interchange costs at least.
"""

import json
import re
import statistics
import time
from pathlib import Path

import aiohttp
import yaml

from tests.bench import servers
from tests.bench.load import drive, request_bytes

ROUNDS = 5
REQUESTS = 200
INQUIRIES = 500
SPLITS = 10_000
SOLVER = {"Authorization": "Bearer vrl_slv_local"}
_ISA = "ISA*00*          *00*          *ZZ*CLINIC         *ZZ*CLEARINGHOUSE  *260423*0900*^*00501*000000001*0*T*:~"
_WHO = (
    "HL*1**20*1~NM1*X3*2*PLAN*****PI*12345~HL*2*1*21*1~NM1*1P*1*RIVERA*ELENA****XX*1234567893~HL*3*2*22*1~"
    "NM1*IL*1*REYES*ANA****MI*M1~DMG*D8*19700101~"
)
_REQUEST = (
    f"BHT*0007*13*REF278*20260423*0900~{_WHO}HL*4*3*EV*1~TRN*1*TRACE-3*9012345678~UM*HS*I*62*11:B~DTP*AAH*D8*20260501~"
    "HI*ABK:M5416~HL*5*4*SS*0~SV1*HC:73721**UN*1~"
)


def interchange(body: str, version: str = "005010X217") -> str:
    """Put a 278 into its envelopes."""
    count = body.count("~") + 2
    group = f"GS*HI*CLINIC*CLEARINGHOUSE*20260423*0900*1*X*{version}~ST*278*0001*{version}~"
    return f"{_ISA}{group}{body}SE*{count}*0001~GE*1*1~IEA*1*000000001~"


async def bench_x12(session: aiohttp.ClientSession, home: Path) -> None:
    """Print how many round trips there are a second, one connection and several."""
    request = interchange(_REQUEST).encode()
    split = _splits_a_second(request)
    with servers.sandbox(home / "x12-data", *_definitions(home / "x12")) as server:
        for connections in (1, 8):
            opened, asked = [], []
            for _ in range(ROUNDS):
                root, token = await _started(session, server.url)
                url = f"{root}/clearinghouse/transactions"
                post = request_bytes("POST", url, token, request, "application/edi-x12")
                result = await drive(server.url, [post], count=REQUESTS, connections=connections)
                assert result.statuses == {200}
                opened.append(result.rate)
                inquiry = await _inquiry(session, url, token)
                post = request_bytes("POST", url, token, inquiry, "application/edi-x12")
                result = await drive(server.url, [post], count=INQUIRIES, connections=connections)
                assert result.statuses == {200}
                asked.append(result.rate)
            for name, rates in (("request", opened), ("inquiry", asked)):
                rate = statistics.median(rates)
                said = (
                    f"{rate:,.0f} a second; a plain split of the bytes {split:,.0f}, {split / rate:,.0f} times as often"
                )
                print(f"{f'278 {name}, raw, recorded, connections: {connections}':<64} {said}", flush=True)


def _splits_a_second(content: bytes) -> float:
    rates = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(SPLITS):
            for line in content.decode().split("~"):
                line.split("*")
        rates.append(SPLITS / (time.perf_counter() - began))
    return statistics.median(rates)


async def _started(session: aiohttp.ClientSession, url: str) -> tuple[str, str]:
    async with session.post(f"{url}/v1/benchmark-runs", json={"benchmark": "x12"}, headers=SOLVER) as answer:
        run = await answer.json()
    token = run["bearer_token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with session.post(f"{url}{run['task_runs'][0]['start_url']}", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    return f"{url}/v1/benchmark-runs/{run['benchmark_run_id']}", token


async def _inquiry(session: aiohttp.ClientSession, url: str, token: str) -> bytes:
    """Return an inquiry after the newest case, which is opened for it."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/edi-x12"}
    async with session.post(url, data=interchange(_REQUEST), headers=headers) as answer:
        found = re.search(r"REF\*BB\*(\w+)", await answer.text())
    assert found is not None
    body = f"BHT*0007*28*REF278*20260423*0900~{_WHO}HL*4*3*EV*0~TRN*1*TRACE-3*9012345678~REF*BB*{found[1]}~"
    return interchange(body, "005010X215").encode()


def _definitions(home: Path) -> tuple[str, str]:
    member = {
        "member_id": "M1",
        "first_name": "Ana",
        "last_name": "Reyes",
        "birth_date": "1970-01-01",
        "gender": "female",
        "plan": "Gold",
        "coverage": {"status": "active", "start": "2024-01-01"},
    }
    portal = {"patients": [member], "providers": [{"npi": "1234567893", "name": "Elena Rivera, MD"}]}
    (home / "seeds" / "plan").mkdir(parents=True)
    (home / "seeds" / "plan" / "portal.yaml").write_text(json.dumps(portal))
    config = {"default_determination": {"status": "approved"}}
    definition = {
        "slug": "x12",
        "version": 1,
        "name": "A clearinghouse",
        "description": "A payer and a clearinghouse.",
        "visibility": "Public",
        "timeout": 3600,
        "environment": {
            "name": "Payer",
            "simulators": [
                {"type": "Payer", "name": "Plan", "dataset": "plan", "config": config},
                {"type": "Clearinghouse", "name": "Clearinghouse"},
            ],
        },
        "tasks": [{"key": "ask", "name": "Ask"}],
    }
    playground = home / "playgrounds" / "x12" / "v1"
    playground.mkdir(parents=True)
    (playground / "benchmark.yaml").write_text(yaml.safe_dump(definition))
    return str(home / "seeds"), str(home / "playgrounds")
