"""The timeline: the state after any event, whatever was returned to before, and from wherever it is asked for."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.errors import NotFound
from sandbox.playground.branch import Branch, Seed
from sandbox.playground.clock import ClockState
from sandbox.playground.events import Response, undone
from sandbox.playground.playground import Playground
from sandbox.playground.travel import advance_clock, restore
from sandbox.record import database, timeline
from sandbox.record.reader import Reader
from sandbox.record.timeline import Timeline
from sandbox.record.writer import open_writer

SEED = Seed.of({"c/rows": {str(n): {"v": 0} for n in range(5)}})


class Clock:
    def __init__(self):
        self.moment = datetime(2026, 4, 23, 9, tzinfo=UTC)

    def now(self):
        self.moment += timedelta(seconds=7)
        return self.moment


@pytest.fixture
async def record(tmp_path):
    file = tmp_path / database.FILE_NAME
    database.migrate(file)
    writer = await open_writer(file)
    reader = Reader(await database.connect(file, is_reader=True))
    yield writer, reader
    await writer.close()
    await reader.close()


def playground_on(writer, branch, **more):
    return Playground("pg_1", "task", "tr_1", branch, (), Clock(), writer, **more)


def write(playground, key, value):
    def handle(tx):
        if value is None:
            tx.delete("c/rows", key)
        else:
            tx.put("c/rows", key, {"v": value, "id": tx.new_id("row"), "at": tx.now_text})
        return Response.of_json({})

    return playground.interact("fhir_request", handle)


@pytest.mark.parametrize("random_seed", [None, 7])
@pytest.mark.parametrize("number", range(4))
async def test_any_state_is_what_it_was(record, monkeypatch, random_seed, number):
    monkeypatch.setattr(timeline, "MARK_EVENTS", 5)
    writer, reader = record
    chance = random.Random(number)
    playground = playground_on(writer, Branch(SEED), random_seed=random_seed)
    assert playground.start_clock(None).event.seq == 1
    states = {0: Branch(SEED).state_hash(), 1: playground.branch.state_hash()}
    presents = {0: None, 1: playground.present}
    own = Timeline(reader, "pg_1", SEED)
    restores = {}
    for _ in range(60):
        what = chance.random()
        if what < 0.2:
            to = chance.randint(1, playground.seq)
            await restore(playground, presents[to]).committed
            restores[playground.seq] = to
            clock = ("_clock", "clock")
            assert [(d.collection, d.key) for d in playground.branch.diff(Branch(SEED, presents[to].overlay))] in (
                [],
                [clock],
            )
        elif what < 0.3:
            await advance_clock(playground, 3600).committed
        else:
            value = chance.choice([None, chance.randint(1, 9), chance.randint(1, 9)])
            await write(playground, str(chance.randint(0, 8)), value).committed
        states[playground.seq] = playground.branch.state_hash()
        presents[playground.seq] = playground.present
        if chance.random() < 0.2:
            asked = chance.randint(0, playground.seq)
            assert own.branch(await own.at(asked)).state_hash() == states[asked]
    assert await reader.restores("pg_1") == restores
    for seq in chance.sample(sorted(states), len(states)):
        found = await own.at(seq)
        assert own.branch(found).state_hash() == states[seq]
        if seq:
            assert (found.seq, found.asides, found.at) == (seq, presents[seq].asides, presents[seq].at)
    fresh = Timeline(reader, "pg_1", SEED)
    assert fresh.branch(await fresh.at()).state_hash() == playground.branch.state_hash()
    with pytest.raises(NotFound, match=f"its last is {playground.seq}"):
        await own.at(playground.seq + 1)
    # What restores took back is no part of how it came to be as it is.
    left_out = {seq for taken_back in undone(restores, playground.seq) for seq in taken_back}
    folded = Branch(SEED)
    async for event in reader.events("pg_1"):
        if event.seq not in left_out:
            for change in event.changes:
                folded.apply(change)
    assert folded.state_hash() == playground.branch.state_hash()


async def test_many_restores_one_after_the_other_are_quick(record):
    writer, reader = record
    playground = playground_on(writer, Branch(SEED))
    write(playground, "0", 1)
    for _ in range(300):
        committed = restore(playground, playground.present).committed
    await committed
    found = await Timeline(reader, "pg_1", SEED).at(290)
    assert Branch(SEED, found.overlay).get("c/rows", "0")["v"] == 1


async def test_after_a_restore_a_seed_gives_the_same_again(record):
    writer, _ = record
    playground = playground_on(writer, Branch(SEED), random_seed=3)
    playground.start_clock(None)
    write(playground, "0", 1)
    before = playground.present
    first = write(playground, "1", 2).event
    row = playground.branch.get("c/rows", "1")
    advance_clock(playground, 60)
    await restore(playground, before).committed
    assert playground.branch.get("c/rows", "1") == {"v": 0}
    again = write(playground, "1", 2).event
    assert playground.branch.get("c/rows", "1") == row
    assert (again.at, again.seq) == (first.at, 6)
    assert again.id != first.id


async def test_a_running_clock_goes_on_from_where_it_stood(record):
    writer, _ = record
    playground = playground_on(writer, Branch(SEED))
    playground.start_clock(datetime(2026, 1, 1, tzinfo=UTC))
    write(playground, "0", 1)
    before = playground.present
    advance_clock(playground, 86400)
    assert (await_free := playground.now()) - before.at > timedelta(days=1)
    await restore(playground, before).committed
    assert timedelta() <= playground.now() - before.at < timedelta(minutes=5) < await_free - before.at
    state = ClockState.read(playground.branch)
    assert state is not None and state.start == datetime(2026, 1, 1, tzinfo=UTC)
