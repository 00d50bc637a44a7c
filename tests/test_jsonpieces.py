"""Long texts in pieces: the standard decoder judges what is read, and what is said of what cannot be."""

import json
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import jsonio, limits, work
from sandbox.errors import TooLarge
from sandbox.jsonpieces import WINDOW, decode

DECODER = json.JSONDecoder()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


def whole(text, window):
    return decode(text, DECODER.scan_once, dict, window)[0]


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
