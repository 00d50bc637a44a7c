"""Messages by MLLP to a sandbox's own port: frames however they are cut, one answer each, in order."""

import asyncio

import pytest

VT, FS, CR = b"\x0b", b"\x1c", b"\r"
MIB = 1 << 20


async def test_a_message_is_taken_as_over_http(wire, told):
    sender = await wire.connect()
    ack = await sender.send(wire.oru("C-1"))
    assert told(ack) == ["AA", "C-1"]
    assert ack.split("\r")[0].split("|")[2:6] == ["EHR", "CLINIC", "LAB", "HOSP"]
    (row,) = await wire.sent()
    assert (row["payload"], row["ack"], row["control_id"], row["accepted"]) == (wire.oru("C-1"), ack, "C-1", True)
    (event,) = await wire.events()
    assert (event["via"], event["actor"], event["request"]["method"]) == ("mllp", "agent", "POST")
    assert event["request"]["path"] == "hl7/outbound"
    assert event["response"]["body"] == ack


async def test_a_refused_message_is_kept_and_says_where(wire, told):
    sender = await wire.connect()
    ack = await sender.send(wire.oru("C-1").replace("|Reyes^Ana|", "||"))
    assert told(ack) == ["AE", "C-1"]
    assert "PID^1^5" in ack
    (row,) = await wire.sent()
    assert row["accepted"] is False


@pytest.mark.parametrize("size", [1, 2, 7, 100])
async def test_a_stream_may_be_cut_anywhere(wire, told, mllp, size):
    sender = await wire.connect()
    stream = b"".join(mllp(wire.oru(f"C-{n}")) for n in range(3))
    for begin in range(0, len(stream), size):
        sender.writer.write(stream[begin : begin + size])
        await asyncio.sleep(0)
    assert [told(await sender.answer()) for _ in range(3)] == [["AA", f"C-{n}"] for n in range(3)]


async def test_junk_between_frames_is_overlooked(wire, told, mllp):
    sender = await wire.connect()
    await sender.write(b"\r\n" + mllp(wire.oru("C-1")) + b"\r\nxyz" + mllp(wire.oru("C-2")))
    assert [told(await sender.answer()) for _ in range(2)] == [["AA", "C-1"], ["AA", "C-2"]]
    first, second = await wire.sent()
    assert not any("start block" in note for note in first["notes"])
    assert "3 bytes before the MLLP start block were overlooked." in second["notes"]


async def test_a_frame_begun_anew_counts_once(wire, told, mllp):
    sender = await wire.connect()
    await sender.write(VT + wire.oru("C-1")[:60].encode() + mllp(wire.oru("C-2")))
    assert told(await sender.answer()) == ["AA", "C-2"]
    (row,) = await wire.sent()
    assert any("begun" in note for note in row["notes"])


async def test_an_end_block_without_its_carriage_return(wire, told, mllp):
    sender = await wire.connect()
    await sender.write(mllp(wire.oru("C-1"))[:-1] + mllp(wire.oru("C-2"))[:-1])
    assert [told(await sender.answer()) for _ in range(2)] == [["AA", "C-1"], ["AA", "C-2"]]


async def test_a_message_without_a_frame_is_taken_after_an_idle_second(wire, told):
    sender = await wire.connect()
    await sender.write(wire.oru("C-1").encode())
    assert told(await sender.answer()) == ["AA", "C-1"]
    (row,) = await wire.sent()
    assert any("without an MLLP start block" in note for note in row["notes"])


async def test_what_is_neither_is_refused_and_named(wire):
    sender = await wire.connect()
    await sender.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    ack = await sender.answer()
    assert "MSA|AR" in ack
    assert "no MLLP start block" in ack
    assert await sender.rest() == b""
    (row,) = await wire.sent()
    assert (row["accepted"], row["ack_code"]) == (False, "AR")


async def test_a_sender_that_shuts_down_its_side_is_answered(wire, told, mllp):
    sender = await wire.connect()
    await sender.write(mllp(wire.oru("C-1")) + mllp(wire.oru("C-2")) + VT + b"MSH|half")
    sender.writer.write_eof()
    assert [told(await sender.answer()) for _ in range(2)] == [["AA", "C-1"], ["AA", "C-2"]]
    assert await sender.rest() == b""
    assert len(await wire.sent()) == 2


async def test_many_errors_make_a_short_answer(wire, told):
    sender = await wire.connect()
    lines = "".join(f"OBX|{n}|NM|718-7^Hemoglobin^LN||high|g/dL|||||F\r" for n in range(2, 90))
    ack = await sender.send(wire.oru("C-1") + lines)
    assert told(ack) == ["AE", "C-1"]
    errors = [line for line in ack.split("\r") if line.startswith("ERR")]
    assert 5 < len(errors) < 60
    assert "more" in errors[-1]
    (row,) = await wire.sent()
    assert len(row["errors"]) == 88


async def test_answers_are_ascii_where_they_are_ours(wire):
    sender = await wire.connect()
    ack = await sender.send(wire.oru("C-1").replace("19700101", "zwölf"))
    assert ack.isascii()
    assert "zw\\XC3B6\\lf" in ack


async def test_one_mebibyte_and_one_byte_more(wire, told):
    sender = await wire.connect()
    text = wire.oru("C-1")
    note = "NTE|1||" + "x" * (MIB - len(text) - 8) + "\r"
    assert len(text + note) == MIB
    assert told(await sender.send(text + note)) == ["AA", "C-1"]
    ack = await sender.send((text + note[:-1] + "x\r").replace("C-1", "C-2"))
    assert told(ack) == ["AR", "C-2"]
    assert f"{MIB + 1} bytes" in ack
    assert told(await sender.send(wire.oru("C-3"))) == ["AA", "C-3"]
    assert [row["accepted"] for row in await wire.sent()] == [True, False, True]


async def test_binary_in_a_frame(wire):
    sender = await wire.connect()
    assert "MSA|AR" in await sender.send(bytes(b for b in range(256) if b not in (0x0B, 0x1C)) * 40)


async def test_a_wrong_character_set_is_noted(wire, told):
    sender = await wire.connect()
    await sender.write(VT + wire.oru("C-1", "||||||UNICODE UTF-8").replace("Reyes", "Mül").encode("latin-1") + FS + CR)
    assert told(await sender.answer()) == ["AA", "C-1"]
    (row,) = await wire.sent()
    assert row["notes"] or row["errors"]


async def test_a_batch_gets_a_batch(wire, mllp):
    sender = await wire.connect()
    text = "BHS|^~\\&|LAB|HOSP|EHR|CLINIC|||||B-1\r" + wire.oru("C-1") + wire.oru("C-2") + "BTS|2\r"
    ack = await sender.send(text)
    names = [line.split("|")[0] for line in ack.split("\r") if line]
    assert names == ["BHS", "MSH", "MSA", "MSH", "MSA", "BTS"]
    assert [row["control_id"] for row in await wire.sent()] == ["C-1", "C-2"]


@pytest.mark.parametrize("header", ["MSH|^~\\&|BHS|^~\\&|LAB|HOSP", "MSH|^~\\&|MSH|^~\\&#|LAB|HOSP"])
async def test_an_invention_of_a_known_sender_is_named(wire, header):
    sender = await wire.connect()
    ack = await sender.send(f"{header}|EHR|CLINIC|20260423||ORU^R01|C-1|P|2.5\rPID|1\r")
    assert "MSA|AR" in ack
    assert "mllp_send --loose" in ack


@pytest.mark.parametrize(
    ("modes", "codes"),
    [
        ("|||AL|AL", ["CA", "AA"]),
        ("|||AL|NE", ["CA"]),
        ("|||NE|AL", ["AA"]),
        ("|||ER|SU", ["AA"]),
        ("|||SU|ER", ["CA"]),
    ],
)
async def test_enhanced_mode_where_it_is_asked_for(wire, told, modes, codes):
    sender = await wire.connect()
    await sender.write(VT + wire.oru("C-1", modes).encode() + FS + CR)
    assert [told(await sender.answer()) for _ in codes] == [[code, "C-1"] for code in codes]
    assert told(await sender.send(wire.oru("C-2"))) == ["AA", "C-2"]


async def test_no_answer_where_none_is_wanted(wire, told):
    sender = await wire.connect()
    await sender.write(VT + wire.oru("C-1", "|||NE|NE").encode() + FS + CR)
    assert told(await sender.send(wire.oru("C-2"))) == ["AA", "C-2"]
    assert len(await wire.sent()) == 2


async def test_a_connection_stays_and_ends_with_the_task_run(wire, told):
    sender = await wire.connect()
    assert told(await sender.send(wire.oru("C-1"))) == ["AA", "C-1"]
    await wire.run.complete()
    assert await sender.rest() == b""
    with pytest.raises(ConnectionRefusedError):
        await wire.connect()


async def test_a_hundred_half_open_connections_hold_nobody_up(wire, told):
    for _ in range(100):
        sender = await wire.connect()
        await sender.write(VT + b"MSH|^~")
    assert told(await (await wire.connect()).send(wire.oru("C-1"))) == ["AA", "C-1"]
