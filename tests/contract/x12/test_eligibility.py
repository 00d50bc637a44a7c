"""270 to 271, raw and as JSON."""


async def test_an_active_member_has_what_the_plan_pays(house, x12):
    answer = await house.send(x12.ask("270"))
    assert x12.lines(answer, "TRN") == ["TRN*2*TRACE-1*9012345678"]
    assert x12.lines(answer, "BHT") == ["BHT*0022*11*REF270*20260423*0900"]
    assert (
        "NM1*IL*1*Reyes*Ana****MI*M1~REF*6P*GRP-1~N3*18 Alder Street~N4*Riverton*OH*44199~DMG*D8*19700101*F~" in answer
    )
    assert x12.lines(answer, "EB") == [
        "EB*1*IND*30**Gold",
        "EB*A*IND*62*****0.2***Y*Y",
        "EB*I*IND*62*********N",
        "EB*B*IND*98***27*25****N*Y",
        "EB*B*IND*PT***27*10.5****N*Y",
        "EB*F*IND*PT***23***VS*30*N*Y",
        "EB*C*IND*30***23*1500*****Y",
        "EB*C*IND*30***29*1074.5*****Y",
        "EB*G*FAM*30***23*6000*****Y",
        "EB*G*FAM*30***29*6000*****Y",
        "EB*F*IND*PT***23***VS*30**Y",
        "EB*F*IND*PT***29***VS*26**Y",
    ]
    assert "MSG*The deductible applies" in answer


async def test_one_service_type_is_answered_alone(house, x12):
    answer = await house.send(x12.ask("270", "EQ*30", "EQ*98^62"))
    assert x12.lines(answer, "EB")[:2] == ["EB*1*IND*98^62**Gold", "EB*A*IND*62*****0.2***Y*Y"]
    assert not any("PT" in line for line in x12.lines(answer, "EB"))


async def test_a_procedure_says_whether_an_authorization_is_needed(house):
    for code, needed in (("72148", "Y"), ("71046", "N"), ("99999", "U")):
        answer = await house.post("eligibility", patient_id="ana", procedure_code=code)
        [line] = [one for one in answer["benefits"] if one["procedure_code"] == code]
        assert line["authorization_required"] == needed


async def test_a_coverage_that_ended(house, x12):
    text = x12.ask(
        "270", "NM1*IL*1*Reyes*Ana****MI*M1~\nDMG*D8*19700101", "NM1*IL*1*OBRIEN*ZOE****MI*M3~DMG*D8*19800229"
    )
    answer = await house.send(text)
    assert x12.lines(answer, "EB") == ["EB*6**30**Silver"]
    assert "DTP*347*D8*20260331" in answer
    answer = await house.send(text.replace("DTP*291*D8*20260423", "DTP*291*D8*20260301"))
    assert x12.lines(answer, "EB")[0] == "EB*1*IND*30**Silver"


async def test_of_two_payers_it_is_told_which_one_pays_first(house, x12):
    answer = await house.send(
        x12.ask("270", "Reyes*Ana****MI*M1~\nDMG*D8*19700101", "Lind*Nora****MI*M7~DMG*D8*20170822")
    )
    assert x12.lines(answer, "EB") == ["EB*1*IND*30**Bronze", "EB*1*IND*35**Teeth", "EB*R**30**Select"]
    assert "LS*2120~NM1*PRP*2*Harborline~LE*2120~" in answer


async def test_what_is_said_of_the_whole_is_said_of_this_payers_medical_plan(house):
    answer = await house.post("eligibility", member_id="M7", birth_date="2017-08-22")
    assert answer["coverage"] == {"status": "active", "plan": "Bronze", "start": "2024-01-01", "end": None}
    assert "DTP*346*D8*20240101~EB*1*IND*30**Bronze" in answer["x12"]


async def test_a_coverage_is_as_much_this_payers_here_as_in_the_portal(house):
    """Who reviews for several payers names them; a coverage that is somebody else's covers nothing here."""
    answer = await house.post("eligibility", member_id="M5", birth_date="1961-05-05")
    assert "EB*1*IND*30**Gold" in answer["x12"] and "EB*1*IND*35**Teeth" in answer["x12"]
    assert "EB*R" not in answer["x12"]

    answer = await house.post("eligibility", member_id="M6", birth_date="1966-06-06")
    assert answer["coverage"] == {"status": "inactive", "plan": "Bronze", "start": "2023-01-01", "end": "2026-03-31"}
    assert "EB*6**30**Bronze~EB*R**30**Select~LS*2120~NM1*PRP*2*Harborline~LE*2120~" in answer["x12"]
    shown = await house.portal("eligibility?member_id=M6")
    assert shown["covered"] is False
    told = [(one["coverage_id"], one["in_force"], one["of_other_payer"]) for one in shown["coverages"]]
    assert told == [("C8", True, True), ("C7", False, False), ("C6", False, False)]
    assert (await house.portal("eligibility?member_id=M5"))["covered"] is True

    asked = {"provider_npi": "1234567893", "procedure_code": "99213", "diagnosis_codes": ["M54.16"]}
    answer = await house.post("prior-auth", member_id="M6", birth_date="1966-06-06", **asked)
    assert [one["code"] for one in answer["errors"]] == ["95"]
    answer = await house.post("prior-auth", member_id="M5", birth_date="1961-05-05", **asked)
    assert answer["status"] == "answered", answer["errors"]


REJECTED = [
    ("MI*M1", "MI*M9", "AAA*N**72*C"),
    ("Reyes*Ana****MI*M1", "Nobody*Ana****MI*M9", "AAA*Y**75*C"),
    ("DMG*D8*19700101", "DMG*D8*19700102", "AAA*Y**71*C"),
    ("Reyes*Ana", "Rayes*Ana", "AAA*Y**73*C"),
    ("NM1*IL*1*Reyes*Ana****MI*M1~\nDMG*D8*19700101~", "NM1*IL*1******MI*M1~", "AAA*Y**58*C"),
    ("DTP*291*D8*20260423", "DTP*291*D8*20240101", "AAA*Y**62*C"),
    ("DTP*291*D8*20260423", "DTP*291*D8*20260601", "AAA*Y**63*C"),
    ("XX*1234567893", "XX*1234567890", "AAA*Y**43*C"),
    ("XX*1234567893", "XX*1003000126", "AAA*Y**51*C"),
]


async def test_rejections(house, x12):
    for old, new, aaa in REJECTED:
        answer = await house.send(x12.ask("270", old, new))
        assert x12.lines(answer, "AAA") == [aaa], answer
        assert not x12.lines(answer, "EB")
    rows = (await house.run.call("GET", "clearinghouse/transactions")).json
    assert [row["status"] for row in rows] == ["rejected"] * len(REJECTED)
    assert [row["errors"][0]["code"] for row in rows] == [aaa.split("*")[3] for _, _, aaa in REJECTED]


async def test_by_name_and_birth_date_alone(house, x12):
    answer = await house.post("eligibility", last_name="reyes", first_name="ANA", birth_date="1970-01-01")
    assert answer["subscriber"]["member_id"] == "M1" and answer["coverage"]["status"] == "active"


async def test_a_dependent(house, x12):
    body = x12.BODIES["270"].replace("HL*3*2*22*0", "HL*3*2*22*1").replace("TRN*1*TRACE-1*9012345678~", "")
    body = body.split("DTP*291")[0] + "HL*4*3*23*0~TRN*1*TRACE-4*9012345678~NM1*03*1*Reyes*Leo~DMG*D8*20150630~EQ*98~"
    answer = await house.send(x12.interchange(x12.group("270", x12.transaction("270", body))))
    assert "HL*4*3*23*0~TRN*2*TRACE-4*9012345678~NM1*03*1*Reyes*Leo~" in answer
    assert x12.lines(answer, "EB")[0] == "EB*1*IND*98**Gold"
    answer = await house.send(x12.interchange(x12.group("270", x12.transaction("270", body.replace("Leo", "Lea")))))
    assert x12.lines(answer, "AAA") == ["AAA*Y**67*C"]


async def test_as_json(house):
    answer = await house.post("eligibility", patient_id="ana")
    assert answer["transaction"] == "271" and answer["status"] == "answered"
    assert answer["coverage"] == {"status": "active", "plan": "Gold", "start": "2026-01-01", "end": None}
    [copay] = [b for b in answer["benefits"] if b["code"] == "B" and b["service_type_codes"] == ["98"]]
    assert copay["amount"] == 25 and copay["in_network"] == "Y"
    assert answer["x12"].startswith("ISA*00*") and "ST*271*0001*005010X279A1~" in answer["x12"]
    assert "ST*270*0001*005010X279A1~" in answer["request_x12"]
    again = await house.run.call("POST", "x12/eligibility", json={"member_id": "M1", "birth_date": "1970-01-01"})
    assert again.status == 200 and again.json["coverage"]["status"] == "active"
    paths = [e["request"]["path"] for e in await house.run.events() if e["type"] == "x12_transaction"]
    assert paths == ["clearinghouse/eligibility"] * 2
