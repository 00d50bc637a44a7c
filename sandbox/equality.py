"""When two JSON values are equal, for every comparison of the project.

JSON typing: a number equals the same number written as a string, a boolean never equals a number,
strings are compared exactly. Numbers are compared as decimals, to the digit.
Where it is asked for, numbers and strings are kept apart (`is_strict`), and the order of lists does not count.
"""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final

from sandbox import jsonio
from sandbox.jsonio import ExactFloat, Json

_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def to_number(value: Json) -> Decimal | None:
    """Return a JSON number, or a string that is written as one, as an exact decimal.

    >>> (to_number("5.0"), to_number(True), to_number("007"))
    (Decimal('5.0'), None, None)
    """
    if isinstance(value, ExactFloat):
        text = value.text
    elif isinstance(value, str):
        text = value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        text = repr(value)
    else:
        return None
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent past what a decimal can hold
        return None


def to_text(value: Json) -> str | None:
    """Return a scalar as text, numbers as they are written in JSON; None for anything else.

    >>> (to_text(5), to_text(True), to_text("a"), to_text([1]))
    ('5', 'true', 'a', None)
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return jsonio.dump(value).decode()
    return None


def equal(expected: Json, actual: Json, *, is_strict: bool = False, in_any_order: bool = False) -> bool:
    """Whether two JSON values are equal after JSON typing, arrays and objects element by element.

    >>> (equal(5, "5"), equal("5.0", 5), equal(True, 1), equal("5", "5.0"), equal(None, ""))
    (True, True, False, False, False)
    >>> (equal(5, "5", is_strict=True), equal([1, 2], [2, 1], in_any_order=True))
    (False, True)
    """

    def alike(one: Json, other: Json) -> bool:
        return equal(one, other, is_strict=is_strict, in_any_order=in_any_order)

    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(alike(expected[key], actual[key]) for key in expected)
    if isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            return False
        return all(map(alike, expected, actual)) or (in_any_order and _can_be_paired(expected, actual, alike))
    if isinstance(expected, str) and isinstance(actual, str):
        return expected == actual
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if expected is None or actual is None:
        return expected is actual
    if is_strict and isinstance(expected, str) != isinstance(actual, str):
        return False
    number = to_number(expected)
    return number is not None and number == to_number(actual)


def _can_be_paired(expected: list[Json], actual: list[Json], alike: Callable[[Json, Json], bool]) -> bool:
    """Whether each element of one list has one of the other to itself: `5` and `"5"` equal what `"5.0"` does not."""
    taken: dict[int, int] = {}  # a place in `actual`, and the place in `expected` that has it
    fits = [[place for place, value in enumerate(actual) if alike(wanted, value)] for wanted in expected]

    def find_place(wanted: int, seen: set[int]) -> bool:
        for place in fits[wanted]:
            if place not in seen:
                seen.add(place)
                if place not in taken or find_place(taken[place], seen):
                    taken[place] = wanted
                    return True
        return False

    return all(find_place(wanted, set()) for wanted in range(len(expected)))
