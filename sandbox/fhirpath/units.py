"""Quantities against each other: common units, conversion, calendar durations (FHIRPath 2.0, Quantity)."""

from decimal import Decimal
from fractions import Fraction
from typing import Final

from sandbox.fhirpath.values import (
    ARITHMETIC,
    CALENDAR_OF_UCUM,
    CALENDAR_UNITS,
    UCUM_OF_CALENDAR,
    Quantity,
    equivalent_numbers,
)
from sandbox.ucum import Dimensions, Unit, unit_of

# Years and months count in months; what is shorter counts in seconds, as UCUM has it.
_MONTHS: Final = {"year": 12, "month": 1}
_SECONDS: Final = {
    "week": Fraction(604_800), "day": Fraction(86_400), "hour": Fraction(3_600), "minute": Fraction(60),
    "second": Fraction(1), "millisecond": Fraction(1, 1000),
}  # fmt: skip
_TIME: Final[Dimensions] = (("time", 1),)
_CALENDAR: Final[Dimensions] = (("calendar months", 1),)


def base(quantity: Quantity) -> tuple[Fraction, Dimensions] | None:
    """Return a quantity in base units, None for a unit that is not known.

    Scales with an offset (Celsius, Fahrenheit) compare among themselves only, by UCUM's "special units".
    """
    unit = quantity.unit
    if quantity.is_calendar:
        if unit in _MONTHS:
            return Fraction(quantity.value) * _MONTHS[unit], _CALENDAR
        return Fraction(quantity.value) * _SECONDS[unit], _TIME
    known = unit_of(unit)
    if known is None:
        return None
    if known.offset:
        return Fraction(quantity.value), ((unit, 1),)
    return Fraction(quantity.value) * known.factor, known.dimensions


def compare(left: Quantity, right: Quantity) -> int | None:
    """Return -1, 0 or 1, None where the two cannot be compared."""
    if left.unit == right.unit and left.is_calendar == right.is_calendar:
        return (left.value > right.value) - (left.value < right.value)
    for one, other in ((left, right), (right, left)):
        # FHIR reads UCUM's code of a duration in an element as the calendar unit, too.
        if one.is_element and other.is_calendar and one.unit in CALENDAR_OF_UCUM:
            calendar = Quantity(one.value, CALENDAR_OF_UCUM[one.unit], is_calendar=True)
            return compare(calendar, other) if one is left else compare(other, calendar)
    first, second = base(left), base(right)
    if first is None or second is None or first[1] != second[1]:
        return None
    return (first[0] > second[0]) - (first[0] < second[0])


def equivalent(left: Quantity, right: Quantity) -> bool | None:
    """Whether two quantities are equivalent, in the coarser of their units, to the precision of the less precise."""
    first, second = _for_equivalence(left), _for_equivalence(right)
    if first is None or second is None or first[1] != second[1]:
        return None if first is None or second is None or left.unit != right.unit else False
    coarse = max(first[0], second[0])
    one = in_units(left.value, first[0], coarse)
    other = in_units(right.value, second[0], coarse)
    return equivalent_numbers(one, other)


def _for_equivalence(quantity: Quantity) -> tuple[Fraction, Dimensions] | None:
    """Return the size of a quantity's unit in base units; here a year is a year, UCUM's or the calendar's."""
    code = UCUM_OF_CALENDAR[quantity.unit] if quantity.is_calendar else quantity.unit
    known = unit_of(code)
    if known is None:
        return (Fraction(1), ((code, 1),))
    if known.offset:
        return (Fraction(1), ((code, 1),))
    return known.factor, known.dimensions


def in_units(value: Decimal, factor: Fraction, target: Fraction) -> Decimal:
    """Convert a value from units of one size into units of another."""
    if factor == target:
        return value
    return divided(Fraction(value) * factor / target)


def divided(value: Fraction) -> Decimal:
    """Return a fraction as a decimal, rounded where it does not end.

    >>> divided(Fraction(1, 4))
    Decimal('0.25')
    """
    return ARITHMETIC.divide(Decimal(value.numerator), Decimal(value.denominator))


def convert(quantity: Quantity, target: str) -> Quantity | None:
    """Convert to a unit, UCUM's or a calendar word (FHIRPath 2.0, toQuantity); None where that cannot be done."""
    word = CALENDAR_UNITS.get(target)
    result = Quantity(quantity.value, word or target, is_calendar=word is not None)
    if quantity.unit == "1" and not quantity.is_calendar:
        return result
    if quantity.unit == result.unit and quantity.is_calendar == result.is_calendar:
        return result
    if quantity.is_calendar != result.is_calendar:
        # Within the source's own system first, then the same unit of the other.
        source_target = UCUM_OF_CALENDAR.get(word, "") if word else CALENDAR_OF_UCUM.get(target, "")
        inner = convert(quantity, source_target) if source_target else None
        return Quantity(inner.value, result.unit, result.is_calendar) if inner else None
    if quantity.is_calendar:
        factor = _calendar_factor(quantity.unit, result.unit)
        return Quantity(divided(Fraction(quantity.value) * factor), result.unit, is_calendar=True)
    first, second = unit_of(quantity.unit), unit_of(target)
    if first is None or second is None or first.dimensions != second.dimensions or first.offset or second.offset:
        return None
    return Quantity(in_units(quantity.value, first.factor, second.factor), target)


_DAYS: Final = {"year": Fraction(365), "month": Fraction(30)}


def _calendar_factor(source: str, target: str) -> Fraction:
    if source in _MONTHS and target in _MONTHS:
        return Fraction(_MONTHS[source], _MONTHS[target])

    def seconds(word: str) -> Fraction:
        return _DAYS[word] * _SECONDS["day"] if word in _DAYS else _SECONDS[word]

    return seconds(source) / seconds(target)


def product(left: str, right: str, power: int) -> str | None:
    """Return the unit of a product (`power` 1) or quotient (-1), None for a unit that is not known.

    >>> product("cm", "m", 1), product("m", "m", -1), product("g", "L", -1)
    ('cm.m', '1', 'g/L')
    """
    first, second = unit_of(left), unit_of(right)
    if first is None or second is None or first.offset or second.offset:
        return None
    if right == "1":
        return left
    if left == "1":
        return right if power == 1 else _inverse(right)
    if power == -1 and left == right:
        return "1"
    if power == 1 and left == right and left.isalpha():
        return f"{left}2"
    wrapped = f"({right})" if power == -1 and any(c in right for c in "./") else right
    return f"{left}{'.' if power == 1 else '/'}{wrapped}"


def _inverse(unit: str) -> str:
    return f"/({unit})" if any(c in unit for c in "./") else f"/{unit}"


def known(unit: str) -> Unit | None:
    """Return a UCUM unit, None for one that is not known."""
    return unit_of(unit)
