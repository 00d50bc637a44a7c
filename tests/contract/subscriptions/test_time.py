"""Restarts, forks, restores, seeds: what was delivered is not delivered twice, and what waits is."""

import re

import pytest

from tests.contract.subscriptions.conftest import FHIR_JSON, OBSERVATION
from tests.contract.subscriptions.hooks import hooked, said
from tests.contract.time_travel.conftest import World


async def playground_of(run):
    return (await run.live.get(f"/task-runs/{run.tasks[0]}"))["playground_id"]


async def test_what_waits_goes_on_after_a_restart(serve, subscriber):
    async with hooked(said(500)) as hook:
        async with serve() as live:
            run = await live.started()
            ehr = subscriber(run)
            key = await ehr.ask(hook.url, payload=FHIR_JSON)
            await ehr.observe()
            await ehr.attempted(1)
            second = await ehr.observe()
        hook.answer = said()
        async with serve() as live:
            run.live = live
            ehr = subscriber(run)
            assert len(hook.got) == 1
            await ehr.wait(to="next")
            told = await ehr.attempted(3)
            assert [t["state"] for t in told] == ["pending", "delivered", "delivered"]
            assert hook.got[-1].json["id"] == second["id"]
            third = await ehr.observe()
            await ehr.attempted(4)
            assert hook.got[-1].json["id"] == third["id"]
            assert (await ehr.read(key))["status"] == "active"


async def test_a_fork_delivers_what_happens_in_it(live, subscriber):
    async with hooked(said(500)) as hook:
        run = await live.started()
        ehr = subscriber(run)
        await ehr.ask(hook.url, payload=FHIR_JSON)
        await ehr.observe(id="waits")
        await ehr.attempted(1)
        hook.answer = said()
        fork = await World(live, await playground_of(run)).fork()
        root = await fork.root("Fhir")
        made = await live.post(f"{root}/fhir/Observation", status=201, json=OBSERVATION)
        await ehr.until(lambda: len(hook.got) == 2)
        assert hook.got[1].json["id"] == made["id"]
        await fork.post("clock", seconds=200_000)
        again = await live.post(f"{root}/fhir/Observation", status=201, json=OBSERVATION)
        await ehr.until(lambda: len(hook.got) == 3)
        assert hook.got[2].json["id"] == again["id"]
        await ehr.wait(to="next")
        told = await ehr.attempted(2)
        assert told[1]["state"] == "delivered" and len(hook.got) == 4


async def test_a_restore_delivers_again_only_what_waited_then(live, subscriber):
    async with hooked() as hook:
        run = await live.started()
        ehr = subscriber(run)
        key = await ehr.ask(hook.url, payload=FHIR_JSON)
        await ehr.observe()
        await ehr.attempted(1)
        seq = (await run.events())[-1]["seq"]
        await ehr.observe()
        await ehr.attempted(2)
        await ehr.call("DELETE", f"Subscription/{key}")
        await World(live, await playground_of(run)).post("restore", to=seq)
        assert (await ehr.read(key))["status"] == "active"
        made = await ehr.observe()
        await ehr.attempted(3)
        assert len(hook.got) == 3 and hook.got[-1].json["id"] == made["id"]


@pytest.mark.parametrize("statuses", [(200,), (500, 200)])
async def test_a_seed_repeats_it_to_the_byte(live, subscriber, statuses):
    async def play():
        async with hooked(lambda n, number: said(statuses[min(number, len(statuses)) - 1])(n, number)) as hook:
            ehr = subscriber(await live.started(seed=7))
            await ehr.ask(hook.url, payload=FHIR_JSON)
            await ehr.observe()
            assert (await ehr.call("GET", "Subscription")).json["entry"][0]["resource"]["status"] == "active"
            await ehr.attempted(1)
            if len(statuses) > 1:
                assert (await ehr.wait(to="next"))["advanced_seconds"] <= 500
                await ehr.attempted(2)
            await ehr.observe()
            await ehr.attempted(len(statuses) + 1)
            told = await ehr.attempts()
            state = {name: (await ehr.call("GET", name)).body for name in ("Observation", "Subscription/_history")}
            return [(t["state"], t["resource"], t["next_attempt_at"]) for t in told], hook.port, state

    first, one_port, one = await play()
    second, other_port, other = await play()
    assert first == second
    for name, text in one.items():
        assert _normal(text, one_port) == _normal(other[name], other_port)


def _normal(text, port):
    return re.sub(rb"/benchmark-runs/[^/]+/", b"/", text.replace(f":{port}/".encode(), b":P/"))


async def test_a_stepping_clock_moves_by_its_agent_alone(live, subscriber):
    async with hooked(said(500)) as hook:
        ehr = subscriber(await live.started(seed=7))
        key = await ehr.ask(hook.url)
        await ehr.observe()
        await ehr.attempted(1)
        for count in range(2, 6):
            await ehr.wait(to="next")
            await ehr.attempted(count)
        stored = await ehr.read(key)
        assert stored["status"] == "error" and len(hook.got) == 5
