"""How one value becomes a wrong one of its kind: another number, the next day, another code, two digits swapped."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from sandbox.jsonio import Json
from sandbox.simulators.leaves import Leaf

Change: TypeAlias = Literal["value", "unit", "code"]

# Units that are mistaken for each other.
_UNITS: Final[Mapping[str, str]] = {
    "mg": "g", "g": "mg", "ug": "mg", "mcg": "mg", "kg": "g", "mL": "L", "L": "mL", "mmol/L": "mg/dL",
    "mg/dL": "mmol/L", "g/dL": "g/L", "g/L": "g/dL", "U/L": "mU/L", "meq/L": "mg/dL", "mEq/L": "mg/dL", "%": "mmol/mol",
    "Cel": "[degF]", "[degF]": "Cel", "mm[Hg]": "kPa", "cm": "m", "m": "cm", "d": "wk", "wk": "d", "h": "d", "mo": "a",
    "[lb_av]": "kg", "[in_i]": "cm", "10*3/uL": "10*6/uL", "10*6/uL": "10*3/uL", "ng/mL": "ug/mL", "ug/mL": "ng/mL",
    "/min": "/h",
}  # fmt: skip
_TOKEN: Final = re.compile(r"(?<![\w.])\d[\w.,/:\-]*\w|(?<![\w.])\d(?!\w)|\b[A-Z]{1,4}-?\d[\w.\-]*\w")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d|\d{8}(?!\d)|(?<!\d)\d{8}(?=\d{4})")
_TEXT_TOKENS_MAX: Final = 3


class Pools:
    """What else may stand somewhere, as the answers of the recorded run show it: codes by system, ids by type."""

    def __init__(self, answers: Sequence[Json]) -> None:
        self._known: dict[str, dict[str, None]] = defaultdict(dict)
        for answer in answers:
            self._read(answer)

    def other(self, pool: str, value: str) -> str | None:
        """Return another value of a pool: the one seen after this one, else the first."""
        known = list(self._known.get(pool, ()))
        if value in known:
            known = known[known.index(value) + 1 :] + known[: known.index(value)]
        return next(iter(known), None)

    def _read(self, value: Json) -> None:
        if isinstance(value, list):
            for item in value:
                self._read(item)
        elif isinstance(value, dict):
            system, code, reference = value.get("system"), value.get("code"), value.get("reference")
            if isinstance(system, str) and isinstance(code, str):
                self._known[system][code] = None
            if isinstance(reference, str) and "/" in reference:
                self._known[reference.partition("/")[0]][reference] = None
            kind, key = value.get("resourceType"), value.get("id")
            if isinstance(kind, str) and isinstance(key, str):
                self._known[kind][f"{kind}/{key}"] = None
            for item in value.values():
                self._read(item)


def variants(leaf: Leaf, pools: Pools) -> Iterator[tuple[Change, Json]]:
    """Yield wrong values for a value, the likeliest mistake first; none where nothing wrong of its kind is known.

    >>> list(variants(Leaf(("dose",), 5, "number"), Pools([])))
    [('value', 50), ('value', 6)]
    >>> list(variants(Leaf(("status",), "active", "code", choices=("draft", "active")), Pools([])))
    [('code', 'draft')]
    """
    value = leaf.value
    if leaf.kind == "number":
        yield from (("value", new) for new in _numbers(value))
    elif leaf.kind == "date":
        yield from (("value", new) for new in _dates(str(value)))
    elif leaf.kind == "unit":
        yield "unit", _UNITS.get(str(value), "mg" if value != "mg" else "g")
    elif leaf.kind == "code":
        other = _other_code(leaf, pools)
        if other is not None:
            yield "code", other
    elif leaf.kind == "reference":
        other = pools.other(leaf.pool, str(value))
        if other is not None and leaf.pool != "Patient":  # the other patient is a change of its own
            yield "value", other
    elif leaf.kind == "flag":
        yield "value", not value
    elif leaf.kind == "identifier":
        yield "value", swapped_digits(str(value))
    elif leaf.kind == "name":
        yield "value", misspelt(str(value))
    elif leaf.kind == "message":
        yield from (("value", new) for new in _texts(str(value)))


def _other_code(leaf: Leaf, pools: Pools) -> str | None:
    value = str(leaf.value)
    for choice in leaf.choices:
        if choice.casefold() != value.casefold():
            return choice
    other = pools.other(leaf.pool, value) if leaf.pool else None
    if other is None and any(char.isdigit() for char in value):
        return swapped_digits(value)
    return other


def _numbers(value: Json) -> Iterator[Json]:
    """Yield a number with its point misplaced, and one that is a little off; text stays text.

    >>> list(_numbers(6.8)), list(_numbers("140")), list(_numbers(0))
    ([0.68, 6.9], ['1400', '141'], [1])
    """
    number = Decimal(str(value))
    shifted = number / 10 if number != number.to_integral_value() else number * 10
    step = Decimal(1).scaleb(int(number.as_tuple().exponent))
    for new in (shifted, number + step):
        if new != number:
            text = format(new, "f")
            yield text if isinstance(value, str) else float(text) if "." in text else int(text)


def _dates(value: str) -> Iterator[str]:
    """Yield the next day, and where there is a time the next hour, written as the date is.

    >>> list(_dates("2026-04-30T15:20:00Z")), list(_dates("20260423")), list(_dates("2026"))
    (['2026-05-01T15:20:00Z', '2026-04-30T16:20:00Z'], ['20260424'], ['2027'])
    """
    form = "%Y-%m-%d" if "-" in value[:5] else "%Y%m%d"
    length = 10 if form == "%Y-%m-%d" else 8
    try:
        day = datetime.strptime(value[:length], form).replace(tzinfo=None)
    except ValueError:
        yield f"{int(value[:4]) + 1}{value[4:]}" if value[:4].isdigit() else swapped_digits(value)
        return
    yield (day + timedelta(days=1)).strftime(form) + value[length:]
    found = re.match(r"(T?)(\d\d)", value[length:])
    if found:
        hour = f"{(int(found[2]) + 1) % 24:02}"
        yield value[:length] + found[1] + hour + value[length + found.end() :]


def _texts(value: str) -> Iterator[str]:
    """Yield a text with one of its numbers, dates or codes changed, for each of the first few.

    >>> list(_texts("Potassium 6.8 mmol/L on 2026-04-23."))
    ['Potassium 0.68 mmol/L on 2026-04-23.', 'Potassium 6.8 mmol/L on 2026-04-24.']
    """
    for found in [found for found in _TOKEN.finditer(value) if _is_value(found[0])][:_TEXT_TOKENS_MAX]:
        token = found[0]
        if _DATE.fullmatch(token[:10]) or _DATE.fullmatch(token):
            new = next(_dates(token))
        elif re.fullmatch(r"\d+(\.\d+)?", token):
            new = str(next(_numbers(token)))
        else:
            new = swapped_digits(token)
        if new != token:
            yield value[: found.start()] + new + value[found.end() :]


def _is_value(token: str) -> bool:
    """Whether a token is a value, and not the name of something: of letters and digits, it has three digits or more.

    >>> _is_value("6"), _is_value("E11.9"), _is_value("ICD-10-CM"), _is_value("B12")
    (True, True, False, False)
    """
    return token[0].isdigit() or sum(char.isdigit() for char in token) >= 3


def swapped_digits(text: str) -> str:
    """Return a text whose last two differing neighbouring digits are swapped; where there are none, the last differs.

    >>> swapped_digits("RC-100203"), swapped_digits("R00.2"), swapped_digits("none")
    ('RC-100230', 'R00.3', 'none')
    """
    for place in range(len(text) - 1, 0, -1):
        one, other = text[place - 1], text[place]
        if one.isdigit() and other.isdigit() and one != other:
            return text[: place - 1] + other + one + text[place + 1 :]
    for place in range(len(text) - 1, -1, -1):
        if text[place].isdigit():
            return f"{text[:place]}{(int(text[place]) + 1) % 10}{text[place + 1 :]}"
    return text


def misspelt(text: str) -> str:
    """Return a name with two letters swapped; one too short for that is doubled.

    >>> misspelt("Whitfield"), misspelt("Bo")
    ('Whiftield', 'BoBo')
    """
    for place in range(len(text) // 2, len(text)):
        if place >= 2 and text[place - 1] != text[place]:
            return text[: place - 1] + text[place] + text[place - 1] + text[place + 1 :]
    return text + text
