"""A run at a level of mess: asked for over HTTP, shown, shared, kept over a restart, not published as a tidy one."""

import json

import pytest

from sandbox.api.context import RUNS

FAMILIES = ("Reyes", "Brandt", "Okafor", "Lund", "Hassan", "Delaney", "Mendoza", "Petrov", "Raman", "Hale")


@pytest.fixture
def charts(disk, kit):
    """A benchmark on a dataset that is large enough for every level to show."""
    rows = [
        {
            "resourceType": "Patient",
            "id": f"p{number}",
            "active": True,
            "identifier": [{"system": "urn:mrn", "value": f"MRN-{7000 + number}"}],
            "name": [{"family": family, "given": ["Kim"]}],
            "telecom": [{"system": "phone", "value": f"330-555-01{number:02}"}],
        }
        for number, family in enumerate(FAMILIES)
    ]
    disk.dataset("small", {**kit.files, "fhir/Patient.ndjson": "\n".join(map(json.dumps, rows)).encode()})
    disk.benchmark(kit.benchmark("charts", kit.task("a", kit.says(1)), kit.task("b", kit.says(1))))
    disk.benchmark(
        kit.benchmark("untidy", kit.task("a", kit.says(1)), environment=_messy(kit, {"level": 2, "seed": 3}))
    )


def _messy(kit, mess):
    return {**kit.benchmark("x")["environment"], "mess": mess}


async def patients(run):
    bundle = (await run.call("GET", "fhir/Patient?_count=100")).json
    return [entry["resource"] for entry in bundle["entry"]]


async def test_a_level_is_asked_for_shown_and_played(serve, charts):
    async with serve() as live:
        seen = {}
        for level in (0, 1, 2, 3):
            run = await live.started("charts@1", mess=level, seed=1)
            assert run.value["mess"] == level
            assert (await live.get(f"/benchmark-runs/{run.id}"))["mess"] == level
            seen[level] = await patients(run)
        assert len(seen[0]) == len(seen[1]) == len(FAMILIES) < len(seen[2]) == len(seen[3])
        assert all("active" in p for p in seen[0])
        assert not all("active" in p for p in seen[1])
        (replaced,) = {p.get("link", [{}])[0].get("type") for p in seen[2] if p.get("active") is False}
        assert replaced == "replaced-by"
        assert any(None in p["name"][0]["given"] for p in seen[3])
        plain = await live.started("charts@1")
        assert plain.value["mess"] == 0
        assert [p["id"] for p in await patients(plain)] == [p["id"] for p in seen[0]]


async def test_it_takes_the_place_of_the_definitions_level(serve, charts):
    async with serve() as live:
        own, tidy, three = [await live.started("untidy@1", **more) for more in ({}, {"mess": 0}, {"mess": 3})]
        assert [run.value["mess"] for run in (own, tidy, three)] == [2, 0, 3]
        assert len(await patients(tidy)) == len(FAMILIES) < len(await patients(own)) == len(await patients(three))
        listed = (await live.get("/benchmark-runs"))["data"]
        assert [row["mess"] for row in listed] == [3, 0, 2]
        assert len({row["definition_hash"] for row in listed}) == 3


async def test_runs_of_a_level_share_one_seed(serve, charts):
    """A playground is O(1): its branch stands on the seed that all runs of the level have."""
    async with serve() as live:
        runs = [await live.run("charts@1", mess=2, seed=1) for _ in range(3)]
        seeds = {id(live.playground(key).branch.seed) for run in runs for key in run.tasks}
        assert len(seeds) == 1
        await runs[0].start()
        await runs[1].start()
        assert runs[0].state_hash() == runs[1].state_hash()


@pytest.mark.parametrize(("reference", "asked"), [("charts@1", 3), ("untidy@1", None), ("untidy@1", 0)])
async def test_a_restart_brings_the_same_mess_back(serve, charts, disk, reference, asked):
    more = {} if asked is None else {"mess": asked}
    async with serve() as live:
        run = await live.started(reference, seed=4, **more)
        await run.call("PUT", "fhir/Patient/p0", json={"resourceType": "Patient", "id": "p0", "active": True})
        before, state = await patients(run), run.state_hash()
    # what the disk says today is not what the run was made of
    path = disk.playgrounds / reference.partition("@")[0] / "v1" / "benchmark.json"
    path.write_text(path.read_text().replace("Small clinic", "Another clinic named MRN-7001 MRN-7002"))
    async with serve() as live:
        run.live = live
        assert run.state_hash() == state
        assert await patients(run) == before
        shown = await live.get(f"/benchmark-runs/{run.id}")
        assert shown["mess"] == (2 if asked is None else asked)
        done = await run.complete(output={"answer": 1})
        assert done["verdict"] == "pass"
        assert (await live.post(f"/task-runs/{run.tasks[0]}/rescore"))["score"] == 1


async def test_a_mess_by_other_rules_is_set_aside_and_not_passed_off(serve, charts, monkeypatch):
    """A version whose rules differ cannot bring the run back; it says so, and the others go on."""
    async with serve() as live:
        run, tidy = await live.started("charts@1", mess=2), await live.started("charts@1")
    from sandbox.simulators.fhir import FhirSimulator, mess

    monkeypatch.setattr(FhirSimulator, "mess", lambda self, seed, wanted: mess.make_messy(seed, _less(wanted)))
    async with serve(registry=_fresh()) as live:
        assert "rules that are not those of this version" in live.app[RUNS].set_aside[run.id]
        tidy.live = live
        assert len(await patients(tidy)) == len(FAMILIES)


def _less(mess):
    from dataclasses import replace

    return replace(mess, level=1)


def _fresh():
    from sandbox.builtin import create_registry

    return create_registry()


async def test_a_run_at_another_level_is_not_published(serve, charts):
    async with serve() as live:
        for reference, more, status in (("untidy@1", {"mess": 3}, 409), ("untidy@1", {"mess": 2}, 200)):
            run = await live.started(reference, **more)
            await run.complete(output={"answer": 1})
            answer = await live.call("POST", f"/benchmark-runs/{run.id}/publish", "vk_local", json={})
            assert answer.status == status, answer


@pytest.mark.parametrize("mess", [-1, 4, "2", 1.5, True, {"level": 2}])
async def test_what_is_no_level_is_refused_by_both_doors(serve, charts, kit, mess):
    async with serve() as live:
        for path, key, name in (
            ("/v1/benchmark-runs", kit.solver_key, "benchmark"),
            ("/benchmark-runs", kit.api_key, "benchmark_id"),
        ):
            answer = await live.call("POST", path, key, json={name: "charts@1", "mess": mess})
            assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
            assert "mess" in answer.error["details"]
        assert (await live.get("/benchmark-runs"))["data"] == []


async def test_where_nothing_can_be_messy_a_level_is_refused(serve, disk, kit):
    environment = {"name": "Drop", "simulators": [{"type": "Files", "name": "Drop", "dataset": "small"}]}
    disk.benchmark(kit.benchmark("files", kit.task("a", kit.says(1)), environment=environment))
    async with serve() as live:
        answer = await live.call("POST", "/v1/benchmark-runs", kit.solver_key, json={"benchmark": "files", "mess": 2})
        assert answer.status == 400
        assert "no simulator of the environment has a dataset and rules for it" in answer.error["message"]
        assert (await live.run("files@1", mess=0)).value["mess"] == 0
