"""The clock, boundaries, precision and the parts of dates (FHIRPath 2.0, Utility functions)."""

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from sandbox.fhirpath import arithmetic
from sandbox.fhirpath.code import INTEGER
from sandbox.fhirpath.context import Apply, Env
from sandbox.fhirpath.functions.call import Call, Entry, of_value, plain
from sandbox.fhirpath.nodes import Item
from sandbox.fhirpath.types import kind_of
from sandbox.fhirpath.values import Quantity, Temporal, of_datetime
from sandbox.fhirpath.values import plain as plain_text

_MAX_PLACES: Final = 28
# The digits that each further field of a date or time adds.
_DATE_DIGITS: Final = (4, 6, 8, 10, 12, 17)
_TIME_DIGITS: Final = (2, 4, 9)


def _now(env: Env, focus: list[Item]) -> list[Item]:
    return [of_datetime(env.context.clock().astimezone(UTC))]


def _today(env: Env, focus: list[Item]) -> list[Item]:
    moment = env.context.clock().astimezone(UTC)
    return [Temporal("Date", (moment.year, moment.month, moment.day))]


def _time_of_day(env: Env, focus: list[Item]) -> list[Item]:
    moment = of_datetime(env.context.clock().astimezone(UTC))
    return [Temporal("Time", moment.fields[3:])]


def _boundary(call: Call) -> Apply:
    argument = call.argument(0) if call.count else None
    is_low = call.step.name == "lowBoundary"

    def run(env: Env, focus: list[Item]) -> list[Item]:
        value = call.value(focus)
        digits = call.single(argument, env, int, "a whole number") if argument is not None else None
        if value is None:
            return []
        if arithmetic.is_number(value):
            found: Item = number_boundary(Decimal(value), digits, is_low=is_low)
        elif isinstance(value, Quantity):
            number = number_boundary(value.value, digits, is_low=is_low)
            found = Quantity(number, value.unit, value.is_calendar) if number is not None else None
        elif isinstance(value, Temporal):
            found = time_boundary(value, digits, is_low=is_low)
        else:
            raise call.problem(f"is called on a number, date or time, and met {kind_of(focus[0])}")
        return [] if found is None else [found]

    return run


def number_boundary(value: Decimal, places: int | None, *, is_low: bool) -> Decimal | None:
    """Return the least or greatest number that is written like this, to a number of places.

    >>> number_boundary(Decimal("1.587"), 6, is_low=True), number_boundary(Decimal("1.587"), 2, is_low=False)
    (Decimal('1.586500'), Decimal('1.59'))
    """
    places = 8 if places is None else places
    if not 0 <= places <= _MAX_PLACES:
        return None
    exponent = value.as_tuple().exponent
    half = Decimal(5).scaleb(min(0, int(exponent)) - 1)
    edge = value - half if is_low else value + half
    return edge.quantize(Decimal(1).scaleb(-places), ROUND_FLOOR if is_low else ROUND_CEILING)


def time_boundary(value: Temporal, digits: int | None, *, is_low: bool) -> Temporal | None:
    """Return the first or last date or time that this may mean, to a number of digits; None past its type's."""
    table = _TIME_DIGITS if value.kind == "Time" else _DATE_DIGITS[:3] if value.kind == "Date" else _DATE_DIGITS
    wanted = table[-1] if digits is None else digits
    if wanted not in table:
        return None
    length = table.index(wanted) + 1
    fields = _filled(value, len(table), is_low=is_low)[:length]
    zone = value.zone
    if value.kind == "DateTime" and length > 3 and zone is None:
        zone = 14 * 60 if is_low else -12 * 60
    return Temporal(value.kind, fields, zone if length > 3 else None)


_SECOND: Final = {True: Decimal("0.000"), False: Decimal("59.999")}


def _filled(value: Temporal, length: int, *, is_low: bool) -> tuple[int | Decimal, ...]:
    fields = list(value.fields)
    first = 3 if value.kind == "Time" else 0
    while len(fields) < length:
        place = len(fields) + first
        if place == 1:
            fields.append(1 if is_low else 12)
        elif place == 2:
            fields.append(1 if is_low else monthrange(int(fields[0]), int(fields[1]))[1])
        elif place == 5:
            fields.append(_SECOND[is_low])
        else:
            fields.append(0 if is_low else 23 if place == 3 else 59)
    if len(fields) + first == 6:
        fields[-1] = _millis(Decimal(fields[-1]), is_low=is_low)
    return tuple(fields)


def _millis(second: Decimal, *, is_low: bool) -> Decimal:
    """Fill a second up to milliseconds: 30 becomes 30.000 or 30.999."""
    exponent = second.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) else 0
    if places >= 3:
        return second
    filled = second.quantize(Decimal("0.001"))
    return filled if is_low or places > 0 else filled + Decimal("0.999")


def _precision(call: Call) -> Apply:
    def run(env: Env, focus: list[Item]) -> list[Item]:
        value = call.value(focus)
        if value is None:
            return []
        if isinstance(value, Quantity):
            value = value.value
        if arithmetic.is_number(value):
            return [len(plain_text(Decimal(value)).partition(".")[2])]
        if isinstance(value, Temporal):
            return [precision_of(value)]
        raise call.problem(f"is called on a number, date or time, and met {kind_of(focus[0])}")

    return run


def precision_of(value: Temporal) -> int:
    """Return the number of digits a date or time is written with, its zone left out."""
    text = str(Temporal(value.kind, value.fields))
    return sum(character.isdigit() for character in text)


def _part(place: int, *, of_time: bool) -> Entry:
    """Return the entry of a function that takes one field of a date or time; `place` counts from the year."""

    def make(call: Call) -> Apply:
        def run(env: Env, focus: list[Item]) -> list[Item]:
            value = call.value(focus)
            if not isinstance(value, Temporal):
                return []
            if value.kind == "Time":
                index = place - 3
                return [int(value.fields[index])] if of_time and 0 <= index < len(value.fields) else []
            if value.kind == "Date" and of_time:
                return []
            return [int(value.fields[place])] if place < len(value.fields) else []

        return run

    return of_value(0, 0, make, INTEGER)


def _field(read: Callable[[Temporal], Item]) -> Entry:
    def make(call: Call) -> Apply:
        def run(env: Env, focus: list[Item]) -> list[Item]:
            value = call.value(focus)
            found = read(value) if isinstance(value, Temporal) else None
            return [] if found is None else [found]

        return run

    return of_value(0, 0, make)


def _millisecond(value: Temporal) -> int | None:
    first = 2 if value.kind == "Time" else 5
    if value.kind == "Date" or len(value.fields) <= first:
        return None
    second = Decimal(value.fields[first])
    return int((second - int(second)) * 1000)


def _offset(value: Temporal) -> Decimal | None:
    return None if value.zone is None else Decimal(value.zone) / 60


def _date_part(value: Temporal) -> Temporal | None:
    return None if value.kind == "Time" else Temporal("Date", value.fields[:3])


def _time_part(value: Temporal) -> Temporal | None:
    return Temporal("Time", value.fields[3:]) if value.kind == "DateTime" and len(value.fields) > 3 else None


_UNITS: Final = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")


def _between(call: Call) -> Apply:
    other_run, unit_run = call.argument(0), call.argument(1)
    is_difference = call.step.name == "difference"

    def run(env: Env, focus: list[Item]) -> list[Item]:
        value = call.value(focus)
        other = call.single(other_run, env, Temporal, "a date or time")
        unit = call.single(unit_run, env, str, "a precision")
        if value is None or other is None or unit is None:
            return []
        unit = unit.removesuffix("s")
        if not isinstance(value, Temporal) or (value.kind == "Time") != (other.kind == "Time") or unit not in _UNITS:
            raise call.problem(f"takes two dates or two times and one of {', '.join(_UNITS)}")
        found = between(value, other, unit, is_difference=is_difference)
        return [] if found is None else [found]

    return run


def between(first: Temporal, second: Temporal, unit: str, *, is_difference: bool) -> int | None:
    """Count whole periods between two values, or (`is_difference`) the boundaries crossed; None where unknown."""
    needed = {"year": 1, "month": 2, "week": 3, "day": 3, "hour": 4, "minute": 5, "second": 6, "millisecond": 6}[unit]
    offset = 3 if first.kind == "Time" else 0
    if min(len(first.fields), len(second.fields)) + offset < needed:
        return None
    if first.kind == "Time" and unit in ("year", "month", "week", "day"):
        return None
    one, other = _moment(first), _moment(second)
    if needed <= 3 and is_difference:
        # Boundaries of days and longer are those of each value's own calendar.
        one, other = one.replace(tzinfo=UTC), other.replace(tzinfo=UTC)
    else:
        one, other = _zoned(one, first), _zoned(other, second)
    sign = 1
    if one > other:
        one, other, sign = other, one, -1
    if unit in ("year", "month"):
        months = (other.year - one.year) * 12 + other.month - one.month
        if not is_difference and _rest(other) < _rest(one):
            months -= 1
        if unit == "year":
            return sign * (other.year - one.year if is_difference else months // 12)
        return sign * months
    if is_difference:
        return sign * (_boundary_number(other, unit) - _boundary_number(one, unit))
    size = {"week": 604_800_000, "day": 86_400_000, "hour": 3_600_000, "minute": 60_000, "second": 1000}.get(unit, 1)
    return sign * (_millis_between(one, other) // size)


def _rest(moment: datetime) -> tuple[int, int, int, int, int]:
    return moment.day, moment.hour, moment.minute, moment.second, moment.microsecond


def _millis_between(one: datetime, other: datetime) -> int:
    delta = other - one
    return delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000


def _boundary_number(moment: datetime, unit: str) -> int:
    days = moment.toordinal()
    if unit == "day":
        return days
    if unit == "week":
        return days // 7  # ordinal 7 is a Sunday
    seconds = days * 86_400 + moment.hour * 3600 + moment.minute * 60 + moment.second
    if unit == "millisecond":
        return seconds * 1000 + moment.microsecond // 1000
    return seconds // {"hour": 3600, "minute": 60, "second": 1}[unit]


def _moment(value: Temporal) -> datetime:
    fields = list(value.fields) if value.kind != "Time" else [1, 1, 1, *value.fields]
    day = date(int(fields[0]), int(fields[1]) if len(fields) > 1 else 1, int(fields[2]) if len(fields) > 2 else 1)
    hour, minute = [*(int(part) for part in fields[3:5]), 0, 0][:2]
    second = Decimal(fields[5]) if len(fields) > 5 else Decimal(0)
    whole = min(59, int(second))
    return datetime(day.year, day.month, day.day, hour, minute, whole, int((second % 1) * 1_000_000))


def _zoned(moment: datetime, value: Temporal) -> datetime:
    return (
        moment.replace(tzinfo=UTC) - timedelta(minutes=value.zone or 0)
        if moment.year > 1
        else moment.replace(tzinfo=UTC)
    )


ENTRIES: Final[dict[str, Entry]] = {
    "now": plain(_now, frozenset({"System.DateTime"})),
    "today": plain(_today, frozenset({"System.Date"})),
    "timeOfDay": plain(_time_of_day, frozenset({"System.Time"})),
    "lowBoundary": of_value(0, 1, _boundary),
    "highBoundary": of_value(0, 1, _boundary),
    "precision": of_value(0, 0, _precision, INTEGER),
    "yearOf": _part(0, of_time=False),
    "monthOf": _part(1, of_time=False),
    "dayOf": _part(2, of_time=False),
    "hourOf": _part(3, of_time=True),
    "minuteOf": _part(4, of_time=True),
    "secondOf": _part(5, of_time=True),
    "millisecondOf": _field(_millisecond),
    "timezoneOffsetOf": _field(_offset),
    "dateOf": _field(_date_part),
    "timeOf": _field(_time_part),
    "duration": of_value(2, 2, _between, INTEGER),
    "difference": of_value(2, 2, _between, INTEGER),
}
