"""A decision reaches whoever subscribed to it, by whichever door and whenever it is made."""

from tests.contract.subscriptions.hooks import hooked


def subscription(endpoint, criteria="ClaimResponse?identifier=TRACE-c1", **more):
    channel = {"type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json"}
    return {
        "resourceType": "Subscription", "status": "requested", "reason": "to know", "criteria": criteria,
        "channel": channel | more.pop("channel", {}), **more,
    }  # fmt: skip


async def ask(house, *args, **more):
    answer = await house.call("POST", "Subscription", json=subscription(*args, **more))
    assert answer.status == 201, answer
    assert answer.headers["Location"].endswith(f"/portal/fhir/Subscription/{answer.json['id']}")
    return answer.json


async def told(house, hook, count):
    async def look():
        return len(hook.got) >= count

    await house.live.until(look)
    return [got.json for got in hook.got]


async def test_a_later_decision_is_told_of(house, pas):
    async with hooked() as hook:
        asked = await ask(house, hook.url)
        assert asked["status"] == "requested"
        assert (await house.get(f"Subscription/{asked['id']}"))["status"] == "active"
        answer = await house.submit(pas.claim(pas.item("70450")))
        await house.submit(pas.claim(pas.item("73721"), name="other"))
        [first] = await told(house, hook, 1)
        assert first == answer and hook.got[0].path == f"/hook/ClaimResponse/{answer['id']}"
        await house.wait(3601)
        _, second = await told(house, hook, 2)
        assert (second["outcome"], pas.actions(pas.check(second))) == ("complete", {1: "A1"})
        [event, _] = [e for e in await house.run.events() if e["type"] == "subscription_delivery"]
        assert event["request"]["path"] == f"portal/Subscription/{asked['id']}"


async def test_whichever_door_changes_a_case(house, pas):
    async with hooked() as hook:
        await ask(house, hook.url, "ClaimResponse?patient.identifier=M1")
        made = await house.portal(
            method="POST",
            json={
                "patient_member_id": "M1", "procedure_code": "70450", "diagnosis_codes": ["M54.16"],
                "provider_npi": "1234567893",
            },
        )  # fmt: skip
        [first] = await told(house, hook, 1)
        assert pas.actions(pas.check(first)) == {1: "A4"}
        x12 = await house.run.call(
            "POST",
            "clearinghouse/prior-auth",
            json={
                "action": "cancel", "member_id": "M1", "birth_date": "1970-01-01", "provider_npi": "1234567893",
                "authorization_number": made["auth_number"],
            },
        )  # fmt: skip
        assert x12.json["action"] == "C", x12
        _, second = await told(house, hook, 2)
        assert pas.actions(second) == {1: "C"} and second["id"] == first["id"]


async def test_it_is_changed_turned_off_and_deleted(house, pas):
    async with hooked() as hook:
        asked = await ask(house, hook.url, "ClaimResponse")
        path = f"Subscription/{asked['id']}"
        off = await house.call("PUT", path, json={**asked, "status": "off"})
        assert (off.status, off.json["status"]) == (200, "off")
        await house.submit()
        on = await house.call("PUT", path, json={**off.json, "status": "requested"})
        assert on.status == 200
        await house.submit(pas.claim(name="c2"))
        [only] = await told(house, hook, 1)
        assert only["identifier"][0]["value"] == "TRACE-c2"
        assert (await house.call("DELETE", path)).status == 204
        assert (await house.call("GET", path)).status == 404
        await house.submit(pas.claim(name="c3"))
        assert len(hook.got) == 1
        branch = house.live.playground(house.run.tasks[0]).branch
        assert branch.is_empty("portal/_watched") and branch.is_empty("portal/_changed")


async def test_a_version_that_is_not_there_any_more_is_not_written_over(house):
    """`If-Match` holds here as at the EHR; the server's own step to `active` makes a version, too."""
    asked = await ask(house, "http://127.0.0.1:9/hook")
    path = f"Subscription/{asked['id']}"
    current = await house.call("GET", path)
    assert (current.json["status"], current.headers["ETag"]) == ("active", 'W/"2"')
    off = {**current.json, "status": "off"}
    for method, body in (("PUT", {"json": off}), ("DELETE", {})):
        stale = await house.call(method, path, headers={"If-Match": 'W/"1"'}, **body)
        assert stale.status == 412 and stale.headers["ETag"] == 'W/"2"', stale
        assert stale.json["issue"][0]["code"] == "conflict"
        assert (await house.call(method, path, headers={"If-Match": 'W/"2'}, **body)).status == 400
    assert (await house.get(path))["status"] == "active"
    written = await house.call("PUT", path, headers={"If-Match": 'W/"2"'}, json=off)
    assert (written.status, written.headers["ETag"]) == (200, 'W/"3"')
    assert (await house.call("DELETE", path, headers={"If-Match": "*"})).status == 204


async def test_refusals(house, pas):
    url = "http://127.0.0.1:9/hook"
    topic = "http://hl7.org/fhir/us/davinci-pas/SubscriptionTopic/PASSubscriptionTopic"
    for body, status, named in (
        (subscription(url, "Observation?code=x"), 422, "ClaimResponse"),
        (subscription(url, "ClaimResponse?status=active"), 422, "status"),
        (subscription(url, topic), 422, "topics"),
        (subscription(url, channel={"type": "email"}), 422, "rest-hook"),
        (subscription("http://elsewhere.example/hook"), 422, "elsewhere.example"),
        (subscription(url, banana=1), 400, "banana"),
        ({"resourceType": "Patient"}, 400, "Subscription"),
    ):
        answer = await house.call("POST", "Subscription", json=body)
        assert answer.status == status, (body, answer)
        assert named in answer.json["issue"][0]["diagnostics"], answer
    assert (await house.call("PUT", "Subscription/none", json=subscription(url))).status == 404
    reader = await house.log_in("system/Subscription.write")
    refused = await house.call("POST", "Subscription", token=reader, json=subscription(url))
    assert refused.status == 403 and "ClaimResponse" in refused.json["issue"][0]["diagnostics"]
    branch = house.live.playground(house.run.tasks[0]).branch
    assert branch.is_empty("portal/_fhir_subscriptions") and branch.is_empty("portal/_watched")


async def test_an_answer_of_several_items_is_told_of_once_and_after_an_update_as_well(house, pas):
    async with hooked() as hook:
        await ask(house, hook.url)
        first = await house.submit(pas.claim(pas.item("73721"), pas.item("97110", 2, units=8), pas.item("70450", 3)))
        await told(house, hook, 1)
        second = await house.submit(pas.claim(name="c2", item=None, status="cancelled", related=pas.related()))
        seen = await told(house, hook, 2)
        await house.wait(5)
        assert seen == [first, second] and len(hook.got) == 2
        branch = house.live.playground(house.run.tasks[0]).branch
        assert branch.is_empty("portal/_changed")


async def test_what_one_subscribed_to_is_found(house, pas):
    assert (await house.get("Subscription"))["total"] == 0
    made = [await ask(house, "http://127.0.0.1:9/hook", f"ClaimResponse?identifier=T{n}") for n in range(3)]
    await house.call("PUT", f"Subscription/{made[0]['id']}", json={**made[0], "status": "off"})

    async def ids(query):
        found = pas.check(await house.get(f"Subscription{query}"))
        return {row["resource"]["id"] for row in found.get("entry", ())}

    names = [one["id"] for one in made]
    assert await ids("") == set(names)
    assert await ids("?status=off") == {names[0]} and await ids("?status=active,error") == set(names[1:])
    assert await ids(f"?_id={names[1]}") == {names[1]} and await ids("?_id=none") == set()
    first = await house.get("Subscription?_count=2")
    assert (first["total"], len(first["entry"])) == (3, 2)
    following = next(link["url"] for link in first["link"] if link["relation"] == "next")
    rest = await house.get(following.partition("/portal/fhir/")[2])
    assert [row["fullUrl"].rpartition("/")[2] for row in rest["entry"]] == [min(names)]
    for query, named in (("?criteria=x", "criteria"), ("?status=banana", "banana"), ("?_count=x", "_count")):
        answer = await house.call("GET", f"Subscription{query}")
        assert answer.status == 400 and named in answer.json["issue"][0]["diagnostics"], answer
    reader = await house.log_in("system/Subscription.r")
    assert (await house.call("GET", f"Subscription/{names[0]}", token=reader)).status == 200
    assert (await house.call("GET", "Subscription", token=reader)).status == 403
    searcher = await house.log_in("system/Subscription.s")
    assert (await house.call("GET", "Subscription", token=searcher)).json["total"] == 3
