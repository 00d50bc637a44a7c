"""Turns are taken in order, handed over without a gap, and given up by who is cancelled."""

import asyncio
import gc

import pytest

from sandbox import jsonio, limits, work
from sandbox.errors import TooCostly, TooLarge, Unavailable
from sandbox.playground.crew import Crew
from sandbox.playground.turns import Turns


async def test_first_come_first_served_and_who_is_cancelled_is_passed_over():
    turns, order = Turns(), []

    async def take(name, gate=None):
        async with turns.mine():
            order.append(name)
            if gate is not None:
                await gate.wait()

    gate = asyncio.Event()
    first = asyncio.create_task(take("a", gate))
    await asyncio.sleep(0)
    assert not turns.is_free
    others = [asyncio.create_task(take(name)) for name in "bcd"]
    await asyncio.sleep(0)
    others[1].cancel()
    gate.set()
    await asyncio.gather(first, *others, return_exceptions=True)
    assert order == ["a", "b", "d"] and turns.is_free


async def test_a_crew_that_stops_ends_what_is_being_done():
    crew = Crew()
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def job():
        loop.call_soon_threadsafe(began.set)
        while True:
            work.spend(0)

    doing = asyncio.create_task(crew.do(job, work.Budget(work.UNBOUNDED)))
    await began.wait()
    assert not gc.isenabled()
    crew.stop()
    with pytest.raises(Unavailable):
        await doing
    with pytest.raises(Unavailable):
        await crew.do(job)
    crew.close()
    assert gc.isenabled()


@pytest.mark.parametrize("more", [0, 1])
def test_work_is_bounded_at_its_limit(more):
    with work.bounded(work.Budget(100)) as budget:
        if more:
            with pytest.raises(TooCostly):
                work.spend(101)
        else:
            work.spend(100)
    assert budget.is_spent is bool(more)


def test_what_is_on_trial_outgrows_the_loop():
    with work.bounded(work.Budget(10, is_trial=True)), pytest.raises(work.Outgrown):
        work.spend(11)
    with work.bounded(work.Budget(10, is_trial=True)), pytest.raises(work.Outgrown):
        work.current().expect(11)
    with work.bounded(work.Budget(10)):
        work.current().expect(11)


@pytest.mark.parametrize("more", [0, 1])
def test_the_values_of_a_json_text_are_bounded(monkeypatch, more):
    monkeypatch.setattr(limits, "JSON_VALUES", 200)
    text = b"[" + b"[]," * (99 + more) + b'"a,b,c",1]'  # a list each, and a comma for each but the last
    if more:
        with pytest.raises(TooLarge, match="more than 200 values"):
            jsonio.parse(text)
    else:
        assert len(jsonio.parse(text)) == 101
