"""Long texts in pieces: the standard decoder judges what is read, and what is said of what cannot be."""

import json
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import jsonio, limits, work
from sandbox.errors import TooLarge
from sandbox.jsonpieces import PIECE, STRING_WINDOW, WINDOW, decode, encode

DECODER = json.JSONDecoder()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


def whole(text, window):
    return decode(text, DECODER.scan_once, dict, window)[0]


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def told(read):
    """What comes of reading: a value, or what is said of the text and where."""
    try:
        return "value", read()
    except json.JSONDecodeError as error:
        return error.msg, error.pos


@settings(max_examples=300, deadline=None)
@given(VALUES, st.sampled_from([None, 1]), st.integers(1, 60), st.data())
def test_it_reads_and_refuses_as_the_standard_decoder_does(value, indent, window, data):
    text = json.dumps(value, indent=indent)
    place = data.draw(st.integers(0, len(text)))
    put, taken = (
        data.draw(st.sampled_from(["", "{", "}", "[", "]", ",", ":", '"', "x", "1", " ", "\\"])),
        data.draw(st.integers(0, 2)),
    )
    for seen in (text, text[:place], text[:place] + put + text[place + taken :]):
        assert told(partial(whole, seen, window)) == told(partial(DECODER.decode, seen))


@settings(max_examples=300, deadline=None)
@given(VALUES, st.integers(1, 30))
def test_it_writes_what_one_call_writes(value, piece):
    assert b"".join(encode(value, compact, piece)) == compact(value)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a", "é", "\\n", "\\\\", '\\"', "\\ud83d", "\\ude00", "\\u00e9", "\\x", "\t", "\U0001f600"])
    )
)
def test_a_long_string_is_read_as_the_standard_decoder_reads_it(parts):
    for text in ('["' + "".join(parts) + '"]', '{"' + "".join(parts)):
        for window in (1, 3, 5):
            assert told(partial(whole, text, window)) == told(partial(DECODER.decode, text))


def test_no_call_is_given_more_than_a_piece():
    sizes = []

    def dump(value):
        sizes.append(len(jsonio.dump(value)))
        return jsonio.dump(value)

    value = ["x" * 50]
    for _ in range(16):  # as a patch does that copies a list into itself
        value = [*value, jsonio.copied(value)]
    value = {"deep": value, "long": "y" * 5_000_000, "many": [{"n": n} for n in range(100_000)], "last": 1}
    assert b"".join(encode(value, dump)) == jsonio.dump(value)
    assert len(jsonio.dump(value)) > 8_000_000
    assert max(sizes) < 80 * PIECE


def test_long_texts_are_written_in_pieces_beside_the_loop_alone(monkeypatch):
    calls = []
    monkeypatch.setattr(jsonio.jsonpieces, "encode", lambda *args: calls.append(args) or [b"whole"])
    for budget, count in ((work.Budget(work.TRIAL_UNITS, is_trial=True), 0), (work.Budget(), 1)):
        with work.bounded(budget):
            jsonio.dump_long({"a": [1] * 10})
        assert len(calls) == count
    jsonio.dump_long({})
    assert len(calls) == 1


def test_a_long_string_is_read_in_windows():
    text = '["' + "x" * (3 * STRING_WINDOW) + '\\n\\ud83d\\ude00"]'
    assert jsonio.parse(text) == ["x" * (3 * STRING_WINDOW) + "\n\U0001f600"]


def test_long_texts_keep_decimals_and_refuse_what_short_ones_refuse():
    rows = [{"name": f"n{n}", "value": "1.10"} for n in range(5_000)]
    text = json.dumps(rows).replace('"1.10"', "1.10")
    assert len(text) > WINDOW
    assert jsonio.dump(jsonio.parse(text)).decode() == text.replace(": ", ":").replace(", ", ",")
    for broken, said in ((text[:-2], "line 1"), (text.replace('"n4999"', "NaN"), "NaN")):
        with pytest.raises(jsonio.Malformed, match=said):
            jsonio.parse(broken)
    twice = text.replace('"name": "n4999"', '"name": 1, "name": 2')
    with pytest.raises(jsonio.Malformed, match="twice"):
        jsonio.parse(twice)
    with pytest.raises(jsonio.Malformed, match="surrogate"):
        jsonio.parse(text.replace("n4999", "\\ud800"))


def test_an_object_has_so_many_fields_and_no_more():
    def of(count):
        return json.dumps({f"{k}": 1 for k in range(count)})

    assert len(jsonio.parse(of(limits.JSON_FIELDS))) == limits.JSON_FIELDS
    for count in (limits.JSON_FIELDS + 1, 50_000):
        with pytest.raises(TooLarge, match="10,000 fields"):
            jsonio.parse(of(count))


def test_a_budget_lets_go_of_the_pieces():
    budget = work.Budget()
    with work.bounded(budget):
        jsonio.parse("[" + ",".join(["[1]"] * 50_000) + "]")
    assert len(budget.held) == 50_000
    budget.let_go()
    assert budget.held == []
