"""Conversions (FHIRPath 2.0, Conversion): `toX`, and `convertsToX`, which asks whether `toX` would answer."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from sandbox.fhirpath import arithmetic, units
from sandbox.fhirpath.code import BOOLEAN
from sandbox.fhirpath.context import Apply, Env
from sandbox.fhirpath.functions.call import Call, Entry, of_value
from sandbox.fhirpath.nodes import Item
from sandbox.fhirpath.values import (
    Long,
    Quantity,
    Temporal,
    parse_date,
    parse_date_time,
    parse_decimal,
    parse_quantity,
    parse_time,
    plain,
)

_TRUE: Final = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0", "0.0"})
_WHOLE: Final = re.compile(r"[+-]?\d{1,20}", re.ASCII)


def to_boolean(value: Item) -> bool | None:
    """Return a Boolean, None where there is no conversion."""
    if isinstance(value, bool):
        return value
    if arithmetic.is_number(value):
        return {0: False, 1: True}.get(value)
    if isinstance(value, str):
        return True if value.lower() in _TRUE else False if value.lower() in _FALSE else None
    return None


def to_integer(value: Item) -> int | None:
    """Return an Integer, None where there is no conversion."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return None if (found := arithmetic.whole(value, is_long=False)) is None else int(found)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        found = arithmetic.whole(int(value), is_long=False)
        return None if found is None else int(found)
    return None


def to_long(value: Item) -> Long | None:
    """Return a Long, None where there is no conversion."""
    if isinstance(value, int):
        return Long(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        found = arithmetic.whole(int(value), is_long=True)
        return None if found is None else Long(found)
    return None


def to_decimal(value: Item) -> Decimal | None:
    """Return a Decimal, None where there is no conversion."""
    if isinstance(value, bool):
        return Decimal("1.0") if value else Decimal("0.0")
    if arithmetic.is_number(value):
        return Decimal(value)
    return parse_decimal(value) if isinstance(value, str) else None


def to_string(value: Item) -> str | None:
    """Return a String, None where there is no conversion."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, Decimal):
        return plain(value)
    return str(value) if isinstance(value, Temporal | Quantity) else None


def to_date(value: Item) -> Temporal | None:
    """Return a Date, None where there is no conversion."""
    if isinstance(value, Temporal) and value.kind != "Time":
        return Temporal("Date", value.fields[:3])
    if isinstance(value, str):
        found = parse_date_time(value) if "T" in value else parse_date(value)
        return Temporal("Date", found.fields[:3]) if found else None
    return None


def to_date_time(value: Item) -> Temporal | None:
    """Return a DateTime, None where there is no conversion."""
    if isinstance(value, Temporal) and value.kind != "Time":
        return Temporal("DateTime", value.fields, value.zone)
    return parse_date_time(value) if isinstance(value, str) else None


def to_time(value: Item) -> Temporal | None:
    """Return a Time, None where there is no conversion."""
    if isinstance(value, Temporal):
        return value if value.kind == "Time" else None
    return parse_time(value) if isinstance(value, str) else None


def to_quantity(value: Item) -> Quantity | None:
    """Return a Quantity, None where there is no conversion."""
    if isinstance(value, Quantity):
        return value
    if isinstance(value, bool):
        return Quantity(Decimal("1.0") if value else Decimal("0.0"), "1")
    if arithmetic.is_number(value):
        return Quantity(Decimal(value), "1")
    return parse_quantity(value) if isinstance(value, str) else None


_CONVERSIONS: Final[dict[str, Callable[[Item], Item]]] = {
    "Boolean": to_boolean,
    "Integer": to_integer,
    "Long": to_long,
    "Decimal": to_decimal,
    "String": to_string,
    "Date": to_date,
    "DateTime": to_date_time,
    "Time": to_time,
}


def _converter(convert: Callable[[Item], Item]) -> Callable[[Call], Apply]:
    def make(call: Call) -> Apply:
        def run(env: Env, focus: list[Item]) -> list[Item]:
            value = call.value(focus)
            found = None if value is None else convert(value)
            return [] if found is None else [found]

        return run

    return make


def _tester(convert: Callable[[Item], Item]) -> Callable[[Call], Apply]:
    def make(call: Call) -> Apply:
        def run(env: Env, focus: list[Item]) -> list[Item]:
            value = call.value(focus)
            return [] if value is None else [convert(value) is not None]

        return run

    return make


def _quantity(call: Call) -> Apply:
    unit = call.argument(0) if call.count else None
    is_test = call.step.name.startswith("converts")

    def run(env: Env, focus: list[Item]) -> list[Item]:
        value = call.value(focus)
        if value is None:
            return []
        found = to_quantity(value)
        if found is not None and unit is not None:
            target = call.single(unit, env, str, "a unit")
            if target is None:
                return []
            found = units.convert(found, target)
        if is_test:
            return [found is not None]
        return [] if found is None else [found]

    return run


ENTRIES: Final[dict[str, Entry]] = {
    **{
        f"to{name}": of_value(0, 0, _converter(convert), frozenset({f"System.{name}"}))
        for name, convert in _CONVERSIONS.items()
    },
    **{f"convertsTo{name}": of_value(0, 0, _tester(convert), BOOLEAN) for name, convert in _CONVERSIONS.items()},
    "toQuantity": of_value(0, 1, _quantity, frozenset({"System.Quantity"})),
    "convertsToQuantity": of_value(0, 1, _quantity, BOOLEAN),
}
