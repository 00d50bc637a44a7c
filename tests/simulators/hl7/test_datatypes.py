"""Primitive data types."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.simulators.hl7.datatypes import (
    TESTS,
    is_date,
    is_datetime,
    is_number,
    is_sequence_id,
    is_time,
    lost_offset,
    to_instant,
)


@pytest.mark.parametrize("value", ["2026", "202604", "20260423", "20240229"])
def test_dates(value: str) -> None:
    assert is_date(value)
    assert is_datetime(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "26",
        "20261",
        "2026-04-23",
        "20260431",
        "20230229",
        "20261301",
        "00000000",
        "2026042 ",
        "\u0662\u0660\u0662\u0666",
    ],
)
def test_no_dates(value: str) -> None:
    assert not is_date(value)
    assert not is_datetime(value)


@pytest.mark.parametrize(
    "value",
    [
        "2026042309",
        "202604230915",
        "20260423091530",
        "20260423091530.1",
        "20260423091530.1234",
        "202604230915+0200",
        "2026-0500",
    ],
)
def test_datetimes(value: str) -> None:
    assert is_datetime(value)


@pytest.mark.parametrize(
    "value",
    [
        "2026042324",
        "202604230960",
        "20260423091560",
        "20260423091530.",
        "20260423091530.12345",
        "202604230915+1500",
        "202604230915+02",
        "202604 0915",
        "2026-04-23T09:15:00Z",
        "20260423 0915",
    ],
)
def test_no_datetimes(value: str) -> None:
    assert not is_datetime(value)


@pytest.mark.parametrize(
    ("value", "offset"),
    [
        ("202604230915000500", "0500"),
        ("2026042309150330", "0330"),
        ("202604230915", ""),
        ("20260423091500", ""),
        ("20260423091500-0500", ""),
        ("202604230915009900", ""),
        ("20260423091500.250500", ""),
        ("202602300915000500", ""),
        ("2026042309150005000", ""),
    ],
)
def test_an_offset_without_its_sign(value: str, offset: str) -> None:
    assert lost_offset(value) == offset
    assert not (offset and is_datetime(value))


def test_times_numbers_and_ids() -> None:
    assert all(map(is_time, ["09", "0915", "091530", "091530.25", "0915+0000"]))
    assert not any(map(is_time, ["", "9", "2400", "0960", "09:15"]))
    assert all(map(is_number, ["0", "-1", "+1.5", ".5", "5.", "00182"]))
    assert not any(map(is_number, ["", "-", ".", "1,200", ">5", "1e3", "NaN", "Infinity", "1_0", "\u0661"]))
    assert all(map(is_sequence_id, ["0", "1", "99999"]))
    assert not any(map(is_sequence_id, ["", "-1", "1.0", "one"]))


@given(st.text(max_size=30))
def test_no_text_breaks_a_test(text: str) -> None:
    for test in TESTS.values():
        assert test(text) in (True, False)
    assert (to_instant(text) is not None) <= is_datetime(text)


@given(st.datetimes(min_value=datetime(1900, 1, 1)))
def test_instants(moment: datetime) -> None:
    found = to_instant(moment.strftime("%Y%m%d%H%M%S") + "+0000")
    assert found is not None
    assert found.replace(tzinfo=None) == moment.replace(microsecond=0)


def test_instants_at_the_edge_of_time() -> None:
    assert to_instant("0001") is not None
    assert to_instant("0001+0100") is None
