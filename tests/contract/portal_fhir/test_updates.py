"""A Claim that takes the place of another: items changed, added, cancelled, sent again; what is wanted, supplied."""


async def test_what_is_wanted_is_said_and_supplied_by_an_update(house, pas):
    information = [pas.info("QuestionnaireResponse/qr1", 1)]
    first = pas.claim(pas.item("72148"), supportingInfo=information)
    answer = await house.post("Claim/$submit", pas.bundle(first, pas.response(pas.ANSWERS)))
    pended = answer["entry"][0]["resource"]
    assert (pended["outcome"], pas.actions(pended)) == ("queued", {1: "A4"})
    review = {"extension": pas.extension(pended["item"][0]["adjudication"][0], "reviewAction")}
    assert pas.extension(review, "reasonCode")["coding"][0]["code"] == "0U"
    [request] = [r["resource"] for r in answer["entry"] if r["resource"]["resourceType"] == "CommunicationRequest"]
    assert pended["communicationRequest"] == [
        {"reference": f"{house.held['fhir_url']}/CommunicationRequest/{request['id']}"}
    ]
    assert [row["contentString"] for row in request["payload"]] == ["Therapy notes", "weeks: Weeks of therapy?"]
    [row] = await house.cases()
    assert request["occurrencePeriod"] == {"end": row["wanted"]["due_at"]}
    assert pas.extension(request["payload"][0], "serviceLineNumber") == 1
    assert await house.get(f"CommunicationRequest/{request['id']}") == request
    tasks = [row["resource"] for row in answer["entry"] if row["resource"]["resourceType"] == "Task"]
    codes = [task["code"]["coding"][0]["code"] for task in tasks]
    assert codes == ["attachment-request-code", "attachment-request-questionnaire"]
    assert tasks[0]["input"][0]["valueUrl"] == f"{house.held['fhir_url']}/$submit-attachment"
    assert tasks[1]["input"][1]["valueCanonical"] == f"{house.held['fhir_url']}/Questionnaire/72148"
    for task in tasks:
        assert await house.get(f"Task/{task['id']}") == task
    update = pas.claim(
        pas.item("72148"), name="c2", related=pas.related("c1"),
        supportingInfo=[*information, pas.info("DocumentReference/notes", 2)],
    )  # fmt: skip
    decided = await house.submit(update, pas.response(pas.ANSWERS), pas.document(), first)
    assert (decided["outcome"], pas.actions(decided)) == ("complete", {1: "A1"})
    [row] = await house.cases()
    assert [one["filename"] for one in row["attachments"]] == ["notes.pdf"]
    assert [line["action"] for line in row["history"]] == [
        "created", "submitted", "determined", "more_info_supplied", "determined",
    ]  # fmt: skip
    for task in tasks:
        over = pas.check(await house.get(f"Task/{task['id']}"))
        assert over == {**task, "status": "completed", "lastModified": row["history"][3]["at"]}
    # Whoever asks after the first Claim is told of the one that took its place.
    [found] = await house.inquire(first)
    assert found["id"] == decided["id"]


async def test_what_is_as_it_was_is_left_alone(house, pas):
    first = pas.claim(pas.item("70450", units=2))
    await house.submit(first)
    [row] = await house.cases()
    again = await house.submit(pas.claim(pas.item("70450", units=2), name="c2", related=pas.related()), first)
    assert await house.cases() == [row] and pas.actions(again) == {1: "A4"}


async def test_items_are_changed_added_and_cancelled(house, pas):
    first = pas.claim(pas.item("70450", 1, units=2), pas.item("72020", 2))
    await house.submit(first)
    items = [
        pas.item("70450", 1, units=3),
        pas.item("72020", 2, cancelled=True, certification="3"),
        pas.item("73721", 3),
    ]
    answer = await house.submit(pas.claim(*items, name="c2", related=pas.related()), first)
    assert pas.actions(answer) == {1: "A4", 2: "C", 3: "A1"} and answer["outcome"] == "partial"
    rows = {row["procedure_code"]: row for row in await house.cases()}
    assert (rows["70450"]["units"], rows["72020"]["state"], rows["73721"]["state"]) == (3, "withdrawn", "approved")
    # Cancelled stays cancelled, and what an update does not say stays as it was.
    last = await house.submit(pas.claim(pas.item("72020", 2, cancelled=True), name="c3", related=pas.related("c2")))
    assert pas.actions(last) == {1: "A4", 2: "C", 3: "A1"}
    assert {row["procedure_code"]: row["updated_at"] for row in await house.cases()} == {
        code: row["updated_at"] for code, row in rows.items()
    }


async def test_the_whole_claim_is_cancelled(house, pas):
    await house.submit(pas.claim(pas.item("70450"), pas.item("73721", 2)))
    cancel = pas.claim(name="c2", item=None, related=pas.related(), extension=[pas.certified("3")])
    answer = await house.submit(cancel)
    assert pas.actions(answer) == {1: "C", 2: "C"} and answer["outcome"] == "complete"
    assert {row["state"] for row in await house.cases()} == {"withdrawn"}
    again = await house.submit(pas.claim(name="c1", item=None, status="cancelled"))
    assert pas.actions(again) == {1: "C", 2: "C"}


async def test_an_update_of_what_is_decided_is_refused_and_nothing_changes(house, pas):
    first = pas.claim(pas.item("70450", 1), pas.item("70551", 2))
    await house.submit(first)
    before = await house.cases()
    update = pas.claim(pas.item("70450", 1, units=3), pas.item("70551", 2, units=3), name="c2", related=pas.related())
    answer = await house.submit(update)
    assert answer["outcome"] == "error" and answer["error"][0]["code"]["coding"][0]["code"] == "33"
    assert "denied" in answer["disposition"] and "certificationType of N" in answer["disposition"]
    assert pas.extension(answer["error"][0], "errorFollowupAction")["coding"][0]["code"] == "N"
    assert await house.cases() == before
    [found] = await house.inquire(first)
    assert pas.actions(found) == {1: "A4", 2: "A3"}


async def test_a_denied_request_is_sent_again_or_appealed(house, pas):
    denied = await house.submit(pas.claim(pas.item("70551")))
    message = {"sequence": 1, "category": {"coding": [{"code": "freeFormMessage"}]}, "valueString": "New findings."}
    related = pas.related(identifier={"value": denied["preAuthRef"]})
    appealed = await house.submit(
        pas.claim(pas.item("70551", certification="1"), name="c2", related=related, supportingInfo=[message])
    )
    assert pas.actions(appealed) == {1: "A4"}
    [row] = await house.cases()
    assert row["state"] == "appealed"
    await house.submit(pas.claim(pas.item("70551"), name="d1"))
    again = pas.claim(pas.item("70551", certification="N", units=2), name="d2", related=pas.related("d1"))
    assert pas.actions(await house.submit(again)) == {1: "A3"}
    assert "resubmitted" in [line["action"] for line in (await house.cases())[0]["history"]]


async def test_cases_of_other_doors_are_changed_here_too(house, pas):
    made = await house.portal(
        method="POST",
        json={
            "patient_member_id": "M1", "procedure_code": "70450", "diagnosis_codes": ["M54.16"],
            "provider_npi": "1234567893",
        },
    )  # fmt: skip
    numbered = pas.item("70450", units=4, certification="S", number=made["auth_number"])
    answer = await house.submit(pas.claim(numbered))
    assert pas.actions(answer) == {1: "A4"}
    [row] = await house.cases()
    assert (row["request_id"], row["units"]) == (made["request_id"], 4)
    cancelled = await house.submit(
        pas.claim(
            pas.item("70450"),
            name="c2",
            status="cancelled",
            related=pas.related(identifier={"value": row["auth_number"]}),
        )
    )
    assert pas.actions(cancelled) == {1: "C"}
    assert (await house.cases())[0]["state"] == "withdrawn"


async def test_a_sequence_and_a_number_that_mean_two_cases(house, pas):
    await house.submit(pas.claim(pas.item("70450", 1), pas.item("72020", 2)))
    rows = {row["procedure_code"]: row for row in await house.cases()}
    wrong = pas.item("70450", 1, units=3, number=rows["72020"]["auth_number"])
    answer = await house.submit(pas.claim(wrong, name="c2", related=pas.related()))
    assert answer["outcome"] == "error" and rows["72020"]["request_id"] in answer["disposition"]
    assert {row["procedure_code"]: row for row in await house.cases()} == rows
    right = pas.item("70450", 1, units=3, number=rows["70450"]["auth_number"])
    assert pas.actions(await house.submit(pas.claim(right, name="c2", related=pas.related()))) == {1: "A4", 2: "A4"}


async def test_another_members_claim_is_not_to_be_found(house, pas):
    await house.submit()
    answer = await house.submit(pas.claim(name="c2", status="cancelled", related=pas.related("c1")), pas.CHILD)
    assert answer["outcome"] == "error" and answer["error"][0]["code"]["coding"][0]["code"] == "AA"
    assert (await house.cases())[0]["state"] == "approved"


def attachment(pas, tracking, *resources, final=None, member="M1"):
    rows = [
        {"name": "TrackingId", "valueIdentifier": {"value": tracking}},
        {"name": "AttachTo", "valueCode": "preauthorization"},
        {"name": "MemberId", "valueIdentifier": {"value": member}},
        {"name": "ProviderId", "valueIdentifier": {"value": "1234567893"}},
    ]
    rows += [{"name": "Attachment", "part": [{"name": "Content", "resource": one}]} for one in resources]
    return {
        "resourceType": "Parameters",
        "parameter": rows if final is None else [*rows, {"name": "Final", "valueBoolean": final}],
    }


async def test_what_a_task_asks_for_is_handed_in(house, pas):
    answer = await house.submit(
        pas.claim(pas.item("72148"), supportingInfo=[pas.info("QuestionnaireResponse/qr1")]), pas.response(pas.ANSWERS)
    )
    [row] = await house.cases()
    number = row["request_id"]
    for body, status in (
        (attachment(pas, "TN0000000000", pas.document()), 422),
        (attachment(pas, number, pas.document(), member="M2"), 422),
        (attachment(pas, number), 400),
        ({**attachment(pas, number, pas.document()), "parameter": [{"name": "x", "valueString": "y"}]}, 400),
        (attachment(pas, number, pas.response(pas.ANSWERS), final=False), 400),
    ):
        await house.post("$submit-attachment", body, status=status)
    assert await house.cases() == [row]
    await house.post("$submit-attachment", attachment(pas, number, pas.document("part-1"), final=False))
    assert (await house.cases())[0]["state"] == "pended"
    told = await house.post("$submit-attachment", attachment(pas, number, pas.document("part-2", b"%PDF 2")))
    assert told["issue"][0]["diagnostics"] == f"{number} is approved."
    assert [one["filename"] for one in (await house.cases())[0]["attachments"]] == ["part-1.pdf", "part-2.pdf"]
    assert pas.actions(await house.get(f"ClaimResponse/{answer['id']}")) == {1: "A1"}
    refused = await house.post("$submit-attachment", attachment(pas, number, pas.document()), status=422)
    assert "is approved" in refused["issue"][0]["diagnostics"]


async def test_answers_that_a_task_asks_for_are_handed_in(house, pas):
    await house.submit(
        pas.claim(pas.item("72148"), supportingInfo=[pas.info("QuestionnaireResponse/qr1")]), pas.response(pas.ANSWERS)
    )
    [row] = await house.cases()
    more = pas.response({"weeks": {"valueInteger": 12}})
    await house.post("$submit-attachment", attachment(pas, row["request_id"], more, pas.document()))
    [row] = await house.cases()
    assert (row["state"], row["clinical_answers"]["weeks"], len(row["attachments"])) == ("approved", 12, 1)


async def test_another_senders_number_is_another_claim(house, pas):
    def numbered(system, code, name):
        return pas.claim(pas.item(code), name=name, identifier=[{"system": system, "value": "1"}])

    def cancelling(name, **identifier):
        return pas.claim(
            name=name,
            item=None,
            status="cancelled",
            related=[{**pas.related()[0], "claim": {"identifier": identifier}}],
        )

    first, second = numbered("urn:clinic", "73721", "c1"), numbered("urn:hospital", "70450", "c2")
    await house.submit(first)
    answer = await house.submit(second)
    [found] = await house.inquire(first)
    assert found["item"][0]["itemSequence"] == 1 and found["id"] != answer["id"]
    for system in ("urn:nobody", "urn:clin"):
        refused = await house.submit(cancelling("c3", system=system, value="1"))
        assert refused["outcome"] == "error"
    await house.submit(cancelling("c4", system="urn:clinic", value="1"))
    states = {row["procedure_code"]: row["state"] for row in await house.cases()}
    assert states == {"73721": "withdrawn", "70450": "submitted"}
    # Without a system any will do: the latest.
    await house.submit(cancelling("c5", value="1"))
    assert {row["state"] for row in await house.cases()} == {"withdrawn"}


async def test_the_same_id_at_another_place_is_another_claim(house, pas):
    def cancelling(reference):
        related = [{**pas.related()[0], "claim": {"reference": reference}}]
        return pas.bundle(pas.claim(name="c9", item=None, status="cancelled", related=related))

    def sent_from(url, code, name):
        claim = pas.claim(pas.item(code), name="c1", identifier=[{"system": "urn:x", "value": name}])
        bundle = pas.bundle(claim)
        bundle["entry"][0]["fullUrl"] = url
        if url.startswith("urn:"):
            del bundle["entry"][0]["resource"]["id"]
        return bundle

    loose = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    await house.post("Claim/$submit", sent_from("https://a.example.test/fhir/Claim/c1", "73721", "a"))
    await house.post("Claim/$submit", sent_from("https://b.example.test/fhir/Claim/c1", "70450", "b"))
    await house.post("Claim/$submit", sent_from(loose, "E0424", "c"))
    for reference in ("https://c.example.test/fhir/Claim/c1", "urn:uuid:1c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"):
        refused = await house.post("Claim/$submit", cancelling(reference))
        assert refused["entry"][0]["resource"]["outcome"] == "error"
    for reference, code in (("https://a.example.test/fhir/Claim/c1", "73721"), (loose, "E0424")):
        answer = await house.post("Claim/$submit", cancelling(reference))
        assert answer["entry"][0]["resource"]["outcome"] == "complete"
        assert code in {row["procedure_code"] for row in await house.cases() if row["state"] == "withdrawn"}
    states = {row["procedure_code"]: row["state"] for row in await house.cases()}
    assert states == {"73721": "withdrawn", "70450": "submitted", "E0424": "withdrawn"}


async def test_a_search_for_the_first_claim_finds_the_answer_that_took_its_place(house, pas):
    await house.submit(pas.claim(pas.item("70450", units=2)))
    for number in (2, 3):
        update = pas.claim(pas.item("70450", units=number), name=f"c{number}", related=pas.related(f"c{number - 1}"))
        answer = await house.submit(update)
    found = await house.get("ClaimResponse?identifier=TRACE-c1")
    assert [row["resource"]["id"] for row in found["entry"]] == [answer["id"]]
