"""276 to 277, raw and as JSON."""


async def test_a_claim_by_its_number(house, x12):
    answer = await house.send(x12.ask("276"))
    assert x12.lines(answer, "BHT") == ["BHT*0010*08*REF276*20260423*0900*DG"]
    assert (
        "TRN*2*TRACE-2~STC*F1:65*20260320**180*95*20260320***EFT-77~REF*1K*CLM-1001~REF*EJ*ACC-9~DTP*472*D8*20260302~"
        "SVC*HC:99213*180*95****1~STC*F1:65*20260320~REF*FJ*1~DTP*472*D8*20260302~"
    ) in answer


async def test_claims_by_what_is_known_of_them(house, x12):
    number = "REF*1K*CLM-1001~REF*EJ*ACC-9~DTP*472*D8*20260302"
    for asked, claims in (
        ("DTP*472*RD8*20260101-20260423", ["CLM-1002", "CLM-1001"]),
        ("DTP*472*D8*20260402", ["CLM-1002"]),
        ("AMT*T3*900.50", ["CLM-1002"]),
        ("AMT*T3*900.5~DTP*472*D8*20260302", []),
    ):
        answer = await house.send(x12.ask("276", number, asked))
        assert [line.split("*")[2] for line in x12.lines(answer, "REF") if line.startswith("REF*1K")] == claims
    assert x12.lines(answer, "STC") == ["STC*A4:35*20260423"]


async def test_who_is_not_found_is_a_status(house, x12):
    for old, new, status in (
        ("MI*M1", "MI*M9", "D0:33:IL"),
        ("19700101", "19700102", "D0:158:IL"),
        ("Reyes", "Rayes", "D0:125:IL"),
        ("XX*1234567893", "XX*1003000126", "D0:26:1P"),
        ("CLM-1001", "CLM-9999", "A4:35"),
    ):
        answer = await house.send(x12.ask("276", old, new))
        assert x12.lines(answer, "STC") == [f"STC*{status}*20260423"], answer
        assert len(x12.lines(answer, "TRN")) == 1


async def test_as_json(house):
    answer = await house.post("claim-status", patient_id="ana", claim_number="clm-1002")
    assert answer["transaction"] == "277" and answer["claim_number"] == "CLM-1002"
    [status] = answer["statuses"]
    assert (status["category"], status["status"], status["charge"], status["paid"]) == ("F2", "585", 900.5, 0)
    assert answer["service_date"] == "2026-04-01" and answer["service_end_date"] == "2026-04-02"
    assert answer["lines"][0]["procedure_code"] == "72148"
    both = await house.post("claim-status", member_id="M1", last_name="Reyes", birth_date="1970-01-01")
    assert [both["claim_number"], *(one["claim_number"] for one in both["others"])] == ["CLM-1002", "CLM-1001"]
    none = await house.post("claim-status", patient_id="ana", claim_number="X-1")
    assert none["status"] == "rejected" and none["errors"][0]["code"] == "A4:35"
    wrong = await house.post("claim-status", status=400, member_id="M1", birth_date="1970-01-01")
    assert list(wrong["error"]["details"]) == ["last_name"]
