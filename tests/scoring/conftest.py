"""What scoring tests share: views built by hand, events, and a small check of their own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import Field

from sandbox import jsonio
from sandbox.definitions.assertions import Assertion, CountRange, FieldExpectation
from sandbox.playground.branch import Branch, Change, Seed
from sandbox.playground.events import Event, Request, Response
from sandbox.playground.playground import Sandbox
from sandbox.scoring.checks import all_checks
from sandbox.scoring.scores import Criterion
from sandbox.simulators.base import Check, Selection, Subject, View

START = datetime(2026, 4, 23, 9, tzinfo=UTC)


class ToyAssertion(Assertion):
    """Rows of `toy/items` that hold every pair of `where`."""

    where: dict[str, Any] = Field(default_factory=dict)
    fields: list[FieldExpectation] = Field(default_factory=list)
    contains: list[str] = Field(default_factory=list)
    not_contains: list[str] = Field(default_factory=list)
    count: CountRange | None = None
    absent: bool = False


def select_rows(assertion: ToyAssertion, view: View) -> Selection:
    rows = [
        Subject(key, row)
        for key, row in view.branch.items("toy/items")
        if all(row.get(name) == value for name, value in assertion.where.items())
    ]
    return Selection("toy item", tuple(rows))


TOY = Check("toy", ToyAssertion, select_rows)


@dataclass
class World:
    """Builds a view step by step: `do` is the agent, `happen` the scenario."""

    seed: Seed
    surfaces: Sequence[str] = ("fhir", "portal", "toy")
    branch: Branch = field(init=False)
    baseline: Branch = field(init=False)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.branch = Branch(self.seed)
        self.baseline = self.branch.fork()

    def begin(self) -> None:
        """Take the present state as the start of the task run."""
        self.baseline = self.branch.fork()

    def happen(self, changes: Mapping[tuple[str, str], Any] | None = None, type_: str = "scenario_step") -> Event:
        """Let the scenario, or a delay, change documents (None deletes)."""
        return self._record(type_, "SCENARIO", "step", 200, changes or {}, None, (), None)

    def do(
        self,
        method: str = "GET",
        path: str = "fhir/Patient",
        status: int = 200,
        changes: Mapping[tuple[str, str], Any] | None = None,
        *,
        type_: str = "fhir_request",
        body: Any = None,
        answer: Any = None,
        query: tuple[tuple[str, str], ...] = (),
    ) -> Event:
        """Let the agent call; `changes` are what the call changes."""
        return self._record(type_, method, path, status, changes or {}, body, query, answer)

    def _record(
        self,
        type_: str,
        method: str,
        path: str,
        status: int,
        changes: Mapping[tuple[str, str], Any],
        body: Any,
        query: tuple[tuple[str, str], ...],
        answer: Any,
    ) -> Event:
        savepoint = self.branch.savepoint()
        for (collection, key), value in changes.items():
            if value is None:
                self.branch.delete(collection, key)
            else:
                self.branch.put(collection, key, value)
        seq = len(self.events) + 1
        surface = path.partition("/")[0]
        raw = body if isinstance(body, bytes) else b"" if body is None else jsonio.dump(body)
        event = Event(
            f"evt_{seq}",
            seq,
            "pg",
            "tr",
            f"sbx_{surface}" if method != "SCENARIO" else None,
            type_,
            START + timedelta(seconds=seq),
            1.0,
            Request(method, path, query, body=raw),
            Response.of_json(answer, status),
            tuple(self.branch.changes_since(savepoint)),
            "scenario" if method == "SCENARIO" or type_ in ("scenario_step", "clock_advanced") else "agent",
        )
        self.events.append(event)
        return event

    def view(self, output: Any = None) -> View:
        sandboxes = tuple(Sandbox(f"sbx_{s}", f"sim_{s}", s.title(), s, s, {}, {}) for s in self.surfaces)
        return View(self.branch, self.baseline, tuple(self.events), sandboxes, output, START + timedelta(hours=1))


@pytest.fixture
def world() -> World:
    return World(
        Seed.of(
            {
                "fhir/Patient": {
                    "1": {"resourceType": "Patient", "id": "1", "meta": {"versionId": "1"}, "active": True},
                    "2": {"resourceType": "Patient", "id": "2", "active": True},
                },
                "fhir/_history": {},
                "toy/items": {},
                "toy/tree": {"inbox/a.txt": b"abc"},
            }
        )
    )


@pytest.fixture
def make_world() -> Callable[[Seed], World]:
    return World


@pytest.fixture
def toy_world() -> Callable[..., World]:
    """A world with the given toy items, keyed in order `0`, `1`, …"""
    return lambda *rows: World(Seed.of({"toy/items": {str(i): row for i, row in enumerate(rows)}}))


@pytest.fixture
def toy() -> Callable[..., dict[str, Check]]:
    """The toy check, with other attributes if wanted, next to the generic ones."""
    return lambda **attributes: {**all_checks([]), "toy": replace(TOY, **attributes)}


@pytest.fixture
def criterion() -> Callable[..., Criterion]:
    """A criterion from its assertion's members; `assert_` names the check."""

    def make(
        assert_: str = "toy", *, id: str = "crit_1", weight: float = 1, axis: str | None = None, **rest: Any
    ) -> Criterion:
        entity = rest.pop("entity", None)
        return Criterion(id, f"label of {id}", weight, axis, {"assert": assert_, **rest}, entity=entity)

    return make


@pytest.fixture
def make_change() -> Callable[..., Change]:
    return Change
