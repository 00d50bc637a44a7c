"""Nothing an agent sends makes the surface raise anything but its own errors."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import jsonio
from sandbox.simulators.hl7.message import parse
from sandbox.simulators.hl7.tables import VERSIONS

FRAGMENTS = [
    *"MSH|^~\\&| MSH PID| OBX|1|NM| | ^ ~ \\ & ADT^A01 ORU^R01 2.5 2.3 |P| EVN ZZZ| é 20260423".split(),
    *'OBX|1|SN|x||^1^-^x| ERR MSA|AA|1 [ # ""'.split(),
    *"\r\n\x0b\x1c\x00\u2028",
    *"\x1b \x1b$B \x1b(B \x1b(J \x1b)I \x1b-L \\M2442\\ \\C2842\\ \x1b$(Z ;3ED".split(" "),
]

texts = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join) | st.text(max_size=200)
relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@st.composite
def near_messages(draw: st.DrawFn) -> str:
    """A message whose header is right and whose body is not."""
    version = draw(st.sampled_from(VERSIONS))
    kind = draw(
        st.sampled_from(["ADT^A01", "ADT^A40", "ORU^R01", "ORM^O01", "SIU^S12", "MDM^T02", "DFT^P03", "VXU^V04", "ACK"])
    )
    names = st.sampled_from("EVN PID PV1 OBR OBX ORC NTE SCH RGS MRG TXA FT1 RXA IN1 NK1 MSA ZZZ SPM TQ1".split())
    values = st.text(alphabet='|^~\\&"0123456789AxF. -', max_size=60)
    body = draw(st.lists(st.tuples(names, values), max_size=12))
    return f"MSH|^~\\&|A|B|C|D|20260423||{kind}|1|P|{version}\r" + "".join(f"{n}|{v}\r" for n, v in body)


@st.composite
def near_batches(draw: st.DrawFn) -> str:
    """Lines of a batch in an order that may be right."""
    lines = st.sampled_from(
        [
            "FHS|^~\\&|A",
            "BHS|^~\\&|A",
            "BTS|1",
            "BTS",
            "FTS|1",
            "MSH|^~\\&|A|B|C|D|20260423||ADT^A01|1|P|2.5",
            "PID|1||7",
            "",
        ]
    )
    begin = draw(st.sampled_from(["FHS|^~\\&|A\r", "BHS|^~\\&|A\r", "\x0bBHS|^~\\&|A\r", "BHS#$"]))
    return begin + "".join(f"{line}\r" for line in draw(st.lists(lines, max_size=12)))


@relaxed
@given(near_batches())
def test_a_batch_is_taken_whole_or_not_at_all(engine: Any, text: str) -> None:
    before = len(engine.rows("hl7/outbound"))
    body = engine.send(text)
    rows = engine.rows("hl7/outbound")[before:]
    if "messages" not in body:
        assert [(row["payload"], row["accepted"]) for row in rows] == [(text, False)]
        return
    assert [row["id"] for row in rows] == [message["id"] for message in body["messages"]]
    assert body["accepted"] is all(message["accepted"] for message in body["messages"])
    kept = "".join(row["payload"] for row in rows)
    lines = text.replace("\x0b", "").split("\r")
    inside = [line for line in lines if line and line[:3] not in ("FHS", "BHS", "BTS", "FTS")]
    assert [line for line in kept.split("\r") if line] == inside
    assert body["ack"].count("\rMSA|") == len(rows)


@relaxed
@given(texts | near_messages())
def test_any_payload_gets_an_acknowledgment(engine: Any, text: str) -> None:
    answer = engine.call("POST", "hl7/outbound", jsonio.dump({"payload": text}))
    assert answer.status == 200
    body = answer.json
    assert body["accepted"] is (body["ack_code"] == "AA") is (body["errors"] == [])
    ack = parse(body["ack"])
    assert ack.component(ack.all("MSA")[0], 1) == body["ack_code"]
    assert len(ack.all("MSA")) == 1
    assert engine.rows("hl7/outbound")[-1]["payload"] == text


@relaxed
@given(
    st.binary(max_size=200)
    | texts.map(str.encode)
    | st.lists(st.sampled_from([f.encode() for f in FRAGMENTS] + [b"\xb1", b"\xe9"]), max_size=40).map(b"".join),
    st.sampled_from(["application/hl7-v2", "text/plain; charset=utf-16", "text/plain"]),
)
def test_any_raw_body_gets_an_acknowledgment(engine: Any, bytes_of: Any, body: bytes, media_type: str) -> None:
    answer = engine.call("POST", "hl7/outbound", body, headers={"content-type": media_type})
    assert answer.status == 200
    row = engine.rows("hl7/outbound")[-1]
    assert bytes_of(row) == body
    assert answer.response.body == row["ack"].encode(row["charset"], "replace")


@relaxed
@given(
    st.binary(max_size=100)
    | st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | texts,
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["payload", "ack_code", "text", "x"]), inner),
        max_leaves=6,
    ).map(jsonio.dump)
)
@pytest.mark.parametrize("path", ["hl7/outbound", "hl7/inbox/KEY/ack"])
def test_any_json_is_answered(engine: Any, path: str, body: bytes) -> None:
    if not engine.rows("hl7/inbox"):
        engine.deliver(payload="MSH|^~\\&|A|B|C|D|20260423||ADT^A01|1|P|2.5")
    key = engine.rows("hl7/inbox")[0]["id"]
    answer = engine.call("POST", path.replace("KEY", key), body)
    assert answer.status in (200, 201, 400, 409)
    assert answer.event.type in ("hl7_outbound", "hl7_ack")
    if answer.status >= 400:
        assert answer.event.changes == ()
