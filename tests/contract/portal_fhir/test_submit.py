"""`Claim/$submit`: what is decided on a request, and that it is the case of every other door."""


async def test_a_request_is_approved_and_is_the_case_of_every_door(house, pas):
    asked = pas.bundle(pas.claim(pas.item(units=2, servicedDate="2026-05-02", trace="T-1")))
    answer = await house.post("Claim/$submit", asked)
    assert (answer["type"], answer["identifier"]) == ("collection", asked["identifier"])
    first = answer["entry"][0]["resource"]
    [row] = await house.cases()
    assert (row["state"], row["patient_member_id"], row["procedure_code"]) == ("approved", "M1", "73721")
    assert (row["provider_npi"], row["diagnosis_codes"], row["units"]) == ("1234567893", ["M54.16"], 2)
    assert [line["action"] for line in row["history"]] == ["created", "submitted", "determined"]
    assert (first["outcome"], first["use"], first["preAuthRef"]) == ("complete", "preauthorization", row["auth_number"])
    assert first["preAuthPeriod"] == {"start": "2026-04-23", "end": "2026-07-21"}
    assert first["request"] == {
        "reference": f"{pas.EHR}/Claim/c1",
        "identifier": {"system": "urn:trnorg:9012345678", "value": "TRACE-c1"},
    }
    [item] = first["item"]
    assert pas.action(item) == "A1" and item["itemSequence"] == 1
    assert item["adjudication"][0]["category"]["coding"][0]["code"] == "submitted"
    assert (
        pas.extension({"extension": pas.extension(item["adjudication"][0], "reviewAction")}, "number")
        == (row["auth_number"])
    )
    assert pas.extension(item, "itemPreAuthPeriod") == first["preAuthPeriod"]
    assert pas.extension(item, "itemPreAuthIssueDate") == "2026-04-23"
    assert pas.extension(item, "administrationReferenceNumber") == row["request_id"]
    assert pas.extension(item, "itemTraceNumber") == {"system": "urn:trace", "value": "T-1"}
    assert pas.extension(item, "itemRequestedServiceDate") == "2026-05-02"
    # What it refers to comes back as it was sent, each once.
    sent = {row["fullUrl"]: row["resource"] for row in asked["entry"]}
    rest = answer["entry"][1:]
    assert {row["fullUrl"].rpartition("/")[2] for row in rest} == {"p1", "plan", "role1", "doc", "clinic"}
    assert all(sent[row["fullUrl"]] == row["resource"] for row in rest)
    # The same through the other doors.
    x12 = await house.run.call(
        "POST",
        "clearinghouse/prior-auth",
        json={
            "action": "inquiry", "member_id": "M1", "birth_date": "1970-01-01", "provider_npi": "1234567893",
            "authorization_number": row["auth_number"],
        },
    )  # fmt: skip
    assert (x12.json["action"], x12.json["administrative_number"]) == ("A1", row["request_id"])
    assert await house.get(f"ClaimResponse/{first['id']}") == first
    kept = await house.get(f"Claim/{first['id']}")
    assert kept == {**asked["entry"][0]["resource"], "id": first["id"]}


async def test_fewer_units_than_were_asked_for(house, pas):
    answer = await house.submit(pas.claim(pas.item("97110", units=12)))
    assert (answer["outcome"], pas.actions(answer)) == ("complete", {1: "A2"})
    detail = pas.extension(answer["item"][0], "itemAuthorizedDetail")
    assert pas.extension({"extension": detail}, "quantity") == {"value": 8}
    assert answer["item"][0]["noteNumber"] == [1, 2]
    assert [note["text"] for note in answer["processNote"]] == ["State: partially_approved", "Eight of them."]


async def test_a_denial_says_why(house, pas):
    answer = await house.submit(pas.claim(pas.item("70551")))
    assert (answer["outcome"], pas.actions(answer)) == ("complete", {1: "A3"})
    review = {"extension": pas.extension(answer["item"][0]["adjudication"][0], "reviewAction")}
    reason = pas.extension(review, "reasonCode")
    assert (reason["coding"][0]["code"], reason["text"]) == ("MN-12", "Not medically necessary.")
    assert "preAuthPeriod" not in answer
    assert answer["disposition"] == "item 1: denied"


async def test_items_are_cases_of_their_own(house, pas):
    items = [pas.item("73721"), pas.item("70551", 2, diagnosisSequence=[2]), pas.item("70450", 3)]
    diagnosis = pas.claim()["diagnosis"]
    second = {**diagnosis[0], "sequence": 2, "diagnosisCodeableConcept": {"coding": [{"code": "G43.909"}]}}
    answer = await house.submit(pas.claim(*items, diagnosis=[*diagnosis, second]))
    assert (answer["outcome"], pas.actions(answer)) == ("partial", {1: "A1", 2: "A3", 3: "A4"})
    rows = {row["procedure_code"]: row for row in await house.cases()}
    assert len(rows) == 3
    assert rows["70551"]["diagnosis_codes"] == ["G43.909"]
    assert rows["73721"]["diagnosis_codes"] == ["M54.16", "G43.909"]
    assert "preAuthRef" not in answer


async def test_a_later_decision_is_there_to_be_read(house, pas):
    answer = await house.submit(pas.claim(pas.item("70450")))
    assert (answer["outcome"], pas.actions(answer)) == ("queued", {1: "A4"})
    assert "communicationRequest" not in answer
    await house.wait(3601)
    later = await house.get(f"ClaimResponse/{answer['id']}")
    assert (later["outcome"], pas.actions(later)) == ("complete", {1: "A1"})
    [found] = await house.inquire(pas.claim(pas.item("70450")))
    assert pas.actions(found) == {1: "A1"} and found["id"] == answer["id"]


async def test_supporting_information_becomes_the_cases_own(house, pas):
    message = {"sequence": 3, "category": {"coding": [{"code": "freeFormMessage"}]}, "valueString": "Six weeks of PT."}
    reading = {"sequence": 4, "category": {"coding": [{"code": "spo2"}]}, "valueQuantity": {"value": 85, "unit": "%"}}
    binary = {"resourceType": "Binary", "id": "scan", "contentType": "image/tiff", "data": "SUkqAA=="}
    by_url = {
        "resourceType": "DocumentReference", "id": "by-url", "status": "current",
        "content": [{"attachment": {"url": "Binary/scan"}}],
    }  # fmt: skip
    seen = {
        "resourceType": "Observation", "id": "obs", "status": "final", "code": {"text": "SpO2"},
        "valueQuantity": {"value": 85},
    }  # fmt: skip
    information = [
        pas.info("QuestionnaireResponse/qr1", 1), pas.info("DocumentReference/notes", 2), message, reading,
        pas.info("Observation/obs", 5), pas.info("DocumentReference/by-url", 6),
    ]  # fmt: skip
    answer = await house.submit(
        pas.claim(pas.item("72148"), supportingInfo=information),
        pas.response(pas.ANSWERS), pas.document(), seen, binary, by_url,
    )  # fmt: skip
    assert pas.actions(answer) == {1: "A4"}
    [row] = await house.cases()
    assert row["clinical_answers"] == {"flags": "none", "weeks": 8}
    assert row["notes"] == "Six weeks of PT.\nspo2: 85 %"
    files = {one["filename"]: one for one in row["attachments"]}
    assert set(files) == {"notes.pdf", "Observation-obs.json", "document-6.tiff"}
    got = await house.run.call("GET", f"portal/prior-auths/{row['request_id']}/attachments/{files['notes.pdf']['id']}")
    assert got.body == b"%PDF notes"


async def test_information_belongs_to_the_items_that_name_it(house, pas):
    items = [pas.item("73721", informationSequence=[1]), pas.item("70551", 2, informationSequence=[2])]
    information = [pas.info("DocumentReference/a", 1), pas.info("DocumentReference/b", 2)]
    await house.submit(pas.claim(*items, supportingInfo=information), pas.document("a"), pas.document("b"))
    rows = {row["procedure_code"]: [one["filename"] for one in row["attachments"]] for row in await house.cases()}
    assert rows == {"73721": ["a.pdf"], "70551": ["b.pdf"]}


async def test_what_another_payer_decides_and_what_needs_none_makes_no_case(house, pas):
    answer = await house.submit(pas.claim(pas.item("70553"), pas.item("71046", 2), pas.item("73721", 3)))
    assert pas.actions(answer) == {1: "CT", 2: "NA", 3: "A1"} and answer["outcome"] == "complete"
    assert "Northlight Imaging decides this." in answer["processNote"][0]["text"]
    assert [row["procedure_code"] for row in await house.cases()] == ["73721"]
    assert pas.actions(await house.get(f"ClaimResponse/{answer['id']}")) == {1: "CT", 2: "NA", 3: "A1"}


async def test_a_duplicate_is_flagged(house, pas):
    await house.submit()
    again = await house.submit(pas.claim(name="c2"))
    rows = await house.cases()
    assert rows[0]["duplicate_of"] == rows[1]["request_id"]
    assert f"On file before: {rows[1]['request_id']}" in [note["text"] for note in again["processNote"]]


REFUSED = [
    # what is sent, the reason, where
    (lambda p: p.bundle(None, {**p.PATIENT, "birthDate": "1970-01-02"}), "71", "patient"),
    (lambda p: p.bundle(None, {**p.PATIENT, "name": [{"family": "Other", "given": ["Ana"]}]}), "73", "patient"),
    (
        lambda p: p.bundle(None, {**p.PATIENT, "identifier": [], "birthDate": "1971-01-01"} | {"identifier": [
            {"value": "M9"}]}, {**p.COVERAGE, "subscriberId": "M8"}),
        "75", "patient",
    ),
    (
        lambda p: p.bundle(None, {**p.PATIENT, "identifier": [{"value": "M3"}], "birthDate": "1980-02-29",
                                  "name": [{"family": "OBrien", "given": ["Zoe"]}]},
                           {**p.COVERAGE, "subscriberId": "M3"}),
        "95", "patient",
    ),
    (lambda p: p.bundle(None, p.doctor("1234567890")), "43", "provider"),
    (lambda p: p.bundle(None, p.doctor("1417947466")), "51", "provider"),
    (lambda p: p.bundle(None, p.doctor("1245319599")), "51", "provider"),
    (lambda p: p.bundle(p.claim(diagnosis=None)), "AF", None),
    (lambda p: p.bundle(p.claim(p.item(), p.item("1", 2))), "AG", "item[1]"),
    (lambda p: p.bundle(p.claim(p.item(units=1.5))), "33", "item[0]"),
    (lambda p: p.bundle(p.claim(p.item(units=100_001))), "33", "item[0]"),
    (lambda p: p.bundle(p.claim(p.item("72148"))), "15", None),
    (lambda p: p.bundle(p.claim(p.item(certification="S"))), "T5", None),
    (lambda p: p.bundle(p.claim(p.item(certification="4"))), "33", None),
    (lambda p: p.bundle(p.claim(p.item(certification="3", number="PA0000000000"))), "AA", None),
    (lambda p: p.bundle(p.claim(p.item(certification="3", number="PA1000000009"))), "AA", None),
    (lambda p: p.bundle(p.claim(related=p.related("c7"))), "AA", None),
    (lambda p: p.bundle(p.claim(item=None)), "AG", "item[0]"),
    (
        lambda p: p.bundle(p.claim(supportingInfo=[p.info("QuestionnaireResponse/qr1")]), p.response(
            p.ANSWERS, questionnaire="http://x.test/portal/fhir/Questionnaire/72148")),
        "15", None,
    ),
]  # fmt: skip


async def test_what_the_payer_does_not_take_is_told_in_the_answer(house, pas):
    before = house.run.state_hash()
    for make, reason, where in REFUSED:
        answer = (await house.post("Claim/$submit", make(pas)))["entry"][0]["resource"]
        assert (answer["resourceType"], answer["outcome"]) == ("ClaimResponse", "error"), reason
        [error] = answer["error"]
        assert error["code"]["coding"][0] == {"system": "https://codesystem.x12.org/005010/901", "code": reason}, answer
        assert error["code"]["text"] == answer["disposition"]
        assert pas.extension(error, "errorFollowupAction")["coding"][0]["code"] in ("C", "N")
        path = pas.extension(error, "errorPath")
        assert path == "Bundle.entry[0].resource" + (f".{where}" if where else ""), answer
        assert "item" not in answer and "preAuthRef" not in answer
    assert await house.cases() == []
    assert house.run.state_hash() == before


async def test_one_item_that_is_not_taken_takes_the_others_with_it(house, pas):
    answer = await house.submit(pas.claim(pas.item("73721"), pas.item("72148", 2)))
    assert answer["outcome"] == "error" and "clinical_answers" in answer["disposition"]
    assert await house.cases() == []


async def test_a_dependent_by_the_subscribers_number(house, pas):
    child = {
        "resourceType": "Patient",
        "id": "p1",
        "name": [{"family": "Reyes", "given": ["Leo"]}],
        "birthDate": "2015-06-30",
    }
    coverage = {**pas.COVERAGE, "relationship": {"coding": [{"code": "child"}]}}
    await house.submit(pas.claim(), child, coverage)
    assert [row["patient_member_id"] for row in await house.cases()] == ["M2"]


async def test_parties_may_be_named_by_their_numbers_alone(house, pas):
    provider = {"identifier": {"system": pas.NPI, "value": "1234567893"}}
    await house.submit(pas.claim(provider=provider))
    team = [{"sequence": 1, "provider": {"identifier": {"system": pas.NPI, "value": "1003000126"}}}]
    clinic = {"reference": "Organization/clinic"}
    await house.submit(pas.claim(pas.item("70450"), provider=clinic, careTeam=team))
    assert [row["provider_npi"] for row in await house.cases()] == ["1003000126", "1234567893"]


async def test_a_month_is_no_day_of_service(house, pas):
    """The member must be covered on the day of service, so one that is none is refused, not left out."""
    for said in ({"servicedDate": "2026-05"}, {"servicedPeriod": {"start": "2026"}}):
        answer = await house.post("Claim/$submit", pas.bundle(pas.claim(pas.item(**said))))
        [error] = answer["entry"][0]["resource"]["error"]
        assert error["code"]["coding"][0]["code"] == "57", error
    assert await house.cases() == []


async def test_a_coverage_of_another_member_is_no_coverage_of_the_patient(house, pas):
    """The Patient's number says one member, the Coverage's another: neither is taken for the one that is meant."""
    for subscriber, reason in (("M3", "72"), ("m1", None), ("UNKNOWN-1", None)):
        answer = await house.post("Claim/$submit", pas.bundle(None, {**pas.COVERAGE, "subscriberId": subscriber}))
        errors = answer["entry"][0]["resource"].get("error", [])
        assert [error["code"]["coding"][0]["code"] for error in errors] == ([reason] if reason else []), subscriber
