"""Costly requests of one tenant, and what another one notices of them: nothing.

Each is sent alone while a second playground is read every 5 ms from a process of its own. The server may do it or
refuse it with a 4xx; the other's reads go on, and the memory it takes is bounded.
"""

import asyncio
import base64
import http.client
import json
import multiprocessing
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from tests.bench import data, servers
from tests.bench.load import drive, request_bytes

FHIR: Final = "application/fhir+json"
X12: Final = "application/edi-x12"
READ_S: Final = 0.005
IDLE_S: Final = 3
P99_MS: Final = 20
LONGEST_MS: Final = 100
MEMORY_BYTES: Final = 300 << 20
EVENTS: Final = 99_000
DUE: Final = 2_000
CASE: Final = {
    "patient_member_id": "EVM204817735",
    "procedure_code": "97110",
    "diagnosis_codes": ["M54.16"],
    "provider_npi": "1999991015",
}
SOLVER: Final = {"Authorization": "Bearer vrl_slv_local"}


@dataclass(frozen=True, slots=True)
class Step:
    """One request; `path` is below the run's root."""

    method: str
    path: str
    body: bytes = b""
    media_type: str = FHIR
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attack:
    """A costly request and what has to be there before it. `is_plain`: within the limits, so it has to succeed."""

    name: str
    request: Callable[[], Step]
    before: Callable[[], list[Step]] = list
    is_plain: bool = False


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _batch(url: str, count: int, kind: str = "batch") -> bytes:
    return _json(
        {"resourceType": "Bundle", "type": kind, "entry": [{"request": {"method": "GET", "url": url}}] * count}
    )


def _creates(count: int, kind: str) -> bytes:
    patient = {"resourceType": "Patient", "name": [{"family": "Chen", "given": ["Ann"]}], "gender": "female"}
    entry = {"request": {"method": "POST", "url": "Patient"}, "resource": patient}
    return _json({"resourceType": "Bundle", "type": kind, "entry": [entry] * count})


def _observed_patient(observations: int) -> bytes:
    patient = {"resourceType": "Patient", "id": "e", "name": [{"family": "Chen"}]}
    rows: list[dict[str, object]] = [{"request": {"method": "PUT", "url": "Patient/e"}, "resource": patient}]
    about = {"reference": "Patient/e"}
    weight = {"resourceType": "Observation", "status": "final", "code": {"text": "weight"}, "subject": about}
    rows += [{"request": {"method": "POST", "url": "Observation"}, "resource": weight}] * observations
    return _json({"resourceType": "Bundle", "type": "batch", "entry": rows})


def _subscription(number: int) -> bytes:
    channel = {"type": "rest-hook", "endpoint": f"http://127.0.0.1:9/{number}", "payload": FHIR}
    asked = {"status": "requested", "reason": "x", "criteria": "Patient?family=Chen,Lee&gender=female"}
    return _json({"resourceType": "Subscription", **asked, "channel": channel})


def _claim(beside: int) -> bytes:
    """A Claim, and so many resources that it does not refer to."""
    claim = {
        "resourceType": "Claim",
        "id": "c",
        "status": "active",
        "use": "preauthorization",
        "type": {"text": "x"},
        "created": "2026-04-23",
        "priority": {"text": "x"},
        "patient": {"reference": "Patient/p0"},
        "provider": {"reference": "Organization/o"},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/c"}}],
    }
    rows = [claim, *({"resourceType": "Patient", "id": f"p{n}"} for n in range(beside))]
    entries = [{"fullUrl": f"http://x.test/{row['resourceType']}/{row['id']}", "resource": row} for row in rows]
    return _json({"resourceType": "Bundle", "type": "collection", "entry": entries})


def _interchange(sets: list[str]) -> bytes:
    isa = "ISA*00*          *00*          *ZZ*CLINIC         *ZZ*PAYER          *260423*0900*^*00501*000000001*0*T*:~"
    group = "GS*HS*CLINIC*PAYER*20260423*0900*1*X*005010X279A1~"
    return f"{isa}{group}{''.join(sets)}GE*{len(sets)}*1~IEA*1*000000001~".encode()


def _eligibility(number: int, *segments: str) -> str:
    count = len(segments) + 2
    return f"ST*270*{number:04d}*005010X279A1~{''.join(f'{row}~' for row in segments)}SE*{count}*{number:04d}~"


def _patient(names: int) -> bytes:
    rows = [{"family": f"F{n}", "given": ["x"]} for n in range(names)]
    return _json({"resourceType": "Patient", "id": "big", "name": rows})


def _fhirpath_patch(path: str) -> bytes:
    parts = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": path}]
    return _json({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]})


def _oru(size: int) -> bytes:
    head = "MSH|^~\\&|A|B|C|D|20260423||ORU^R01|1|P|2.5\rPID|1||7||X\rOBR|1|||1^x\r"
    row = "OBX|{}|ST|1^x||" + "y" * 60 + "||||||F\r"
    rows = [row.format(n) for n in range(1, size // 85)]
    return (head + "".join(rows)).encode()


def attacks(scale: float = 1.0) -> list[Attack]:
    """Return the set, each at `scale` of its size."""

    def n(count: int) -> int:
        return max(1, int(count * scale))

    def put_big() -> list[Step]:
        return [Step("PUT", "fhir/Patient/big", _patient(n(200_000)))]

    def multipart() -> bytes:
        part = b"--x\r\nContent-Disposition: form-data; name=\"f\"; filename*=utf-7''"
        return part + b"+AGEAYg-" * n(1_900) + b"\r\n\r\nhi\r\n" + b"--x--\r\n"

    form = "application/x-www-form-urlencoded"
    doubled = [{"op": "copy", "from": "/extension", "path": "/extension/-"} for _ in range(n(60))]
    return [
        Attack(
            "FHIRPath Patch, nested selection",
            lambda: Step("PATCH", "fhir/Patient/a", _fhirpath_patch(
                ".".join(["Patient"] + ["select(%resource.descendants())"] * 6))),
            lambda: [Step("PUT", "fhir/Patient/a", _json({"resourceType": "Patient", "id": "a",
                                                          "name": [{"family": str(k)} for k in range(50)]}))],
        ),
        Attack("batch of _revinclude=*", lambda: Step("POST", "fhir", _batch("Patient?_revinclude=*", n(1_000)))),
        Attack(
            "batch of $everything",
            lambda: Step("POST", "fhir", _batch("Patient/e/$everything", n(1_000))),
            lambda: [Step("POST", "fhir", _observed_patient(n(2_000)))],
        ),
        Attack("batch of histories", lambda: Step("POST", "fhir", _batch("_history?_count=1000", n(1_000)))),
        Attack(
            "portal, unknown fields",
            lambda: Step("POST", "portal/prior-auths", _json({f"k{k}": 1 for k in range(n(1_000_000))}),
                         "application/json"),
        ),
        Attack("_search, many values", lambda: Step("POST", "fhir/Patient/_search",
                                                    b"family=" + b"a,b" * n(1_000_000), form)),
        Attack("_search, many parameters", lambda: Step("POST", "fhir/Patient/_search",
                                                        b"&".join([b"family=a"] * n(500_000)), form)),
        Attack("_sort keys", lambda: Step("POST", "fhir/Patient/_search",
                                          b"_sort=" + b",".join([b"family"] * n(100_000)), form)),
        Attack("_content, many words", lambda: Step("POST", "fhir/Patient/_search",
                                                    b"_content=" + b"%20".join([b"word"] * n(500_000)), form)),
        Attack("multipart, exotic charset", lambda: Step("POST", "portal/prior-auths/x/attachments", multipart(),
                                                         "multipart/form-data; boundary=x")),
        Attack(
            "JSON Patch that multiplies",
            lambda: Step("PATCH", "fhir/Basic/j", _json(doubled), "application/json-patch+json"),
            lambda: [Step("PUT", "fhir/Basic/j", _json({
                "resourceType": "Basic", "id": "j", "code": {"text": "x"},
                "extension": [{"url": "http://x.test/a", "valueString": "y" * 1000}] * 50}))],
        ),
        Attack(
            "JSON Patch, many operations",
            lambda: Step("PATCH", "fhir/Basic/j", _json(
                [{"op": "add", "path": "/extension/0", "value": {"url": "http://x.test/a", "valueString": "y"}}]
                * n(50_000)), "application/json-patch+json"),
            lambda: [Step("PUT", "fhir/Basic/j", _json({
                "resourceType": "Basic", "id": "j", "code": {"text": "x"},
                "extension": [{"url": "http://x.test/a", "valueString": "y"}]}))],
        ),
        Attack("a large resource written", lambda: put_big()[0]),
        Attack("a large resource patched", lambda: Step(
            "PATCH", "fhir/Patient/big", _json([{"op": "replace", "path": "/name/0/family", "value": "G"}]),
            "application/json-patch+json"), put_big),
        Attack("FHIRPath where() over many names", lambda: Step(
            "PATCH", "fhir/Patient/big", _fhirpath_patch("Patient.name.where(family = 'F1')")), put_big),
        Attack("a large resource summarised", lambda: Step("GET", "fhir/Patient/big?_summary=true"), put_big),
        Attack("a large resource searched", lambda: Step("GET", "fhir/Patient?family:contains=F77"), put_big),
        Attack("a large file", lambda: Step("PUT", "files/out/big.bin", b"x" * n(64 << 20),
                                            "application/octet-stream"), is_plain=True),
        Attack("a transaction of creates", lambda: Step("POST", "fhir", _creates(n(1_000), "transaction")),
               is_plain=True),
        Attack("10,000 creates in a batch", lambda: Step("POST", "fhir", _creates(n(10_000), "batch")), is_plain=True),
        Attack("a large HL7 message", lambda: Step("POST", "hl7/outbound", _oru(n(700_000)), "text/plain"),
               is_plain=True),
        Attack("the list of what was sent", lambda: Step("GET", "hl7/outbound"),
               lambda: [Step("POST", "hl7/outbound", _oru(700_000), "text/plain")] * n(100)),
        Attack("10,000 resources found", lambda: Step("GET", "fhir/Patient?_count=1000&_sort=family"),
               lambda: [Step("POST", "fhir", _creates(n(5_000), "batch"))], is_plain=True),
        Attack("JSON of empty lists", lambda: Step("POST", "fhir/Basic", b"[" + b"[]," * n(5_000_000) + b"1]")),
        Attack("base64 of a large Binary", lambda: Step("POST", "fhir/Binary", _json({
            "resourceType": "Binary", "contentType": "application/pdf",
            "data": base64.b64encode(b"x" * n(11 << 20)).decode()})), is_plain=True),
        Attack("100 Subscriptions, 1,000 creates", lambda: Step("POST", "fhir", _creates(n(1_000), "transaction")),
               lambda: [Step("POST", "fhir/Subscription", _subscription(k)) for k in range(n(100))], is_plain=True),
        Attack("a Claim and 9,999 entries beside it", lambda: Step("POST", "portal/fhir/Claim/$submit",
                                                                   _claim(n(9_998)))),
        Attack("X12, many transaction sets", lambda: Step("POST", "clearinghouse/transactions", _interchange(
            [_eligibility(k) for k in range(n(9_990))]), X12), is_plain=True),
        Attack("X12, many repetitions", lambda: Step("POST", "clearinghouse/transactions", _interchange(
            [_eligibility(1, "EQ*" + "^".join(["30"] * n(340_000)))]), X12), is_plain=True),
    ]  # fmt: skip


def send(url: str, token: str, step: Step, timeout_s: float = 120) -> tuple[int, bytes]:
    """Send a request; `url` is the run's root."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": step.media_type, **step.headers}
    try:
        connection.request(step.method, f"{parts.path}/{step.path}", step.body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _read_on(pipe: Connection, url: str, token: str, path: str) -> None:
    """Read again and again until told to stop; answer with the delays in seconds and the statuses."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
    while pipe.recv():
        connection.close()  # it may have been idle for longer than the server keeps one
        delays, statuses = [], set()
        pipe.send("ready")
        while not delays or not pipe.poll():
            began = time.perf_counter()
            connection.request("GET", f"{parts.path}/{path}", headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            answer.read()
            delays.append(time.perf_counter() - began)
            statuses.add(answer.status)
            time.sleep(READ_S)
        pipe.recv()
        pipe.send((sorted(delays), statuses))


class Neighbour:
    """Another playground that is read all the time, from a process of its own."""

    def __init__(self, url: str, token: str, path: str) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_read_on, args=(theirs, url, token, path), daemon=True)
        self._process.start()

    def begin(self) -> None:
        self._pipe.send(True)
        self._pipe.recv()

    def end(self) -> tuple[list[float], set[int]]:
        self._pipe.send("end")
        delays, statuses = self._pipe.recv()
        return delays, statuses

    def close(self) -> None:
        self._pipe.send(False)
        self._process.join(10)


def peak_memory(pid: int) -> int:
    """Return the most memory that a process had since `forget_peak`, in bytes."""
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(row for row in rows if row.startswith("VmHWM")).split()[1]) * 1024


def forget_peak(pid: int) -> None:
    """Begin anew to note the most memory that a process has."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


async def bench_attacks(session: aiohttp.ClientSession, home: Path) -> None:
    """Print what the reads of another playground took during each attack, and the memory it took."""
    seeds, playgrounds = _write_definitions(home / "attacks")
    with servers.sandbox(home / "attacks-data", seeds, playgrounds) as server:
        url, token, _ = await _start(session, server.url)
        status, body = await asyncio.to_thread(send, url, token, Step("GET", "fhir/Patient?_count=1"))
        assert status == 200
        neighbour = Neighbour(url, token, f"fhir/Patient/{json.loads(body)['entry'][0]['resource']['id']}")
        try:
            neighbour.begin()
            await asyncio.sleep(IDLE_S)
            idle, _ = neighbour.end()
            print(f"{'nothing, to compare with':<40} {'':15}reads: {_told(idle)}", flush=True)
            for attack in attacks():
                root, own, _ = await _start(session, server.url)
                for step in attack.before():
                    await asyncio.to_thread(send, root, own, step)
                await _measure(attack.name, server, neighbour, root, own, attack.request(), is_plain=attack.is_plain)
            root, own, _ = await _start(session, server.url)
            ask = request_bytes("POST", f"{root}/portal/prior-auths", own, _json(CASE), "application/json")
            assert (await drive(root, [ask], count=DUE, connections=8)).statuses == {201}
            wait = Step("POST", "clock/advance", _json({"seconds": 3600}), "application/json")
            await _measure(f"a wait for {DUE:,} decisions", server, neighbour, root, own, wait, is_plain=True)
            root, own, task_run = await _start(session, server.url)
            read = request_bytes("GET", f"{root}/fhir/Patient?_count=1", own)
            await drive(root, [read], count=EVENTS, connections=32)
            complete = Step("POST", f"task-runs/{task_run}/complete", b"{}", "application/json")
            name = f"complete on {EVENTS:,} events"
            await _measure(name, server, neighbour, f"{server.url}/v1", own, complete, is_plain=True)
        finally:
            neighbour.close()


async def _measure(
    name: str, server: servers.Server, neighbour: Neighbour, root: str, token: str, step: Step, *, is_plain: bool
) -> None:
    rest = server.memory_bytes()
    forget_peak(server.process.pid)
    neighbour.begin()
    began = time.perf_counter()
    status, _ = await asyncio.to_thread(send, root, token, step)
    took = time.perf_counter() - began
    delays, statuses = neighbour.end()
    assert statuses == {200} and status < (400 if is_plain else 500), (name, status, statuses)
    p99, longest = _p99_ms(delays), delays[-1] * 1000
    memory = peak_memory(server.process.pid) - rest
    is_missed = p99 > P99_MS or longest > LONGEST_MS or memory > MEMORY_BYTES
    value = f"{status} in {took:5.2f} s; reads: {_told(delays)}; +{memory >> 20} MiB"
    print(f"{name:<40} {value}{'   missed' if is_missed else ''}", flush=True)


def _p99_ms(delays: list[float]) -> float:
    return delays[int(len(delays) * 0.99)] * 1000


def _told(delays: list[float]) -> str:
    return f"p99 {_p99_ms(delays):6.1f}, longest {delays[-1] * 1000:6.1f} ms"


def _write_definitions(home: Path) -> tuple[str, str]:
    seeds, playgrounds = data.write_clinic(home, resources=0, tasks=1)
    file = Path(playgrounds) / "bench" / "v1" / "benchmark.yaml"
    decided = "{status: approved, delay_seconds: 600}"
    config = f"{{fhir: true, default_determination: {decided}}}"
    payer = f"    - {{type: Payer, name: Payer, dataset: payer, config: {config}}}\n"
    payer += "    - {type: Clearinghouse, name: Clearinghouse}\n"
    file.write_text(file.read_text().replace("    - {type: Hl7", payer + "    - {type: Hl7"))
    folder = Path(seeds) / "payer"
    folder.mkdir(exist_ok=True)
    shutil.copy(data.CLINIC / "portal.yaml", folder)
    return seeds, playgrounds


async def _start(session: aiohttp.ClientSession, url: str) -> tuple[str, str, str]:
    async with session.post(f"{url}/v1/benchmark-runs", json={"benchmark": "bench"}, headers=SOLVER) as answer:
        run = await answer.json()
        assert answer.status == 201, run
    token, task_run = run["bearer_token"], run["task_runs"][0]["id"]
    headers = {"Authorization": f"Bearer {token}"}
    async with session.post(f"{url}/v1/task-runs/{task_run}/start", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    return f"{url}/v1/benchmark-runs/{run['benchmark_run_id']}", token, task_run
