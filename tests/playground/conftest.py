from datetime import UTC, datetime, timedelta

import pytest

from sandbox.playground.branch import Branch, Seed
from sandbox.playground.playground import Done, Playground, Sandbox


class FakeClock:
    def __init__(self):
        self.moment = datetime(2026, 4, 23, 9, tzinfo=UTC)

    def now(self):
        return self.moment

    def advance(self, seconds):
        self.moment += timedelta(seconds=seconds)


class ListRecorder:
    """Keeps events; their commits are done at once."""

    def __init__(self):
        self.events = []

    async def prepare(self, event):
        """Nothing is large here."""

    def submit(self, event, undo, prepared=None):
        self.events.append(event)
        return Done()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def recorder():
    return ListRecorder()


@pytest.fixture
def make_playground(clock, recorder):
    def make(seed=None, **more):
        sandbox = Sandbox("sb_1", "sim_1", "Test", "Test", "test", {}, {})
        options = {
            "id": "pg_1",
            "key": "task-1",
            "task_run_id": "tr_1",
            "branch": Branch(seed or Seed()),
            "sandboxes": (sandbox,),
            "clock": clock,
            "recorder": recorder,
            **more,
        }
        return Playground(**options)

    return make
