"""Whether a value is of a primitive HL7 data type (HL7 v2.5 chapter 2.A).

Only types whose violation a receiver cannot read past: dates, times and numbers. Text types accept
anything. An empty value and the HL7 null (`""`) are for the caller to pass over.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

_ZONE: Final = r"(?P<zone>[+-](?:0\d|1[0-4])[0-5]\d)?"
_DATE: Final = re.compile(r"(\d{4})(?:(\d\d)(\d\d)?)?", re.ASCII)
_TIME: Final = re.compile(r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:[0-5]\d(?:\.\d{1,4})?)?)?" + _ZONE, re.ASCII)
_DATETIME: Final = re.compile(
    r"(?P<date>\d{4}(?:\d\d(?:\d\d)?)?)(?:(?<=\d{8})(?P<hour>[01]\d|2[0-3])"
    r"(?:(?P<minute>[0-5]\d)(?:(?P<second>[0-5]\d)(?:\.(?P<fraction>\d{1,4}))?)?)?)?" + _ZONE,
    re.ASCII,
)
_WITH_OFFSET: Final = (16, 18)  # digits of a time to the minute or second, and four of an offset
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_SEQUENCE_ID: Final = re.compile(r"\d+", re.ASCII)


def is_date(value: str) -> bool:
    """Whether a value is a DT: `YYYY[MM[DD]]`, and a day that exists.

    >>> is_date("19650315"), is_date("19650230"), is_date("1965-03-15")
    (True, False, False)
    """
    found = _DATE.fullmatch(value)
    if found is None:
        return False
    year, month, day = (int(part) if part else 1 for part in found.groups())
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def is_time(value: str) -> bool:
    """Whether a value is a TM: `HH[MM[SS[.S[S[S[S]]]]]][+/-ZZZZ]`.

    >>> is_time("0930"), is_time("2460")
    (True, False)
    """
    return _TIME.fullmatch(value) is not None


def is_datetime(value: str) -> bool:
    """Whether a value is a DTM: `YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]`.

    >>> is_datetime("20260423"), is_datetime("202604230915+0200"), is_datetime("April 23")
    (True, True, False)
    """
    found = _DATETIME.fullmatch(value)
    return found is not None and is_date(found["date"])


def lost_offset(value: str) -> str:
    """Return the offset of a DTM that stands there without its sign, as it is written; empty if there is none.

    Writers that take the hyphens out of an ISO date take this one, too. A time with a fraction of a second is
    passed over: many write more digits there than HL7 has.

    >>> lost_offset("202604230915000500"), lost_offset("20260423091500-0500")
    ('0500', '')
    """
    is_long = len(value) in _WITH_OFFSET and "." not in value
    return value[-4:] if is_long and is_datetime(f"{value[:-4]}+{value[-4:]}") else ""


def is_number(value: str) -> bool:
    """Whether a value is an NM: digits, perhaps a sign and a decimal point.

    >>> is_number("-4.10"), is_number(">10"), is_number("1e3")
    (True, False, False)
    """
    return _NUMBER.fullmatch(value) is not None


def is_sequence_id(value: str) -> bool:
    """Whether a value is an SI: a number without sign.

    >>> is_sequence_id("1"), is_sequence_id("one")
    (True, False)
    """
    return _SEQUENCE_ID.fullmatch(value) is not None


TESTS: Final[Mapping[str, Callable[[str], bool]]] = {
    "DT": is_date,
    "TM": is_time,
    "DTM": is_datetime,
    "NM": is_number,
    "SI": is_sequence_id,
}
EXAMPLES: Final[Mapping[str, str]] = {
    "DT": "a date (YYYYMMDD)",
    "TM": "a time (HHMMSS)",
    "DTM": "a date and time (YYYYMMDDHHMMSS)",
    "NM": "a number",
    "SI": "a whole number",
}


def to_instant(value: str) -> datetime | None:
    """Return the point in time a DTM names, missing parts the least possible; None if it is none.

    A value without a zone is taken as UTC.

    >>> to_instant("202604230915+0200").isoformat()
    '2026-04-23T07:15:00+00:00'
    """
    found = _DATETIME.fullmatch(value)
    if found is None or not is_date(found["date"]):
        return None
    day = found["date"]
    year, month, of_month = int(day[:4]), int(day[4:6] or 1), int(day[6:8] or 1)
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    micro = int((found["fraction"] or "0").ljust(6, "0"))
    zone: timezone = UTC
    if found["zone"]:
        offset = timedelta(hours=int(found["zone"][1:3]), minutes=int(found["zone"][3:]))
        zone = timezone(-offset if found["zone"][0] == "-" else offset)
    try:
        return datetime(year, month, of_month, hour, minute, second, micro, zone).astimezone(UTC)
    except OverflowError:
        return None
