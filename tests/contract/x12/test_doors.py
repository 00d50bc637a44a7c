"""What every surface has to hold: checks, credentials of its own, strict mode, recovery, shared records, tools."""

import json

import pytest

from sandbox.definitions.models import BenchmarkDefinition
from sandbox.definitions.problems import DefinitionError


def criteria(kit):
    return [
        kit.criterion(
            "eligibility was asked for",
            "x12-response",
            transaction="271",
            correlate_by={"member_id": "m1"},
            status="answered",
            fields=[
                {"path": "EB.1", "expected": "1"},
                {"path": "EB[?1=B].7", "expected": 25},
                {"path": "NM1[?1=IL].3", "expected": "Reyes"},
                {"path": "TRN02", "exists": True},
            ],
        ),
        kit.criterion(
            "the case is approved",
            "x12-response",
            transaction="278",
            correlate_by={"member_id": "M1", "SV1.1.2": "73721"},
            fields=[{"path": "HCR.1", "expected": "A1"}],
        ),
        kit.criterion(
            "and the portal knows it",
            "portal-state-match",
            correlate_by={"resource": "prior_auth_requests", "key": "auth_number"},
            assertions=[{"path": "state", "expected": "approved"}],
        ),
        kit.criterion("nothing was malformed", "x12-response", transaction="999", absent=True),
        kit.criterion("no more than two eligibility calls", "x12-response", transaction="271", count={"max": 2}),
    ]


async def test_answers_are_scored(kit, disk, serve, x12):
    x12.write(kit, disk, kit.task("work", *criteria(kit)))
    async with serve() as live:
        idle = await live.started("claims@1")
        assert (await idle.complete())["score"] < 0.5
        run = await live.started("claims@1")
        house = x12.Clearing(run)
        await house.send(x12.ask("270"))
        await house.send(x12.ask("278"))
        done = await run.complete()
        assert done["verdict"] == "pass", done["checks"]
        assert done["checks"][0]["evidence"]["matched_transaction"].startswith("x12_")
        assert done["checks"][0]["evidence"]["field_results"][0]["path"] == "EB.1"


async def test_what_came_near_is_said(kit, disk, serve, x12):
    x12.write(kit, disk, kit.task("work", *criteria(kit)))
    async with serve() as live:
        run = await live.started("claims@1")
        await x12.Clearing(run).send(x12.ask("270", "MI*M1", "MI*M9"))
        done = await run.complete()
        assert "member_id" in done["checks"][0]["details"], done["checks"][0]


async def test_a_wrong_path_or_key_is_found_when_the_definition_is_loaded(kit, disk, serve, x12, registry):
    for wrong, said in (
        ({"fields": [{"path": "EB.99", "expected": "1"}]}, "EB14"),
        ({"correlate_by": {"memberid": "M1"}}, "member_id"),
        ({"correlate_by": {"QQ.1": "M1"}}, "QQ"),
        ({"transaction": "837"}, "271"),
    ):
        made = kit.criterion("x", "x12-response", **{"transaction": "271", **wrong})
        task = kit.task("work", made)
        definition = BenchmarkDefinition.model_validate(x12.definition(kit, task))
        [one] = definition.tasks
        problems = registry.assertion_problems(one.criteria[0], one, definition)
        assert any(said in text for _, text in problems), (wrong, problems)


async def test_one_case_by_every_door(house, x12):
    """Opened by 278, attached to and withdrawn at the portal, asked after as JSON: one row, one history."""
    opened = await house.send(x12.ask("278", "HC:73721", "HC:99999"))
    number = next(line.split("*")[2] for line in x12.lines(opened, "REF") if line.startswith("REF*BB"))
    attached = await house.run.call(
        "POST", f"portal/prior-auths/{number}/attachments", json={"filename": "n.txt", "content_base64": "eA=="}
    )
    assert attached.status == 201
    told = await house.post("prior-auth", action="inquiry", patient_id="ana", authorization_number=number)
    assert told["action"] == "A4" and told["authorization_number"] == number
    withdrawn = await house.run.call("POST", f"portal/prior-auths/{number}/withdraw", json={})
    assert withdrawn.status == 200
    told = await house.post("prior-auth", action="inquiry", patient_id="ana", authorization_number=number)
    assert told["action"] == "C"
    [row] = (await house.portal("prior-auths"))["data"]
    assert [h["action"] for h in row["history"]] == ["created", "submitted", "attachments_added", "withdrawn"]


async def test_another_runs_clearinghouse_is_not_there(kit, disk, serve, x12):
    x12.write(kit, disk)
    async with serve() as live:
        one, other = await live.started("claims@1"), await live.started("claims@1")
        await x12.Clearing(one).send(x12.ask("278"))
        assert (await x12.Clearing(other).portal("prior-auths"))["data"] == []
        path = f"/v1/benchmark-runs/{one.id}/clearinghouse/transactions"
        answer = await live.call("POST", path, other.token, body=x12.ask("278").encode(), headers=x12.RAW)
        assert answer.status == 404
        [sandbox] = [s for s in one.value["sandboxes"] if s["type"] == "Clearinghouse"]
        direct = f"/sandboxes/{sandbox['id']}/clearinghouse/eligibility"
        assert (await live.call("POST", direct, one.token, json={"patient_id": "ana"})).status == 401
        assert (await live.call("POST", direct, kit.api_key, json={"patient_id": "ana"})).json["status"] == "answered"
        third = await live.run("claims@1")
        url = (await third.start())["urls"]["clearinghouse"]
        by_url = await live.call("POST", url.removeprefix(live.url) + "/eligibility", json={"patient_id": "ana"})
        assert by_url.status == 200


async def test_strict_mode_has_upstreams_route_alone(kit, disk, serve, x12):
    x12.write(kit, disk)
    async with serve(is_strict=True) as live:
        run = await live.started("claims@1")
        assert (await run.call("POST", "clearinghouse/eligibility", json={"patient_id": "ana"})).status == 404
        [sandbox] = [s for s in run.value["sandboxes"] if s["type"] == "Clearinghouse"]
        direct = f"/sandboxes/{sandbox['id']}/clearinghouse/eligibility"
        assert (await live.call("POST", direct, kit.api_key, json={"patient_id": "ana"})).status == 200


async def test_a_seeded_run_repeats_to_the_byte(kit, disk, serve, x12):
    x12.write(kit, disk)
    async with serve() as live:
        said = []
        for _ in range(2):
            run = await live.run("claims@1", seed=7)
            await run.start()
            house = x12.Clearing(run)
            said.append(
                (await house.send(x12.ask("278")), await house.post("eligibility", patient_id="ana"), run.state_hash())
            )
        assert said[0] == said[1]


async def test_without_a_payer_it_reads_the_records_itself(kit, disk, serve, x12):
    x12.write(kit, disk)
    alone = x12.definition(kit, dataset="payer")
    alone["slug"] = "alone"
    alone["environment"]["simulators"] = alone["environment"]["simulators"][2:]
    both = x12.definition(kit, dataset="payer")
    both["slug"] = "both"
    disk.benchmark(alone)
    disk.benchmark(both)
    async with serve() as live:
        for slug in ("alone", "both"):
            run = await live.started(f"{slug}@1")
            assert x12.lines(await x12.Clearing(run).send(x12.ask("270")), "EB")


async def test_two_datasets_for_one_payer_are_refused(kit, disk, serve, x12):
    x12.write(kit, disk)
    wrong = x12.definition(kit, dataset="small")
    wrong["slug"] = "wrong"
    disk.benchmark(wrong)
    with pytest.raises(DefinitionError, match="give both the same dataset"):
        async with serve():
            pass


async def test_tools_say_the_same(kit, disk, serve, x12):
    x12.write(kit, disk)
    async with serve() as live:
        run = await live.started("claims@1")
        path = f"/v1/task-runs/{run.tasks[0]}/mcp"
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "x12_eligibility", "arguments": {"patient_id": "ana", "service_type_codes": ["98"]}},
        }
        answer = await live.call(
            "POST", path, run.token, json=call, headers={"Accept": "application/json, text/event-stream"}
        )
        assert answer.status == 200, answer
        text = answer.body.decode()
        found = json.loads(text[text.index("{") :].splitlines()[0])
        shown = found["result"]["structuredContent"]
        assert shown["coverage"]["status"] == "active" and "request_x12" not in shown
