"""Whole numbers that parameters hold, and the size of a page (R4, Search, "Paging").

The one reading of `_count`, for searches, histories and operations alike.
"""

from typing import Final

from sandbox import limits
from sandbox.errors import Invalid
from sandbox.wire.whole_numbers import read_whole_number

_SHOWN: Final = 60


def page_size(value: object) -> int:
    """Return how many entries a page has that `_count` asks for; more than fit are as many as fit.

    0 asks for the total alone. Raises `Invalid`.

    >>> page_size("20"), page_size("2147483647")
    (20, 1000)
    """
    return min(whole_number("_count", value), limits.SEARCH_COUNT_MAX)


def whole_number(name: str, value: object, low: int = 0) -> int:
    """Return a parameter that is a whole number; raises `Invalid` for anything else and for less than `low`.

    >>> whole_number("_count", "20")
    20
    """
    text = str(value)
    number = read_whole_number(text)
    if number is None or number < low:
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        message = f'{name} must be a whole number, {low} or more, not "{shown}".'
        raise Invalid(message, issue_type="value", expression=f"http.{name}")
    return number


def repeated(name: str) -> Invalid:
    """Return the error for a parameter that is given more than once and may not be."""
    message = f'The parameter "{name}" is given more than once.'
    return Invalid(message, issue_type="invalid", expression=f"http.{name}")
