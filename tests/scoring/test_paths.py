import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Invalid
from sandbox.scoring.compare import read_path

RESOURCE = {
    "status": "booked",
    "participant": [
        {"actor": {"display": "Dr. Rivera"}, "code": ["a", "b"]},
        {"actor": {"display": "Room 2"}},
    ],
    "empty": [],
    "nothing": None,
    "0": "named zero",
    "a.b": {"*": "star", "\\": "slash"},
    "": "no name",
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("status", ["booked"]),
        ("participant.0.actor.display", ["Dr. Rivera"]),
        ("participant.1.actor.display", ["Room 2"]),
        ("participant.2.actor.display", []),
        ("participant.-1.actor.display", []),
        ("participant.actor.display", []),
        ("participant.*.actor.display", ["Dr. Rivera", "Room 2"]),
        ("participant.*.code.*", ["a", "b"]),
        ("participant.*.code.1", ["b"]),
        ("participant.0.actor.*", ["Dr. Rivera"]),
        ("participant", [RESOURCE["participant"]]),
        ("empty", [[]]),
        ("empty.*", []),
        ("nothing", [None]),
        ("nothing.deeper", []),
        ("status.0", []),
        ("status.*", []),
        ("0", ["named zero"]),
        ("missing", []),
        (r"a\.b.\*", ["star"]),
        (r"a\.b.*", ["star", "slash"]),
        (r"a\.b.\\", ["slash"]),
        ("a.b", []),
        ("participant.²", []),
        (r"\*", []),
        ("participant." + "9" * 5000, []),
        ("participant.00.actor.display", ["Dr. Rivera"]),
    ],
)
def test_values_at_a_path(path, values):
    assert read_path(RESOURCE, path) == values


def test_the_empty_path_is_the_whole_value():
    assert (read_path(RESOURCE, ""), read_path(None, "")) == ([RESOURCE], [None])


@pytest.mark.parametrize("path", [".", "a.", ".a", "a..b", "a\\", "a.\\"])
def test_a_path_with_an_empty_segment_is_refused_by_name(path):
    with pytest.raises(Invalid, match="empty segment"):
        read_path(RESOURCE, path)


@given(st.dictionaries(st.text(min_size=1), st.integers()))
def test_every_name_can_be_written(row):
    for name, value in row.items():
        escaped = "".join(f"\\{char}" if char in ".*\\" else char for char in name)
        assert read_path(row, escaped) == [value]


@given(st.lists(st.integers()))
def test_a_star_yields_what_the_indexes_yield(items):
    by_index = [value for i in range(len(items)) for value in read_path({"a": items}, f"a.{i}")]
    assert read_path({"a": items}, "a.*") == by_index == items


def test_a_star_may_come_first_last_or_alone():
    assert read_path([1, 2], "*") == [1, 2]
    assert read_path({"a": 1}, "*") == [1]
    assert read_path([{"a": 1}, {"a": 2}], "*.a") == [1, 2]
    assert read_path({"*": 1, "a": 2}, r"\*") == [1]
