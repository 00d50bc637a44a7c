"""The System types (FHIRPath 2.0, Literals): numbers, dates and times of any precision, quantities.

Boolean, Integer, Decimal and String are Python's `bool`, `int`, `Decimal` and `str`. Dates and times keep the
precision and the zone they were written with; nothing here knows a clock or a default zone.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Final

# Wider than the specification's 28 digits, and bounded: no product grows without end.
ARITHMETIC: Final = Context(prec=40)
INTEGER_MIN: Final = -(2**31)
INTEGER_MAX: Final = 2**31 - 1
LONG_MAX: Final = 2**63 - 1

CALENDAR_UNITS: Final = {
    word + plural: word
    for word in ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
    for plural in ("", "s")
}
# Calendar units from weeks down equal UCUM's; years and months are only equivalent to them.
UCUM_OF_CALENDAR: Final = {
    "year": "a", "month": "mo", "week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s",
    "millisecond": "ms",
}  # fmt: skip
CALENDAR_OF_UCUM: Final = {code: word for word, code in UCUM_OF_CALENDAR.items()}

_DATE: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_TIME: Final = re.compile(r"(\d{2})(?::(\d{2})(?::(\d{2}(?:\.\d+)?))?)?")
_ZONE: Final = re.compile(r"(Z|[+-]\d{2}:\d{2})$")
_DECIMAL: Final = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_QUANTITY: Final = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(?:'([^']+)'|([a-zA-Z]+))?", re.ASCII)
MAX_DIGITS: Final = 400


class Long(int):
    """A whole number of 64 bits (FHIRPath 2.0, Long)."""

    __slots__ = ()


def decimal(text: str) -> Decimal:
    """Return a decimal with the digits it was written with.

    >>> decimal("4.10")
    Decimal('4.10')
    """
    return Decimal(text)


def parse_decimal(text: str) -> Decimal | None:
    """Return what a string says as a decimal, None when it is none (FHIRPath 2.0, toDecimal)."""
    if len(text) > MAX_DIGITS or not _DECIMAL.fullmatch(text):
        return None
    return Decimal(text)


def json_decimal(text: str) -> Decimal | None:
    """Return a JSON number, which may have an exponent, as a decimal; None past any number that is written out."""
    try:
        value = Decimal(text) if len(text) <= MAX_DIGITS else None
    except InvalidOperation:
        return None
    return None if value is None or abs(value.adjusted()) > MAX_DIGITS else value


def plain(value: Decimal) -> str:
    """Write a decimal without an exponent, with its digits.

    >>> plain(Decimal("1E+2")), plain(Decimal("4.10"))
    ('100', '4.10')
    """
    return format(value, "f")


@dataclass(frozen=True, slots=True)
class Temporal:
    """A Date, DateTime or Time: `fields` from the year (of a Time: from the hour) on, as far as they are known.

    Seconds are a Decimal with the digits of their fraction and share one precision with them. `zone` is the
    offset in minutes, None where none was given.
    """

    kind: str
    fields: tuple[int | Decimal, ...]
    zone: int | None = None

    def __str__(self) -> str:
        """Write it as FHIR does, to its own precision."""
        if self.kind == "Time":
            return _clock(self.fields)
        date = "-".join(f"{part:0{width}}" for part, width in zip(self.fields[:3], (4, 2, 2), strict=False))
        if self.kind == "Date" or len(self.fields) <= 3:
            return date
        return f"{date}T{_clock(self.fields[3:])}{_zone_text(self.zone)}"


def _clock(fields: tuple[int | Decimal, ...]) -> str:
    parts = [f"{part:02}" for part in fields[:2]]
    if len(fields) == 3:
        whole, _, fraction = plain(Decimal(fields[2])).partition(".")
        parts.append(whole.zfill(2) + (f".{fraction}" if fraction else ""))
    return ":".join(parts)


def _zone_text(zone: int | None) -> str:
    if zone is None:
        return ""
    if zone == 0:
        return "Z"
    hours, minutes = divmod(abs(zone), 60)
    return f"{'-' if zone < 0 else '+'}{hours:02}:{minutes:02}"


def _date_fields(text: str) -> tuple[int, ...] | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    fields = tuple(int(part) for part in match.groups() if part is not None)
    if fields[0] < 1 or (len(fields) > 1 and not 1 <= fields[1] <= 12):
        return None
    if len(fields) > 2 and not 1 <= fields[2] <= monthrange(fields[0], fields[1])[1]:
        return None
    return fields


def _time_fields(text: str) -> tuple[int | Decimal, ...] | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = match.groups()
    fields: list[int | Decimal] = [int(hour)]
    if minute is not None:
        fields.append(int(minute))
    if second is not None:
        fields.append(Decimal(second))
    # R4 lets a leap second stand, 24:00 not.
    if fields[0] > 23 or (len(fields) > 1 and fields[1] > 59) or (len(fields) > 2 and fields[2] >= 61):
        return None
    return tuple(fields)


def parse_date(text: str) -> Temporal | None:
    """Read a date of any precision; None for what is none.

    >>> str(parse_date("2026-04")), parse_date("2026-02-30")
    ('2026-04', None)
    """
    fields = _date_fields(text)
    return Temporal("Date", fields) if fields else None


def parse_time(text: str) -> Temporal | None:
    """Read a time of day of any precision; None for what is none."""
    fields = _time_fields(text.removeprefix("T"))
    return Temporal("Time", fields) if fields else None


def parse_date_time(text: str) -> Temporal | None:
    """Read a dateTime or instant of any precision; None for what is none.

    >>> str(parse_date_time("2026-04-23T09:00:00.50-05:00"))
    '2026-04-23T09:00:00.50-05:00'
    """
    date_text, _, rest = text.partition("T")
    fields: tuple[int | Decimal, ...] | None = _date_fields(date_text)
    if fields is None:
        return None
    zone = None
    found = _ZONE.search(rest)
    if found:
        zone = _offset(found.group())
        rest = rest[: found.start()]
        if zone is None:
            return None
    if rest:
        clock = _time_fields(rest)
        if clock is None or len(fields) < 3:
            return None
        fields += clock
    elif found:
        return None
    return Temporal("DateTime", fields, zone)


def _offset(text: str) -> int | None:
    if text == "Z":
        return 0
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 14 or minutes > 59:
        return None
    return (-1 if text[0] == "-" else 1) * (hours * 60 + minutes)


def of_datetime(moment: datetime) -> Temporal:
    """Return an instant, which must have a zone, to the millisecond."""
    offset = moment.utcoffset() or timedelta()
    seconds = Decimal(moment.second) + Decimal(moment.microsecond // 1000).scaleb(-3)
    fields = (moment.year, moment.month, moment.day, moment.hour, moment.minute, seconds.quantize(Decimal("0.001")))
    return Temporal("DateTime", fields, int(offset.total_seconds()) // 60)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A System.Quantity. `unit` is a UCUM code, or with `is_calendar` a calendar word in the singular.

    `is_element` marks one that comes from a FHIR Quantity: FHIR maps UCUM's codes for durations to calendar
    units (R4, FHIRPath, "Using FHIR types in expressions"), so it stands for both.
    """

    value: Decimal
    unit: str
    is_calendar: bool = False
    is_element: bool = False

    def __str__(self) -> str:
        """Write it as a literal."""
        if self.is_calendar:
            return f"{plain(self.value)} {self.unit}" + ("" if self.value == 1 else "s")
        return f"{plain(self.value)} '{self.unit}'"


def parse_quantity(text: str) -> Quantity | None:
    """Read a quantity from a string (FHIRPath 2.0, toQuantity); None for what is none.

    >>> str(parse_quantity("4 days")), str(parse_quantity("10 'mg'")), parse_quantity("10 mg")
    ('4 days', "10 'mg'", None)
    """
    if len(text) > MAX_DIGITS:
        return None
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number, unit, word = match.groups()
    if word is not None:
        calendar = CALENDAR_UNITS.get(word)
        return Quantity(Decimal(number), calendar, is_calendar=True) if calendar else None
    return Quantity(Decimal(number), unit or "1")


def equivalent_numbers(left: Decimal, right: Decimal) -> bool:
    """Compare at the precision of the less precise number; trailing zeros do not count.

    >>> equivalent_numbers(Decimal("0.6666"), Decimal("0.67")), equivalent_numbers(Decimal("1.10"), Decimal("1.1"))
    (True, True)
    """
    places = min(_places(left), _places(right))
    unit = Decimal(1).scaleb(-places)
    try:
        return left.quantize(unit, ROUND_HALF_UP) == right.quantize(unit, ROUND_HALF_UP)
    except ArithmeticError:
        return left == right


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
