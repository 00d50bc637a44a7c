"""Whole numbers that callers write: page sizes, positions, versions, settings. The one reading of them."""

from typing import Final

# Past every limit, and within what SQLite keeps as a number.
HUGE: Final = 10**18


def read_whole_number(text: str) -> int | None:
    """Return the number that a text of ASCII digits stands for, `HUGE` for anything larger; None for other texts.

    >>> read_whole_number("020"), read_whole_number("9" * 5000) == HUGE, read_whole_number("-1"), read_whole_number("²")
    (20, True, None, None)
    """
    if not (text.isascii() and text.isdecimal()):
        return None
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) < len(str(HUGE)) else HUGE
