"""Where other engines give another result, and what the text of the specification says: each has its row in the docs.

A row is the words of `docs/fhirpath.md`, and what tells such a disagreement from any other.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

from sandbox.errors import SandboxError
from sandbox.fhirpath import Context, compile_expression
from sandbox.jsonio import ExactFloat, Json
from tests.fhirpath.generated import LISTS

Result: TypeAlias = str | list[Any]
Row: TypeAlias = tuple[str, Callable[[str, Result, Result], bool]]


def shown(value: Any) -> Any:
    """Return a value so that results of different engines can be compared."""
    if isinstance(value, ExactFloat):
        value = Decimal(value.text)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return round(float(value), 9)
    if isinstance(value, dict | list):
        return json.dumps(json.loads(json.dumps(value, default=float)), sort_keys=True)
    return value if value is None or isinstance(value, bool) else str(value)


def ours(expression: str, resource: Json) -> Result:
    """Return our result as it is compared, or what is wrong after `error`."""
    try:
        compiled = compile_expression(expression, resource["resourceType"], is_strict=False)
        return [shown(value) for value in compiled.values(resource, Context())]
    except SandboxError as error:
        return f"error {error.message}"


def _is_error(result: Result) -> bool:
    return isinstance(result, str)


def _mentions(pattern: str) -> Callable[[str, Result, Result], bool]:
    return lambda expression, ours, theirs: re.search(pattern, expression) is not None


def _of_several(expression: str, ours: Result, theirs: Result) -> bool:
    words = r"one (item|Boolean|string)|needs one|takes one|compares one"
    return isinstance(ours, str) and re.search(words, ours) is not None


def _short_circuit(expression: str, ours: Result, theirs: Result) -> bool:
    words = r"[Ss]ingleton|ResourceNode|collection"
    is_about_several = isinstance(theirs, str) and re.search(words, theirs) is not None
    return is_about_several and re.search(r" (and|or|implies|xor) ", expression) is not None


PARTIAL = r"@T\d\d:\d\d(?!:)|@\d{4}(-\d\d)?(?![-\d])"
EQUALITY = "(=|!=|~|!~)"
COMPARED_LISTS = "|".join(rf"{re.escape(row)}\)* {EQUALITY} | {EQUALITY} \(*{re.escape(row)}" for row in LISTS)
DIGITS = r"\d\.\d|/|sqrt|exp|ln|log|power"

# Of both engines.
SHARED: list[Row] = [
    ("One item is asked for and several are there", _of_several),
    ("A decided `and`, `or` or `implies` does not look at the other side", _short_circuit),
    ("Decimals keep their digits", _mentions(rf"({DIGITS}).*toString|toString.*({DIGITS})|mod|div")),
    ("A Decimal is not converted to an Integer", _mentions(rf"({DIGITS}).*(toInteger|convertsToInteger)")),
    ("Logarithms of what has none", _mentions(r"\.(ln|log)\(")),
    ("A primitive is selected by its very type", _mentions(r"ofType\(string\)|as\(string\)")),
]
FHIRPATHPY: list[Row] = [
    *SHARED,
    ("Functions it lacks", lambda e, ours, theirs: isinstance(theirs, str) and "ot implemented" in theirs),
    ("It raises where a result is due", lambda e, ours, theirs: _is_error(theirs) and not _is_error(ours)),
    ("Partial times and dates are written with their own precision", _mentions(PARTIAL)),
    ("Lists of elements are compared item by item", _mentions(COMPARED_LISTS)),
    ("A union has no duplicates", _mentions(r"union|\|")),
    ("Types of types", _mentions(r"type\(\)")),
    ("Arithmetic is decimal", _mentions(DIGITS)),
    ("The empty string is a string", _mentions("''")),
    ("An error is no item", lambda e, ours, theirs: "$error" in str(theirs)),
]  # fmt: skip
FHIRPATH_JS: list[Row] = [
    *SHARED,
    ("Arithmetic is decimal", _mentions(DIGITS)),
    ("Types of types", _mentions(r"type\(\)")),
]  # fmt: skip


def unexplained(rows: list[Row], expression: str, ours: Result, theirs: Result) -> bool:
    """Whether two results differ in a way that no row is about."""
    if ours == theirs or (_is_error(ours) and _is_error(theirs)):
        return False
    return not any(tells(expression, ours, theirs) for _, tells in rows)
