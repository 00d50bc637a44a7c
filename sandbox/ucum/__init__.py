"""Compare quantities in different UCUM units (https://ucum.org/ucum).

A unit expression (`mg/dL`, `10*3/uL`, `mm[Hg]`, `kg.m/s2`) is read with UCUM's grammar and its
metric prefixes, and reduced to base units. The atoms in `units.txt` are known: all of SI's,
and the usual ones of clinical chemistry, vital signs and dosing. Arbitrary units (`[iU]`) equal only
themselves; logarithmic ones (`[pH]`) are not converted. An unknown unit compares by its code alone.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, TypeAlias

SYSTEM: Final = "http://unitsofmeasure.org"
Dimensions: TypeAlias = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as `factor` times base units, plus an `offset` for temperatures."""

    factor: Fraction
    dimensions: Dimensions
    offset: Fraction = Fraction(0)

    def to_base(self, value: Fraction | Decimal) -> float:
        """Convert a value in this unit to base units, correctly rounded; infinite past a float's reach."""
        top, bottom = value.as_integer_ratio()
        try:
            if self.offset:
                return float(Fraction(top, bottom) * self.factor + self.offset)
            return (top * self.factor.numerator) / (bottom * self.factor.denominator)
        except OverflowError:
            return math.inf if top > 0 else -math.inf


_PREFIXES: Final[Mapping[str, Fraction]] = {
    name: Fraction(10) ** exponent
    for name, exponent in {
        "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "d": -1, "c": -2,
        "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
    }.items()
}  # fmt: skip

_NUMBER: Final = re.compile(r"\d+")
_EXPONENT: Final = re.compile(r"[+-]?\d+$")
_ANNOTATION: Final = re.compile(r"\{[^{}]*\}")
_LONE_ANNOTATION: Final = re.compile(r"(^|[./(])\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class _Definition:
    """An atom as the table defines it; `base` names a base unit, else `unit` is an expression."""

    is_metric: bool
    factor: Fraction
    unit: str


@cache
def _definitions() -> Mapping[str, _Definition]:
    found = {}
    for line in (Path(__file__).with_name("units.txt")).read_text("utf-8").splitlines():
        if not line.startswith("# "):
            atom, kind, factor, unit = line.split(" ")
            found[atom] = _Definition(kind == "metric", Fraction(factor), unit)
    return found


@cache
def _atom(symbol: str) -> Unit:
    definition = _definitions()[symbol]
    if definition.unit.startswith("@"):
        return Unit(definition.factor, ((definition.unit[1:], 1),))
    unit = _Reader(definition.unit).read()
    return Unit(definition.factor * unit.factor, unit.dimensions)


class _Unknown(Exception):
    """Not a UCUM expression, or with an atom that the tables lack."""


class _Reader:
    """A reader of one UCUM expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def read(self) -> Unit:
        """Read the whole expression."""
        unit = self._term()
        if self.position != len(self.text):
            raise _Unknown
        return unit

    def _term(self) -> Unit:
        result = Unit(Fraction(1), ())
        is_divided = self._take("/")
        while True:
            result = _times(result, self._component(), -1 if is_divided else 1)
            if self._take("/"):
                is_divided = True
            elif self._take("."):
                is_divided = False
            else:
                return result

    def _take(self, char: str) -> bool:
        if self.text.startswith(char, self.position):
            self.position += 1
            return True
        return False

    def _component(self) -> Unit:
        if self._take("("):
            unit = self._term()
            if not self._take(")"):
                raise _Unknown
            return unit
        start, depth = self.position, 0
        while self.position < len(self.text):
            char = self.text[self.position]
            depth += (char == "[") - (char == "]")
            if depth == 0 and char in "./()":
                break
            self.position += 1
        return self._simple(self.text[start : self.position])

    def _simple(self, symbol: str) -> Unit:
        if not symbol:
            raise _Unknown
        if _NUMBER.fullmatch(symbol):
            if int(symbol) == 0 or len(symbol) > 20:
                raise _Unknown
            return Unit(Fraction(int(symbol)), ())
        unit = _prefixed(symbol)
        if unit is not None:
            return unit
        match = _EXPONENT.search(symbol)
        unit = _prefixed(symbol[: match.start()]) if match else None
        if match is None or unit is None or abs(int(match.group())) > 30:
            raise _Unknown
        return _times(Unit(Fraction(1), ()), unit, int(match.group()))


def _prefixed(symbol: str) -> Unit | None:
    known = _definitions()
    if symbol in known:
        return _atom(symbol)
    for length in (1, 2):
        prefix, rest = _PREFIXES.get(symbol[:length]), symbol[length:]
        if prefix is not None and rest in known and known[rest].is_metric:
            unit = _atom(rest)
            return Unit(prefix * unit.factor, unit.dimensions)
    return None


def _times(left: Unit, right: Unit, exponent: int) -> Unit:
    powers = dict(left.dimensions)
    for name, power in right.dimensions:
        powers[name] = powers.get(name, 0) + power * exponent
    kept = tuple(sorted((name, power) for name, power in powers.items() if power))
    return Unit(left.factor * right.factor**exponent, kept)


_TEMPERATURES: Final = {
    "Cel": Unit(Fraction(1), (("temperature", 1),), Fraction("273.15")),
    "[degF]": Unit(Fraction(5, 9), (("temperature", 1),), Fraction("459.67") * Fraction(5, 9)),
    "[degRe]": Unit(Fraction(5, 4), (("temperature", 1),), Fraction("273.15")),
}


@lru_cache(maxsize=2048)
def unit_of(code: str) -> Unit | None:
    """Read a UCUM code; None when it is not one, or not one that is known here.

    >>> unit_of("mg/dL").to_base(Fraction(5)) == unit_of("g/L").to_base(Fraction(5, 100))
    True
    >>> unit_of("Cel").to_base(Fraction(37)) == unit_of("[degF]").to_base(Fraction("98.6"))
    True
    >>> unit_of("furlong") is None
    True
    """
    if code in _TEMPERATURES:
        return _TEMPERATURES[code]
    # An annotation means nothing; one that stands alone, as in {cells}/uL, is the number 1.
    plain = _ANNOTATION.sub("", _LONE_ANNOTATION.sub(r"\g<1>1", code)) if "{" in code else code
    if not plain or len(plain) > 100 or not plain.isascii() or any(c.isspace() for c in plain):
        return None
    try:
        return _Reader(plain).read()
    except _Unknown:
        return None
