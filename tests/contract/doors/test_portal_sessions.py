"""A portal whose sessions end and that asks for a one-time code, over HTTP."""

import re

import pytest


@pytest.fixture
async def door(serve, disk, kit, knock):
    config = {"sessions": {"idle_seconds": 900, "one_time_code": True, "code_seconds": 60}}
    simulators = [
        {"type": "Files", "name": "Drop", "dataset": "small"},
        {"type": "Payer", "name": "Payer", "dataset": "small", "config": config},
    ]
    environment = {"name": "Payer", "clock": "2026-04-23T09:00:00Z", "simulators": simulators}
    disk.benchmark(kit.benchmark("payer", environment=environment, tasks=[kit.task("a")]))
    async with serve() as live:
        yield knock(live, await live.started("payer"))


async def code_of(door):
    listed = (await door.run.call("GET", "files/inbox")).json
    newest = max((item for item in listed if "/notices/" in item["path"]), key=lambda item: item["path"])
    body = (await door.run.call("GET", f"files/{newest['path']}")).body
    return re.search(r"code is (\d{6})", body.decode())[1]


async def test_a_code_opens_what_the_password_began_and_the_session_ends(door, kit, kept):
    root = door.roots("Payer")[0]
    begun = await door.log_in()
    assert begun.json["code_required"] is True and begun.json["code_sent_to"] == "files"
    cookie = kept(begun)
    assert (await door.call("GET", f"{root}/portal/patients", headers=cookie)).status == 401
    code = await code_of(door)
    wrong = await door.call("POST", f"{root}/portal/login/code", json={"code": "000000x"}, headers=cookie)
    assert wrong.status == 401
    without = await door.call("POST", f"{root}/portal/login/code", json={"code": code})
    assert without.status == 401
    opened = await door.call("POST", f"{root}/portal/login/code", json={"code": code}, headers=cookie)
    assert (opened.status, opened.json["code_required"], opened.json["idle_seconds"]) == (200, False, 900)
    again = await door.call("POST", f"{root}/portal/login/code", json={"code": code}, headers=cookie)
    assert again.status == 401
    draft = await door.call(
        "POST", f"{root}/portal/prior-auths", json={**kit.prior_auth, "draft": True}, headers=kept(opened)
    )
    assert draft.status == 201
    # What is next to come by itself is the end of the session.
    advanced = await door.run.call("POST", "clock/advance", json={"to": "next"})
    assert advanced.status == 200
    ended = await door.call("GET", f"{root}/portal/patients", headers=kept(opened))
    assert ended.status == 401 and "900 s without use" in ended.error["message"]
    resumed = kept(await door.log_in())
    opened = await door.call("POST", f"{root}/portal/login/code", json={"code": await code_of(door)}, headers=resumed)
    assert opened.json["draft"] == draft.json["request_id"]
    events = await door.run.events()
    assert code not in str([event["request"] for event in events if event["type"] == "portal_login"])


async def test_a_code_that_comes_too_late_is_wrong(door, kept):
    root = door.roots("Payer")[0]
    cookie = kept(await door.log_in())
    code = await code_of(door)
    await door.run.call("POST", "clock/advance", json={"seconds": 61})
    late = await door.call("POST", f"{root}/portal/login/code", json={"code": code}, headers=cookie)
    assert late.status == 401 and "too late" in late.error["message"]
