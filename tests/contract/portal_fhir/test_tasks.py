"""What the payer asked for, as Tasks: while it waits, when it was answered, and when it is not wanted any more."""

WAITING = {
    "procedure_code": "72148",
    "status": "need_more_info",
    "reason": "Send the notes.",
    "documents": ["Therapy notes"],
    "questions": ["weeks"],
    "due_seconds": 86400,
    "after_more_info": {
        "status": "need_more_info",
        "reason": "Once more.",
        "documents": ["A report"],
        "after_more_info": {"status": "approved"},
    },
}
ASKED = {
    "patient_member_id": "M1",
    "procedure_code": "72148",
    "diagnosis_codes": ["M54.16"],
    "provider_npi": "1234567893",
    "clinical_answers": {"flags": "none", "weeks": 8},
}


async def found(house, query=""):
    bundle = await house.get(f"Task{query}")
    return [row["resource"] for row in bundle.get("entry", ())]


async def pended(house, pas):
    information = [pas.info("QuestionnaireResponse/qr1", 1)]
    first = pas.claim(pas.item("72148"), supportingInfo=information)
    answer = await house.post("Claim/$submit", pas.bundle(first, pas.response(pas.ANSWERS)))
    return [row["resource"] for row in answer["entry"] if row["resource"]["resourceType"] == "Task"]


async def told(house):
    return {task["id"]: task["status"] for task in await found(house)}


async def test_a_task_that_was_answered_is_completed_and_the_next_one_is_another(kit, disk, serve, pas):
    pas.write(kit, disk, {**pas.CONFIG, "determinations": [WAITING]})
    async with serve() as live:
        house = await pas.begun(live)
        first = await pended(house, pas)
        assert sorted(task["id"] for task in await found(house, "?status=requested")) == sorted(t["id"] for t in first)
        [row] = await house.cases()
        path = row["request_id"]
        assert (await house.run.call("PATCH", f"portal/prior-auths/{path}", json={"notes": "Here."})).status == 200

        statuses = await told(house)
        [second] = [name for name in statuses if name not in {task["id"] for task in first}]
        assert statuses == {**{task["id"]: "completed" for task in first}, second: "requested"}
        again = pas.check(await house.get(f"Task/{second}"))
        assert again["input"][1]["valueCodeableConcept"]["text"] == "A report"
        [over] = await found(house, f"?_id={first[0]['id']}")
        assert over["input"] == first[0]["input"] and pas.check(over)["lastModified"]
        request = pas.check(await house.get(f"CommunicationRequest/{first[0]['id'].removesuffix('-documents')}"))
        assert (request["status"], request["payload"][0]["contentString"]) == ("completed", "Therapy notes")

        assert len(await found(house, "?status=completed,requested")) == 3
        assert await found(house, "?status=cancelled") == await found(house, "?identifier=nobody") == []
        assert len(await found(house, f"?identifier={first[0]['identifier'][0]['value']}&patient.identifier=m1")) == 3
        assert await found(house, "?patient.identifier=M2") == []
        assert await found(house, f"?_id={second}&status=completed") == []
        page = await house.get("Task?_count=1")
        assert (page["total"], len(page["entry"]), page["link"][1]["relation"]) == (3, 1, "next")
        for query in ("?status=banana", "?owner=x", "?status=", "?status=requested&status=completed"):
            assert (await house.call("GET", f"Task{query}")).status == 400, query


async def test_a_task_that_is_not_wanted_any_more_is_cancelled_and_says_why(house, pas):
    await pended(house, pas)
    [row] = await house.cases()
    withdrawn = await house.run.call("POST", f"portal/prior-auths/{row['request_id']}/withdraw")
    assert withdrawn.status == 200
    for task in await found(house):
        assert pas.check(task)["status"] == "cancelled"
        assert task["statusReason"]["text"] == "The request was withdrawn."

    await house.portal(method="POST", json=ASKED)
    [late, *_] = await found(house, "?status=requested")
    await house.wait(86_401)
    late = pas.check(await house.get(f"Task/{late['id']}"))
    assert (late["status"], late["statusReason"]["text"]) == ("cancelled", "It did not come in time.")
    assert "reference" not in late["reasonReference"]


async def test_an_update_leaves_a_task_under_the_id_that_it_was_given_with(house, pas):
    first = await pended(house, pas)
    information = [pas.info("QuestionnaireResponse/qr1", 1), pas.info("DocumentReference/notes", 2)]
    update = pas.claim(pas.item("72148"), name="c2", related=pas.related("c1"), supportingInfo=information)
    await house.submit(update, pas.response(pas.ANSWERS), pas.document(), pas.claim(pas.item("72148")))
    assert await told(house) == {task["id"]: "completed" for task in first}


async def test_scopes_hold_for_tasks(house, pas):
    await pended(house, pas)
    searcher = await house.log_in("system/Task.s")
    assert (await house.call("GET", "Task", token=searcher)).json["total"] == 2
    assert (await house.call("GET", "Task", token=await house.log_in("system/Claim.rs"))).status == 403
