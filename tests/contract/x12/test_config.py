"""What a clearinghouse may be told to be strict about."""

CONFIG = {
    "payer_id": "EVM01",
    "payer_name": "EVERGREEN",
    "receiver_id": "CLEARINGHOUSE",
    "refuses_repeated_control_numbers": True,
    "acknowledges_everything": True,
}


async def test_everything_at_once(kit, disk, serve, x12):
    x12.write(kit, disk, config=CONFIG)
    async with serve() as live:
        run = await live.started("claims@1")
        house = x12.Clearing(run)
        wrong = await house.send(x12.ask("270"))
        assert x12.lines(wrong, "AAA") == ["AAA*Y**79*N"] and x12.lines(wrong, "IK5") == ["IK5*A"]
        again = await house.send(x12.ask("270", "PI*12345", "PI*EVM01"))
        assert x12.lines(again, "TA1")[0].endswith("*R*025")
        text = x12.ask("270", "PI*12345", "PI*EVM01").replace("000000001", "000000002")
        right = await house.send(text)
        assert x12.lines(right, "EB") and "NM1*PR*2*EVERGREEN*****PI*EVM01" in right
        assert x12.lines(right, "AK9") == ["AK9*A*1*1*1"]
        stray = await house.send(text.replace("CLEARINGHOUSE  *260423", "SOMEBODY       *260423"))
        assert x12.lines(stray, "TA1")[0].endswith("*R*009")
        for kind in ("276", "278"):
            text = x12.interchange(x12.group(kind), number=f"00000{kind}0")
            answer = await house.send(text)
            assert x12.lines(answer, "AAA" if kind == "278" else "STC") in (["AAA*Y**79*N"], ["STC*D0:26:PR*20260423"])
        for _ in range(2):
            answer = await house.post("eligibility", patient_id="ana")
            assert answer["coverage"]["status"] == "active" and answer["transaction"] == "271"
        [held] = [s["credentials"] for s in run.value["sandboxes"] if s["type"] == "Clearinghouse"]
        assert (held["receiver_id"], held["payer_id"]) == ("CLEARINGHOUSE", "EVM01")
