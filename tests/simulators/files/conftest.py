"""A playground with one file drop, driven without a server."""

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
from sandbox.playground.branch import Branch
from sandbox.playground.events import Event, Request, Response
from sandbox.playground.playground import Playground, Sandbox
from sandbox.simulators.base import View
from sandbox.simulators.files import FilesSimulator

START = datetime(2026, 4, 23, 9, 0, tzinfo=UTC)
BASE = "http://127.0.0.1:8000/v1/benchmark-runs/br_1"


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
    simulator: FilesSimulator
    playground: Playground
    clock: FakeClock
    recorder: Events

    @property
    def branch(self) -> Branch:
        return self.playground.branch

    @property
    def last(self) -> Event:
        return self.recorder.events[-1]

    def call(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        is_strict: bool = False,
        query: tuple[tuple[str, str], ...] | None = None,
    ) -> Response:
        """Send a request as the edge does: first fitting route, parameters decoded once."""
        raw, _, raw_query = target.partition("?")
        given = tuple(parse_qsl(raw_query, keep_blank_values=True)) if query is None else query
        for route in self.simulator.routes:
            found = re.fullmatch(_pattern(route.path), raw)
            if (
                found is None
                or route.method != ("GET" if method == "HEAD" else method)
                or (is_strict and not route.is_upstream)
            ):
                continue
            params = {name: unquote(value) for name, value in found.groupdict().items()}
            request = Request(method, raw, given, dict(headers or {}), body, params, BASE, raw_query, is_strict)
            return self.playground.interact(
                route.event_type,
                lambda tx, route=route, request=request: route.handler(tx, request),
                sandbox=self.playground.sandboxes[0],
                request=request,
                on_error=lambda error, request=request: self.simulator.render_error(error, request),
            ).response
        raise MethodNotAllowed(f"{method} {raw}")

    def step(self, action: str, **args: Any) -> None:
        found = self.simulator.actions[action]
        arguments = found.model.model_validate(args)
        self.playground.interact("scenario_step", lambda tx: (found.run(tx, arguments), Response.of_json({}))[1])

    def view(self) -> View:
        baseline = Branch(self.branch.seed)
        return View(self.branch, baseline, self.recorder.events, self.playground.sandboxes, None, self.playground.now())


def _pattern(path: str) -> str:
    parts = re.split(r"\{(\w+)(?::([^}]*))?\}", path)
    text = re.escape(parts[0])
    for name, pattern, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        text += f"(?P<{name}>{pattern or '[^/]+'})" + re.escape(literal)
    return text


@pytest.fixture
def make_world() -> Callable[..., World]:
    """Make a world from an initial tree."""

    def make(files: Mapping[str, bytes] | None = None) -> World:
        simulator = FilesSimulator()
        dataset = Dataset("clinic", {f"files/{path}": content for path, content in (files or {}).items()})
        seed = simulator.load_seed(dataset, {})
        sandbox = Sandbox("sb_1", "sim_1", "Files", "Drop", "files", {}, {}, "clinic")
        clock, recorder = FakeClock(), Events()
        playground = Playground("pg_1", "a", "tr_1", Branch(seed), (sandbox,), clock, recorder)
        playground.start_clock(START)
        return World(simulator, playground, clock, recorder)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A tree with a few files."""
    return make_world(
        {
            "inbox/referrals/b.pdf": b"%PDF-1.4 b",
            "inbox/a.txt": b"0123456789",
            "outbound/claims/837.x12": b"ISA*",
            "archive/old name.json": b'{"status": "done", "lines": [{"code": "99213"}]}',
        }
    )


def body_of(response: Response) -> Any:
    return jsonio.parse(response.body)


@pytest.fixture
def read() -> Callable[[Response], Any]:
    """Parse a response's JSON."""
    return body_of
