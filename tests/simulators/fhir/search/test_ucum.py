"""Units: every atom of the table reduces, and quantities that people know to be equal are."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest

from sandbox.ucum import _atom, _definitions, unit_of

SAME = [
    (1, "g", 1000, "mg"),
    (1, "mg/dL", "0.01", "g/L"),
    (1, "L", 1, "dm3"),
    (1, "l", 1, "L"),
    (37, "Cel", "98.6", "[degF]"),
    (0, "K", "-273.15", "Cel"),
    (1, "10*3/uL", 1, "10*9/L"),
    (5000, "/uL", 5, "10*9/L"),
    (5000, "{cells}/uL", 5, "10*3/uL"),
    (60, "/min", 1, "Hz"),
    (1, "h", 3600, "s"),
    (1, "a", "365.25", "d"),
    (12, "mo", 1, "a"),
    (2, "wk", 14, "d"),
    (1, "[in_i]", "2.54", "cm"),
    (1, "[ft_i]", 12, "[in_i]"),
    (1, "[lb_av]", "453.59237", "g"),
    (16, "[oz_av]", 1, "[lb_av]"),
    (1, "kg/m2", "0.1", "g/cm2"),
    (1, "kg.m-2", 1, "kg/m2"),
    (1, "mmol/L", 1, "mol/m3"),
    (1, "meq/L", 1, "mmol/L"),
    (1, "U/L", "16.666666666666666666666666666666666666666667", "nkat/L"),
    (1, "kPa", "7.5006375542", "mm[Hg]"),
    (1, "%", 10, "g/kg"),
    (1, "[gal_us]", "3.785411784", "L"),
    (1, "[tsp_us]", "4.92892159375", "mL"),
    (1, "[iU]/mL", 1, "k[iU]/L"),
    (1, "(mg/dL)", 1, "mg/dL"),
    (1, "mL/min/{1.73_m2}", 1, "mL/min"),
    (1, "{#}/mL", 1, "/mL"),
    (1, "{score}", 1, "1"),
    (1, "kcal", 4184, "J"),
    (1, "/m", 1, "m-1"),
    (100, "m/s2", 1, "hm/s2"),
]


@pytest.mark.parametrize(("value", "code", "other_value", "other_code"), SAME)
def test_equal_quantities(value, code, other_value, other_code):
    one, other = unit_of(code), unit_of(other_code)
    assert one.dimensions == other.dimensions
    left, right = one.to_base(Fraction(value)), other.to_base(Fraction(other_value))
    assert left == pytest.approx(right, rel=1e-9)


@pytest.mark.parametrize(("value", "expected"), [("1e400", math.inf), ("-1e400", -math.inf), ("1e-400", 0)])
@pytest.mark.parametrize("code", ["mg", "Cel"])
def test_numbers_beyond_a_float(value, expected, code):
    assert unit_of(code).to_base(Decimal(value)) == (273.15 if (expected, code) == (0, "Cel") else expected)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mg", "mL"),
        ("mol", "g"),
        ("[iU]", "U"),
        ("[iU]", "[arb'U]"),
        ("[IU]/L", "/L"),
        ("[IU]", "[USP'U]"),
        ("Cel", "1"),
        ("s", "m"),
    ],
)
def test_units_of_different_kinds_are_not_comparable(one, other):
    assert unit_of(one).dimensions != unit_of(other).dimensions


@pytest.mark.parametrize(
    "code",
    [*" furlong mg/ / mg//dL (mg mg) [pH] mgg 0 m^2 kCel \u00b5g { m1000 k[in_i]".split(" "), "mg dL", "a" * 200],
)
def test_what_is_not_known_is_not_guessed(code):
    assert unit_of(code) is None


def test_every_atom_of_the_table_reduces():
    assert len(_definitions()) > 140
    for symbol in _definitions():
        assert _atom(symbol).factor > 0
        assert unit_of(symbol) is not None
