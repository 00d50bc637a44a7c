from datetime import datetime, timedelta

import pytest

from sandbox.scoring.dates import parse_period


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
        ("2026-04", "2026-04-01T00:00:00", "2026-05-01T00:00:00"),
        ("2026-12", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        ("2024-02-29", "2024-02-29T00:00:00", "2024-03-01T00:00:00"),
        ("2026-04-20T10:15", "2026-04-20T10:15:00", "2026-04-20T10:16:00"),
        ("2026-04-20 10:15:30", "2026-04-20T10:15:30", "2026-04-20T10:15:31"),
        ("2026-04-20T10:15:30.5", "2026-04-20T10:15:30.500000", "2026-04-20T10:15:30.500001"),
        ("2026-04-20T10:15:30.1234567", "2026-04-20T10:15:30.123456", "2026-04-20T10:15:30.123457"),
        ("20260420", "2026-04-20T00:00:00", "2026-04-21T00:00:00"),
        ("2026042010", "2026-04-20T10:00:00", "2026-04-20T11:00:00"),
        ("202604201015", "2026-04-20T10:15:00", "2026-04-20T10:16:00"),
        ("20260420101530.25", "2026-04-20T10:15:30.250000", "2026-04-20T10:15:30.250001"),
        ("9999", "9999-01-01T00:00:00", datetime.max.isoformat()),
        ("9999-12", "9999-12-01T00:00:00", datetime.max.isoformat()),
        ("9999-12-31", "9999-12-31T00:00:00", datetime.max.isoformat()),
    ],
)
def test_the_precision_is_the_length(text, start, end):
    period = parse_period(text)
    assert (period.start.isoformat(), period.end.isoformat(), period.offset) == (start, end, None)


@pytest.mark.parametrize(
    ("zone", "minutes"), [("Z", 0), ("+00:00", 0), ("-05:00", -300), ("+10:30", 630), ("-1245", -765), ("+05:45", 345)]
)
def test_zones(zone, minutes):
    for text in (f"2026-04-20T10:15:30{zone}", f"20260420101530{zone}"):
        assert parse_period(text).offset == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "5", "202", "202604", "2026-4-1", "2026-13", "2026-02-30", "2026-04-20T24:00", "2026-04-20T10"),
        *("2026-04-20T10:60", "2026-04-20T10:15:61", "2026-04Z", "20261301", "2026-04-20T10:15:30+5", "0000-01-01"),
        *("10:15", "2026-04-20\n", "\uff12\uff10\uff12\uff16"),
    ],
)
def test_what_is_no_date(text):
    assert parse_period(text) is None


def test_the_ends_of_time_compare_across_zones():
    first, last = parse_period("0001-01-01T00:00:00+05:00"), parse_period("9999-12-31T23:59:59-05:00")
    middle = parse_period("2026-04-20T10:15:30Z")
    assert first.begins_before(middle) and not middle.begins_before(first)
    assert last.ends_after(middle) and not middle.ends_after(last)


def test_a_period_is_neither_before_nor_after_itself():
    for text in ("2026", "2026-04-20", "2026-04-20T10:15:30Z"):
        period = parse_period(text)
        assert not period.begins_before(period) and not period.ends_after(period)
