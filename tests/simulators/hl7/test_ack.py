"""The acknowledgment's form in every version."""

from datetime import UTC, datetime

import pytest

from sandbox.simulators.hl7.ack import Acknowledgment, Sender, build_ack
from sandbox.simulators.hl7.faults import Fault
from sandbox.simulators.hl7.message import parse
from sandbox.simulators.hl7.tables import VERSIONS
from sandbox.simulators.hl7.validate import validate

NOW = datetime(2026, 4, 23, 9, 0, tzinfo=UTC)
WARNING = Fault("MSH^1^18", "102", "MSH-18 names 'X', no character set known here.", "W")
FAULTS = (Fault("PID^1^5", "101", "PID-5 is required | really."), Fault("OBX^2^5^1^2", "102", "OBX-5"))


def header(version: str, kind: str = "ADT^A01", encoding: str = "^~\\&") -> str:
    return f"MSH|{encoding}|REG|MERCY|EHR|CLINIC|20260423||{kind}|MSG1|P|{version}||||||8859/1"


def ack(text: str | None, code: str = "AA", faults: tuple[Fault, ...] = (), summary: str = "") -> list[str]:
    message = parse(text) if text is not None else None
    built = build_ack(
        message, Acknowledgment(code, summary, faults), control_id="C1", now=NOW, sender=Sender("ME", "HERE")
    )
    assert built.endswith("\r")
    return built.split("\r")[:-1]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_ack_is_itself_a_valid_message(version: str) -> None:
    for faults in ((), FAULTS):
        lines = ack(header(version), "AE" if faults else "AA", faults, "wrong" if faults else "")
        verdict = validate(parse("\r".join(lines)))
        assert (verdict.ack_code, verdict.faults) == ("AA", ()), lines
        assert lines[0].split("|")[11] == version


@pytest.mark.parametrize("version", VERSIONS)
def test_a_warning_goes_with_an_acceptance(version: str) -> None:
    """From 2.5 on as an ERR of its own; before, ERR says errors only, and up to 2.6 there is MSA-3."""
    lines = ack(header(version), "AA", (WARNING,), WARNING.message)
    assert (validate(parse("\r".join(lines))).ack_code, lines[1].split("|")[1]) == ("AA", "AA")
    errors = [line.split("|") for line in lines if line.startswith("ERR")]
    assert [(error[2], error[4]) for error in errors] == ([("MSH^1^18", "W")] if version >= "2.5" else [])
    assert (WARNING.message in lines[1]) is (version < "2.7")


@pytest.mark.parametrize("version", [v for v in VERSIONS if v >= "2.5"])
def test_hl7apy_takes_the_warning(version: str) -> None:
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.parser import parse_message

    text = "\r".join(ack(header(version), "AA", (WARNING,), "x"))
    message = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, force_validation=True)
    assert message.err.err_4.to_er7() == "W"


@pytest.mark.parametrize("version", [v for v in VERSIONS if v not in ("2.1", "2.2", "2.3")])
def test_hl7apy_takes_the_ack(version: str) -> None:
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.parser import parse_message

    text = "\r".join(ack(header(version), "AE", FAULTS if version >= "2.5" else FAULTS[:1]))
    message = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, force_validation=True)
    assert message.msa.msa_1.to_er7() == "AE"


def test_header_mirrors_the_sender() -> None:
    assert ack(header("2.5.1")) == [
        "MSH|^~\\&|EHR|CLINIC|REG|MERCY|20260423090000+0000||ACK^A01^ACK|C1|P|2.5.1||||||8859/1",
        "MSA|AA|MSG1",
    ]


@pytest.mark.parametrize(
    ("version", "kind"),
    [("2.1", "ACK"), ("2.2", "ACK^A01"), ("2.3", "ACK^A01"), ("2.3.1", "ACK^A01^ACK"), ("2.8", "ACK^A01^ACK")],
)
def test_message_type_by_version(version: str, kind: str) -> None:
    assert ack(header(version))[0].split("|")[8] == kind


def test_errors_up_to_2_4_are_repetitions() -> None:
    assert ack(header("2.3"), "AE", FAULTS)[2:] == [
        "ERR|PID^1^5^101&Required field missing&HL70357~OBX^2^5^102&Data type error&HL70357"
    ]
    assert ack(header("2.2"), "AE", FAULTS)[2:] == ["ERR|PID^1^5^101~OBX^2^5^102"]


def test_errors_from_2_5_are_segments() -> None:
    assert ack(header("2.5"), "AE", FAULTS)[2:] == [
        "ERR||PID^1^5|101^Required field missing^HL70357|E||||PID-5 is required \\F\\ really.",
        "ERR||OBX^2^5^1^2|102^Data type error^HL70357|E||||OBX-5",
    ]


def test_custom_delimiters_are_kept() -> None:
    lines = ack("MSH#$~!%#A#B#C#D#20260423##ADT$A01#1#P#2.5", "AE", FAULTS)
    assert lines[0].startswith("MSH#$~!%#C#D#A#B#")
    assert lines[0].split("#")[8] == "ACK$A01$ACK"
    assert lines[2] == "ERR##PID$1$5#101$Required field missing$HL70357#E####PID-5 is required | really."


def test_without_repetition_every_error_has_its_segment() -> None:
    assert ack(header("2.3", encoding="^"), "AE", FAULTS)[2:] == ["ERR|PID^1^5^101", "ERR|OBX^2^5^102"]


def test_something_that_is_no_message() -> None:
    lines = ack(None, "AR", (Fault("", "100", "no"),), "no")
    assert lines == [
        "MSH|^~\\&|ME|HERE|||20260423090000+0000||ACK|C1|P|2.5",
        "MSA|AR||no",
        "ERR|||100^Segment sequence error^HL70357|E||||no",
    ]


def test_msa_3_was_withdrawn_in_2_7() -> None:
    assert ack(header("2.6"), "AE", (), "wrong")[1] == "MSA|AE|MSG1|wrong"
    assert ack(header("2.7"), "AE", (), "wrong")[1] == "MSA|AE|MSG1"
