"""Functions on numbers (FHIRPath 2.0, Math)."""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal, DecimalException
from typing import Final

from sandbox.fhirpath import arithmetic
from sandbox.fhirpath.context import Apply, Env
from sandbox.fhirpath.functions.call import Call, Entry, of_value
from sandbox.fhirpath.nodes import Item
from sandbox.fhirpath.types import kind_of
from sandbox.fhirpath.values import ARITHMETIC, Long, Quantity

_MAX_PLACES: Final = 30
_MAX_EXPONENT: Final = 10_000
# Units of work that a transcendental function costs.
_SLOW: Final = 200


def _operand(call: Call, focus: list[Item], *, with_quantity: bool) -> Item:
    value = call.value(focus)
    if value is None or arithmetic.is_number(value) or (with_quantity and isinstance(value, Quantity)):
        return value
    raise call.problem(f"is called on a number, and met {kind_of(focus[0])}")


def _exact(apply: Callable[[Decimal], Item], *, keeps_whole: bool = True) -> Entry:
    """Return the entry of a function that keeps a quantity's unit, and leaves whole numbers as they are."""

    def make(call: Call) -> Apply:
        def run(env: Env, focus: list[Item]) -> list[Item]:
            value = _operand(call, focus, with_quantity=True)
            if value is None:
                return []
            if isinstance(value, Quantity):
                return [Quantity(Decimal(apply(value.value)), value.unit, value.is_calendar)]
            if isinstance(value, int) and keeps_whole:
                return [value]
            found = apply(Decimal(value))
            if isinstance(found, int):
                found = arithmetic.whole(found, is_long=False)
            return [] if found is None else [found]

        return run

    return of_value(0, 0, make)


def _real(apply: Callable[[Decimal], Decimal | None]) -> Entry:
    def make(call: Call) -> Apply:
        def run(env: Env, focus: list[Item]) -> list[Item]:
            env.context.spend(_SLOW)
            value = _operand(call, focus, with_quantity=False)
            found = None if value is None else _safely(apply, Decimal(value))
            return [] if found is None else [found]

        return run

    return of_value(0, 0, make, frozenset({"System.Decimal"}))


def _safely(apply: Callable[..., Decimal | None], *values: Decimal) -> Decimal | None:
    try:
        found = apply(*values)
    except (DecimalException, OverflowError, ZeroDivisionError):
        return None
    return found if found is not None and found.is_finite() and abs(found) < _LARGEST else None


_LARGEST: Final = Decimal(10) ** 38


def _clean(value: Decimal) -> Decimal:
    """Round away what the last digits of a transcendental function are not certain of."""
    rounded = value.quantize(Decimal(1).scaleb(-28), context=_WIDE) if abs(value) < _EXACT else value
    shorter = rounded.normalize(_WIDE)
    exponent = shorter.as_tuple().exponent
    return shorter if isinstance(exponent, int) and exponent < 0 else shorter.quantize(Decimal("0.0"), context=_WIDE)


_EXACT: Final = Decimal(10) ** 20
_WIDE: Final = ARITHMETIC.copy()
_WIDE.prec = 60


def _abs(call: Call) -> Apply:
    def run(env: Env, focus: list[Item]) -> list[Item]:
        value = _operand(call, focus, with_quantity=True)
        if value is None:
            return []
        if isinstance(value, Quantity):
            return [Quantity(abs(value.value), value.unit, value.is_calendar)]
        if isinstance(value, int):
            found = arithmetic.whole(abs(value), is_long=isinstance(value, Long))
            return [] if found is None else [found]
        return [abs(value)]

    return run


def _round(call: Call) -> Apply:
    argument = call.argument(0) if call.count else None

    def run(env: Env, focus: list[Item]) -> list[Item]:
        value = _operand(call, focus, with_quantity=True)
        places = call.single(argument, env, int, "a whole number") if argument is not None else 0
        if value is None or places is None:
            return []
        if places < 0 or places > _MAX_PLACES:
            raise call.problem(f"takes a number of places from 0 to {_MAX_PLACES}")
        number = value.value if isinstance(value, Quantity) else Decimal(value)
        found = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _WIDE.copy())
        return [Quantity(found, value.unit, value.is_calendar) if isinstance(value, Quantity) else found]

    return run


def _log(call: Call) -> Apply:
    argument = call.argument(0)

    def run(env: Env, focus: list[Item]) -> list[Item]:
        env.context.spend(_SLOW)
        value = _operand(call, focus, with_quantity=False)
        base = call.single(argument, env, (int, Decimal), "a number")
        if value is None or base is None or value <= 0 or base <= 0:
            return []
        found = _safely(lambda v, b: _clean(_WIDE.divide(_WIDE.ln(v), _WIDE.ln(b))), Decimal(value), Decimal(base))
        return [] if found is None else [found]

    return run


def _power(call: Call) -> Apply:
    argument = call.argument(0)

    def run(env: Env, focus: list[Item]) -> list[Item]:
        env.context.spend(_SLOW)
        value = _operand(call, focus, with_quantity=False)
        exponent = call.single(argument, env, (int, Decimal), "a number")
        if value is None or exponent is None or abs(exponent) > _MAX_EXPONENT:
            return []
        found = _safely(ARITHMETIC.power, Decimal(value), Decimal(exponent))
        if found is None:
            return []
        if isinstance(value, int) and isinstance(exponent, int) and exponent >= 0:
            made = arithmetic.whole(int(found), is_long=isinstance(value, Long))
            return [] if made is None else [made]
        return [_clean(found) if not isinstance(exponent, int) else found]

    return run


def _ln(value: Decimal) -> Decimal | None:
    return _clean(_WIDE.ln(value)) if value > 0 else None


def _sqrt(value: Decimal) -> Decimal | None:
    return _clean(_WIDE.sqrt(value)) if value >= 0 else None


def _exp(value: Decimal) -> Decimal | None:
    return _clean(ARITHMETIC.exp(value)) if value < 90 else None


def _rounding(mode: str) -> Callable[[Decimal], int]:
    return lambda value: int(value.to_integral_value(mode))


ENTRIES: Final[dict[str, Entry]] = {
    "abs": of_value(0, 0, _abs),
    "ceiling": _exact(_rounding(ROUND_CEILING)),
    "floor": _exact(_rounding(ROUND_FLOOR)),
    "truncate": _exact(_rounding(ROUND_DOWN)),
    "exp": _real(_exp),
    "ln": _real(_ln),
    "sqrt": _real(_sqrt),
    "log": of_value(1, 1, _log),
    "power": of_value(1, 1, _power),
    "round": of_value(0, 1, _round),
}
