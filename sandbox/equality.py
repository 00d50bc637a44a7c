"""When two JSON values are equal, for every comparison of the project.

JSON typing: a number equals the same number written as a string, a boolean never equals a number,
strings are compared exactly. Numbers are compared as decimals, to the digit.
"""

import re
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


def equal(expected: Json, actual: Json) -> bool:
    """Whether two JSON values are equal after JSON typing, arrays and objects element by element.

    >>> (equal(5, "5"), equal("5.0", 5), equal(True, 1), equal("5", "5.0"), equal(None, ""))
    (True, True, False, False, False)
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(equal(expected[key], actual[key]) for key in expected)
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(equal, expected, actual))
    if isinstance(expected, str) and isinstance(actual, str):
        return expected == actual
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if expected is None or actual is None:
        return expected is actual
    number = to_number(expected)
    return number is not None and number == to_number(actual)
