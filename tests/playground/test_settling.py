"""What falls due in great number happens a few steps at a time beside the loop, as it would have at once."""

import asyncio
import threading
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from sandbox import work
from sandbox.errors import Unavailable
from sandbox.playground.calls import Asked
from sandbox.playground.crew import Crew
from sandbox.playground.events import Response
from sandbox.playground.playground import STEPS_AT_ONCE

OK = Response.of_json({})
MANY = 6 * STEPS_AT_ONCE + 7


class CountedCrew(Crew):
    """Notes how many events there were before each job."""

    def __init__(self, recorder):
        super().__init__()
        self._recorder = recorder
        self.before = []

    async def do(self, job, budget=None):
        self.before.append(len(self._recorder.events))
        return await super().do(job, budget)

    @property
    def parts(self):
        """How many events each job left but the last."""
        return [after - before for before, after in pairwise(self.before)]


@pytest.fixture
def crew(recorder):
    made = CountedCrew(recorder)
    yield made
    made.close()


@pytest.fixture
def waiting(make_playground, clock, recorder):
    """A seeded playground in which many actions are due, the last of which brings one more."""

    def deliver(tx, args):
        tx.put("test/things", f"{args['key']}", {"at": tx.now_text, "id": tx.new_id()})
        if args["key"] == MANY - 1:
            tx.schedule("deliver", {"key": "more"}, after_s=0)

    def make(**more):
        playground = make_playground(actions={"deliver": deliver, **more}, random_seed=7)
        playground.start_clock(datetime(2030, 1, 1, tzinfo=UTC))
        for key in range(MANY):
            playground.interact(
                "portal_request", lambda tx, k=key: (tx.schedule("deliver", {"key": k}, after_s=9_000), OK)[1]
            )
        playground.interact("clock_advanced", lambda tx: (tx.advance_clock(10_000), OK)[1])
        recorder.events.clear()
        return playground

    return make


def told(events):
    return [(e.id, e.seq, e.at, [(c.collection, c.key, c.version) for c in e.changes]) for e in events]


async def test_it_happens_in_parts_and_as_it_would_have_at_once(waiting, recorder, crew):
    waiting().settle()
    at_once, whole = told(recorder.events), len(recorder.events)
    assert whole == MANY + 1
    playground = waiting()
    await playground.settle_in_parts(crew)
    assert told(recorder.events) == at_once
    assert crew.before[0] < STEPS_AT_ONCE  # what fits in on the loop
    assert len(crew.parts) >= 2 and set(crew.parts) == {STEPS_AT_ONCE}
    assert not playground.is_anything_due()


async def test_few_steps_are_taken_at_once(waiting, recorder, crew, monkeypatch):
    monkeypatch.setattr(work, "TRIAL_UNITS", 200 * MANY)
    await waiting().settle_in_parts(crew)
    assert len(recorder.events) == MANY + 1 and not crew.before


async def test_a_call_waits_for_all_of_it_and_others_for_the_call(waiting, recorder, crew):
    playground = waiting()
    seen = []

    def look(tx):
        seen.append((tx.branch.count("test/things"), threading.current_thread() is threading.main_thread()))
        return OK

    calls = [playground.interact_in_turn(crew, Asked("portal_request", look)) for _ in range(3)]
    await asyncio.gather(*calls)
    assert [count for count, _ in seen] == [MANY + 1] * 3
    assert [e.type for e in recorder.events] == ["scenario_step"] * (MANY + 1) + ["portal_request"] * 3
    assert max(crew.parts) == STEPS_AT_ONCE


async def test_a_step_that_the_stop_breaks_off_is_still_to_come(waiting, recorder, crew):
    def stop(tx, args):
        if threading.current_thread() is not threading.main_thread():
            tx.put("test/things", "half", 1)
            crew.stop()
            work.spend(1)

    playground = waiting(deliver=stop)
    with pytest.raises(Unavailable):
        await playground.settle_in_parts(crew)
    assert playground.is_anything_due() and playground.branch.get("test/things", "half") is None
    assert {e.response.status for e in recorder.events} == {200} and len(recorder.events) == crew.before[0]


async def test_a_playground_that_is_torn_down_meanwhile_takes_no_more_steps(waiting, recorder, crew):
    playground = waiting()
    settling = asyncio.create_task(playground.settle_in_parts(crew))
    while not recorder.events:
        await asyncio.sleep(0)
    playground.is_torn_down = True
    await asyncio.gather(settling, return_exceptions=True)
    assert len(recorder.events) < MANY
