"""Number search (R4 search, 3.1.1.4.6): the precision of the search value makes its range.

`100` means 99.5 up to but not including 100.5, `100.00` means 99.995 to 100.005. The other prefixes
than eq and ne compare with the number itself. `ap` means within a tenth. Numbers in resources are
taken as exact; a Range is the interval that it is.
"""

import math
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sandbox.jsonio import ExactFloat, Json
from sandbox.simulators.fhir.search.indexes.index import Index
from sandbox.simulators.fhir.search.indexes.intervals import PREFIXES, Interval, IntervalIndex, Range
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.terms.paths import Path
from sandbox.simulators.fhir.search.terms.problems import BadValue
from sandbox.simulators.fhir.search.terms.values import unescape
from sandbox.simulators.fhir.search.types.base import Context, SearchType

_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,4})?", re.ASCII)
_TENTH: Final = Decimal("0.1")


def split_prefix(text: str) -> tuple[str, str]:
    """Split a value into its prefix, `eq` without one, and the rest.

    >>> split_prefix("ge5.4")
    ('ge', '5.4')
    """
    return (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)


def parse_number(text: str) -> Decimal:
    """Read a number with its precision; raises `BadValue`."""
    if not _NUMBER.fullmatch(text) or len(text) > 64:
        raise BadValue("is not a number like 5, 5.40 or 1e2")
    return Decimal(text)


def bounds_of(prefix: str, number: Decimal) -> tuple[Decimal, Decimal]:
    """Return the range that a search for a number means; the upper end is exclusive for eq and ne.

    >>> bounds_of("eq", Decimal("5.4"))
    (Decimal('5.35'), Decimal('5.45'))

    R4 prints 95 to 105 for `1e2`, a tenth of what its one digit would give by the rule; so a positive
    exponent counts that way:

    >>> bounds_of("eq", Decimal("1e2"))
    (Decimal('95'), Decimal('105'))
    """
    if prefix not in ("eq", "ne", "ap"):
        return number, number
    exponent = int(number.as_tuple().exponent)
    half = Decimal(5).scaleb(exponent - (2 if exponent > 0 else 1))
    if prefix == "ap":
        half = max(half, abs(number) * _TENTH)
    return number - half, number + half


def range_of(prefix: str, number: float, low: float, high: float) -> Range:
    """Make the range to look for, with the exclusive upper end stepped down.

    Where the range is finer than a float can tell, it still holds the number itself.
    """
    if prefix in ("eq", "ne"):
        high = math.nextafter(high, -math.inf)
    return Range(prefix, min(low, number), max(high, number))


def exact(value: Json) -> Decimal | None:
    """Return a JSON number as it was written; None for anything else.

    >>> exact(5)
    Decimal('5')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = Decimal(value.text if isinstance(value, ExactFloat) else str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def interval_of_range(raw: dict[str, Any]) -> tuple[Decimal | None, Decimal | None]:
    """Return the ends of a Range, None for an open one; a Range upside down has none."""

    def end(name: str) -> Decimal | None:
        quantity = raw.get(name)
        return exact(quantity.get("value")) if isinstance(quantity, dict) else None

    low, high = end("low"), end("high")
    return (None, None) if low is not None and high is not None and low > high else (low, high)


class NumberType(SearchType):
    """Parameters of type number."""

    name = "number"

    def parse(self, parameter: Parameter, modifier: str | None, text: str, context: Context) -> Range:
        """Read one value."""
        prefix, rest = split_prefix(unescape(text))
        number = parse_number(rest)
        low, high = bounds_of(prefix, number)
        return range_of(prefix, float(number), float(low), float(high))

    def entries(self, parameter: Parameter, facet: str, path: Path, raw: Json, resource: Json) -> Iterable[Interval]:
        """Read the entries of one value of a resource."""
        number = exact(raw)
        if number is not None:
            return ((float(number), float(number)),)
        if path.type == "Range" and isinstance(raw, dict):
            low, high = interval_of_range(raw)
            if low is not None or high is not None:
                return ((-math.inf if low is None else float(low), math.inf if high is None else float(high)),)
        return ()

    def new_index(self, parameter: Parameter, facet: str) -> Index:
        """Make an empty index."""
        return IntervalIndex()
