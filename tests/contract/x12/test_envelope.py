"""Envelopes: what is whole is answered, what is broken acknowledged with TA1 or 999, nothing with a 500."""

import random

import pytest

from sandbox import limits


async def test_several_sets_and_groups_are_answered_in_their_order(house, x12):
    two = x12.group("270", x12.transaction("270"), x12.transaction("270", number="0002"))
    answer = await house.send(x12.interchange(two, x12.group("276", number="2"), x12.group("278", number="3")))
    assert [s.split("*")[1] for s in x12.lines(answer, "GS")] == ["HB", "HN", "HI"]
    assert x12.lines(answer, "ST") == [
        "ST*271*0001*005010X279A1",
        "ST*271*0002*005010X279A1",
        "ST*277*0001*005010X212",
        "ST*278*0001*005010X217",
    ]
    assert [s.split("*")[1] for s in x12.lines(answer, "GE")] == ["2", "1", "1"]
    assert x12.lines(answer, "IEA") == ["IEA*3*000000001"]
    assert x12.lines(answer)[0].startswith("ISA*00*          *00*          *ZZ*CLEARINGHOUSE  *ZZ*CLINIC         *")


async def test_any_delimiters_are_read_and_the_standard_ones_written(house, x12):
    plain = await house.send(x12.ask("270", "EQ*30", "EQ*98^PT"))
    for marks, ending in (
        (("|", ">", "!", "'"), ""),
        (("*", ":", "^", "\n"), ""),
        (("\x1d", "\x1f", "\x1e", "\x1c"), "\r\n"),
    ):
        table = str.maketrans(dict(zip("*:^~", marks, strict=True)))
        text = x12.ask("270", "EQ*30", "EQ*98^PT").translate(table).replace(marks[3], marks[3] + ending)
        answer = await house.send(text)
        assert x12.lines(answer, "EB") == x12.lines(plain, "EB") != []
        assert "\n" not in answer


async def test_a_ta1_is_sent_where_one_is_wanted(house, x12):
    answer = await house.send(x12.interchange(x12.group("270"), wants="1", number="000000042"))
    assert x12.lines(answer)[1] == "TA1*000000042*260423*0900*A*000"
    assert x12.lines(answer, "ST") == ["ST*271*0001*005010X279A1"]


BROKEN = [
    (lambda t: t.replace("IEA*1*000000001", "IEA*1*000000002"), "001"),
    (lambda t: t.replace("*00501*", "*00401*"), "003"),
    (lambda t: t.replace("*00501*", "*99999*"), "017"),
    (lambda t: t.replace("*ZZ*CLINIC ", "*QQ*CLINIC "), "005"),
    (lambda t: t.replace("CLINIC         *ZZ", "               *ZZ", 1), "006"),
    (lambda t: t.replace("*ZZ*CLEARING", "*QQ*CLEARING"), "007"),
    (lambda t: t.replace("*260423*0900*^", "*261323*0900*^"), "014"),
    (lambda t: t.replace("*260423*0900*^", "*260423*2500*^"), "015"),
    (lambda t: t.replace("000000001", "00000000X"), "018"),
    (lambda t: t.replace("*0*T*:~", "*2*T*:~"), "019"),
    (lambda t: t.replace("*0*T*:~", "*0*X*:~"), "020"),
    (lambda t: t.replace("IEA*1*", "IEA*2*"), "021"),
    (lambda t: t.replace("*ZZ*CLINIC         *", "*ZZ*CLINIC*"), "022"),
    (lambda t: t[: t.index("IEA")], "023"),
    (lambda t: t[:80], "023"),
    (lambda t: t.replace("GE*1*1~", "GE*1*1~XX*1~"), "024"),
    (lambda t: t.replace("IEA*", "REF*1~IEA*"), "024"),
    (lambda t: t + "garbage", "024"),
    (lambda t: t.replace("*T*:~", "*T*:A"), "004"),
    (lambda t: t.replace("*T*:~", "*T*B~"), "027"),
    (lambda t: "ISAX" + t[4:], "026"),
]


async def test_a_broken_envelope_is_a_ta1(house, x12):
    for break_it, code in BROKEN:
        answer = await house.send(break_it(x12.ask("270")))
        [ta1] = x12.lines(answer, "TA1")
        assert ta1.split("*")[4:] == ["R", code], (code, ta1)
        assert [s.split("*")[0] for s in x12.lines(answer)] == ["ISA", "TA1", "IEA"]
        assert len(answer.split("~")[0]) == 105
    answer = await house.post("transactions", x12=x12.ask("270").replace("IEA*1*", "IEA*2*"))
    assert answer["transactions"][0]["errors"] == [{"code": "021", "message": "IEA01 is '2', and there are 1 groups"}]


async def test_one_broken_interchange_leaves_the_others_alone(house, x12):
    whole = x12.ask("270")
    answer = await house.send(whole + whole.replace("IEA*1*000000001", "IEA*1*000000009") + "\r\n" + whole)
    assert [s.split("*")[0] for s in x12.lines(answer) if s[:3] in ("ISA", "TA1", "ST*")] == [
        "ISA",
        "ST",
        "ISA",
        "TA1",
        "ISA",
        "ST",
    ]
    rows = (await house.run.call("GET", "clearinghouse/interchanges")).json
    assert [row["accepted"] for row in rows] == [True, False, True]
    assert "".join(row["response"] for row in rows) == answer
    assert [row["request"] for row in rows] == [whole, whole.replace("IEA*1*000000001", "IEA*1*000000009"), whole]


GROUPS = [
    ("GE*1*1", "GE*1*2", "4"),
    ("GE*1*1", "GE*2*1", "5"),
    ("GE*1*1~", "", "3"),
    ("GS*HS", "GS*XX", "1"),
    ("X*005010X279A1~ST", "X*004010X092A1~ST", "2"),
]
SETS = [
    ("SE*13*0001", "SE*13*0002", "IK5*R*3"),
    ("SE*13*0001", "SE*14*0001", "IK5*R*4"),
    ("SE*13*0001~", "", "IK5*R*2"),
    ("ST*270*0001", "ST*271*0001", "IK5*R*1"),
    ("ST*270*0001*005010X279A1", "ST*270*0001*005010X212", "IK5*R*I6"),
]
SEGMENTS = [
    ("BHT*0022*13*REF270*20260423*0900~", "", ["IK3*BHT*2**3"]),
    ("BHT*0022*13", "BHT*0022*99", ["IK3*BHT*2**8", "IK4*2*353*7*99"]),
    ("HL*2*1*21", "HL*7*1*21", ["IK3*HL*5**8", "IK4*1*628*7*7", "IK3*HL*7**8", "IK4*2*734*7*2"]),
    ("DMG*D8*19700101", "DMG*D8*19701301", ["IK3*DMG*10*2100C*8", "IK4*2*1251*8*19701301"]),
    ("NM1*IL*1*Reyes*Ana****MI*M1", "NM1*IL*1*Reyes*Ana****MI", ["IK3*NM1*9*2100C*8", "IK4*9*67*2"]),
    ("EQ*30", "EQ*300", ["IK3*EQ*12*2110C*8", "IK4*1::1*1365*5*300"]),
    ("EQ*30", "EQ*30*HC>99213", ["IK3*EQ*12*2110C*8", "IK4*2:1*235*5*HC>99213", "IK4*2:2*234*1"]),
    ("EQ*30~", "EQ*30~ZZZ*1~", ["IK3*ZZZ*13**1"]),
    ("EQ*30~", "EQ*30~SV1*HC:1~", ["IK3*SV1*13**6"]),
    ("DTP*291*D8*20260423", "DTP*291*D8*20260423*X", ["IK3*DTP*11*2100C*8", "IK4*4**3*X"]),
    ("NM1*IL*1*Reyes*Ana****MI*M1~\n", "", ["IK3*DMG*9*2000C*2", "IK3*DTP*10*2000C*2", "IK3*NM1*11*2100C*I7"]),
]


async def test_what_is_wrong_with_a_group_or_a_set_is_a_999(house, x12):
    for old, new, code in GROUPS:
        text = x12.ask("270")
        assert old in text
        answer = await house.send(text.replace(old, new))
        assert x12.lines(answer, "AK9")[0].split("*")[1:2] + x12.lines(answer, "AK9")[0].split("*")[5:] == ["R", code]
        assert x12.lines(answer, "ST") == ["ST*999*0001*005010X231A1"]
    for old, new, ik5 in SETS:
        text = x12.ask("270")
        assert old in text, old
        answer = await house.send(text.replace(old, new))
        assert x12.lines(answer, "IK5") == [ik5], answer
        assert x12.lines(answer, "AK9") == ["AK9*R*1*1*0"]
    for old, new, expected in SEGMENTS:
        answer = await house.send(x12.ask("270", old, new))
        found = [line for line in x12.lines(answer) if line[:3] in ("IK3", "IK4")]
        assert found == expected, (old, found)
        assert x12.lines(answer, "IK5") == ["IK5*R*5"]


async def test_good_and_bad_sets_of_one_group(house, x12):
    bad = x12.transaction("270", x12.BODIES["270"].replace("EQ*30", "EQ*300"), number="0002")
    twice = x12.transaction("270", number="0001")
    answer = await house.send(x12.interchange(x12.group("270", x12.transaction("270"), bad, twice)))
    assert [s.split("*")[1] for s in x12.lines(answer, "GS")] == ["FA", "HB"]
    assert x12.lines(answer, "IK5") == ["IK5*A", "IK5*R*5", "IK5*R*23"]
    assert x12.lines(answer, "AK9") == ["AK9*P*3*3*1"]
    assert x12.lines(answer, "ST") == ["ST*999*0001*005010X231A1", "ST*271*0001*005010X279A1"]
    rows = (await house.run.call("GET", "clearinghouse/transactions")).json
    assert [(row["transaction"], row["status"]) for row in rows] == [("999", "rejected"), ("271", "answered")]
    assert {e["transaction_set"] for e in rows[0]["errors"]} == {"0002", "0001"}


async def test_an_acknowledgment_of_the_agent_is_taken(house, x12):
    head = "GS*FA*CLINIC*CLEARINGHOUSE*20260423*0900*1*X*005010X231A1~ST*999*0001*005010X231A1~"
    answer = await house.send(x12.interchange(f"{head}AK1*HB*1~AK9*A*1*1*1~SE*4*0001~GE*1*1~"))
    assert [s.split("*")[0] for s in x12.lines(answer)] == ["ISA", "TA1", "IEA"]


async def test_what_is_no_x12_at_all_is_a_400(house, x12):
    for body in ("", "hello", "MSH|^~\\&|", '{"x12": 1}'):
        answer = await house.run.call("POST", "clearinghouse/transactions", body=body.encode(), headers=x12.RAW)
        assert answer.status == 400 and "ISA" in answer.error["message"]
    answer = await house.run.call("POST", "clearinghouse/transactions", body=b"ISA\xff\xfe", headers=x12.RAW)
    assert answer.status == 400 and "utf-8" in answer.error["message"]
    answer = await house.run.call(
        "POST", "clearinghouse/transactions", body=b"<x/>", headers={"Content-Type": "text/xml"}
    )
    assert answer.status == 415


async def test_limits(house, x12):
    body = x12.BODIES["270"].replace("EQ*30~", "EQ*30~" * limits.X12_SEGMENTS)
    text = x12.interchange(x12.group("270", x12.transaction("270", body)))
    answer = await house.run.call("POST", "clearinghouse/transactions", body=text.encode(), headers=x12.RAW)
    assert answer.status == 413 and "segments" in answer.error["message"]
    whole = x12.ask("270")
    filler = x12.interchange(x12.group("270", x12.transaction("270", "NTE*" + "x" * limits.X12_INTERCHANGE_BYTES)))
    answer = await house.run.call("POST", "clearinghouse/transactions", body=filler.encode(), headers=x12.RAW)
    assert answer.status == 413
    many = whole * (limits.X12_INTERCHANGES + 1)
    answer = await house.run.call("POST", "clearinghouse/transactions", body=many.encode(), headers=x12.RAW)
    assert answer.status == 413 and (await house.run.call("GET", "clearinghouse/interchanges")).json == []
    assert x12.lines(await house.send(whole * 3), "IEA") == ["IEA*1*00000000" + n for n in "123"]


async def test_the_charset_that_is_named(house, x12):
    text = x12.ask(
        "270", "NM1*IL*1*Reyes*Ana****MI*M1~\nDMG*D8*19700101", "NM1*IL*1*O'Brien*Zoë****MI*M3~DMG*D8*19800229"
    )
    answer = await house.run.call(
        "POST",
        "clearinghouse/transactions",
        body=text.encode("latin-1"),
        headers={"Content-Type": "application/edi-x12; charset=iso-8859-1"},
    )
    assert answer.status == 200 and "Zoë".encode("latin-1") in answer.body
    events = [e for e in await house.run.events() if e["type"] == "x12_transaction"]
    assert len(events) == 1


async def test_both_sides_are_recorded_to_the_byte(house, x12):
    text = x12.ask("278").replace("~", "~\r\n")
    answer = await house.send(text)
    [event] = [e for e in await house.run.events() if e["type"] == "x12_transaction"]
    assert event["request"]["body"] == text and event["response"]["body"] == answer
    assert event["via"] == "http" and event["actor"] == "agent"
    [row] = (await house.run.call("GET", "clearinghouse/interchanges")).json
    assert row["request"] == text.rstrip() and row["response"] == answer


@pytest.mark.parametrize("kind", ["270", "276", "278"])
async def test_nothing_that_is_sent_is_a_500(house, x12, kind):
    """Characters changed, taken out, doubled, segments exchanged: always an answer that is whole itself."""
    chance = random.Random(f"x12 {kind}")
    text = x12.ask(kind)
    for _ in range(150):
        mutant = text
        for _ in range(chance.randint(1, 4)):
            mutant = mutated(mutant, chance)
        answer = await house.run.call("POST", "clearinghouse/transactions", body=mutant.encode(), headers=x12.RAW)
        assert answer.status in (200, 400), (mutant, answer)
        if answer.status == 200:
            whole(answer.body.decode())


def mutated(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    match chance.randrange(6):
        case 0:
            return text[:at] + chance.choice("*:^~0A é\n") + text[at + 1 :]
        case 1:
            return text[:at] + text[at + chance.randint(1, 8) :]
        case 2:
            return text[:at] + text[at : at + 8] * 2 + text[at + 8 :]
        case 3:
            parts = text.split("~")
            one, other = chance.randrange(len(parts)), chance.randrange(len(parts))
            parts[one], parts[other] = parts[other], parts[one]
            return "~".join(parts)
        case 4:
            parts = text.split("~")
            del parts[chance.randrange(1, len(parts))]
            return "~".join(parts)
        case _:
            return text.replace(
                chance.choice(["M1", "72148", "1234567893", "20260423", "HL*", "1*"]),
                chance.choice(["", "9", "X" * 90]),
                1,
            )


def whole(text: str) -> None:
    """Counts and control numbers of an answer agree."""
    for one in text.split("ISA*")[1:]:
        segments = [line.split("*") for line in one.split("~") if line]
        names = [segment[0] for segment in segments]
        assert segments[-1][0] == "IEA" and segments[-1][2] == segments[0][12]
        assert int(segments[-1][1]) == names.count("GS") == names.count("GE")
        for begin, segment in enumerate(segments):
            if segment[0] == "ST":
                end = names.index("SE", begin)
                assert segments[end][1:] == [str(end - begin + 1), segment[2]]
