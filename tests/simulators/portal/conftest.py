"""A playground with one payer portal, driven without a server."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest

from sandbox import jsonio
from sandbox.definitions.datasets import Dataset
from sandbox.errors import MethodNotAllowed
from sandbox.ids import new_secret
from sandbox.playground.branch import Branch
from sandbox.playground.events import Event, Request, Response
from sandbox.playground.playground import Playground, Sandbox
from sandbox.simulators.base import ScenarioAction, View
from sandbox.simulators.portal import PayerSimulator

START = datetime(2026, 4, 23, 9, 0, tzinfo=UTC)
BASE = "http://127.0.0.1:8000/v1/benchmark-runs/br_1"

SEED = """
patients:
  - {member_id: "W1", first_name: Maria, last_name: Chen, birth_date: 1985-03-12, gender: female, plan: PPO 500,
     coverage: {status: active, start: 2024-01-01, end: 2026-12-31}}
  - {member_id: "W2", first_name: José, last_name: Muñoz, birth_date: 1960-01-02, gender: male, plan: PPO 500,
     coverage: {status: active, start: 2024-01-01, end: 2026-04-22}}
  - {member_id: "W3", first_name: Ann, last_name: Chen, birth_date: 1990-07-01, gender: other, plan: HMO,
     coverage: {status: inactive, start: 2024-01-01}}
  - {member_id: "W4", first_name: Bo, last_name: Ek, birth_date: 2001-07-01, gender: male, plan: HMO,
     coverage: {status: active, start: 2026-04-24}}
providers:
  - {npi: "1234567893", name: "Elena Rivera, MD", specialty: Orthopedics}
  - {npi: "1245319599", name: "Adam Novak, MD", credentialed: false}
formulary:
  - {drug: Adalimumab 40 mg, tier: 5, pa_required: true, alternatives: [Methotrexate 2.5 mg]}
  - {drug: Methotrexate 2.5 mg, tier: 1}
questions:
  - procedure_code: "72148"
    questions:
      - {id: weeks, text: "Weeks of therapy?", type: number}
      - {id: deficit, text: "Any deficit?", type: boolean}
      - {id: flags, text: "Which red flags?", type: choice, options: [none, cancer], required: false}
      - {id: since, text: "Since when?", type: date, required: false}
      - {id: why, text: "Why?", type: text, required: false}
"""


@dataclass
class FakeClock:
    moment: datetime = START

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class _Committed:
    def __await__(self) -> Any:
        return iter(())


@dataclass
class Events:
    events: list[Event] = field(default_factory=list)

    async def prepare(self, event: Event) -> None:
        """Nothing is large here."""

    def submit(self, event: Event, undo: object, prepared: object = None) -> Awaitable[None]:
        self.events.append(event)
        return _Committed()


@dataclass(repr=False)
class World:
    simulator: PayerSimulator
    playground: Playground
    clock: FakeClock
    recorder: Events

    @property
    def branch(self) -> Branch:
        return self.playground.branch

    @property
    def last(self) -> Event:
        return self.recorder.events[-1]

    @property
    def credentials(self) -> dict[str, Any]:
        return self.simulator.credentials(self.playground.sandboxes[0], BASE, False)

    def call(self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Response:
        """Send a request as the edge does; `target` is below `portal/`."""
        raw, _, raw_query = f"portal/{target}".partition("?")
        given = tuple(parse_qsl(raw_query, keep_blank_values=True))
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        for route in self.simulator.routes:
            found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path), raw, re.DOTALL)
            if found is None or route.method != ("GET" if method == "HEAD" else method):
                continue
            params = {name: unquote(value) for name, value in found.groupdict().items()}
            request = Request(method, raw, given, dict(headers or {}), content, params, BASE, raw_query)
            if route.redact and content:
                request = request.with_redacted(route.redact)
            return self.playground.interact(
                route.event_type,
                lambda tx, route=route, request=request: route.handler(tx, request),
                sandbox=self.playground.sandboxes[0],
                request=request,
                on_error=lambda error, request=request: self.simulator.render_error(error, request),
            ).response
        raise MethodNotAllowed(f"{method} {raw}")

    def json(self, method: str, target: str, body: Any = None, *, status: int = 200) -> Any:
        response = self.call(method, target, body)
        assert response.status == status, response.body
        return jsonio.parse(response.body)

    def details(self, method: str, target: str, body: Any = None) -> dict[str, list[str]]:
        """Return the `details` of a 400 that changed nothing."""
        before = self.branch.state_hash()
        error = self.json(method, target, body, status=400)["error"]
        assert self.branch.state_hash() == before
        assert error["code"] == "VALIDATION_ERROR"
        return dict(error["details"])

    def step(self, action: str, **args: Any) -> None:
        found = self.simulator.actions[action]
        arguments = found.model.model_validate(args)
        self.playground.interact("scenario_step", lambda tx: (found.run(tx, arguments), Response.of_json({}))[1])

    def view(self) -> View:
        baseline = Branch(self.branch.seed)
        return View(self.branch, baseline, self.recorder.events, self.playground.sandboxes, None, self.playground.now())


def _as_action(action: ScenarioAction) -> Callable[[Any, Any], None]:
    return lambda tx, args: action.run(tx, action.model.model_validate(args))


@pytest.fixture
def make_world() -> Callable[..., World]:
    """Make a world from a configuration; `random_seed` makes it deterministic."""

    def make(
        config: Mapping[str, Any] | None = None,
        *,
        seed: str = SEED,
        plan: str | None = None,
        random_seed: int | None = None,
    ) -> World:
        simulator = PayerSimulator()
        given = simulator.config_model.model_validate(dict(config or {})).model_dump(mode="json", exclude_unset=True)
        files = {"portal.yaml": seed.encode(), **({} if plan is None else {"payer.yaml": plan.encode()})}
        branch = Branch(simulator.load_seed(Dataset("clinic", files), given))
        secrets = simulator.mint_secrets(new_secret)
        sandbox = Sandbox("sb_1", "sim_1", "Payer", "RadMD", "portal", given, secrets, "clinic")
        clock, recorder = FakeClock(), Events()
        actions = {name: _as_action(action) for name, action in simulator.actions.items()}
        playground = Playground(
            "pg_1", "a", "tr_1", branch, (sandbox,), clock, recorder, actions, random_seed=random_seed
        )
        playground.start_clock(START)
        return World(simulator, playground, clock, recorder)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A portal that leaves every request pending."""
    return make_world()


@pytest.fixture
def complete() -> dict[str, Any]:
    """A prior authorization that can be submitted."""
    return {
        "patient_member_id": "W1",
        "procedure_code": "72148",
        "diagnosis_codes": ["M54.16"],
        "provider_npi": "1234567893",
        "clinical_answers": {"weeks": 8, "deficit": False},
        "notes": "Failed physical therapy.",
    }
