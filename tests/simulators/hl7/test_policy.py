"""The policy on what may be missing, and its page."""

import re
from pathlib import Path

import pytest

from sandbox.simulators.hl7.policy import EVENT_SEGMENTS, FIELDS, SEGMENTS, field_leniency

PAGE = Path(__file__).parents[3] / "docs" / "surfaces" / "hl7.md"


@pytest.fixture(scope="module")
def documented() -> str:
    section = PAGE.read_text().partition("### Required, and not insisted on")[2].partition("\nAn order has")[0]
    assert section
    return section


def test_every_leniency_is_documented(documented: str) -> None:
    spelled = re.sub(r"SFT-1 to SFT-4", "SFT-1 SFT-2 SFT-3 SFT-4", documented)
    named = set(re.findall(r"\b[A-Z][A-Z0-9]{2}-\d+\b", spelled))
    instead = {f"{s}-{p}" for (s, _), leniency in FIELDS.items() for p in leniency.instead}
    listed = {f"{s}-{p}" for s, p in FIELDS if s != "MSH"}
    assert listed <= named
    assert named <= listed | instead | {"MSH-9", "OBX-5"}
    for name in {*SEGMENTS, *(segment for segments in EVENT_SEGMENTS.values() for segment in segments)}:
        assert re.search(rf"\| segments? [^|]*\b{name}\b", documented), name


def test_a_reason_completes_the_note() -> None:
    reasons = [leniency.reason for leniency in FIELDS.values()] + list(SEGMENTS.values())
    assert all(re.match(r"[a-z]|MSH", reason) and not reason.endswith(".") for reason in reasons)


def test_set_ids_go_by_their_name() -> None:
    assert field_leniency("AL1", 1, "SET_ID_AL1") is not None
    assert field_leniency("PID", 3, "PATIENT_IDENTIFIER_LIST") is None
