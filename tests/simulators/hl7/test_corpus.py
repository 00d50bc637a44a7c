"""Messages as they come from real systems, sound and broken, with the verdict a receiver gives.

The corpus is in `corpus/*.yaml`. Each case is also put to hl7apy (strict parse and validation): it
says the same, or the case names an explained difference (`DIFFERENCES`).
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from sandbox.simulators.hl7.faults import Fault
from sandbox.simulators.hl7.message import Unreadable, parse
from sandbox.simulators.hl7.validate import Verdict, validate

DIFFERENCES = {
    "no-evn": "hl7apy wants EVN; upstream's documented accepted message has none.",
    "structure-lookup": "hl7apy looks for a structure named after the event (ADT_A04); HL7 table 0354 says ADT_A01.",
    "withdrawn-type": "hl7apy has no structure for a type that the version withdrew.",
    "length": "hl7apy enforces a maximum of 199 characters on ST; receivers read on.",
    "repetition-limit": "hl7apy counts repetitions; receivers take the first.",
    "extra-components": "hl7apy refuses components a data type does not have; receivers ignore them.",
    "msg-structure": "from 2.6 on hl7apy wants MSH-9.3; receivers find the structure themselves.",
    "optional-component": "hl7apy wants CX-5 and XTN-3 from 2.7 on; senders leave them out.",
    "conditional-field": "the tables mark as required what the standard's text calls conditional.",
    "number-in-component": "hl7apy wants digits in XTN-7; senders put punctuation there.",
    "typed-by-obx-2": "hl7apy does not look at what OBX-2 says about OBX-5.",
    "ts-is-text": "up to 2.4 hl7apy treats time stamps as text.",
    "table": "hl7apy only warns about codes outside an HL7 table.",
    "refused": "hl7apy has no opinion on the processing id.",
    "blank-required": "hl7apy counts a field of delimiters only as present.",
    "number-syntax": "hl7apy takes whatever Python's Decimal reads for NM.",
    "lenient-null": "hl7apy has no notion of the HL7 null (two quotes).",
    "choice": "hl7apy wants every alternative of a choice (OBR and RQD and RXO …) at once.",
    "group-repetition": "hl7apy cannot open a second PATIENT_RESULT group.",
    "silently-dropped": "hl7apy drops a line it has no place for, without a word.",
    "required-by-tables": "what the tables require and feeds leave out is a note (`policy.py`).",
    "note-opens-group": "hl7apy lets a note open a group and then misses what the group begins with.",
    "timing": "hl7apy takes the TQ1 that follows RXE for the one that may follow ORC.",
    "prior-result": "hl7apy takes the next order for a prior result of the first.",
    "delimiters": "hl7apy wants exactly four or five encoding characters.",
}


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    ack_code: str
    errors: tuple[tuple[str, str], ...]
    hl7apy: str
    notes: tuple[str, ...] | None


def read_cases(file: str) -> list[Case]:
    rows = yaml.safe_load((Path(__file__).parent / "corpus" / file).read_text())
    return [
        Case(
            row["name"],
            "".join(f"{segment}\r" for segment in row["segments"]),
            row["verdict"],
            tuple((location, code) for location, code in row.get("errors", [])),
            row.get("hl7apy", "same"),
            tuple(row["notes"]) if "notes" in row else None,
        )
        for row in rows
    ]


SOUND = read_cases("sound.yaml")
BROKEN = read_cases("broken.yaml")
CASES = SOUND + BROKEN


def judge(text: str) -> Verdict:
    try:
        return validate(parse(text))
    except Unreadable as error:
        return Verdict("AR", (Fault(error.location, error.hl7_code, error.message),))


def refusal_by_hl7apy(text: str) -> str | None:
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.parser import parse_message

    try:
        parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True, force_validation=True)
    except Exception as error:  # hl7apy raises whatever it stumbles over (IndexError, KeyError, …)
        return f"{type(error).__name__}: {error}"
    return None


def test_the_corpus_is_not_a_toy() -> None:
    assert len(SOUND) >= 50
    assert len(BROKEN) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdict(case: Case) -> None:
    verdict = judge(case.text)
    assert (verdict.ack_code, tuple((f.location, f.code) for f in verdict.faults)) == (case.ack_code, case.errors)
    assert all(fault.message.endswith((".", "?")) for fault in verdict.faults)
    if case.notes is not None:
        assert verdict.notes == case.notes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agreement_with_hl7apy(case: Case) -> None:
    refusal = refusal_by_hl7apy(case.text)
    agrees = (refusal is None) is (case.ack_code == "AA")
    if case.hl7apy == "same":
        assert agrees, f"hl7apy disagrees: {refusal}"
    else:
        assert not agrees, "hl7apy agrees; the difference is none"


def test_every_difference_is_explained_and_shown() -> None:
    assert {case.hl7apy for case in CASES} == {"same", *DIFFERENCES}


def test_hl7apy_drops_what_we_keep() -> None:
    """Why nothing here stores what hl7apy parsed: its `find_groups` loses segments without a word."""
    from hl7apy.parser import parse_message

    text = next(case.text for case in SOUND if case.name == "segment of another structure")
    assert "ORC" not in parse_message(text).to_er7()
    assert "ORC" in [segment.name for segment in parse(text).segments]


@pytest.mark.parametrize("case", [c for c in CASES if c.ack_code == "AE"], ids=lambda case: case.name)
def test_an_error_is_in_the_message_not_in_the_reader(case: Case) -> None:
    """The same verdict with other line ends and other delimiters."""
    verdict = judge(case.text)
    assert judge(case.text.replace("\r", "\n")).faults == verdict.faults
    if not {"#", "$", "!", "@"} & set(case.text):
        translated = case.text.translate(str.maketrans("|^~&", "#$!@"))
        found = [(fault.location, fault.code) for fault in judge(translated).faults]
        assert found == [(fault.location, fault.code) for fault in verdict.faults]
