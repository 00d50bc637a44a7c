"""The portal's door: the user's name and password alone log in, and the cookie alone is enough behind it."""

import json

import pytest

from sandbox import limits


async def every_call(doors, root, headers, prior_auth):
    """Make every kind of portal call with these headers and no token; return the statuses by route."""

    async def call(method, path, **more):
        return await doors.call(method, f"{root}/portal/{path}", headers={**headers, **more.pop("headers", {})}, **more)

    draft = (await call("POST", "prior-auths", json={**prior_auth, "draft": True})).json["request_id"]
    upload = {"filename": "note.txt", "content_base64": "eA=="}
    attached = await call("POST", f"prior-auths/{draft}/attachments", json=upload)
    name = attached.json["attachments"][0]["id"]
    answers = [attached]
    for method, path, more in [
        ("GET", "prior-auths", {}),
        ("GET", f"prior-auths/{draft}", {}),
        ("HEAD", f"prior-auths/{draft}", {}),
        ("PATCH", f"prior-auths/{draft}", {"json": {"notes": "x"}}),
        ("GET", f"prior-auths/{draft}/attachments", {}),
        ("GET", f"prior-auths/{draft}/attachments/{name}", {}),
        ("POST", f"prior-auths/{draft}/submit", {}),
        ("GET", "patients", {}),
        ("GET", "patients/M1", {}),
        ("GET", "providers", {}),
        ("GET", "providers/1234567893", {}),
        ("GET", "formulary", {}),
        ("GET", "questions", {}),
    ]:
        answers.append(await call(method, path, **more))
    return [answer.status for answer in answers]


async def test_name_and_password_are_enough_and_the_cookie_serves_every_call(doors, kit, kept):
    roots = doors.roots("Payer")
    for door in roots:
        entered = await doors.log_in(door)
        assert (entered.status, entered.json) == (200, {"username": doors.credentials("Payer")["username"]}), door
        attributes = entered.headers["Set-Cookie"].split("; ")[1:]
        assert attributes == [f"Path={door}/portal", "HttpOnly", "SameSite=Strict"]
    cookie = kept(entered)
    for root in roots:
        statuses = await every_call(doors, root, cookie, kit.prior_auth)
        assert set(statuses) <= {200, 201}, root
    left = await doors.call("POST", f"{roots[0]}/portal/logout", headers=cookie)
    assert left.status == 204 and "Max-Age=0" in left.headers["Set-Cookie"]
    for root in roots:
        refused = await doors.call("GET", f"{root}/portal/patients", headers=cookie)
        assert (refused.status, refused.error["code"]) == (401, "UNAUTHORIZED")


async def test_a_refusal_says_where_the_door_is(doors):
    for root in doors.roots("Payer"):
        for headers in ({}, {"Cookie": "portal_session=nonsense"}, {"Cookie": "portal_session=01.\u00e9"}):
            refused = await doors.call("GET", f"{root}/portal/patients", headers=headers)
            assert (refused.status, refused.error["code"]) == (401, "UNAUTHORIZED"), root
            assert "portal/login" in refused.error["message"] and "Authorization" in refused.error["message"]


async def test_a_cookie_opens_its_own_portal_and_nothing_else(doors, knock, kept):
    cookie = kept(await doors.log_in())
    other = knock(doors.live, await doors.live.started())
    for root in other.roots("Payer"):
        assert (await doors.call("GET", f"{root}/portal/patients", headers=cookie)).status == 401
    for path in ("fhir/Patient/ana", "files/inbox", "hl7/inbox"):
        assert (await doors.call("GET", f"/v1/benchmark-runs/{doors.run.id}/{path}", headers=cookie)).status == 401


async def test_a_browser_may_send_more_cookies(doors, kept):
    cookie = kept(await doors.log_in())["Cookie"]
    for sent in (f"theme=dark; {cookie}", f"portal_session=old; {cookie}", f"{cookie}; portal_session=old"):
        answer = await doors.call("GET", f"{doors.credentials('Payer')['api_url']}/patients", headers={"Cookie": sent})
        assert answer.status == 200, sent


async def test_the_portals_own_address_says_how_to_log_in(doors):
    before = len(await doors.events())
    for root in doors.roots("Payer"):
        page = await doors.call("GET", f"{root}/portal")
        assert page.status == 200
        assert page.json["log_in"]["url"] == f"{doors.live.url}{root}/portal/login"
        assert page.json["links"]["patients"] == f"{doors.live.url}{root}/portal/patients"
    assert len(await doors.events()) == before, "a page for everyone is no event"


@pytest.mark.parametrize(
    "changes", [{"password": "wrong"}, {"username": "admin"}, {"password": ""}, {"password": "pä"}]
)
async def test_a_refused_log_in_is_an_event_and_opens_nothing(doors, changes):
    before = len(await doors.events())
    refused = await doors.log_in(**changes)
    assert (refused.status, refused.error["code"]) == (401, "UNAUTHORIZED")
    assert "Set-Cookie" not in refused.headers
    [event] = (await doors.events())[before:]
    assert (event["type"], event["response"]["status"]) == ("portal_login", 401)
    assert [c["collection"] for c in event["changes"]] == ["portal/logins"]


async def test_ten_attempts_a_minute(serve, kit, knock):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        doors = knock(live, await live.started())
        for _ in range(limits.LOGIN_ATTEMPTS_PER_MINUTE):
            assert (await doors.log_in(password="wrong")).status == 401
            clock.advance(1)
        before = doors.run.state_hash(), len(await doors.events())
        for _ in range(3):
            refused = await doors.log_in()
            assert (refused.status, refused.error["code"]) == (429, "RATE_LIMITED")
            assert refused.headers["Retry-After"] == "50"
        assert (doors.run.state_hash(), len(await doors.events())) == before, "past the limit it leaves no trace"
        clock.advance(50)
        assert (await doors.log_in()).status == 200


async def test_several_started_tasks_are_told_apart_by_the_user(serve, disk, kit, knock, kept):
    disk.benchmark(kit.benchmark("wide", concurrency=2))
    async with serve() as live:
        run = await live.started("wide")
        await run.start(1)
        doors = knock(live, run)
        root = f"/v1/benchmark-runs/{run.id}"
        for index in (0, 1):
            cookie = kept(await doors.log_in(root, index))
            made = await doors.call("POST", f"{root}/portal/prior-auths", headers=cookie, json=kit.prior_auth)
            assert made.status == 201
            path = f"portal/prior-auths/{made.json['request_id']}"
            assert (await run.call("GET", path, at=index)).status == 200
            assert (await run.call("GET", path, at=1 - index)).status == 404
        assert (await doors.log_in(root, username="nobody")).status == 401


async def test_before_a_start_and_after_the_end(live, knock, kept):
    run = await live.run()
    doors = knock(live, run)
    for root in doors.roots("Payer"):
        early = await doors.log_in(root)
        assert (early.status, early.error["code"]) == (409, "CONFLICT"), root
        assert "start a task run first" in early.error["message"]
    await run.start()
    cookie = kept(await doors.log_in())
    await run.complete()
    for root in doors.roots("Payer"):
        late = await doors.call("GET", f"{root}/portal/patients", headers=cookie)
        assert late.status in (401, 404, 409), root
    assert (await doors.log_in("/v1/benchmark-runs/br_none")).status == 404


async def test_sessions_outlive_a_restart(serve, knock, kept):
    async with serve() as live:
        run = await live.started(seed=3)
        cookie = kept(await knock(live, run).log_in())
    async with serve() as live:
        answer = await live.call("GET", f"/v1/benchmark-runs/{run.id}/portal/patients", headers=cookie)
        assert answer.status == 200


async def test_no_password_and_no_session_is_recorded(doors, kept):
    password = doors.credentials("Payer")["password"]
    session = kept(await doors.log_in())["Cookie"].partition("=")[2]
    await doors.log_in(password="not-the-one")
    body = b'{"password": "' + password.encode()
    await doors.run.call("POST", "portal/login", body=body)
    await doors.call(
        "GET", f"{doors.credentials('Payer')['api_url']}/patients", headers={"Cookie": f"portal_session={session}"}
    )
    text = json.dumps(await doors.events())
    branch = doors.live.playground(doors.run.tasks[0]).branch
    stored = b"".join(d.json for name in branch.collections("portal/") for _, d in branch.documents(name)).decode()
    for secret in (password, session, "not-the-one"):
        assert secret not in text and secret not in stored
    assert "[redacted]" in text
