"""A machine's clock that is set back: no playground goes back in time, and new runs come after older ones."""

from datetime import UTC, datetime, timedelta

from sandbox import clock, ids

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


async def _write(run, number):
    patient = {"resourceType": "Patient", "id": "p", "name": [{"family": f"F{number}"}]}
    answer = await run.call("PUT", "fhir/Patient/p", json=patient)
    assert answer.status in (200, 201)
    return answer.json["meta"]["lastUpdated"]


async def test_neither_events_nor_versions_nor_runs_go_back(serve, monkeypatch):
    machine = [NOON]
    monkeypatch.setattr(clock, "_machine_now", lambda: machine[0])
    async with serve() as live:
        run = await live.started()
        seen, runs = [await _write(run, 1)], [run]
        for back in (timedelta(seconds=1), timedelta(hours=3)):
            machine[0] -= back
            seen.append(await _write(run, len(seen) + 1))
            runs.append(await live.run())
    async with serve() as live:  # a new process has never seen the later time; here its clock is a new one
        machine[0] -= timedelta(hours=1)
        run.live = live
        seen.append(await _write(run, 9))
        runs.append(await live.run())
        times = [event["at"] for event in await run.events() if event["seq"] > 1]
        listed = [r["id"] for r in (await live.get("/benchmark-runs"))["data"]]
    assert seen == sorted(seen)
    assert times == sorted(times)
    assert listed == [r.id for r in reversed(runs)]


def test_the_clock_goes_on_and_follows_the_machines_when_that_has_caught_up(monkeypatch):
    machine = [NOON]
    monkeypatch.setattr(clock, "_machine_now", lambda: machine[0])
    ours = clock.SystemClock()
    assert ours.now() == NOON
    machine[0] -= timedelta(hours=1)
    later, latest = ours.now(), ours.now()
    assert NOON <= later <= latest < NOON + timedelta(minutes=1)
    machine[0] = NOON + timedelta(minutes=2)
    assert ours.now() == machine[0]


def test_an_id_is_sorted_by_the_moment_it_is_given():
    assert ids.new_id("br", at=NOON) < ids.new_id("br", at=NOON + timedelta(milliseconds=1)) < ids.new_id("br")
