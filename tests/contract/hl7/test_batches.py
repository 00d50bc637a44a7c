"""FHS/BHS batches (HL7 v2.5 §2.10.3): a batch of acknowledgments back, each message on its own."""

import base64

import pytest

VXU = (
    "MSH|^~\\&|CLINICEHR|NORTHSIDE|IIS|STATE|20260423||VXU^V04^VXU_V04|{control}|P|2.5.1\r"
    "PID|1||{mrn}^^^NORTHSIDE^MR||{family}^Tobias||20230614|M\r"
    "ORC|RE||6593^NORTHSIDE\r"
    "RXA|0|1|20260423|20260423|48^Hib (PRP-T)^CVX|0.5|mL^milliliter^UCUM\r"
)
FHS = "FHS|^~\\&|CLINICEHR|NORTHSIDE|IIS|STATE|20260423||VX0423.hl7||F-77\r"
BHS = "BHS|^~\\&|CLINICEHR|NORTHSIDE|IIS|STATE|20260423||DAY||B-1001\r"
RAW = {"Content-Type": "application/hl7-v2"}


def vxu(number: int, family: str = "Okafor") -> str:
    return VXU.format(control=f"VX-{number}", mrn=f"N-{number}", family=family)


def batch(*messages: str, header: str = BHS, count: int | str | None = None) -> str:
    return f"{header}{''.join(messages)}BTS|{len(messages) if count is None else count}|end\r"


def segments(text: str) -> list[list[str]]:
    return [line.split("|") for line in text.split("\r") if line]


def names(text: str) -> list[str]:
    return [segment[0] for segment in segments(text)]


async def test_a_batch_gets_a_batch_of_acknowledgments(feed):
    sound, broken = vxu(1), vxu(2, family="").replace("^Tobias", "")
    unknown = vxu(3).replace("VXU^V04^VXU_V04", "QRY^A19")
    answer = await feed.send(batch(sound, broken, unknown))
    assert list(answer) == ["id", "accepted", "ack_code", "ack", "errors", "notes", "messages"]
    assert (answer["accepted"], answer["ack_code"]) == (False, "AR")
    assert names(answer["ack"]) == ["BHS", "MSH", "MSA", "MSH", "MSA", "ERR", "MSH", "MSA", "ERR", "BTS"]
    header, *_, trailer = segments(answer["ack"])
    assert header[1:6] == ["^~\\&", "IIS", "STATE", "CLINICEHR", "NORTHSIDE"]
    assert (header[6], header[11]) == ("20260423090000+0000", "B-1001")
    assert 0 < len(header[10]) <= 20
    assert trailer[1] == "3"
    told = [segment[1:3] for segment in segments(answer["ack"]) if segment[0] == "MSA"]
    assert told == [["AA", "VX-1"], ["AE", "VX-2"], ["AR", "VX-3"]]
    assert [(m["control_id"], m["accepted"], m["ack_code"]) for m in answer["messages"]] == [
        ("VX-1", True, "AA"), ("VX-2", False, "AE"), ("VX-3", False, "AR"),
    ]  # fmt: skip
    assert [(e["location"], e["code"]) for e in answer["errors"]] == [("PID^1^5", "101"), ("MSH^1^9", "200")]
    assert all(f"VX-{n}" in error["message"] for n, error in zip((2, 3), answer["errors"], strict=True))
    rows = await feed.sent()
    assert [row["id"] for row in rows] == [m["id"] for m in answer["messages"]]
    assert [row["payload"] for row in rows] == [sound, broken, unknown]
    assert {row["batch_id"] for row in rows} == {answer["id"]}
    assert "".join(row["ack"] for row in rows) == answer["ack"].partition("\r")[2].rpartition("BTS|")[0]


async def test_a_file_of_batches(feed):
    text = FHS + batch(vxu(1), vxu(2)) + batch(vxu(3), header=BHS.replace("B-1001", "B-1002")) + "FTS|2\r"
    answer = await feed.send(text)
    assert (answer["accepted"], answer["ack_code"], answer["errors"], answer["notes"]) == (True, "AA", [], [])
    of_two = ["BHS", "MSH", "MSA", "MSH", "MSA", "BTS"]
    assert names(answer["ack"]) == ["FHS", *of_two, "BHS", "MSH", "MSA", "BTS", "FTS"]
    told = segments(answer["ack"])
    assert (told[0][11], told[1][11], told[7][11]) == ("F-77", "B-1001", "B-1002")
    assert (told[6][1], told[10][1], told[11][1]) == ("2", "1", "2")
    kept = (await feed.run.call("GET", "hl7/batches")).json
    assert [(row["id"], row["payload"], row["control_id"]) for row in kept] == [(answer["id"], text, "F-77")]
    assert kept[0]["message_ids"] == [message["id"] for message in answer["messages"]]


async def test_a_raw_batch_is_answered_raw_and_kept_to_the_byte(feed):
    """Every message in its own character set, none in the other's."""
    first = vxu(1, family="Müller").encode("latin-1").replace(b"2.5.1\r", b"2.5.1||||||8859/1\r")
    second = vxu(2, family="山田").encode("iso2022_jp").replace(b"2.5.1\r", b"2.5.1||||||~ISO IR87\r")
    body = BHS.encode() + first + second + b"BTS|2\r"
    ack = await feed.send_raw(body)
    assert names(ack.decode("latin-1")) == ["BHS", "MSH", "MSA", "MSH", "MSA", "BTS"]
    rows = await feed.sent()
    assert [row["payload"].encode(row["charset"]) for row in rows] == [first, second]
    assert [row["payload"].split("|")[22].partition("^")[0] for row in rows] == ["Müller", "山田"]
    assert [row["notes"] for row in rows] == [[], []]
    kept = (await feed.run.call("GET", "hl7/batches")).json[0]
    exact = base64.b64decode(kept["payload_base64"]) if "payload_base64" in kept else None
    assert (exact or kept["payload"].encode(kept["charset"])) == body


@pytest.mark.parametrize("content_type", ["application/hl7-v2", "text/plain; charset=utf-16"])
async def test_a_batch_in_wide_characters(feed, content_type):
    text = batch(vxu(1, family="山田"), vxu(2))
    answer = await feed.run.call(
        "POST", "hl7/outbound", body=text.encode("utf-16"), headers={"Content-Type": content_type}
    )
    assert names(answer.body.decode("utf-16").lstrip("\ufeff")) == ["BHS", "MSH", "MSA", "MSH", "MSA", "BTS"]
    rows = await feed.sent()
    assert [row["payload"] for row in rows] == [vxu(1, family="山田"), vxu(2)]
    assert b"".join(row["payload"].encode(row["charset"]) for row in rows) in text.encode("utf-16")


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
async def test_line_ends_and_frames(feed, ends):
    text = "\x0b" + batch(vxu(1), vxu(2)).replace("\r", ends) + "\x1c\r"
    answer = await feed.send(text)
    assert answer["accepted"] is True
    assert any("MLLP" in note for note in answer["notes"])
    assert all(any("line feeds" in note for note in message["notes"]) for message in answer["messages"])
    assert [row["payload"] for row in await feed.sent()] == [vxu(n).replace("\r", ends) for n in (1, 2)]


@pytest.mark.parametrize(
    ("text", "count", "note"),
    [
        (BHS + vxu(1), 1, "BTS"),
        (FHS + vxu(1) + vxu(2) + "FTS|1\r", 2, "BHS"),
        (FHS + batch(vxu(1)), 1, "FTS"),
        (BHS + vxu(1) + batch(vxu(2)), 2, "BTS"),
        (batch(), 0, None),
        (batch(vxu(1), count=""), 1, None),
    ],
)
async def test_what_the_standard_leaves_optional(feed, text, count, note):
    answer = await feed.send(text)
    assert (answer["accepted"], len(answer["messages"])) == (True, count)
    assert names(answer["ack"]).count("MSA") == count
    assert any(note in said for said in answer["notes"]) if note else answer["notes"] == []


BROKEN = [
    (batch(vxu(1), vxu(2), count=3), "BTS^1^1", "100"),
    (batch(vxu(1), count="many"), "BTS^1^1", "102"),
    (FHS + batch(vxu(1)) + "FTS|2\r", "FTS^1^1", "100"),
    (batch(vxu(1)) + "FTS|1\r", "FTS^1", "100"),
    (batch(vxu(1)) + FHS, "FHS^1", "100"),
    (FHS + "BTS|0\r", "BTS^1", "100"),
    (FHS + batch(vxu(1)) + "FTS|1\r" + vxu(2), "MSH^2", "100"),
    (BHS + "PID|1||7\r" + vxu(1) + "BTS|1\r", "PID^1", "100"),
    (batch(vxu(1)) + "not a segment\r", "", "100"),
    ("BHS|||\r" + vxu(1), "BHS^1^2", "100"),
]


@pytest.mark.parametrize(("text", "location", "code"), BROKEN)
@pytest.mark.parametrize("is_raw", [False, True])
async def test_a_broken_batch_is_refused_whole(feed, text, location, code, is_raw):
    if is_raw:
        ack = (await feed.send_raw(text.encode())).decode()
    else:
        answer = await feed.send(text)
        assert (answer["ack_code"], answer.get("messages")) == ("AR", None)
        assert [(e["location"], e["code"]) for e in answer["errors"]] == [(location, code)]
        ack = answer["ack"]
    assert names(ack) == ["MSH", "MSA", "ERR"]
    rows = await feed.sent()
    assert [(row["payload"], row["accepted"], row["message_type"]) for row in rows] == [(text, False, "")]
    assert (await feed.run.call("GET", "hl7/batches")).json == []


async def test_each_message_of_a_batch_can_be_checked(serve, disk, kit):
    checks = [
        kit.criterion(
            f"VX-{number}",
            "hl7-structural",
            correlate_by={"message_type": "VXU^V04", "control_id": f"VX-{number}"},
            fields=[{"path": "PID.5.1", "expected": family}],
            count={"min": 1, "max": 1},
            accepted=True,
        )
        for number, family in ((1, "Okafor"), (2, "Adeyemi"))
    ]
    disk.benchmark(kit.benchmark("shots", kit.task("a", *checks)))
    async with serve() as live:
        run = await live.started("shots")
        text = batch(vxu(1), vxu(2, "Adeyemi"))
        answer = await run.call("POST", "hl7/outbound", json={"payload": text})
        assert answer.status == 200
        events = await run.events()
        assert [e["type"] for e in events].count("hl7_outbound") == 1
        await run.complete()
        assert (await run.task_state())[3] == 1


async def test_limits_count_the_whole_batch(feed):
    small = "\r".join(["MSH|^~\\&|A|B|C|D|20260423||ACK|{n}|P|2.5", "MSA|AA|1", ""])
    at_limit = BHS + "".join(small.format(n=n) for n in range(4999)) + "BTS|4999\r"
    answer = await feed.run.call("POST", "hl7/outbound", json={"payload": at_limit})
    assert (answer.status, len(answer.json["messages"])) == (200, 4999)
    over = await feed.run.call("POST", "hl7/outbound", json={"payload": at_limit + "FTS|1\r"})
    assert (over.status, over.error["code"]) == (413, "PAYLOAD_TOO_LARGE")
    raw = await feed.run.call("POST", "hl7/outbound", body=(at_limit + "FTS|1\r").encode(), headers=RAW)
    assert (raw.status, b"\rMSA|AR|" in raw.body) == (413, True)
    assert len(await feed.sent()) == 4999


async def test_strict_mode_takes_single_messages_only(serve, disk, kit):
    check = kit.criterion("sent", "hl7-structural", correlate_by={"message_type": "ADT"})
    disk.benchmark(kit.benchmark("wired", kit.task("a", check)))
    async with serve(is_strict=True) as live:
        run = await live.started("wired")
        answer = (await run.call("POST", "hl7/outbound", json={"payload": batch(vxu(1))})).json
        assert (answer["ack_code"], list(answer)) == ("AR", ["id", "accepted", "ack_code", "ack", "errors", "notes"])


async def test_a_seed_may_be_a_batch(serve, disk, kit):
    files = kit.files | {"hl7/02.hl7": (FHS + batch(vxu(1), vxu(2)) + "FTS|1\r").replace("\r", "\n").encode()}
    disk.dataset("shots", files)
    environment = {"name": "E", "simulators": [{"type": "Hl7", "name": "Engine", "dataset": "shots"}]}
    disk.benchmark(kit.benchmark("shots", kit.task("a", kit.says(1)), environment=environment))
    async with serve() as live:
        run = await live.started("shots")
        inbox = (await run.call("GET", "hl7/inbox")).json
        assert [message["payload"] for message in inbox][1:] == [vxu(1), vxu(2)]
