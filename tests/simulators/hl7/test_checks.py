"""`hl7-structural`: which messages are selected, and the values at paths."""

from typing import Any

import pytest
from pydantic import ValidationError

ADT = "MSH|^~\\&|A|B|C|D|20260423||ADT^{event}|{id}|P|2.5\rPID|1||{mrn}^^^MRN||Smith^John\rPV1|1|I\r"
ORU = (
    "MSH|^~\\&|A|B|C|D|20260423||ORU^R01^ORU_R01|R1|P|2.5\rPID|1||7||Chen^Maria\rOBR|1|||1\r"
    "OBX|1|NM|2345-7||182||||||F\rOBX|2|NM|718-7||13.5||||||F\r"
)


@pytest.fixture
def sent(engine: Any) -> Any:
    engine.send(ADT.format(event="A01", id="1", mrn="100"))
    engine.send(ORU)
    engine.send(ADT.format(event="A08", id="2", mrn="100"))
    engine.send(ADT.format(event="A08", id="003", mrn="200"))
    engine.send("MSH|^~\\&|A|B|C|D|20260423||ADT^A08|4|P|2.5\rPID|1||100\rPV1|1|I")
    engine.send("not a message")
    return engine


def controls(selection: Any) -> list[str]:
    return [subject.value["control_id"] for subject in selection.subjects]


@pytest.mark.parametrize(
    ("correlate_by", "found"),
    [
        ({}, ["003", "2", "R1", "1", "", "4"]),
        ({"message_type": "ADT"}, ["003", "2", "1", "4"]),
        ({"message_type": "ADT^A08"}, ["003", "2", "4"]),
        ({"message_type": "ORU^R01^ORU_R01"}, ["R1"]),
        ({"message_type": "ORU_R01"}, []),
        ({"message_type": "AD"}, []),
        ({"trigger_event": "A01"}, ["1"]),
        ({"control_id": "003"}, ["003"]),
        ({"control_id": 3}, []),
        ({"control_id": "3"}, []),
        ({"PID.3.1": "100"}, ["2", "1", "4"]),
        ({"PID-3.1": 100}, ["2", "1", "4"]),
        ({"message_type": "ADT^A08", "PID.3.1": 100}, ["2", "4"]),
        ({"OBX[?3.1=718-7].5": 13.5}, ["R1"]),
        ({"OBX[*].5": "13.5"}, ["R1"]),
        ({"PID.5.1": None}, ["", "4"]),
        ({"MSH.10": "nobody"}, []),
        ({"PID.5.1": True}, []),
    ],
)
def test_correlation(sent: Any, correlate_by: dict[str, Any], found: list[str]) -> None:
    selection = sent.select(correlate_by=correlate_by)
    assert controls(selection) == found
    assert selection.evidence == {"total": len(found)}


def test_accepted_messages_come_first_and_can_be_demanded(sent: Any) -> None:
    assert controls(sent.select(correlate_by={"trigger_event": "A08"}, accepted=True)) == ["003", "2"]
    assert controls(sent.select(correlate_by={"trigger_event": "A08"}, accepted=False)) == ["4"]
    assert "rejected" in sent.select(accepted=False).sought


def test_subjects_read_paths(sent: Any) -> None:
    subject = sent.select(correlate_by={"message_type": "ORU"}).subjects[0]
    assert subject.values_at("PID.5.2") == ["Maria"]
    assert subject.values_at("OBX[?3.1=718-7].5") == ["13.5"]
    assert subject.values_at("PV1.2") == []
    assert subject.label.startswith("hl7msg_")
    assert subject.text == ORU
    unreadable = next(s for s in sent.select().subjects if s.value["payload"] == "not a message")
    assert unreadable.values_at("PID.5") == []


def test_sought_completes_a_sentence(sent: Any) -> None:
    sought = sent.select(correlate_by={"message_type": "SIU^S12", "PID.3.1": "9"}, accepted=True).sought
    assert sought == "accepted outbound HL7 message with message_type = SIU^S12 and PID.3.1 = 9"


def test_acknowledgments(engine: Any) -> None:
    engine.deliver(payload=ORU)
    engine.deliver(payload=ADT.format(event="A01", id="77", mrn="1"))
    first, second = (row["id"] for row in engine.call("GET", "hl7/inbox").json)
    assert engine.select(mailbox="acks").subjects == ()
    engine.call("POST", f"hl7/inbox/{first}/ack", json={"ack_code": "AA"})
    engine.call("POST", f"hl7/inbox/{second}/ack", json={"ack_code": "AR", "text": "not ours"})
    assert controls(engine.select(mailbox="acks")) == ["R1", "77"]
    assert controls(engine.select(mailbox="acks", correlate_by={"control_id": "R1"})) == ["R1"]
    assert controls(engine.select(mailbox="acks", correlate_by={"message_type": "ADT^A01"})) == ["77"]
    assert controls(engine.select(mailbox="acks", correlate_by={"MSA.1": "AR"})) == ["77"]
    assert controls(engine.select(mailbox="acks", accepted=True)) == ["R1"]
    assert engine.select(mailbox="acks", accepted=False).subjects[0].values_at("MSA.3") == ["not ours"]
    assert controls(engine.select()) == []


@pytest.mark.parametrize(
    "assertion",
    [
        {"fields": [{"path": "PID", "expected": 1}, {"path": "pid.5", "expected": 1}]},
        {"fields": [{"path": "PID.0", "expected": 1}]},
        {"correlate_by": {"patient": "x"}},
        {"correlate_by": {"PID.": "x"}},
        {"correlate_by": {"PID.3": ["x"]}},
        {"mailbox": "inbox"},
        {"search": {}},
        {"accepted": "perhaps"},
        {"count": {"min": -1}},
    ],
)
def test_bad_assertions_fail_at_load(engine: Any, assertion: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        engine.select(**assertion)


def test_a_bad_path_is_named(engine: Any) -> None:
    with pytest.raises(ValidationError, match=r"'PID/5' is not an HL7 path"):
        engine.select(fields=[{"path": "PID/5", "expected": 1}])
