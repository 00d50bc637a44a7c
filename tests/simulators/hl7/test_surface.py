"""The routes: inbox, outbound, acknowledgments, in JSON and raw."""

from typing import Any

import pytest

from sandbox import jsonio, limits
from sandbox.playground.branch import Branch
from sandbox.playground.events import fold
from sandbox.simulators.hl7.message import parse

ADT = (
    "MSH|^~\\&|VERIAL|AGENT|EHR|FACILITY|20260423||ADT^A01|12345|P|2.5\r"
    "PID|1||12345^^^MRN||Smith^John||19650315|M\rPV1|1|I|ICU^101^A"
)
ORU = (
    "MSH|^~\\&|LAB|HOSP|EHR|CLINIC|20260423080000||ORU^R01^ORU_R01|LAB1|P|2.5.1\r"
    "PID|1||7^^^MRN||Chen^Maria\rOBR|1|||2345-7^Glucose^LN\rOBX|1|NM|2345-7^Glucose^LN||182|mg/dL|||||F\r"
)
RAW = {"content-type": "application/hl7-v2"}


def test_documented_message_is_accepted(engine: Any) -> None:
    answer = engine.send(ADT)
    assert list(answer) == ["id", "accepted", "ack_code", "ack", "errors", "notes"]
    assert (answer["accepted"], answer["ack_code"], answer["errors"]) == (True, "AA", [])
    assert "\rMSA|AA|12345\r" in answer["ack"]
    header = parse(answer["ack"]).header
    assert [header.raw(n) for n in (3, 4, 5, 6, 7, 9, 11, 12)] == [
        "EHR", "FACILITY", "VERIAL", "AGENT", "20260423090000+0000", "ACK^A01^ACK", "P", "2.5",
    ]  # fmt: skip
    assert 0 < len(header.raw(10)) <= 20
    assert answer["notes"] == ["EVN is missing; accepted, because MSH-9 names the trigger event already."]


def test_accepted_and_rejected_messages_are_kept_as_sent(engine: Any) -> None:
    texts = [ADT, "nonsense", ADT.replace("Smith^John", ""), "", "ZZZ\x00\u2028\U0001f3e5"]
    answers = [engine.send(text) for text in texts]
    rows = engine.rows("hl7/outbound")
    assert [row["payload"] for row in rows] == texts
    assert [row["ack_code"] for row in rows] == ["AA", "AR", "AE", "AR", "AR"]
    assert [row["accepted"] for row in rows] == [True, False, False, False, False]
    assert [row["id"] for row in rows] == [answer["id"] for answer in answers]
    listed = engine.call("GET", "hl7/outbound").json
    assert [row["payload"] for row in listed] == texts
    assert set(listed[0]) == set(
        "id message_type control_id payload charset received_at accepted ack_code ack errors notes".split()
    )
    assert (listed[0]["message_type"], listed[0]["control_id"]) == ("ADT^A01", "12345")


def test_errors_name_location_code_and_message(engine: Any) -> None:
    answer = engine.send("MSH|^~\\&|A|B|C|D|20260423||ADT^A01|9|P|2.5\rPID|1||7\rPV1|1|I")
    assert answer["errors"] == [
        {"location": "PID^1^5", "code": "101", "message": "PID-5 (patient name) is required, but empty."}
    ]
    assert answer["ack"].split("\r")[1:3] == [
        "MSA|AE|9|PID-5 (patient name) is required, but empty.",
        "ERR||PID^1^5|101^Required field missing^HL70357|E||||PID-5 (patient name) is required, but empty.",
    ]


@pytest.mark.parametrize(
    "media_type", ["application/hl7-v2", "application/hl7-v2+er7", "x-application/hl7-v2+er7", "text/plain"]
)
def test_raw_in_raw_out(engine: Any, media_type: str) -> None:
    answer = engine.call("POST", "hl7/outbound", ADT.encode(), headers={"content-type": media_type})
    assert (answer.status, answer.response.content_type) == (200, media_type)
    assert parse(answer.text).all("MSA")[0].text == "MSA|AA|12345"
    assert engine.rows("hl7/outbound")[0]["payload"] == ADT


def test_raw_bytes_are_kept_exactly(engine: Any) -> None:
    body = ADT.replace("Smith", "M\u00fcller").encode("latin-1")
    answer = engine.call("POST", "hl7/outbound", body, headers=RAW)
    row = engine.rows("hl7/outbound")[0]
    assert row["payload"].encode(row["charset"]) == body
    assert "ISO 8859-1" in row["notes"][0]
    assert b"MSA|AA|12345" in answer.response.body
    declared = engine.call("POST", "hl7/outbound", body, headers={"content-type": "text/plain; charset=iso-8859-1"})
    assert declared.response.content_type == "text/plain; charset=iso8859-1"
    assert engine.rows("hl7/outbound")[1]["charset"] == "iso8859-1"


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"{}", b"MSH", b"\x00" * 50, b"MSH|^~\\&|\xe9"])
def test_an_unreadable_raw_body_gets_an_ack(engine: Any, body: bytes) -> None:
    answer = engine.call("POST", "hl7/outbound", body, headers=RAW)
    assert answer.status == 200
    assert b"\rMSA|AR|" in answer.response.body
    assert engine.rows("hl7/outbound")[0]["accepted"] is False


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        (b"", 400, "JSON"),
        (b"{", 400, "JSON"),
        (b"[]", 400, "object"),
        (b'"MSH|"', 400, "object"),
        (b"{}", 400, "payload"),
        (b'{"payload": null}', 400, "payload"),
        (b'{"payload": 7}', 400, "payload"),
        (b'{"payload": ["MSH"]}', 400, "payload"),
        (b'{"payload": "MSH|", "message": "x"}', 400, "message"),
        (b'{"payload": "\\ud800"}', 400, "surrogate"),
        (b"\xff", 400, "UTF-8"),
    ],
)
def test_bad_json_is_a_400_that_names_the_field(engine: Any, body: bytes, status: int, named: str) -> None:
    answer = engine.call("POST", "hl7/outbound", body)
    assert answer.status == status
    assert named in answer.json["error"]["message"]
    assert engine.rows("hl7/outbound") == []
    assert answer.event.changes == ()


def test_details_name_every_unknown_field(engine: Any) -> None:
    answer = engine.call("POST", "hl7/outbound", json={"payload": "", "b": 1, "a": 2})
    assert answer.json["error"]["details"] == {key: ["Unknown field; leave it out."] for key in "ab"}


def test_other_media_types_are_refused(engine: Any) -> None:
    answer = engine.call("POST", "hl7/outbound", b"x", headers={"content-type": "application/xml"})
    assert answer.status == 415
    assert "application/hl7-v2" in answer.json["error"]["message"]
    assert engine.call("POST", "hl7/outbound", jsonio.dump({"payload": ADT}), headers={}).json["accepted"] is True


def filled(size: int) -> str:
    note = "\rNTE|1||"
    return ADT + note + "x" * (size - len(ADT) - len(note))


def test_size_limit(engine: Any) -> None:
    assert engine.send(filled(limits.HL7_MESSAGE_BYTES))["accepted"] is True
    over = filled(limits.HL7_MESSAGE_BYTES + 1)
    answer = engine.call("POST", "hl7/outbound", json={"payload": over})
    assert (answer.status, answer.json["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert str(limits.HL7_MESSAGE_BYTES) in answer.json["error"]["message"]
    raw = engine.call("POST", "hl7/outbound", over.encode(), headers=RAW)
    assert raw.status == 413
    assert b"\rMSA|AR|" in raw.response.body
    assert len(engine.rows("hl7/outbound")) == 1
    assert raw.event.changes == ()


def test_size_is_counted_in_bytes(engine: Any) -> None:
    text = filled(limits.HL7_MESSAGE_BYTES - 1) + "é"
    assert engine.call("POST", "hl7/outbound", json={"payload": text}).status == 413


def test_segment_limit(engine: Any) -> None:
    assert engine.send(ADT + "\rZZZ" * (limits.HL7_SEGMENTS - 3))["accepted"] is True
    answer = engine.call("POST", "hl7/outbound", json={"payload": ADT + "\rZZZ" * (limits.HL7_SEGMENTS - 2)})
    assert answer.status == 413
    assert str(limits.HL7_SEGMENTS) in answer.json["error"]["message"]


def test_many_errors_are_cut_off(engine: Any) -> None:
    answer = engine.send(ORU + "OBX|x|NM\r" * 200)
    assert len(answer["errors"]) == 100
    assert "Only the first 100 errors are listed." in answer["notes"]
    assert answer["ack"].count("\rERR|") == 100


@pytest.mark.parametrize(
    ("kind", "strict"), [("ADT^A04", "AA"), ("MDM^T01", "AR"), ("DFT^P03", "AR"), ("VXU^V04", "AR"), ("ACK^A01", "AR")]
)
def test_strict_mode_takes_what_upstream_takes(engine: Any, kind: str, strict: str) -> None:
    text = ADT.replace("ADT^A01", kind)
    answer = engine.send(text, is_strict=True)
    assert answer["ack_code"] == strict
    if strict == "AR":
        assert answer["errors"][0]["code"] == "200"
        assert engine.send(text)["ack_code"] != "AR"


def test_line_feeds_and_frames_are_noted(engine: Any) -> None:
    answer = engine.send("\x0b" + ADT.replace("\r", "\n") + "\n\x1c\r")
    assert answer["accepted"] is True
    assert any("line feeds" in note for note in answer["notes"])
    assert any("MLLP" in note for note in answer["notes"])


def test_inbox(engine: Any) -> None:
    assert engine.call("GET", "hl7/inbox").json == []
    engine.deliver(payload=ORU)
    engine.deliver(content=ADT.replace("\r", "\n"))
    inbox = engine.call("GET", "hl7/inbox")
    assert [list(row) for row in inbox.json] == [["id", "message_type", "control_id", "payload", "received_at"]] * 2
    first, second = inbox.json
    assert (first["message_type"], first["control_id"], first["payload"]) == ("ORU^R01", "LAB1", ORU)
    assert first["received_at"] == "2026-04-23T09:00:00.000Z"
    assert second["payload"] == ADT + "\r"
    assert inbox.event.type == "hl7_inbox_read"
    assert engine.call("GET", "hl7/messages").json == inbox.json
    assert engine.call("GET", f"hl7/inbox/{first['id']}").json == {**first, "acks": []}


def test_messages_is_the_direct_form_of_outbound(engine: Any) -> None:
    answer = engine.call("POST", "hl7/messages", json={"payload": ADT})
    assert answer.json["accepted"] is True
    assert answer.event.type == "hl7_outbound"
    assert len(engine.rows("hl7/outbound")) == 1


def delivered(engine: Any) -> str:
    engine.deliver(payload=ORU)
    return str(engine.call("GET", "hl7/inbox").json[-1]["id"])


def test_acknowledging_with_a_code(engine: Any) -> None:
    key = delivered(engine)
    answer = engine.call("POST", f"hl7/inbox/{key}/ack", json={"ack_code": "AE", "text": "no such patient"})
    assert answer.status == 201
    assert answer.event.type == "hl7_ack"
    ack = answer.json
    assert (ack["inbox_id"], ack["control_id"], ack["ack_code"], ack["accepted"]) == (key, "LAB1", "AE", False)
    message = parse(ack["payload"])
    assert message.all("MSA")[0].text == "MSA|AE|LAB1|no such patient"
    assert [message.header.raw(n) for n in (3, 5)] == ["EHR", "LAB"]
    assert engine.call("GET", f"hl7/inbox/{key}").json["acks"] == [ack]


@pytest.mark.parametrize("is_raw", [True, False])
def test_acknowledging_with_a_message(engine: Any, is_raw: bool) -> None:
    key = delivered(engine)
    own = "MSH|^~\\&|EHR|CLINIC|LAB|HOSP|20260423||ACK^R01|A1|P|2.5.1\rMSA|AA|LAB1\r"
    if is_raw:
        answer = engine.call("POST", f"hl7/inbox/{key}/ack", own.encode(), headers=RAW)
    else:
        answer = engine.call("POST", f"hl7/inbox/{key}/ack", json={"payload": own})
    assert answer.status == 201
    assert (answer.json["ack_code"], answer.json["accepted"], answer.json["payload"]) == ("AA", True, own)


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({}, 400, "ack_code"),
        ({"ack_code": 1}, 400, "ack_code"),
        ({"ack_code": "OK"}, 400, "ack_code"),
        ({"ack_code": "AA", "text": 1}, 400, "text"),
        ({"ack_code": "AA", "payload": ORU}, 400, "ack_code"),
        ({"code": "AA"}, 400, "code"),
        ({"payload": ORU}, 400, "MSA"),
        ({"payload": "hello"}, 400, "MSH"),
        ({"payload": "MSH|^~\\&|A|B|C|D|1||ACK|1|P|2.5\rMSA|AA|OTHER"}, 409, "LAB1"),
        ({"payload": "MSH|^~\\&|A|B|C|D|1||ACK|1|P|2.5\rMSA|OK|LAB1"}, 400, "MSA-1"),
        ({"payload": "MSH|^~\\&|A\r" + "x" * limits.HL7_MESSAGE_BYTES}, 413, "bytes"),
    ],
)
def test_bad_acknowledgments(engine: Any, body: Any, status: int, named: str) -> None:
    answer = engine.call("POST", f"hl7/inbox/{delivered(engine)}/ack", json=body)
    assert answer.status == status, answer.text
    assert named in answer.json["error"]["message"]
    assert engine.rows("hl7/acks") == []


def test_unknown_inbox_message(engine: Any) -> None:
    assert engine.call("GET", "hl7/inbox/nope").status == 404
    assert engine.call("POST", "hl7/inbox/nope/ack", json={"ack_code": "AA"}).status == 404


def test_an_ack_sent_as_a_message_acknowledges_too(engine: Any) -> None:
    key = delivered(engine)
    text = "MSH|^~\\&|EHR|CLINIC|LAB|HOSP|20260423||ACK^R01^ACK|A1|P|2.5.1\rMSA|AA|{}\r"
    assert engine.send(text.format("OTHER"))["accepted"] is True
    assert engine.rows("hl7/acks") == []
    assert engine.send(text.format("LAB1"))["accepted"] is True
    assert [(row["inbox_id"], row["ack_code"]) for row in engine.rows("hl7/acks")] == [(key, "AA")]


def test_order_of_arrival_is_kept(engine: Any) -> None:
    ids = [engine.send(ADT.replace("12345", str(number)))["id"] for number in range(25)]
    assert [row["id"] for row in engine.call("GET", "hl7/outbound").json] == ids


def test_the_events_fold_to_the_same_state(engine: Any) -> None:
    delivered(engine)
    engine.send(ADT)
    engine.send("bad")
    engine.call("POST", "hl7/outbound", b"{}")
    again = fold(Branch(engine.playground.branch.seed), engine.recorder.events)
    assert again.state_hash() == engine.playground.branch.state_hash()


def test_a_seeded_run_repeats_to_the_byte(make_engine: Any) -> None:
    first, second = make_engine(random_seed=3), make_engine(random_seed=3)
    assert [first.send(ADT), first.send("x")] == [second.send(ADT), second.send("x")]
    assert make_engine(random_seed=4).send(ADT)["id"] != first.rows("hl7/outbound")[0]["id"]


def test_credentials(engine: Any) -> None:
    root = "http://localhost/v1/task-runs/tr_1"
    strict = engine.simulator.credentials(engine.sandbox, root, True)
    assert strict == {"inbox_url": f"{root}/hl7/inbox", "outbound_url": f"{root}/hl7/outbound"}
    extended = engine.simulator.credentials(engine.sandbox, root, False)
    assert set(extended) - set(strict) == {"receiving_application", "receiving_facility"}


def test_the_engine_signs_where_the_sender_names_nobody(engine: Any) -> None:
    answer = engine.send("MSH|^~\\&|A|B|||20260423||ADT^A01|1|P|2.5\rPID|1||7||X\rPV1|1|I")
    header = parse(answer["ack"]).header
    assert (header.raw(3), header.raw(4)) == (engine.sandbox.name, "")
