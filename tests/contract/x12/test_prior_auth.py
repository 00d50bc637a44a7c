"""278: the case that the portal shows is opened, asked after, changed, cancelled, sent again, appealed."""


def numbers(x12, answer, kind="NT"):
    return [line.split("*")[2] for line in x12.lines(answer, "REF") if line.startswith(f"REF*{kind}")]


async def test_a_case_is_opened_and_shown_by_the_portal(house, x12):
    answer = await house.send(x12.ask("278"))
    assert x12.lines(answer, "BHT") == ["BHT*0007*11*REF278*20260423*0900*18"]
    [row] = (await house.portal("prior-auths"))["data"]
    assert row["state"] == "approved" and row["patient_member_id"] == "M1" and row["procedure_code"] == "73721"
    assert row["diagnosis_codes"] == ["M54.16"] and row["provider_npi"] == "1234567893" and row["units"] == 1
    number = row["auth_number"]
    event = answer[answer.index("HL*4*3*EV") :]
    assert event.startswith(
        f"HL*4*3*EV*1~TRN*2*TRACE-3*9012345678~UM*HS*I*62*11:B~HCR*A1*{number}~REF*BB*{number}~"
        f"REF*NT*{row['request_id']}~DTP*007*RD8*20260423-20260721~DTP*102*D8*20260423~DTP*AAH*D8*20260501~HI*ABK:M5416~"
    )
    assert "SV1*HC:73721**UN*1~" in event


async def test_a_case_is_asked_after_as_it_goes_on(house, x12):
    opened = await house.post(
        "prior-auth", patient_id="ana", provider_npi="1234567893", procedure_code="72148",
        diagnosis_codes=["M54.16"], clinical_answers={"weeks": 8, "deficit": False}, notes="Conservative care failed.",
    )  # fmt: skip
    assert opened["action"] == "A4" and opened["reason_code"] == "0U"
    assert "Documents wanted - Therapy notes" in opened["messages"]
    assert "Due - 2026-04-24 0900 UTC" in opened["messages"]
    number = opened["authorization_number"]
    row = await house.portal(f"prior-auths/{number}")
    assert row["clinical_answers"] == {"weeks": 8, "deficit": False} and row["notes"] == "Conservative care failed."
    pended = await house.post("prior-auth", action="inquiry", patient_id="ana", authorization_number=number)
    assert pended["action"] == "A4" and pended["administrative_number"] == row["request_id"]
    answered = await house.post(
        "prior-auth", action="update", patient_id="ana", authorization_number=number, notes="Notes were faxed."
    )
    assert answered["action"] == "A1" and answered["valid_to"] == "2026-05-22"
    again = await house.post("prior-auth", action="inquiry", patient_id="ana", procedure_code="72148")
    assert again["authorization_number"] == number and again["action"] == "A1"
    cancelled = await house.post("prior-auth", action="cancel", patient_id="ana", authorization_number=number)
    assert cancelled["action"] == "C"
    row = await house.portal(f"prior-auths/{number}")
    assert row["state"] == "withdrawn"
    refused = await house.post("prior-auth", action="cancel", patient_id="ana", authorization_number=number)
    assert refused["status"] == "rejected"
    assert refused["errors"][0]["code"] == "33" and "withdrawn" in refused["errors"][0]["message"]
    assert "UM02 N" in refused["messages"][0]
    back = await house.post(
        "prior-auth", action="resubmit", patient_id="ana", authorization_number=number, notes="Again."
    )
    assert back["action"] in ("A1", "A4")


async def test_what_was_denied_is_appealed(house, x12):
    denied = await house.post(
        "prior-auth", patient_id="ana", provider_npi="1234567893", procedure_code="70551", diagnosis_codes=["G43.909"]
    )
    assert (denied["action"], denied["reason_code"]) == ("A3", "MN-12")
    assert "Not medically necessary." in denied["messages"]
    number = denied["authorization_number"]
    empty = await house.post("prior-auth", action="appeal", patient_id="ana", authorization_number=number)
    assert empty["status"] == "rejected"
    appealed = await house.post(
        "prior-auth", action="appeal", patient_id="ana", authorization_number=number, notes="New neurological findings."
    )
    assert appealed["action"] == "A4" and "State - appealed" in appealed["messages"]


async def test_units_that_were_authorized(house, x12):
    answer = await house.send(x12.ask("278", "SV1*HC:73721**UN*1", "SV1*HC:97110**UN*12"))
    row = (await house.portal("prior-auths"))["data"][0]
    assert row["state"] == "partially_approved"
    assert "HCR*A2*" in answer and "SV1*HC:97110**UN*8~" in answer and "MSG*Eight of them." in answer


async def test_the_day_of_service_is_kept_and_told(house, x12):
    await house.send(x12.ask("278", "SV1*HC:73721**UN*1~", "DTP*472*RD8*20260504-20260506~SV1*HC:73721**UN*1~"))
    await house.send(x12.ask("278", "HC:73721", "HC:70551"))
    rows = {row["procedure_code"]: row for row in (await house.portal("prior-auths"))["data"]}
    assert [rows[code]["service_date"] for code in ("73721", "70551")] == ["2026-05-04", "2026-05-01"]
    number = rows["70551"]["auth_number"]
    asked = await house.post("prior-auth", action="inquiry", patient_id="ana", authorization_number=number)
    assert "DTP*AAH*D8*20260501~" in asked["x12"]


async def test_services_are_cases_of_their_own(house, x12):
    more = "SV1*HC:73721**UN*1~HL*6*4*SS*0~SV1*HC:70551~HL*7*4*SS*0~SV1*HC:nonsense~"
    answer = await house.send(x12.ask("278", "SV1*HC:73721**UN*1~", more))
    assert [line.split("*")[1] for line in x12.lines(answer, "HCR")] == ["A1", "A3"]
    assert x12.lines(answer, "AAA") == ["AAA*N**AG*C"]
    assert len((await house.portal("prior-auths"))["data"]) == 2
    [row] = (await house.run.call("GET", "clearinghouse/transactions")).json
    assert len(row["about"]["cases"]) == 2 and row["status"] == "answered"


async def test_a_drug_is_asked_for_by_its_code(kit, disk, serve, x12):
    """A National Drug Code has a qualifier of its own, and no hyphens, on the wire; in JSON it is as in the portal."""
    x12.write(kit, disk)
    pharmacy = x12.definition(kit)
    pharmacy["slug"] = "pharmacy"
    pharmacy["environment"]["simulators"][1]["config"] = {"portal": "covermymeds"}
    disk.benchmark(pharmacy)
    async with serve() as live:
        house = x12.Clearing(await live.started("pharmacy@1"))
        opened = await house.post(
            "prior-auth", patient_id="ana", provider_npi="1234567893", procedure_code="00074-0243-02",
            diagnosis_codes=["M05.79"],
        )  # fmt: skip
        assert "SV1*N4:00074024302~" in opened["request_x12"] and "SV1*N4:00074024302~" in opened["x12"], opened
        assert (opened["status"], opened["procedure_code"]) == ("answered", "00074-0243-02")
        [row] = (await house.portal("prior-auths"))["data"]
        assert row["procedure_code"] == "00074-0243-02"
        asked = await house.post("eligibility", patient_id="ana", procedure_code="00074-0243-02")
        assert "EQ*30*N4:00074024302~" in asked["request_x12"] and asked["status"] == "answered", asked


async def test_a_refusal_names_no_call_that_is_not_here(house):
    pended = await house.post(
        "prior-auth", patient_id="ana", provider_npi="1234567893", procedure_code="72148",
        diagnosis_codes=["M54.16"], clinical_answers={"weeks": 8},
    )  # fmt: skip
    refused = await house.post(
        "prior-auth",
        action="appeal",
        patient_id="ana",
        authorization_number=pended["authorization_number"],
        notes="No.",
    )
    [error] = refused["errors"]
    assert error["message"].endswith(
        "only UM02 3, UM02 S, handing it in at the portal, an attachment at the portal is possible."
    )


async def test_what_needs_no_authorization_and_what_another_payer_decides(house, x12):
    answer = await house.send(x12.ask("278", "HC:73721", "HC:71046"))
    assert x12.lines(answer, "HCR")[0] == "HCR*NA"
    assert (await house.portal("prior-auths"))["data"] == []


REJECTED = [
    ("MI*M1", "MI*M9", "AAA*N**72*C"),
    ("19700101", "19700102", "AAA*N**71*C"),
    ("XX*1234567893", "XX*1003000126", "AAA*N**51*C"),
    ("XX*1234567893", "XX*1234567890", "AAA*N**43*C"),
    ("HI*ABK:M5416", "HI*ABK:nonsense", "AAA*N**AF*C"),
    ("~HI*ABK:M5416", "", "AAA*N**AF*C"),
    ("HC:73721", "HC:1", "AAA*N**AG*C"),
    ("HC:73721", "HC:72148", "AAA*N**15*C"),
    ("UM*HS*I", "UM*HS*S", "AAA*N**T5*C"),
    ("UM*HS*I*62*11:B", "UM*HS*S*62*11:B~REF*BB*PA0000000000", "AAA*N**AA*C"),
    ("UM*HS*I*62*11:B", "UM*HS*4*62*11:B~REF*BB*PA0000000000", "AAA*Y**33*N"),
    ("Reyes*Ana****MI*M1~DMG*D8*19700101", "OBrien*Zoe****MI*M3~DMG*D8*19800229", "AAA*N**95*C"),
]


async def test_rejections(house, x12):
    for old, new, aaa in REJECTED:
        answer = await house.send(x12.ask("278", old, new))
        assert x12.lines(answer, "AAA") == [aaa], (old, answer)
        assert not x12.lines(answer, "HCR")
    assert (await house.portal("prior-auths"))["data"] == []


async def test_an_inquiry_in_its_own_guide(house, x12):
    opened = await house.send(x12.ask("278"))
    [number] = set(numbers(x12, opened))
    body = x12.BODIES["278"].replace("BHT*0007*13", "BHT*0007*28").replace("HL*4*3*EV*1", "HL*4*3*EV*0")
    body = body.split("UM*HS")[0] + f"REF*NT*{number}~"
    text = x12.interchange(x12.group("278", x12.transaction("278", body, version="005010X215"), version="005010X215"))
    answer = await house.send(text)
    assert "ST*278*0001*005010X215~" in answer and "HCR*A1*PA" in answer
    other = text.replace("Reyes*Ana****MI*M1", "Reyes*Leo****MI*M2").replace("19700101", "20150630")
    answer = await house.send(other)
    assert x12.lines(answer, "AAA") == ["AAA*N**AA*C"], "another member's case is nobody else's business"


async def test_a_dependents_case(house, x12):
    body = x12.BODIES["278"].replace("HL*4*3*EV*1", "HL*4*3*23*1~NM1*QC*1*Reyes*Leo~DMG*D8*20150630~HL*5*4*EV*1")
    body = body.replace("HL*5*4*SS", "HL*6*5*SS")
    answer = await house.send(x12.interchange(x12.group("278", x12.transaction("278", body))))
    assert "HCR*A1*" in answer and "NM1*QC*1*Reyes*Leo~" in answer
    assert (await house.portal("prior-auths"))["data"][0]["patient_member_id"] == "M2"


ASKED = {"patient_id": "ana", "provider_npi": "1234567893", "procedure_code": "72148", "diagnosis_codes": ["M54.16"]}


async def test_an_answer_to_what_the_plan_does_not_ask_is_refused(house, x12):
    """It was carried as a note, and nobody told."""
    path, before = "clearinghouse/prior-auth", house.run.state_hash()
    for body, name, told in (
        ({**ASKED, "clinical_answers": {"weeks": 8, "wekes": 8}}, "clinical_answers.wekes", "it asks weeks"),
        ({**ASKED, "procedure_code": "73721", "clinical_answers": {"a": 1}}, "clinical_answers.a", "it asks nothing"),
        ({**ASKED, "clinical_answers": {"weeks": "8 " * 300}}, "clinical_answers.weeks", "characters"),
        ({**ASKED, "action": "inquiry", "clinical_answers": {"weeks": 8}}, "clinical_answers", "inquiry takes none"),
        (
            {**ASKED, "action": "cancel", "authorization_number": "x", "clinical_answers": {"weeks": 8}},
            "clinical_answers",
            "cancel takes none",
        ),
    ):
        answer = await house.run.call("POST", path, json=body)
        assert answer.status == 400, (body, answer)
        assert told in " ".join(answer.error["details"][name]), answer
    assert house.run.state_hash() == before


async def test_answers_of_an_update_are_of_the_cases_procedure(house, x12):
    opened = await house.post("prior-auth", **ASKED, clinical_answers={"weeks": 8, "deficit": False})
    number = opened["authorization_number"]
    update = {"action": "update", "patient_id": "ana", "authorization_number": number}
    answer = await house.run.call(
        "POST", "clearinghouse/prior-auth", json={**update, "clinical_answers": {"banana": 1}}
    )
    assert answer.status == 400 and "72148" in answer.error["message"], answer
    await house.post("prior-auth", **update, clinical_answers={"weeks": 12})
    row = await house.portal(f"prior-auths/{number}")
    assert row["clinical_answers"] == {"weeks": 12, "deficit": False} and row["notes"] is None
    unknown = await house.post("prior-auth", **{**update, "authorization_number": "PA0"}, clinical_answers={"weeks": 1})
    assert unknown["status"] == "rejected"


async def test_what_a_field_must_be_is_said_in_words(house, x12):
    for path, body, name, told in (
        ("eligibility", {"patient_id": "ana", "provider_npi": "12"}, "provider_npi", "Must be an NPI: 10 digits."),
        ("eligibility", {"patient_id": "ana", "service_date": "May"}, "service_date", "Must be a date, YYYY-MM-DD."),
        ("eligibility", {"patient_id": "ana", "service_type_codes": ["a-b"]}, "service_type_codes.0", "service type"),
        ("eligibility", {"member_id": "M*1", "birth_date": "1970-01-01"}, "member_id", "without * : ^ ~"),
        ("prior-auth", {**ASKED, "procedure_code": "a~b"}, "procedure_code", "without * : ^ ~"),
    ):
        answer = await house.run.call("POST", f"clearinghouse/{path}", json=body)
        assert answer.status == 400 and told in answer.error["details"][name][0], (body, answer)
        assert "[" not in answer.error["details"][name][0] and "Value error" not in answer.error["message"]
