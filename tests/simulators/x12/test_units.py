"""The parts that know neither payer nor HTTP: segments, envelopes, guides, paths."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Invalid
from sandbox.simulators.x12.edi.parse import NotX12, parse_interchanges
from sandbox.simulators.x12.edi.segments import Delimiters, Segment, make, plain, restate
from sandbox.simulators.x12.edi.writing import OutGroup, OutSet, Parties, write_interchange
from sandbox.simulators.x12.guides import claim_status, eligibility, services_review
from sandbox.simulators.x12.guides.dictionary import NAMES, WHEN, elements_of
from sandbox.simulators.x12.guides.grammar import Loop, Use
from sandbox.simulators.x12.paths import find_values, parse_path, path_type
from sandbox.simulators.x12.reading import segments_of

NOW = datetime(2026, 4, 23, 9, tzinfo=UTC)
MARKS = st.permutations("*:^~|>!'\x1d\x1e\x1f\x1c#;+").map(lambda found: Delimiters(*found[:4]))
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)


def uses(loop):
    for part in loop.parts:
        yield from [part] if isinstance(part, Use) else uses(part)


@pytest.mark.parametrize(
    "guide", [eligibility.INQUIRY, claim_status.REQUEST, services_review.REQUEST, services_review.INQUIRY]
)
def test_a_guide_names_segments_and_elements_that_there_are(guide):
    for use in uses(guide.root):
        known = elements_of(use.name)
        for position in (*use.when, *use.codes, *use.needed, *use.dates):
            assert 1 <= position <= len(known), (use.name, position)
        for position in use.dates:
            assert known[position - 1].reference == "1250" and known[position].reference == "1251"


def test_every_condition_names_elements_that_there_are():
    for name, conditions in WHEN.items():
        for condition in conditions:
            places = [int(condition[i : i + 2]) for i in range(1, len(condition), 2)]
            assert condition[0] in "PRCE" and all(1 <= place <= len(elements_of(name)) for place in places)
    assert all(elements_of(name) for name in NAMES)


def test_every_loop_opens_with_a_segment():
    def check(loop):
        assert isinstance(loop.parts[0], Use)
        for part in loop.parts:
            if isinstance(part, Loop):
                check(part)

    check(services_review.REQUEST.root)


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_what_is_written_is_read_back(texts):
    body = (make("BHT", *texts),)
    group = OutGroup("HS", "A", "B", 1, "005010X279A1", (OutSet("270", "0001", "005010X279A1", body),))
    text = write_interchange(Parties(("ZZ", "A"), ("ZZ", "B")), 1, NOW, [group])
    [found] = parse_interchanges(text)
    assert found.problem is None
    [one] = found.groups[0].sets
    assert [one.body[0].get(i) for i in range(1, len(texts) + 1)] == [plain(value) for value in texts]
    assert segments_of(text)[-1].name == "IEA"


@given(MARKS, st.lists(st.lists(TEXT, min_size=1, max_size=3), min_size=1, max_size=4))
def test_restating_keeps_what_can_be_kept(marks, values):
    standard = make("XX", *values)
    other = Segment(
        ("XX", *(marks.component.join(part.replace(marks.component, "") for part in value) for value in values)), marks
    )
    again = restate(other)
    assert again.delimiters == Delimiters() and len(again.elements) <= len(other.elements)
    assert restate(standard) is standard


@given(st.text(max_size=300))
def test_any_text_is_an_interchange_that_is_broken_or_none_at_all(text):
    with pytest.raises(NotX12):
        parse_interchanges("x" + text)
    assert all(one.problem is not None for one in parse_interchanges("ISA" + text))


def test_paths():
    sent = [make("SV1", ["HC", "72148", "26"], "100"), make("EB", "1", "IND", [["30"], ["98"]]), make("EB", "C")]
    for path, values in (
        ("SV1.1.2", ["72148"]),
        ("SV101-2", ["72148"]),
        ("SV1-1-3", ["26"]),
        ("SV1.1", ["HC:72148:26"]),
        ("EB[*].1", ["1", "C"]),
        ("EB[2].1", ["C"]),
        ("EB[?1=C].1", ["C"]),
        ("EB.3[2]", ["98"]),
        ("EB03[*]", ["30", "98"]),
        ("EB", ["EB*1*IND*30^98"]),
        ("EB[3].1", []),
        ("EB.9", []),
    ):
        assert find_values(sent, path) == values, path
    for wrong in ("", "eb.1", "EB.", "EB[0].1", "EB.0", "EB.1.2.3", "EB[x].1", "TOOLONG.1"):
        with pytest.raises(Invalid):
            parse_path(wrong)
    for wrong in ("EB.15", "SV1.1.9", "QQ.1", "EB.1.2", "IK3.5"):
        with pytest.raises(Invalid):
            path_type(wrong)
