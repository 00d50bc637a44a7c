"""R4's structures compiled for checking: resource types, data types and their backbone elements.

Owns the data file's meaning and its lazy compilation; a structure's fields are compiled when the
first value of it is checked. Sealed: nothing here depends on a playground.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Final

from sandbox.r4.model import definitions, resource_types
from sandbox.r4.validation.primitives import CHECKS, CURRENCY, MIME_TYPE, Check, coded
from sandbox.r4.validation.rules import RULES, Rule

VALUE_SET_PREFIX: Final = "http://hl7.org/fhir/ValueSet/"
OPEN_CHECKS: Final[Mapping[str, Check]] = {"currencies": CURRENCY, "mimetypes": MIME_TYPE}


class Kind(IntEnum):
    """What an element holds."""

    PRIMITIVE = 0
    COMPLEX = 1
    RESOURCE = 2


@dataclass(frozen=True, slots=True)
class ValueSet:
    """The codes of a required binding, by system."""

    name: str
    codes: Mapping[str, frozenset[str]]

    @property
    def all_codes(self) -> frozenset[str]:
        """The codes without their systems."""
        return frozenset().union(*self.codes.values())


@dataclass(frozen=True, slots=True)
class Element:
    """One element as JSON spells it (`valueQuantity`, not `value[x]`).

    `stem` is the choice's name (`value`) or None. `check` is set for primitives, `type_name` names
    the data type or backbone. `targets` are the resource types a Reference may point to. `upper` is
    the highest number allowed, 0 for any.
    """

    name: str
    kind: Kind
    type_name: str
    is_list: bool
    upper: int
    stem: str | None
    check: Check | None
    targets: frozenset[str] | None
    value_set: ValueSet | None


@dataclass(frozen=True, slots=True)
class Structure:
    """A compiled structure.

    `required` holds, for each mandatory element, its name and every JSON spelling that satisfies it.
    """

    name: str
    elements: Mapping[str, Element]
    required: tuple[tuple[str, tuple[str, ...]], ...]
    rules: tuple[Rule, ...]
    is_resource: bool
    has_choices: bool


@cache
def value_set(url: str) -> ValueSet | None:
    """Return a value set that some required binding names, None when its codes are not enumerable."""
    codes = definitions()["value_sets"].get(url)
    if codes is None:
        return None
    return ValueSet(url.removeprefix(VALUE_SET_PREFIX), {s: frozenset(c) for s, c in codes.items()})


def is_structure(name: str) -> bool:
    """Whether a name is that of a compiled structure, and not of a primitive type."""
    return name == "SimpleQuantity" or name in definitions()["structures"]


@cache
def structure(name: str) -> Structure:
    """Return a compiled structure (`Patient`, `Patient.contact`, `HumanName`); raises `KeyError`."""
    source = "Quantity" if name == "SimpleQuantity" else name
    rows = definitions()["structures"][source]["elements"]
    is_resource = name in resource_types()
    elements: dict[str, Element] = {}
    required = []
    for row_name, lower, upper, types, binding in rows:
        spellings = []
        for type_text in types:
            element = _element(row_name, upper, type_text, binding, len(types) > 1)
            elements[element.name] = element
            spellings += [element.name] + (["_" + element.name] if element.kind is Kind.PRIMITIVE else [])
        if lower:
            required.append((row_name, tuple(spellings)))
    rules = RULES.get(name, ())
    if name == "SimpleQuantity":
        rules = (*RULES.get("Quantity", ()), *rules)
    elif "contained" in elements:
        rules = (*RULES["DomainResource"], *rules)
    elif name in ("Age", "Distance", "Duration", "Count"):
        rules = (*RULES.get("Quantity", ()), *rules)
    has_choices = any(e.stem for e in elements.values())
    return Structure(name, elements, tuple(required), rules, is_resource, has_choices)


def _element(name: str, upper: int, type_text: str, binding: str | None, is_several: bool) -> Element:
    type_name, _, targets = type_text.partition(":")
    stem = None
    if name.endswith("[x]"):
        stem = name[:-3]
        spelled = "Quantity" if type_name == "SimpleQuantity" else type_name
        name = stem + spelled[0].upper() + spelled[1:]
    bound = value_set(binding) if binding else None
    kind, check = Kind.COMPLEX, None
    if type_name == "Resource":
        kind = Kind.RESOURCE
    elif type_name in CHECKS:
        kind, check = Kind.PRIMITIVE, CHECKS[type_name]
        if bound is not None and type_name != "boolean":
            check = coded(bound.name, bound.all_codes)
        elif binding:
            check = OPEN_CHECKS.get(binding.removeprefix(VALUE_SET_PREFIX), check)
    return Element(
        name,
        kind,
        type_name.removeprefix("@"),
        upper != 1,
        upper,
        stem,
        check,
        frozenset(targets.split("|")) if targets else None,
        bound,
    )
