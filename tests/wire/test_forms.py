"""Forms: the standard library judges what is read, however long a value is."""

from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import limits
from sandbox.errors import Malformed
from sandbox.wire.forms import read_pairs

TEXT = st.lists(st.sampled_from(["a", "%20", "%C3%A9", "+", "=", "&", "%", "%4", "%FF", "é"]), max_size=12).map("".join)


@given(TEXT)
def test_it_reads_as_the_standard_library_does(text):
    try:
        wanted = tuple(parse_qsl(text, keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        with pytest.raises(Malformed):
            read_pairs(text)
    else:
        assert read_pairs(text) == wanted


@pytest.mark.parametrize("before", range(6))
def test_long_values_are_whole_wherever_they_are_cut(before):
    value = "x" * before + "é %+&=\U0001f600" * 20_000 + "%"
    assert read_pairs(f"a={quote(value)}&b=1") == (("a", value), ("b", "1"))


def test_so_many_parameters_and_no_more():
    at_limit = "&".join(["a=1"] * limits.FORM_FIELDS)
    assert len(read_pairs(at_limit)) == limits.FORM_FIELDS
    with pytest.raises(Malformed, match="more than"):
        read_pairs(f"{at_limit}&a=1")
