"""HL7 paths."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Invalid
from sandbox.simulators.hl7.delimiters import Delimiters, escape
from sandbox.simulators.hl7.message import parse
from sandbox.simulators.hl7.paths import find_values, parse_path

MESSAGE = parse(
    "MSH|^~\\&|LAB|HOSP|EHR|CLINIC|20260423||ORU^R01^ORU_R01|42|P|2.5\r"
    'PID|1||100^^^MERCY&1.2.3&ISO^MR~200^^^SSA^SS||O\\T\\Hara^Ann^^||19650315|F|""\r'
    "OBR|1||F1|24323-8^CMP^LN\r"
    "OBX|1|NM|2345-7^Glucose^LN||182|mg/dL|70-99|H|||F\r"
    "OBX|2|NM|718-7^Hemoglobin^LN||13.5|g/dL||||P\r"
    "OBX|3|NM|718-7^Hemoglobin^LN||13.9|g/dL||||F\r"
    "ZXX|a\\F\\b\r"
)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("PID.5.1", ["O&Hara"]),
        ("PID-5.1", ["O&Hara"]),
        ("PID.5.2", ["Ann"]),
        ("PID.5", ["O&Hara^Ann"]),
        ("PID.5.3", []),
        ("PID.7", ["19650315"]),
        ("PID.7.1", ["19650315"]),
        ("PID.7.1.1", ["19650315"]),
        ("PID.7.2", []),
        ("PID.8", ["F"]),
        ("PID.9", ['""']),
        ("PID.30", []),
        ("PID.3", ["100^^^MERCY&1.2.3&ISO^MR"]),
        ("PID.3.4", ["MERCY&1.2.3&ISO"]),
        ("PID.3.4.2", ["1.2.3"]),
        ("PID.3.4.4", []),
        ("PID.3[1].1", ["100"]),
        ("PID.3[2].1", ["200"]),
        ("PID.3[3].1", []),
        ("PID.3[*].1", ["100", "200"]),
        ("PID.3[*].4.2", ["1.2.3"]),
        ("PID[2].5", []),
        ("MSH.1", ["|"]),
        ("MSH.2", ["^~\\&"]),
        ("MSH.2.1", ["^~\\&"]),
        ("MSH.2.2", []),
        ("MSH.3", ["LAB"]),
        ("MSH.9", ["ORU^R01^ORU_R01"]),
        ("MSH.9.2", ["R01"]),
        ("MSH.10", ["42"]),
        ("OBX.5", ["182"]),
        ("OBX[2].5", ["13.5"]),
        ("OBX[2]-5", ["13.5"]),
        ("OBX[*].5", ["182", "13.5", "13.9"]),
        ("OBX[?3.1=718-7].5", ["13.5"]),
        ("OBX[?3=2345-7^Glucose^LN].5", ["182"]),
        ("OBX[?11=F].3.1", ["2345-7"]),
        ("OBX[?3.1=nothing].5", []),
        ("PID[?3[2].1=200].8", ["F"]),
        ("PID[?3[*].5=SS].8", ["F"]),
        ("ZXX.1", ["a|b"]),
        ("ZXX", ["ZXX|a\\F\\b"]),
        ("ZYY", []),
        ("NTE.3", []),
    ],
)
def test_values(path: str, values: list[str]) -> None:
    assert find_values(MESSAGE, path) == values


@pytest.mark.parametrize(
    "path",
    [
        "",
        "pid.5",
        "PID.",
        "PID.5.",
        "PID..5",
        "PID.0",
        "PID.5.0",
        "PID.5.1.0",
        "PID.5.1.1.1",
        "PID[0].5",
        "PID[].5",
        "PID[-1].5",
        "PID.3[0].1",
        "PID.5.x",
        "PIDX.5",
        "PI.5",
        "OBX[?=1].5",
        "OBX[?3.1=].5",
        "OBX[?3.1].5",
        "OBX[?3..1=x].5",
        "PID.5 ",
        " PID.5",
        "PID.*",
        "PID/5",
        "PID.999999",
        "PID.\u0663",
    ],
)
def test_bad_paths_name_themselves(path: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_path(path)
    assert repr(path) in caught.value.message


@given(st.text(max_size=40))
def test_any_text_is_a_path_or_invalid(text: str) -> None:
    with contextlib.suppress(Invalid):
        find_values(MESSAGE, text)


@given(st.text(min_size=1, max_size=30), st.integers(1, 8), st.integers(1, 6), st.integers(1, 4), st.integers(1, 3))
def test_what_is_written_is_found(value: str, field: int, repetition: int, component: int, subcomponent: int) -> None:
    chosen = Delimiters()
    written = (
        "|" * field + "~" * (repetition - 1) + "^" * (component - 1) + "&" * (subcomponent - 1) + escape(value, chosen)
    )
    message = parse("MSH|^~\\&|A\rZAA" + written + "^^~|next")
    assert find_values(message, f"ZAA.{field}[{repetition}].{component}.{subcomponent}") == [value]
