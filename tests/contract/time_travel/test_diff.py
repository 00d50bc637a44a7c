"""The difference between two states: what is told, of whom, and what is left out."""

import hashlib

import pytest


async def test_documents_fields_and_bytes(live, world_of):
    run = await live.started()
    world = world_of(run)
    ana = (await run.call("GET", "fhir/Patient/ana")).json
    changed = {**ana, "active": True, "name": [{**ana["name"][0], "family": "Other"}]}
    assert (await run.call("PUT", "fhir/Patient/ana", json=changed)).status == 200
    content = bytes(range(256))
    await run.call("PUT", "files/outbox/scan.bin", body=content)
    value = await world.diff("?from=start")
    surfaces = {s["surface"]: s for s in value["surfaces"]}
    assert set(surfaces) == {"fhir", "files"}
    (patient,) = surfaces["fhir"]["documents"]
    assert (patient["collection"], patient["key"], patient["change"]) == ("fhir/Patient", "ana", "changed")
    fields = {f["path"]: (f["change"], f["before"], f["after"]) for f in patient["fields"]}
    assert fields["name.0.family"] == ("changed", ana["name"][0]["family"], "Other")
    assert fields["active"] == ("added", None, True)
    (file,) = surfaces["files"]["documents"]
    assert (file["key"], file["after"]["size"]) == ("outbox/scan.bin", 256)
    assert hashlib.sha256(content).hexdigest() in str(file["after"])
    assert value["bookkeeping"] > 0 and value["left_out"] == 0
    assert value["to"] == {"playground_id": world.id, "event": 5, "state_hash": await world.hash()}
    only = await world.diff("?from=start&surface=files")
    assert [s["surface"] for s in only["surfaces"]] == ["files"]
    back = await world.diff("?from=now&to=start")
    assert (back["removed"], back["changed"]) == (value["added"], value["changed"])
    posted = await world.post("diff", **{"from": "start", "to": 5})
    assert posted == value


async def test_seed_start_and_other_playgrounds(live, world_of, agent_writes):
    one, other = await live.started(), await live.started()
    await agent_writes(one, "a.txt", b"1")
    await agent_writes(other, "b.txt", b"2")
    world = world_of(one)
    since_seed = await world.diff()
    assert since_seed["from"]["event"] is None
    assert {d["key"] for s in since_seed["surfaces"] for d in s["documents"]} >= {"inbox/fax.txt", "outbox/a.txt"}
    across = await world.diff(f"?from={world_of(other).id}&to={world.id}@start")
    keys = {d["key"]: d["change"] for s in across["surfaces"] for d in s["documents"]}
    assert keys["outbox/b.txt"] == "removed" and "outbox/a.txt" not in keys
    await one.complete(output=None)
    assert await world.diff() == since_seed


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?from=", 400),
        ("?from=x", 400),
        ("?to=77", 404),
        ("?to=99999999999999999999999", 404),
        ("?from=pg_none", 404),
        ("?from=pg_none@1", 404),
        ("?from=snap_none", 404),
        ("?since=1", 400),
    ],
)
async def test_what_cannot_be_compared(live, world_of, query, status):
    world = world_of(await live.started())
    answer = await live.call("GET", f"/playgrounds/{world.id}/diff{query}", "vk_local")
    assert answer.status == status, answer


async def test_what_is_left_out_is_said(live, world_of, agent_writes, monkeypatch):
    monkeypatch.setattr("sandbox.scoring.states.differences.DOCUMENTS_MAX", 3)
    run = await live.started()
    for number in range(6):
        await agent_writes(run, f"{number}.txt", b"%d" % number)
    value = await world_of(run).diff("?from=start")
    shown = sum(len(s["documents"]) for s in value["surfaces"])
    assert shown == 3 and value["left_out"] == value["added"] + value["changed"] + value["removed"] - 3 > 0
