"""The types of FHIR R4: their elements, what they inherit from, what they are called (R4, Data Types; Resource)."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import orjson

DATA: Final = Path(__file__).with_name("structures.json.gz")

# Each primitive type and what it specializes (R4, Data Types, figure 2).
PRIMITIVES: Final[Mapping[str, str]] = {
    "boolean": "Element", "integer": "Element", "string": "Element", "decimal": "Element", "uri": "Element",
    "base64Binary": "Element", "instant": "Element", "date": "Element", "dateTime": "Element", "time": "Element",
    "xhtml": "Element", "code": "string", "id": "string", "markdown": "string", "url": "uri", "canonical": "uri",
    "oid": "uri", "uuid": "uri", "positiveInt": "integer", "unsignedInt": "integer",
}  # fmt: skip
STRING_TYPES: Final = frozenset("string uri base64Binary xhtml code id markdown url canonical oid uuid".split())
_QUANTITIES: Final = frozenset("Age Count Distance Duration SimpleQuantity MoneyQuantity".split())
_BACKBONES: Final = frozenset("Timing Dosage ElementDefinition".split())
_PLAIN_RESOURCES: Final = frozenset("Bundle Parameters Binary".split())


@dataclass(frozen=True, slots=True)
class Child:
    """One element as JSON spells it. `beside` is the key of what stands with a primitive (`_birthDate`)."""

    key: str
    beside: str
    type: str
    is_list: bool
    is_primitive: bool
    is_resource: bool


@lru_cache(maxsize=1)
def definitions() -> Mapping[str, Any]:
    """Return the data file: `resources`, `types`, `structures`, `value_sets`."""
    content: Mapping[str, Any] = orjson.loads(gzip.decompress(DATA.read_bytes()))
    return content


@lru_cache(maxsize=1)
def resource_types() -> frozenset[str]:
    """Return the names of all R4 resource types.

    >>> len(resource_types()), "MedicinalProduct" in resource_types()
    (146, True)
    """
    return frozenset(definitions()["resources"])


@lru_cache(maxsize=1)
def data_types() -> frozenset[str]:
    """Return the names of all complex data types."""
    return frozenset(definitions()["types"])


_NOTHING: Final[Mapping[str, tuple[Child, ...]]] = {}
_EXTRA: Final[Mapping[str, Mapping[str, tuple[Child, ...]]]] = {
    # What `type()` answers (FHIRPath 2.0, Types and Reflection).
    "ClassInfo": {
        name: (Child(name, "_" + name, "string", is_list=False, is_primitive=True, is_resource=False),)
        for name in ("namespace", "name")
    },
}


@cache
def members(type_name: str) -> Mapping[str, tuple[Child, ...]]:
    """Return a type's elements by the name that paths use; a choice (`value`) has one child a type.

    An unknown type has none.

    >>> [c.key for c in members("Patient")["deceased"]], members("Nothing")
    (['deceasedBoolean', 'deceasedDateTime'], {})
    """
    extra = _EXTRA.get(type_name)
    if extra is not None:
        return extra
    source = "Quantity" if type_name in _QUANTITIES else type_name
    structure = definitions()["structures"].get(source)
    if structure is None:
        return members("Element") if type_name in PRIMITIVES else _NOTHING
    found: dict[str, tuple[Child, ...]] = {}
    for name, _lower, upper, types, _binding in structure["elements"]:
        stem = name.removesuffix("[x]")
        found[stem] = tuple(_child(stem, kind, is_list=upper != 1, is_choice=name != stem) for kind in types)
    return found


def _child(stem: str, written: str, *, is_list: bool, is_choice: bool) -> Child:
    kind = written.partition(":")[0].removeprefix("@")
    spelled = "Quantity" if kind == "SimpleQuantity" else kind
    key = stem + spelled[0].upper() + spelled[1:] if is_choice else stem
    return Child(key, "_" + key, kind, is_list, kind in PRIMITIVES, kind == "Resource")


@cache
def parent_of(type_name: str) -> str | None:
    """Return the type that a type specializes, None for the roots and for what is no type.

    >>> parent_of("Patient"), parent_of("Patient.contact"), parent_of("Age"), parent_of("code"), parent_of("Nothing")
    ('DomainResource', 'BackboneElement', 'Quantity', 'string', None)
    """
    if type_name in PRIMITIVES:
        return PRIMITIVES[type_name]
    if type_name in resource_types():
        return "Resource" if type_name in _PLAIN_RESOURCES else "DomainResource"
    if type_name == "DomainResource":
        return "Resource"
    if type_name in _QUANTITIES:
        return "Quantity"
    if "." in type_name or type_name in _BACKBONES:
        elements = {name for name, *_ in definitions()["structures"].get(type_name, {"elements": ()})["elements"]}
        return "BackboneElement" if "modifierExtension" in elements else "Element"
    if type_name == "BackboneElement" or type_name in data_types():
        return "Element"
    return None


@cache
def is_a(type_name: str, other: str) -> bool:
    """Whether a type is another or specializes it.

    >>> is_a("Patient", "Resource"), is_a("code", "string"), is_a("string", "code")
    (True, True, False)
    """
    current: str | None = type_name
    while current is not None:
        if current == other:
            return True
        current = parent_of(current)
    return False


@cache
def is_type(name: str) -> bool:
    """Whether R4 has a type of this name, abstract ones among them."""
    return name in ("Resource", "DomainResource", "Element", "BackboneElement") or (
        parent_of(name) is not None and ("." not in name or name in definitions()["structures"])
    )
