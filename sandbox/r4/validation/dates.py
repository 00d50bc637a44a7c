"""Which of two FHIR dates is the later, whatever their precision (R4, Data Types, dateTime)."""

from typing import Final

from sandbox.r4.dates import HOUR, Interval, stored_interval

_ZONE_SLACK: Final = 14 * HOUR


def is_after(first: object, second: object) -> bool:
    """Whether the first date is certainly after the second, whatever their precision and zones.

    >>> is_after("2020", "2019-12-30"), is_after("2020-05", "2020")
    (True, False)
    """
    if not isinstance(first, str) or not isinstance(second, str):
        return False
    if "T" not in first and "T" not in second:
        length = min(len(first), len(second))
        return first[:length] > second[:length]
    one, two = _possible(first), _possible(second)
    return one is not None and two is not None and one[0] > two[1]


def _possible(text: str) -> Interval | None:
    """Return the first and last moment that a date may mean; one without a time may be in any zone."""
    found = stored_interval(text)
    slack = 0 if "T" in text else _ZONE_SLACK
    return None if found is None else (found[0] - slack, found[1] + slack)
