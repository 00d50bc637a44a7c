"""A playground with nothing but an interface engine, driven without HTTP."""

import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox import jsonio
from sandbox.definitions.datasets import Dataset
from sandbox.playground.branch import Branch
from sandbox.playground.events import Event, Request, Response
from sandbox.playground.playground import Playground, Sandbox
from sandbox.simulators.base import View
from sandbox.simulators.hl7 import Hl7Simulator

START = datetime(2026, 4, 23, 9, 0, tzinfo=UTC)


class FixedClock:
    def now(self) -> datetime:
        return START


class _Done:
    def __await__(self):
        return iter(())


@dataclass
class Recorder:
    events: list[Event] = field(default_factory=list)

    async def prepare(self, event: Event) -> None:
        """Nothing is large here."""

    def submit(self, event: Event, undo: object, prepared: object = None) -> Awaitable[None]:
        self.events.append(event)
        return _Done()


@dataclass
class Answer:
    response: Response
    event: Event

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def json(self) -> Any:
        return jsonio.parse(self.response.body)

    @property
    def text(self) -> str:
        return self.response.body.decode()


class Engine:
    """One sandbox of the HL7 simulator and the means to call it."""

    def __init__(self, dataset: Dataset | None = None, random_seed: int | None = 7) -> None:
        self.simulator = Hl7Simulator()
        self.recorder = Recorder()
        secrets = self.simulator.mint_secrets(lambda prefix, length: prefix + "X" * length)
        self.sandbox = Sandbox("sbx_1", "sim_1", "Hl7", "Engine", "hl7", {}, secrets)
        self.playground = Playground(
            id="pg_1",
            key="task",
            task_run_id="tr_1",
            branch=Branch(self.simulator.load_seed(dataset, {})),
            sandboxes=(self.sandbox,),
            clock=FixedClock(),
            recorder=self.recorder,
            random_seed=random_seed,
        )
        self.start = self.playground.branch.fork()

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        is_strict: bool = False,
    ) -> Answer:
        """Send one request through the simulator's routes; a SandboxError is rendered, as the edge does."""
        sent = {"content-type": "application/json"} if headers is None else dict(headers)
        content = body if json is None else jsonio.dump(json)
        route, found = next(
            (route, found)
            for route in self.simulator.routes
            if route.method == method
            and (found := re.fullmatch(route.path.replace("{id}", "(?P<id>[^/]+)"), path)) is not None
        )
        request = Request(method, path, (), sent, content, found.groupdict(), is_strict=is_strict)
        outcome = self.playground.interact(
            route.event_type,
            lambda tx: route.handler(tx, request),
            sandbox=self.sandbox,
            request=request,
            on_error=lambda error: self.simulator.render_error(error, request),
        )
        return Answer(outcome.response, outcome.event)

    def send(self, payload: str, **options: Any) -> Any:
        """Send a message as JSON and return the answer's JSON."""
        answer = self.call("POST", "hl7/outbound", json={"payload": payload}, **options)
        assert answer.status == 200, answer.text
        return answer.json

    def deliver(self, **step: Any) -> None:
        """Run the scenario step `post_hl7_inbox`."""
        action = self.simulator.actions["post_hl7_inbox"]
        args = action.model.model_validate(step)
        self.playground.interact("scenario_step", lambda tx: action.run(tx, args) or Response())

    def rows(self, collection: str) -> list[Any]:
        return sorted((row for _, row in self.playground.branch.items(collection)), key=lambda row: row["position"])

    def select(self, **assertion: Any) -> Any:
        check = self.simulator.checks[0]
        view = View(self.playground.branch.fork(), self.start, self.recorder.events, (self.sandbox,), None, START)
        return check.select(check.model.model_validate({"assert": "hl7-structural", **assertion}), view)


@pytest.fixture(scope="session")
def bytes_of() -> Callable[[Mapping[str, Any]], bytes]:
    """What gives a kept message's bytes again."""

    def read(row: Mapping[str, Any]) -> bytes:
        if "payload_base64" in row:
            return base64.b64decode(row["payload_base64"])
        return str(row["payload"]).encode(row["charset"])

    return read


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def make_engine() -> type[Engine]:
    return Engine
