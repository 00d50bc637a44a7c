"""The math operators on numbers, quantities, dates and times (FHIRPath 2.0, Math; Date/Time Arithmetic)."""

from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal, DecimalException
from fractions import Fraction
from typing import Final

from sandbox.fhirpath import units
from sandbox.fhirpath.errors import EvaluationProblem
from sandbox.fhirpath.nodes import Item, system_of
from sandbox.fhirpath.types import kind_of
from sandbox.fhirpath.values import (
    ARITHMETIC,
    CALENDAR_OF_UCUM,
    INTEGER_MAX,
    INTEGER_MIN,
    LONG_MAX,
    Long,
    Quantity,
    Temporal,
)

_MAX_YEAR: Final = 9999
_MAX_STRING: Final = 1_000_000


def is_number(value: Item) -> bool:
    """Whether a System value is an Integer, Long or Decimal."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def whole(value: int, *, is_long: bool) -> Item:
    """Return an integer within its type's range, None past it: overflow is empty."""
    if is_long:
        return Long(value) if abs(value) <= LONG_MAX else None
    return value if INTEGER_MIN <= value <= INTEGER_MAX else None


def calculate(operator: str, left: Item, right: Item) -> Item:
    """Apply `+ - * / div mod` to two single items; None is the empty result."""
    one, other = system_of(left), system_of(right)
    if isinstance(one, Temporal) and operator in "+-" and isinstance(other, Quantity):
        return shift(
            one, other if operator == "+" else Quantity(-other.value, other.unit, other.is_calendar, other.is_element)
        )
    if isinstance(one, str) and isinstance(other, str) and operator == "+":
        return one + other
    if is_number(one) and is_number(other):
        return _numbers(operator, one, other)
    if operator in "+-*/" and _is_measure(one) and _is_measure(other):
        return _quantities(operator, _measure(one), _measure(other))
    raise EvaluationProblem(f'"{operator}" has no meaning between {kind_of(left)} and {kind_of(right)}')


def _is_measure(value: Item) -> bool:
    return isinstance(value, Quantity) or is_number(value)


def _measure(value: Item) -> Quantity:
    return value if isinstance(value, Quantity) else Quantity(Decimal(value), "1")


def _numbers(operator: str, left: Item, right: Item) -> Item:
    is_whole = isinstance(left, int) and isinstance(right, int)
    if is_whole and operator != "/":
        if operator in ("div", "mod"):
            if right == 0:
                return None
            quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
            value = quotient if operator == "div" else left - right * quotient
        else:
            value = left + right if operator == "+" else left - right if operator == "-" else left * right
        return whole(int(value), is_long=isinstance(left, Long) or isinstance(right, Long))
    return _decimals(operator, Decimal(left), Decimal(right))


def _decimals(operator: str, left: Decimal, right: Decimal) -> Decimal | int | None:
    try:
        if operator in _DECIMAL_OPERATORS:
            return _bounded(_DECIMAL_OPERATORS[operator](left, right))
        if right == 0:
            return None
        if operator == "/":
            return _bounded(ARITHMETIC.divide(left, right))
        quotient = (Fraction(left) / Fraction(right)).__trunc__()
        if operator == "div":
            return None if (found := whole(quotient, is_long=False)) is None else int(found)
        return ARITHMETIC.subtract(left, ARITHMETIC.multiply(right, Decimal(quotient)))
    except DecimalException:
        return None


_DECIMAL_OPERATORS: Final[dict[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "+": ARITHMETIC.add,
    "-": ARITHMETIC.subtract,
    "*": ARITHMETIC.multiply,
}
_LARGEST: Final = Decimal(10) ** 38


def _bounded(value: Decimal) -> Decimal | None:
    return value if value.is_finite() and abs(value) < _LARGEST else None


def _quantities(operator: str, left: Quantity, right: Quantity) -> Quantity | None:
    if operator in "+-":
        return _sum(operator, left, right)
    if (left.is_calendar and right.unit != "1") or (right.is_calendar and left.unit != "1"):
        return None
    if operator == "*":
        value = _decimals("*", left.value, right.value)
        if left.is_calendar or right.is_calendar:
            word = left.unit if left.is_calendar else right.unit
            return Quantity(Decimal(value), word, is_calendar=True) if value is not None else None
        return _made(value, units.product(left.unit, right.unit, 1))
    if right.value == 0:
        return None
    value = _decimals("/", left.value, right.value)
    if left.is_calendar:
        return Quantity(Decimal(value), left.unit, is_calendar=True) if value is not None else None
    if right.is_calendar:
        return None
    first, second = units.known(left.unit), units.known(right.unit)
    if first is not None and second is not None and first.dimensions == second.dimensions and left.unit != right.unit:
        # Units that cancel out leave a number.
        ratio = units.divided(Fraction(left.value) * first.factor / (Fraction(right.value) * second.factor))
        if left.unit != "1" and right.unit != "1":
            return Quantity(ratio, "1")
    return _made(value, units.product(left.unit, right.unit, -1))


def _made(value: Decimal | int | None, unit: str | None) -> Quantity | None:
    return Quantity(Decimal(value), unit) if value is not None and unit is not None else None


def _sum(operator: str, left: Quantity, right: Quantity) -> Quantity | None:
    if left.unit == "1" and not left.is_calendar:
        left = Quantity(left.value, right.unit, right.is_calendar)
    elif right.unit == "1" and not right.is_calendar:
        right = Quantity(right.value, left.unit, left.is_calendar)
    if left.unit != right.unit or left.is_calendar != right.is_calendar:
        if {left.unit, right.unit} & {"year", "month"}:
            return None
        converted = _to_unit_of(right, left)
        if converted is None:
            return None
        right = converted
    value = _decimals(operator, left.value, right.value)
    return Quantity(Decimal(value), left.unit, left.is_calendar) if value is not None else None


def _to_unit_of(right: Quantity, left: Quantity) -> Quantity | None:
    return units.convert(right, left.unit)


# Adding time-valued quantities.

_STEPS: Final = {"year": 12, "month": 1}
_LENGTHS: Final = {
    "week": Decimal(604_800), "day": Decimal(86_400), "hour": Decimal(3_600), "minute": Decimal(60),
    "second": Decimal(1), "millisecond": Decimal("0.001"),
}  # fmt: skip
_PRECISIONS: Final = ("year", "month", "day", "hour", "minute", "second")


def shift(value: Temporal, by: Quantity) -> Temporal | None:
    """Add a duration to a date, dateTime or time, to that value's precision.

    Raises `EvaluationProblem` for a unit that is no duration, for UCUM's years and months, and past the calendar.
    """
    word = by.unit if by.is_calendar else _calendar_word(by)
    if value.kind == "Time":
        return _shift_time(value, by.value, word)
    if word in _STEPS:
        return _shift_months(value, by.value, word)
    seconds = by.value * _LENGTHS[word]
    if value.kind == "Date" and word not in ("week", "day") and len(value.fields) == 3:
        seconds = _whole_units(seconds, _LENGTHS["day"])
        word = "day"
    if len(value.fields) < 3:
        return _shift_partial(value, seconds)
    return _shift_seconds(value, seconds, word)


def _calendar_word(by: Quantity) -> str:
    word = CALENDAR_OF_UCUM.get(by.unit)
    if word is None and by.unit in _LENGTHS | _STEPS:
        word = by.unit
    elif word is None and by.unit.removesuffix("s") in _LENGTHS | _STEPS:
        word = by.unit.removesuffix("s")
    if word is None:
        raise EvaluationProblem(f"'{by.unit}' is no duration that can be added to a date")
    if by.unit in ("a", "mo") and not by.is_element:
        raise EvaluationProblem(f"'{by.unit}' is UCUM's mean duration; to move a date by the calendar, write {word}s")
    return word


def _whole_units(amount: Decimal, unit: Decimal) -> Decimal:
    return (amount / unit).to_integral_value(ROUND_DOWN) * unit


def _shift_months(value: Temporal, amount: Decimal, word: str) -> Temporal:
    steps = int(amount.to_integral_value(ROUND_DOWN)) * _STEPS[word]
    if len(value.fields) == 1:  # a year moves by whole years, either way
        steps = int(steps / 12) * 12
    year, month = int(value.fields[0]), int(value.fields[1]) if len(value.fields) > 1 else 1
    total = year * 12 + month - 1 + steps
    year, month = divmod(total, 12)
    month += 1
    if not 1 <= year <= _MAX_YEAR:
        raise EvaluationProblem("the date that results is outside the calendar")
    if len(value.fields) == 1:
        return Temporal(value.kind, (year,), value.zone)
    if len(value.fields) == 2:
        return Temporal(value.kind, (year, month), value.zone)
    day = min(int(value.fields[2]), monthrange(year, month)[1])
    return Temporal(value.kind, (year, month, day, *value.fields[3:]), value.zone)


def _shift_partial(value: Temporal, seconds: Decimal) -> Temporal:
    """A date without a day moves by whole months of 30 days or years of 365 (FHIRPath 2.0, Date/Time Arithmetic)."""
    word, days = ("year", 365) if len(value.fields) == 1 else ("month", 30)
    return _shift_months(value, seconds / (_LENGTHS["day"] * days), word)


def _shift_seconds(value: Temporal, seconds: Decimal, word: str) -> Temporal:
    clock = value.fields[3:]
    if not clock:
        days = int(_whole_units(seconds, _LENGTHS["day"]) / _LENGTHS["day"])
        moved = _moved(value, days)
        return Temporal(value.kind, (moved.year, moved.month, moved.day), value.zone)
    unit = (_LENGTHS["hour"], _LENGTHS["minute"], Decimal(0))[len(clock) - 1]
    if unit:
        seconds = _whole_units(seconds, unit)
    elif word not in ("second", "millisecond"):
        # Only seconds may have a fraction; of a longer unit it is left out.
        seconds = _whole_units(seconds, _LENGTHS[word])
    total = _seconds_of_day(clock) + seconds
    days = int((total / 86_400).to_integral_value("ROUND_FLOOR"))
    moved = _moved(value, days)
    rest = _clock(total - days * 86_400, len(clock), clock)
    return Temporal(value.kind, (moved.year, moved.month, moved.day, *rest), value.zone)


def _moved(value: Temporal, days: int) -> date:
    try:
        return date(int(value.fields[0]), int(value.fields[1]), int(value.fields[2])) + timedelta(days=days)
    except OverflowError:
        raise EvaluationProblem("the date that results is outside the calendar") from None


def _seconds_of_day(clock: tuple[int | Decimal, ...]) -> Decimal:
    return sum((Decimal(part) * unit for part, unit in zip(clock, (3600, 60, 1), strict=False)), Decimal(0))


def _clock(total: Decimal, length: int, before: tuple[int | Decimal, ...]) -> tuple[int | Decimal, ...]:
    hour, rest = divmod(total, 3600)
    minute, second = divmod(rest, 60)
    parts: tuple[int | Decimal, ...] = (int(hour), int(minute), second)
    return parts[:length]


def _shift_time(value: Temporal, amount: Decimal, word: str) -> Temporal:
    if word not in ("hour", "minute", "second", "millisecond"):
        raise EvaluationProblem(f"a time of day cannot be moved by {word}s")
    seconds = amount * _LENGTHS[word]
    unit = (_LENGTHS["hour"], _LENGTHS["minute"], Decimal(0))[len(value.fields) - 1]
    if unit:
        seconds = _whole_units(seconds, unit)
    total = (_seconds_of_day(value.fields) + seconds) % 86_400
    if total < 0:
        total += 86_400
    return Temporal("Time", _clock(total, len(value.fields), value.fields))
