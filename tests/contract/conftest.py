"""A server per test over real HTTP, with small definitions of its own; parsed seeds are shared by the whole session."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from sandbox.api.context import RUNS, WRITER
from sandbox.app import create_app
from sandbox.builtin import create_registry
from sandbox.limits import MIB
from sandbox.runs.registry import Registry
from sandbox.serving import Runner
from sandbox.settings import Settings

API_KEY = "vk_local"
SOLVER_KEY = "vrl_slv_local"
WAIT_S = 20
FOLLOW_S = 10  # shorter than the stream's keep-alive, which must not be what ends it

ADT = (
    "MSH|^~\\&|A|B|C|D|20260423090000||ADT^A01|{control}|P|2.5\rEVN|A01|20260423090000\r"
    "PID|1||12345^^^MRN||{family}^John||19650315|M\rPV1|1|I\r"
)
ORU = (
    "MSH|^~\\&|LAB|HOSP|EHR|CLINIC|20260423083000||ORU^R01|IN1|P|2.5\rPID|1||P1^^^MRN||Reyes^Ana||19700101|F\r"
    "OBR|1|||718-7^Hemoglobin^LN\rOBX|1|NM|718-7^Hemoglobin^LN||13.2|g/dL|||||F\r"
)
MEMBER = {
    "member_id": "M1",
    "first_name": "Ana",
    "last_name": "Reyes",
    "birth_date": "1970-01-01",
    "gender": "female",
    "plan": "Gold",
    "coverage": {"status": "active", "start": "2026-01-01"},
}
CLAIM = {
    "claim_number": "CLM1",
    "member_id": "M1",
    "provider_npi": "1234567893",
    "status": "denied",
    "service_from": "2026-02-02",
    "received_at": "2026-02-05T09:00:00Z",
    "finalized_at": "2026-02-12T09:00:00Z",
    "lines": [
        {
            "procedure_code": "72148",
            "charge": 900,
            "status": "denied",
            "adjustments": [{"group": "CO", "carc": "197", "amount": 900}],
        }
    ],
}
PRIOR_AUTH = {
    "patient_member_id": "M1",
    "procedure_code": "72148",
    "diagnosis_codes": ["M54.16"],
    "provider_npi": "1234567893",
}


def _dataset_files() -> dict[str, bytes]:
    patient = {"resourceType": "Patient", "id": "ana", "name": [{"family": "Reyes", "given": ["Ana"]}]}
    portal = {"patients": [MEMBER], "providers": [{"npi": "1234567893", "name": "Dr. Rivera"}]}
    return {
        "fhir/Patient.ndjson": json.dumps(patient).encode() + b"\n",
        "hl7/01.hl7": ORU.encode(),
        "files/inbox/referral.txt": b"Please see Ana Reyes.\n",
        "files/archive/old.txt": b"old\n",
        "portal.yaml": json.dumps(portal).encode(),
        "payer.yaml": json.dumps({"claims": [CLAIM]}).encode(),
    }


def criterion(
    label: str, check: str, *, weight: float = 1, axis: str | None = None, **assertion: Any
) -> dict[str, Any]:
    return {"label": label, "weight": weight, "axis": axis, "assertion": {"assert": check, **assertion}}


def says(answer: Any, **more: Any) -> dict[str, Any]:
    return criterion("the answer", "agent-output", fields=[{"path": "answer", "expected": answer}], **more)


def task(key: str, *criteria: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"key": key, "name": f"Task {key}", "criteria": list(criteria), **more}


def benchmark(slug: str = "clinic", *tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A benchmark on all surfaces; the default one has a full task and one with an answer only."""
    default = (
        task(
            "refer",
            criterion(
                "prior authorization submitted",
                "portal-state-match",
                weight=2,
                axis="correctness",
                correlate_by={"resource": "prior_auth_requests", "key": "request_id"},
                assertions=[{"path": "status", "expected": "submitted"}],
            ),
            criterion(
                "admission announced",
                "hl7-structural",
                axis="communication",
                correlate_by={"message_type": "ADT"},
                fields=[{"path": "PID.5.1", "expected": "Smith"}],
            ),
            criterion("note written", "sftp-file-present", glob="outbox/*.txt"),
            criterion(
                "patient registered",
                "fhir-resource-state",
                axis="correctness",
                resource_type="Patient",
                search={"family": "Smith"},
                fields=[{"path": "gender", "expected": "male"}],
            ),
            task_item={"instruction": "Refer Ana Reyes."},
            scenario={"steps": [{"action": "drop_file_inbox", "path": "inbox/fax.txt", "content": "hello"}]},
            tags=["referral"],
        ),
        task("answer", says(42)),
    )
    return {
        "slug": slug,
        "version": 1,
        "name": "Small clinic",
        "description": "Five systems and two tasks.",
        "visibility": "Public",
        "environment": {
            "name": "Clinic",
            "clock": "2026-04-23T09:00:00Z",
            "simulators": [
                {"type": "Fhir", "name": "EHR", "dataset": "small"},
                {"type": "Hl7", "name": "Engine", "dataset": "small"},
                {"type": "Files", "name": "Drop", "dataset": "small"},
                {
                    "type": "Payer",
                    "name": "Payer",
                    "dataset": "small",
                    "config": {"status_without_login": True, "fhir": True},
                },
                {"type": "Clearinghouse", "name": "Clearinghouse"},
            ],
        },
        "tasks": list(tasks or default),
        **more,
    }


@dataclass
class Disk:
    """The definitions of one test."""

    root: Path

    @property
    def playgrounds(self) -> Path:
        return self.root / "playgrounds"

    @property
    def seeds(self) -> Path:
        return self.root / "seeds"

    @property
    def data(self) -> Path:
        return self.root / "data"

    def benchmark(self, definition: dict[str, Any]) -> Path:
        path = self.playgrounds / definition["slug"] / f"v{definition['version']}" / "benchmark.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(definition))
        return path

    def dataset(self, name: str, files: dict[str, bytes]) -> Path:
        for path, content in files.items():
            target = self.seeds / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return self.seeds / name


@dataclass(frozen=True)
class Answer:
    """An HTTP response, read whole."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]

    def __repr__(self) -> str:
        return f"<{self.status} {self.body[:2000]!r}>"


@dataclass
class Live:
    """A running server and a client of it."""

    app: web.Application
    settings: Settings
    url: str
    http: aiohttp.ClientSession
    stop: Callable[[], Awaitable[None]]
    runner: Any = None

    async def call(
        self,
        method: str,
        path: str,
        token: str | None = None,
        *,
        json: Any = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request; `path` is sent as it is, and `body` without a content type of its own."""
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        sent.update(headers or {})
        given: dict[str, Any] = {"json": json}
        if json is None:
            is_large = isinstance(body, bytes) and len(body) > MIB
            given = {"data": BytesIO(body) if is_large else body, "skip_auto_headers": ["Content-Type"]}
        async with self.http.request(method, URL(self.url + path, encoded=True), headers=sent, **given) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, token: str | None = API_KEY, **more: Any) -> Any:
        """GET what must be there."""
        answer = await self.call("GET", path, token, **more)
        assert answer.status == 200, answer
        return answer.json

    async def post(self, path: str, token: str | None = API_KEY, *, status: int = 200, **more: Any) -> Any:
        """POST what must succeed."""
        answer = await self.call("POST", path, token, **more)
        assert answer.status == status, answer
        return answer.json

    async def run(self, reference: str = "clinic@1", **more: Any) -> "Run":
        """Create a benchmark run as an agent does."""
        value = await self.post("/v1/benchmark-runs", SOLVER_KEY, status=201, json={"benchmark": reference, **more})
        return Run(self, value, value["benchmark_run_id"], value["bearer_token"], [t["id"] for t in value["task_runs"]])

    async def started(self, reference: str = "clinic@1", **more: Any) -> "Run":
        """Create a run and start its first task run."""
        run = await self.run(reference, **more)
        await run.start()
        return run

    def playground(self, task_run_id: str) -> Any:
        """The live playground of a task run."""
        found = self.app[RUNS].active_task_run(task_run_id)
        assert found is not None and found.playground is not None
        return found.playground

    def state_hash(self, task_run_id: str) -> str:
        return str(self.playground(task_run_id).branch.state_hash())

    async def until(self, look: Callable[[], Awaitable[Any]]) -> Any:
        """Poll until `look` gives something true; bounded."""
        async with asyncio.timeout(WAIT_S):
            while not (found := await look()):
                await asyncio.sleep(0.01)
        return found

    async def follow(self, task_run_id: str, *, last: int | None = None) -> list[tuple[str | None, str, Any]]:
        """Read a task run's event stream to its end: (id, event, data)."""
        headers = {"Authorization": f"Bearer {API_KEY}"}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        async with (
            asyncio.timeout(FOLLOW_S),
            self.http.get(f"{self.url}/task-runs/{task_run_id}/events/stream", headers=headers) as response,
        ):
            assert response.status == 200
            return [message async for message in sse(response)]


async def sse(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str | None, str, Any]]:
    """Yield (id, event, data) of a server-sent event stream."""
    fields: dict[str, str] = {}
    async for line in response.content:
        text = line.decode().rstrip("\n")
        if text:
            name, _, value = text.partition(":")
            fields[name] = value.removeprefix(" ")
        elif "data" in fields:
            yield fields.get("id"), fields.get("event", "message"), json.loads(fields["data"])
            fields = {}
        else:
            fields = {}


@dataclass
class Run:
    """A benchmark run as its agent knows it."""

    live: Live
    value: Any
    id: str
    token: str
    tasks: list[str]

    async def call(self, method: str, path: str, *, at: int | None = None, **more: Any) -> Answer:
        """Call a surface: run-scoped, or task-scoped with `at`."""
        root = f"/v1/benchmark-runs/{self.id}" if at is None else f"/v1/task-runs/{self.tasks[at]}"
        return await self.live.call(method, f"{root}/{path}", self.token, **more)

    async def start(self, index: int = 0) -> Any:
        return await self.live.post(f"/v1/task-runs/{self.tasks[index]}/start", self.token)

    async def complete(self, index: int = 0, **body: Any) -> Any:
        return await self.live.post(f"/v1/task-runs/{self.tasks[index]}/complete", self.token, json=body)

    async def get(self) -> Any:
        return await self.live.get(f"/v1/benchmark-runs/{self.id}", self.token)

    async def events(self, index: int = 0) -> list[Any]:
        """All events of a task run, oldest first."""
        path, found, cursor = f"/task-runs/{self.tasks[index]}/events?order=asc&limit=100", [], ""
        while True:
            page = await self.live.get(path + cursor)
            found += page["data"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def state_hash(self, index: int = 0) -> str:
        return self.live.state_hash(self.tasks[index])

    async def task_state(self, index: int = 0) -> tuple[Any, ...]:
        """Phase, status, verdict, score of a task run."""
        value = await self.live.get(f"/task-runs/{self.tasks[index]}")
        return value["phase"], value["status"], value["verdict"], value["score"]

    async def whole(self) -> Any:
        """Everything the API tells about the run, to see that nothing changed."""
        tasks = [await self.live.get(f"/task-runs/{t}") for t in self.tasks]
        events = [await self.events(i) for i in range(len(self.tasks))]
        return await self.live.get(f"/benchmark-runs/{self.id}"), tasks, events

    async def do_everything(self) -> None:
        """Do all the work of the task `refer` over the public surfaces."""
        sent = [
            await self.call("POST", "portal/prior-auths", json=PRIOR_AUTH),
            await self.call("POST", "hl7/outbound", json={"payload": ADT.format(control="C1", family="Smith")}),
            await self.call("PUT", "files/outbox/note.txt", body=b"done"),
            await self.call(
                "POST",
                "fhir/Patient",
                body=json.dumps({"resourceType": "Patient", "name": [{"family": "Smith"}], "gender": "male"}),
                headers={"Content-Type": "application/fhir+json"},
            ),
        ]
        assert [a.status for a in sent] == [201, 200, 201, 201], sent


@dataclass
class FakeClock:
    """A clock that the test moves."""

    moment: datetime = field(default_factory=lambda: datetime(2026, 4, 23, 9, tzinfo=UTC))

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Kit:
    """What tests build definitions with."""

    benchmark: Callable[..., dict[str, Any]] = benchmark
    task: Callable[..., dict[str, Any]] = task
    criterion: Callable[..., dict[str, Any]] = criterion
    says: Callable[..., dict[str, Any]] = says
    sse: Callable[..., Any] = sse
    clock: type[FakeClock] = FakeClock
    adt: str = ADT
    oru: str = ORU
    api_key: str = API_KEY
    solver_key: str = SOLVER_KEY
    live: type[Live] = Live
    run: type["Run"] = Run

    @property
    def prior_auth(self) -> dict[str, Any]:
        return deepcopy(PRIOR_AUTH)

    @property
    def files(self) -> dict[str, bytes]:
        return _dataset_files()


@pytest.fixture(scope="session")
def registry() -> Registry:
    return create_registry()


@pytest.fixture(scope="session")
def kit() -> Kit:
    return Kit()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """Directories with the dataset `small` and the benchmark `clinic@1`."""
    made = Disk(tmp_path)
    made.dataset("small", _dataset_files())
    made.benchmark(benchmark())
    return made


Serve = Callable[..., Any]


@pytest.fixture
def serve(disk: Disk, registry: Registry) -> Serve:
    """`async with serve(clock=…, registry=…, **settings) as live`: a server on the test's definitions."""

    @asynccontextmanager
    async def serving(
        *, clock: Any = None, registry: Registry = registry, may_fail: bool = False, **settings: Any
    ) -> AsyncIterator[Live]:
        defaults = Settings(
            port=0, data_dir=disk.data, playgrounds=(disk.playgrounds,), seeds=(disk.seeds,), is_watching=False
        )
        chosen = replace(defaults, **settings)
        app = create_app(chosen, registry=registry, clock=clock)
        runner = Runner(app, access_log=None, shutdown_timeout=5)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as http:
                yield Live(app, chosen, url, http, runner.cleanup, runner)
            assert may_fail or app[WRITER].failure is None
        finally:
            await runner.cleanup()

    return serving


@pytest.fixture
async def live(serve: Serve) -> AsyncIterator[Live]:
    async with serve() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("SANDBOX_STRICT", "SANDBOX_API_KEY", "SANDBOX_SOLVER_KEY", "SANDBOX_RUN_TOKEN_LIFETIME_S"):
        monkeypatch.delenv(name, raising=False)
    yield
