"""The one comparison: what a field was expected to hold against what it holds, for every check.

JSON typing: a number equals the same number written as a string, a boolean never equals a number,
strings are compared exactly, a missing value is null. Numbers are compared as decimals, to the
digit. Built on the leaves `equality.py` and `paths.py`, which simulators use to correlate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.definitions.assertions import MODIFIERS, FieldExpectation
from sandbox.equality import equal, to_number, to_text
from sandbox.jsonio import Json
from sandbox.paths import parse_path, read_path
from sandbox.regexes import compile_regex
from sandbox.scoring.dates import parse_period
from sandbox.scoring.phrases import PhraseMatch, compare_phrase, find_text

__all__ = [
    "FieldResult",
    "PhraseMatch",
    "compare_field",
    "compare_phrase",
    "describe_problem",
    "equal",
    "find_text",
    "parse_path",
    "read_path",
    "to_number",
    "to_text",
]

_COMPACT_DATE_CHARS_MIN: Final = 8


@dataclass(frozen=True, slots=True)
class FieldResult:
    """What became of one expected field.

    `expected` is the value itself, or `{mode: …}` for the other ways to expect. `actual` is the
    value that satisfied it, else the value found, else a list of all that a wildcard found. `rule` says how it was
    compared where that is not the common way.
    """

    path: str
    mode: str
    expected: Json
    actual: Json
    passed: bool
    rule: str = ""


def compare_field(expectation: FieldExpectation, values: Sequence[Json]) -> FieldResult:
    """Compare the values found at the expectation's path; one that satisfies it is enough.

    No values means that the path is missing: its value is then null.

    >>> compare_field(FieldExpectation(path="status", expected="booked"), ["pending"])
    FieldResult(path='status', mode='expected', expected='booked', actual='pending', passed=False, rule='')
    >>> compare_field(FieldExpectation(path="code.*", one_of=["A", "B"]), ["C", "B"]).actual
    'B'
    """
    mode = expectation.mode
    expected = _expected_of(expectation)
    path, rule = expectation.path, _rule_of(expectation)
    if mode == "exists":
        found = [value for value in values if value is not None]
        return FieldResult(path, mode, expected, _shown(found), bool(found) == expectation.exists, rule)
    candidates = list(values) or [None]
    for value in candidates:
        if _is_satisfied(expectation, mode, value):
            return FieldResult(path, mode, expected, value, True, rule)
    return FieldResult(path, mode, expected, _shown(candidates), False, rule)


def describe_problem(expectation: FieldExpectation) -> str | None:
    """Return why an expectation could never be met or never fail, None when it makes sense."""
    given = expectation.model_fields_set - MODIFIERS - {"expected", "contains"}
    empty = sorted(name for name in given if getattr(expectation, name) is None)
    if empty:
        return f"{empty[0]} is null; give it a value, or use `expected: null` for a missing value"
    if expectation.one_of == []:
        return "one_of is empty; list at least one value"
    if "contains" in expectation.model_fields_set and expectation.contains in (None, "", [], {}):
        return "contains is empty; name what must be in the value"
    if expectation.matches == "":
        return "matches is empty; write a regular expression"
    if expectation.approx is not None and not _are_numbers(expectation.approx.value, expectation.approx.tolerance):
        return "approx needs a finite value and tolerance"
    for name in ("min", "max"):
        bound = getattr(expectation, name)
        if isinstance(bound, str) and to_number(bound) is None and parse_period(bound) is None:
            return f'{name}: "{bound}" is neither a number nor a date'
        if isinstance(bound, float) and to_number(bound) is None:
            return f"{name}: {bound} is not a finite number"
    return None


def _rule_of(expectation: FieldExpectation) -> str:
    rules = {"strict": expectation.is_strict, "in any order": expectation.in_any_order}
    return ", ".join(name for name, is_on in rules.items() if is_on)


def _expected_of(expectation: FieldExpectation) -> Json:
    mode = expectation.mode
    if mode == "expected":
        return expectation.expected
    if mode == "range":
        bounds = {"min": expectation.min, "max": expectation.max}
        return {name: _plain(bound) for name, bound in bounds.items() if bound is not None}
    if expectation.approx is not None:
        return {
            "approx": {"value": _plain(expectation.approx.value), "tolerance": _plain(expectation.approx.tolerance)}
        }
    return {mode: getattr(expectation, mode)}


def _plain(bound: float | str) -> float | int | str:
    """Write 5.0 as 5."""
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def _are_numbers(*values: Json) -> bool:
    return all(to_number(value) is not None for value in values)


def _shown(values: Sequence[Json]) -> Json:
    if not values:
        return None
    return values[0] if len(values) == 1 else list(values)


def _is_satisfied(expectation: FieldExpectation, mode: str, value: Json) -> bool:
    is_strict, in_any_order = expectation.is_strict, expectation.in_any_order
    match mode:
        case "expected":
            return equal(expectation.expected, value, is_strict=is_strict, in_any_order=in_any_order)
        case "one_of":
            wanted = expectation.one_of or ()
            return any(equal(item, value, is_strict=is_strict, in_any_order=in_any_order) for item in wanted)
        case "matches":
            text = value if is_strict and isinstance(value, str) else None if is_strict else to_text(value)
            pattern = expectation.matches
            return text is not None and pattern is not None and compile_regex(pattern).search(text)
        case "range":
            return _is_within(value, expectation.min, expectation.max, is_strict)
        case "approx":
            return not (is_strict and isinstance(value, str)) and _is_near(value, expectation.approx)
        case _:
            return _contains(value, expectation.contains, is_strict)


def _is_within(value: Json, low: float | str | None, high: float | str | None, is_strict: bool) -> bool:
    kinds = {isinstance(bound, str) for bound in (low, high) if bound is not None}
    if is_strict and kinds != {isinstance(value, str)}:
        return False
    return not (
        value is None
        or (low is not None and _is_past(value, low, -1))
        or (high is not None and _is_past(value, high, 1))
    )


def _is_past(value: Json, bound: float | str, side: int) -> bool:
    """Whether the value is past the bound, or cannot be compared with it."""
    if isinstance(value, str) and isinstance(bound, str) and not _are_plain_numbers(value, bound):
        period, limit = parse_period(value), parse_period(bound)
        if period is not None and limit is not None:
            return period.begins_before(limit) if side < 0 else period.ends_after(limit)
    number, edge = to_number(value), to_number(bound)
    if number is None or edge is None:
        return True
    return number < edge if side < 0 else number > edge


def _are_plain_numbers(value: str, bound: str) -> bool:
    """Whether both are numbers and not both as long as a compact date (`20260420`)."""
    is_long = min(len(value), len(bound)) >= _COMPACT_DATE_CHARS_MIN
    return not is_long and _are_numbers(value, bound)


def _is_near(value: Json, approx: Any) -> bool:
    number = to_number(value)
    middle, tolerance = to_number(approx.value), to_number(approx.tolerance)
    if number is None or middle is None or tolerance is None:
        return False
    try:
        return abs(number - middle) <= tolerance
    except ArithmeticError:  # the difference is past what a decimal can hold
        return False


def _contains(value: Json, part: Json, is_strict: bool) -> bool:
    if isinstance(value, str):
        text = part if isinstance(part, str) else None if is_strict else to_text(part)
        return text is not None and text in value
    if isinstance(value, list) and not isinstance(part, list):
        return any(_covers(element, part, is_strict) for element in value)
    return _covers(value, part, is_strict)


def _covers(value: Json, part: Json, is_strict: bool) -> bool:
    """Whether the value holds the part: an object all of its members, an array all of its elements."""
    if isinstance(value, dict) and isinstance(part, dict):
        return all(key in value and _covers(value[key], item, is_strict) for key, item in part.items())
    if isinstance(value, list) and isinstance(part, list):
        return all(any(_covers(element, item, is_strict) for element in value) for item in part)
    return equal(part, value, is_strict=is_strict)
