"""LLM tasks on the offline engines: runs per second, delays, growth with the prompt, many at once."""

import asyncio
import json
import signal
import statistics
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench import servers
from tests.bench.load import drive, request_bytes

KEY = "vk_local"
ORGANIZATION = "00000000-0000-4000-8000-000000000001"
PROJECT = "00000000-0000-4000-8000-000000000002"
COUNT = 2_000
ROUNDS = 3
SIZES = (1_000, 4_000, 16_000, 64_000)
CONCURRENT = 100
FORMAT = {
    "patient": {"type": "object", "nested_structure": {"name": "str", "date_of_birth": "str", "phone": "str"}},
    "urgency": {"type": "str", "options": ["routine", "urgent"]},
    "diagnosis_code": "str",
    "medications": {"type": "list", "nested_structure": {"name": "str", "dose": "str"}},
}
TEXT = (
    "PATIENT\nName: REYES, ANA   DOB: 01/02/1970   Sex: F\nPhone: 330-555-0101\nUrgency: Routine\n"
    "Diagnosis (ICD-10-CM): R00.2 Palpitations\nMedications:\n- Metformin 500 mg\n- Lisinopril 10 mg\n"
)
FILLER = "The patient was seen in the clinic and did well; nothing further was noted on that day.\n"


def say(name: str, value: str) -> None:
    print(f"{name:<62} {value}", flush=True)


class Desk:
    """Tasks on a server."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.root = f"{url}/api/v1/org/{ORGANIZATION}/project/{PROJECT}"
        self.headers = {"Authorization": f"Bearer {KEY}"}

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        async with self.session.request(method, self.root + path, json=body, headers=self.headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def create(self, name: str, model: str, **fields: Any) -> str:
        found = await self.call("GET", f"/model/{model}")
        body = {
            "name": name,
            "enabled": True,
            "system_prompt": "You read referrals.",
            "user_prompt": "Read: {text}",
            "llm_model_id": found["id"],
            "output_format": FORMAT,
            **fields,
        }
        return str((await self.call("POST", "/task", body))["id"])

    def run_bytes(self, task: str, text: str) -> bytes:
        body = json.dumps({"task_input": {"text": text}}).encode()
        return request_bytes("POST", f"{self.root}/task/{task}/run", KEY, body)


def write_cassette(home: Path) -> None:
    """Write the answer that the replayed task gives."""
    folder = home / "llm-data" / "cassettes"
    folder.mkdir(parents=True)
    patient = {"name": "Ana", "date_of_birth": None, "phone": None}
    answer = {"patient": patient, "urgency": "routine", "diagnosis_code": "R00.2", "medications": []}
    cassette = {"task": "Bench replay", "answers": [{"input": {"text": TEXT}, "response": answer}]}
    (folder / "bench-replay.yaml").write_text(json.dumps(cassette))


async def bench_llm(session: aiohttp.ClientSession, home: Path) -> None:
    """Measure the engines one after the other, then growth, then many runs at once and a kill."""
    empty = home / "llm-empty"
    empty.mkdir()
    write_cassette(home)
    with servers.sandbox(home / "llm-data", str(empty), str(empty)) as server:
        desk = Desk(session, server.url)
        rules = {"llm_config": {"faults": [{"kind": "error", "every": 2}]}}
        tasks = {
            "extract": await desk.create("Bench extract", "sandbox-extract"),
            "replay": await desk.create("Bench replay", "sandbox-replay"),
            "fault, every second run fails": await desk.create("Bench fault", "sandbox-fault", **rules),
        }
        for name, task in tasks.items():
            call = desk.run_bytes(task, TEXT)
            await drive(server.url, [call], count=200, connections=8)
            rounds = [await drive(server.url, [call], count=COUNT, connections=32) for _ in range(ROUNDS)]
            alone = await drive(server.url, [call], count=500, connections=1)
            assert {status for r in rounds for status in r.statuses} == {200}
            rate = statistics.median(r.rate for r in rounds)
            p50, p99 = alone.quantile(0.5) * 1000, alone.quantile(0.99) * 1000
            say(f"task runs, {name}", f"{rate:,.0f} per second   (alone p50 {p50:.2f} ms, p99 {p99:.2f} ms)")
        await bench_growth(server.url, desk, tasks["extract"])
        acknowledged = await bench_concurrent(desk, tasks["extract"])
        server.stop(signal.SIGKILL)
    with servers.sandbox(home / "llm-data", str(empty), str(empty)) as server:
        desk = Desk(session, server.url)
        found = [await desk.call("GET", f"/task/{tasks['extract']}/run/{run_id}") for run_id in acknowledged]
        lost = len(acknowledged) - len(found)
        say("acknowledged runs lost when the server is killed", f"{lost} of {len(acknowledged)}")


async def bench_growth(url: str, desk: Desk, task: str) -> None:
    """How the delay of one run grows with the length of its prompt; linear is a factor of 1 a character."""
    delays = {}
    for size in SIZES:
        text = TEXT + FILLER * ((size - len(TEXT)) // len(FILLER) + 1)
        call = desk.run_bytes(task, text[:size])
        await drive(url, [call], count=10, connections=1)
        delays[size] = (await drive(url, [call], count=50, connections=1)).quantile(0.5) * 1000
    shown = ", ".join(f"{size // 1000}k {delay:.1f} ms" for size, delay in delays.items())
    low, high = SIZES[1], SIZES[-1]
    factor = (delays[high] / delays[low]) / (high / low)
    say("task run by prompt length, extract", f"{shown}   ({factor:.2f} of linear from {low // 1000}k)")


async def bench_concurrent(desk: Desk, task: str) -> list[str]:
    """A hundred runs at once; return the ids that were acknowledged."""

    async def run(number: int) -> tuple[float, str]:
        began = time.perf_counter()
        body = {"task_input": {"text": TEXT.replace("ANA", f"ANA{number}")}}
        answer = await desk.call("POST", f"/task/{task}/run", body)
        assert answer["response"]["patient"]["name"] == f"REYES, ANA{number}"
        return time.perf_counter() - began, answer["id"]

    began = time.perf_counter()
    results = await asyncio.gather(*(run(number) for number in range(CONCURRENT)))
    seconds = time.perf_counter() - began
    slowest = max(delay for delay, _ in results) * 1000
    say(f"{CONCURRENT} task runs at once", f"{seconds * 1000:.0f} ms in all, the slowest {slowest:.0f} ms")
    return [run_id for _, run_id in results]
